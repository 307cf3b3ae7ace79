"""Which devices are meant: one language for lists, groups, conditions of rules and bulk jobs.

    model=XX230v* software!=*v6066* standing=live,drifted tag=beta last_seen<7d tremblay

Words stand side by side and all must hold; alternatives stand between commas.  ``=`` and ``!=``
compare with patterns (``*`` any text, ``?`` one character) in any case of A to Z; ``<`` and ``>``
compare numbers, ages and dates; a word without an operator is looked for in what names a device.
Between double quotes every character stands for itself.

`acs.devices.query_text` reads it, here it is asked of a device, and `acs.store.selection` says the
same in SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from acs.devices.identity import Equipment
from acs.devices.record import Device

UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_FOLD = str.maketrans(UPPER, LOWER)
SEARCHED = ("key", "serial_number", "equipment", "model", "address")
"""Fields in which a word without an operator is looked for, beside the MAC."""

FOLDED = frozenset({"standing", "protocol", "equipment.status"})
"""Fields that hold lower-case words only."""


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
        """The same as a regular expression for the whole of a folded text.

        Devices choose their texts: each piece is looked for once and never again further on, so
        that no text takes more than a moment, however many ``*`` there are.
        """
        *inner, last = _pieces(self.parts)
        if not inner:
            return re.compile(last, re.DOTALL)
        first, *between = inner
        found = "".join(f"(?>.*?{piece})" for piece in between)
        return re.compile(f"{first}{found}.*{last}", re.DOTALL)

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


def _pieces(parts: Sequence[str | Wild]) -> list[str]:
    """The regular expressions of what stands before, between and after each ``*``."""
    pieces = [""]
    for part in parts:
        if part is Wild.ANY:
            pieces.append("")
        else:
            pieces[-1] += "." if isinstance(part, Wild) else re.escape(part)
    return pieces


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
