"""Take a customer's settings off a device whose place another unit has taken.

After a swap the old box is switched on again in the workshop, or in a neighbour's home: it must
not go on to shine the customer's Wi-Fi name and to register the customer's telephone line.
"""

from __future__ import annotations

from functools import partial

from acs.devices.effects import SaveProof, SaveSnapshot
from acs.devices.ledger import Ledger
from acs.devices.news import NewsKind
from acs.devices.record import Proof
from acs.devices.withholding import withheld
from acs.model import DataModel
from acs.profiles import Blueprint, Intent, OutcomeKind, Task, WriteLost, converge, fingerprint


async def neutralise(ledger: Ledger, line: DataModel) -> None:
    """Write the neutral wish on an unmatched device that another one replaced, and prove it."""
    device, contact = ledger.device, ledger.contact
    blueprint = ledger.blueprint()
    if not device.lost or blueprint is None or contact.at < device.retry_at:
        return
    intent = ledger.house.source.neutral(device.key)
    if intent.empty or not await _is_anothers(ledger, device.lost):
        return
    await _write(ledger, line, blueprint, intent)


async def _is_anothers(ledger: Ledger, equipment: str) -> bool:
    """A mistyped serial in ERPNext takes the equipment from its unit, too: nobody else holds it."""
    holders = await ledger.house.holders(equipment)
    return any(holder.id != ledger.device.id for holder in holders)


async def _write(ledger: Ledger, line: DataModel, blueprint: Blueprint, intent: Intent) -> None:
    device, house, contact = ledger.device, ledger.house, ledger.contact
    mark = fingerprint(intent, blueprint, house.key)
    task = Task(
        intent=intent,
        blueprint=blueprint,
        snapshot=await house.snapshot(device.id),
        key=house.key,
        fingerprint=mark,
        verifying=bool(device.plan) and device.fingerprint == mark,
        fresh=device.fingerprint != mark,
        withheld=partial(withheld, ledger, blueprint),
        mark=False,
        max_changes=house.policy.max_changes,
        carrier=device.wan,
        shows_all=contact.shows_all,
        now=contact.at,
        session=contact.session,
        device_id=device.id,
    )
    try:
        outcome = await converge(line, task)
    except WriteLost as lost:
        ledger.learn(SaveSnapshot(device.id, lost.snapshot))
        raise
    ledger.learn(SaveSnapshot(device.id, outcome.snapshot))
    if outcome.lines and outcome.kind is not OutcomeKind.PLANNED:
        proof = Proof(
            device.id, contact.at, contact.session, outcome.plan.digest, mark, outcome.lines
        )
        ledger.learn(SaveProof(proof))
    match outcome.kind:
        case OutcomeKind.PROVEN | OutcomeKind.IN_ORDER | OutcomeKind.NOTHING:
            text = f"what {device.lost} wanted was taken off"
            ledger.say("neutralised", text)
            ledger.tell(NewsKind.NEUTRALISED, text)
            ledger.change(lost="", plan="", fingerprint="", failures=0, retry_at=0.0)
        case OutcomeKind.AWAITING:
            ledger.say("neutralise", outcome.text)
            ledger.change(fingerprint=mark, plan=outcome.plan.digest, retry_at=0.0)
        case _:
            pause = house.policy.backoff * 2.0 ** min(device.failures, 30)
            retry_at = contact.at + min(pause, house.policy.backoff_max)
            ledger.say("neutralise", outcome.text)
            ledger.change(plan="", failures=device.failures + 1, retry_at=retry_at)
