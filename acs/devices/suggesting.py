"""Which equipment may be meant: typing errors between what a device shows and what was recorded.

A suggestion is shown to a person and never applied: one wrong character is as likely to be the
next unit in the box.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from acs.devices.identity import (
    NEAR,
    Equipment,
    Hints,
    normal_gpon,
    normal_mac,
    normal_serial,
    shift_mac,
)

SHORTEST = 6
"""Characters of the shortest serial in which one may be mistyped."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An equipment that may be meant, and why, for people."""

    equipment: str
    why: str


class Suggestions:
    """Equipment by everything that is one typing error away from what was recorded.

    A text and each of the texts that it is with one character less: two texts that differ in one
    character, have one more or less, or two swapped, share one of these.
    """

    def __init__(self, equipment: Iterable[Equipment]) -> None:
        self._near: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
        self._macs: dict[str, list[str]] = defaultdict(list)
        for box in equipment:
            for field, text in _recorded(box):
                for variant in _variants(text):
                    self._near[variant].add((box.name, field, text))
            if box.mac:
                self._macs[box.mac].append(box.name)

    def of(self, hints: Hints) -> tuple[Suggestion, ...]:
        """Return what may be meant by a device, the likeliest first; nothing that fits exactly."""
        found: dict[str, Suggestion] = {}
        for equipment, why in (*self._near_macs(hints), *self._mistyped(hints)):
            found.setdefault(equipment, Suggestion(equipment, why))
        return tuple(found.values())

    def _near_macs(self, hints: Hints) -> Iterator[tuple[str, str]]:
        mac = hints.mac or normal_mac(hints.device.serial_number)
        if not mac:
            return
        for by in (sign * step for step in range(1, NEAR + 1) for sign in (1, -1)):
            for name in self._macs.get(shift_mac(mac, by), ()):
                where = "above" if by > 0 else "below"
                yield name, f"its MAC is {abs(by)} {where} that of the device"

    def _mistyped(self, hints: Hints) -> Iterator[tuple[str, str]]:
        for shown in dict.fromkeys(_shown(hints)):
            hits = {hit for variant in _variants(shown) for hit in self._near.get(variant, ())}
            for name, field, text in sorted(hits):
                if text != shown and one_error(text, shown):
                    yield name, f"its {field} {text} is one character off {shown}"


def one_error(one: str, other: str) -> bool:
    """Tell whether one character is wrong, missing or too much, or two neighbours are swapped."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    if len(one) > len(other):
        one, other = other, one
    at = next((i for i, sign in enumerate(one) if sign != other[i]), len(one))
    if len(one) < len(other):
        return one[at:] == other[at + 1 :]
    swapped = one[at : at + 2] == other[at : at + 2][::-1]
    return one[at + 1 :] == other[at + 1 :] or (swapped and one[at + 2 :] == other[at + 2 :])


def _recorded(box: Equipment) -> Iterator[tuple[str, str]]:
    for field in ("cwmp_serial", "serial_number", "barcode", "gpon_serial", "mac"):
        text = getattr(box, field)
        if len(text) >= SHORTEST:
            yield field, text


def _shown(hints: Hints) -> Iterator[str]:
    """What the device shows of itself, in the forms in which it may have been recorded."""
    serial = normal_serial(hints.device.serial_number)
    candidates = (serial, hints.mac, hints.gpon_serial, normal_gpon(serial), normal_mac(serial))
    yield from (text for text in candidates if len(text) >= SHORTEST)


def _variants(text: str) -> set[str]:
    return {text, *(text[:at] + text[at + 1 :] for at in range(len(text)))}
