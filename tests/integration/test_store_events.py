"""Who is told what, in which order, and what is kept of it; both databases."""

from __future__ import annotations

import pytest

from acs.devices.news import News, NewsKind
from acs.events.retrying import HOLDING
from acs.events.signing import new_secret
from acs.store import Database, events, subscribers
from acs.store.events import DeliveryState
from acs.store.news import add_thd
from acs.store.subscribers import Subscriber

SECRET = new_secret(lambda size: bytes(range(size)))
URL = "https://hub.example/hook"


def happen(database: Database, *kinds: str, at: float = 1000.0) -> None:
    some = [News(kind, at, 0, f"A-S{n}") for n, kind in enumerate(kinds)]  # type: ignore[arg-type]
    database.run("news", add_thd, some)
    database.run("derive", events.derive_thd, 1000.0, 100)


def subscribe(database: Database, url: str = URL, *kinds: str) -> int:
    new = Subscriber(url, SECRET, kinds or ("*",), created_at=900.0, created_by="me")
    made = database.run("subscribe", subscribers.subscribe_thd, new)
    assert made is not None
    return made.id


def due(database: Database, subscriber_id: int, now: float = 1000.0) -> list[str]:
    found = database.run("due", events.due_thd, subscriber_id, now, 10)
    assert found is not None
    return [delivery.news.subject for delivery in found[1]]


def ids(database: Database, subscriber_id: int, now: float = 1000.0) -> list[int]:
    found = database.run("due", events.due_thd, subscriber_id, now, 10)
    return [delivery.id for delivery in found[1]] if found else []


def settle(
    database: Database, delivery_id: int, state: DeliveryState, attempts: int = 0, at: float = 0.0
) -> None:
    with database.begin() as conn:
        events.settle_thd(
            conn, [delivery_id], state, 1000.0, attempts=attempts, next_at=at, error="HTTP 500"
        )


def test_a_subscriber_is_kept_with_its_secret_sealed(database: Database) -> None:
    made = subscribe(database, URL, "device.*", "order.done")
    with database.read() as conn:
        found = subscribers.find_thd(conn, URL)
        assert found == Subscriber(
            URL, SECRET, ("device.*", "order.done"), created_at=900.0, created_by="me", id=made
        )
        blob = conn.exec_driver_sql("SELECT secret FROM event_subscribers").scalar()
        assert SECRET.encode() not in bytes(blob)  # type: ignore[arg-type]
        assert SECRET not in repr(found)
    again = Subscriber(URL, SECRET, ("*",))
    assert database.run("subscribe", subscribers.subscribe_thd, again) is None


def test_each_who_wants_a_kind_is_told_each_piece_once_in_order(database: Database) -> None:
    one, other = subscribe(database), subscribe(database, "https://b.example/", "device.fau*")
    happen(database, NewsKind.ONLINE, NewsKind.FAULTED, "order.done")
    assert database.run("derive", events.derive_thd, 1001.0, 100) == 0, "all was read"
    assert due(database, one) == ["A-S0", "A-S1", "A-S2"]
    assert due(database, other) == ["A-S1"]
    with database.read() as conn:
        assert sorted(events.ready_thd(conn, 1000.0)) == [one, other]


def test_a_failing_delivery_holds_newer_ones_for_its_first_tries_only(database: Database) -> None:
    who = subscribe(database)
    happen(database, *[NewsKind.ONLINE] * 3)
    first = ids(database, who)[0]
    for tried in range(1, HOLDING):
        settle(database, first, DeliveryState.FAILING, tried, at=1100.0)
        assert due(database, who) == [], "order is kept"
        assert due(database, who, 1100.0) == ["A-S0", "A-S1", "A-S2"]
    settle(database, first, DeliveryState.FAILING, HOLDING, at=1100.0)
    assert due(database, who) == ["A-S1", "A-S2"], "the others go past it"
    database.run("hasten", events.hasten_thd, who, 1000.0)
    assert due(database, who) == ["A-S0", "A-S1", "A-S2"]


def test_one_that_holds_its_own_holds_nobody_elses(database: Database) -> None:
    one, other = subscribe(database), subscribe(database, "https://b.example/")
    happen(database, NewsKind.ONLINE)
    settle(database, ids(database, one)[0], DeliveryState.FAILING, 1, at=1100.0)
    with database.read() as conn:
        assert events.ready_thd(conn, 1000.0) == [other]


def test_a_paused_subscriber_is_told_later_what_happened_meanwhile(database: Database) -> None:
    who = subscribe(database)
    database.run("pause", subscribers.enable_thd, who, enabled=False, reason="HTTP 410")
    happen(database, NewsKind.ONLINE)
    with database.read() as conn:
        assert events.ready_thd(conn, 1000.0) == []
        assert events.due_thd(conn, who, 1000.0, 10) is None
        assert events.figures_thd(conn, 0.0, 2000.0).oldest_open_at == 0.0
        paused = subscribers.get_thd(conn, who)
    assert paused is not None and (paused.enabled, paused.reason) == (False, "HTTP 410")
    database.run("resume", subscribers.enable_thd, who, enabled=True)
    assert due(database, who) == ["A-S0"]


@pytest.mark.parametrize("by_id", [True, False])
def test_a_dead_letter_is_listed_counted_and_can_be_tried_again(
    database: Database, by_id: bool
) -> None:
    who = subscribe(database)
    happen(database, NewsKind.ONLINE, NewsKind.DRIFT)
    dead, fine = ids(database, who)
    settle(database, dead, DeliveryState.DEAD, 12)
    settle(database, fine, DeliveryState.DELIVERED)
    with database.read() as conn:
        (letter,) = events.list_thd(conn, 10, DeliveryState.DEAD)
        assert [each.id for each in events.list_thd(conn, 10)] == [fine, dead]
        figures = events.figures_thd(conn, 1000.0, 0.0)
    assert (letter.kind, letter.attempts, letter.error) == ("device.online", 12, "HTTP 500")
    assert (figures.dead, figures.died_lately, figures.open) == (1, 1, 0)
    assert database.run("retry", events.retry_thd, 1000.0, dead if by_id else None) == 1
    assert due(database, who) == ["A-S0"]
    assert database.run("retry", events.retry_thd, 1000.0, fine) == 0, "it was delivered"


def test_figures_name_who_could_not_be_told_for_long(database: Database) -> None:
    who = subscribe(database)
    happen(database, *[NewsKind.ONLINE] * 2)
    settle(database, ids(database, who)[0], DeliveryState.FAILING, 3, at=1100.0)
    with database.read() as conn:
        early = events.figures_thd(conn, 0.0, 1000.0)
        late = events.figures_thd(conn, 0.0, 1000.1)
        counts = events.counts_thd(conn)
    assert early.troubles == ()
    (trouble,) = late.troubles
    assert trouble == events.Trouble(URL, 1, 1000.0, "HTTP 500")
    assert (late.open, late.oldest_open_at) == (2, 1000.0)
    assert counts == {who: {DeliveryState.WAITING: 1, DeliveryState.FAILING: 1}}


def test_old_news_goes_with_its_deliveries(database: Database) -> None:
    who = subscribe(database)
    happen(database, NewsKind.ONLINE, at=10.0)
    happen(database, NewsKind.DRIFT, at=1000.0)
    assert database.run("prune", events.prune_thd, 500.0, 100) == 1
    with database.read() as conn:
        assert [each.kind for each in events.list_thd(conn, 10)] == ["device.drift"]
    database.run("unsubscribe", subscribers.unsubscribe_thd, who)
    with database.read() as conn:
        assert events.list_thd(conn, 10) == []
