"""The duty that tells subscribers: what safety withholds, and what health says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_on_disk import House
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from acs.api import Metrics
from acs.devices.identity import Equipment
from acs.devices.news import News, NewsKind
from acs.devices.safety import Mode, Safety
from acs.devices.source import MirrorRow
from acs.events.retrying import Answer
from acs.profiles import Intent
from acs.server import open_database
from acs.server.events import Events
from acs.settings import EventsSettings
from acs.store import Database, equipment, events, subscribers
from acs.store.events import DeliveryState
from acs.store.news import add_thd
from acs.store.subscribers import Subscriber

HOST = "hub.example"
URL = f"https://{HOST}/webhook/private-path"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class AtOnce:
    """Queues without a thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, name: str, fn_thd: Callable[..., Any], *args: Any, **more: Any) -> Deferred[Any]:
        return succeed(self._database.run(name, fn_thd, *args, **more))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(House(tmp_path / "data").settings)
    opened.run("subscribe", subscribers.subscribe_thd, Subscriber(URL, SECRET, ("*",)))
    yield opened
    opened.dispose()


def duty(database: Database, safety: Safety) -> Events:
    queues: Any = AtOnce(database)
    return Events(EventsSettings(), safety, queues, Clock(), Metrics())


def happen(database: Database, at: float, **detail: str) -> None:
    database.run("news", add_thd, [News(NewsKind.ONLINE, at, 0, "A-S1", "EQP-1", detail=detail)])


def work(duty: Events) -> None:
    done = Deferred.fromCoroutine(duty.work())
    assert done.called


@pytest.mark.parametrize(
    ("safety", "why"),
    [
        (Safety(Mode.DRY_RUN), "safety.mode is dry-run"),
        (Safety(Mode.ALLOW_LIST, customers=("C-2",)), "not on the list"),
    ],
)
def test_what_may_not_leave_is_recorded_as_withheld(
    database: Database, safety: Safety, why: str
) -> None:
    happen(database, 1e9, customer="C-1")
    work(duty(database, safety))
    with database.read() as conn:
        (kept,) = events.list_thd(conn, 10)
    assert (kept.state, kept.attempts) == (DeliveryState.WITHHELD, 0)
    assert why in kept.error


def test_who_is_on_the_list_is_told_by_the_customer_of_the_equipment(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[dict[str, Any]] = []

    class Post:
        def __init__(self, _reactor: object, _timeout: float) -> None:
            pass

        async def post(self, _url: str, _headers: object, body: bytes, **_more: bool) -> Answer:
            sent.append(json.loads(body)["data"])
            return Answer(204)

    monkeypatch.setattr("acs.server.events.Sender", Post)
    row = MirrorRow(Equipment("EQP-1", customer="C-2"), Intent(), "", 1e9)
    database.run("mirror", equipment.store_thd, [row])
    happen(database, 1e9, customer="C-1")
    happen(database, 1e9)
    work(duty(database, Safety(Mode.ALLOW_LIST, customers=("C-2",))))
    with database.read() as conn:
        kept = [each.state for each in events.list_thd(conn, 10)]
    assert kept == [DeliveryState.DELIVERED, DeliveryState.WITHHELD]
    assert [each["customer"] for each in sent] == ["C-2"]


def test_health_names_hosts_only(database: Database) -> None:
    now = time.time()
    for _ in range(2):
        happen(database, now)
    database.run("derive", events.derive_thd, now - 4000, 10)
    dead, failing = (each.id for each in reversed(database.run("list", events.list_thd, 10)))
    again = now + 4000
    with database.begin() as conn:
        events.settle_thd(conn, [dead], DeliveryState.DEAD, now, error="HTTP 500")
        events.settle_thd(
            conn, [failing], DeliveryState.FAILING, now, attempts=5, next_at=again, error="no"
        )
    looking = duty(database, Safety())
    assert looking.health().detail == ""
    work(looking)
    part = looking.health()
    assert part.state == "degraded"
    assert part.detail == (
        "hub.example could not be told for an hour (acs events log); "
        "1 events were given up lately (acs events dead)"
    )
