"""Customers' cards from the stand-in ERPNext in a process of its own, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from homes import Home
from running_acs import RunningAcs

from acs.model import Secret
from erp_bridge.check import findings
from erp_bridge.client import ErpClient
from erp_bridge.customer import CustomerCard, read_card
from erp_bridge.errors import ErpUnavailable
from erp_bridge.mapping import load
from erp_bridge.schema import Finding, Level
from simulators.erpnext.running import RunningSimulator


@pytest.fixture
def client(erpnext: RunningSimulator) -> Iterator[ErpClient]:
    made = ErpClient(erpnext.url, "demo-key", Secret("demo-secret"), timeout=20, retries=0)
    yield made
    made.close()


def test_a_demonstration_customer_has_a_card(client: ErpClient) -> None:
    assert read_card(client, load(), "Marie-Ève Gagnon") == CustomerCard(
        "Marie-Ève Gagnon", "Marie-Ève Gagnon", "+14505550102", "me.gagnon@exemple.test"
    )
    assert read_card(client, load(), "Marie-Eve Gagnon d'ailleurs") is None


def test_doctor_finds_the_fields_of_customers(client: ErpClient) -> None:
    assert Finding(Level.OK, "Customer has all mapped fields") in findings(client, load())


def test_a_site_that_answers_too_late_is_unavailable(erpnext: RunningSimulator) -> None:
    hasty = ErpClient(erpnext.url, "demo-key", Secret("demo-secret"), timeout=0.2, retries=0)
    erpnext.order("slow", match="/Customer/", delay=2)
    try:
        with pytest.raises(ErpUnavailable, match="did not answer"):
            read_card(hasty, load(), "Jean Tremblay")
    finally:
        erpnext.clear_faults()
        hasty.close()


def test_the_command_shows_the_customer_of_a_served_device(
    live_acs: RunningAcs, home: Home
) -> None:
    home.scan(customer="Boulangerie Lévesque inc.")
    home.settle_in()
    ended = live_acs.command("device", "show", home.serial, "--customer")
    assert ended.returncode == 0, ended
    for text in ("Boulangerie Lévesque", "+14505550103", "comptabilite@boulangerie-levesque.test"):
        assert text in ended.stdout
    # Personal data of a look stay out of what is kept.
    assert "+14505550103" not in live_acs.log
