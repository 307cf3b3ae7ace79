"""What goes into the outbox, from what the field shows, what is there already, and news."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from acs.devices.field_report import FieldReport
from acs.devices.news import NewsKind
from acs.devices.outgoing import Outgoing, OutgoingState
from acs.devices.record import Standing
from erp_bridge.mapping import Mapping as SiteMapping
from erp_bridge.outbox.facts import (
    MOST_LATELY,
    Facts,
    facts_of,
    fault_text,
    is_due,
    put_off,
    written_lately,
)

_Row = Callable[["Kind", object, float], None]

COALESCE = 5.0
"""Seconds that changes of state wait for others of the same equipment."""


class Kind(StrEnum):
    """What a row of the outbox is."""

    FACTS = "facts"
    """Fields of the equipment; the body is `Facts`."""
    INSTALLATION = "installation"
    """Proof on the job of the installation; the body is `Installation`."""
    ISSUE = "issue"
    """An Issue for a lasting fault; the body is `Trouble`."""


OPEN = (OutgoingState.WAITING, OutgoingState.DOUBTED)
KEPT = (Kind.FACTS.value, Kind.INSTALLATION.value)
"""Kinds whose rows say what was told already."""


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """A device is live for the first time at an equipment."""

    device: str
    service_location: str
    at: float
    proven: int
    session: str


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """A fault of provisioning, from its beginning (``since``) to its end."""

    device: str
    customer: str
    since: float
    is_over: bool
    text: str


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often. ``period``: seconds between two writes of what changes all the time;
    ``issue_after``: seconds a fault lasts before it becomes an Issue, 0: never."""

    period: float
    issue_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Planned:
    """Rows to put, and keys of rows that nobody needs any more."""

    put: tuple[Outgoing, ...] = ()
    drop: tuple[str, ...] = ()


def keys_of(equipment: str) -> dict[Kind, str]:
    """Return the keys of all rows about an equipment."""
    return {kind: f"equipment/{equipment}/{kind}" for kind in Kind}


def plan(
    report: FieldReport,
    held: Mapping[str, Outgoing],
    news: Collection[str],
    at: float,
    rhythm: Rhythm,
    mapping: SiteMapping,
) -> Planned:
    """Say what is to be written about one equipment.

    ``held``: rows of the outbox by key, those of `keys_of`; ``news``: the kinds of news that
    came, none where the fleet is only gone through; ``at``: epoch seconds.
    """
    put: list[Outgoing] = []
    drop: list[str] = []
    keys = keys_of(report.equipment)

    def row(kind: Kind, body: object, next_at: float) -> None:
        encoded = msgspec.json.encode(body)
        doctype = mapping.equipment.doctype
        put.append(Outgoing(keys[kind], kind, doctype, report.equipment, encoded, next_at=next_at))

    told = held.get(keys[Kind.FACTS])
    facts = _facts(report, told, news)
    if mapping.write_back.fields and facts is not None:
        before = msgspec.json.decode(told.body, type=Facts) if told else None
        if before is not None and facts.optical_rx_dbm is None:
            facts = msgspec.structs.replace(facts, optical_rx_dbm=before.optical_rx_dbm)
        written_at = told.ended_at if told else 0.0
        lately = written_lately(before, written_at=written_at, at=at) if before else 0.0
        facts = msgspec.structs.replace(facts, lately=before.lately if before else 0.0)
        if is_due(facts, before, written_at=written_at, at=at, period=rhythm.period):
            if told is None or told.state not in OPEN:
                facts = msgspec.structs.replace(facts, lately=min(lately + 1, MOST_LATELY))
            row(Kind.FACTS, facts, at + COALESCE + put_off(lately))
    proof = _installation(report, news) if mapping.dispatch_job.doctype else None
    if proof is not None and keys[Kind.INSTALLATION] not in held:
        row(Kind.INSTALLATION, proof, at + COALESCE)
    if mapping.issue.doctype and rhythm.issue_after:
        _issue(report, held.get(keys[Kind.ISSUE]), at, rhythm.issue_after, row, drop)
    return Planned(tuple(put), tuple(drop))


def _facts(report: FieldReport, told: Outgoing | None, news: Collection[str]) -> Facts | None:
    facts = facts_of(report)
    if facts is not None or told is None or NewsKind.QUARANTINED not in news:
        return facts
    # What held it does so no more, and nothing else has taken its place.
    before = msgspec.json.decode(told.body, type=Facts)
    gone = f"{before.device} is not taken for it any more" if before.device else ""
    return msgspec.structs.replace(before, standing=Standing.QUARANTINED.value, reason=gone)


def _installation(report: FieldReport, news: Collection[str]) -> Installation | None:
    device, box, proof = report.device, report.box, report.proof
    if NewsKind.PROVISIONED not in news or device is None or box is None or proof is None:
        return None
    if device.standing is not Standing.LIVE or not box.service_location:
        return None
    return Installation(
        device=device.key,
        service_location=box.service_location,
        at=float(int(proof.at)),
        proven=len(proof.lines),
        session=proof.session,
    )


def _issue(
    report: FieldReport,
    held: Outgoing | None,
    at: float,
    after: float,
    row: _Row,
    drop: list[str],
) -> None:
    known = msgspec.json.decode(held.body, type=Trouble) if held else None
    fault, device = report.fault, report.device
    if fault is None or device is None:
        if held is None or known is None or known.is_over:
            return
        if held.state is OutgoingState.WAITING and not held.attempts and held.next_at > at:
            drop.append(held.key)
        else:
            row(Kind.ISSUE, msgspec.structs.replace(known, is_over=True), at)
        return
    if known is not None and not known.is_over:
        return
    trouble = Trouble(
        device=device.key,
        customer=report.box.customer if report.box else "",
        # Where the end of one is not told yet, the next is the same: there is one Issue.
        since=known.since if known and held and held.state is not OutgoingState.DONE else fault.at,
        is_over=False,
        text=fault_text(fault),
    )
    row(Kind.ISSUE, trouble, at + after)
