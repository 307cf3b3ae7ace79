"""The rarer jobs: names, attributes, schedule inform, what a device can do, software."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import PERIODIC, call, done, the_job

from acs.devices.jobs import KINDS, command_key
from acs.devices.record import Job, JobKind, JobState
from acs.model import (
    Attribute,
    AttributeChange,
    Attributes,
    ChangeSoftware,
    Event,
    EventKind,
    Fault,
    Install,
    ListMethods,
    ListOptions,
    Methods,
    Notice,
    Option,
    Options,
    ReadAttributes,
    ScheduleInform,
    Secret,
    SessionLost,
    SetAttributes,
    SetVouchers,
    Started,
    Uninstall,
    UnitResult,
    Update,
    Written,
)

UPTIME = "Device.DeviceInfo.UpTime"
SSID = "Device.WiFi.SSID.1.SSID"
UUID = "3f1e2d4c-0000-4000-8000-000000000001"


def set_up(kind: JobKind, **payload: object) -> tuple[MemoryHouse, MemoryDevice]:
    house, device = MemoryHouse(), MemoryDevice({UPTIME: 5, SSID: "home"}, read_only=[UPTIME])
    call(house, device)
    house.jobs = [Job(7, 1, kind, payload)]
    return house, device


def error(house: MemoryHouse) -> str:
    assert the_job(house).state is JobState.FAILED
    return str(the_job(house).result["error"])


def test_there_is_a_way_to_do_every_kind_of_job() -> None:
    assert set(KINDS) == set(JobKind)


def test_a_command_key_fits_into_32_characters() -> None:
    assert len(command_key(Job(2**63 - 1, 1, JobKind.DOWNLOAD))) <= 32


INSTALL = {"do": "install", "url": "http://h/x"}


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (JobKind.ATTRIBUTES, {"paths": [UPTIME]}),
        (JobKind.NOTIFY, {"changes": [{"path": UPTIME, "notification": 1}]}),
        (JobKind.SCHEDULE_INFORM, {"delay": 5}),
        (JobKind.METHODS, {}),
        (JobKind.OPTIONS, {}),
        (JobKind.VOUCHERS, {"vouchers": ["YQ=="]}),
        (JobKind.SOFTWARE, {"operations": [{"do": "install", "url": "http://h/x"}]}),
    ],
)
def test_a_device_that_does_not_know_the_method(kind: JobKind, payload: dict[str, object]) -> None:
    house, device = set_up(kind, **payload)
    call(house, device)
    assert error(house) == "the device does not know this method (fault 9000)"
    assert the_job(house).result["code"] == 9000


@pytest.mark.parametrize(
    ("kind", "payload", "named"),
    [
        (JobKind.SET, {}, "changes"),
        (JobKind.SET, {"changes": [{"value": "x"}]}, "path"),
        (JobKind.SET, {"changes": [{"path": SSID, "value": "x", "type": "text"}]}, "'text'"),
        (JobKind.SET, {"changes": [{"path": SSID}]}, "the value of"),
        (JobKind.READ, {}, "paths"),
        (JobKind.ADD, {"table": "Device.WiFi.SSID.", "values": ["x"]}, "values"),
        (JobKind.ADD, {}, "table"),
        (JobKind.DELETE, {}, "row"),
        (JobKind.ATTRIBUTES, {}, "paths"),
        (JobKind.NOTIFY, {"changes": []}, "changes"),
        (JobKind.NOTIFY, {"changes": [{"path": SSID}]}, "nothing is to be changed"),
        (JobKind.NOTIFY, {"changes": [{"path": SSID, "notification": 7}]}, "none of 0 to 6"),
        (JobKind.SCHEDULE_INFORM, {"delay": 0}, "less than one second"),
        (JobKind.SCHEDULE_INFORM, {"delay": "soon"}, "whole number"),
        (JobKind.VOUCHERS, {}, "vouchers"),
        (JobKind.VOUCHERS, {"vouchers": ["***"]}, "Base64"),
        (JobKind.VOUCHERS, {"vouchers": ["é"]}, "Base64"),
        (JobKind.SCHEDULE_INFORM, {"delay": 2**32}, "whole number"),
        (JobKind.SOFTWARE, {"operations": []}, "operations"),
        (JobKind.SOFTWARE, {"operations": [{"do": "paint"}]}, "'paint'"),
        (JobKind.SOFTWARE, {"operations": [{"do": "install"}]}, "url"),
        (JobKind.SOFTWARE, {"operations": [{"do": "update"}]}, "neither uuid nor url"),
        (JobKind.SOFTWARE, {"operations": [{"do": "uninstall"}]}, "uuid"),
        (JobKind.CANCEL_TRANSFER, {}, "neither key nor job"),
        (JobKind.SOFTWARE, {"operations": [INSTALL], "timeout": "15m"}, "timeout"),
        (JobKind.UPLOAD, {"timeout": "15m"}, "timeout"),
        (JobKind.DOWNLOAD, {"url": "http://h/x", "file_type": "1 F", "timeout": -1}, "timeout"),
        (JobKind.DOWNLOAD, {"file_type": "1 F"}, "neither url nor file"),
    ],
)
def test_a_job_that_makes_no_sense_fails_before_anything_is_sent(
    kind: JobKind, payload: dict[str, object], named: str
) -> None:
    house, device = set_up(kind, **payload)
    call(house, device)
    assert named in error(house)
    assert error(house).startswith("the job is not sound: ")
    assert device.asked == device.sets == []


# --- names and attributes ---------------------------------------------------------------------


def test_names_are_listed_with_whether_they_can_be_written() -> None:
    house, device = set_up(JobKind.NAMES)
    call(house, device)
    names = the_job(house).result["names"]
    assert isinstance(names, dict)
    assert (names[UPTIME], names[SSID]) == (False, True)
    assert "Device.WiFi." in names


def test_names_of_one_level() -> None:
    house, device = set_up(JobKind.NAMES, path="Device.", next_level=True)
    call(house, device)
    assert the_job(house).result["names"] == {"Device.DeviceInfo.": True, "Device.WiFi.": True}


def test_attributes_are_read() -> None:
    house, device = set_up(JobKind.ATTRIBUTES, paths=[UPTIME])
    device.answers[ReadAttributes] = Attributes((Attribute(UPTIME, 2, ("Subscriber",)),))
    call(house, device)
    assert the_job(house).result["attributes"] == {
        UPTIME: {"notification": 2, "access_list": ["Subscriber"]}
    }


def notified(*read: Attribute) -> tuple[MemoryHouse, MemoryDevice]:
    house, device = set_up(
        JobKind.NOTIFY,
        changes=[{"path": "Device.WiFi.", "notification": 2}, {"path": SSID, "access_list": []}],
    )
    device.answers[SetAttributes] = Written()
    device.answers[ReadAttributes] = Attributes(read)
    call(house, device)
    return house, device


def test_notification_is_read_back() -> None:
    house, device = notified(Attribute(SSID, 2), Attribute("Device.WiFi.Radio.1.Enable", 2))
    assert the_job(house).state is JobState.DONE
    changes = (AttributeChange("Device.WiFi.", 2), AttributeChange(SSID, None, ()))
    assert device.asked == [SetAttributes(changes), ReadAttributes(("Device.WiFi.", SSID))]
    proof: Any = the_job(house).result["proof"]
    assert [line["read"] for line in proof] == ["access by nobody else", "notification active"]


@pytest.mark.parametrize(
    ("read", "named"),
    [
        (
            (Attribute(SSID, 2), Attribute("Device.WiFi.Radio.1.Enable", 1)),
            "has notification passive, not notification active",
        ),
        ((Attribute(SSID, 2, ("Subscriber",)),), "access by Subscriber"),
        ((Attribute("Device.WiFi.Radio.1.Enable", 2),), f"{SSID} was not read back"),
    ],
)
def test_notification_that_was_not_taken_over_has_failed(
    read: tuple[Attribute, ...], named: str
) -> None:
    house, _device = notified(*read)
    assert named in error(house)


def test_notification_that_cannot_be_read_back_was_accepted() -> None:
    house, device = set_up(JobKind.NOTIFY, changes=[{"path": SSID, "notification": 0}])
    device.answers[SetAttributes] = Written()
    call(house, device)
    assert the_job(house).state is JobState.DONE
    assert str(the_job(house).result["text"]).startswith("accepted, but not read back")


def test_a_refused_notification_has_failed() -> None:
    house, device = set_up(JobKind.NOTIFY, changes=[{"path": UPTIME, "notification": 2}])
    device.answers[SetAttributes] = Fault(9009, "Notification request rejected")
    call(house, device)
    assert error(house) == f"{UPTIME}: fault 9009 (Notification request rejected)"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (JobKind.NAMES, {"path": "Device.Nope."}),
        (JobKind.ATTRIBUTES, {"paths": ["Device.Nope."]}),
    ],
)
def test_a_refusal_that_names_no_parameter_says_what_was_asked_for(
    kind: JobKind, payload: dict[str, object]
) -> None:
    house, device = set_up(kind, **payload)
    device.answers[ReadAttributes] = Fault(9005, "Invalid parameter name")
    call(house, device)
    assert error(house) == "Device.Nope.: fault 9005 (Invalid parameter name)"


# --- schedule inform --------------------------------------------------------------------------


def scheduled() -> tuple[MemoryHouse, MemoryDevice]:
    house, device = set_up(JobKind.SCHEDULE_INFORM, delay=300)
    device.answers[ScheduleInform] = Started()
    call(house, device)
    assert device.asked == [ScheduleInform(300, "job-7")]
    assert the_job(house).state is JobState.SENT
    return house, device


SCHEDULED = Event(EventKind.SCHEDULED, "", "3 SCHEDULED")


def test_a_scheduled_inform_is_done_when_the_device_says_so() -> None:
    house, device = scheduled()
    call(house, device, SCHEDULED, done("job-7", "ScheduleInform"), after=299)
    assert the_job(house).state is JobState.DONE


def test_one_without_a_key_counts_when_its_time_has_come() -> None:
    house, device = scheduled()
    call(house, device, SCHEDULED, after=100)
    assert the_job(house).state is JobState.SENT
    call(house, device, SCHEDULED, after=201)
    assert the_job(house).state is JobState.DONE


@pytest.mark.parametrize("event", [PERIODIC, done("job-8", "ScheduleInform")])
def test_other_events_say_nothing_of_it_and_in_the_end_it_has_failed(event: Event) -> None:
    house, device = scheduled()
    call(house, device, event, SCHEDULED if event is not PERIODIC else PERIODIC, after=301)
    assert the_job(house).state is JobState.SENT
    call(house, device, event, after=601)
    assert "did not call" in error(house)


def test_a_scheduled_inform_whose_session_was_lost_is_not_sent_again() -> None:
    house, device = set_up(JobKind.SCHEDULE_INFORM, delay=300)
    device.answers[ScheduleInform] = Started()
    device.lost_after = 2
    with pytest.raises(SessionLost):
        call(house, device)
    device.lost_after = None
    call(house, device, done("job-7", "ScheduleInform"), after=300)
    assert device.asked == []
    assert the_job(house).state is JobState.DONE


# --- what a device can do ---------------------------------------------------------------------


def test_methods() -> None:
    house, device = set_up(JobKind.METHODS)
    device.answers[ListMethods] = Methods(("Reboot", "X_ACME_Dance"))
    call(house, device)
    assert the_job(house).result["methods"] == ["Reboot", "X_ACME_Dance"]


def test_options() -> None:
    house, device = set_up(JobKind.OPTIONS, name="VoIP")
    device.answers[ListOptions] = Options((Option("VoIP", 5, 1, 0, "2026-01-01T00:00:00Z"),))
    call(house, device)
    assert device.asked == [ListOptions("VoIP")]
    (told,) = the_job(house).result["options"]  # type: ignore[misc]
    assert (told["name"], told["state"], told["start"]) == ("VoIP", 1, "2026-01-01T00:00:00Z")


def test_vouchers_are_handed_in_once() -> None:
    house, device = set_up(JobKind.VOUCHERS, vouchers=[b64encode(b"<v/>").decode()])
    device.answers[SetVouchers] = Started()
    device.lost_after = 2
    with pytest.raises(SessionLost):
        call(house, device)
    assert device.asked == [SetVouchers((b"<v/>",))]
    device.lost_after = None
    call(house, device)
    assert device.asked == []
    assert "not known" in error(house)


# --- software ---------------------------------------------------------------------------------

OPERATIONS = [
    {"do": "install", "url": "http://h/a", "username": "u", "password": "pw", "environment": "E."},
    {"do": "update", "uuid": UUID, "version": "2"},
    {"do": "uninstall", "uuid": UUID, "version": "1"},
]


def changed() -> tuple[MemoryHouse, MemoryDevice]:
    house, device = set_up(JobKind.SOFTWARE, operations=OPERATIONS)
    device.answers[ChangeSoftware] = Started()
    call(house, device)
    return house, device


def complete(*units: UnitResult, key: str = "job-7") -> Notice:
    return Notice(EventKind.DU_STATE_CHANGE_COMPLETE, key, None, {}, units)


INSTALLED = UnitResult(UUID, "Installed", "2", "Device.SoftwareModules.DeploymentUnit.1.")
UNINSTALLED = UnitResult(UUID, "Uninstalled", "1")
FAILED = UnitResult("", "Failed", fault=Fault(9026, "Duplicate Deployment Unit"))


def test_what_a_change_of_software_carries() -> None:
    house, device = changed()
    steps = (
        Install("http://h/a", "", "u", Secret("pw"), "E."),
        Update(UUID, "2"),
        Uninstall(UUID, "1"),
    )
    assert device.asked == [ChangeSoftware(steps, "job-7")]
    assert the_job(house).state is JobState.SENT


@pytest.mark.parametrize("key", ["job-7", ""])
def test_each_operation_has_its_result_in_order(key: str) -> None:
    house, device = changed()
    notice = complete(INSTALLED, INSTALLED, UNINSTALLED, key=key)
    call(house, device, done(key, "ChangeDUState"), notices=[notice])
    assert the_job(house).state is JobState.DONE
    results = the_job(house).result["results"]
    assert isinstance(results, list)
    assert [(r["do"], r["state"], r["version"]) for r in results] == [
        ("install", "Installed", "2"),
        ("update", "Installed", "2"),
        ("uninstall", "Uninstalled", "1"),
    ]


def test_the_operation_that_went_wrong_is_named() -> None:
    house, device = changed()
    call(house, device, notices=[complete(INSTALLED, FAILED, UNINSTALLED)])
    assert error(house) == "update: fault 9026 (Duplicate Deployment Unit)"
    assert len(the_job(house).result["results"]) == 3  # type: ignore[arg-type]


def test_a_result_that_is_missing_is_told() -> None:
    house, device = changed()
    call(house, device, notices=[complete(INSTALLED)])
    assert error(house) == "it reported 1 results for 3 operations"


def test_a_change_that_is_never_reported_fails_in_the_end() -> None:
    house, device = changed()
    call(house, device, after=house.policy.transfer_timeout - 1)
    assert the_job(house).state is JobState.SENT
    call(house, device, after=2)
    assert "did not report" in error(house)


def test_a_refused_change_quotes_no_password() -> None:
    house, device = set_up(JobKind.SOFTWARE, operations=OPERATIONS)
    device.answers[ChangeSoftware] = Fault(9003, "login with pw is not possible")
    call(house, device)
    assert error(house) == "fault 9003 (login with *** is not possible)"
