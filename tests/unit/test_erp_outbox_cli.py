"""`acs erp outbox`: what waits, what was refused, and having it written or forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_on_disk import House

from acs.devices.outgoing import Outgoing, OutgoingSettled, OutgoingState
from acs.store import outbox

WAITS, REFUSED, TOLD = (f"equipment/EQP-{n}/facts" for n in (1, 2, 3))
ON = {
    "ACS_ERP_URL": "https://erp.example.net",
    "ACS_ERP_API_KEY": "demo-key",
    "ACS_ERP_API_SECRET": "demo-secret",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    made = House(Path(tmp_path_factory.mktemp("outbox")) / "data")
    made.matched_device()
    database = made.open()
    rows = [
        Outgoing(key, "facts", "Service Equipment", key.split("/")[1], b"{}", next_at=1e9)
        for key in (WAITS, REFUSED, TOLD)
    ]
    database.run("o", outbox.put_thd, rows, 1e9)
    ended = [
        OutgoingSettled(REFUSED, 1e9, OutgoingState.DEAD, "Value missing for Type"),
        OutgoingSettled(TOLD, 1e9, OutgoingState.DONE),
    ]
    database.run("o", outbox.settle_thd, ended, 1e9 + 1)
    database.dispose()
    return made


def test_what_is_not_done_is_listed_with_why(house: House) -> None:
    listed = house.json("erp", "outbox", code=1)
    assert listed["counts"] == {"waiting": 1, "doubted": 0, "done": 1, "dead": 1}
    assert [row["key"] for row in listed["rows"]] == [WAITS, REFUSED]
    assert listed["rows"][1]["error"] == "Value missing for Type"
    assert listed["notice"] is None
    shown = house.run("erp", "outbox", "--state", "done").output
    assert TOLD in shown
    assert REFUSED not in shown


@pytest.mark.parametrize(
    ("settings", "notice"),
    [
        ({"ACS_SAFETY_MODE": "dry-run"}, "withheld: safety.mode is dry-run"),
        ({"ACS_SAFETY_MODE": "allow-list"}, "withheld but for some: allow-list"),
        ({"ACS_ERP_WRITE_BACK": "false"}, "erp.write_back is false"),
    ],
)
def test_why_nothing_is_written_is_said(
    house: House, settings: dict[str, str], notice: str
) -> None:
    assert notice in house.run("erp", "outbox", **settings).output
    assert notice in house.run("erp", "status", **ON, **settings).output


def test_the_status_counts_them(house: House) -> None:
    assert "1 waiting, 1 dead" in house.run("erp", "status", **ON).output


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("retry",), 2, "Name one KEY, or give --all"),
        (("retry", WAITS, "--all"), 2, "Name one KEY, or give --all"),
        (("retry", TOLD), 1, "is not in the outbox, or is done"),
        (("retry", "equipment/EQP-9/facts"), 1, "is not in the outbox"),
        (("drop", "equipment/EQP-9/facts"), 1, "is not in the outbox"),
    ],
)
def test_what_cannot_be_done_is_said(
    house: House, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = house.run("erp", "outbox", *arguments)
    assert (ended.exit_code, said in ended.output) == (code, True), ended.output


def test_what_was_refused_is_written_again_and_what_nobody_needs_is_dropped(house: House) -> None:
    assert "1 row is written at once" in house.run("erp", "outbox", "retry", "--all").output
    assert house.run("erp", "outbox", "drop", WAITS).exit_code == 0
    listed = house.json("erp", "outbox")
    assert [(row["key"], row["state"], row["attempts"]) for row in listed["rows"]] == [
        (REFUSED, "waiting", 0)
    ]
