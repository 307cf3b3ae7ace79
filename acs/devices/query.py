"""Which devices are meant: one language for lists, groups, conditions of rules and bulk jobs.

    model=XX230v* software!=*v6066* standing=live,drifted tag=beta last_seen<7d tremblay

Words stand side by side and all must hold; alternatives stand between commas.  ``=`` and ``!=``
compare with patterns (``*`` any text, ``?`` one character) in any case of A to Z; ``<`` and ``>``
compare numbers, ages and dates; a word without an operator is looked for in what names a device.
Between double quotes every character stands for itself.

`acs.store.selection` says the same in SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import Enum
from functools import cached_property
from typing import TypeVar

from acs.devices.durations import seconds
from acs.devices.identity import Equipment, EquipmentStatus
from acs.devices.record import Device, Standing

T = TypeVar("T")

UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_FOLD = str.maketrans(UPPER, LOWER)
_MAC_SIGNS = str.maketrans("", "", ":-.")
SEARCHED = ("key", "serial_number", "equipment", "model", "address")
"""Fields in which a word without an operator is looked for, beside the MAC."""

_TEXTS = (
    "key", "oui", "product_class", "serial_number", "manufacturer", "protocol", "root", "model",
    "hardware", "software", "mac", "address", "standing", "reason", "equipment", "matched_by",
    "suggestion", "blueprint",
)  # fmt: skip
_TIMES = ("checked_at", "first_seen", "last_seen", "last_boot", "last_bootstrap")
_NUMBERS = ("id", "failures")
_FLAGS = ("own_credentials",)
OF_EQUIPMENT = ("status", "customer", "service_location", "service_subscription")
_EQUIPMENT = tuple(f"equipment.{name}" for name in OF_EQUIPMENT)
FIELDS = (*_TEXTS, *_EQUIPMENT, *_TIMES, *_NUMBERS, *_FLAGS, "tag", "group")
_WORDS: Mapping[str, frozenset[str]] = {
    "standing": frozenset(standing.value for standing in Standing),
    "equipment.status": frozenset(status.value for status in EquipmentStatus),
}
FOLDED = frozenset({"standing", "protocol", "equipment.status"})
"""Fields that hold lower-case words only."""

_OPERATOR = re.compile("!=|<=|>=|=|<|>")
_LONGEST = 2000
_MOST_GROUPS = 50
_BIGGEST = 2**63 - 1
_YES, _NO = frozenset({"yes", "true", "1"}), frozenset({"no", "false", "0"})


class QueryError(ValueError):
    """A query that cannot be understood; ``position`` counts characters from 1."""

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"at {position}: {message}")
        self.position = position


class Wild(Enum):
    """What in a pattern stands for other characters."""

    ANY = "*"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern, folded: pieces of plain text and what stands for other characters."""

    parts: tuple[str | Wild, ...]

    @property
    def plain(self) -> str | None:
        """The text it is, when nothing in it stands for other characters."""
        return "".join(map(str, self.parts)) if Wild not in map(type, self.parts) else None

    @property
    def regex(self) -> re.Pattern[str]:
        """The same as a regular expression for the whole of a folded text."""
        signs = {Wild.ANY: ".*", Wild.ONE: "."}
        pieces = (signs[p] if isinstance(p, Wild) else re.escape(p) for p in self.parts)
        return re.compile("".join(pieces), re.DOTALL)

    def within(self) -> Pattern:
        """The pattern of texts that hold this one anywhere."""
        return Pattern((Wild.ANY, *self.parts, Wild.ANY))


@dataclass(frozen=True, slots=True)
class Like:
    """A text field fits one of the patterns."""

    field: str
    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag fits one of the patterns; the empty one stands for a device without tags."""

    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Age:
    """A time lies less long ago than ``seconds``, or longer; never is longer ago than any."""

    field: str
    seconds: float
    less: bool


@dataclass(frozen=True, slots=True)
class Compare:
    """A number, a flag or a time (epoch seconds; 0: never) compared with one of ``values``."""

    field: str
    operator: str
    """``=`` one of them; ``<`` and ``>`` the only one."""
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Mention:
    """A text is found in what names a device; ``mac`` is the same for its MAC, or nothing."""

    pattern: Pattern
    mac: Pattern | None


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of several queries holds: what a group stands for."""

    queries: tuple[tuple[Condition, ...], ...]


Condition = Like | Tagged | Age | Compare | Mention | Not | AnyOf


@dataclass(frozen=True)
class Query:
    """All of ``conditions`` hold; without any, every device is meant."""

    text: str = ""
    conditions: tuple[Condition, ...] = ()

    def matches(
        self, device: Device, tags: frozenset[str], equipment: Equipment | None, now: float
    ) -> bool:
        """Tell whether a device is meant.

        ``equipment``: the one it is matched to, as the mirror knows it; None: nothing is known,
        and all its fields count as empty. ``now``: epoch seconds.
        """
        return all(check(device, tags, equipment, now) for check in self._checks)

    @cached_property
    def _checks(self) -> tuple[_Check, ...]:
        return tuple(map(_check, self.conditions))

    @cached_property
    def of_device(self) -> Query:
        """The part of it that can be told without the equipment."""
        kept = tuple(each for each in self.conditions if not _asks_equipment(each))
        return self if len(kept) == len(self.conditions) else Query(self.text, kept)

    @cached_property
    def asks_equipment(self) -> bool:
        """Whether it asks for more of the equipment than its name."""
        return any(map(_asks_equipment, self.conditions))


EVERYTHING = Query()


def fold(text: str) -> str:
    """Bring A to Z to small letters, and nothing else: what every database can do alike."""
    return text.translate(_FOLD)


def parse(text: str, groups: Mapping[str, str] | None = None) -> Query:
    """Read a query; ``groups`` are the queries that stand behind names. Raises `QueryError`."""
    return Query(text.strip(), tuple(_Reader(groups or {}, ()).conditions(text)))


def plain_pattern(text: str) -> Pattern:
    """The pattern of ``text`` itself, whatever signs are in it."""
    return Pattern((fold(text),) if text else ())


def mention(text: str) -> Mention:
    """The condition that ``text``, whatever signs are in it, is found in what names a device."""
    mac = plain_pattern(text.translate(_MAC_SIGNS))
    return Mention(plain_pattern(text).within(), mac.within() if mac.parts else None)


# --- reading ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Sign:
    """One character of a query; ``literal``: between quotes."""

    text: str
    at: int
    literal: bool


class _Reader:
    """Reads one query; ``inside`` are the groups it is a part of."""

    def __init__(self, groups: Mapping[str, str], inside: tuple[str, ...]) -> None:
        self._groups = groups
        self._inside = inside

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
            return _mention(word)
        name = fold("".join(sign.text for sign in word[: found.start()]))
        name = {"serial": "serial_number", "tags": "tag"}.get(name, name)
        if name not in FIELDS:
            raise QueryError(start, f"{name!r} is no field{_nearest(name, FIELDS)}")
        operator, rest = found[0], word[found.end() :]
        if operator in ("<=", ">="):
            raise QueryError(start, f"{operator} is not known; write {operator[0]}")
        choices = _choices(rest, start + found.end())
        if operator == "!=":
            return Not(self._field(name, "=", choices, start))
        return self._field(name, operator, choices, start)

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
        if len(self._inside) >= _MOST_GROUPS:
            raise QueryError(choice.at, "groups stand in groups too deeply")
        try:
            inner = _Reader(self._groups, (*self._inside, name))
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


# --- matching ---------------------------------------------------------------------------

_Check = Callable[[Device, frozenset[str], Equipment | None, float], bool]


def _check(condition: Condition) -> _Check:
    """Make the function that tells whether a condition holds."""
    match condition:
        case Like(field, patterns):
            fits, text_of = _fits(patterns), _text_of(field)
            return lambda device, _tags, box, _now: fits(fold(text_of(device, box)))
        case Tagged(patterns):
            fits, untagged = _fits(patterns), _fits(patterns)("")
            return lambda _device, tags, _box, _now: any(map(fits, tags)) if tags else untagged
        case Age(field, ago, less):
            return lambda device, _tags, _box, now: (
                getattr(device, field) > now - ago if less else getattr(device, field) < now - ago
            )
        case Compare(field, "=", values):
            return lambda device, _tags, _box, _now: getattr(device, field) in values
        case Compare(field, "<", (value,)):
            return lambda device, _tags, _box, _now: getattr(device, field) < value
        case Compare(field, _, (value, *_)):
            return lambda device, _tags, _box, _now: getattr(device, field) > value
        case Compare():
            raise AssertionError("a comparison has a value")
        case Mention(pattern, mac):
            return _mentions(pattern, mac)
        case Not(inner):
            holds = _check(inner)
            return lambda *about: not holds(*about)
        case AnyOf(queries):
            every = [tuple(map(_check, query)) for query in queries]
            return lambda *about: any(all(c(*about) for c in checks) for checks in every)


def _fits(patterns: Sequence[Pattern]) -> Callable[[str], bool]:
    words = {pattern.plain for pattern in patterns}
    regexes = [pattern.regex for pattern in patterns if pattern.plain is None]
    return lambda text: text in words or any(regex.fullmatch(text) for regex in regexes)


def _text_of(field: str) -> Callable[[Device, Equipment | None], str]:
    of, _, name = field.partition(".")
    if not name:
        return lambda device, _box: str(getattr(device, of))
    return lambda _device, box: str(getattr(box, name)) if box else ""


def _mentions(pattern: Pattern, mac: Pattern | None) -> _Check:
    regex, mac_regex = pattern.regex, mac.regex if mac else None

    def holds(device: Device, _tags: object, _box: object, _now: float) -> bool:
        named = any(regex.fullmatch(fold(getattr(device, name))) for name in SEARCHED)
        return named or bool(mac_regex and mac_regex.fullmatch(fold(device.mac)))

    return holds


def _asks_equipment(condition: Condition) -> bool:
    match condition:
        case Like(field):
            return "." in field
        case Not(inner):
            return _asks_equipment(inner)
        case AnyOf(queries):
            return any(_asks_equipment(each) for query in queries for each in query)
        case _:
            return False
