"""Match the device on the line to its equipment, reading what it does not announce."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from acs.devices import identity
from acs.devices.effects import AddTimeline, SaveDevice
from acs.devices.identity import Ambiguous, Equipment, Hints, Match, Matched, Rule, Unmatched
from acs.devices.ledger import Ledger
from acs.devices.record import Device, Standing, TimelineEntry
from acs.devices.source import Pending
from acs.model import DataModel, EventKind, Value, Values
from acs.profiles import Blueprint


async def match_equipment(ledger: Ledger, line: DataModel) -> bool:
    """Match the device to exactly one equipment; True when it is matched.

    Otherwise it stands quarantined, or waiting while ERPNext has not answered yet.
    """
    device = ledger.device
    known = bool(device.equipment and ledger.opened.wish)
    if known and not ledger.contact.has(EventKind.BOOTSTRAP):
        ledger.house.source.refresh(device.equipment)
        return True
    hints = Hints(ledger.contact.device, device.mac)
    found = await _look_up(ledger, hints)
    if isinstance(found, Unmatched):
        announced, hints = hints, await _read_more(ledger, line, hints)
        if hints != announced:
            found = await _look_up(ledger, hints)
    match found:
        case Matched(equipment, rule):
            if device.equipment != equipment.name:
                if not await _claim(ledger, equipment):
                    return False
                ledger.change(equipment=equipment.name, matched_by=str(rule))
                ledger.change(suggestion="", lost="")
                ledger.say("matched", f"{equipment.name} by {rule}")
                ledger.stand(Standing.PENDING, "matched, not provisioned yet")
            return True
        case Ambiguous(equipments, rule):
            names = ", ".join(e.name for e in equipments)
            _unmatch(ledger)
            reason = f"{rule} fits more than one equipment: {names}"
            ledger.stand(Standing.QUARANTINED, reason)
        case Unmatched(None):
            _unmatch(ledger)
            reason = ledger.house.source.absent
            if not (ledger.contact.shows_all or hints.mac or hints.gpon_serial):
                reason += "; it shows our role neither a MAC nor a GPON serial"
            ledger.stand(Standing.QUARANTINED, reason)
        case Unmatched(near) if near is not None:
            _unmatch(ledger, near.name)
            reason = f"no equipment fits; {near.name} has a MAC close to it, please check"
            ledger.stand(Standing.QUARANTINED, reason)
        case Pending(reason):
            if known:
                return True
            if not device.equipment:
                ledger.stand(Standing.WAITING, reason)
    return False


async def _claim(ledger: Ledger, equipment: Equipment) -> bool:
    """Take the equipment over from devices that hold it without right; else go to quarantine.

    Nobody who knows the shared secret may come with another's serial under a new name and be
    given that home's keys.
    """
    device = ledger.device
    for holder in await ledger.house.holders(equipment.name):
        if holder.id == device.id:
            continue
        if not _may_replace(ledger, holder, equipment):
            _unmatch(ledger)
            held = f"{equipment.name} is matched to {holder.key}"
            ledger.stand(Standing.QUARANTINED, f"{held}: forget that one if this replaces it")
            return False
        reason = f"{equipment.name} is matched to {device.key} now"
        gone = {"equipment": "", "matched_by": "", "wish": "", "standing": Standing.QUARANTINED}
        gone["lost"] = equipment.name if holder.fingerprint else ""
        entry = TimelineEntry(
            holder.id, ledger.contact.at, "quarantined", reason, ledger.contact.session
        )
        ledger.learn(SaveDevice(holder.id, {**gone, "reason": reason}), AddTimeline(entry))
    return True


def _may_replace(ledger: Ledger, holder: Device, equipment: Equipment) -> bool:
    """Tell whether the device on the line may take the place of ``holder``."""
    device, contact = ledger.device, ledger.contact
    if (holder.oui, holder.serial_number) == (device.oui, device.serial_number):
        # The same unit under another ProductClass, if it proves no less than the holder did.
        again = ledger.house.policy.rebootstrap and contact.has(EventKind.BOOTSTRAP)
        return contact.credential != "bootstrap" or not holder.own_credentials or again
    if holder.matched_by == Rule.GPON_SERIAL:
        return False
    # ERPNext was corrected: the equipment is another unit now, as after a swap of the box.
    fits = identity.match(Hints(holder.device_id, holder.mac), (equipment,))
    return not isinstance(fits, Matched)


async def _read_more(ledger: Ledger, line: DataModel, hints: Hints) -> Hints:
    """Read what may tell who it is. A MAC is kept; a GPON serial can be changed in the unit."""
    blueprint = ledger.blueprint()
    if blueprint is None or (hints.mac and not blueprint.gpon_paths):
        return hints
    return await read_identity(ledger, line, blueprint)


async def read_identity(ledger: Ledger, line: DataModel, blueprint: Blueprint) -> Hints:
    """Read what a TP-Link does not announce: MAC, GPON serial and model name."""
    hints = Hints(ledger.contact.device, ledger.device.mac)
    told = dict(ledger.contact.values)
    asked = (*blueprint.mac_paths, *blueprint.gpon_paths, blueprint.model_path)
    unknown = [path for path in asked if path and path not in told]
    if unknown:
        answer = await line.get(*unknown)
        if not isinstance(answer, Values):
            ledger.say("identity", f"MAC could not be read: {answer}")
            return hints
        told.update(answer.values)
    model = told.get(blueprint.model_path)
    if model is not None and model.text:
        ledger.change(model=model.text)
    mac = _first(blueprint.mac_paths, told, identity.normal_mac)
    gpon = _first(blueprint.gpon_paths, told, identity.normal_gpon)
    if mac:
        ledger.change(mac=mac)
    return replace(hints, mac=mac or hints.mac, gpon_serial=gpon)


def still_fits(ledger: Ledger, equipment: Equipment) -> bool:
    """Tell whether ``equipment``, corrected in ERPNext meanwhile, may still be this device.

    A GPON serial is not kept, so what was matched by it is believed.
    """
    device = ledger.device
    if device.matched_by == Rule.GPON_SERIAL:
        return True
    found = identity.match(Hints(ledger.contact.device, device.mac), (equipment,))
    return isinstance(found, Matched)


def unmatch_gone(ledger: Ledger, reason: str, *, lost: str = "") -> None:
    """The matched equipment is gone, or is to be another device's (``lost``): to quarantine."""
    if ledger.device.fingerprint:
        ledger.change(lost=lost)
    _unmatch(ledger)
    ledger.stand(Standing.QUARANTINED, reason)


async def _look_up(ledger: Ledger, hints: Hints) -> Match | Pending:
    found = await ledger.house.source.find(identity.terms(hints))
    return found if isinstance(found, Pending) else identity.match(hints, found.equipment)


def _unmatch(ledger: Ledger, suggestion: str = "") -> None:
    ledger.customer = ""
    ledger.change(equipment="", matched_by="", suggestion=suggestion, wish="")


def _first(paths: tuple[str, ...], told: Mapping[str, Value], normal: Callable[[str], str]) -> str:
    """The first of ``paths`` that was told something meaningful, in normal form."""
    for path in paths:
        if path in told and (text := normal(told[path].text)):
            return text
    return ""
