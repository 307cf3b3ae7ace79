"""`acs events`: subscribe, list, pause, dead letters, on a database without a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_on_disk import House

from acs.devices.news import News, NewsKind
from acs.events.signing import key_of
from acs.server import open_database
from acs.store import Database, events, subscribers
from acs.store.events import DeliveryState
from acs.store.news import add_thd

URL = "https://hub.example/hook"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "data")


@pytest.fixture
def database(house: House) -> Iterator[Database]:
    opened = open_database(house.settings)
    yield opened
    opened.dispose()


def one_dead(database: Database) -> int:
    database.run("news", add_thd, [News(NewsKind.DRIFT, 1e9, 0, "A-S1"), News("x", 1e9, 0, "b")])  # type: ignore[arg-type]
    database.run("derive", events.derive_thd, 1e9, 10)
    (dead, _other) = reversed(database.run("list", events.list_thd, 10))
    database.run(
        "settle", events.settle_thd, [dead.id], DeliveryState.DEAD, 1e9, attempts=12, error="no"
    )
    return dead.id


def test_a_secret_is_made_and_shown_once(house: House, database: Database) -> None:
    made = house.json("events", "subscribe", URL, "--kind", "device.*")
    assert len(key_of(made["secret"])) == 32
    assert (made["id"], made["url"], made["kinds"]) == (1, URL, ["device.*"])
    with database.read() as conn:
        (kept,) = subscribers.list_thd(conn)
    assert kept.secret == made["secret"]
    assert made["secret"] not in house.run("events", "list").output
    (listed,) = house.json("events", "list")["subscribers"]
    assert "secret" not in listed and listed["enabled"]


def test_a_secret_may_come_in_a_file_and_is_not_shown(house: House, database: Database) -> None:
    file = house.directory.parent / "secret"
    file.write_text(SECRET + "\n")
    done = house.run("events", "subscribe", URL, "--secret-file", str(file))
    assert (done.exit_code, SECRET in done.output) == (0, False)
    with database.read() as conn:
        assert subscribers.list_thd(conn)[0].secret == SECRET
    file.write_text("hunter2")
    refused = house.run("events", "subscribe", URL + "2", "--secret-file", str(file))
    assert refused.exit_code == 2
    assert "whsec_ and then" in refused.output and "hunter2" not in refused.output


def test_what_cannot_be_subscribed_is_refused_with_the_fix(house: House) -> None:
    outside = house.run("events", "subscribe", "http://192.0.32.8/x")
    assert (outside.exit_code, "--allow-http" in outside.output) == (2, True)
    assert house.run("events", "subscribe", "http://192.0.32.8/x", "--allow-http").exit_code == 0
    again = house.run("events", "subscribe", "http://192.0.32.8/x", "--allow-http")
    assert (again.exit_code, "is subscribed already" in again.output) == (1, True)
    typo = house.run("events", "subscribe", URL, "--kind", "devices.*")
    assert typo.exit_code == 0 and "nothing is told as 'devices.*'" in typo.stderr


def test_pause_resume_and_unsubscribe_by_id_or_url(house: House) -> None:
    house.run("events", "subscribe", URL)
    assert house.run("events", "pause", "1").exit_code == 0
    (listed,) = house.json("events", "list")["subscribers"]
    assert not listed["enabled"] and listed["reason"].startswith("by acs ")
    assert house.run("events", "resume", URL).exit_code == 0
    assert house.json("events", "list")["subscribers"][0]["enabled"]
    assert "nobody said yes" in house.run("events", "unsubscribe", "1").output
    assert house.run("events", "unsubscribe", "1", "--yes").exit_code == 0
    assert house.json("events", "list") == {"subscribers": []}
    unknown = house.run("events", "pause", "7")
    assert (unknown.exit_code, "acs events list" in unknown.output) == (1, True)


def test_dead_letters_are_listed_and_retried(house: House, database: Database) -> None:
    assert house.run("events", "dead").exit_code == 0
    house.run("events", "subscribe", URL)
    dead = one_dead(database)
    shown = house.run("events", "dead", "--json")
    assert shown.exit_code == 1, "something is not as it should be"
    (letter,) = json.loads(shown.stdout)["deliveries"]
    assert letter == {
        "id": dead,
        "subscriber": 1,
        "url": URL,
        "kind": "device.drift",
        "device": "A-S1",
        "happened": "2001-09-09T01:46:40.000Z",
        "state": "dead",
        "failed_tries": 12,
        "next_try": None,
        "ended": "2001-09-09T01:46:40.000Z",
        "error": "no",
    }
    assert len(house.json("events", "log")["deliveries"]) == 2
    assert house.run("events", "retry").exit_code == 2
    assert house.run("events", "retry", "99").exit_code == 1
    assert house.json("events", "retry", "--all") == {"retried": 1}
    assert house.run("events", "dead").exit_code == 0
