"""How a device is called, and what follows from what came of it: the policy, without a clock.

A wake goes from WAITING by calls to SENT, and ends as WOKEN, BUSY, UNREACHABLE or REFUSED.  It
always ends: each call counts, and no more than `Limits.most` are made for one asking.  However it
ends, what waits for the device stays queued until it calls by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from acs.devices.waking import Answer, Reply, Wake, WakeState, Way

JOB = "job: "
"""How the reason of a wake begins that a job is the reason of."""
VERIFY = "what was written is to be seen"
"""The reason of a wake of a device that applies by itself what it accepted."""
VERIFY_SECONDS = 10.0
"""Seconds after which most devices have applied what they accepted; others have it settled later
(`provisioning.settle_seconds`)."""
UNHURRIED = "write-back"
"""Who asks for jobs that no device is called for: they wait for its next contact."""
WITHHELD = "withheld: "
"""How the detail of a wake begins that may not leave."""
BACK_OFF = (10.0, 60.0, 300.0)
"""Seconds until a device is called again that could not be reached; the last one repeats."""
BUSY_PAUSES = (2.0, 10.0, 30.0)
"""Seconds until a device is called again that is in a session; the last one repeats."""
BUSY_MORE = 4
"""Calls beyond `Limits.attempts` that a busy device is given."""
DOUBT_PAUSE = 30.0
"""Seconds until a device is called again, once, that did not believe us: it may be about to take
the account it was just given."""
HELD_PAUSE = 600.0
"""Seconds until it is looked at again whether a device that is withheld may be called."""
MARGIN = 2.0
"""Seconds after the asking in which a device that calls may not see yet what it was asked for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often. Seconds and calls, see the settings ``[wakeup]``."""

    answer_seconds: float = 30.0
    attempts: int = 4

    @property
    def most(self) -> int:
        """Most calls for one asking."""
        return self.attempts + BUSY_MORE


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways that lead to a device, the best one first, and why others do not."""

    open: tuple[Way, ...] = ()
    closed: tuple[str, ...] = ()
    """For people."""
    is_forbidden: bool = False
    """It has an address, which may not be called."""


def ways(*, agent: str | None, http: str | None, udp: str | None) -> Ways:
    """Say which ways there are.

    Of each: "" it is open; a text, why what the device told must not be called or cannot be; None,
    the device told nothing of the kind.  USP comes first, for it is answered; a datagram comes
    last, for it never is.
    """
    told = ((Way.USP, agent), (Way.HTTP, http), (Way.UDP, udp))
    return Ways(
        tuple(way for way, closed in told if closed == ""),
        tuple(closed for _way, closed in told if closed),
        is_forbidden=bool(http or udp),
    )


def chosen(found: Ways, wake: Wake) -> Way:
    """Choose the way of the next call: another one each time where there are several."""
    return found.open[wake.attempts % len(found.open)] if found.open else Way.NONE


def is_needless(wake: Wake, last_seen: float, now: float, *, has_jobs: bool) -> bool:
    """Tell whether a wake that waits is settled: the device called by itself, or did its jobs.

    Who called while it was withheld did not get what it is called for.
    """
    if wake.reason.startswith(JOB) and not has_jobs:
        return True
    return not wake.detail.startswith(WITHHELD) and wake.asked_at + MARGIN <= last_seen <= now


def needless(wake: Wake, now: float) -> Wake:
    """It called by itself."""
    return _ended(wake, WakeState.WOKEN, "it called by itself", now)


def woken(wake: Wake, now: float) -> Wake:
    """It called after it was told to."""
    return _ended(wake, WakeState.WOKEN, "", now)


def withheld(wake: Wake, why: str, now: float) -> Wake:
    """Nothing may leave for it now."""
    return replace(wake, detail=WITHHELD + why, next_at=now + HELD_PAUSE)


def no_way(wake: Wake, found: Ways, now: float) -> Wake:
    """No way leads to it."""
    state = WakeState.REFUSED if found.is_forbidden else WakeState.UNREACHABLE
    return _ended(wake, state, "; ".join(found.closed) or "it told no way to call it", now)


def answered(wake: Wake, answer: Answer, began: float, now: float, limits: Limits) -> Wake:
    """What follows from a call that began at ``began``, over ``wake.way``.

    A device may begin its session before it answers: it is one since ``began`` that counts.
    """
    tried = replace(wake, attempts=wake.attempts + 1, detail=answer.text)
    match answer.reply:
        case Reply.ACCEPTED:
            until = now + limits.answer_seconds
            return replace(tried, state=WakeState.SENT, sent_at=began, next_at=until)
        case Reply.BUSY:
            if tried.attempts >= limits.most:
                return _ended(tried, WakeState.BUSY, answer.text, now)
            return _again(tried, _step(BUSY_PAUSES, tried.attempts), now)
        case Reply.UNAUTHORIZED:
            if tried.attempts >= min(2, limits.attempts):
                return _ended(tried, WakeState.REFUSED, answer.text, now)
            return _again(tried, DOUBT_PAUSE, now)
        case Reply.FORBIDDEN:
            return _ended(tried, WakeState.REFUSED, answer.text, now)
        case Reply.UNREACHABLE:
            if tried.attempts >= limits.attempts:
                return _ended(tried, WakeState.UNREACHABLE, answer.text, now)
            return _again(tried, _step(BACK_OFF, tried.attempts), now)


def unanswered(wake: Wake, now: float, limits: Limits) -> Wake:
    """It was told to call, and did not in time."""
    text = f"it did not call within {limits.answer_seconds:g} s of being asked"
    if wake.attempts >= limits.attempts:
        return _ended(wake, WakeState.UNREACHABLE, text, now)
    return _again(replace(wake, detail=text), 0.0, now)


def next_inform(last_seen: float, interval: float) -> float:
    """When a device calls by itself at the latest, in epoch seconds; 0: nobody knows.

    ``interval``: its PeriodicInformInterval in seconds; 0: not known, or it does not call.
    """
    return last_seen + interval if last_seen and interval > 0 else 0.0


def _again(wake: Wake, pause: float, now: float) -> Wake:
    return replace(wake, state=WakeState.WAITING, next_at=now + pause)


def _ended(wake: Wake, state: WakeState, detail: str, now: float) -> Wake:
    return replace(wake, state=state, detail=detail, next_at=0.0, ended_at=now)


def _step(pauses: Sequence[float], attempts: int) -> float:
    return pauses[min(attempts, len(pauses)) - 1]
