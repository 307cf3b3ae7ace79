"""The running server fills its mirror ahead: devices that call meet ERPNext no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from acs_fixtures import StartAcs
from homes import Site
from raw_cpe import RawCpe
from running_acs import RunningAcs, wait_for

from acs.devices.source import MirrorRow
from acs.store import equipment
from simulators.erpnext.running import RunningSimulator, running_simulator
from simulators.erpnext.seeding import bulk_serial

EQUIPMENT = 1000
CONTACTS = 200
ERP = {
    "ERP_API_KEY": "demo-key",
    "ERP_API_SECRET": "demo-secret",
    "ERP_HOLD_SECONDS": "10",
    "ERP_SWEEP_MINUTES": "60",
    "ERP_REFRESH_SECONDS": "3600",
}


@pytest.fixture(scope="module")
def site() -> Iterator[RunningSimulator]:
    with running_simulator("--customers", str(EQUIPMENT)) as running:
        yield running


@pytest.fixture(scope="module")
def swept(start_acs: StartAcs, site: RunningSimulator) -> RunningAcs:
    """A server after its first sweep."""
    acs = start_acs(ERP_URL=site.url, **ERP)
    wait_for("the first sweep", lambda: acs.metric('acs_erp_sweeps_total{result="done"}'))
    return acs


def queries(site: RunningSimulator) -> int:
    return sum(site.state()["statistics"]["lookups"].values())


def mirrored(acs: RunningAcs) -> int:
    with acs.database.read() as connection:
        return equipment.size_thd(connection)


def row(acs: RunningAcs, name: str) -> MirrorRow:
    with acs.database.read() as connection:
        return equipment.wish_thd(connection, [name])[name]


def erpnext_part(acs: RunningAcs) -> dict[str, str]:
    part: dict[str, str] = acs.health()["parts"]["erpnext"]
    return part


def call(acs: RunningAcs, serial: str) -> None:
    """Call for the first time."""
    cpe = RawCpe(acs.port(), serial)
    assert cpe.open("0 BOOTSTRAP", "1 BOOT").name == "InformResponse"
    assert cpe.finish(cpe.post())[-1].status == 204
    cpe.close()


def test_first_contacts_after_a_sweep_ask_erpnext_nothing(
    swept: RunningAcs, site: RunningSimulator
) -> None:
    assert mirrored(swept) >= EQUIPMENT
    # Per 500 equipments one list of them and of their subscriptions, and one call for passwords;
    # and a look at whether there are subscriptions, what the newest is, and whose profile a box
    # without one may have.
    assert queries(site) <= 4 * (EQUIPMENT // 500 + 1) + 1
    before = queries(site)
    for n in range(1, CONTACTS + 1):
        call(swept, bulk_serial(n))
    assert queries(site) == before
    assert swept.device(bulk_serial(CONTACTS)).equipment == f"EQP-{100_000 + CONTACTS}"


def test_a_change_is_swept_in_and_an_empty_list_forgets_nothing(
    swept: RunningAcs, site: RunningSimulator
) -> None:
    swept.restart(ERP_SWEEP_MINUTES="0.01", ERP_FULL_SWEEP_HOURS="0.00001")
    Site(site.url).change("Service Equipment", "EQP-100321", wifi_ssid="Nouveau nom")
    wait_for("the change", lambda: row(swept, "EQP-100321").intent.wifi[0].ssid == "Nouveau nom")

    had = mirrored(swept)
    site.order("empty")
    wait_for("the alarm", lambda: "no equipment at all" in erpnext_part(swept)["detail"])
    assert erpnext_part(swept)["state"] == "degraded"
    assert mirrored(swept) == had
    assert "sweep doubted" in swept.log
