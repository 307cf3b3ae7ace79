"""Whether anything may be written to the device on the line: outbound safety, and whose it is."""

from __future__ import annotations

from acs.devices.ledger import Ledger
from acs.devices.record import Custody, Job
from acs.devices.rules.rule import RULE
from acs.devices.safety import Mode
from acs.devices.source import Wish
from acs.profiles import Blueprint
from acs.profiles.custody import foreign
from acs.profiles.plan import Plan
from acs.profiles.proving import quoted


async def learn_customer(ledger: Ledger) -> None:
    """Find out who has the device, where outbound safety names customers."""
    device, safety = ledger.device, ledger.house.policy.safety
    if device.equipment and safety.mode is Mode.ALLOW_LIST and safety.customers:
        wish = await ledger.house.source.wish(device.equipment)
        ledger.customer = wish.equipment.customer if isinstance(wish, Wish) else ""


def unsafe(ledger: Ledger) -> str:
    """Say why outbound safety lets nothing be sent to the device, or ""."""
    safety = ledger.house.policy.safety
    return safety.withheld(ledger.device.key, ledger.customer, ledger.opened.tags)


def holds_job(ledger: Ledger, job: Job) -> str:
    """Say why a job that changes the device is not sent, or "".

    What a person asks of one device is sent though somebody else set it up; what a rule or a
    campaign asks of many is not.
    """
    by_itself = bool(job.campaign) or job.created_by.startswith(RULE)
    return may_not(ledger) if by_itself else unsafe(ledger)


def may_not(ledger: Ledger) -> str:
    """Say why nothing may be written, as far as that is known before there is a plan; or ""."""
    device, policy = ledger.device, ledger.house.policy
    if reason := unsafe(ledger):
        return reason
    if device.custody is Custody.FOREIGN and policy.hold_foreign:
        return f"somebody else set it up; `acs device release {device.key}` takes it over"
    return ""


def withheld(ledger: Ledger, blueprint: Blueprint, plan: Plan) -> str:
    """Say why ``plan`` may not be written, or "".

    At the first look it is found out whether the device shows the settings of somebody else.
    """
    if reason := may_not(ledger):
        return reason
    device = ledger.device
    if device.custody is not Custody.UNKNOWN or not ledger.house.policy.hold_foreign:
        return ""
    theirs = foreign(plan, blueprint)
    if theirs is None:
        return ""
    ledger.change(custody=Custody.FOREIGN)
    held = theirs.current.text if theirs.current else ""
    return f"{may_not(ledger)} ({theirs.path} holds {quoted(held)})"
