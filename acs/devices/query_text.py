"""Reading queries: from the text a person writes to `acs.devices.query.Query`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import TypeVar

from acs.devices.durations import seconds
from acs.devices.identity import EquipmentStatus
from acs.devices.query import (
    Age,
    AnyOf,
    Compare,
    Condition,
    Like,
    Mention,
    Not,
    Pattern,
    Query,
    Tagged,
    Wild,
    fold,
)
from acs.devices.record import Standing

T = TypeVar("T")

_MAC_SIGNS = str.maketrans("", "", ":-.")
_TEXTS = (
    "key", "oui", "product_class", "serial_number", "manufacturer", "protocol", "root", "model",
    "hardware", "software", "mac", "address", "standing", "reason", "equipment", "matched_by",
    "suggestion", "blueprint",
)  # fmt: skip
_TIMES = ("checked_at", "first_seen", "last_seen", "last_boot", "last_bootstrap")
_NUMBERS = ("id", "failures")
_FLAGS = ("own_credentials",)
_EQUIPMENT = (
    "equipment.status", "equipment.customer", "equipment.service_location",
    "equipment.service_subscription",
)  # fmt: skip
FIELDS = (*_TEXTS, *_EQUIPMENT, *_TIMES, *_NUMBERS, *_FLAGS, "tag", "group")
_WORDS: Mapping[str, frozenset[str]] = {
    "standing": frozenset(standing.value for standing in Standing),
    "equipment.status": frozenset(status.value for status in EquipmentStatus),
}
_OPERATOR = re.compile("!=|<=|>=|=|<|>")
_LONGEST = 2000
_MOST_CHOICES = 200
"""Words and alternatives of one query with all its groups: SQLite takes no deeper ones."""
_BIGGEST = 2**63 - 1
_YES, _NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


class QueryError(ValueError):
    """A query that cannot be understood; ``position`` counts characters from 1."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"at {position}: {message}")
        self.position = position


def parse(text: str, groups: Mapping[str, str] | None = None) -> Query:
    """Read a query; ``groups`` are the queries that stand behind names. Raises `QueryError`."""
    reader = _Reader(groups or {}, (), iter(range(_MOST_CHOICES)))
    return Query(text.strip(), tuple(reader.conditions(text)))


def plain_pattern(text: str) -> Pattern:
    """The pattern of ``text`` itself, whatever signs are in it."""
    return Pattern((fold(text),) if text else ())


def mention(text: str) -> Mention:
    """The condition that ``text``, whatever signs are in it, is found in what names a device."""
    mac = plain_pattern(text.translate(_MAC_SIGNS))
    return Mention(plain_pattern(text).within(), mac.within() if mac.parts else None)


@dataclass(frozen=True, slots=True)
class _Sign:
    """One character of a query; ``literal``: between quotes."""

    text: str
    at: int
    literal: bool


class _Reader:
    """Reads one query; ``inside`` are the groups it is a part of, ``turns`` bounds its choices."""

    def __init__(
        self, groups: Mapping[str, str], inside: tuple[str, ...], turns: Iterator[int]
    ) -> None:
        self._groups = groups
        self._inside = inside
        self._turns = turns

    def conditions(self, text: str) -> Iterator[Condition]:
        if len(text) > _LONGEST:
            raise QueryError(_LONGEST, f"a query has at most {_LONGEST} characters")
        for word in _words(text):
            yield self._condition(word)

    def _condition(self, word: Sequence[_Sign]) -> Condition:
        start = word[0].at
        # What is between quotes holds no operator.
        shape = "".join("\0" if sign.literal else sign.text for sign in word)
        found = _OPERATOR.search(shape)
        if found is None:
            self._count(start)
            return _mention(word)
        name = fold("".join(sign.text for sign in word[: found.start()]))
        name = {"serial": "serial_number", "tags": "tag"}.get(name, name)
        if name not in FIELDS:
            raise QueryError(start, f"{name!r} is no field{_nearest(name, FIELDS)}")
        operator, rest = found[0], word[found.end() :]
        if operator in ("<=", ">="):
            raise QueryError(start, f"{operator} is not known; write {operator[0]}")
        choices = _choices(rest, start + found.end())
        for choice in choices:
            self._count(choice.at)
        if operator == "!=":
            return Not(self._field(name, "=", choices, start))
        return self._field(name, operator, choices, start)

    def _count(self, at: int) -> None:
        if next(self._turns, None) is None:
            problem = f"a query and its groups have at most {_MOST_CHOICES} words and alternatives"
            raise QueryError(at, problem)

    def _field(self, name: str, operator: str, choices: Sequence[_Choice], start: int) -> Condition:
        if name in _TIMES:
            return _time(name, operator, choices, start)
        if name in _NUMBERS:
            values = tuple(choice.number() for choice in choices)
            return Compare(name, operator, _only(operator, values, start))
        if operator != "=":
            raise QueryError(start, f"{name} has no order; write {name}= or {name}!=")
        if name in _FLAGS:
            return Compare(name, "=", tuple(choice.flag() for choice in choices))
        if name == "tag":
            return Tagged(tuple(choice.pattern() for choice in choices))
        if name == "group":
            return AnyOf(tuple(self._group(choice) for choice in choices))
        for choice in choices:
            choice.check(name)
        return Like(name, tuple(choice.pattern(mac=name == "mac") for choice in choices))

    def _group(self, choice: _Choice) -> tuple[Condition, ...]:
        name = choice.text
        if name not in self._groups:
            known = _nearest(name, self._groups) or "; see acs group list"
            raise QueryError(choice.at, f"there is no group {name!r}{known}")
        if name in self._inside:
            around = " → ".join((*self._inside, name))
            raise QueryError(choice.at, f"the group {name!r} is a part of itself: {around}")
        try:
            inner = _Reader(self._groups, (*self._inside, name), self._turns)
            return tuple(inner.conditions(self._groups[name]))
        except QueryError as error:
            if self._inside:
                raise
            raise QueryError(choice.at, f"in the group {name!r}, {error}") from None


def _words(text: str) -> Iterator[list[_Sign]]:
    word: list[_Sign] = []
    opened = 0
    for at, sign in enumerate(text, 1):
        if sign == '"':
            opened = 0 if opened else at
            # Marks the place, so that "" is a word and stands for the empty text.
            word.append(_Sign("", at, literal=True))
        elif opened or not sign.isspace():
            if not sign.isprintable():
                raise QueryError(at, "holds a character that cannot be printed")
            word.append(_Sign(sign, at, literal=bool(opened)))
        elif word:
            yield word
            word = []
    if opened:
        raise QueryError(opened, "the quotes that begin here do not end")
    if word:
        yield word


@dataclass(frozen=True, slots=True)
class _Choice:
    """One of the alternatives behind an operator."""

    signs: tuple[_Sign, ...]
    at: int

    @property
    def text(self) -> str:
        return "".join(sign.text for sign in self.signs)

    def pattern(self, *, mac: bool = False) -> Pattern:
        parts: list[str | Wild] = []
        for sign in self.signs:
            if not sign.literal and sign.text in "*?" and sign.text:
                parts.append(Wild(sign.text))
            elif text := fold(sign.text.translate(_MAC_SIGNS) if mac else sign.text):
                if parts and isinstance(parts[-1], str):
                    parts[-1] += text
                else:
                    parts.append(text)
        return Pattern(tuple(parts))

    def number(self) -> float:
        if not re.fullmatch(r"[0-9]{1,19}", self.text) or int(self.text) > _BIGGEST:
            raise QueryError(self.at, f"{self.text!r} is no whole number")
        return int(self.text)

    def flag(self) -> float:
        word = fold(self.text)
        if word not in _YES | _NO:
            raise QueryError(self.at, f"{self.text!r} is neither yes nor no")
        return float(word in _YES)

    def check(self, field: str) -> None:
        """Refuse a word that the field never holds."""
        word, known = self.pattern().plain, _WORDS.get(field)
        if known and word and word not in known:
            hint = _nearest(word, known) or f": it is one of {', '.join(sorted(known))}"
            raise QueryError(self.at, f"{field} is never {self.text!r}{hint}")


def _choices(signs: Sequence[_Sign], at: int) -> list[_Choice]:
    choices: list[_Choice] = []
    taken: list[_Sign] = []
    for sign in signs:
        if sign.text == "," and not sign.literal:
            choices.append(_Choice(tuple(taken), at))
            taken, at = [], sign.at + 1
        else:
            taken.append(sign)
    return [*choices, _Choice(tuple(taken), at)]


def _time(name: str, operator: str, choices: Sequence[_Choice], start: int) -> Condition:
    if operator == "=":
        if [fold(choice.text) for choice in choices] == ["never"]:
            return Compare(name, "=", (0.0,))
        raise QueryError(start, f"write {name}<7d, {name}>7d, {name}>2026-01-31 or {name}=never")
    [choice] = _only(operator, tuple(choices), start)
    try:
        return Age(name, seconds(choice.text), less=operator == "<")
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(choice.text)
    except ValueError:
        hint = "write an age (90s, 15m, 24h, 7d) or a date (2026-01-31)"
        raise QueryError(choice.at, f"{choice.text!r} is no time; {hint}") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Compare(name, operator, (at.timestamp(),))


def _only(operator: str, values: tuple[T, ...], start: int) -> tuple[T, ...]:
    if operator != "=" and len(values) != 1:
        raise QueryError(start, f"{operator} compares with one value")
    return values


def _mention(word: Sequence[_Sign]) -> Condition:
    choice = _Choice(tuple(word), word[0].at)
    mac = choice.pattern(mac=True)
    return Mention(choice.pattern().within(), mac.within() if mac.parts else None)


def _nearest(word: str, known: Mapping[str, str] | Sequence[str] | frozenset[str]) -> str:
    near = get_close_matches(word, known, 1, 0.5)
    return f" (did you mean {near[0]}?)" if near else ""
