"""What a Notify means: reasons of a contact, and reports of what was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from acs.devices.agents import Agent, StoredNotify
from acs.model import Contact, DeviceId, Event, EventKind, Fault
from acs.usp.announcement import (
    BOOT,
    PERIODIC,
    SCHEDULED,
    SOFTWARE_CHANGE,
    TRANSFER_COMPLETE,
    contact_of,
    events_of,
    is_periodic,
    notice_of,
)
from acs.usp.messages import Event as UspEvent
from acs.usp.messages import Notify, ValueChange

DOWNLOAD = "Device.DeviceInfo.FirmwareImage.2.Download()"


def kept(kind: str, path: str = "", key: str = "", **detail: str) -> StoredNotify:
    return StoredNotify("os::1", "m1", 5.0, kind, "s", path, key, detail, True)


@pytest.mark.parametrize(
    ("notify", "kinds"),
    [
        (kept("OnBoardRequest"), [EventKind.ON_BOARD_REQUEST]),
        (kept("Event", BOOT, Cause="LocalReboot"), [EventKind.BOOT]),
        (kept("Event", BOOT), [EventKind.BOOT]),
        (
            kept("Event", BOOT, Cause="LocalFactoryReset"),
            [EventKind.BOOTSTRAP, EventKind.BOOT],
        ),
        (
            kept("Event", BOOT, Cause="RemoteFactoryReset"),
            [EventKind.BOOTSTRAP, EventKind.BOOT],
        ),
        (kept("Event", BOOT, Cause="FactoryReset"), [EventKind.BOOTSTRAP, EventKind.BOOT]),
        (
            kept("Event", BOOT, "job-7", Cause="RemoteReboot"),
            [EventKind.BOOT, EventKind.COMMAND_DONE],
        ),
        (kept("Event", TRANSFER_COMPLETE, "job-7"), [EventKind.TRANSFER_COMPLETE]),
        (kept("Event", SOFTWARE_CHANGE), [EventKind.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE]),
        (kept("Event", "Device.X_TP.Hot!"), []),
        (kept("ValueChange", "Device.A.B"), [EventKind.VALUE_CHANGE]),
        (kept("ObjectCreation", "Device.A.1."), []),
        (kept("ObjectDeletion", "Device.A.1."), []),
        (kept("OperationComplete", DOWNLOAD, "job-7"), [EventKind.TRANSFER_COMPLETE]),
        (kept("OperationComplete", "Device.SelfTest()", "k"), [EventKind.OPERATION_COMPLETE]),
        (kept("OperationComplete", SCHEDULED, "k"), [EventKind.SCHEDULED]),
    ],
    ids=lambda value: f"{value.kind} {value.path}" if isinstance(value, StoredNotify) else "",
)
def test_reasons(notify: StoredNotify, kinds: list[EventKind]) -> None:
    assert [each.kind for each in events_of(notify)] == kinds


def test_reasons_carry_their_keys() -> None:
    assert events_of(kept("OperationComplete", DOWNLOAD, "job-7")) == (
        Event(EventKind.TRANSFER_COMPLETE, "job-7", "Download()"),
    )


def test_the_end_of_a_command_is_a_report_with_its_outputs() -> None:
    notice = notice_of(kept("OperationComplete", "Device.SelfTest()", "k", Result="fine"))
    assert notice is not None
    assert (notice.kind, notice.key, notice.fault) == (EventKind.OPERATION_COMPLETE, "k", None)
    assert notice.detail == {"Command": "Device.SelfTest()", "Result": "fine"}


def test_the_failure_of_a_command_is_a_report_with_its_fault() -> None:
    failed = kept("OperationComplete", DOWNLOAD, "k", FaultCode="7022", FaultString="no file")
    notice = notice_of(failed)
    assert notice is not None
    assert (notice.kind, notice.fault) == (EventKind.TRANSFER_COMPLETE, Fault(7022, "no file"))


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("0", None),
        ("", None),
        ("7022", Fault(7022, "why")),
        ("-1", None),
        ("٣", None),
        ("9" * 5000, None),
        ("7022 ", None),
    ],
)
def test_fault_codes_are_numbers_or_none(code: str, fault: Fault | None) -> None:
    notice = notice_of(kept("Event", TRANSFER_COMPLETE, "k", FaultCode=code, FaultString="why"))
    assert notice is not None and notice.fault == fault


def test_a_transfer_without_a_key_was_not_asked_for() -> None:
    notice = notice_of(kept("Event", TRANSFER_COMPLETE, TransferType="Download", FaultCode="0"))
    assert notice is not None
    assert notice.kind is EventKind.AUTONOMOUS_TRANSFER_COMPLETE
    assert notice.detail["IsDownload"] == "True"


@pytest.mark.parametrize("command", ["InstallDU()", "Update()", "Uninstall()"])
def test_the_end_of_a_software_command(command: str) -> None:
    notice = notice_of(kept("OperationComplete", f"Device.SoftwareModules.{command}", "k"))
    assert notice is not None and notice.kind is EventKind.DU_STATE_CHANGE_COMPLETE


def test_a_change_of_software_tells_its_unit() -> None:
    told = {"UUID": "u", "CurrentState": "Installed", "Resolved": "1", "Fault.FaultCode": "7232"}
    notice = notice_of(kept("Event", SOFTWARE_CHANGE, **told))
    assert notice is not None
    (unit,) = notice.units
    assert (unit.uuid, unit.state, unit.resolved) == ("u", "Installed", True)
    assert unit.fault == Fault(7232, "")


@pytest.mark.parametrize("kind", ["OnBoardRequest", "ValueChange", "ObjectCreation"])
def test_other_notifies_report_nothing_that_was_asked(kind: str) -> None:
    assert notice_of(kept(kind, "Device.A.")) is None


def test_periodic_is_told_from_other_events() -> None:
    path, _, name = PERIODIC.rpartition(".")
    assert is_periodic(Notify("p", True, UspEvent(f"{path}.", name)))
    assert not is_periodic(Notify("p", True, UspEvent("Device.", "Boot!")))
    assert not is_periodic(Notify("p", True, ValueChange(PERIODIC, "")))


# --- contacts ----------------------------------------------------------------------------

KNOWN = Agent(
    "os::1", oui="1C61B4", product_class="Device2", serial_number="1", model="XX230v", software="1"
)


def contact(*notifies: StoredNotify, **more: Any) -> Contact:
    told: dict[str, Any] = {"at": 7.0, "session": "s", "address": "", "credential": "own"}
    return contact_of(KNOWN, notifies, **(told | more))


def test_all_that_waits_is_one_contact() -> None:
    reset = kept("Event", BOOT, Cause="LocalFactoryReset")
    done = kept("OperationComplete", "Device.SelfTest()", "k")
    asked = Event(EventKind.ASKED, text="a job")
    made = contact(reset, reset, done, more=(asked,))
    assert made.device == DeviceId("1C61B4", "Device2", "1")
    assert (made.protocol, made.root, made.at) == ("usp", "Device.", 7.0)
    assert [each.kind for each in made.events] == [
        EventKind.ASKED,
        EventKind.BOOTSTRAP,
        EventKind.BOOT,
        EventKind.OPERATION_COMPLETE,
    ]
    assert made.told("DeviceInfo.ModelName") == "XX230v"


def test_an_agent_that_told_no_identity_makes_no_contact() -> None:
    with pytest.raises(ValueError, match="has not told which device"):
        contact_of(Agent("os::1"), (), at=0, session="", address="", credential="own")


def test_boot_parameters_are_values() -> None:
    told = {"Device.A.B": "x", "Device.A.C": True, "Device.A.D": 7, "Else.E": "no", "Device.F": []}
    values = contact(kept("Event", BOOT, ParameterMap=json.dumps(told))).values
    assert {path: values[path].text for path in told if path in values} == {
        "Device.A.B": "x",
        "Device.A.C": "true",
        "Device.A.D": "7",
    }


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "null", "[" * 100_000, '{"Device.A": ' * 9999]
)
def test_boot_parameters_that_are_none_do_no_harm(text: str) -> None:
    assert contact(kept("Event", BOOT, ParameterMap=text)).has(EventKind.BOOT)
