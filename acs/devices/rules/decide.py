"""Does a rule act for the device on the line? All that speaks against it, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from acs.devices.identity import Equipment
from acs.devices.record import Device, Job, JobState
from acs.devices.rules.firmware import IN_ORDER, DueImage, download_wanted, share
from acs.devices.rules.rule import (
    MOST_VERSIONS,
    RULE,
    Action,
    Deed,
    FirmwareDue,
    JobWish,
    Note,
    Once,
    Rule,
    Tagging,
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """What rules may look at: a device, and what happened when it called."""

    device: Device
    happened: frozenset[str] = frozenset()
    """Of `acs.devices.rules.rule.TRIGGERS`."""
    tags: frozenset[str] = frozenset()
    ran: Mapping[str, float] = field(default_factory=dict)
    """When each rule last acted, by `Rule.run_key`."""
    jobs: tuple[Job, ...] = ()
    """Its open jobs."""
    image: DueImage | str = IN_ORDER
    """Firmware it may be given now, or why none."""

    @property
    def restarted_by_a_rule(self) -> bool:
        """Whether a job that a rule made is under way, so that events may be its doing."""
        return any(
            job.state is JobState.SENT and job.created_by.startswith(RULE) for job in self.jobs
        )


def hindrance(rule: Rule, visitor: Visitor, now: float, minute: int) -> str:
    """Say why ``rule`` does not act, whatever its query says; empty: nothing speaks against it.

    ``now``: epoch seconds; ``minute``: of the day, by the server's clock.
    """
    device = visitor.device
    if rule.on and not rule.on & visitor.happened:
        return f"none of this happened: {', '.join(sorted(rule.on))}"
    makes_jobs = any(isinstance(action, JobWish | FirmwareDue) for action in rule.do)
    if rule.on and makes_jobs and visitor.restarted_by_a_rule:
        return "what happened may be the work of a rule's own job"
    ran = visitor.ran.get(rule.run_key(device.software), 0.0)
    if ran and rule.once is not Once.NEVER:
        return f"it acted already: {rule.once}"
    if rule.once is Once.VERSION and sum(map(rule.is_run, visitor.ran)) >= MOST_VERSIONS:
        return f"it acted for {MOST_VERSIONS} versions of this device's software, and no more"
    # A time that lies ahead is that of a clock that was wrong: it counts as long past.
    if ran and 0 <= now - ran < rule.pause:
        return f"it acted less than {rule.pause:g} s ago"
    if reason := _too_early(rule, device, ran, now, minute):
        return reason
    if reason := _no_download(rule, visitor):
        return reason
    if not left_to_do(rule, visitor):
        return "there is nothing left to do: the tags are so, or an equal job is open"
    return ""


def matches(rule: Rule, visitor: Visitor, equipment: Equipment | None, now: float) -> bool:
    """Tell whether the query of ``rule`` means the device."""
    return rule.when.matches(visitor.device, visitor.tags, equipment, now)


def left_to_do(rule: Rule, visitor: Visitor) -> tuple[Deed, ...]:
    """What of ``rule`` changes something; nothing where an equal job is open."""
    left: list[Deed] = []
    for action in rule.do:
        match action:
            case JobWish() if any(_equal(action, job) for job in visitor.jobs):
                return ()
            case FirmwareDue():
                wanted = _download(action, rule, visitor)
                if isinstance(wanted, str):
                    return ()
                left.append(wanted)
            case Tagging(add, remove) if add <= visitor.tags and not remove & visitor.tags:
                continue
            case _:
                left.append(action)
    return () if any(map(_changes, rule.do)) and not any(map(_changes, left)) else tuple(left)


def _too_early(rule: Rule, device: Device, ran: float, now: float, minute: int) -> str:
    wait = rule.spread * share(rule.name, device.key)
    if rule.window is not None:
        into = rule.window.since(minute)
        if into is None:
            return f"it acts at {rule.window} only"
        if into * 60 < wait:
            return f"its turn comes {wait / 60:.0f} minutes into {rule.window}"
    elif not ran and rule.since <= now < max(rule.since, device.first_seen) + wait:
        return f"its turn comes {wait / 3600:.1f} hours after the rule was written"
    return ""


def _download(action: FirmwareDue, rule: Rule, visitor: Visitor) -> JobWish | str:
    return download_wanted(action, rule.name, visitor.image, visitor.jobs, visitor.ran)


def _no_download(rule: Rule, visitor: Visitor) -> str:
    """Say why the firmware that ``rule`` would send is not sent; empty: it is, or it sends none."""
    wanted = (_download(each, rule, visitor) for each in rule.do if isinstance(each, FirmwareDue))
    return next((why for why in wanted if isinstance(why, str)), "")


def _changes(action: Action) -> bool:
    return not isinstance(action, Note)


def _equal(wish: JobWish, job: Job) -> bool:
    return job.kind is wish.kind and dict(job.payload) == dict(wish.payload)
