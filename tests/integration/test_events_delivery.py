"""A real server tells a subscriber what happened: signed, in order, once, whatever fails."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from acs_fixtures import NewCpe, StartAcs
from event_receiver import EventReceiver, event_receiver
from running_acs import RunningAcs, wait_for

from acs.devices.news import News, NewsKind
from acs.events.signing import new_secret
from acs.store import events, subscribers
from acs.store.events import DeliveryState, Listed
from acs.store.news import add_thd
from acs.store.subscribers import Subscriber

SECRET = new_secret(lambda size: b"\x5a" * size)


@pytest.fixture(scope="module")
def acs(start_acs: StartAcs) -> RunningAcs:
    """A server that gives up after two tries, so that a test sees a dead letter."""
    return start_acs(EVENTS_ATTEMPTS="2", EVENTS_TIMEOUT="5")


@pytest.fixture
def receiver(acs: RunningAcs) -> Iterator[EventReceiver]:
    """A subscriber of all that happens in its test."""
    with event_receiver() as made:
        made.secret = SECRET
        new = Subscriber(made.url, SECRET, ("device.*",), created_at=time.time())
        kept = acs.database.run("subscribe", subscribers.subscribe_thd, new)
        assert kept is not None
        yield made
        acs.database.run("unsubscribe", subscribers.unsubscribe_thd, kept.id)


def happen(acs: RunningAcs, *names: str, kind: NewsKind = NewsKind.FAULTED) -> None:
    detail = {"serial_number": "S1", "customer": "CUST-1"}
    some = [News(kind, time.time(), 0, name, "EQP-1", "It failed.", detail) for name in names]
    acs.database.run("news", add_thd, some)


def deliveries(acs: RunningAcs, *names: str) -> list[Listed]:
    with acs.database.read() as conn:
        found = events.list_thd(conn, 100)
    return [each for each in reversed(found) if each.subject in names]


def await_state(acs: RunningAcs, name: str, state: DeliveryState) -> Listed:
    def look() -> Listed | None:
        return next((each for each in deliveries(acs, name) if each.state is state), None)

    found: Listed = wait_for(f"{name} to be {state}", look)
    return found


def hasten(acs: RunningAcs) -> None:
    """Spare the pause that was planned."""
    with acs.database.begin() as conn:
        for each in subscribers.list_thd(conn):
            events.hasten_thd(conn, each.id, time.time())


def test_news_is_delivered_once_signed_and_in_order(
    acs: RunningAcs, receiver: EventReceiver
) -> None:
    happen(acs, "A-1", "A-2", "A-3")
    got = receiver.wait(3)
    assert [each.device for each in got] == ["A-1", "A-2", "A-3"]
    assert len({each.id for each in got}) == 3
    assert got[0].event["type"] == "device.faulted"
    assert got[0].event["data"] == {
        "device": "A-1",
        "equipment": "EQP-1",
        "serial_number": "S1",
        "customer": "CUST-1",
        "text": "It failed.",
        "detail": {},
    }
    await_state(acs, "A-3", DeliveryState.DELIVERED)
    assert (len(receiver.received), receiver.wrong) == (3, [])


def test_order_is_kept_and_the_id_the_same_when_a_try_fails(
    acs: RunningAcs, receiver: EventReceiver
) -> None:
    receiver.answer(503, b"busy", Retry_After="3600")
    happen(acs, "B-1", "B-2")
    failing = await_state(acs, "B-1", DeliveryState.FAILING)
    assert failing.error == "HTTP 503: busy"
    assert failing.next_at > time.time() + 3000, "the receiver asked for an hour"
    assert [each.state for each in deliveries(acs, "B-2")] == [DeliveryState.WAITING]
    hasten(acs)
    assert [each.device for each in receiver.wait(2)] == ["B-1", "B-2"]
    tries = [each.id for each in receiver.received if each.device == "B-1"]
    assert len(tries) == 2 and len(set(tries)) == 1
    assert "event failed" in acs.log
    for hidden in (SECRET, SECRET.removeprefix("whsec_"), "/hook"):
        assert hidden not in acs.log + acs.stderr, "only the host of a subscriber is logged"


def test_what_failed_to_the_end_is_a_dead_letter_until_it_is_retried(
    acs: RunningAcs, receiver: EventReceiver
) -> None:
    receiver.answer(500, times=2)
    happen(acs, "C-1")
    await_state(acs, "C-1", DeliveryState.FAILING)
    hasten(acs)
    letter = await_state(acs, "C-1", DeliveryState.DEAD)
    assert (letter.error, letter.attempts) == ("HTTP 500", 2)
    assert acs.database.run("retry", events.retry_thd, time.time()) == 1
    assert [each.device for each in receiver.wait(1)] == ["C-1"]
    await_state(acs, "C-1", DeliveryState.DELIVERED)


def test_a_kill_loses_no_event_and_doubles_none(acs: RunningAcs, receiver: EventReceiver) -> None:
    receiver.answer(500)
    happen(acs, "D-1")
    failing = await_state(acs, "D-1", DeliveryState.FAILING)
    acs.kill9()
    happen(acs, "D-2", "D-3")
    hasten(acs)
    acs.start()
    assert [each.device for each in receiver.wait(3)] == ["D-1", "D-2", "D-3"]
    await_state(acs, "D-3", DeliveryState.DELIVERED)
    kept = [each.id for each in deliveries(acs, "D-1", "D-2", "D-3")]
    assert kept[0] == failing.id and len(kept) == 3
    assert [each.device for each in receiver.received] == ["D-1", "D-1", "D-2", "D-3"]


def test_who_wants_no_more_is_paused_and_told_the_rest_when_it_goes_on(
    acs: RunningAcs, receiver: EventReceiver
) -> None:
    receiver.answer(410)
    happen(acs, "E-1")
    (paused,) = wait_for("the pause", lambda: _paused(acs))
    assert "410" in paused.reason
    acs.database.run("resume", subscribers.enable_thd, paused.id, enabled=True)
    assert [each.device for each in receiver.wait(1)] == ["E-1"]


def _paused(acs: RunningAcs) -> list[Subscriber]:
    with acs.database.read() as conn:
        return [each for each in subscribers.list_thd(conn) if not each.enabled]


def test_an_operator_tries_the_way_with_a_signed_event(
    acs: RunningAcs, receiver: EventReceiver
) -> None:
    receiver.answer(302, Location="http://127.0.0.1:1/")
    tried = acs.command("events", "test", receiver.url)
    assert tried.returncode == 1
    assert tried.stdout == "Not taken: HTTP 302, a redirect, which is not followed\n"
    assert [each.kind for each in receiver.received] == ["test.ping"]


def test_a_device_that_comes_is_told_of(
    acs: RunningAcs, receiver: EventReceiver, new_cpe: NewCpe
) -> None:
    cpe = new_cpe()
    cpe.session()
    kinds = {each.kind for each in receiver.wait(1)}
    assert kinds <= {"device.online", "device.quarantined"}
    assert receiver.taken[0].event["data"]["serial_number"] == cpe.serial
