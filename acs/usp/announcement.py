"""What an agent reports, in neutral terms: which Notify calls for a visit, and what it says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from acs.devices.agents import Agent, StoredNotify
from acs.devices.files import without_links
from acs.model import Contact, Event, EventKind, Fault, Notice, UnitResult, Value
from acs.usp import messages
from acs.usp.messages import Notify

ROOT = "Device."
BOOT = "Device.Boot!"
PERIODIC = "Device.LocalAgent.Periodic!"
TRANSFER_COMPLETE = "Device.LocalAgent.TransferComplete!"
SOFTWARE_CHANGE = "Device.SoftwareModules.DUStateChange!"
SCHEDULED = "Device.ScheduleTimer()"
WATCH = "acs-look"
"""Id of the subscriptions whose value changes make us look at the device again."""
TEXT_LENGTH = 4000
"""Characters that are kept of each text of a Notify."""
MAX_DETAILS = 2000
"""Arguments that are kept of a Notify: a scan tells a dozen of each network it sees."""
DETAIL_LENGTH = 65_536
"""Characters that are kept of all arguments together."""
_RESETS = ("LocalFactoryReset", "RemoteFactoryReset", "FactoryReset")
_TRANSFERS = ("Download()", "Upload()", "Backup()", "Restore()")
_SOFTWARE = ("InstallDU()", "Update()", "Uninstall()")


def stored(endpoint: str, msg_id: str, at: float, notify: Notify) -> StoredNotify:
    """A Notify as it is kept, its texts bounded. ``at``: our clock, seconds since the epoch."""
    content = notify.content
    path = key = ""
    detail: dict[str, str] = {}
    match content:
        case messages.Event(path, name, params):
            path, key, detail = path + name, params.get("CommandKey", ""), _bounded(params)
            if "TransferURL" in detail:
                # An address of our file server is a permission.
                detail["TransferURL"] = without_links(detail["TransferURL"])
        case messages.ValueChange(path, value):
            detail = {"value": _short(value)}
        case messages.ObjectCreation(path, keys):
            detail = _bounded(keys)
        case messages.ObjectDeletion(path):
            pass
        case messages.OperationComplete(path, command, key, outputs, failure):
            path, detail = path + command, _bounded(outputs)
            if failure is not None:
                detail = {"FaultCode": str(failure.code), "FaultString": _short(failure.text)}
        case messages.OnBoardRequest(oui, product_class, serial, versions):
            detail = {
                "ManufacturerOUI": _short(oui),
                "ProductClass": _short(product_class),
                "SerialNumber": _short(serial),
                "Versions": _short(",".join(versions)),
            }
    kept = StoredNotify(
        endpoint,
        msg_id,
        at,
        type(content).__name__,
        _short(notify.subscription_id),
        _short(path),
        _short(key),
        detail,
    )
    return replace(kept, waiting=True) if calls_for_visit(kept) else kept


def calls_for_visit(notify: StoredNotify) -> bool:
    """Tell whether something is to be done about it, besides keeping it."""
    match notify.kind:
        case "OnBoardRequest" | "OperationComplete":
            return True
        case "Event":
            return notify.path in (BOOT, TRANSFER_COMPLETE, SOFTWARE_CHANGE)
        case "ValueChange":
            return notify.subscription_id.startswith(WATCH)
        case _:
            return False


def is_periodic(notify: Notify) -> bool:
    """Tell whether it says no more than that the agent is there."""
    content = notify.content
    return isinstance(content, messages.Event) and content.path + content.name == PERIODIC


def events_of(notify: StoredNotify) -> tuple[Event, ...]:
    """The reasons of a contact that a Notify amounts to."""
    detail = notify.detail
    match notify.kind, notify.path:
        case "OnBoardRequest", _:
            return (Event(EventKind.ON_BOARD_REQUEST, text="OnBoardRequest"),)
        case "Event", path if path == BOOT:
            cause = detail.get("Cause", "")
            boot = Event(EventKind.BOOT, text=f"Boot! {cause}".rstrip())
            found = [boot]
            if cause in _RESETS:
                found.insert(0, Event(EventKind.BOOTSTRAP, text=f"Boot! {cause}"))
            if notify.key:
                found.append(Event(EventKind.COMMAND_DONE, notify.key, "Reboot"))
            return tuple(found)
        case "Event", path if path == TRANSFER_COMPLETE:
            return (Event(EventKind.TRANSFER_COMPLETE, notify.key, "TransferComplete!"),)
        case "Event", path if path == SOFTWARE_CHANGE:
            return (Event(EventKind.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE, text="DUStateChange!"),)
        case "ValueChange", path:
            return (Event(EventKind.VALUE_CHANGE, text=f"ValueChange {path}"),)
        case "OperationComplete", path if path == SCHEDULED:
            return (Event(EventKind.SCHEDULED, notify.key, path),)
        case "OperationComplete", path:
            kind = (
                EventKind.TRANSFER_COMPLETE
                if path.endswith(_TRANSFERS)
                else EventKind.OPERATION_COMPLETE
            )
            return (Event(kind, notify.key, path.rpartition(".")[2]),)
        case _:
            return ()


def notice_of(notify: StoredNotify) -> Notice | None:
    """What a Notify reports of something that was asked; None: it reports nothing such."""
    detail = dict(notify.detail)
    match notify.kind, notify.path:
        case "OperationComplete", path:
            fault = _fault(detail) if "FaultCode" in detail else None
            detail = {"Command": path, **detail}
            if path.endswith(_TRANSFERS):
                return Notice(EventKind.TRANSFER_COMPLETE, notify.key, fault, detail)
            if path.endswith(_SOFTWARE):
                kind = EventKind.DU_STATE_CHANGE_COMPLETE
                return Notice(kind, notify.key, fault, detail)
            return Notice(EventKind.OPERATION_COMPLETE, notify.key, fault, detail)
        case "Event", path if path == TRANSFER_COMPLETE:
            if not notify.key:
                told = {"IsDownload": str(detail.get("TransferType") == "Download"), **detail}
                kind = EventKind.AUTONOMOUS_TRANSFER_COMPLETE
                return Notice(kind, "", _fault(detail), told)
            return Notice(EventKind.TRANSFER_COMPLETE, notify.key, _fault(detail), detail)
        case "Event", path if path == SOFTWARE_CHANGE:
            kind = EventKind.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE
            return Notice(kind, "", None, detail, (_unit(detail),))
        case _:
            return None


def contact_of(
    agent: Agent,
    notifies: Iterable[StoredNotify],
    *,
    at: float,
    session: str,
    address: str,
    credential: str,
    more: tuple[Event, ...] = (),
    told: Mapping[str, Value] = MappingProxyType({}),
) -> Contact:
    """All that waits of one agent as a contact.

    ``more``: reasons that no Notify stands for; ``told``: parameters that were asked for.

    Raises `ValueError` when the agent has not told which device it is.
    """
    device = agent.device_id_told
    if device is None:
        raise ValueError(f"{agent.endpoint} has not told which device it is")
    known = {
        "DeviceInfo.Manufacturer": agent.manufacturer,
        "DeviceInfo.ModelName": agent.model,
        "DeviceInfo.HardwareVersion": agent.hardware,
        "DeviceInfo.SoftwareVersion": agent.software,
    }
    values = {**told, **{ROOT + leaf: Value(text) for leaf, text in known.items() if text}}
    events = dict.fromkeys((*more, *(event for each in notifies for event in events_of(each))))
    for each in notifies:
        values.update(_boot_values(each))
    return Contact(
        device=device,
        manufacturer=agent.manufacturer,
        protocol="usp",
        root=ROOT,
        events=tuple(events),
        values=values,
        at=at,
        address=address,
        credential=credential,
        session=session,
    )


def _boot_values(notify: StoredNotify) -> Mapping[str, Value]:
    """Parameters that came with Boot!, by our BootParameter rows (TR-181 Boot! ParameterMap)."""
    if notify.kind != "Event" or notify.path != BOOT:
        return {}
    try:
        told = json.loads(notify.detail.get("ParameterMap", ""))
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {
        path: Value(str(value).lower() if isinstance(value, bool) else str(value))
        for path, value in told.items()
        if path.startswith(ROOT) and isinstance(value, str | int | float | bool)
    }


def _fault(detail: Mapping[str, str]) -> Fault | None:
    code = detail.get("FaultCode", "")
    number = int(code) if code.isascii() and code.isdecimal() and len(code) < 10 else 0
    return Fault(number, detail.get("FaultString", "")) if number else None


def _unit(detail: Mapping[str, str]) -> UnitResult:
    code = detail.get("Fault.FaultCode", "")
    failed = code.isascii() and code.isdecimal() and len(code) < 10 and int(code) != 0
    return UnitResult(
        uuid=detail.get("UUID", ""),
        state=detail.get("CurrentState", ""),
        version=detail.get("Version", ""),
        path=detail.get("DeploymentUnitRef", ""),
        resolved=detail.get("Resolved", "").lower() in ("true", "1"),
        execution_units=detail.get("ExecutionUnitRefList", ""),
        fault=Fault(int(code), detail.get("Fault.FaultString", "")) if failed else None,
        operation=detail.get("OperationPerformed", ""),
    )


def _bounded(told: Mapping[str, str]) -> dict[str, str]:
    if sum(map(len, told)) + sum(map(len, told.values())) <= TEXT_LENGTH:
        return dict(told)
    kept: dict[str, str] = {}
    room = DETAIL_LENGTH
    for name, value in told.items():
        room -= min(len(name), TEXT_LENGTH) + min(len(value), TEXT_LENGTH)
        if room < 0 or len(kept) >= MAX_DETAILS:
            break
        kept[_short(name)] = _short(value)
    return kept


def _short(text: str) -> str:
    return text[:TEXT_LENGTH]
