"""`acs erp status`: how fresh the mirror is, by what the sweeps kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_on_disk import House

from acs.server import open_database
from acs.server.sweeping import NOTE, keep_thd, progress_thd
from acs.store import inbox
from acs.store.inbox import Arrival, InboxState, Settled
from acs.store.notes import leave_note_thd
from erp_bridge.progress import Cut, Done, Place, Progress

URL = {
    "ACS_ERP_URL": "https://erp.example.net",
    "ACS_ERP_API_KEY": "demo-key",
    "ACS_ERP_API_SECRET": "demo-secret",
}
LAST = Done(full=False, began_at=1e9, ended_at=1e9 + 4, listed=80, changed=7, unread=1, gone=0)
KEPT = Progress(
    zone="America/Toronto",
    mark="2026-11-22 07:00:00.015000",
    sure_at=1e9,
    full_at=1e9 - 3600,
    last=LAST,
    cut=Cut(full=True, began_at=1e9 + 60, after=Place("2026-11-21 07:00:00", "E"), listed=500),
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "data")
    made.matched_device()
    return made


def keep(house: House, progress: Progress) -> None:
    database = open_database(house.settings)
    database.run("sweep", keep_thd, (), {}, (), progress)
    database.dispose()


def test_the_sweeps_are_shown_for_machines(house: House) -> None:
    keep(house, KEPT)
    assert house.json("erp", "status", **URL) == {
        "mirrored": 1,
        "mark": "2026-11-22 07:00:00.015000",
        "time_zone": "America/Toronto",
        "fresh_as_of": "2001-09-09T01:46:40.000Z",
        "last_full_sweep": "2001-09-09T00:46:40.000Z",
        "last_sweep": {
            "full": False,
            "began": "2001-09-09T01:46:40.000Z",
            "listed": 80,
            "changed": 7,
            "unreadable": 1,
            "gone": 0,
            "ended": "2001-09-09T01:46:44.000Z",
            "rows_per_second": 20.0,
        },
        "under_way": {
            "full": True,
            "began": "2001-09-09T01:47:40.000Z",
            "listed": 500,
            "changed": 0,
            "unreadable": 0,
            "gone": 0,
        },
        "alarm": None,
        "last_webhook": None,
        "inbox": {"waiting": 0, "merged": 0, "done": 0, "failed": 0},
        "outbox": {"waiting": 0, "doubted": 0, "done": 0, "dead": 0},
    }


def test_and_for_people(house: House) -> None:
    keep(house, KEPT)
    shown = house.run("erp", "status", **URL)
    assert shown.exit_code == 0
    assert "80 listed, 7 changed, 1 unreadable, 20 rows/s" in shown.stdout
    assert "full: 500 listed" in shown.stdout
    assert "every 10 min" in shown.stdout


def test_an_alarm_is_shown_and_ends_with_1(house: House) -> None:
    keep(house, Progress(alarm="ERPNext lists no equipment at all"))
    shown = house.run("erp", "status", **URL)
    assert shown.exit_code == 1
    assert "no equipment at all" in shown.stdout


def test_without_a_sweep_there_is_little_to_tell(house: House) -> None:
    shown = house.json("erp", "status", **URL)
    assert shown["mirrored"] == 1
    assert shown["last_sweep"] is None


def test_without_erpnext_the_setting_is_named(house: House) -> None:
    shown = house.run("erp", "status")
    assert shown.exit_code != 0
    assert "erp.url" in shown.stderr


def test_a_note_that_cannot_be_read_is_as_if_there_were_none(house: House) -> None:
    database = open_database(house.settings)
    database.run("note", leave_note_thd, NOTE, b'{"mark": 7}')
    assert database.run("sweep", progress_thd) == Progress()
    database.dispose()


# --- webhooks ---------------------------------------------------------------------------------


def test_the_inbox_shows_what_failed_and_why_until_it_is_tried_again(house: House) -> None:
    database = open_database(house.settings)
    arrivals = [Arrival("erpnext", name, "Service Equipment", name) for name in ("E-1", "E-2")]
    database.run("add", inbox.add_thd, arrivals, 1e9)
    [bad, _] = database.run("waiting", inbox.waiting_thd, 1e9, 10)
    ended = [Settled(bad.id, InboxState.FAILED, "E-1: its password is asterisks")]
    database.run("settle", inbox.settle_thd, ended, 1e9)
    database.dispose()

    shown = house.run("erp", "inbox", **URL)
    assert shown.exit_code == 1
    assert "its password is asterisks" in " ".join(shown.stdout.split())
    failed = house.run("erp", "inbox", "--state", "failed", "--json", **URL)
    [row] = json.loads(failed.stdout)["rows"]
    assert (row["name"], row["tries"]) == ("E-1", 1)
    status = house.run("erp", "status", **URL).stdout
    assert "1 waiting, 1 failed" in status
    assert "25 reads and 10 writes a second" in status

    assert house.run("erp", "inbox", "retry", str(bad.id), **URL).exit_code == 0
    assert house.json("erp", "inbox", **URL)["counts"] == {
        "waiting": 2,
        "merged": 0,
        "done": 0,
        "failed": 0,
    }
    assert house.run("erp", "inbox", "retry", "999", **URL).exit_code == 1
    assert "0 documents" in house.run("erp", "inbox", "retry", "--all", **URL).stdout
