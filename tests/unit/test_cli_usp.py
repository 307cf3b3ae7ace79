"""`acs usp`: agents, what they reported and support, raw requests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cli_on_disk import KEY, SERIAL, House, finish
from click import UsageError

from acs.cli.assignments import split
from acs.cli.usp_request import Extra, parsed, request
from acs.cli.waiting import follow
from acs.devices.agents import Agent, Presence, StoredNotify
from acs.devices.effects import SaveAgent, SaveDevice, SaveNotify, SaveSupportedModel
from acs.devices.record import JobKind, JobState
from acs.devices.vocabulary import model_key
from acs.usp.messages import (
    CommandType,
    ObjectAccess,
    ParamAccess,
    ParamType,
    SupportedCommand,
    SupportedEvent,
    SupportedObject,
    SupportedParam,
)
from acs.usp.supported import pack

ONT = "os::1C61B4-22275A7000001"
STRANGER = "os::1C61B4-UNKNOWN"
MODEL = model_key(Agent(ONT, manufacturer="TP-Link", model="XX230v", software="1.2"))
SSID = SupportedObject(
    "Device.WiFi.SSID.{i}.",
    ObjectAccess.ADD_DELETE,
    True,
    (
        SupportedParam("SSID", ParamAccess.READ_WRITE, ParamType.STRING),
        SupportedParam("LastChange", ParamAccess.READ_ONLY, ParamType.UNSIGNED_INT),
    ),
    unique_keys=(("Alias",), ("Name",)),
)
PING = SupportedObject(
    "Device.IP.Diagnostics.",
    commands=(SupportedCommand("IPPing()", ("Host",), ("Status",), CommandType.ASYNC),),
    events=(SupportedEvent("Done!", ("Cause",)),),
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "data")
    device_id = house.matched_device()
    agent: dict[str, object] = {
        "device_id": device_id,
        "manufacturer": "TP-Link",
        "model": "XX230v",
        "software": "1.2",
        "mtp": "mqtt",
        "versions": "1.2,1.3",
        "version": "1.3",
        "reply_to": f"usp/v1/agent/{ONT}",
        "credential": "own",
        "presence": Presence.OFFLINE,
        "presence_at": 1_790_000_000.0,
        "evidence": "broker: keep-alive exceeded",
        "settled": "ab12",
    }
    house.apply(
        SaveDevice(device_id, {"protocol": "usp"}),
        SaveAgent(ONT, agent),
        SaveAgent(STRANGER, {"mtp": "websocket", "presence": Presence.ONLINE}),
    )
    return house


def report(msg_id: str, **told: Any) -> SaveNotify:
    return SaveNotify(StoredNotify(ONT, msg_id, **{"at": 1_790_000_000.0, **told}))


# --- agents -----------------------------------------------------------------------------------


def test_agents_are_listed_and_counted(house: House) -> None:
    answer = house.json("usp", "agents")
    assert [(each["endpoint"], each["device"]) for each in answer["agents"]] == [
        (ONT, KEY),
        (STRANGER, None),
    ]
    assert answer["counts"] == {"online": 1, "offline": 1, "unknown": 0}
    assert answer["after"] is None
    shown = house.run("usp", "agents").stdout
    assert "broker: keep-alive exceeded" in shown
    assert "2 in all: 1 online, 1 offline" in shown


def test_agents_are_narrowed_and_paged(house: House) -> None:
    def listed(*options: str) -> list[str]:
        return [each["endpoint"] for each in house.json("usp", "agents", *options)["agents"]]

    assert listed("--presence", "online") == [STRANGER]
    assert listed("--mtp", "mqtt") == [ONT]
    assert listed("--search", "xx230") == [ONT]
    page = house.json("usp", "agents", "--limit", "1")
    assert listed("--after", page["after"]) == [STRANGER]


@pytest.mark.parametrize("name", [ONT, SERIAL, "EQP-00001"])
def test_an_agent_is_found_by_endpoint_and_by_device(house: House, name: str) -> None:
    house.apply(report("1", kind="Event", waiting=True), report("2", kind="ValueChange"))
    answer = house.json("usp", "agent", name)
    assert (answer["endpoint"], answer["device"]) == (ONT, KEY)
    assert (answer["presence"], answer["evidence"]) == ("offline", "broker: keep-alive exceeded")
    assert answer["versions"] == ["1.2", "1.3"]
    assert answer["notifies"] == {"kinds": {"Event": 1, "ValueChange": 1}, "waiting": 1}
    assert answer["supported"] is None
    shown = house.run("usp", "agent", name).stdout
    assert "done (ab12)" in shown
    assert "1 of them wait" in shown


def test_an_agent_whose_device_is_not_known_is_shown(house: House) -> None:
    assert house.json("usp", "agent", STRANGER)["device"] is None
    assert "not known yet" in house.run("usp", "agent", STRANGER).stdout


def test_the_topic_of_an_agent_is_shown_with_what_is_to_be_heeded(house: House) -> None:
    house.apply(SaveAgent(ONT, {"reply_to": f"usp/v1/agent/{ONT}#onboard,3.1.1"}))
    shown = house.run("usp", "agent", ONT).stdout
    assert f"usp/v1/agent/{ONT}  (shared account, MQTT 3.1.1)" in shown


def test_who_is_no_agent_is_named(house: House) -> None:
    house.call("22275A7000009")
    ended = house.run("usp", "agent", "22275A7000009")
    assert (ended.exit_code, "has no USP agent; it speaks cwmp" in ended.stderr) == (4, True)
    ended = house.run("usp", "agent", "os::nobody")
    assert (ended.exit_code, "see `acs usp agents`" in ended.stderr) == (4, True)


def test_a_device_is_shown_with_its_agent(house: House) -> None:
    told = house.json("device", "show", ONT)
    assert told["device"]["key"] == KEY
    assert (told["usp"]["endpoint"], told["usp"]["presence"]) == (ONT, "offline")
    shown = house.run("device", "show", SERIAL).stdout
    assert f"{ONT} over mqtt" in shown
    assert "an account of its own" in shown
    assert "the shared one" not in shown, "that is the password of CWMP"
    assert "broker: keep-alive exceeded" in shown


def test_devices_are_listed_by_protocol(house: House) -> None:
    other = house.call("22275A7000009")
    for protocol, ids in (("usp", [1]), ("cwmp", [other])):
        found = house.json("device", "list", "--protocol", protocol)["devices"]
        assert [each["id"] for each in found] == ids


# --- Notifies ---------------------------------------------------------------------------------


def test_notifies_are_shown_without_secrets(house: House) -> None:
    key = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
    house.apply(
        report("1", kind="ValueChange", path=key, detail={"value": "hunter22"}),
        report("2", kind="ValueChange", path="Device.X.Y", detail={"value": "7"}),
        report(
            "3",
            kind="Event",
            path="Device.Boot!",
            detail={"Password": "p4ss", "Cause": "x", "CommandKey": "job-7"},
        ),
    )
    told = house.json("usp", "notifies", SERIAL)["notifies"]
    assert [each["detail"] for each in told] == [
        {"Cause": "x", "CommandKey": "job-7", "Password": "***"},
        {"value": "7"},
        {"value": "***"},
    ]
    shown = house.run("usp", "notifies", ONT).stdout
    assert "Cause=x, CommandKey=job-7, Password=***" in shown
    assert "hunter22" not in shown
    assert "p4ss" not in shown


def test_notifies_are_narrowed(house: House) -> None:
    house.apply(report("1", kind="Event"), report("2", kind="ValueChange"))
    house.apply(report("3", kind="ObjectCreation"), report("4", kind="Event", at=1.0))

    def listed(*options: str) -> list[str]:
        return [each["id"] for each in house.json("usp", "notifies", ONT, *options)["notifies"]]

    assert listed("--kind", "event", "--kind", "ObjectCreation") == ["4", "3", "1"]
    assert listed("--limit", "2") == ["4", "3"]
    assert listed("--since", "1000w") == ["3", "2", "1"]


# --- supported models -------------------------------------------------------------------------


def test_a_model_is_shown_below_a_path(house: House) -> None:
    house.apply(SaveSupportedModel(MODEL, 1_790_000_000.0, "urn:tr-181-2-16", pack([SSID, PING])))
    answer = house.json("usp", "model", SERIAL, "Device.WiFi.SSID.3.Enable")
    assert answer["uri"] == "urn:tr-181-2-16"
    [told] = answer["objects"]
    assert (told["path"], told["rows"]) == ("Device.WiFi.SSID.{i}.", "add_delete")
    assert told["parameters"]["LastChange"] == {
        "type": "unsignedInt",
        "access": "read_only",
        "value_change": "unknown",
    }
    shown = house.run("usp", "model", SERIAL).stdout
    for words in ("unique by Alias or Name", "read, write", "command, ends later", "Done!"):
        assert words in shown
    found = house.json("usp", "model", SERIAL, "--search", "ipping")["objects"]
    assert found[0]["commands"]["IPPing()"] == {
        "type": "async",
        "inputs": ["Host"],
        "outputs": ["Status"],
    }
    assert house.json("device", "show", SERIAL)["usp"]["supported"]["uri"] == "urn:tr-181-2-16"


def test_a_path_that_is_none_is_not_understood(house: House) -> None:
    house.apply(SaveSupportedModel(MODEL, 1.0, "", pack([SSID])))
    ended = house.run("usp", "model", SERIAL, "Device.[")
    assert (ended.exit_code, "Device.[" in ended.stderr) == (2, True)


def test_a_large_model_is_listed_by_its_objects(house: House) -> None:
    many = [SupportedObject(f"Device.O{number}.") for number in range(51)]
    house.apply(SaveSupportedModel(MODEL, 1.0, "", pack(many)))
    shown = house.run("usp", "model", SERIAL).stdout
    assert "Name a PATH" in shown
    assert "51 objects of a model that has no name" in shown


def test_a_model_that_nobody_asked_for_is_said_so(house: House) -> None:
    ended = house.run("usp", "model", SERIAL)
    assert (ended.exit_code, "was not asked for yet" in ended.stderr) == (1, True)


# --- requests ---------------------------------------------------------------------------------

SEARCH = 'Device.WiFi.SSID.[Alias=="a=b]"].'


@pytest.mark.parametrize(
    ("operation", "arguments", "extra", "expected"),
    [
        ("get", ["Device."], Extra(), {"get": {"param_paths": ["Device."]}}),
        (
            "get",
            ["Device.A", "Device.B."],
            Extra(max_depth=2),
            {"get": {"param_paths": ["Device.A", "Device.B."], "max_depth": 2}},
        ),
        (
            "set",
            [f"{SEARCH}Enable=true", "Device.Time.Enable=a=b", f"{SEARCH}SSID="],
            Extra(allow_partial=True),
            {
                "set": {
                    "allow_partial": True,
                    "update_objs": [
                        {
                            "obj_path": SEARCH,
                            "param_settings": [
                                {"param": "Enable", "value": "true", "required": True},
                                {"param": "SSID", "value": "", "required": True},
                            ],
                        },
                        {
                            "obj_path": "Device.Time.",
                            "param_settings": [
                                {"param": "Enable", "value": "a=b", "required": True}
                            ],
                        },
                    ],
                }
            },
        ),
        (
            "add",
            ["Device.NAT.PortMapping.", "Protocol=TCP"],
            Extra(),
            {
                "add": {
                    "allow_partial": False,
                    "create_objs": [
                        {
                            "obj_path": "Device.NAT.PortMapping.",
                            "param_settings": [
                                {"param": "Protocol", "value": "TCP", "required": True}
                            ],
                        }
                    ],
                }
            },
        ),
        (
            "delete",
            ["Device.NAT.PortMapping.1."],
            Extra(),
            {"delete": {"allow_partial": False, "obj_paths": ["Device.NAT.PortMapping.1."]}},
        ),
        (
            "operate",
            ["Device.IP.Diagnostics.IPPing()", "Host=192.0.2.1"],
            Extra(key="k"),
            {
                "operate": {
                    "command": "Device.IP.Diagnostics.IPPing()",
                    "send_resp": True,
                    "input_args": {"Host": "192.0.2.1"},
                    "command_key": "k",
                }
            },
        ),
        (
            "instances",
            ["Device.WiFi."],
            Extra(first_level=True),
            {"get_instances": {"obj_paths": ["Device.WiFi."], "first_level_only": True}},
        ),
        (
            "supported",
            ["Device."],
            Extra(),
            {
                "get_supported_dm": {
                    "obj_paths": ["Device."],
                    "first_level_only": False,
                    "return_commands": True,
                    "return_events": True,
                    "return_params": True,
                }
            },
        ),
    ],
)
def test_a_request_is_written_in_the_form_of_the_schema(
    operation: str, arguments: list[str], extra: Extra, expected: dict[str, object]
) -> None:
    assert request(operation, arguments, extra) == expected
    assert parsed(json.dumps(expected)) == expected


@pytest.mark.parametrize(
    ("operation", "arguments", "extra", "why"),
    [
        ("fetch", ["Device."], Extra(), "no request is called 'fetch'"),
        ("get", [], Extra(), "write it as: get PATH"),
        ("get", ["Device."], Extra(allow_partial=True), "--allow-partial does not go with get"),
        ("set", ["Device.Time.Enable"], Extra(), "is not PATH=VALUE"),
        ("set", ["Device.Time.=x"], Extra(), "is no parameter"),
        ("set", ["Enable=x"], Extra(), "is no parameter"),
        ("operate", ["Device.Reboot"], Extra(), r"ends with \(\)"),
    ],
)
def test_a_request_that_is_no_request_is_named(
    operation: str, arguments: list[str], extra: Extra, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        request(operation, arguments, extra)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"get": {"param_path": ["hunter22"]}}', '{"set": "hunter22"}'],
)
def test_bad_json_is_refused_without_its_values(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parsed(text)
    assert "hunter22" not in str(refused.value.message)


def test_an_expression_belongs_to_the_path() -> None:
    assert split('A.[B=="c]="].D=e=f') == ('A.[B=="c]="].D', "e=f")
    for text in ("=x", "A.[B==1", ""):
        with pytest.raises(UsageError):
            split(text)


# --- send -------------------------------------------------------------------------------------

GET = ("usp", "send", SERIAL, "get", "Device.DeviceInfo.", "--wait", "0")


def test_a_request_is_kept_as_a_job_that_expires(house: House) -> None:
    answer = house.json(*GET)
    job = house.job(answer["job"]["id"])
    assert (job.kind, job.state) == (JobKind.MESSAGE, JobState.QUEUED)
    assert job.payload == {"request": {"get": {"param_paths": ["Device.DeviceInfo."]}}}
    assert job.expires_at == pytest.approx(job.created_at + 600)
    assert "waits for its agent" in house.run(*GET).stdout


def test_a_request_of_a_file_is_kept_and_its_secrets_are_not_shown(house: House) -> None:
    path = "Device.Users.User.2.Password=hunter22"
    form = json.dumps(request("set", [path], Extra()))
    ended = house.run(
        "usp", "send", SERIAL, "--json-request", "-", "--wait", "0", "--json", text=form
    )
    assert ended.exit_code == 0, ended.output
    assert "hunter22" not in ended.stdout
    assert house.job(1).payload == {"request": json.loads(form)}


@pytest.mark.parametrize(
    "arguments",
    [(), ("get", "Device.", "--json-request", "-"), ("--json-request", "-", "--max-depth", "1")],
)
def test_a_request_comes_from_one_place(house: House, arguments: tuple[str, ...]) -> None:
    assert house.run("usp", "send", SERIAL, *arguments, text="{}").exit_code == 2


def test_a_device_that_speaks_cwmp_is_sent_nothing(house: House) -> None:
    house.call("22275A7000009")
    ended = house.run("usp", "send", "22275A7000009", "get", "Device.")
    assert (ended.exit_code, "it speaks cwmp, not USP" in ended.stderr) == (1, True)


def answer_with(
    house: House, monkeypatch: pytest.MonkeyPatch, state: JobState, result: dict[str, Any]
) -> None:
    """Have the server end the job while the command waits for it."""
    monkeypatch.setattr(
        "acs.cli.job_request.follow",
        lambda *args: follow(*args, sleep=lambda _seconds: finish(house, 1, state, result)),
    )


def test_values_are_shown_as_a_table_without_secrets(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {
        "requested_path": "Device.Users.",
        "resolved_path_results": [
            {
                "resolved_path": "Device.Users.User.2.",
                "result_params": {"Username": "admin", "Password": "hunter22"},
            }
        ],
    }
    lost = {"requested_path": "Device.No.", "err_code": 7026, "err_msg": "Invalid path"}
    answer = {"get_resp": {"req_path_results": [found, lost]}}
    answer_with(house, monkeypatch, JobState.DONE, {"answer": answer, "text": "answered"})
    ended = house.run("usp", "send", SERIAL, "get", "Device.Users.", "Device.No.")
    assert ended.exit_code == 0, ended.output
    assert "Device.Users.User.2.Username" in ended.stdout
    assert "admin" in ended.stdout
    assert "Device.No.: 7026 Invalid path" in ended.stdout
    assert "hunter22" not in ended.stdout


def test_another_answer_is_shown_as_it_came(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"delete_resp": {"deleted_obj_results": [{"requested_path": "Device.A.1."}]}}
    answer_with(house, monkeypatch, JobState.DONE, {"answer": answer, "text": "answered"})
    ended = house.run("usp", "send", SERIAL, "delete", "Device.A.1.")
    assert (ended.exit_code, json.loads(ended.stdout)) == (0, answer)


def test_a_command_that_ends_later_is_said_to_run(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = {"executed_command": "Device.X.Y()", "req_obj_path": "Device.LocalAgent.Request.1."}
    answer = {"operate_resp": {"operation_results": [begun]}}
    answer_with(house, monkeypatch, JobState.DONE, {"answer": answer, "text": "answered"})
    ended = house.run("usp", "send", SERIAL, "operate", "Device.X.Y()")
    assert json.loads(ended.stdout) == answer
    assert f"acs usp notifies {KEY} --kind OperationComplete" in ended.stderr


def test_an_error_of_the_agent_ends_with_1(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    result = {"answer": {"error": {"err_code": 7026}}, "error": "answered with error 7026"}
    answer_with(house, monkeypatch, JobState.FAILED, result)
    ended = house.run("usp", "send", SERIAL, "get", "Device.No.")
    assert ended.exit_code == 1
    assert '"err_code": 7026' in ended.stdout
    assert "Job 1 failed: answered with error 7026" in ended.stdout
