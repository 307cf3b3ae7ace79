"""Requests of USP as they are: answered, refused, and shown without their secrets."""

from __future__ import annotations

from typing import Any

import pytest
from device_in_memory import MemoryDevice
from house_in_memory import MemoryHouse
from jobs_in_memory import call, the_job

from acs.devices.record import Job, JobKind, JobState
from acs.model import Answer, Fault, SendMessage, SessionLost
from acs.profiles.message_secrets import secrets_of
from acs.profiles.secrets import Masks

GET = {"get": {"param_paths": ["Device.DeviceInfo."], "max_depth": 1}}
SECURITY = "Device.WiFi.AccessPoint.1.Security."
SET = {
    "set": {
        "update_objs": [
            {
                "obj_path": SECURITY,
                "param_settings": [
                    {"param": "ModeEnabled", "value": "WPA2-Personal", "required": True},
                    {"param": "KeyPassphrase", "value": "hush-hush", "required": True},
                ],
            }
        ]
    }
}
OPERATE = {
    "operate": {
        "command": "Device.DeviceInfo.FirmwareImage.2.Download()",
        "input_args": {"URL": "http://h/f", "Password": "hush-hush"},
    }
}
GET_RESP = {
    "get_resp": {
        "req_path_results": [
            {
                "requested_path": SECURITY,
                "resolved_path_results": [
                    {
                        "resolved_path": SECURITY,
                        "result_params": {"KeyPassphrase": "hush-hush", "ModeEnabled": "WPA2"},
                    }
                ],
            }
        ]
    }
}


def set_up(answer: object, *, usp: bool = True, **payload: object) -> Any:
    house, device = MemoryHouse(), MemoryDevice({}, usp=usp)
    call(house, device)
    device.answers[SendMessage] = answer
    house.jobs = [Job(7, 1, JobKind.MESSAGE, payload or {"request": GET})]
    return house, device


def test_the_answer_is_the_result() -> None:
    house, device = set_up(Answer({"get_resp": {"req_path_results": []}}))
    call(house, device)
    assert device.asked == [SendMessage(GET)]
    assert the_job(house).state is JobState.DONE
    assert the_job(house).result["answer"] == {"get_resp": {"req_path_results": []}}


def test_an_error_of_the_device_is_kept_and_named_and_is_no_fault_of_it() -> None:
    error = {"error": {"err_code": 7026, "err_msg": "Invalid path"}}
    house, device = set_up(Answer(error))
    call(house, device)
    job = the_job(house)
    assert job.state is JobState.FAILED
    assert job.result["error"] == "the device answered with error 7026 (Invalid path)"
    assert job.result["answer"] == error
    assert house.faults == []


@pytest.mark.parametrize(
    ("usp", "named"),
    [(True, "fault 7004 (no field"), (False, "only a device that speaks USP")],
)
def test_a_request_that_could_not_be_made_says_why(usp: bool, named: str) -> None:
    answer = Fault(7004, "no field 'paths'") if usp else Fault(9000, "Method not supported")
    house, device = set_up(answer, usp=usp)
    call(house, device)
    assert named in str(the_job(house).result["error"])


def test_it_is_sent_once_only() -> None:
    def goes_away(_request: SendMessage) -> Answer:
        raise SessionLost("gone")

    house, device = set_up(goes_away, request=SET)
    with pytest.raises(SessionLost):
        call(house, device)
    assert device.asked == [SendMessage(SET)]
    call(house, device)
    assert device.asked == []
    assert "whether it took effect is not known" in str(the_job(house).result["error"])


@pytest.mark.parametrize(
    "request_form", [None, [], {}, {"get": {}, "set": {}}, {"get": "Device."}, "get"]
)
def test_a_request_of_another_form_is_not_sent(request_form: object) -> None:
    house, device = set_up(Answer({}), request=request_form)
    call(house, device)
    assert str(the_job(house).result["error"]).startswith("the job is not sound: ")
    assert device.asked == []


# --- secrets ----------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [SET, OPERATE, GET_RESP], ids=["set", "operate", "get_resp"])
def test_secrets_of_a_message_are_found_by_their_names(message: dict[str, Any]) -> None:
    masks = Masks()
    assert secrets_of(message, masks.hides) == ("hush-hush",)
    for shown in (masks.payload({"request": message}), masks.result({"answer": message})):
        assert "hush-hush" not in str(shown)
        assert str(shown).count("***") == 1
        assert "WPA2" in str(shown) or "http://h/f" in str(shown)


def test_an_empty_value_says_that_nothing_is_told() -> None:
    answer = {"get_resp": {"resolved_path": SECURITY, "result_params": {"KeyPassphrase": ""}}}
    assert Masks().result({"answer": answer})["answer"] == answer


def test_what_a_blueprint_calls_secret_is_found_by_its_full_name() -> None:
    masks = Masks(frozenset(["Device.X.{i}.Y.Odd"]))
    answer = {"get_resp": {"resolved_path": "Device.X.4.Y.", "result_params": {"Odd": "h"}}}
    assert masks.result({"answer": answer})["answer"]["get_resp"]["result_params"] == {"Odd": "***"}


@pytest.mark.parametrize(
    "answer",
    [
        Fault(7012, "hush-hush is short"),
        Answer({"error": {"err_code": 7012, "err_msg": "hush-hush"}}),
    ],
)
def test_a_refusal_quotes_no_secret(answer: object) -> None:
    house, device = set_up(answer, request=SET)
    call(house, device)
    assert "hush-hush" not in str(the_job(house).result["error"])
    assert "hush-hush" not in str(house.timeline)
