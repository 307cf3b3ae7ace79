"""TOML text becomes a scenario, or an error with the line and what is known there."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec

from simulators.cpe.arrivals import ArrivalsError, parse_arrivals
from simulators.cpe.modelfile import load_model, model_names
from simulators.usp.mischief import parse_mischief

from .expectation import ExpectationError
from .measures import UnknownMeasureError, measure
from .nearest import what_there_is
from .scenario import ACTIONS, PhaseTable, Profile, Protocol, Scenario, Step, UnitsTable
from .sights import sight_of
from .toml_lines import line_of
from .verdict import expectations
from .wrongs import WrongError, misbehaviour_of

_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$[^`]*)`)?$", re.S)
_UNKNOWN = re.compile(r"unknown field `(?P<key>[^`]+)`")
_PART = re.compile(r"\.([\w-]+)|\[(\d+|\.\.\.)\]")
Place = tuple[str | int, ...]


_ROUNDED = 1e-6
LONGEST_LOCK = 120.0
"""Seconds; a run that is interrupted waits for the end of it."""
_WITH_TELEPHONE = (Profile.TELEPHONE, Profile.REFUSED)


class ScenarioError(ValueError):
    """A scenario cannot be read; the text says where and what to do."""


class RunError(RuntimeError):
    """A run came to an end that says nothing about the server, such as a command refused."""


def library() -> list[str]:
    """Return the names of the scenarios that come with the simulator."""
    folder = files("simulators.scenario.library")
    return sorted(e.name.removesuffix(".toml") for e in folder.iterdir() if ".toml" in e.name)


def find(name: str) -> tuple[str, str]:
    """Return (where, text) of a scenario of the library or a file. Raises `ScenarioError`."""
    known = library()
    if name in known:
        return name, (files("simulators.scenario.library") / f"{name}.toml").read_text("utf-8")
    path = Path(name)
    if not path.is_file():
        raise ScenarioError(f"no file and no scenario {name!r}; {what_there_is(name, known)}")
    try:
        return str(path), path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: {error}") from None


def read(text: str, where: str = "scenario") -> Scenario:
    """Read a scenario and check all that can be checked without running it.

    Raises `ScenarioError` with all that is wrong, a line each.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{where}: {error}") from None
    for table in (document, *_tables(document.get("phase"))):
        _flatten(table, "expect")
    for table in _tables([document.get("server")]):
        _flatten(table, "settings")
    try:
        scenario = msgspec.convert(document, Scenario)
    except msgspec.ValidationError as error:
        raise ScenarioError(f"{where}{_explained(str(error), document, text)}") from None
    wrong = [
        f"{where}:{line_of(text, place, key)}: {what}" for place, key, what in _wrong(scenario)
    ]
    if wrong:
        raise ScenarioError("\n".join(wrong))
    return scenario


def _tables(given: Any) -> list[dict[str, Any]]:
    return [each for each in given if isinstance(each, dict)] if isinstance(given, list) else []


def _flatten(table: dict[str, Any], name: str) -> None:
    """Let ``failures.timeout = 0``, a table to TOML, be the name it looks like."""
    inner = table.get(name)
    if isinstance(inner, dict):
        table[name] = dict(_flat(inner, ""))


def _flat(table: dict[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


# --- what the schema finds --------------------------------------------------------------------


def _explained(told: str, document: dict[str, Any], text: str) -> str:
    """Return ``:LINE: what is wrong`` of an error of msgspec."""
    found = _AT.match(told)
    assert found is not None
    path: list[str | int] = [
        name or (index if index == "..." else int(index))
        for name, index in _PART.findall(found["path"] or "")
    ]
    what = found["what"]
    unknown = _UNKNOWN.search(what)
    if unknown:
        key = unknown["key"]
        known = _keys_at(path)
        return f":{line_of(text, path, key)}: no key {key}; {what_there_is(key, known)}"
    what = what.replace("Object", "the table").replace("`", "")
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    return f":{line_of(text, path, key)}: {'.'.join(map(str, path))}: {what}".replace(": :", ":")


def _keys_at(path: Sequence[str | int]) -> list[str]:
    """Return the keys that the table at ``path`` can have."""
    kind: Any = Scenario
    for name in path:
        if isinstance(name, str) and name != "...":
            kind = _table_in(get_type_hints(kind)[name])
    return [each.name for each in msgspec.structs.fields(kind)]


def _table_in(hint: Any) -> Any:
    for inner in (hint, *get_args(hint)):
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            return inner
    raise TypeError(hint)


# --- what only makes no sense -------------------------------------------------------------------


def _wrong(scenario: Scenario) -> Iterator[tuple[Place, str, str]]:
    """Yield (table, key, what is wrong)."""
    phases = [phase.name for phase in scenario.phase]
    if not phases:
        yield (), "", "no [[phase]]"
    if not scenario.units:
        yield (), "", "no [[units]]"
    for name in {name for name in phases if phases.count(name) > 1}:
        yield ("phase", phases.index(name)), "name", f"two phases are called {name!r}"
    models = model_names()
    for number, row in enumerate(scenario.units):
        place: Place = ("units", number)
        if row.model not in models:
            yield place, "model", f"no model {row.model}; {what_there_is(row.model, models)}"
        elif (sight := sight_of(row.model)) is None:
            unseen = f"it is not known where a {row.model} shows its Wi-Fi; see sights.toml"
            yield place, "model", unseen
        elif (row.profile or scenario.erpnext.profile) in _WITH_TELEPHONE and not sight.telephone:
            yield place, "profile", f"a {row.model} has no telephone"
        if row.count < 1:
            yield place, "count", "count must be at least 1"
        if not 0 <= row.share <= 1:
            yield place, "share", "share must be between 0 and 1"
        if row.joins and row.joins not in phases:
            yield place, "joins", f"no phase {row.joins!r}; there are: {', '.join(phases)}"
        if row.recorded and row.recorded not in phases:
            yield place, "recorded", f"no phase {row.recorded!r}; there are: {', '.join(phases)}"
        if row.recorded and (row.profile or scenario.erpnext.profile) is Profile.UNKNOWN:
            yield place, "recorded", "a unit that ERPNext does not know is recorded in no phase"
        yield from _wrong_protocol(row, place, phases)
    for number, phase in enumerate(scenario.phase):
        yield from _wrong_phase(phase, ("phase", number))
        joined = [row for row in scenario.units if (row.joins or phases[0]) == phase.name]
        if phase.arrivals and not phase.events and not joined:
            yield ("phase", number), "arrivals", 'nobody calls: events = ["1 BOOT"] is missing'
    yield from _wrong_expectations(scenario.expect, ("expect",), whole=True)
    if not scenario.expect:
        yield ("expect",), "", "[expect] is empty: there is nothing to pass or fail"


def _wrong_protocol(
    row: UnitsTable, place: Place, phases: Sequence[str]
) -> Iterator[tuple[Place, str, str]]:
    usp = row.protocol is Protocol.USP
    try:
        if usp:
            parse_mischief(row.faults)
        else:
            misbehaviour_of(row.faults)
    except (WrongError, ValueError) as error:
        yield place, "faults", str(error)
    if row.speaks_usp and row.model in model_names() and load_model(row.model).top != "Device.":
        yield place, "model", f"a {row.model} cannot speak USP: its model is not below Device."
    if not row.mtps or any(share <= 0 for share in row.mtps.values()):
        yield place, "mtps", "mtps names shares above 0, such as { mqtt5 = 0.7, websocket = 0.3 }"
    elif abs(sum(row.mtps.values()) - 1) > _ROUNDED:
        yield place, "mtps", "the shares of mtps have to make 1 together"
    if row.moves and row.moves not in phases[1:]:
        later = ", ".join(phases[1:]) or "none"
        yield place, "moves", f"no later phase {row.moves!r}; there are: {later}"
    if row.listen and usp:
        yield place, "listen", "agents are connected: they need not listen"
    if row.moves and usp:
        yield place, "moves", "who speaks USP has moved already"
    if row.moves and row.faults:
        yield place, "moves", "units that move have no faults"


def _wrong_phase(phase: PhaseTable, place: Place) -> Iterator[tuple[Place, str, str]]:
    if phase.seconds and phase.minutes:
        yield place, "minutes", "either seconds or minutes"
    if phase.length <= 0:
        yield place, "seconds", "a phase needs seconds or minutes above 0"
    if phase.arrivals is not None:
        try:
            parse_arrivals(phase.arrivals)
        except ArrivalsError as error:
            yield place, "arrivals", str(error)
    elif phase.events:
        yield place, "events", "events need arrivals: the curve along which the units call"
    for number, step in enumerate(phase.do):
        for key, what in _wrong_step(step, phase):
            yield (*place, "do", number), key, what
    yield from _wrong_expectations(phase.expect, place, whole=False)


def _wrong_step(step: Step, phase: PhaseTable) -> Iterator[tuple[str, str]]:
    actions = step.actions
    if len(actions) != 1:
        had = f"has {' and '.join(actions)}" if actions else "has none"
        yield "do", f"a step has one of {', '.join(ACTIONS)}; this one {had}"
    last = step.at + step.every * (step.times - 1)
    if not 0 <= step.at <= last < phase.length:
        when = f"at = {step.at:g}" if step.times == 1 else f"the last time, at {last:g},"
        yield "at", f"{when} is not within the phase's {phase.length:g} seconds"
    if step.times < 1 or (step.times > 1 and step.every <= 0):
        yield "times", "times must be at least 1, and more than once needs every"
    if isinstance(step.erpnext, str) and step.erpnext not in ("up", "down"):
        yield (
            "erpnext",
            f'erpnext is "up", "down" or a table like {{kind = "slow"}}, not {step.erpnext!r}',
        )
    if step.database is not None and not 0 < step.database.seconds <= LONGEST_LOCK:
        yield "database", f"seconds must be above 0 and at most {LONGEST_LOCK:g}"
    if not 0 < step.share <= 1:
        yield "share", "share must be above 0 and at most 1"


def _wrong_expectations(
    given: Any, place: Place, *, whole: bool
) -> Iterator[tuple[Place, str, str]]:
    for name, bound in given.items():
        try:
            expectations({name: bound})
        except (ExpectationError, UnknownMeasureError) as error:
            yield place, name, str(error)
        else:
            if not whole and measure(name).at_end:
                yield place, name, f"{name} is known at the end only: put it into [expect]"
