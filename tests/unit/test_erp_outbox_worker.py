"""Working off the outbox against a site in memory that fails in every way Frappe does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from acs.devices.outgoing import Outgoing, OutgoingSettled, OutgoingState
from erp_bridge import mapping as mappings
from erp_bridge.errors import (
    ErpBusy,
    ErpError,
    ErpForbidden,
    ErpNotFound,
    ErpRejected,
    ErpStale,
    ErpTaken,
    ErpUnauthorized,
    ErpUnavailable,
    ErpUnknown,
)
from erp_bridge.mapping import Mapping as SiteMapping
from erp_bridge.outbox.facts import Facts
from erp_bridge.outbox.planner import Installation, Trouble
from erp_bridge.outbox.worker import Known, Restamp, Worker

NOW = 1_795_500_000.0
MAPPING = mappings.load()
WITHOUT_SCRIPT = msgspec.structs.replace(
    MAPPING, write_back=msgspec.structs.replace(MAPPING.write_back, script="")
)
EQUIPMENT = "Service Equipment"
AWAY = ErpUnavailable("away", "wait")


class FakeSite:
    """Documents, and what goes wrong: ``before`` fails a write, ``after`` fails it once saved."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}
        self.before: list[ErpError | None] = []
        self.after: list[ErpError | None] = []
        self.writes: list[str] = []
        self.reads = 0
        self.stamp = 100
        self.script: Callable[[list[dict[str, Any]]], Any] | None = None
        self.unknown_fields: set[str] = set()
        self.zone = "America/Toronto"

    def add(self, doctype: str, name: str, **fields: Any) -> dict[str, Any]:
        self.documents[doctype, name] = {"name": name, "modified": "m1", **fields}
        return self.documents[doctype, name]

    def time_zone(self) -> str:
        return self.zone

    def read(self, doctype: str, name: str) -> dict[str, Any]:
        self.reads += 1
        if (doctype, name) not in self.documents:
            raise ErpNotFound("no such document", "check")
        return dict(self.documents[doctype, name])

    def get_list(
        self,
        doctype: str,
        fields: Sequence[str],
        filters: Sequence[Sequence[object]] = (),
        or_filters: Sequence[Sequence[object]] = (),
        order_by: str = "name asc",
        limit: int = 20,
        start: int = 0,
    ) -> list[dict[str, Any]]:
        self.reads += 1

        def fits(row: dict[str, Any]) -> bool:
            return all(
                row.get(str(f)) in value if op == "in" else row.get(str(f)) == value  # type: ignore[operator]
                for f, op, value in filters
            )

        rows = [row for (kind, _), row in self.documents.items() if kind == doctype and fits(row)]
        return [{field: row.get(field) for field in fields} for row in rows][:limit]

    def update(
        self, doctype: str, name: str, fields: Mapping[str, object], modified: str | None = None
    ) -> dict[str, Any]:
        def save() -> dict[str, Any]:
            if (doctype, name) not in self.documents:
                raise ErpNotFound("no such document", "check")
            row = self.documents[doctype, name]
            if modified is not None and modified != row["modified"]:
                raise ErpStale("changed meanwhile", "read again")
            row.update({k: v for k, v in fields.items() if k not in self.unknown_fields})
            return self._stamped(row)

        return self._write(f"PUT {name}", save)

    def insert(self, doctype: str, doc: Mapping[str, object]) -> dict[str, Any]:
        def save() -> dict[str, Any]:
            key = doc.get("acs_fault_key")
            if key and any(row.get("acs_fault_key") == key for row in self.documents.values()):
                raise ErpTaken("taken", "read back")
            return self._stamped(self.add(doctype, f"{doctype} {len(self.documents)}", **doc))

        return self._write(f"POST {doctype}", save)

    def call(self, method: str, /, **args: object) -> Any:
        def run() -> Any:
            if self.script is None:
                raise ErpRejected("Failed to get method for command", "install it")
            return self.script(args["rows"])  # type: ignore[arg-type]

        return self._write(method, run)

    def write_back(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the Server Script does."""
        answer = []
        for row in rows:
            there = self.documents.get((row["doctype"], row["name"]))
            if there:
                there.update(row["fields"])
            error = None if there else "Service Equipment not found"
            answer.append({"name": row["name"], "ok": there is not None, "error": error})
        return answer

    def _stamped(self, row: dict[str, Any]) -> dict[str, Any]:
        self.stamp += 1
        row["modified"] = f"m{self.stamp}"
        return dict(row)

    def _write(self, what: str, save: Callable[[], Any]) -> Any:
        self.writes.append(what)
        if self.before and (error := self.before.pop(0)):
            raise error
        answer = save()
        if self.after and (error := self.after.pop(0)):
            raise error
        return answer


class FakeShelf:
    def __init__(self) -> None:
        self.rows: dict[str, Outgoing] = {}
        self.equipment: dict[str, Known] = {}
        self.restamps: list[Restamp] = []

    async def due(self, now: float, limit: int) -> list[Outgoing]:
        open_states = (OutgoingState.WAITING, OutgoingState.DOUBTED)
        rows = (r for r in self.rows.values() if r.state in open_states and r.next_at <= now)
        return list(rows)[:limit]

    async def known(self, names: Collection[str]) -> Mapping[str, Known]:
        return {name: self.equipment.get(name, Known()) for name in names}

    async def settle(
        self, settled: Sequence[OutgoingSettled], restamps: Sequence[Restamp], now: float
    ) -> None:
        for each in settled:
            row = self.rows[each.key]
            self.rows[each.key] = replace(
                row,
                state=each.state,
                next_at=each.next_at,
                error=each.error,
                attempts=row.attempts + each.tried,
            )
        self.restamps += restamps

    async def zone(self) -> str:
        return ""


class House:
    """A worker with its site and shelf, at a clock that is set by hand."""

    def __init__(self, mapping: SiteMapping = WITHOUT_SCRIPT) -> None:
        self.site = FakeSite()
        self.shelf = FakeShelf()
        self.now = NOW
        self.warned: list[str] = []
        self.asked = 0
        self.worker = Worker(
            self.site,
            mapping,
            self.shelf,
            self._ask,
            clock=lambda: self.now,
            warn=self.warned.append,
        )

    async def _ask(self, work: Callable[[], Any]) -> Any:
        self.asked += 1
        return work()

    def put(self, name: str, body: object, kind: str = "facts") -> None:
        key = f"equipment/{name}/{kind}"
        encoded = msgspec.json.encode(body)
        self.shelf.rows[key] = Outgoing(key, kind, EQUIPMENT, name, encoded, next_at=NOW)

    def equip(self, *names: str, modified: str = "m1") -> None:
        """Equipments that are mirrored, with news to write."""
        for name in names:
            self.site.add(EQUIPMENT, name)
            self.shelf.equipment[name] = Known(modified)
            self.put(name, Facts(standing="live", model="XX230v", last_seen=NOW))

    def work(self, after: float = 0.0) -> ErpError | None:
        """One pass, ``after`` seconds; what of the site's it ended with."""
        self.now += after
        coroutine = self.worker.work()
        try:
            coroutine.send(None)
        except StopIteration:
            return None
        except ErpError as error:
            return error
        raise AssertionError("it waits for something")

    def row(self, name: str = "EQP-1", kind: str = "facts") -> Outgoing:
        return self.shelf.rows[f"equipment/{name}/{kind}"]

    def state(self, name: str = "EQP-1", kind: str = "facts") -> str:
        return self.row(name, kind).state.value

    def shows(self, name: str = "EQP-1") -> object:
        return self.site.documents[EQUIPMENT, name].get("provisioning_status")


@pytest.fixture
def house() -> House:
    made = House()
    made.equip("EQP-1")
    return made


def test_a_write_on_what_is_mirrored_is_taken_over_into_the_mirror(house: House) -> None:
    assert house.work() is None
    assert house.site.documents[EQUIPMENT, "EQP-1"]["last_seen"] == "2026-11-24 01:00:00"
    assert house.state() == "done"
    assert house.shelf.restamps == [Restamp("EQP-1", "m1", "m101")]
    assert house.work() is None
    assert house.site.writes == ["PUT EQP-1"]


def unknown(seconds: float) -> ErpUnknown:
    return ErpUnknown("failed", "read back", settled_in=seconds)


@pytest.mark.parametrize("settled_in", [1.0, 55.0])
def test_a_write_that_was_saved_though_it_failed_is_recognised(
    house: House, settled_in: float
) -> None:
    house.site.after = [unknown(settled_in)]
    assert isinstance(house.work(), ErpUnknown)
    assert house.state() == "doubted"
    house.work(after=settled_in - 0.5)
    assert house.site.reads == 0, "the site may still be at it"
    house.work(after=1.0)
    assert house.state() == "done"
    assert house.site.writes == ["PUT EQP-1"]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("count", [1, 3], ids=["one row", "many rows"])
def test_a_kill_between_a_write_and_its_record_leaves_a_doubt_and_writes_nothing_twice(
    count: int,
) -> None:
    house = many()
    for n in range(count, 3):
        del house.shelf.rows[f"equipment/EQP-{n}/facts"]
    house.site.after = [Killed()]  # type: ignore[list-item]
    with pytest.raises(Killed):
        house.work()
    names = [f"EQP-{n}" for n in range(count)]
    assert {house.state(name) for name in names} == {"doubted"}
    house.work(after=50.0)
    assert house.site.reads == 0, "the site may still be at it"
    house.work(after=10.0)
    assert {house.state(name) for name in names} == {"done"}
    assert len(house.site.writes) == 1


def test_a_write_of_which_nothing_was_saved_is_made_again_on_what_is_there(house: House) -> None:
    house.site.before = [unknown(1.0)]
    house.work()
    house.site.documents[EQUIPMENT, "EQP-1"]["modified"] = "m7"
    house.work(after=1.0)
    assert (house.state(), house.shows()) == ("done", "live")
    assert house.site.writes == ["PUT EQP-1"] * 2
    assert house.shelf.restamps == [Restamp("EQP-1", "m7", "m101")]


def test_who_was_faster_is_read_and_kept(house: House) -> None:
    house.site.documents[EQUIPMENT, "EQP-1"].update(modified="m5", wifi_ssid="Nouveau")
    assert house.work() is None
    assert house.site.documents[EQUIPMENT, "EQP-1"]["wifi_ssid"] == "Nouveau"
    assert (house.state(), house.shows(), house.site.reads) == ("done", "live", 1)


def test_who_is_faster_twice_is_waited_for(house: House) -> None:
    house.site.before = [ErpStale("x", "y"), ErpStale("x", "y")]
    house.work()
    assert (house.state(), house.row().next_at) == ("waiting", NOW + 5.0)
    house.work(after=5.0)
    assert house.state() == "done"


@pytest.mark.parametrize(
    "error",
    [
        ErpRejected("MandatoryError: Value missing for Service Equipment: Type", "correct"),
        ErpForbidden("PermissionError", "give the right"),
        ErpNotFound("no such document", "check"),
    ],
)
def test_what_is_refused_is_a_dead_letter_and_the_others_go_on(
    house: House, error: ErpError
) -> None:
    house.equip("EQP-2")
    house.site.before = [error]
    assert house.work() is None, "the site is well"
    assert [house.state("EQP-1"), house.state("EQP-2")] == ["dead", "done"]
    assert error.text in house.row("EQP-1").error
    assert house.work(after=86_400.0) is None
    assert house.site.writes == ["PUT EQP-1", "PUT EQP-2"]


@pytest.mark.parametrize(
    ("error", "pause"),
    [
        (ErpBusy("QueryDeadlockError", "later", retry_after=1.0), 5.0),
        (ErpBusy("rate limit", "wait", retry_after=39.0), 39.0),
        (ErpBusy("SessionStopped", "wait", retry_after=30.0), 30.0),
        (ErpUnavailable("cannot be reached", "check"), 5.0),
        (ErpUnauthorized("key", "make a new one"), 5.0),
    ],
)
def test_a_site_that_is_away_gets_it_when_it_is_back(
    house: House, error: ErpError, pause: float
) -> None:
    house.equip("EQP-2")
    house.site.before = [error]
    assert house.work() is error
    assert house.site.writes == ["PUT EQP-1"], "the next would fare no better"
    assert (house.state(), house.row().next_at) == ("waiting", NOW + pause)
    house.work(after=pause)
    assert [house.state("EQP-1"), house.state("EQP-2")] == ["done", "done"]


def test_pauses_grow_up_to_an_hour(house: House) -> None:
    pauses = []
    for _ in range(14):
        house.site.before = [ErpBusy("lock", "later", retry_after=1.0)]
        house.work()
        pauses.append(house.row().next_at - house.now)
        house.now = house.row().next_at
    assert pauses[:3] == [5.0, 10.0, 20.0]
    assert pauses[-1] == 3600.0


def test_what_safety_withholds_waits_and_is_not_sent(house: House) -> None:
    house.equip("EQP-2")
    house.shelf.equipment["EQP-1"] = Known("m1", withheld="it is not on the list")
    house.work()
    assert house.site.writes == ["PUT EQP-2"]
    assert (house.state(), house.row().error) == ("waiting", "withheld: it is not on the list")
    assert house.row().attempts == 0
    house.shelf.equipment["EQP-1"] = Known("m1")
    house.work(after=300.0)
    assert house.state() == "done"


def test_a_field_the_site_lacks_is_told_once_by_name(house: House) -> None:
    house.equip("EQP-2")
    house.site.unknown_fields = {"last_seen"}
    house.work()
    [told] = house.warned
    assert "Service Equipment has no field 'last_seen'" in told
    house.equip("EQP-1")
    house.site.unknown_fields = set()
    house.work(after=60.0)
    assert house.state() == "done"
    assert "last_seen" not in house.site.documents[EQUIPMENT, "EQP-1"], (
        "it is left out from then on"
    )


def test_what_a_release_cannot_read_is_put_aside(house: House) -> None:
    house.equip("EQP-2")
    key = "equipment/EQP-1/facts"
    house.shelf.rows[key] = replace(house.shelf.rows[key], body=b"\xff")
    assert house.work() is None
    assert [house.state("EQP-1"), house.state("EQP-2")] == ["dead", "done"]


def test_a_zone_nobody_knows_is_told_and_times_are_utc(house: House) -> None:
    house.site.zone = "Atlantis/Centre"
    house.work()
    assert house.site.documents[EQUIPMENT, "EQP-1"]["last_seen"] == "2026-11-24 06:00:00"
    assert "Atlantis/Centre" in house.warned[0]


# --- many at a time -------------------------------------------------------------------------------


def many(count: int = 3) -> House:
    house = House(MAPPING)
    house.equip(*(f"EQP-{n}" for n in range(count)))
    house.site.script = house.site.write_back
    return house


def test_many_rows_are_one_call_that_leaves_modified_alone() -> None:
    house = many()
    assert house.work() is None
    assert house.site.writes == ["acs_write_back"]
    assert {house.state(f"EQP-{n}") for n in range(3)} == {"done"}
    assert {house.shows(f"EQP-{n}") for n in range(3)} == {"live"}
    assert house.shelf.restamps == []
    assert house.asked == 2, "once for the time zone"


def test_one_row_of_many_that_is_refused_is_a_dead_letter() -> None:
    house = many()
    del house.site.documents[EQUIPMENT, "EQP-1"]
    house.work()
    assert [house.state(f"EQP-{n}") for n in range(3)] == ["done", "dead", "done"]
    assert house.site.writes == ["acs_write_back", "PUT EQP-1"]
    assert "no such document" in house.row("EQP-1").error


def test_many_rows_of_which_nothing_is_known_are_read_back_at_once() -> None:
    house = many()
    house.site.after = [unknown(1.0)]
    house.work()
    assert {house.state(f"EQP-{n}") for n in range(3)} == {"doubted"}
    # One of them was overwritten since.
    house.site.documents[EQUIPMENT, "EQP-1"]["provisioning_status"] = "?"
    house.work(after=1.0)
    assert {house.state(f"EQP-{n}") for n in range(3)} == {"done"}
    assert house.site.writes == ["acs_write_back", "PUT EQP-1"]
    assert house.site.reads == 1


@pytest.mark.parametrize(
    "script", [None, lambda rows: "something else", lambda rows: [{"name": "EQP-0", "ok": True}]]
)
def test_without_the_script_rows_are_written_one_by_one(script: Any) -> None:
    house = many()
    house.site.script = script
    house.work()
    assert house.site.writes == ["acs_write_back", "PUT EQP-0", "PUT EQP-1", "PUT EQP-2"]
    assert {house.state(f"EQP-{n}") for n in range(3)} == {"done"}
    house.equip("EQP-0", "EQP-1")
    house.work(after=60.0)
    assert house.site.writes[4:] == ["PUT EQP-0", "PUT EQP-1"]


# --- proof of an installation, and an Issue ---------------------------------------------------

PROOF = Installation(device="D", service_location="LOC-1", at=NOW, proven=12, session="s-1")
TEXT = "EQP-1 (D) is live: 12 parameters proven 2026-11-24 01:00:00, session s-1"


def jobs(house: House, **statuses: str) -> None:
    for name, status in statuses.items():
        house.site.add(
            "Dispatch Job", name, service_location="LOC-1", job_type="Installation", status=status
        )


@pytest.mark.parametrize(
    ("statuses", "proven"),
    [
        ({"A": "Scheduled", "B": "In Progress"}, "B"),
        ({"A": "en COURS", "B": "Scheduled"}, "A"),
        ({"A": "planifie"}, "A"),
        ({"A": "Completed", "B": "Cancelled"}, None),
        ({}, None),
    ],
)
def test_the_open_job_of_the_installation_gets_the_proof(
    statuses: dict[str, str], proven: str | None
) -> None:
    house = House()
    jobs(house, **statuses)
    house.site.add("Dispatch Job", "R", service_location="LOC-1", job_type="Repair", status="Open")
    house.put("EQP-1", PROOF, "installation")
    house.work()
    assert house.state(kind="installation") == "done"
    found = {name: row.get("acs_proof") for (_, name), row in house.site.documents.items()}
    assert {name for name, text in found.items() if text} == ({proven} if proven else set())
    if proven:
        assert found[proven] == TEXT
        assert (
            house.site.documents["Dispatch Job", proven]["acs_proven_on"] == "2026-11-24 01:00:00"
        )
    else:
        assert "no open job" in house.row(kind="installation").error


def test_a_proof_that_was_saved_though_it_failed_is_not_written_again() -> None:
    house = House()
    jobs(house, A="In Progress")
    house.put("EQP-1", PROOF, "installation")
    house.site.after = [unknown(1.0)]
    house.work()
    house.work(after=1.0)
    assert (house.state(kind="installation"), house.site.writes) == ("done", ["PUT A"])


def test_without_a_field_for_it_the_proof_is_one_comment() -> None:
    house = House()
    jobs(house, A="In Progress")
    house.site.unknown_fields = {"acs_proof"}
    house.put("EQP-1", PROOF, "installation")
    house.site.after = [None, unknown(1.0)]
    house.work()
    house.work(after=1.0)
    assert house.state(kind="installation") == "done"
    assert "written as a comment on A" in house.row(kind="installation").error
    comments = [row for (kind, _), row in house.site.documents.items() if kind == "Comment"]
    assert [(row["reference_name"], row["content"]) for row in comments] == [("A", TEXT)]


def test_a_comment_that_may_not_be_made_names_the_right_and_harms_nothing_else() -> None:
    house = House()
    jobs(house, A="In Progress")
    house.equip("EQP-1")
    house.site.unknown_fields = {"acs_proof"}
    house.put("EQP-1", PROOF, "installation")
    house.site.before = [None, None, ErpForbidden("PermissionError", "a role")]
    assert house.work() is None
    assert (house.state(), house.state(kind="installation")) == ("done", "dead")
    assert "Comments, or map dispatch_job.proof" in house.row(kind="installation").error


FAULT = Trouble(device="D", customer="Jean", since=NOW - 9, is_over=False, text="9007 at Device.X")


def issues(house: House) -> list[dict[str, Any]]:
    return [row for (kind, _), row in house.site.documents.items() if kind == "Issue"]


def test_a_lasting_fault_is_one_issue_whatever_gets_lost_and_is_closed() -> None:
    house = House()
    house.put("EQP-1", FAULT, "issue")
    house.site.after = [unknown(1.0)]
    house.work()
    house.work(after=1.0)
    [issue] = issues(house)
    assert house.state(kind="issue") == "done"
    assert issue["acs_fault_key"] == f"acs/EQP-1/{int(NOW - 9)}"
    assert (issue["customer"], issue["description"]) == ("Jean", "D: 9007 at Device.X")
    for _ in range(2):
        house.put("EQP-1", msgspec.structs.replace(FAULT, is_over=True), "issue")
        house.work()
    assert [row["status"] for row in issues(house)] == ["Closed"]
    assert house.site.writes == ["POST Issue", "PUT Issue 0"]


def test_an_issue_that_somebody_else_made_in_between_is_the_one() -> None:
    house = House()
    house.put("EQP-1", FAULT, "issue")
    house.site.before = [ErpTaken("taken", "read back")]
    house.work()
    assert house.state(kind="issue") == "done"
