"""Hold what this server sees against what the business system has on record, and name each gap.

Nothing is changed here: each finding says what to mend, and where.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum

from acs.devices.identity import Equipment, Hints, Matched, Treatment, match, terms
from acs.devices.record import Device, Standing
from acs.devices.source import MirrorRow
from acs.devices.suggesting import Suggestion, Suggestions
from acs.profiles.intent_check import check


class Gap(StrEnum):
    """The kinds of findings, the heaviest first."""

    TWO_BOXES = "two boxes on one record"
    """Several devices are matched to one equipment, or show one serial."""
    TWO_RECORDS = "one box on two records"
    """Several equipments have one identifier: none of them can be matched."""
    IMPOSSIBLE = "impossible profile"
    """A wish that no device could meet: a name too long, a key too short."""
    SHARED_LINE = "telephone line twice"
    """Two equipments are to register the same line."""
    ACS_ONLY = "in ACS only"
    """A device that calls and fits no equipment."""
    GONE = "equipment gone"
    """A device is matched to an equipment that is not on record any more."""
    ERP_ONLY = "in ERPNext only"
    """An equipment in service that no device ever called as."""
    NO_IDENTIFIER = "no identifier"
    """An equipment in service without serial or MAC: a scan is missing."""
    EMPTY = "empty profile"
    """An equipment in service that wants nothing: its device stays as it is."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One gap: which devices (keys) and equipments (names) it is about, and what to do."""

    gap: Gap
    devices: tuple[str, ...]
    equipment: tuple[str, ...]
    text: str
    """What is wrong, for people; holds no secret."""
    fix: str
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """What counts of a mirrored equipment; its secrets are left behind."""

    equipment: Equipment
    lines: tuple[str, ...]
    """User names of the telephone lines it wants."""
    problems: tuple[str, ...]
    is_empty: bool

    @classmethod
    def of(cls, row: MirrorRow) -> Entry:
        """Reduce a row of the mirror."""
        lines = tuple(line.username for line in row.intent.voice if line.username)
        problems = tuple(map(str, check(row.intent).problems))
        return cls(row.equipment, lines, problems, row.intent.empty)

    @property
    def in_service(self) -> bool:
        """True for what is to be provisioned."""
        return self.equipment.treatment is Treatment.PROVISION


def reconcile(entries: Iterable[Entry], devices: Sequence[Device]) -> Iterator[Finding]:
    """Yield every gap between the mirror and the devices, in the order of `Gap`."""
    known = {entry.equipment.name: entry for entry in entries}
    holders: dict[str, list[Device]] = defaultdict(list)
    for device in devices:
        if device.equipment:
            holders[device.equipment].append(device)
    yield from _two_boxes(holders, devices)
    yield from _two_records(known)
    yield from _impossible(known)
    yield from _shared_lines(known)
    lone = [device for device in devices if not device.equipment]
    fitting = _fitting(known, lone)
    yield from _acs_only(known, holders, lone, fitting)
    yield from _gone(known, holders)
    yield from _erp_only(known, holders.keys() | set(fitting.values()))


def _two_boxes(holders: Mapping[str, list[Device]], devices: Sequence[Device]) -> Iterator[Finding]:
    for name, several in sorted(holders.items()):
        if len(several) > 1:
            keys = tuple(device.key for device in several)
            text = f"{name} is matched to {len(several)} devices: {', '.join(keys)}"
            yield Finding(Gap.TWO_BOXES, keys, (name,), text, "acs device forget the wrong one")
    by_serial: dict[tuple[str, str], list[Device]] = defaultdict(list)
    for device in devices:
        by_serial[device.oui.upper(), device.serial_number.upper()].append(device)
    for (_, serial), several in sorted(by_serial.items()):
        if len(several) > 1:
            keys = tuple(device.key for device in several)
            text = f"{len(several)} devices show the serial {serial}: {', '.join(keys)}"
            fix = "if it is one unit under two names, acs device forget the older one"
            yield Finding(Gap.TWO_BOXES, keys, (), text, fix)


def _two_records(known: Mapping[str, Entry]) -> Iterator[Finding]:
    same: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in sorted(known):
        box = known[name].equipment
        for serial in {box.cwmp_serial, box.serial_number, box.barcode} - {""}:
            same["serial", serial].append(name)
        if box.gpon_serial:
            same["GPON serial", box.gpon_serial].append(name)
        if box.mac:
            same["MAC", box.mac].append(name)
    told: set[tuple[str, ...]] = set()
    for (what, value), names in same.items():
        key = tuple(names)
        if len(names) > 1 and key not in told:
            told.add(key)
            text = f"the {what} {value} is on {', '.join(names)}"
            fix = "take it off all but one; the device waits in quarantine until then"
            yield Finding(Gap.TWO_RECORDS, (), key, text, fix)


def _impossible(known: Mapping[str, Entry]) -> Iterator[Finding]:
    for name in sorted(known):
        entry = known[name]
        if entry.problems and entry.in_service:
            text = f"{name}: {'; '.join(entry.problems)}"
            yield Finding(Gap.IMPOSSIBLE, (), (name,), text, "correct it in ERPNext")


def _shared_lines(known: Mapping[str, Entry]) -> Iterator[Finding]:
    lines: dict[str, list[str]] = defaultdict(list)
    for name in sorted(known):
        if known[name].in_service:
            for line in known[name].lines:
                lines[line].append(name)
    for line, names in sorted(lines.items()):
        if len(names) > 1:
            text = f"the line {line} is wanted by {', '.join(names)}: calls reach one of them only"
            fix = "take it off all but one"
            yield Finding(Gap.SHARED_LINE, (), tuple(names), text, fix)


def _fitting(known: Mapping[str, Entry], lone: Iterable[Device]) -> dict[str, str]:
    """Name the equipment that fits a lone device (by key) since it called last."""
    index: dict[str, list[Equipment]] = defaultdict(list)
    for entry in known.values():
        box = entry.equipment
        texts = {box.cwmp_serial, box.serial_number, box.barcode, box.gpon_serial, box.mac}
        for text in texts - {""}:
            index[text].append(box)
    found = {}
    for device in lone:
        hints = Hints(device.device_id, device.mac)
        wanted = terms(hints)
        shown = (*wanted.serials, *wanted.macs, *wanted.gpon_serials)
        verdict = match(hints, (box for text in shown for box in index.get(text, ())))
        if isinstance(verdict, Matched):
            found[device.key] = verdict.equipment.name
    return found


def _acs_only(
    known: Mapping[str, Entry],
    holders: Mapping[str, list[Device]],
    lone: Iterable[Device],
    fitting: Mapping[str, str],
) -> Iterator[Finding]:
    taken = holders.keys() | set(fitting.values())
    suggestions = Suggestions(known[name].equipment for name in sorted(known) if name not in taken)
    for device in lone:
        if name := fitting.get(device.key):
            text = f"{device.key} fits {name} since it called last"
            fix = f"wait for its next call, or acs device wake {device.key}"
            yield Finding(Gap.ACS_ONLY, (device.key,), (name,), text, fix)
            continue
        near = suggestions.of(Hints(device.device_id, device.mac))
        fix = "record its serial or MAC on an equipment"
        if near:
            fix = f"see whether {near[0].equipment} is meant: {near[0].why}"
        elif device.standing is Standing.WAITING:
            fix = "wait: ERPNext has not answered yet"
        text = f"{device.key}: {device.reason}"
        yield Finding(Gap.ACS_ONLY, (device.key,), (), text, fix, near)


def _gone(known: Mapping[str, Entry], holders: Mapping[str, list[Device]]) -> Iterator[Finding]:
    for name in sorted(holders.keys() - known.keys()):
        keys = tuple(device.key for device in holders[name])
        text = f"{', '.join(keys)}: matched to {name}, which is not on record any more"
        fix = "put it back, or record the device on another equipment"
        yield Finding(Gap.GONE, keys, (name,), text, fix)


def _erp_only(known: Mapping[str, Entry], called: Set[str]) -> Iterator[Finding]:
    unseen, nameless, empty = [], [], []
    for name in sorted(known):
        entry, box = known[name], known[name].equipment
        if not entry.in_service:
            continue
        if not (box.cwmp_serial or box.serial_number or box.barcode or box.gpon_serial or box.mac):
            text = f"{name} has neither a serial nor a MAC"
            fix = "scan the unit that stands there"
            nameless.append(Finding(Gap.NO_IDENTIFIER, (), (name,), text, fix))
        elif name not in called:
            shown = box.serial_number or box.cwmp_serial or box.mac or box.gpon_serial
            text = f"{name} ({shown}) never called, or under another name"
            fix = "see that it is powered, and that its serial is right"
            unseen.append(Finding(Gap.ERP_ONLY, (), (name,), text, fix))
        if entry.is_empty:
            text = f"{name} wants nothing: no Wi-Fi name, no telephone line"
            fix = "fill the profile in ERPNext, or by acs reconcile fill"
            empty.append(Finding(Gap.EMPTY, (), (name,), text, fix))
    yield from (*unseen, *nameless, *empty)
