"""The measures that can be expected: each a name, a unit, a meaning, and how it is found."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median

from simulators.page.figures import quantile

from .evidence import Call, Ending, Evidence, Sample
from .nearest import what_there_is

Find = Callable[[Evidence], float | None]
MIB = 2**20
DAY = 86_400
FAILURES = "failures."
"""Begins the names of the measures that count one kind of failure."""
KINDS = {
    "timeout": "timed out",
    "refused": "connection refused",
    "reset": "connection reset",
    "closed": "closed without an answer",
    "broken_answer": "broken answer",
    "not_authenticated": "not authenticated",
    "overload": "refused 503",
}
"""Kinds of failures by the name of their measure."""


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that can be measured of a run."""

    name: str
    unit: str
    about: str
    find: Find
    at_end: bool = False
    """It is known at the end only, not of a phase."""
    inside: bool = False
    """It is seen from inside only: not of a server that is somebody else's."""


class UnknownMeasureError(ValueError):
    """There is no such measure; the text names what there is."""


def measure(name: str) -> Measure:
    """Return a measure. Raises `UnknownMeasureError`."""
    if name in MEASURES:
        return MEASURES[name]
    raise UnknownMeasureError(f"no measure {name}; {what_there_is(name, MEASURES)}")


# --- sessions ---------------------------------------------------------------------------------


def _good(seen: Evidence) -> list[Call]:
    return [call for call in seen.calls if call.good]


def _lengths(seen: Evidence) -> list[float]:
    return sorted(call.seconds for call in _good(seen) if not call.failure)


def _length_at(share: float) -> Find:
    def find(seen: Evidence) -> float | None:
        lengths = _lengths(seen)
        return quantile(lengths, share) if lengths else None

    return find


def _inform_at(share: float) -> Find:
    def find(seen: Evidence) -> float | None:
        waits = sorted(c.inform_seconds for c in _good(seen) if c.inform_seconds is not None)
        return quantile(waits, share) if waits else None

    return find


def _failed_sessions(seen: Evidence) -> float | None:
    """No session, and none failed: that says nothing."""
    calls = _good(seen)
    return sum(bool(call.failure) for call in calls) if calls else None


def _failed_share(seen: Evidence) -> float | None:
    failed = _failed_sessions(seen)
    return None if failed is None else failed / len(_good(seen))


def _rate(seen: Evidence) -> float | None:
    stretches = seen.stretches
    seconds = stretches[-1].end - stretches[0].start if stretches else 0.0
    return len(seen.calls) / seconds if seconds else None


def _count_of(kind: str) -> Find:
    def find(seen: Evidence) -> float | None:
        calls = _good(seen)
        return sum(call.failure == kind for call in calls) if calls else None

    return find


def _notified_at(share: float) -> Find:
    def find(seen: Evidence) -> float | None:
        waits = sorted(each.seconds for each in seen.notifies if each.good)
        return quantile(waits, share) if waits else None

    return find


def _lost_links(seen: Evidence) -> float | None:
    """No Notify, and no link lost: that says nothing."""
    if not seen.notifies and not seen.lost_links:
        return None
    return sum(each.good for each in seen.lost_links)


def _served_at(share: float) -> Find:
    def find(seen: Evidence) -> float | None:
        if not seen.good:
            return None
        waits = sorted(seen.served_after.values())
        needed = math.ceil(share * seen.good)
        return waits[needed - 1] if len(waits) >= needed else math.inf

    return find


def _followed_at(share: float) -> Find:
    def find(seen: Evidence) -> float | None:
        waits = sorted(each.seconds for each in seen.followed)
        waits += [math.inf] * len(seen.changed)
        return waits[math.ceil(share * len(waits)) - 1] if waits else None

    return find


# --- how all stand at the end -----------------------------------------------------------------


def _of_end(find: Callable[[Evidence, Ending], float | None]) -> Find:
    return lambda seen: find(seen, seen.ending) if seen.ending else None


def _provisioned_share(seen: Evidence, end: Ending) -> float | None:
    good = [stand for stand in end.stands if stand.member.good]
    if not good:
        return None
    return sum(s.right and (s.standing == "live" or not end.watched) for s in good) / len(good)


def _wrong_states(_: Evidence, end: Ending) -> float | None:
    if not (end.watched and end.stands):
        return None
    return sum(
        (stand.standing == "live" and not stand.right)
        or (stand.member.good and stand.standing != "live")
        for stand in end.stands
    )


def _jobs(end: Ending) -> list[tuple[str, str]] | None:
    """(State, reason) of what was asked for; one that is not there any more has no state.

    None where nothing was asked for, of which nothing can be lost.
    """
    if end.jobs is None or not (end.jobs or end.asked or end.promised):
        return None
    jobs = end.jobs
    return [jobs.get(number, ("", "")) for number in sorted(end.asked | jobs.keys())]


_HONEST = frozenset({"done", "queued", "sent", "expired", "cancelled"})


def _lost_jobs(_: Evidence, end: Ending) -> float | None:
    jobs = _jobs(end)
    if jobs is None:
        return None
    lost = sum(state not in _HONEST and not (state == "failed" and why) for state, why in jobs)
    return lost + end.campaigns_unmet


def _jobs_in(*states: str) -> Find:
    def find(_: Evidence, end: Ending) -> float | None:
        jobs = _jobs(end)
        return None if jobs is None else sum(state in states for state, _ in jobs)

    return _of_end(find)


def _queries_per_device(seen: Evidence, end: Ending) -> float | None:
    return None if end.queries is None else end.queries / seen.devices


# --- the server's processes and files -----------------------------------------------------------


def _rss_growth(seen: Evidence) -> float | None:
    sizes = [sample.rss for sample in seen.samples if sample.rss > 0]
    tenth = max(1, len(sizes) // 10)
    return (median(sizes[-tenth:]) - median(sizes[:tenth])) / MIB if len(sizes) > 1 else None


def _grown(size: Callable[[Sample], float]) -> Find:
    """By how much it is more at the end; None where it never was anything."""

    def find(seen: Evidence) -> float | None:
        if len(seen.samples) < 2 or not size(seen.samples[-1]):
            return None
        return size(seen.samples[-1]) - size(seen.samples[0])

    return find


def _logged(seen: Evidence) -> float | None:
    """What was written to the log: when it is turned over, what is thrown away was written too."""
    if _grown(lambda sample: sample.log)(seen) is None:
        return None
    return sum(max(0, after.log - before.log) for before, after in pairwise(seen.samples))


def _per_device_day(grown: Find) -> Find:
    def find(seen: Evidence) -> float | None:
        more = grown(seen)
        if more is None:
            return None
        days = (seen.samples[-1].at - seen.samples[0].at) / DAY
        return max(0.0, more) / seen.devices / days if days else None

    return find


def _sessions_per_cpu_second(seen: Evidence) -> float | None:
    spent = _grown(lambda sample: sample.cpu)(seen)
    return len(seen.calls) / spent if spent else None


def _greatest(values: Iterable[float]) -> float | None:
    return max(values, default=None)


def _of_units() -> Iterable[Measure]:
    yield Measure("sessions", "", "sessions that ended, of all units", lambda e: len(e.calls))
    yield Measure("sessions_per_second", "1/s", "sessions that ended, a second", _rate)
    yield Measure("median_session_seconds", "s", "half of the good units' complete sessions"
                  " took no longer, connecting included", _length_at(0.5))  # fmt: skip
    for percent in (95, 99):
        yield Measure(f"p{percent}_session_seconds", "s",
                      f"{percent} % of the good units' complete sessions took no longer",
                      _length_at(percent / 100))  # fmt: skip
    yield Measure(
        "max_session_seconds", "s", "the longest complete session of a good unit", _length_at(1)
    )
    yield Measure("median_inform_seconds", "s", "half of the good units' Informs were answered"
                  " within this time", _inform_at(0.5))  # fmt: skip
    yield Measure("p95_inform_seconds", "s", "95 % of the good units' Informs were answered within"
                  " this time", _inform_at(0.95))  # fmt: skip
    yield Measure("failed_sessions", "", "sessions of good units that were not complete",
                  _failed_sessions)  # fmt: skip
    yield Measure("failed_share", "", "share of the good units' sessions that were not complete",
                  _failed_share)  # fmt: skip
    for name, kind in KINDS.items():
        yield Measure(f"{FAILURES}{name}", "", f"good units' sessions that ended with {kind!r}",
                      _count_of(kind))  # fmt: skip
    yield Measure("notifies", "", "Notifies of all USP agents that were answered",
                  lambda e: len(e.notifies) or None)  # fmt: skip
    yield Measure("median_notify_seconds", "s", "half of the good agents' Notifies were answered"
                  " within this time", _notified_at(0.5))  # fmt: skip
    yield Measure("p95_notify_seconds", "s", "95 % of the good agents' Notifies were answered"
                  " within this time", _notified_at(0.95))  # fmt: skip
    yield Measure("lost_links", "", "links of good USP agents that failed or were lost",
                  _lost_links)  # fmt: skip
    yield Measure("median_seconds_to_serve", "s", "from being switched on until half of the good"
                  " units really had what is wished", _served_at(0.5), at_end=True)  # fmt: skip
    yield Measure("p95_seconds_to_serve", "s", "from being switched on until 95 % of the good"
                  " units really had what is wished", _served_at(0.95), at_end=True)  # fmt: skip

    yield Measure("median_seconds_to_follow", "s", "from a change in ERPNext until half of the"
                  " good units it was for really had it", _followed_at(0.5))  # fmt: skip
    yield Measure("p95_seconds_to_follow", "s", "from a change in ERPNext until 95 % of the good"
                  " units it was for really had it", _followed_at(0.95))  # fmt: skip

    yield Measure("provisioned_share", "", "share of the good units that really have what is"
                  " wished and that the server calls live",
                  _of_end(_provisioned_share), at_end=True)  # fmt: skip


def _of_server() -> Iterable[Measure]:
    yield Measure("wrong_states", "", "units the server calls live without their having what is"
                  " wished, and good units it does not call live",
                  _of_end(_wrong_states), at_end=True)  # fmt: skip
    yield Measure("faults", "", "devices on which the server reports a failure",
                  _of_end(lambda _, end: end.faults), at_end=True)  # fmt: skip
    yield Measure("lost_jobs", "", "jobs asked for that are neither done, nor failed with a"
                  " reason, nor still queued or out",
                  _of_end(_lost_jobs), at_end=True)  # fmt: skip
    yield Measure("done_jobs", "", "jobs that are done", _jobs_in("done"), at_end=True)
    yield Measure("failed_jobs", "", "jobs that failed or expired", _jobs_in("failed", "expired"),
                  at_end=True)  # fmt: skip
    yield Measure("open_jobs", "", "jobs that are queued or out", _jobs_in("queued", "sent"),
                  at_end=True)  # fmt: skip
    yield Measure("erpnext_queries", "", "look-ups that ERPNext was asked for, retries included",
                  _of_end(lambda _, end: end.queries), at_end=True)  # fmt: skip
    yield Measure("erpnext_queries_per_device", "", "look-ups that ERPNext was asked for, for one"
                  " device",
                  _of_end(_queries_per_device), at_end=True)  # fmt: skip
    yield Measure("server_restarts", "", "how often the server ended without being told to",
                  lambda e: e.failed_restarts if e.samples else None, at_end=True)  # fmt: skip

    yield Measure("rss_mib_max", "MiB", "most memory of all the server's processes together",
                  lambda e: _greatest(s.rss / MIB for s in e.samples if s.rss))  # fmt: skip
    yield Measure("rss_growth_mib", "MiB", "memory in the last tenth of the time, less that in the"
                  " first tenth (medians)", _rss_growth)  # fmt: skip
    yield Measure("cpu_seconds", "s", "CPU time of the server's processes",
                  _grown(lambda s: s.cpu))  # fmt: skip
    yield Measure("sessions_per_cpu_second", "1/s", "sessions for each CPU-second of the server's",
                  _sessions_per_cpu_second)  # fmt: skip
    yield Measure("open_sessions_max", "", "most sessions that were open at once",
                  lambda e: _greatest(s.open_sessions for s in e.samples))  # fmt: skip
    yield Measure("log_bytes", "octets", "written to the log", _logged)
    yield Measure("log_bytes_per_device_day", "octets", "written to the log for one device and day",
                  _per_device_day(_logged))  # fmt: skip
    yield Measure("disk_bytes", "octets", "by which the data directory has grown",
                  _grown(lambda s: s.disk))  # fmt: skip
    yield Measure("disk_bytes_per_device_day", "octets", "by which the data directory has grown"
                  " for one device and day", _per_device_day(_grown(lambda s: s.disk)))  # fmt: skip


MEASURES: Mapping[str, Measure] = {
    each.name: each
    for each in (*_of_units(), *(replace(each, inside=True) for each in _of_server()))
}
"""All measures by name."""
