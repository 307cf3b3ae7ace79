"""How far a sweep has come: what is kept of it, and the decisions that need nobody.

Times of ours are epoch seconds. ``modified`` is the site's own text, in its own time zone without
offset; it is only ever compared with other texts of the same site.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec.structs import replace

OVERLAP = timedelta(minutes=65)
"""How far before its mark a sweep begins. A document is stamped when it is saved and seen when it
is committed, and once a year the site's clock is put back by an hour."""

CLOCK_AHEAD = timedelta(minutes=30)
"""How far the site's clock may have gone ahead unnoticed; less than the overlap."""
FURTHEST_EAST = timedelta(hours=14)
"""No wall clock is further ahead of UTC."""

CUT_HOLDS = 86_400.0
"""Seconds for which a sweep that was cut goes on where it was; then it begins anew."""


class Place(msgspec.Struct, frozen=True):
    """Where in the list a row stands: by ``modified``, then by name. No name: before all of it."""

    modified: str
    name: str = ""


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep under way, as of its last page."""

    full: bool
    began_at: float
    after: Place | None = None
    """Its last row; None: it begins with the very first."""
    listed: int = 0
    changed: int = 0
    unread: int = 0
    gone: int = 0
    marks: dict[str, str] = {}
    """How far the documents around are followed, by doctype (`Progress.marks`)."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A sweep that came to its end."""

    full: bool
    began_at: float
    ended_at: float
    listed: int
    changed: int
    unread: int
    gone: int


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept between sweeps."""

    mapping: str = ""
    """Digest of the mapping that the rows were made by."""
    mapped_at: float = 0.0
    """Since when; an older row was made by another mapping."""
    zone: str = ""
    """The site's time zone, which the mark is in."""
    ahead: float = 0.0
    """Seconds that the site's clock, which gives the marks, was ahead of ours."""
    mark: str = ""
    """Highest ``modified`` seen by a sweep that ended; empty: none did."""
    marks: dict[str, str] = {}
    """Highest ``modified`` seen of documents that decide what an equipment gets, by doctype."""
    sure_at: float = 0.0
    """What was so in ERPNext then is so in the mirror."""
    full_at: float = 0.0
    """When the last full sweep ended."""
    tried_at: float = 0.0
    """When the last sweep ended, well or not."""
    last: Done | None = None
    alarm: str = ""
    """Why the last full sweep forgot nothing, for people; empty: all is well."""
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often is swept, in seconds."""

    every: float
    full_every: float
    always_full: bool = False
    """Wishes stand in documents whose changes nothing tells that can be followed."""


def is_due(progress: Progress, now: float, rhythm: Rhythm) -> bool:
    """Tell whether to sweep: it is time, or one was cut. A clock put back makes it time."""
    waited = now - progress.tried_at
    return progress.cut is not None or not 0 <= waited < rhythm.every


def begun(
    progress: Progress, now: float, rhythm: Rhythm, *, mapping: str, zone: str, ahead: float = 0.0
) -> Progress:
    """Return ``progress`` with a sweep under way: the one that was cut, or a new one.

    It is a full one where the marks of before say nothing (first time, other mapping, other time
    zone, a clock that was put), and when the last one is too old.  ``ahead``: seconds that the
    site's clock is ahead of ours.
    """
    put = timedelta(seconds=abs(ahead - progress.ahead)) > CLOCK_AHEAD
    same = progress.mapping == mapping and progress.zone == zone and not put
    cut = progress.cut
    if cut is not None and same and 0 <= now - cut.began_at < CUT_HOLDS:
        return progress
    since = before(progress.mark)
    fresh = 0 <= now - progress.full_at < rhythm.full_every
    full = rhythm.always_full or not same or not fresh or since is None
    return replace(
        progress,
        mapping=mapping,
        mapped_at=progress.mapped_at if progress.mapping == mapping else now,
        zone=zone,
        ahead=ahead,
        cut=Cut(full=full, began_at=now, after=None if full else since),
    )


def before(mark: str) -> Place | None:
    """Return where a sweep begins that follows ``mark``; None where that says nothing."""
    try:
        moment = datetime.fromisoformat(mark) - OVERLAP
    except (ValueError, OverflowError):
        return None
    return Place(moment.isoformat(" ", "microseconds"))


def followed(cut: Cut, doctype: str, modified: str) -> Cut:
    """Return the sweep after the documents of a doctype were followed until ``modified``."""
    return replace(cut, marks={**cut.marks, doctype: max(modified, cut.marks.get(doctype, ""))})


def passed(
    cut: Cut, last: Place | None, *, listed: int, changed: int, unread: int, gone: int
) -> Cut:
    """Return the sweep after one more page, whose last row is ``last``."""
    return replace(
        cut,
        after=last or cut.after,
        listed=cut.listed + listed,
        changed=cut.changed + changed,
        unread=cut.unread + unread,
        gone=cut.gone + gone,
    )


def ended(progress: Progress, cut: Cut, now: float) -> Progress:
    """Return ``progress`` after ``cut`` came to its end."""
    seen = cut.after.modified if cut.after is not None and cut.listed else ""
    latest = _latest(progress.zone, now + progress.ahead)
    return replace(
        progress,
        # Rows of the overlap alone leave the mark where it is.
        mark=min((seen or progress.mark) if cut.full else max(seen, progress.mark), latest),
        marks={
            doctype: min(mark, latest)
            for doctype, mark in (cut.marks if cut.full else progress.marks | cut.marks).items()
        },
        sure_at=cut.began_at,
        full_at=now if cut.full else progress.full_at,
        tried_at=now,
        last=_done(cut, now),
        alarm="" if cut.full else progress.alarm,
        cut=None,
    )


def _latest(zone: str, now: float) -> str:
    """Return the latest ``modified`` that the site's clock can have given, in the site's text.

    One row with a stamp beyond it, entered by hand or by a clock that was wrong, would else be
    where all sweeps begin until that day comes.
    """
    at = datetime.fromtimestamp(now, UTC)
    try:
        at = at.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        at += FURTHEST_EAST
    return (at.replace(tzinfo=None) + CLOCK_AHEAD).isoformat(" ", "microseconds")


def doubted(progress: Progress, cut: Cut, now: float, why: str) -> Progress:
    """Return ``progress`` after a full sweep whose end would forget too much: nothing is sure."""
    return replace(progress, tried_at=now, last=_done(cut, now), alarm=why, full_at=0.0, cut=None)


def _done(cut: Cut, now: float) -> Done:
    return Done(
        full=cut.full,
        began_at=cut.began_at,
        ended_at=now,
        listed=cut.listed,
        changed=cut.changed,
        unread=cut.unread,
        gone=cut.gone,
    )
