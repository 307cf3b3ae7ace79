"""TP-469, our half: the controller drives each case on an agent, and says what came of it.

The agent's half is in test_usp_agent_cases.py. Here an operator's job goes through visit,
conversation, messages and records to a simulated agent and back; what is tested is what the
operator is shown. Numbers are those of TP-469.

Not driven, because we do not offer it:

    6.x          STOMP: the seam is there (`acs.usp.mtp`), no edge
    3.4 to 3.7   payloads secured by TLS: refused by name, see test_usp_session_context_rules.py
    10.x         a collector of bulk data: profiles and Push! are in test_usp_bulk_data.py
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from usp_simulated import Line
from usp_world import CONTROLLER, World

from acs.devices.agents import Presence
from acs.devices.record import Job, JobKind, JobState
from acs.model import Contact, EventKind
from acs.usp import messages
from acs.usp.mtp import Mtp
from acs.usp.onboarding import Wanted
from simulators.usp.mischief import Mischief
from simulators.usp.options import FirmwareOrder, OnBoarding, Role

SUBSCRIPTIONS = "Device.LocalAgent.Subscription."
CONTROLLERS = "Device.LocalAgent.Controller."
MAPPINGS = "Device.NAT.PortMapping."
INFO = "Device.DeviceInfo."
CODE = f"{INFO}ProvisioningCode"
SSID = "Device.WiFi.SSID.1.SSID"
PING = "Device.IP.Diagnostics.IPPing()"
PING_ARGUMENTS = {
    "Host": "192.0.2.1",
    "ProtocolVersion": "Any",
    "NumberOfRepetitions": "3",
    "Timeout": "1000",
    "DataBlockSize": "56",
}


def add(*objects: tuple[str, dict[str, str]], partial: bool = False, required: bool = True) -> Any:
    creates = [{"obj_path": path, "param_settings": settings(v, required)} for path, v in objects]
    return {"add": {"allow_partial": partial, "create_objs": creates}}


def set_(*objects: tuple[str, dict[str, str]], partial: bool = False, required: bool = True) -> Any:
    updates = [{"obj_path": path, "param_settings": settings(v, required)} for path, v in objects]
    return {"set": {"allow_partial": partial, "update_objs": updates}}


def settings(values: dict[str, str], required: bool) -> list[dict[str, Any]]:
    return [{"param": n, "value": v, "required": required} for n, v in values.items()]


def delete(*paths: str, partial: bool = False) -> Any:
    return {"delete": {"allow_partial": partial, "obj_paths": list(paths)}}


def outcomes(answer: dict[str, Any], which: str) -> list[dict[str, Any]]:
    """What each object came to: its ``oper_success`` or ``oper_failure``."""
    (response,) = answer.values()
    return [each["oper_status"] for each in response[which]]


def refused(line: Line, request: dict[str, Any]) -> dict[str, Any]:
    """Send what the agent answers with an Error, and return what is shown of it."""
    job = line.do(JobKind.MESSAGE, {"request": request})
    assert job.state is JobState.FAILED
    answer: Any = job.result["answer"]
    assert f"error {answer['error']['err_code']} (" in str(job.result["error"])
    return dict(answer["error"])


def codes(error: dict[str, Any]) -> list[tuple[str, int]]:
    return [(each["param_path"], each["err_code"]) for each in error.get("param_errs", [])]


def read(line: Line, *paths: str) -> Job:
    return line.do(JobKind.READ, {"paths": list(paths)})


def contacts(line: Line) -> list[Contact]:
    return [each for each in line.world.watcher.contacts if each is not None]


def kept(line: Line, kind: str) -> list[Any]:
    """Notifies of a kind that are in the store."""
    return [each for each in line.world.keeping.notifies.values() if each.kind == kind]


# --- Add ---------------------------------------------------------------------------------


@pytest.mark.parametrize("partial", [True, False])
def test_1_1_1_2_a_new_row_is_shown_with_its_unique_keys(partial: bool) -> None:
    line = Line()
    two = (MAPPINGS, {"ExternalPort": "80"}), (MAPPINGS, {"ExternalPort": "81"})
    first, second = outcomes(line.send(add(*two, partial=partial)), "created_obj_results")
    assert first["oper_success"]["instantiated_path"] == f"{MAPPINGS}1."
    assert second["oper_success"]["unique_keys"]["Alias"] == "cpe-2"


def test_1_3_an_add_that_fails_whole_is_shown_with_every_parameter() -> None:
    line = Line()
    error = refused(line, add((MAPPINGS, {"ExternalPort": "80"}), (MAPPINGS, {"Nothing": "1"})))
    assert (error["err_code"], codes(error)) == (7004, [(f"{MAPPINGS}2.Nothing", 7010)])


def test_1_4_an_add_that_fails_for_one_object_is_shown_for_that_object() -> None:
    two = (MAPPINGS, {"ExternalPort": "many"}), (MAPPINGS, {"ExternalPort": "80"})
    failed, added = outcomes(Line().send(add(*two, partial=True)), "created_obj_results")
    assert failed["oper_failure"]["err_code"] == 7021
    assert added["oper_success"]["instantiated_path"] == f"{MAPPINGS}1."


def test_1_5_an_optional_failure_is_shown_beside_the_success() -> None:
    request = add((MAPPINGS, {"ExternalPort": "80", "Nothing": "1"}), required=False)
    (added,) = outcomes(Line().send(request), "created_obj_results")
    (error,) = added["oper_success"]["param_errs"]
    assert (error["param"], error["err_code"]) == ("Nothing", 7010)


@pytest.mark.parametrize(
    ("table", "code"), [("Device.Hosts.Host.", 7019), (INFO, 7018), ("Device.Nothing.", 7026)]
)
def test_1_6_a_row_that_cannot_be_made_fails_the_job_with_its_path(table: str, code: int) -> None:
    job = Line().do(JobKind.ADD, {"table": table, "values": {}})
    assert job.state is JobState.FAILED
    assert str(code) in str(job.result) and table in str(job.result), job.result


def test_1_7_1_95_a_duplicate_key_is_named() -> None:
    line = Line()
    row = (SUBSCRIPTIONS, {"ID": "one", "NotifType": "Event", "ReferenceList": "Device.Boot!"})
    line.send(add(row))
    error = refused(line, add(row))
    assert [code for _, code in codes(error)] == [7025]


def test_1_88_rows_below_a_search_are_shown_one_by_one() -> None:
    request = add((f"{CONTROLLERS}[Enable==true].BootParameter.", {"Enable": "true"}))
    (added,) = outcomes(Line().send(request), "created_obj_results")
    assert added["oper_success"]["instantiated_path"] == f"{CONTROLLERS}1.BootParameter.1."


def test_1_10_a_row_whose_values_are_refused_is_named() -> None:
    line = Line()
    job = line.do(JobKind.ADD, {"table": MAPPINGS, "values": {"ExternalPort": "many"}})
    assert job.state is JobState.FAILED
    assert str(job.result["error"]).startswith(f"{MAPPINGS}1. was created and stays")
    assert f"{MAPPINGS}1.ExternalPort" in str(job.result)


# --- Set ---------------------------------------------------------------------------------


def test_1_11_what_is_set_is_proven_by_reading_it() -> None:
    line = Line()
    job = line.do(JobKind.SET, {"changes": [{"path": CODE, "value": "A"}]})
    assert job.state is JobState.DONE
    assert [each["verdict"] for each in job.result["proof"]] == ["proven"]


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (f"{INFO}Nothing", "1", 7010),
        (f"{INFO}SerialNumber", "1", 7013),
        ("Device.WiFi.SSID.1.Enable", "perhaps", 7011),
        ("Device.WiFi.SSID.99.SSID", "x", 7016),
        ("Device.Nothing.Enable", "true", 7026),
    ],
)
def test_1_12_a_refused_value_is_shown_by_path_and_code(path: str, value: str, code: int) -> None:
    line = Line()
    changes = [{"path": CODE, "value": "A"}, {"path": path, "value": value}]
    job = line.do(JobKind.SET, {"changes": changes})
    assert job.state is JobState.FAILED
    assert str(code) in str(job.result), job.result
    assert path.rpartition(".")[0] in str(job.result)
    assert line.agent.value(CODE) != "A", "all or nothing"


def test_1_14_what_could_be_set_and_what_not_is_shown_for_each_object() -> None:
    two = (INFO, {"ProvisioningCode": "B"}), ("Device.Nothing.", {"Enable": "true"})
    line = Line()
    good, bad = outcomes(line.send(set_(*two, partial=True)), "updated_obj_results")
    (instance,) = good["oper_success"]["updated_inst_results"]
    assert instance["updated_params"] == {"ProvisioningCode": "B"}
    assert bad["oper_failure"]["err_code"] == 7026
    assert line.agent.value(CODE) == "B"


def test_1_15_optional_parameters_that_failed_are_shown() -> None:
    values = {"ProvisioningCode": "C", "Nothing": "1"}
    (done,) = outcomes(Line().send(set_((INFO, values), required=False)), "updated_obj_results")
    (instance,) = done["oper_success"]["updated_inst_results"]
    assert [each["err_code"] for each in instance["param_errs"]] == [7010]


@pytest.mark.parametrize("step", ["*", '[Alias!="x"]'])
def test_1_16_every_instance_a_search_led_to_is_shown_and_proven(step: str) -> None:
    line = Line()
    rows = line.agent.rows("Device.WiFi.SSID.")
    job = line.do(
        JobKind.SET, {"changes": [{"path": f"Device.WiFi.SSID.{step}.SSID", "value": "Maison"}]}
    )
    assert job.state is JobState.DONE, job.result
    assert {each["path"] for each in job.result["proof"]} == {f"{row}SSID" for row in rows}


def test_1_18_a_search_that_leads_nowhere_is_told_to() -> None:
    line = Line()
    (nothing,) = outcomes(
        line.send(set_(('Device.WiFi.SSID.[SSID=="none"].', {"SSID": "x"}))), "updated_obj_results"
    )
    assert nothing["oper_success"].get("updated_inst_results", []) == []
    changes = [{"path": 'Device.WiFi.SSID.[SSID=="none"].SSID', "value": "x"}]
    job = line.do(JobKind.SET, {"changes": changes})
    assert job.state is JobState.FAILED
    assert "it matches no object" in str(job.result)


@pytest.mark.parametrize("leaf", ["ReferenceList", "NotifType"])
def test_1_104_what_is_written_once_is_refused_with_its_name(leaf: str) -> None:
    line = Line()
    (row, *_) = line.agent.rows(SUBSCRIPTIONS)
    job = line.do(JobKind.SET, {"changes": [{"path": row + leaf, "value": "Device."}]})
    assert job.state is JobState.FAILED
    assert f"{row}{leaf}" in str(job.result)


# --- Delete ------------------------------------------------------------------------------


def test_1_24_1_25_a_row_is_gone_and_a_row_that_was_gone_is_no_error() -> None:
    line = Line()
    row = str(line.do(JobKind.ADD, {"table": MAPPINGS, "values": {}}).result["row"])
    for _ in range(2):
        job = line.do(JobKind.DELETE, {"row": row})
        assert job.state is JobState.DONE, job.result
        assert line.agent.rows(MAPPINGS) == []


def test_1_26_a_row_that_must_stay_fails_the_job() -> None:
    line = Line()
    (row, *_) = line.agent.rows("Device.WiFi.Radio.")
    job = line.do(JobKind.DELETE, {"row": row})
    assert job.state is JobState.FAILED
    assert row in str(job.result)
    assert row in line.agent.rows("Device.WiFi.Radio.")


def test_1_27_what_is_deleted_and_what_not_is_shown_path_by_path() -> None:
    line = Line()
    row = str(line.do(JobKind.ADD, {"table": MAPPINGS, "values": {}}).result["row"])
    gone, stays = outcomes(
        line.send(delete(row, "Device.Nothing.1.", partial=True)), "deleted_obj_results"
    )
    assert gone["oper_success"]["affected_paths"] == [row]
    assert stays["oper_failure"]["err_code"] in (7026, 7016, 7024)


def test_1_28_rows_are_deleted_by_a_search_and_a_search_may_match_nothing() -> None:
    line = Line()
    for port in ("80", "81"):
        line.do(JobKind.ADD, {"table": MAPPINGS, "values": {"ExternalPort": port}})
    request = delete(f"{MAPPINGS}[ExternalPort==80].")
    (gone,) = outcomes(line.send(request), "deleted_obj_results")
    assert gone["oper_success"]["affected_paths"] == [f"{MAPPINGS}1."]
    (none,) = outcomes(line.send(request), "deleted_obj_results")
    assert none["oper_success"].get("affected_paths", []) == []


# --- Get ---------------------------------------------------------------------------------


def test_1_36_1_51_good_and_bad_paths_come_back_side_by_side() -> None:
    line = Line()
    values = [f"{INFO}SerialNumber", "Device.WiFi.SSID.1."]
    job = read(line, *values, "Device.Nothing", "Device.WiFi.SSID.99.SSID")
    assert job.state is JobState.DONE
    assert job.result["values"][values[0]] == "22275A7000001"
    assert SSID in job.result["values"]
    assert set(job.result["missing"]) == {"Device.Nothing", "Device.WiFi.SSID.99.SSID"}


def test_1_37_an_object_comes_with_everything_below() -> None:
    line = Line()
    found: Any = read(line, "Device.DeviceInfo.").result["values"]
    assert found[f"{INFO}SerialNumber"] == "22275A7000001"
    assert any(name.startswith(f"{INFO}FirmwareImage.1.") for name in found)


@pytest.mark.parametrize(
    ("search", "rows"),
    [
        ("*", [80, 90, 100]),
        ("[ExternalPort==90]", [90]),
        ("[ExternalPort!=90]", [80, 100]),
        ("[ExternalPort<90]", [80]),
        ("[ExternalPort<=90]", [80, 90]),
        ("[ExternalPort>90]", [100]),
        ("[ExternalPort>=90]", [90, 100]),
        ("[ExternalPort>80&&ExternalPort<100]", [90]),
        ("[ExternalPort==7]", []),
    ],
)
def test_1_40_to_1_45_all_comparisons(search: str, rows: list[int]) -> None:
    line = Line()
    for port in ("80", "90", "100"):
        line.do(JobKind.ADD, {"table": MAPPINGS, "values": {"ExternalPort": port}})
    path = f"{MAPPINGS}{search}.ExternalPort"
    result = read(line, path).result
    found: Any = result["values"]
    ports = [int(text) for name, text in found.items() if name != path]
    assert sorted(ports) == rows
    assert (path in found) == (len(rows) == 1), "of several none is the one that was meant"


@pytest.mark.parametrize("depth", [1, 2])
def test_1_82_1_86_depth_is_what_was_asked_for(depth: int) -> None:
    request = {"get": {"param_paths": ["Device.WiFi."], "max_depth": depth}}
    (result,) = Line().send(request)["get_resp"]["req_path_results"]
    found = [each["resolved_path"] for each in result["resolved_path_results"]]
    assert ("Device.WiFi.SSID.1." in found) == (depth > 1)


def test_1_89_a_reference_is_followed() -> None:
    line = Line()
    path = "Device.WiFi.AccessPoint.1.SSIDReference+.SSID"
    found: Any = read(line, path).result["values"]
    reference = line.agent.value("Device.WiFi.AccessPoint.1.SSIDReference")
    assert found[path] == line.agent.value(f"{reference.rstrip('.')}.SSID")


# --- subscriptions and Notifies -----------------------------------------------------------


def test_1_52_a_value_that_changes_is_kept_with_our_subscription_and_seen() -> None:
    line = Line()
    line.agent.change(SSID, "Ailleurs", line.world.now)
    line.world.wait(3)
    (notify,) = kept(line, "ValueChange")
    assert notify.subscription_id == "acs-look-WiFi.SSID.*.SSID"
    assert (notify.path, notify.detail) == (SSID, {"value": "Ailleurs"})
    assert contacts(line)[-1].has(EventKind.VALUE_CHANGE)
    assert not notify.waiting, "it was acted on"


def test_1_53_nothing_comes_once_the_subscription_is_deleted() -> None:
    line = Line()
    for row in line.agent.rows(SUBSCRIPTIONS):
        line.do(JobKind.DELETE, {"row": row})
    line.agent.change(SSID, "Ailleurs", line.world.now)
    line.world.wait(60)
    assert kept(line, "ValueChange") == []


def test_1_54_a_notify_that_was_not_answered_comes_again_and_is_kept_once() -> None:
    line = Line()
    line.unit.deaf = True
    line.agent.change(SSID, "Ailleurs", line.world.now)
    line.world.wait(8)
    line.unit.deaf = False
    line.world.wait(30)
    assert len(kept(line, "ValueChange")) == 1
    again = [again for kind, again in line.world.watcher.notifies if kind == "ValueChange"]
    assert again == [False, True]
    assert line.agent.counters["notify.answered"] >= 1
    line.world.wait(60)
    assert (
        len(line.unit.messages(messages.Notify))
        == len({each.id for each in line.unit.messages(messages.Notify)}) + 1
    ), "it was told twice, and no third time"


def test_1_55_a_subscription_that_ended_is_made_anew_when_we_settle_again() -> None:
    line = Line()
    rows = line.agent.rows(SUBSCRIPTIONS)
    for row in rows:
        line.agent.drop_row(row, line.world.now)
    line.agent.reboot(line.world.now)
    line.unit.agent.change(CODE, "x", line.world.now)
    line.do(JobKind.READ, {"paths": [CODE]})
    line.world.controller.peers[line.unit.endpoint].agent.settled = ""
    line.world.wait(60)
    line.do(JobKind.READ, {"paths": [CODE]})
    assert len(line.agent.rows(SUBSCRIPTIONS)) == len(rows)


def test_1_57_1_58_rows_that_come_and_go_are_kept_with_their_keys() -> None:
    line = Line()
    for name, kind, reference in (
        ("came", "ObjectCreation", "Device.Hosts.Host."),
        ("went", "ObjectDeletion", "Device.Hosts.Host.*."),
    ):
        values = {"ID": name, "Enable": "true", "NotifType": kind, "ReferenceList": reference}
        line.send(add((SUBSCRIPTIONS, values)))
    row = line.agent.make_row(
        "Device.Hosts.Host.", {"PhysAddress": "02:00:00:00:00:07"}, line.world.now
    )
    line.agent.drop_row(row, line.world.now)
    line.world.wait(1)
    ((came,), (went,)) = kept(line, "ObjectCreation"), kept(line, "ObjectDeletion")
    assert (came.path, came.detail) == (row, {"PhysAddress": "02:00:00:00:00:07"})
    assert went.path == row


def test_1_59_periodic_begins_a_visit_each_time() -> None:
    line = Line(World(wanted=Wanted(CONTROLLER, periodic=60)))
    before = len(contacts(line))
    line.world.wait(185, step=1)
    periodic = [c.at for c in contacts(line)[before:] if c.has(EventKind.PERIODIC)]
    assert len(periodic) == 3
    assert all(56 <= b - a <= 64 for a, b in pairwise(periodic))


# --- on-boarding -------------------------------------------------------------------------


def test_1_60_1_101_on_board_requests_end_with_on_boarding_complete() -> None:
    line = Line(onboarding=OnBoarding.UNTIL_COMPLETE)
    (request,) = kept(line, "OnBoardRequest")
    assert request.subscription_id == ""
    assert request.detail["SerialNumber"] == "22275A7000001"
    row = line.world.keeping.agents[line.unit.endpoint]
    assert row.controller == f"{CONTROLLERS}1."
    assert line.agent.value(f"{CONTROLLERS}1.OnBoardingComplete") in ("true", "1")
    line.world.wait(600, step=5)
    assert line.agent.counters["notify.on_board_req"] == 1


def test_1_102_on_board_requests_come_again_while_nobody_completes_it() -> None:
    line = Line(onboarding=OnBoarding.UNTIL_COMPLETE, mischief=Mischief(lost=1.0))
    line.world.wait(150, step=1)
    requests = kept(line, "OnBoardRequest")
    assert len(requests) >= 2
    assert line.agent.counters["notify.answered"] >= 2, "each is answered, whatever comes after"
    assert {each.waiting for each in requests} == {True}


def test_1_103_9_9_an_agent_is_asked_to_introduce_itself() -> None:
    line = Line()
    command = f"{CONTROLLERS}1.SendOnBoardRequest()"
    job = line.do(JobKind.OPERATE, {"command": command})
    assert job.state is JobState.DONE, job.result
    line.world.wait(2)
    assert len(kept(line, "OnBoardRequest")) == 1
    assert contacts(line)[-1].has(EventKind.ON_BOARD_REQUEST)


# --- commands ----------------------------------------------------------------------------


def test_1_61_a_reboot_is_done_when_the_device_is_back() -> None:
    line = Line()
    job = line.do(JobKind.REBOOT)
    assert job.state is JobState.SENT
    job = line.follow(job, 120)
    assert job.state is JobState.DONE
    assert line.agent.counters["boots"] == 2
    assert any(c.has(EventKind.BOOT) for c in contacts(line))


def test_1_62_1_65_without_send_resp_nothing_is_awaited() -> None:
    line = Line()
    request = {"operate": {"command": PING, "command_key": "k", "input_args": PING_ARGUMENTS}}
    job = line.do(JobKind.MESSAGE, {"request": request})
    assert job.state is JobState.DONE, job.result
    assert job.result["text"] == "answered with nothing"
    line.world.wait(10)
    (end,) = kept(line, "OperationComplete")
    assert end.key == "k"


def test_1_64_an_asynchronous_command_ends_with_its_own_operation_complete() -> None:
    line = Line()
    payload = {"command": PING, "arguments": PING_ARGUMENTS}
    one = line.do(JobKind.OPERATE, payload)
    two = line.do(JobKind.OPERATE, payload)
    assert (one.state, two.state) == (JobState.SENT, JobState.SENT)
    assert "Device.LocalAgent.Request." in str(one.result)
    one, two = line.follow(one, 60), line.follow(two, 60)
    assert (one.state, two.state) == (JobState.DONE, JobState.DONE)
    ends = kept(line, "OperationComplete")
    assert len({each.key for each in ends}) == 2
    assert "SuccessCount" in str(one.result)


def test_1_79_1_91_arguments_that_are_not_known_do_no_harm() -> None:
    line = Line()
    payload = {"command": PING, "arguments": PING_ARGUMENTS | {"Unheard": "of"}}
    job = line.follow(line.do(JobKind.OPERATE, payload), 60)
    assert job.state is JobState.DONE


def test_1_92_a_command_that_is_cancelled_says_so() -> None:
    line = Line()
    job = line.do(JobKind.OPERATE, {"command": PING, "arguments": PING_ARGUMENTS})
    line.do(JobKind.CANCEL_TRANSFER, {"job": job.id})
    line.world.wait(10)
    assert line.job(job.id).state is JobState.CANCELLED


def test_1_100_a_missing_argument_is_7027() -> None:
    job = Line().do(JobKind.OPERATE, {"command": PING})
    assert (job.state, job.result["code"]) == (JobState.FAILED, 7027)


def test_an_unknown_command_is_refused_by_its_name() -> None:
    job = Line().do(JobKind.OPERATE, {"command": "Device.Nothing()"})
    assert job.state is JobState.FAILED
    assert "Device.Nothing()" in str(job.result) or "7026" in str(job.result)


# --- instances and the supported model ----------------------------------------------------


def test_1_66_to_1_71_instances_of_each_kind_of_path() -> None:
    paths = ["Device.WiFi.SSID.", "Device.WiFi.*.", 'Device.WiFi.SSID.[SSID=="none"].']
    request = {"get_instances": {"obj_paths": paths, "first_level_only": True}}
    results = Line().send(request)["get_instances_resp"]["req_path_results"]
    found = {each["requested_path"]: each for each in results}
    rows = [each["instantiated_obj_path"] for each in found[paths[0]]["curr_insts"]]
    assert rows[0] == "Device.WiFi.SSID.1."
    assert found[paths[2]].get("curr_insts", []) == []


def test_1_83_names_of_a_table_are_its_rows_and_of_an_object_its_parameters() -> None:
    line = Line()
    table = line.do(JobKind.NAMES, {"path": "Device.WiFi.SSID.", "next_level": True})
    assert "Device.WiFi.SSID.1." in str(table.result)
    row = line.do(JobKind.NAMES, {"path": "Device.WiFi.SSID.1.", "next_level": True})
    assert SSID in str(row.result)


@pytest.mark.parametrize("flag", ["return_params", "return_commands", "return_events"])
def test_1_72_to_1_74_what_is_asked_of_the_model_is_shown(flag: str) -> None:
    request = {"get_supported_dm": {"obj_paths": ["Device.DeviceInfo."], flag: True}}
    (result,) = Line().send(request)["get_supported_dm_resp"]["req_obj_results"]
    parts = {"supported_params", "supported_commands", "supported_events"}
    shown = {part for each in result["supported_objs"] for part in parts if each.get(part)}
    assert shown <= {f"supported_{flag.removeprefix('return_')}"}


def test_1_77_what_is_not_supported_is_told_by_its_path() -> None:
    request = {"get_supported_dm": {"obj_paths": ["Device.Nothing."], "return_params": True}}
    (result,) = Line().send(request)["get_supported_dm_resp"]["req_obj_results"]
    assert result["err_code"] == 7026


def test_1_97_the_model_tells_what_can_be_written_and_of_what_type() -> None:
    line = Line()
    typed: Any = line.do(JobKind.NAMES, {"path": "Device."}).result
    assert CODE in str(typed)
    assert len(line.world.keeping.models) == 1


@pytest.mark.parametrize("versions", [("1.0",), ("1.0", "1.1"), ("1.2", "1.3"), ("1.3", "1.9")])
def test_1_80_the_common_version_is_used(versions: tuple[str, ...]) -> None:
    line = Line(versions=versions)
    row = line.world.keeping.agents[line.unit.endpoint]
    assert row.versions == ",".join(versions)
    assert row.version == max(set(versions) & {"1.0", "1.1", "1.2", "1.3", "1.4"})
    assert line.world.sent[-1].record.version == row.version


def test_1_84_a_subscription_on_a_search_path() -> None:
    line = Line()
    job = line.do(
        JobKind.NOTIFY, {"changes": [{"path": "Device.WiFi.SSID.*.Alias", "notification": 2}]}
    )
    assert job.state is JobState.DONE, job.result


def test_1_96_an_alias_that_cannot_change_is_refused() -> None:
    line = Line()
    line.send(add((MAPPINGS, {"Alias": "ours"})))
    path = f"{MAPPINGS}1.Alias"
    job = line.do(JobKind.SET, {"changes": [{"path": path, "value": "other"}]})
    assert job.state is JobState.FAILED
    assert path in str(job.result)


# --- roles -------------------------------------------------------------------------------


def test_2_9_what_an_untrusted_role_does_not_show_is_not_taken_for_deleted() -> None:
    line = Line(role=Role.UNTRUSTED, onboarding=OnBoarding.UNTIL_COMPLETE)
    (contact,) = contacts(line)[:1]
    assert contact.device.serial_number == "22275A7000001"
    job = line.do(JobKind.READ, {"paths": [SSID]})
    assert job.result["missing"] == [SSID]
    job = line.do(JobKind.NAMES, {"path": "Device.WiFi.SSID.", "next_level": True})
    assert job.state is JobState.FAILED, "not: there is none"
    line.world.check()


def test_2_10_a_role_that_may_not_write_is_told_to_by_its_code() -> None:
    line = Line(role=Role.LIMITED)
    job = line.do(JobKind.SET, {"changes": [{"path": CODE, "value": "A"}]})
    assert job.state is JobState.FAILED
    assert "7006" in str(job.result), job.result
    assert line.agent.rows(SUBSCRIPTIONS) != []


@pytest.mark.parametrize(("role", "shown"), [(Role.FULL, False), (Role.SECURED, True)])
def test_2_27_a_secured_value_that_reads_empty_is_not_the_value(role: Role, shown: bool) -> None:
    line = Line(role=role)
    path = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
    job = line.do(JobKind.SET, {"changes": [{"path": path, "value": "a new secret"}]})
    assert job.state is JobState.DONE, job.result
    assert line.agent.value(path) == "a new secret"
    verdicts = [each["verdict"] for each in job.result["proof"]]
    assert (verdicts == ["proven"]) == shown
    assert "a new secret" not in str(job.result)


# --- records -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        Mischief(twice=1.0),
        Mischief(malformed=1.0),
        Mischief(stranger=1.0),
        Mischief(foreign=1.0),
        Mischief(tls=1.0),
        Mischief(no_body=1.0),
        Mischief(swapped=0.5),
        Mischief(slow=1.0),
        Mischief(lost=0.05),
        Mischief(lost_notifies=0.5),
        Mischief(wrong_id=0.05),
    ],
    ids=lambda wrong: str(wrong),
)
def test_3_1_3_15_an_agent_that_misbehaves_is_served_all_the_same(wrong: Mischief) -> None:
    line = Line(onboarding=OnBoarding.UNTIL_COMPLETE, mischief=wrong)
    line.world.wait(400, step=1)
    job = line.do(JobKind.SET, {"changes": [{"path": CODE, "value": "Z"}]}, wait=150)
    line.world.wait(150)
    assert line.job(job.id).state is JobState.DONE
    assert line.agent.counters["crashes"] == 0
    assert len(kept(line, "OnBoardRequest")) == line.agent.counters["notify.on_board_req"]
    line.world.check()


@pytest.mark.parametrize("largest", [0, 512])
def test_3_8_an_agent_with_session_contexts_is_answered_within_them(largest: int) -> None:
    line = Line(session_context=True, max_record=largest, onboarding=OnBoarding.UNTIL_COMPLETE)
    assert read(line, f"{INFO}SerialNumber").state is JobState.DONE
    contents = {type(said.record.content).__name__ for said in line.world.take()}
    assert contents == {"Segment"}
    assert line.agent.counters["notify.answered"] == 2


@pytest.mark.parametrize("wrong", [Mischief(twice=1.0), Mischief(swapped=0.3), Mischief(tls=0.02)])
def test_3_9_to_3_14_a_session_context_with_faults_comes_through(wrong: Mischief) -> None:
    line = Line(session_context=True, max_record=512, mischief=wrong)
    line.world.wait(200)
    job = line.do(JobKind.SET, {"changes": [{"path": CODE, "value": "Z"}]}, wait=200)
    assert line.job(job.id).state is JobState.DONE
    line.world.check()


def test_3_10_a_connection_anew_begins_a_session_context_anew() -> None:
    """Whether or not the transport tells that the former one closed."""
    line = Line(session_context=True, max_record=512)
    line.unit.agent.closed(line.world.now)
    line.unit.opens()
    line.world.wait(10)
    assert read(line, f"{INFO}SerialNumber").state is JobState.DONE


# --- transports and presence --------------------------------------------------------------


@pytest.mark.parametrize("mtp", list(Mtp))
def test_7_10_11_17_a_connect_record_means_that_it_is_there(mtp: Mtp) -> None:
    line = Line(mtp=mtp)
    row = line.world.keeping.agents[line.unit.endpoint]
    assert (row.presence, row.mtp) == (Presence.ONLINE, str(mtp))
    line.unit.closes()
    assert row.presence.value == "offline"
    line.unit.opens()
    line.world.carry()
    assert (row.presence.value, row.evidence) == ("online", "Connect record")


def test_3_2_an_agent_that_hangs_is_noticed_and_asked_ever_more_seldom() -> None:
    line = Line()
    line.unit.deaf = True
    job = line.do(JobKind.READ, {"paths": [CODE]})
    line.world.wait(40)
    row = line.world.keeping.agents[line.unit.endpoint]
    assert (row.presence, row.evidence) == (Presence.UNKNOWN, "no answer within 30 s")
    line.unit.deaf = False
    line.world.wait(20)
    assert line.job(job.id).state is JobState.DONE


# --- firmware and other events ------------------------------------------------------------

URL = "http://files.example.net/image.bin"
FIRMWARE = {"file_type": "1 Firmware Upgrade Image", "url": URL, "version": "9.9"}


@pytest.mark.parametrize("order", list(FirmwareOrder))
def test_9_3_firmware_is_done_in_either_order_of_its_reports(order: FirmwareOrder) -> None:
    line = Line(firmware="9.9", firmware_order=order)
    job = line.do(JobKind.DOWNLOAD, dict(FIRMWARE))
    assert job.state is JobState.SENT, job.result
    job = line.follow(job, 200)
    assert job.state is JobState.DONE, job.result
    paths = {each.path for each in line.world.keeping.notifies.values()}
    assert "Device.LocalAgent.TransferComplete!" in paths and "Device.Boot!" in paths
    assert line.world.keeping.agents[line.unit.endpoint].software == "9.9"


def test_9_4_9_5_firmware_is_stored_first_and_run_in_its_window() -> None:
    line = Line(firmware="9.9")
    job = line.follow(line.do(JobKind.DOWNLOAD, FIRMWARE | {"activate": "later"}), 200)
    assert job.state is JobState.DONE, job.result
    job = line.follow(line.do(JobKind.ACTIVATE, {}), 200)
    assert job.state is JobState.DONE, job.result
    assert line.agent.value(f"{INFO}SoftwareVersion") == "9.9"


def test_9_6_a_download_that_fails_says_why() -> None:
    line = Line()
    job = line.do(JobKind.DOWNLOAD, FIRMWARE | {"url": "nowhere"})
    job = line.follow(job, 200)
    assert job.state is JobState.FAILED, job.result


def test_9_7_the_image_that_runs_is_not_overwritten() -> None:
    line = Line(firmware="9.9")
    active = line.agent.value(f"{INFO}ActiveFirmwareImage").rstrip(".")
    line.follow(line.do(JobKind.DOWNLOAD, dict(FIRMWARE)), 200)
    commands = [
        said.message.body.command
        for said in line.world.sent
        if isinstance(said.message.body, messages.Operate)
    ]
    assert [each for each in commands if each.endswith("Download()")]
    assert f"{active}.Download()" not in commands


def test_9_10_boot_parameters_come_with_the_boot() -> None:
    line = Line()
    values = {"Enable": "true", "ParameterName": CODE}
    line.do(JobKind.SET, {"changes": [{"path": CODE, "value": "zone-7"}]})
    line.send(add((f"{CONTROLLERS}1.BootParameter.", values)))
    line.agent.reboot(line.world.now)
    line.world.wait(60)
    (contact,) = [c for c in contacts(line) if c.has(EventKind.BOOT)][-1:]
    assert contact.values[CODE].text == "zone-7"


def test_9_11_a_timer_calls_when_it_was_told_to() -> None:
    line = Line()
    job = line.do(JobKind.SCHEDULE_INFORM, {"delay": 30})
    assert line.follow(job, 60).state is JobState.DONE
    assert any(c.has(EventKind.SCHEDULED) for c in contacts(line))


def test_9_12_a_factory_reset_is_seen_and_the_agent_set_up_again() -> None:
    line = Line(onboarding=OnBoarding.UNTIL_COMPLETE)
    rows = len(line.agent.rows(SUBSCRIPTIONS))
    job = line.follow(line.do(JobKind.FACTORY_RESET), 120)
    assert job.state is JobState.DONE, job.result
    line.world.wait(10)
    assert len(line.agent.rows(SUBSCRIPTIONS)) == rows
    assert line.agent.value(f"{CONTROLLERS}1.OnBoardingComplete") in ("true", "1")


def test_10_10_what_an_agent_pushes_is_kept_and_answered() -> None:
    line = Line()
    push = messages.Event("Device.BulkData.Profile.1.", "Push!", {"Data": "{}"})
    verdict = line.world.hears(messages.Notify("bulk", True, push), sender=line.unit.endpoint)
    assert verdict == "taken"
    assert [n.path for n in kept(line, "Event")][-1] == "Device.BulkData.Profile.1.Push!"
    assert line.world.sent[-1].message.body == messages.NotifyResp("bulk")
