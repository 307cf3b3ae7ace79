"""A change in ERPNext is on the living device, proven, without anybody calling or waiting."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forked
import pytest
import requests
from acs_fixtures import StartAcs
from forked import erpnext_sim
from homes import Home, Site, new_home
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.record import Standing
from acs.devices.waking import Wake, WakeState
from acs.server.reacting import CHANGED, FITS
from acs.store import inbox, wakes
from acs.store.inbox import InboxRow, InboxState
from erp_bridge.signature import HEADER, sign
from simulators.erpnext.running import RunningSimulator, running_simulator

SECRET = "wh-secret-é-1"
DOCTYPES = ("Service Equipment", "Service Subscription")
BODY = '{"name": {{ doc.name|tojson }}, "modified": {{ doc.modified|tojson }}}'
KEY = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
ERP = {
    "ERP_API_KEY": "demo-key",
    "ERP_API_SECRET": "demo-secret",
    "ERP_WEBHOOK_SECRET": SECRET,
    # Whatever is known came by a look-up of a device, or by a webhook.
    "ERP_SWEEP_MINUTES": "0",
    "ERP_REFRESH_SECONDS": "3600",
    "ERP_NEGATIVE_TTL": "3600",
    "ERP_HOLD_SECONDS": "10",
    "CWMP_SESSIONS_PER_MINUTE": "1000",
}


@dataclass
class World:
    """A server that calls devices, and the site that sends it webhooks."""

    acs: RunningAcs
    erp: RunningSimulator

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.acs.port('api')}/hooks/erpnext"

    def hook(self, name: str, modified: str, doctype: str = "service-equipment") -> bool:
        """Tell of a document as the site would; whether it was new."""
        body = json.dumps({"name": name, "modified": modified, "event": "updated"}).encode()
        answer = requests.post(
            f"{self.api}/{doctype}",
            data=body,
            headers={HEADER: sign(SECRET, body)},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        is_new: bool = answer.json()["new"]
        return is_new

    def rows(self, name: str) -> list[InboxRow]:
        with self.acs.database.read() as connection:
            return [row for row in inbox.recent_thd(connection) if row.name == name]

    def settled(self, name: str) -> list[InboxRow]:
        """Its rows, once none of them waits."""

        def look() -> list[InboxRow]:
            rows = self.rows(name)
            return [] if any(row.state is InboxState.WAITING for row in rows) else rows

        return wait_for(f"{name} to be worked off", look)

    def wake(self, device_id: int) -> Wake | None:
        with self.acs.database.read() as connection:
            return wakes.get_thd(connection, device_id)

    def woken(self, device_id: int) -> Wake:
        """Its wake, once it has called."""

        def look() -> Wake | None:
            wake = self.wake(device_id)
            return wake if wake is not None and wake.state is WakeState.WOKEN else None

        return wait_for("the device to be woken", look)

    def lists(self) -> int:
        """How often the site was asked for a list."""
        asked = self.erp.state()["statistics"]["routes"]
        return sum(count for route, count in asked.items() if "list" in route.split()[0])


@pytest.fixture(scope="module")
def world(start_acs: StartAcs) -> Iterator[World]:
    with running_simulator("--time-scale", "0.1", start=erpnext_sim) as erp:
        acs = start_acs(ERP_URL=erp.url, WAKEUP_ENABLED="true", WAKEUP_OWN_ACCOUNTS="true", **ERP)
        world = World(acs, erp)
        for doctype in DOCTYPES:
            Site(erp.url).add(
                "Webhook",
                name=doctype,
                enabled=1,
                webhook_doctype=doctype,
                webhook_docevent="on_update",
                request_url=f"{world.api}/{doctype.lower().replace(' ', '-')}",
                request_structure="JSON",
                webhook_json=BODY,
                enable_security=1,
                webhook_secret=SECRET,
            )
        yield world


@pytest.fixture
def home(world: World) -> Home:
    return new_home(world.acs, world.erp.url)


class Unit:
    """The ONT of a home in a process of its own: it can be called, and calls by itself at times."""

    def __init__(self, home: Home, folder: Path) -> None:
        self._home = home
        self._folder = folder

    def shows(self, path: str) -> str:
        """What it really holds, as it was after its last session."""
        found = [json.loads(file.read_text()) for file in self._folder.glob("*.json")]
        return str(found[0]["tree"]["values"].get(path, "")) if found else ""

    def stands(self, standing: Standing) -> Any:
        def look() -> Any:
            device = self._home.acs.find(self._home.serial)
            return device if device is not None and device.standing is standing else None

        return wait_for(f"the ONT to be {standing}", look)


@contextmanager
def living(home: Home) -> Iterator[Unit]:
    arguments = {
        "--acs": home.acs.url,
        "--model": home.model,
        "--serial": home.serial,
        "--mac": home.mac,
        "--username": BOOTSTRAP[0],
        # What was written is proven by the next call, whatever that is for.
        "--periodic": "500",
        "--time-scale": "0.001",
        "--listen": "127.0.0.1",
    }
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said:
        process = forked.start(
            "cpe-sim",
            *("run", "--state-dir", folder),
            *(word for pair in arguments.items() for word in pair),
            env={**os.environ, "CPE_SIM_PASSWORD": BOOTSTRAP[1]},
            stdout=said,
            stderr=said,
        )
        try:
            yield Unit(home, Path(folder))
        finally:
            process.terminate()
            process.wait(30)


def test_a_changed_password_is_on_the_device_and_proven(world: World, home: Home) -> None:
    home.scan()
    with living(home) as unit:
        before = unit.stands(Standing.LIVE)
        proof = world.acs.proof(before)
        home.change(wifi_password="Nouvelle-neige-9")
        wait_for(
            "the new password on the device",
            lambda: unit.shows(KEY) == "Nouvelle-neige-9",
        )
        assert world.woken(before.id).reason == CHANGED
        wait_for("its proof", lambda: world.acs.proof(before) != proof)
        assert unit.stands(Standing.LIVE).wish != before.wish
        assert {row.state for row in world.settled(home.equipment)} <= {
            InboxState.DONE,
            InboxState.MERGED,
        }
        # A field that means nothing to the device is no reason to call it.
        wake = world.wake(before.id)
        home.change(model="XX530v")
        assert wait_for("the webhook", lambda: len(world.settled(home.equipment)) > 1)
        assert world.wake(before.id) == wake


def test_a_scan_after_the_first_contact_needs_no_hand(world: World, home: Home) -> None:
    with living(home) as unit:
        device = unit.stands(Standing.QUARANTINED)
        home.scan_by_mac(mac_address=home.mac)
        unit.stands(Standing.LIVE)
        assert unit.shows(KEY) == home.key
        # Nobody gave it an account by which it would believe us yet; it is asked all the same.
        wake = world.wake(device.id)
        assert wake is not None
        assert wake.reason == FITS


def test_a_subscription_that_ends_is_equipment_that_changes(world: World, home: Home) -> None:
    address = {"customer": "Jean Tremblay", "address_line": "1 rue des Ormes"}
    home.site.add("Service Location", name=f"LOC-{home.number}", **address)
    home.scan(service_location=f"LOC-{home.number}")
    subscription = {"name": f"SUB-{home.number}", "service_location": f"LOC-{home.number}"}
    assert home.call().end
    had = home.mirrored()
    home.site.add(
        "Service Subscription",
        **subscription,
        customer="Jean Tremblay",
        status="Suspendu",
        service_category="Internet",
        monthly_price=50,
    )
    wait_for("the mirror", lambda: home.mirrored().digest != had.digest)


def test_what_comes_while_the_site_is_away_is_worked_off_when_it_is_back(
    world: World, home: Home
) -> None:
    home.scan()
    world.settled(home.equipment)
    world.erp.order("drop", count=2)  # a question, and the same once more
    world.hook(home.equipment, "2030-01-01 00:00:00.000001")
    wait_for("the question in vain", lambda: "webhooks wait" in world.acs.log)
    last = world.settled(home.equipment)[0]
    assert (last.state, last.attempts) == (InboxState.DONE, 1)


def test_webhooks_that_are_doubled_and_mixed_are_read_once_at_most_and_double_nothing(
    world: World, home: Home
) -> None:
    home.scan()
    home.settle_in()
    world.settled(home.equipment)
    device, proof = home.device, world.acs.proof(home.device)
    wake = world.wake(device.id)
    asked_at = wake.asked_at if wake is not None else None
    before = world.lists()
    stamps = [f"2030-01-01 00:00:0{n}.000001" for n in (3, 1, 2)]
    assert [world.hook(home.equipment, stamp) for stamp in stamps * 3] == [True] * 3 + [False] * 6
    world.settled(home.equipment)
    # A reading is: who stands at its place, itself, what else is there.
    assert world.lists() - before <= 3 * len(stamps)
    late = world.hook(home.equipment, "2001-01-01 00:00:00.000001")
    assert late
    asked = world.lists()
    world.settled(home.equipment)
    assert world.lists() == asked
    assert (home.device, world.acs.proof(home.device)) == (device, proof)
    wake = world.wake(device.id)
    assert (wake.asked_at if wake is not None else None) == asked_at
