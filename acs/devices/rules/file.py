"""From the text of a file with rules to `Rule` values, with every mistake named by its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, NamedTuple, TypeVar

from acs.devices.durations import seconds
from acs.devices.jobs.kind import Unsound
from acs.devices.jobs.run import KINDS
from acs.devices.query import EVERYTHING, Query
from acs.devices.query_text import QueryError, parse
from acs.devices.record import JobKind
from acs.devices.rules.rule import (
    PAUSE,
    SHORTEST_PAUSE,
    TAG,
    TAG_FORM,
    TRIGGERS,
    Action,
    FirmwareDue,
    JobWish,
    Note,
    Once,
    Rule,
    Tagging,
    Window,
)
from acs.profiles.blueprint_file import Issue
from acs.profiles.blueprint_schema import nearest
from acs.profiles.rule_tables import rule_tables
from acs.profiles.toml_lines import line_of

T = TypeVar("T")

_KEYS = ("name", "on", "when", "every", "at", "spread", "once", "do")
_JOB_KEYS = ("job", "payload", "priority", "expires")
_FIRMWARE_KEYS = ("firmware", "attempts", "priority")
_ACTIONS = ("job", "firmware", "tag", "note")
_NAME = re.compile(r"\w[\w .-]{0,59}\Z")
_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*-\s*([01]\d|2[0-3]):([0-5]\d)\Z")
_NOTE_LENGTH = 200

_BIGGEST = 2**63 - 1
# What these end with is announced by the very event that would set the rule off again.
_CAUSES = {
    JobKind.REBOOT: {"boot"},
    JobKind.FACTORY_RESET: {"boot", "bootstrap", "provisioned"},
    JobKind.PROVISION: {"provisioned", "faulted"},
}


def read_rules(
    text: str, file: str, *, groups: Mapping[str, str], since: float = 0.0
) -> tuple[tuple[Rule, ...], tuple[Issue, ...]]:
    """Read the rules of one file.

    A rule with a mistake is left out. ``groups``: the queries that stand behind names of groups.
    ``since``: when the file was written, epoch seconds.
    """
    tables, lines, wrong = rule_tables(text, file)
    issues = list(wrong)
    rules: list[Rule] = []
    seen: dict[str, int] = {}
    for number, table in enumerate(tables):
        place = _Place(file, lines, ("rule", str(number)))
        reader = _Reader(place, table, groups, since)
        rule = reader.rule()
        if rule.name and rule.name in seen:
            reader.complain("name", f"line {seen[rule.name]} has a rule {rule.name!r} already")
        seen.setdefault(rule.name, place.line())
        issues += reader.issues
        if not reader.issues:
            rules.append(rule)
    return tuple(rules), tuple(sorted(issues))


class _Place(NamedTuple):
    """Where the keys of one rule stand."""

    file: str
    lines: Mapping[tuple[str, ...], int]
    path: tuple[str, ...]

    def line(self, *key: str) -> int:
        return line_of(self.lines, (*self.path, *key))


class _Reader:
    """Reads one rule and collects what does not hold together."""

    def __init__(
        self, place: _Place, table: Mapping[str, Any], groups: Mapping[str, str], since: float
    ) -> None:
        self._place = place
        self._table = table
        self._groups = groups
        self._since = since
        self.issues: list[Issue] = []

    def complain(self, key: str, message: str) -> None:
        """Keep a mistake at the line of ``key``."""
        self.issues.append(Issue(self._place.line(key), f"{key}: {message}", self._place.file))

    def rule(self) -> Rule:
        for key in self._table:
            if key not in _KEYS:
                self.complain(key, f"is not known{nearest(key, _KEYS)}")
        on, window = self._on(), self._window()
        pause = self._duration("every", PAUSE)
        rule = Rule(
            name=self._name(),
            do=tuple(self._actions()),
            on=on,
            when=self._when(),
            pause=pause,
            window=window,
            spread=self._spread(on, window, pause),
            once=self._once(),
            since=self._since,
            place=f"{self._place.file}:{self._place.line()}",
        )
        self._check_whole(rule)
        return rule

    def _value(self, key: str, kind: type[T], missing: T, want: str) -> T:
        value = self._table.get(key, missing)
        if not isinstance(value, kind):
            self.complain(key, f"must be {want}")
            return missing
        return value

    def _name(self) -> str:
        name = self._value("name", str, "", "a text")
        if not _NAME.match(name):
            self.complain("name", "a rule needs a name of up to 60 letters, digits, blanks, . _ -")
        return name

    def _on(self) -> frozenset[str]:
        given = self._table.get("on", [])
        words = [given] if isinstance(given, str) else given
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            self.complain("on", "must be a text or a list of texts")
            return frozenset()
        for word in words:
            if word not in TRIGGERS:
                hint = nearest(word, TRIGGERS) or f": it is one of {', '.join(TRIGGERS)}"
                self.complain("on", f"{word!r} is not known{hint}")
        return frozenset(words)

    def _when(self) -> Query:
        try:
            return parse(self._value("when", str, "", "a text"), self._groups)
        except QueryError as error:
            self.complain("when", str(error))
            return EVERYTHING

    def _duration(self, key: str, missing: float) -> float:
        if key not in self._table:
            return missing
        try:
            return seconds(self._value(key, str, "0s", 'a text like "7d"'))
        except ValueError as error:
            self.complain(key, str(error))
            return missing

    def _window(self) -> Window | None:
        if "at" not in self._table:
            return None
        found = _WINDOW.match(self._value("at", str, "", "a text"))
        if not found:
            self.complain("at", 'write a time of day like "02:00-05:00"')
            return None
        start, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        if start == end:
            self.complain("at", "begins when it ends")
        return Window(start, (end - start) % 1440)

    def _spread(self, on: frozenset[str], window: Window | None, pause: float) -> float:
        if on:
            if "spread" in self._table:
                self.complain("spread", "what follows an event cannot be spread: leave on out")
            return 0.0
        length = window.length * 60.0 if window else min(pause, 86_400.0)
        # The second half is left for devices that call seldom.
        spread = self._duration("spread", length / 2 if window else length)
        if window and spread > length:
            self.complain("spread", f"is longer than {window}")
        return spread

    def _once(self) -> Once:
        match self._table.get("once", False):
            case False:
                return Once.NEVER
            case True:
                return Once.EVER
            case "version":
                return Once.VERSION
            case _:
                self.complain("once", 'must be true, false or "version"')
                return Once.NEVER

    def _actions(self) -> Iterator[Action]:
        given = self._table.get("do")
        actions = [given] if isinstance(given, dict) else given
        if not isinstance(actions, list) or not actions:
            self.complain("do", 'say what to do: do = [{ tag = "+beta" }, { job = "provision" }]')
            return
        for action in actions:
            kinds = [key for key in _ACTIONS if isinstance(action, dict) and key in action]
            if len(kinds) != 1:
                self.complain(
                    "do", "each is one of { job = … }, { firmware = … }, { tag = … }, { note = … }"
                )
                continue
            known = {"job": _JOB_KEYS, "firmware": _FIRMWARE_KEYS}.get(kinds[0], tuple(kinds))
            for key in action:
                if key not in known:
                    self.complain("do", f"{key!r} is not known{nearest(key, known)}")
            made = self._action(kinds[0], action)
            if made is not None:
                yield made

    def _action(self, kind: str, action: Mapping[str, Any]) -> Action | None:
        match kind:
            case "job":
                return self._job(action)
            case "firmware":
                return self._firmware(action)
            case "tag":
                return self._tag(action)
            case _:
                return self._note(action)

    def _job(self, action: Mapping[str, Any]) -> JobWish | None:
        kinds = [kind.value for kind in JobKind]
        name, payload = action["job"], action.get("payload", {})
        if name not in kinds:
            hint = nearest(str(name), kinds) or f": it is one of {', '.join(kinds)}"
            self.complain("do", f"{name!r} is no kind of job{hint}")
            return None
        kind = JobKind(name)
        if not isinstance(payload, dict):
            self.complain("do", "payload must be a table")
            return None
        try:
            KINDS[kind].check(payload)
        except Unsound as why:
            self.complain("do", f"payload of the job {name!r}: {why}")
        if odd := next(_odd(payload), ""):
            self.complain("do", f"payload: {odd} is no text, number, truth value, list or table")
        priority = self._priority(action)
        try:
            lifetime = seconds(str(action.get("expires", "0s")))
        except ValueError as error:
            self.complain("do", f"expires: {error}")
            lifetime = 0.0
        return JobWish(kind, payload, priority, lifetime)

    def _firmware(self, action: Mapping[str, Any]) -> FirmwareDue | None:
        if action["firmware"] != "due":
            self.complain("do", 'write { firmware = "due" }; which it is say the firmware rules')
            return None
        attempts = action.get("attempts", 3)
        if not isinstance(attempts, int) or not 1 <= attempts <= 10:
            self.complain("do", "attempts is a whole number from 1 to 10")
            return None
        return FirmwareDue(attempts, self._priority(action))

    def _priority(self, action: Mapping[str, Any]) -> int:
        priority = action.get("priority", 0)
        if not isinstance(priority, int) or not -1000 <= priority <= 1000:
            self.complain("do", "priority is a whole number from -1000 to 1000")
            return 0
        return priority

    def _tag(self, action: Mapping[str, Any]) -> Tagging | None:
        given = action["tag"]
        words = given.split() if isinstance(given, str) else []
        if not words:
            self.complain("do", 'tag must be a text like "+beta -old"')
            return None
        try:
            return tagging(words)
        except ValueError as error:
            self.complain("do", str(error))
            return None

    def _note(self, action: Mapping[str, Any]) -> Note | None:
        text = action["note"]
        sound = isinstance(text, str) and text.isprintable() and 0 < len(text) <= _NOTE_LENGTH
        if not sound:
            self.complain("do", f"note must be one line of up to {_NOTE_LENGTH} characters")
            return None
        return Note(text)

    def _check_whole(self, rule: Rule) -> None:
        if rule.once is Once.NEVER and rule.pause < SHORTEST_PAUSE:
            self.complain("every", f"must be {SHORTEST_PAUSE / 60:.0f}m or more")
        scheduled = "every" in self._table or rule.window or rule.once is not Once.NEVER
        if not rule.on and not scheduled:
            self.complain("name", "say when: on, every, at or once")
        if rule.once is Once.EVER and "every" in self._table:
            self.complain("every", "says nothing beside once = true")
        if rule.once is not Once.EVER:
            for action in rule.do:
                again = _CAUSES.get(action.kind, set()) if isinstance(action, JobWish) else set()
                if loop := sorted(again & rule.on):
                    self.complain("do", f"{action} leads to {loop[0]!r} again: add once = true")


def _odd(value: object) -> Iterator[str]:
    """What a job does not keep as it is: dates, and numbers that are none or too big."""
    match value:
        case dict():
            for inner in value.values():
                yield from _odd(inner)
        case list():
            for inner in value:
                yield from _odd(inner)
        case int() if abs(value) > _BIGGEST:
            yield str(value)
        case float() if not isfinite(value):
            yield str(value)
        case str() | int() | float():
            pass
        case _:
            yield str(value)


def tagging(words: Sequence[str]) -> Tagging:
    """Read ``+beta -old``; a tag without a sign is given. Raises `ValueError`."""
    add: set[str] = set()
    remove: set[str] = set()
    for word in words:
        tag = word[1:] if word.startswith(("+", "-")) else word
        if not TAG.match(tag):
            raise ValueError(f"{word!r}: {TAG_FORM}")
        (remove if word.startswith("-") else add).add(tag)
    if both := sorted(add & remove):
        raise ValueError(f"{both[0]!r} is both given and taken")
    return Tagging(frozenset(add), frozenset(remove))
