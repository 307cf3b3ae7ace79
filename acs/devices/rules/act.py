"""Follow the rules for the device on the line: once in a visit, after it was provisioned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from acs.devices.effects import EnqueueJob, SaveRuleRun, SaveTags
from acs.devices.identity import Equipment
from acs.devices.ledger import Ledger
from acs.devices.record import Device, Job, Standing
from acs.devices.rules.decide import Visitor, hindrance, left_to_do, matches
from acs.devices.rules.firmware import due_image
from acs.devices.rules.rule import (
    FAULTED,
    FIRST_CONTACT,
    PROVISIONED,
    RULE,
    SOFTWARE_CHANGED,
    Deed,
    JobWish,
    Note,
    Rule,
    Tagging,
)
from acs.devices.source import Wish


@dataclass(frozen=True, slots=True)
class Before:
    """How a device stood before the visit; what changes in its course may set off a rule."""

    standing: Standing
    software: str
    failures: int

    @classmethod
    def of(cls, device: Device) -> Before:
        """Take it down at the beginning."""
        return cls(device.standing, device.software, device.failures)


async def follow_rules(ledger: Ledger, before: Before) -> None:
    """Let every rule act that has reason to.

    The jobs they make are done at the next contact. What one rule does, no other sees.
    """
    book = ledger.house.rules
    if not book.rules:
        return
    opened, now = ledger.opened, ledger.contact.at
    minute = book.minute(now)
    visitor = Visitor(
        ledger.device,
        _happened(ledger, before),
        opened.tags,
        opened.ran,
        opened.jobs,
        due_image(ledger.device, book.firmware, minute),
    )
    # The equipment is asked for last: most rules are not about this device anyway.
    due = [
        rule
        for rule in book.rules
        if not hindrance(rule, visitor, now, minute)
        and rule.when.of_device.matches(ledger.device, opened.tags, None, now)
    ]
    if not due:
        return
    equipment = await _equipment(ledger, due)
    for rule in due:
        if rule.when.asks_equipment and equipment is None and ledger.device.equipment:
            continue  # it is not known yet; the rule comes back to it
        if not matches(rule, visitor, equipment, now):
            continue
        # An earlier rule may have asked for the same job.
        left = left_to_do(rule, visitor)
        if left and book.may_act(rule, now):
            made = _act(ledger, rule, left)
            visitor = replace(visitor, jobs=visitor.jobs + made)


async def _equipment(ledger: Ledger, due: Sequence[Rule]) -> Equipment | None:
    name = ledger.device.equipment
    if not name or not any(rule.when.asks_equipment for rule in due):
        return None
    wish = await ledger.house.source.wish(name)
    return wish.equipment if isinstance(wish, Wish) else None


def _happened(ledger: Ledger, before: Before) -> frozenset[str]:
    device = ledger.device
    happened = {event.kind.value for event in ledger.contact.events}
    if ledger.opened.created:
        happened.add(FIRST_CONTACT)
    elif before.software and device.software != before.software:
        happened.add(SOFTWARE_CHANGED)
    moved = device.standing is not before.standing
    if device.standing is Standing.LIVE and moved:
        happened.add(PROVISIONED)
    # One that fails again stands where it stood.
    if device.standing is Standing.FAULTED and (moved or device.failures > before.failures):
        happened.add(FAULTED)
    return frozenset(happened)


def _act(ledger: Ledger, rule: Rule, left: Sequence[Deed]) -> tuple[Job, ...]:
    device, now = ledger.device, ledger.contact.at
    made: list[Job] = []
    for action in left:
        match action:
            case JobWish(kind, payload, priority, lifetime, _):
                job = Job(
                    0,
                    device.id,
                    kind,
                    payload,
                    priority,
                    created_at=now,
                    created_by=f"{RULE}{rule.name}",
                    expires_at=now + lifetime if lifetime else 0.0,
                )
                ledger.learn(EnqueueJob(job))
                made.append(job)
            case Tagging(add, remove):
                ledger.learn(SaveTags(device.id, add, remove))
            case Note():
                pass  # the line below tells it
    ledger.learn(SaveRuleRun(device.id, rule.run_key(device.software), now))
    said = "; ".join(action.text if isinstance(action, Note) else str(action) for action in left)
    ledger.say("rule", f"{rule.name}: {said}")
    return tuple(made)
