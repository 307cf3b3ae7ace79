"""Fill gaps of equipment from a table: what a file of rows would change, before anything is.

Pure: rows of text and the documents as they stand go in, a plan comes out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from acs.devices.identity import normal_gpon, normal_mac, normal_serial
from acs.model import Secret
from acs.profiles.intent import Band, Intent, Security, VoiceLine, WifiNetwork
from acs.profiles.intent_check import check
from erp_bridge.mapping import IDENTIFIERS, PASSWORDS, site_fields
from erp_bridge.mapping import Mapping as SiteMapping

NAME = "equipment"
"""The column with the name of the document."""
UNIQUE = (*IDENTIFIERS, "sip_username")
"""Columns in which no two equipments may hold the same."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One field to be written: its name on the site, what it holds and what it is to hold."""

    column: str
    site_field: str
    before: str
    after: Secret | str

    def __str__(self) -> str:
        if isinstance(self.after, Secret):
            return f"{self.site_field} = ***"
        return f"{self.site_field}: {self.before!r} -> {self.after!r}"

    @property
    def value(self) -> str:
        """The text to write."""
        return self.after.reveal() if isinstance(self.after, Secret) else self.after


@dataclass(frozen=True, slots=True)
class Filling:
    """What becomes of one row: the cells to write, or why it cannot be."""

    line: int
    """Of the file, counted from 1 with the heading."""
    name: str
    cells: tuple[Cell, ...] = ()
    problems: tuple[str, ...] = ()
    modified: str = ""
    """The document's own, as it was read: written only while it still is so."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What other equipment already holds, by column and normal form: the name of its document."""

    by: Mapping[tuple[str, str], str] = field(default_factory=dict)


def columns(mapping: SiteMapping) -> dict[str, str]:
    """Return the columns a file may have, with the site's field of each."""
    links = ("equipment_type", "status", "customer", "service_location", "service_subscription")
    return {
        ours: theirs
        for ours, theirs in site_fields(mapping).items()
        if ours not in links and "." not in theirs and "." not in ours
    }


def unknown_columns(header: Sequence[str], mapping: SiteMapping) -> tuple[str, ...]:
    """Name what in the heading is no column of ours."""
    known = columns(mapping)
    return tuple(column for column in header if column != NAME and column not in known)


def normal(column: str, text: str) -> str:
    """Return the form in which two values of a column are compared; "" for what is none."""
    match column:
        case "mac_address":
            return normal_mac(text)
        case "gpon_serial":
            return normal_gpon(text)
        case "cwmp_serial" | "serial_number" | "barcode":
            return normal_serial(text)
        case _:
            return text.strip()


def fill(
    rows: Iterable[tuple[int, Mapping[str, str]]],
    documents: Mapping[str, Mapping[str, Any]],
    taken: Taken,
    mapping: SiteMapping,
) -> list[Filling]:
    """Plan what ``rows`` (line number, cells by column) would change.

    ``documents`` are those named in the rows as ERPNext shows them, by name. An empty cell leaves
    a field as it is: this fills gaps, and never empties anything.
    """
    listed = list(rows)
    names = Counter(cells.get(NAME, "").strip() for _, cells in listed)
    here: dict[tuple[str, str], set[str]] = defaultdict(set)
    for _, cells in listed:
        for column in UNIQUE:
            if value := normal(column, cells.get(column, "")):
                here[column, value].add(cells.get(NAME, "").strip())
    return [_row(line, cells, documents, taken, here, names, mapping) for line, cells in listed]


def _row(
    line: int,
    cells: Mapping[str, str],
    documents: Mapping[str, Mapping[str, Any]],
    taken: Taken,
    here: Mapping[tuple[str, str], set[str]],
    names: Counter[str],
    mapping: SiteMapping,
) -> Filling:
    name = cells.get(NAME, "").strip()
    if not name:
        return Filling(line, "", problems=(f"the column {NAME} is empty",))
    document = documents.get(name)
    if document is None:
        return Filling(line, name, problems=("there is no such equipment in ERPNext",))
    problems: list[str] = []
    if names[name] > 1:
        problems.append("it has several rows in the file")
    written: list[Cell] = []
    for column, site_field in columns(mapping).items():
        text = cells.get(column, "").strip()
        if not text:
            continue
        problems += _objections(column, text, name, taken, here)
        before = str(document.get(site_field) or "")
        if column in PASSWORDS:
            written.append(Cell(column, site_field, "", Secret(cells[column])))
        elif (after := _spelled(column, text)) != before:
            written.append(Cell(column, site_field, before, after))
    problems += _impossible(cells)
    return Filling(line, name, tuple(written), tuple(problems), str(document.get("modified") or ""))


def _objections(
    column: str,
    text: str,
    name: str,
    taken: Taken,
    here: Mapping[tuple[str, str], set[str]],
) -> Iterable[str]:
    value = normal(column, text)
    if column in ("mac_address", "gpon_serial") and not value:
        yield f"{column}: {text!r} is none"
    if column in UNIQUE and value:
        holder = taken.by.get((column, value), name)
        if holder != name:
            yield f"{column}: {text!r} is on {holder} already"
        if len(here[column, value]) > 1:
            yield f"{column}: {text!r} stands in several rows of the file"


def _spelled(column: str, text: str) -> str:
    """The one spelling in which the site's unique index sees two alike: capitals and colons."""
    if column == "mac_address" and (plain := normal_mac(text)):
        return ":".join(plain[at : at + 2] for at in range(0, 12, 2))
    return text


def _impossible(cells: Mapping[str, str]) -> list[str]:
    """Say what no device could be given; a password without a name is checked with any name."""

    def secret(column: str) -> Secret | None:
        text = cells.get(column, "")
        return Secret(text) if text else None

    ssid, key = cells.get("wifi_ssid", "").strip(), secret("wifi_password")
    wifi = (
        (WifiNetwork(Band.GHZ_5, ssid=ssid or "x", passphrase=key, security=_security(key)),)
        if ssid or key
        else ()
    )
    user, password = cells.get("sip_username", "").strip(), secret("sip_password")
    voice = (VoiceLine(username=user or "x", password=password),) if user or password else ()
    return [
        f"{problem.setting}: {problem.reason}"
        for problem in check(Intent(wifi=wifi, voice=voice)).problems
    ]


def _security(key: Secret | None) -> Security | None:
    return Security.WPA2 if key else None


def taken_by(known: Iterable[tuple[str, Mapping[str, str]]]) -> Taken:
    """Index what equipment holds: pairs of a name and values by column, in normal form."""
    by: dict[tuple[str, str], str] = {}
    for name, values in known:
        for column, value in values.items():
            if column in UNIQUE and value:
                by.setdefault((column, value), name)
    return Taken(by)
