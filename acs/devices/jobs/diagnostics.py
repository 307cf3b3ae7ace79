"""Diagnostics: the device runs a test after the session and calls when it has ended.

Arguments and `Requested` go out in one request; the end is told by 8 DIAGNOSTICS COMPLETE
(TR-069 A.3.3.1, TR-143 4), or seen by the state at any later contact.  Over USP a test is one
command whose OperationComplete brings what it found.

Payload: ``diagnostic``, ``arguments`` (see `acs.profiles.diagnostics.names`).  Result: ``state``
(the device's word), ``result`` (`acs.profiles.diagnostics.results`) and ``text`` (one line) of a
test that did not fail, ``left_out`` (arguments the device does not take).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from acs.devices.jobs.commands import not_reported
from acs.devices.jobs.kind import (
    USP,
    Kind,
    Result,
    Unsound,
    command_key,
    ended_badly,
    failed,
    known,
    refused,
    sent,
    sent_ago,
    waits,
)
from acs.devices.ledger import Ledger
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    Change,
    DataModel,
    EventKind,
    Fault,
    Notice,
    Operate,
    Operated,
    Value,
    ValueType,
    Written,
)
from acs.profiles import Blueprint
from acs.profiles.diagnostics.commands import command_of, inputs_of, told_of
from acs.profiles.diagnostics.names import NAMES
from acs.profiles.diagnostics.places import DiagnosticPlaces
from acs.profiles.diagnostics.reading import result_of
from acs.profiles.diagnostics.request import WAN, Argument, Request, request_of
from acs.profiles.diagnostics.results import document
from acs.profiles.diagnostics.states import REQUESTED, Stage, meaning, stage
from acs.profiles.diagnostics.words import in_words

TRIES = 2
"""Times a test is asked for when the device shows no sign of having run it."""
LONGEST_WORD = 64
"""Characters of a state that are looked at; the longest of the standards has 40."""


@dataclass(frozen=True, slots=True)
class _Test:
    """What is to be tested, and where on this family."""

    request: Request
    places: DiagnosticPlaces
    blueprint: Blueprint


async def _start(ledger: Ledger, line: DataModel, job: Job) -> Result:
    # Two at a time would measure each other, and the device tells the end of only one.
    if any(
        other.kind is JobKind.DIAGNOSTIC and other.state is JobState.SENT
        for other in ledger.jobs.values()
    ):
        return JobState.QUEUED, {}
    test = _test(ledger, job)
    if ledger.contact.protocol == USP:
        return await _operate(ledger, line, job, test)
    return await _request(ledger, line, job, test, tries=1)


async def _look(ledger: Ledger, line: DataModel, job: Job) -> Result | None:
    try:
        test = _test(ledger, job)
    except Unsound as why:
        return JobState.FAILED, {"error": f"the result cannot be read: {why}"}
    if "command" in known(ledger, job):
        return await not_reported(ledger, line, job, test.request.limit)
    if ledger.contact.protocol == USP:
        return JobState.FAILED, {"error": "the device has changed to USP, and the result is lost"}
    answer = await line.get(test.places.object)
    if isinstance(answer, Fault):
        return failed(answer)
    told = {path: value.text for path, value in answer.values.items()}
    word = told.get(test.places.state, "")[:LONGEST_WORD]
    now = stage(word)
    if now is Stage.RUNNING:
        return _late(ledger, job, test)
    if now is Stage.IDLE or not _is_ours(ledger, job):
        return await _not_run(ledger, line, job, test, word)
    return _judged(ledger, job, test, told)


def _judged(ledger: Ledger, job: Job, test: _Test, told: Mapping[str, str]) -> Result:
    """Say what a test that has ended found; ``told``: text by path."""
    word = told.get(test.places.state, "")[:LONGEST_WORD]
    said = {"state": word, "left_out": known(ledger, job).get("left_out", [])}
    if stage(word) is not Stage.ENDED:
        # Its figures are indeterminate (TR-143, TR-181): most often those of the test before.
        return JobState.FAILED, {**said, "error": meaning(word)}
    found = result_of(test.request.diagnostic, test.places, told, test.request.arguments)
    words = in_words(test.request, found)
    return JobState.DONE, {**said, "result": document(found), "text": words}


def _test(ledger: Ledger, job: Job) -> _Test:
    """Raises `Unsound` when this cannot be tested on this device."""
    request = _asked(job.payload)
    blueprint = ledger.blueprint()
    places = blueprint.diagnostics.get(request.diagnostic) if blueprint else None
    if blueprint is None or places is None:
        raise Unsound(
            f"the blueprint {blueprint.name} knows no {request.diagnostic}"
            if blueprint
            else "no blueprint fits this device"
        )
    if request.arguments.get("interface") == WAN and not ledger.device.wan:
        raise Unsound("it is not known by which interface the device reaches us")
    return _Test(request, places, blueprint)


def _asked(payload: Mapping[str, object]) -> Request:
    try:
        return request_of(payload)
    except ValueError as wrong:
        raise Unsound(wrong) from None


async def _operate(ledger: Ledger, line: DataModel, job: Job, test: _Test) -> Result:
    command = command_of(test.places)
    interface = ledger.device.wan.rstrip(".")
    inputs = inputs_of(test.request, test.places, interface)
    left_out = [name for name in test.request.arguments if not test.places.argument(name)]
    await sent(ledger, job, command=command, left_out=left_out)
    answer = await line.ask(Operate(command, command_key(job), inputs))
    match answer:
        case Operated(request="", outputs=outputs):
            return _judged(ledger, job, test, told_of(test.places, outputs))
        case Operated(request=request):
            return waits(ledger, job, request=request)
        case Fault():
            return failed(answer, about=command)
        case _:
            return refused(answer)


def _reported(ledger: Ledger, job: Job, notice: Notice) -> Result | None:
    if notice.fault is not None and notice.fault.code:
        return ended_badly(notice.fault, known(ledger, job))
    try:
        test = _test(ledger, job)
    except Unsound as why:
        return JobState.FAILED, {"error": f"the result cannot be read: {why}"}
    return _judged(ledger, job, test, told_of(test.places, notice.detail))


async def _request(ledger: Ledger, line: DataModel, job: Job, test: _Test, *, tries: int) -> Result:
    places = test.places
    # A scan takes nothing, and the one before may have left hundreds of rows.
    answer = await line.get(places.object if test.request.arguments else places.state)
    if isinstance(answer, Fault):
        return failed(answer)
    before = answer.values.get(places.state)
    if before is None:
        return JobState.FAILED, {"error": f"the device does not have {places.state}"}
    wanted = _changes(ledger, test, answer.values)
    await sent(
        ledger, job, sent_at=ledger.contact.at, before=before.text[:LONGEST_WORD], tries=tries
    )
    left_out = [name for name in test.request.arguments if name not in wanted]
    while True:
        start = Change(places.state, Value(REQUESTED, before.type))
        written = await line.set(*wanted.values(), start)
        if isinstance(written, Written):
            return waits(ledger, job, accepted=not written.pending, left_out=left_out)
        refused = _refused(written, test, wanted)
        if not refused:
            return failed(written)
        left_out += refused
        wanted = {name: change for name, change in wanted.items() if name not in refused}


def _changes(ledger: Ledger, test: _Test, present: Mapping[str, Value]) -> dict[str, Change]:
    """Return what to write by argument, in the types the device itself reports."""
    changes = {}
    for name, value in test.request.arguments.items():
        path = test.places.argument(name)
        now = present.get(path)
        if not path or (now is None and name not in NAMES[test.request.diagnostic].required):
            continue
        text = _text(value, test.blueprint)
        if name == "interface":
            text = ledger.device.wan if text == WAN else text
            # A reference has a final dot on some families, on most not.
            text = text.rstrip(".") + ("." if now and now.text.endswith(".") else "")
        kind = ValueType.STRING if isinstance(value, str) else ValueType.UNSIGNED_INT
        changes[name] = Change(path, Value(text, now.type if now else kind))
    return changes


def _text(value: Argument, blueprint: Blueprint) -> str:
    if isinstance(value, bool):
        return blueprint.true_false[0 if value else 1]
    return str(value)


def _refused(fault: Fault, test: _Test, wanted: Mapping[str, Change]) -> list[str]:
    """Return the arguments the device does not take and that can be done without.

    Empty when it refuses something else too; all of them when it does not say which.
    """
    optional = {
        change.path: name
        for name, change in wanted.items()
        if name in NAMES[test.request.diagnostic].optional
    }
    if not fault.parameters:
        return list(optional.values()) if fault.says_absent or fault.says_not_writable else []
    not_taken = (p.says_absent or p.says_not_writable for p in fault.parameters)
    if not all(not_taken) or any(p.path not in optional for p in fault.parameters):
        return []
    return [optional[p.path] for p in fault.parameters]


def _is_ours(ledger: Ledger, job: Job) -> bool:
    """Tell whether the results are of this job, not of a test before it."""
    kept = known(ledger, job)
    return (
        bool(kept.get("accepted"))
        or ledger.contact.has(EventKind.DIAGNOSTICS_COMPLETE)
        or stage(str(kept.get("before", ""))) is Stage.IDLE
    )


def _late(ledger: Ledger, job: Job, test: _Test) -> Result | None:
    limit = test.request.limit
    if sent_ago(ledger, job) <= limit:
        return None
    error = f"the device did not report the end within {limit / 60:.0f} min"
    return JobState.FAILED, {"error": error, "state": REQUESTED}


async def _not_run(
    ledger: Ledger, line: DataModel, job: Job, test: _Test, word: str
) -> Result | None:
    """The request did not arrive, or the device forgot it: asked once more, never over and over."""
    if sent_ago(ledger, job) < ledger.house.policy.settle:
        return None
    tries = known(ledger, job).get("tries", TRIES)
    if isinstance(tries, int) and tries < TRIES:
        return await _request(ledger, line, job, test, tries=tries + 1)
    error = f"the device did not run it: its state is {word.strip() or 'empty'}"
    return JobState.FAILED, {"error": error, "state": word}


_REPORTED_BY = frozenset((EventKind.OPERATION_COMPLETE,))
DIAGNOSTIC = Kind(_start, _look, _reported, _asked, _REPORTED_BY)
