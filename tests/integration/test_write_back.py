"""What devices show goes to the stand-in of ERPNext, whatever befalls the writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from acs_fixtures import ERP_SETTINGS, StartAcs
from forked import erpnext_sim
from homes import Home, new_home
from running_acs import RunningAcs, wait_for

from acs.devices.outgoing import Outgoing, OutgoingState
from acs.model import Secret
from acs.store import outbox
from erp_bridge.client import ErpClient
from erp_bridge.outbox.delivery import already, change_many
from simulators.erpnext.running import RunningSimulator, running_simulator

EQUIPMENT = "Service Equipment"


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSimulator]:
    with running_simulator(start=erpnext_sim) as running:
        yield running


@pytest.fixture(scope="module")
def writing(start_acs: StartAcs, site: RunningSimulator) -> RunningAcs:
    return start_acs(ERP_URL=site.url, **ERP_SETTINGS)


@pytest.fixture
def house(writing: RunningAcs, site: RunningSimulator) -> Home:
    return new_home(writing, site.url)


def document(site: RunningSimulator, doctype: str, name: str) -> dict[str, Any]:
    answer = requests.get(
        f"{site.url}/api/resource/{doctype}/{name}",
        headers={"Authorization": "token setup-key:setup-secret"},
        timeout=30,
    )
    found: dict[str, Any] = answer.json()["data"]
    return found


def key_of(home: Home, kind: str = "facts") -> str:
    return f"equipment/{home.equipment}/{kind}"


def row(home: Home, kind: str = "facts") -> Outgoing | None:
    with home.acs.database.read() as conn:
        return outbox.of_thd(conn, [key_of(home, kind)]).get(key_of(home, kind))


def hasten(home: Home, kind: str = "facts") -> None:
    """Have what was recorded written without waiting for more of the same equipment."""
    wait_for("the row", lambda: row(home, kind))
    home.acs.database.run("test", outbox.retry_thd, key_of(home, kind), time.time())


def written(site: RunningSimulator, home: Home) -> dict[str, Any]:
    """The equipment, once its proof is there."""

    def look() -> dict[str, Any] | None:
        hasten(home)
        found = document(site, EQUIPMENT, home.equipment)
        return found if found.get("provisioning_status") == "live" else None

    return wait_for("the proof in ERPNext", look)


def test_a_device_that_becomes_live_is_proven_in_erpnext_and_on_its_job(
    house: Home, site: RunningSimulator
) -> None:
    house.site.add(
        "Customer",
        customer_name=f"C{house.number}",
        customer_type="Individual",
        customer_group="Individual",
        territory="Canada",
    )
    location, job = f"LOC-W{house.number}", f"FT-W{house.number}"
    house.site.add(
        "Service Location",
        name=location,
        customer=f"C{house.number}",
        address_line="12 rue Principale",
    )
    house.site.add(
        "Dispatch Job",
        name=job,
        service_location=location,
        job_type="Installation",
        status="In Progress",
    )
    house.scan(service_location=location)
    house.settle_in()
    found = written(site, house)
    device = house.device
    assert found["firmware_version"] == device.software
    assert found["ip_address"] == device.address
    assert "parameters proven 20" in found["provisioning_note"]
    assert house.key not in str(found)
    assert found["last_seen"] <= document(site, EQUIPMENT, house.equipment)["modified"]

    hasten(house, "installation")
    proof = wait_for(
        "the proof on the job", lambda: document(site, "Dispatch Job", job).get("acs_proof")
    )
    assert house.equipment in proof
    assert document(site, "Dispatch Job", job)["acs_proven_on"] == found["provisioned_on"]
    # The mirror knows the document as our own write left it.
    assert (
        house.mirrored().equipment.modified
        == document(site, EQUIPMENT, house.equipment)["modified"]
    )


def test_an_error_page_after_saving_is_recognised_and_nothing_is_written_twice(
    house: Home, site: RunningSimulator
) -> None:
    house.scan()
    site.order("500html", match=f"PUT /api/resource/{EQUIPMENT}/{house.equipment}", count=1)
    house.settle_in()
    found = written(site, house)
    assert site.state()["faults"] == [], "it was hit"

    def settled() -> bool:
        seen = row(house)
        return seen is not None and seen.state is OutgoingState.DONE

    wait_for("the read-back", settled)
    assert document(site, EQUIPMENT, house.equipment)["modified"] == found["modified"]


def test_what_happened_while_erpnext_was_away_is_written_when_it_is_back(
    house: Home, site: RunningSimulator
) -> None:
    house.scan()
    house.call()
    # Writes fail, look-ups do not: the device is served, and nothing of it is lost.
    site.order("500json", match="PUT /api/resource")
    house.call()
    hasten(house)

    def tried() -> bool:
        seen = row(house)
        return seen is not None and seen.attempts > 0 and seen.state is OutgoingState.WAITING

    wait_for("an attempt", tried)
    assert not document(site, EQUIPMENT, house.equipment).get("provisioning_status")
    site.clear_faults()
    written(site, house)


def test_many_rows_go_by_the_server_script_and_leave_modified_alone(
    writing: RunningAcs, site: RunningSimulator
) -> None:
    homes = [new_home(writing, site.url) for _ in range(2)]
    for home in homes:
        home.scan()
    before = [document(site, EQUIPMENT, home.equipment)["modified"] for home in homes]
    client = ErpClient(site.url, "demo-key", Secret("demo-secret"))
    fields = {"provisioning_status": "live", "optical_rx_dbm": -18.2}
    names = [home.equipment for home in homes]
    asked = [(EQUIPMENT, name, fields) for name in (*names, "EQP-NONE")]
    errors = change_many(client, "acs_write_back", asked)
    assert [errors[name] for name in names] == ["", ""]
    assert "EQP-NONE" in errors["EQP-NONE"]
    modified, done = already(client, EQUIPMENT, dict.fromkeys(names, fields))
    assert done == set(names)
    assert list(modified.values()) == before
    client.close()
