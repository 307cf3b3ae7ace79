"""Which devices a request for reprovisioning means, and what is kept of it, on both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, maybeDeferred

from acs.api import reprovision
from acs.api.problems import Problem
from acs.api.routes import Answer, Call, Caller
from acs.api.validation import body_of
from acs.devices.effects import SaveDevice
from acs.devices.identity import Equipment
from acs.devices.record import JobState
from acs.devices.source import MirrorRow
from acs.model import Contact, DeviceId
from acs.profiles import Intent
from acs.store import Database, equipment, inbox, jobs, wakes
from acs.store.apply import apply_thd
from acs.store.opening import open_thd
from acs.store.queues import Queues

NOW = 1_790_000_000.0


class Direct:
    """Queues that do what is asked at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def run(self, name: str, fn_thd: Callable[..., Any], *args: Any) -> Deferred[Any]:
        return maybeDeferred(self._database.run, name, fn_thd, *args)


class Site:
    """A mirror with equipment, devices that are matched to it, and the one route."""

    def __init__(self, database: Database) -> None:
        self.database = database
        queues = cast("Queues", Direct(database))
        (self.route,) = reprovision.routes(
            queues, lambda: NOW, lambda octets: octets.hex(), "Service Equipment"
        )

    def mirror(self, *boxes: Equipment) -> None:
        rows = [MirrorRow(box, Intent(), "d", NOW) for box in boxes]
        self.database.run("mirror", equipment.store_thd, rows)

    def device(self, serial: str, box: str = "", mac: str = "") -> int:
        contact = Contact(
            device=DeviceId("1C61B4", "Device2", serial),
            manufacturer="TP-Link",
            protocol="cwmp",
            root="Device.",
            events=(),
            values={},
            at=NOW,
            address="192.0.2.7",
        )
        device_id = self.database.run("open", open_thd, [contact])[0].device.id
        saved = SaveDevice(device_id, {"equipment": box, "mac": mac})
        self.database.run("match", apply_thd, [saved])
        return device_id

    def ask(self, body: object, **headers: str) -> Any:
        """Ask for it as the hub; what is answered, or a `Problem` is raised."""
        wanted = body_of(json.dumps(body).encode(), reprovision.Wanted)
        call = Call(
            path={}, headers=headers, body=wanted, caller=Caller("hub", frozenset()), request_id="r"
        )
        answers: list[Any] = []

        async def handled() -> None:
            try:
                answers.append(await self.route.handler(call))
            except Problem as problem:
                answers.append(problem)

        Deferred.fromCoroutine(handled())
        (answer,) = answers
        if isinstance(answer, Problem):
            raise answer
        assert isinstance(answer, Answer)
        assert isinstance(answer.value, bytes)
        return json.loads(answer.value)

    def read_again(self) -> set[str]:
        with self.database.read() as conn:
            return {row.name for row in inbox.waiting_thd(conn, NOW, 100)}


@pytest.fixture
def site(database: Database) -> Site:
    made = Site(database)
    made.mirror(
        Equipment("EQ-1", serial_number="LABEL1", mac="1C61B4000001", customer="C-1"),
        Equipment("EQ-2", gpon_serial="54504C4700000002", customer="C-1"),
        Equipment("EQ-3", cwmp_serial="SN3", customer="C-2"),
    )
    made.device("SN1", "EQ-1")
    made.device("SN2", "EQ-2")
    made.device("SN4", mac="1C61B4000004")
    return made


def test_devices_are_named_by_what_others_know_of_them(site: Site) -> None:
    for selector, serials, names in (
        ({"equipment": "EQ-1"}, {"SN1"}, {"EQ-1"}),
        ({"customer": "C-1"}, {"SN1", "SN2"}, {"EQ-1", "EQ-2"}),
        ({"serial": "label1"}, {"SN1"}, {"EQ-1"}),
        ({"serial": "SN2"}, {"SN2"}, {"EQ-2"}),
        ({"serial": "TPLG00000002"}, {"SN2"}, {"EQ-2"}),
        ({"mac": "1c:61:b4:00:00:01"}, {"SN1"}, {"EQ-1"}),
        ({"mac": "1C61.B400.0004"}, {"SN4"}, set()),
    ):
        asked = site.ask(selector)["devices"]
        assert {each["device"].rpartition("-")[2] for each in asked} == serials, selector
        assert {each["equipment"] for each in asked} - {""} == names, selector


def test_what_is_asked_for_is_kept_whole(site: Site) -> None:
    asked = site.ask({"customer": "C-1"})["devices"]
    assert site.read_again() == {"EQ-1", "EQ-2"}
    with site.database.read() as conn:
        found = [jobs.get_thd(conn, each["job"]) for each in asked]
        assert all(wakes.get_thd(conn, job.device_id) for job in found if job)
    kept = [(job.state, job.created_by) for job in found if job]
    assert kept == [(JobState.QUEUED, "hub")] * 2


def test_a_wish_that_waits_is_queued_once(site: Site) -> None:
    first, again = (site.ask({"equipment": "EQ-1"})["devices"][0]["job"] for _ in range(2))
    rewritten = site.ask({"equipment": "EQ-1", "rewrite": True})["devices"][0]["job"]
    assert first == again != rewritten
    with pytest.raises(Problem, match="visible ASCII"):
        site.ask({"equipment": "EQ-1"}, **{"idempotency-key": "a key"})


def test_a_request_that_means_no_device_says_why(site: Site) -> None:
    for body, status, fields in (
        ({}, 422, ["mac", "serial", "equipment", "customer"]),
        ({"mac": "1C61B4000001", "serial": "SN1"}, 422, ["mac", "serial"]),
        ({"mac": "1C61B4"}, 422, ["mac"]),
        ({"serial": "  "}, 422, ["serial"]),
        ({"serial": "SN9"}, 404, ["serial"]),
        ({"equipment": "EQ-3"}, 404, ["equipment"]),
    ):
        with pytest.raises(Problem) as refused:
            site.ask(body)
        assert refused.value.status == status, body
        assert [error.field for error in refused.value.errors] == fields, body


def test_too_many_devices_are_left_to_a_campaign(site: Site) -> None:
    site.mirror(*(Equipment(f"EQ-C{number}", customer="BIG") for number in range(51)))
    with pytest.raises(Problem, match="acs bulk start") as refused:
        site.ask({"customer": "BIG"})
    assert refused.value.status == 409
    assert site.read_again() == set(), "nothing of it was kept"
