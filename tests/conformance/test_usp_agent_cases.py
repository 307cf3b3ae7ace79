"""Cases of TP-469 that a simulated agent shows by itself, as a controller would drive them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from usp_desk import CONTROLLER, SUBSCRIPTIONS, Desk

from acs.usp.pb import usp_msg_pb2 as pb
from acs.usp.pb import usp_record_pb2 as record_pb
from simulators.usp.options import FirmwareOrder, OnBoarding, Role
from simulators.usp.outgoing import LinkWish

MAPPINGS = "Device.NAT.PortMapping."
INTERFACES = "Device.IP.Interface."
CONTROLLERS = "Device.LocalAgent.Controller."


def error_codes(reply: pb.Msg) -> tuple[int, list[tuple[str, int]]]:
    """Return the code of an Error, with what it says of parameters."""
    error = reply.body.error
    return error.err_code, [(each.param_path, each.err_code) for each in error.param_errs]


# --- 1.1 to 1.10, 1.88, 1.95: Add ---------------------------------------------------------


def test_1_1_add_without_allow_partial_shows_path_and_unique_keys() -> None:
    reply = Desk().add((SUBSCRIPTIONS, {"ID": "one", "NotifType": "Event"}))
    (result,) = reply.body.response.add_resp.created_obj_results
    success = result.oper_status.oper_success
    assert success.instantiated_path == f"{SUBSCRIPTIONS}1."
    assert dict(success.unique_keys) == {
        "Alias": "cpe-1",
        "Recipient": f"{CONTROLLERS}1",
        "ID": "one",
    }


def test_1_2_add_of_several_objects() -> None:
    reply = Desk().add((MAPPINGS, {"ExternalPort": "80"}), (MAPPINGS, {"ExternalPort": "81"}))
    paths = [
        each.oper_status.oper_success.instantiated_path
        for each in reply.body.response.add_resp.created_obj_results
    ]
    assert paths == [f"{MAPPINGS}1.", f"{MAPPINGS}2."]


def test_1_3_add_that_fails_without_allow_partial_adds_nothing() -> None:
    desk = Desk()
    reply = desk.add((MAPPINGS, {"ExternalPort": "80"}), (MAPPINGS, {"Nothing": "1"}))
    assert error_codes(reply) == (7004, [(f"{MAPPINGS}2.Nothing", 7010)])
    assert desk.agent.rows(MAPPINGS) == []


def test_1_4_add_with_allow_partial_fails_alone() -> None:
    desk = Desk()
    reply = desk.add(
        (MAPPINGS, {"ExternalPort": "many"}), (MAPPINGS, {"ExternalPort": "80"}), partial=True
    )
    failed, added = reply.body.response.add_resp.created_obj_results
    assert failed.oper_status.oper_failure.err_code == 7021
    assert added.oper_status.oper_success.instantiated_path == f"{MAPPINGS}1."


def test_1_5_add_with_an_optional_failure_succeeds_and_says_so() -> None:
    reply = Desk().add((MAPPINGS, {"ExternalPort": "80", "Nothing": "1"}), optional=True)
    (result,) = reply.body.response.add_resp.created_obj_results
    (error,) = result.oper_status.oper_success.param_errs
    assert (error.param, error.err_code) == ("Nothing", 7010)


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("Device.Hosts.Host.", 7019),
        ("Device.DeviceInfo.", 7018),
        ("Device.Nothing.", 7026),
        (f"{INTERFACES}99.IPv4Address.", 7019),
        (f"{CONTROLLERS}9.BootParameter.", 7016),
    ],
)
def test_1_6_add_where_nothing_can_be_added(table: str, code: int) -> None:
    assert error_codes(Desk().add((table, {}))) == (7004, [(table, code)])


def test_1_7_add_of_a_duplicate_key() -> None:
    desk = Desk()
    desk.add((SUBSCRIPTIONS, {"ID": "one"}))
    outer, errors = error_codes(desk.add((SUBSCRIPTIONS, {"ID": "one"})))
    assert outer == 7004
    assert errors == [(f"{SUBSCRIPTIONS}2.ID", 7025)]


def test_1_88_add_below_a_search_adds_to_each_match() -> None:
    reply = Desk().add((f"{CONTROLLERS}[Enable==true].BootParameter.", {"Enable": "true"}))
    (result,) = reply.body.response.add_resp.created_obj_results
    path = result.oper_status.oper_success.instantiated_path
    assert path == f"{CONTROLLERS}1.BootParameter.1."


def test_1_95_a_unique_key_is_required_whatever_was_said() -> None:
    desk = Desk()
    desk.add((SUBSCRIPTIONS, {"ID": "one"}))
    reply = desk.add((SUBSCRIPTIONS, {"ID": "one"}), optional=True, partial=True)
    (result,) = reply.body.response.add_resp.created_obj_results
    assert result.oper_status.oper_failure.err_code == 7021


# --- 1.11 to 1.23, 1.104: Set -------------------------------------------------------------


def test_1_11_set_lists_what_was_written() -> None:
    desk = Desk()
    reply = desk.set(("Device.WiFi.SSID.1.", {"SSID": "Home", "Enable": "false"}))
    (result,) = reply.body.response.set_resp.updated_obj_results
    (instance,) = result.oper_status.oper_success.updated_inst_results
    assert instance.affected_path == "Device.WiFi.SSID.1."
    assert dict(instance.updated_params) == {"SSID": "Home", "Enable": "false"}
    assert desk.read("Device.WiFi.SSID.1.SSID") == {"Device.WiFi.SSID.1.SSID": "Home"}


@pytest.mark.parametrize(
    ("path", "name", "value", "code"),
    [
        ("Device.WiFi.SSID.1.", "Nothing", "x", 7010),
        ("Device.WiFi.Radio.1.", "Channel", "eleven", 7011),
        ("Device.WiFi.Radio.1.", "Enable", "perhaps", 7011),
        ("Device.WiFi.Radio.1.", "Channel", "0", 7012),
        ("Device.WiFi.SSID.1.", "SSID", "x" * 33, 7012),
        ("Device.DeviceInfo.", "SoftwareVersion", "x", 7013),
    ],
)
def test_1_12_set_that_fails_without_allow_partial(
    path: str, name: str, value: str, code: int
) -> None:
    desk = Desk()
    before = desk.read(path)
    reply = desk.set((path, {name: value}))
    assert error_codes(reply) == (7004, [(path + name, code)])
    desk.agent.change("Device.DeviceInfo.UpTime", "0", desk.now)
    assert desk.read(path) == before


def test_1_13_set_that_fails_leaves_the_other_objects_alone() -> None:
    desk = Desk()
    reply = desk.set(
        ("Device.WiFi.SSID.1.", {"SSID": "Home"}), ("Device.WiFi.SSID.3.", {"Nothing": "x"})
    )
    assert error_codes(reply)[0] == 7004
    assert desk.agent.value("Device.WiFi.SSID.1.SSID") != "Home"


def test_1_14_set_with_allow_partial_writes_what_can_be_written() -> None:
    desk = Desk()
    reply = desk.set(
        ("Device.WiFi.SSID.1.", {"SSID": "Home"}),
        ("Device.WiFi.SSID.3.", {"Nothing": "x"}),
        ("Device.WiFi.SSID.99.", {"SSID": "x"}),
        partial=True,
    )
    done, failed, missing = reply.body.response.set_resp.updated_obj_results
    assert done.oper_status.HasField("oper_success")
    failure = failed.oper_status.oper_failure
    assert failure.err_code == 7021
    (instance,) = failure.updated_inst_failures
    assert instance.affected_path == "Device.WiFi.SSID.3."
    assert [(e.param, e.err_code) for e in instance.param_errs] == [("Nothing", 7010)]
    assert missing.oper_status.oper_failure.err_code == 7016


def test_1_15_set_of_optional_parameters_says_what_failed() -> None:
    reply = Desk().set(("Device.WiFi.SSID.1.", {"SSID": "Home", "Nothing": "x"}), optional=True)
    (result,) = reply.body.response.set_resp.updated_obj_results
    (instance,) = result.oper_status.oper_success.updated_inst_results
    assert dict(instance.updated_params) == {"SSID": "Home"}
    assert [(e.param, e.err_code) for e in instance.param_errs] == [("Nothing", 7010)]


@pytest.mark.parametrize("path", ["Device.WiFi.SSID.*.", "Device.WiFi.SSID.[Enable==true]."])
def test_1_16_set_of_a_search_lists_every_instance(path: str) -> None:
    reply = Desk().set((path, {"Enable": "0"}))
    (result,) = reply.body.response.set_resp.updated_obj_results
    found = result.oper_status.oper_success.updated_inst_results
    assert [each.affected_path for each in found] == [
        "Device.WiFi.SSID.1.",
        "Device.WiFi.SSID.3.",
    ]


def test_1_17_set_of_a_search_is_all_or_nothing() -> None:
    desk = Desk()
    desk.add((SUBSCRIPTIONS, {"ID": "one"}), (SUBSCRIPTIONS, {"ID": "two"}))
    reply = desk.set((f"{SUBSCRIPTIONS}*.", {"TimeToLive": "5", "ID": "one"}), partial=True)
    (result,) = reply.body.response.set_resp.updated_obj_results
    assert result.oper_status.oper_failure.updated_inst_failures
    assert desk.agent.value(f"{SUBSCRIPTIONS}1.TimeToLive") == "0"


def test_1_18_set_of_a_search_that_matches_nothing_is_a_success() -> None:
    reply = Desk().set(('Device.WiFi.SSID.[SSID=="nowhere"].', {"SSID": "x"}))
    (result,) = reply.body.response.set_resp.updated_obj_results
    assert result.oper_status.HasField("oper_success")
    assert not result.oper_status.oper_success.updated_inst_results


@pytest.mark.parametrize("leaf", ["ReferenceList", "ID", "NotifType"])
def test_1_104_what_is_written_once_is_refused_later(leaf: str) -> None:
    desk = Desk()
    row = desk.subscribe("Event", "Device.Boot!")
    value = {"NotifType": "ValueChange"}.get(leaf, "Device.DeviceInfo.")
    assert error_codes(desk.set((row, {leaf: value}))) == (7004, [(row + leaf, 7013)])


# --- 1.24 to 1.35, 1.90: Delete -----------------------------------------------------------


def deleted(reply: pb.Msg) -> list[list[str]]:
    """Return what each path of a Delete took away."""
    results = reply.body.response.delete_resp.deleted_obj_results
    return [list(each.oper_status.oper_success.affected_paths) for each in results]


def test_1_24_delete_lists_what_is_gone() -> None:
    desk = Desk()
    desk.add((MAPPINGS, {}), (MAPPINGS, {}))
    assert deleted(desk.delete(f"{MAPPINGS}1.")) == [[f"{MAPPINGS}1."]]
    assert desk.agent.rows(MAPPINGS) == [f"{MAPPINGS}2."]


@pytest.mark.parametrize("partial", [False, True])
def test_1_25_delete_of_what_is_not_there_is_a_success(partial: bool) -> None:
    reply = Desk().delete(f"{MAPPINGS}7.", f'{MAPPINGS}[Description=="none"].', partial=partial)
    assert deleted(reply) == [[], []]


def test_1_26_delete_of_what_cannot_be_deleted_fails_whole() -> None:
    desk = Desk()
    desk.add((MAPPINGS, {}))
    outer, errors = error_codes(desk.delete(f"{MAPPINGS}1.", "Device.Hosts.Host.1."))
    assert (outer, errors) == (7004, [("Device.Hosts.Host.1.", 7019)])
    assert desk.agent.rows(MAPPINGS) == [f"{MAPPINGS}1."]


def test_1_27_delete_with_allow_partial_fails_alone() -> None:
    desk = Desk()
    desk.add((MAPPINGS, {}))
    reply = desk.delete("Device.DeviceInfo.", "Device.Nothing.", f"{MAPPINGS}1.", partial=True)
    first, second, third = reply.body.response.delete_resp.deleted_obj_results
    assert first.oper_status.oper_failure.err_code == 7018
    assert second.oper_status.oper_failure.err_code == 7026
    assert third.oper_status.oper_success.affected_paths == [f"{MAPPINGS}1."]


def test_1_28_delete_by_search() -> None:
    desk = Desk()
    desk.add((MAPPINGS, {"ExternalPort": "80"}), (MAPPINGS, {"ExternalPort": "8080"}))
    assert deleted(desk.delete(f"{MAPPINGS}[ExternalPort>1024].")) == [[f"{MAPPINGS}2."]]


def test_1_90_what_is_in_use_is_listed_as_unaffected() -> None:
    desk = Desk("tplink-a-xx230v")
    (row,) = desk.agent.rows("Device.PPP.Interface.")[:1]
    desk.set((row, {"Enable": "true"}))
    reply = desk.delete(row, partial=True)
    (result,) = reply.body.response.delete_resp.deleted_obj_results
    (kept,) = result.oper_status.oper_success.unaffected_path_errs
    assert (kept.unaffected_path, kept.err_code) == (row, 7015)


# --- 1.36 to 1.51, 1.82, 1.86 to 1.89: Get ------------------------------------------------


def test_1_36_get_of_a_parameter_resolves_to_its_object() -> None:
    (result,) = Desk().get("Device.DeviceInfo.SoftwareVersion")
    (resolved,) = result.resolved_path_results
    assert resolved.resolved_path == "Device.DeviceInfo."
    assert dict(resolved.result_params) == {"SoftwareVersion": "5.1.0"}


def test_1_37_get_of_an_object_has_one_block_for_each_object_below() -> None:
    (result,) = Desk().get("Device.WiFi.AccessPoint.")
    paths = [each.resolved_path for each in result.resolved_path_results]
    assert paths[:3] == [
        "Device.WiFi.AccessPoint.1.",
        "Device.WiFi.AccessPoint.1.Security.",
        "Device.WiFi.AccessPoint.1.WPS.",
    ]
    assert "Device.WiFi.AccessPoint.2.AC.4.Stats." in paths
    assert len(set(paths)) == len(paths)
    assert all(
        "." not in name for each in result.resolved_path_results for name in each.result_params
    )


@pytest.mark.parametrize(
    ("search", "rows"),
    [
        ("[Channel==44]", [2]),
        ("[Channel!=44]", [1]),
        ("[Channel<44]", [1]),
        ("[Channel<=44]", [1, 2]),
        ("[Channel>1]", [2]),
        ("[Channel>=1]", [1, 2]),
        ('[OperatingFrequencyBand=="5GHz"]', [2]),
        ('[OperatingFrequencyBand!="5GHz"&&Enable==true]', [1]),
        ("[Enable == true && Channel > 1]", [2]),
        ("*", [1, 2]),
        ("[Channel==45]", []),
    ],
)
def test_1_40_get_by_each_comparison(search: str, rows: list[int]) -> None:
    (result,) = Desk().get(f"Device.WiFi.Radio.{search}.Channel")
    assert result.err_code == 0
    assert [each.resolved_path for each in result.resolved_path_results] == [
        f"Device.WiFi.Radio.{row}." for row in rows
    ]


def test_1_41_a_list_is_searched_by_its_elements() -> None:
    desk = Desk()
    row = desk.subscribe("Event", "Device.Boot!,Device.LocalAgent.Periodic!")
    for word, found in (("Device.Boot!", [row]), ("Device.Boot", [])):
        (result,) = desk.get(f'{SUBSCRIPTIONS}[ReferenceList~="{word}"].ID')
        assert [each.resolved_path for each in result.resolved_path_results] == found


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("Device.Nothing.", 7026),
        ("Device.DeviceInfo.Nothing", 7026),
        ("Device.WiFi.SSID.99.", 7026),
        ("Device.WiFi.SSID.SSID", 7026),
        ("Device.WiFi.1.", 7026),
        ('Device.WiFi.SSID.[Nothing=="x"].', 7026),
        ("Device..WiFi.", 7008),
        ("Device.WiFi.SSID.[].", 7008),
        ("Device.WiFi.SSID.[SSID==x].", 7008),
        ('Device.WiFi.SSID.[SSID>"x"].', 7008),
        ("Device.WiFi.SSID.{i}.", 7008),
        ("Device.WiFi.SSID.[Enable==true", 7008),
        ("", 7008),
    ],
)
def test_1_45_a_wrong_path_is_an_error_of_that_path_alone(path: str, code: int) -> None:
    wrong, right = Desk().get(path, "Device.DeviceInfo.SerialNumber")
    assert (wrong.requested_path, wrong.err_code) == (path, code)
    assert wrong.err_msg
    assert not wrong.resolved_path_results
    assert right.err_code == 0
    assert right.resolved_path_results


def test_1_86_max_depth_counts_the_rows_of_a_table_as_one_level() -> None:
    found = []
    for depth in (1, 2, 3, 0):
        (result,) = Desk().get("Device.IP.", depth=depth)
        found.append([each.resolved_path for each in result.resolved_path_results])
    one, two, three, all_ = found
    assert one == ["Device.IP."]
    assert f"{INTERFACES}2." in two
    assert f"{INTERFACES}2.IPv4Address.1." not in two
    assert f"{INTERFACES}2.IPv4Address.1." in three
    assert three == all_


def test_1_89_references_are_followed() -> None:
    desk = Desk()
    assert desk.read("Device.WiFi.AccessPoint.1.SSIDReference+.SSID") == {
        "Device.WiFi.SSID.3.SSID": "Gateway-0001"
    }
    (result,) = desk.get(
        'Device.WiFi.AccessPoint.[SSIDReference+.LowerLayers+.OperatingFrequencyBand=="5GHz"].Enable'
    )
    assert [each.resolved_path for each in result.resolved_path_results] == [
        "Device.WiFi.AccessPoint.2."
    ]
    (nowhere,) = desk.get("Device.WiFi.AccessPoint.1.SSIDReference#2+.SSID")
    assert (nowhere.err_code, len(nowhere.resolved_path_results)) == (0, 0)


# --- 1.52 to 1.59: Notify -----------------------------------------------------------------


def test_1_52_and_1_53_a_value_change_names_its_subscription_until_it_is_deleted() -> None:
    desk = Desk()
    row = desk.subscribe("ValueChange", "Device.DeviceInfo.ProvisioningCode", ID="mine")
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"}))
    (notify,) = desk.notifies
    assert notify.subscription_id == "mine"
    assert notify.value_change.param_path == "Device.DeviceInfo.ProvisioningCode"
    assert notify.value_change.param_value == "A"
    desk.delete(row)
    desk.kinds()
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "B"}))
    assert desk.kinds() == []


def test_1_54_a_notify_is_repeated_at_growing_intervals_with_the_same_id() -> None:
    desk = Desk()
    desk.subscribe("ValueChange", "Device.DeviceInfo.ProvisioningCode")
    desk.answering = False
    start = desk.now
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"}))
    moments: list[float] = []
    while len(moments) < 3:
        before = len(desk.ids)
        desk.wait(0.5, step=0.5)
        moments += [desk.now - start] * (len(desk.ids) - before)
    assert 5 <= moments[0] <= 10.5
    assert 10 <= moments[1] - moments[0] <= 20.5
    assert 20 <= moments[2] - moments[1] <= 40.5
    assert len(set(desk.ids)) == 1
    desk.answer(desk.ids[0])
    desk.kinds()
    desk.wait(200)
    assert desk.kinds() == []


def test_1_56_retries_stop_at_notif_expiration() -> None:
    desk = Desk()
    desk.subscribe("ValueChange", "Device.DeviceInfo.ProvisioningCode", NotifExpiration="15")
    desk.answering = False
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"}))
    desk.wait(15)
    assert len(desk.kinds()) >= 2
    desk.wait(300)
    assert desk.kinds() == []
    assert desk.agent.counters["notify.expired"] == 1


def test_1_55_time_to_live_ends_a_subscription() -> None:
    desk = Desk()
    row = desk.subscribe("ValueChange", "Device.DeviceInfo.ProvisioningCode", TimeToLive="20")
    desk.wait(19)
    assert row in desk.agent.rows(SUBSCRIPTIONS)
    desk.wait(2)
    assert row not in desk.agent.rows(SUBSCRIPTIONS)
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"}))
    assert desk.kinds() == []


def test_1_57_and_1_58_rows_that_come_and_go() -> None:
    desk = Desk()
    desk.subscribe("ObjectCreation", "Device.Hosts.Host.")
    desk.subscribe("ObjectDeletion", "Device.Hosts.Host.*.")
    row = desk.agent.make_row("Device.Hosts.Host.", {"PhysAddress": "02:00:00:00:00:07"}, desk.now)
    desk.collect()
    desk.agent.drop_row(row, desk.now)
    desk.collect()
    created, gone = desk.notifies
    assert created.obj_creation.obj_path == row == gone.obj_deletion.obj_path
    assert dict(created.obj_creation.unique_keys) == {"PhysAddress": "02:00:00:00:00:07"}


def test_1_59_periodic_comes_at_its_interval() -> None:
    desk = Desk()
    desk.subscribe("Event", "Device.LocalAgent.Periodic!")
    desk.set((f"{CONTROLLERS}1.", {"PeriodicNotifInterval": "60"}))
    moments = []
    for _ in range(185):
        desk.wait(1)
        moments += [desk.now] * len(desk.kinds())
    assert [round(b - a) for a, b in pairwise(moments)] == [60, 60]


def test_1_59_periodic_keeps_the_phase_it_was_given() -> None:
    desk = Desk()
    desk.subscribe("Event", "Device.LocalAgent.Periodic!")
    values = {"PeriodicNotifInterval": "60", "PeriodicNotifTime": "2026-01-01T00:00:10Z"}
    desk.set((f"{CONTROLLERS}1.", values))
    while not desk.kinds():
        desk.wait(1)
    assert round(desk.now) % 60 == 10


# --- 1.60, 1.101 to 1.103, 9.9: on-boarding -----------------------------------------------


def test_1_60_on_board_request_tells_who_the_agent_is() -> None:
    desk = Desk()
    desk.operate(f"{CONTROLLERS}1.SendOnBoardRequest()")
    (notify,) = desk.notifies
    assert (notify.subscription_id, notify.send_resp) == ("", True)
    assert notify.on_board_req.oui == "1C61B4"
    assert notify.on_board_req.product_class == "Device2"
    assert notify.on_board_req.serial_number == "22275A7000001"
    assert notify.on_board_req.agent_supported_protocol_versions == "1.0,1.1,1.2,1.3"


def test_1_101_on_board_request_is_repeated_without_end_until_it_is_answered() -> None:
    desk = Desk()
    desk.answering = False
    desk.operate(f"{CONTROLLERS}1.SendOnBoardRequest()")
    desk.wait(3000, step=5)
    assert len(desk.ids) > 5
    desk.answer(desk.ids[0])
    desk.kinds()
    desk.wait(6000, step=60)
    assert desk.kinds() == []


def test_1_102_on_boarding_goes_on_until_it_is_complete() -> None:
    desk = Desk(onboarding=OnBoarding.UNTIL_COMPLETE)
    assert desk.kinds() == ["on_board_req"]
    desk.wait(61)
    assert desk.kinds() == ["on_board_req"]
    desk.set((f"{CONTROLLERS}1.", {"OnBoardingComplete": "true"}))
    desk.wait(300)
    assert desk.kinds() == []


def test_1_103_a_controller_that_is_added_is_introduced_to() -> None:
    desk = Desk(onboarding=OnBoarding.UNTIL_COMPLETE)
    desk.set((f"{CONTROLLERS}1.", {"OnBoardingComplete": "true"}))
    desk.kinds()
    desk.add((CONTROLLERS, {"EndpointID": "self::other", "Enable": "true"}))
    assert desk.kinds() == []
    mtp = {"Enable": "true", "MQTT.Topic": "usp/v1/controller/other"}
    desk.add((f"{CONTROLLERS}2.MTP.", mtp))
    assert desk.kinds() == ["on_board_req"]
    assert desk.records[-1].to_id == "self::other"
    assert desk.topics[-1] == "usp/v1/controller/other"


# --- 1.61 to 1.65, 1.79, 1.91, 1.92, 1.100: Operate ---------------------------------------


def test_1_61_the_device_comes_back_after_a_reboot() -> None:
    desk = Desk(boot_subscription=True)
    desk.kinds()
    assert desk.operate("Device.Reboot()", key="mine").operation_results
    desk.records.clear()
    desk.wait(60)
    assert desk.records[0].WhichOneof("record_type") == "mqtt_connect"
    (boot,) = desk.notifies
    params = dict(boot.event.params)
    assert (boot.event.obj_path, boot.event.event_name) == ("Device.", "Boot!")
    assert params["Cause"] == "RemoteReboot"
    assert params["CommandKey"] == "mine"
    assert params["FirmwareUpdated"] == "false"


def test_1_62_a_reboot_without_send_resp_is_not_answered() -> None:
    desk = Desk()
    desk.send(desk.request("operate", command="Device.Reboot()", send_resp=False))
    desk.collect()
    assert desk.replies == []
    desk.wait(1)
    assert desk.agent.counters["boots"] == 1
    desk.wait(60)
    assert desk.agent.counters["boots"] == 2


def test_1_64_an_asynchronous_command_has_a_request_and_ends_with_our_key() -> None:
    desk = Desk()
    desk.subscribe("OperationComplete", "Device.IP.Diagnostics.IPPing()")
    (result,) = desk.operate("Device.IP.Diagnostics.IPPing()", key="k", Host="a").operation_results
    assert result.executed_command == "Device.IP.Diagnostics.IPPing()"
    request = desk.read(result.req_obj_path + ".")
    assert request[f"{result.req_obj_path}.CommandKey"] == "k"
    assert request[f"{result.req_obj_path}.Originator"] == CONTROLLER
    desk.wait(10)
    (notify,) = desk.notifies
    done = notify.oper_complete
    assert (done.obj_path, done.command_name) == ("Device.IP.Diagnostics.", "IPPing()")
    assert done.command_key == "k"
    assert done.req_output_args.output_args["Status"] == "Complete"
    assert done.req_output_args.output_args["SuccessCount"] == "4"
    assert desk.agent.rows("Device.LocalAgent.Request.") == []


def test_1_65_without_send_resp_only_the_end_is_told() -> None:
    desk = Desk()
    desk.subscribe("OperationComplete", "Device.")
    desk.replies.clear()
    command = "Device.IP.Diagnostics.IPPing()"
    desk.send(desk.request("operate", command=command, input_args={"Host": "a"}))
    desk.collect()
    assert desk.replies == []
    desk.wait(10)
    assert desk.kinds() == ["oper_complete"]


def test_1_79_and_1_91_arguments_are_taken_and_unknown_ones_ignored() -> None:
    desk = Desk()
    desk.subscribe("OperationComplete", "Device.")
    desk.operate("Device.IP.Diagnostics.IPPing()", Host="a", NumberOfRepetitions="9", Nonsense="x")
    desk.wait(10)
    assert desk.notifies[0].oper_complete.req_output_args.output_args["SuccessCount"] == "9"


def test_1_100_a_mandatory_argument_that_is_missing() -> None:
    (result,) = Desk().operate("Device.IP.Diagnostics.IPPing()").operation_results
    assert result.cmd_failure.err_code == 7027


def test_1_92_a_cancelled_command_ends_with_7023() -> None:
    desk = Desk()
    desk.subscribe("OperationComplete", "Device.")
    (begun,) = desk.operate("Device.ScheduleTimer()", DelaySeconds="500").operation_results
    desk.operate(begun.req_obj_path + ".Cancel()")
    desk.wait(1)
    (notify,) = desk.notifies
    assert notify.oper_complete.cmd_failure.err_code == 7023


# --- 1.66 to 1.77, 1.83, 1.97 to 1.107: instances and the supported model -----------------


def test_1_66_instances_of_the_first_level() -> None:
    (result,) = Desk().instances(INTERFACES, first_level=True)
    found = [each.instantiated_obj_path for each in result.curr_insts]
    assert found == [f"{INTERFACES}1.", f"{INTERFACES}2."]


def test_1_67_instances_of_all_levels_of_several_tables() -> None:
    first, second = Desk().instances(INTERFACES, CONTROLLERS)
    paths = [each.instantiated_obj_path for each in first.curr_insts]
    assert f"{INTERFACES}2.IPv4Address.1." in paths
    keys = {each.instantiated_obj_path: dict(each.unique_keys) for each in second.curr_insts}
    assert keys[f"{CONTROLLERS}1."] == {"Alias": "cpe-1", "EndpointID": CONTROLLER}


@pytest.mark.parametrize(
    ("path", "code", "count"),
    [
        ("Device.WiFi.SSID.*.", 0, 2),
        (f"{INTERFACES}*.IPv4Address.", 0, 1),
        ('Device.WiFi.SSID.[SSID=="none"].', 0, 0),
        ("Device.DeviceInfo.", 7018, 0),
        ("Device.Nothing.", 7026, 0),
        (f"{INTERFACES}9.IPv4Address.", 7016, 0),
    ],
)
def test_1_68_instances_by_wildcard_search_and_what_has_none(
    path: str, code: int, count: int
) -> None:
    (result,) = Desk().instances(path)
    assert (result.err_code, len(result.curr_insts)) == (code, count)


def test_1_72_the_whole_supported_model() -> None:
    (result,) = Desk().supported("Device.")
    objects = {each.supported_obj_path: each for each in result.supported_objs}
    subscription = objects["Device.LocalAgent.Subscription.{i}."]
    assert subscription.is_multi_instance
    assert subscription.access == pb.GetSupportedDMResp.OBJ_ADD_DELETE
    names = {each.param_name: each for each in subscription.supported_params}
    assert names["Recipient"].access == pb.GetSupportedDMResp.PARAM_READ_ONLY
    assert names["Enable"].value_type == pb.GetSupportedDMResp.PARAM_BOOLEAN
    assert "Reboot()" in {each.command_name for each in objects["Device."].supported_commands}
    assert "Boot!" in {each.event_name for each in objects["Device."].supported_events}
    assert result.data_model_inst_uri.startswith("urn:broadband-forum-org:tr-181-2-")
    assert not any(".ManagementServer." in path for path in objects)


def test_1_73_the_first_level_has_children_without_details() -> None:
    (result,) = Desk().supported("Device.WiFi.", first_level_only=True)
    own, *children = result.supported_objs
    assert own.supported_obj_path == "Device.WiFi."
    assert own.supported_commands
    assert "Device.WiFi.SSID.{i}." in {each.supported_obj_path for each in children}
    assert not any(each.supported_params for each in children)


@pytest.mark.parametrize("what", ["return_params", "return_commands", "return_events"])
def test_1_74_each_flag_leaves_its_part_out(what: str) -> None:
    part = what.replace("return", "supported")
    desk = Desk()
    (all_,) = desk.supported("Device.")
    (less,) = desk.supported("Device.", **{what: False})
    assert any(getattr(each, part) for each in all_.supported_objs)
    assert not any(getattr(each, part) for each in less.supported_objs)


@pytest.mark.parametrize(
    "path",
    ["Device.WiFi.SSID.{i}.", "Device.WiFi.SSID.", "Device.WiFi.SSID.1.", "Device.WiFi.SSID.*."],
)
def test_1_97_rows_may_be_written_in_each_way(path: str) -> None:
    (result,) = Desk().supported(path)
    assert result.supported_objs[0].supported_obj_path == "Device.WiFi.SSID.{i}."


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("Device.Reboot()", "supported_commands"),
        ("Device.Boot!", "supported_events"),
        ("Device.WiFi.SSID.{i}.SSID", "supported_params"),
    ],
)
def test_1_105_a_command_an_event_and_a_parameter(path: str, part: str) -> None:
    (result,) = Desk().supported(path)
    (found,) = result.supported_objs
    assert len(getattr(found, part)) == 1


@pytest.mark.parametrize(
    "path", ["Device.Nothing.", "Device.WiFi.{i}.", "Device.Nothing()", "Device.WiFi.SSID.SSID"]
)
def test_1_77_what_is_not_supported(path: str) -> None:
    (result,) = Desk().supported(path)
    assert (result.err_code, len(result.supported_objs)) == (7026, 0)


def test_1_107_unique_keys_since_1_4() -> None:
    path = "Device.LocalAgent.Subscription.{i}."
    keys = []
    for versions in (("1.3",), ("1.3", "1.4")):
        (result,) = Desk(versions=versions).supported(path, return_unique_key_sets=True)
        sets = result.supported_objs[0].unique_key_sets
        keys.append([list(each.key_names) for each in sets])
    assert keys == [[], [["Alias"], ["Recipient", "ID"]]]


def test_1_76_an_agent_before_1_2_tells_no_types() -> None:
    (result,) = Desk(versions=("1.0", "1.1")).supported("Device.DeviceInfo.")
    (version,) = (
        each
        for each in result.supported_objs[0].supported_params
        if each.param_name == "SoftwareVersion"
    )
    assert version.value_type == pb.GetSupportedDMResp.PARAM_UNKNOWN
    assert version.value_change == pb.GetSupportedDMResp.VALUE_CHANGE_UNKNOWN


# --- 1.78 to 1.96: subscriptions, versions ------------------------------------------------


def test_1_78_nobody_is_told_once_the_controller_is_gone() -> None:
    desk = Desk()
    desk.add((CONTROLLERS, {"EndpointID": "self::other", "Enable": "true"}))
    desk.subscribe("ValueChange", "Device.DeviceInfo.ProvisioningCode")
    desk.delete(f"{CONTROLLERS}1.")
    desk.agent.change("Device.DeviceInfo.ProvisioningCode", "A", desk.now)
    desk.collect()
    assert desk.kinds() == []


def test_1_84_a_subscription_on_a_search_path() -> None:
    desk = Desk()
    desk.subscribe("ValueChange", "Device.WiFi.SSID.[Enable==true].SSID")
    desk.set(("Device.WiFi.SSID.3.", {"Enable": "false"}))
    desk.set(("Device.WiFi.SSID.*.", {"SSID": "Same"}))
    assert [n.value_change.param_path for n in desk.notifies] == ["Device.WiFi.SSID.1.SSID"]


def test_1_96_an_alias_cannot_be_changed() -> None:
    desk = Desk()
    row = desk.subscribe("Event", "Device.Boot!")
    assert error_codes(desk.set((row, {"Alias": "other"}))) == (7004, [(f"{row}Alias", 7013)])


def test_1_80_versions_are_told() -> None:
    reply = Desk(versions=("1.2", "1.3")).ask(
        "get_supported_protocol", controller_supported_protocol_versions="1.0,1.4"
    )
    response = reply.body.response.get_supported_protocol_resp
    assert response.agent_supported_protocol_versions == "1.2,1.3"


# --- 2: identity and roles ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [("to_id", "proto::somebody-else"), ("from_id", "proto::nobody"), ("from_id", "")],
)
def test_2_1_and_2_2_a_record_that_is_not_for_it_is_ignored(field: str, value: str) -> None:
    desk = Desk()
    message = desk.request("get", param_paths=["Device."])
    record = record_pb.Record(version="1.3", to_id=desk.agent.endpoint, from_id=CONTROLLER)
    record.no_session_context.payload = message.SerializeToString()
    setattr(record, field, value)
    desk.agent.received(record.SerializeToString(), "reply", desk.now)
    assert desk.agent.take() == []
    assert desk.agent.counters["ignored"] == 1


def test_2_9_an_untrusted_controller_sees_little() -> None:
    desk = Desk(role=Role.UNTRUSTED)
    (info,) = desk.get("Device.DeviceInfo.SerialNumber")
    assert info.resolved_path_results
    (wifi,) = desk.get("Device.WiFi.")
    assert wifi.err_code == 7026
    (supported,) = desk.supported("Device.")
    paths = {each.supported_obj_path for each in supported.supported_objs}
    assert "Device.DeviceInfo." in paths
    assert not any(path.startswith("Device.WiFi.") for path in paths)
    command = f"{IMAGE}Download()"
    assert error_codes(desk.ask("operate", command=command, send_resp=True))[0] == 7026


def test_2_10_a_limited_controller_writes_wifi_alone() -> None:
    desk = Desk(role=Role.LIMITED)
    assert desk.set(("Device.WiFi.SSID.1.", {"SSID": "Home"})).body.HasField("response")
    outer, errors = error_codes(desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"})))
    assert (outer, errors) == (7004, [("Device.DeviceInfo.ProvisioningCode", 7006)])
    (refused,) = desk.operate("Device.Reboot()").operation_results
    assert refused.cmd_failure.err_code == 7006


def test_2_20_roles_can_be_changed() -> None:
    desk = Desk()
    desk.set((f"{CONTROLLERS}1.", {"AssignedRole": "Device.LocalAgent.ControllerTrust.Role.2"}))
    outer, _ = error_codes(desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"})))
    assert outer == 7004


@pytest.mark.parametrize(("role", "shown"), [(Role.FULL, ""), (Role.SECURED, "12345678")])
def test_2_27_secured_values_are_for_secured_roles(role: Role, shown: str) -> None:
    desk = Desk(role=role)
    path = "Device.WiFi.AccessPoint.1.Security."
    reply = desk.set((path, {"KeyPassphrase": "12345678"}))
    (result,) = reply.body.response.set_resp.updated_obj_results
    (instance,) = result.oper_status.oper_success.updated_inst_results
    assert dict(instance.updated_params) == ({"KeyPassphrase": shown} if shown else {})
    assert desk.read(f"{path}KeyPassphrase")[f"{path}KeyPassphrase"] == shown


# --- 3: records ---------------------------------------------------------------------------


def test_3_15_a_duplicate_request_is_answered_again() -> None:
    desk = Desk()
    message = desk.request("get", param_paths=["Device.DeviceInfo.SerialNumber"])
    desk.send(message)
    desk.send(message)
    desk.collect()
    assert len(desk.replies) == 2


# --- 7.10 and 11.17: the Connect record ---------------------------------------------------


@pytest.mark.parametrize("mtp", ["mqtt5", "mqtt3", "websocket"])
def test_7_10_the_connect_record_comes_first(mtp: str) -> None:
    desk = Desk(connected=False, boot_subscription=True)
    desk.open(mtp, "" if mtp == "websocket" else "my/topic")
    first = desk.records[0]
    assert first.version == "1.3"
    if mtp == "websocket":
        assert first.HasField("websocket_connect")
    else:
        assert first.mqtt_connect.subscribed_topic == "my/topic"
        assert first.mqtt_connect.version == (mtp == "mqtt5")
    assert desk.kinds() == ["event"]


def test_7_10_an_agent_before_1_2_has_no_connect_record() -> None:
    desk = Desk(versions=("1.0", "1.1"), boot_subscription=True)
    assert [each.WhichOneof("record_type") for each in desk.records] == ["no_session_context"]


# --- 9: firmware, Boot!, timer ------------------------------------------------------------

IMAGE = "Device.DeviceInfo.FirmwareImage.2."


def download(desk: Desk, activate: str, **more: str) -> pb.OperateResp.OperationResult:
    """Begin a download into the second bank."""
    url = "http://files.example/fw-6.0.0.bin"
    more = {"URL": url, "AutoActivate": activate} | more
    (result,) = desk.operate(f"{IMAGE}Download()", key="fw", **more).operation_results
    return result


def firmware_desk(**options: object) -> Desk:
    """Return a desk with the subscriptions that firmware needs."""
    desk = Desk(boot_subscription=True, **options)
    desk.subscribe("OperationComplete", "Device.")
    desk.subscribe("Event", "Device.LocalAgent.TransferComplete!")
    desk.kinds()
    return desk


def told(desk: Desk) -> list[str]:
    """Return what was told, in order."""
    return [
        each.event.event_name or each.oper_complete.command_name or "other"
        for each in desk.notifies
    ]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (FirmwareOrder.BEFORE_REBOOT, ["TransferComplete!", "Download()", "Boot!"]),
        (FirmwareOrder.AFTER_REBOOT, ["Boot!", "TransferComplete!", "Download()"]),
    ],
)
def test_9_3_a_download_that_activates_itself(order: FirmwareOrder, expected: list[str]) -> None:
    desk = firmware_desk(firmware_order=order)
    assert download(desk, "true").req_obj_path
    assert desk.agent.value(f"{IMAGE}Status") == "Downloading"
    desk.wait(120)
    assert told(desk) == expected
    boot = next(each for each in desk.notifies if each.event.event_name == "Boot!")
    assert boot.event.params["FirmwareUpdated"] == "true"
    assert desk.agent.value("Device.DeviceInfo.SoftwareVersion") == "6.0.0"
    assert desk.agent.value("Device.DeviceInfo.ActiveFirmwareImage") == IMAGE[:-1]
    assert desk.agent.value(f"{IMAGE}Status") == "Active"
    assert desk.agent.value("Device.DeviceInfo.FirmwareImage.1.Status") == "Available"


def test_9_4_a_download_is_activated_later_within_its_window() -> None:
    desk = firmware_desk()
    download(desk, "false")
    desk.wait(60)
    assert told(desk) == ["TransferComplete!", "Download()"]
    assert desk.agent.value(f"{IMAGE}Status") == "Available"
    desk.kinds()
    arguments = {"TimeWindow.1.Start": "30", "TimeWindow.1.End": "60"}
    arguments["TimeWindow.1.Mode"] = "Immediately"
    desk.operate(f"{IMAGE}Activate()", **arguments)
    desk.wait(29)
    assert told(desk) == []
    desk.wait(60)
    assert told(desk) == ["Activate()", "Boot!"]
    assert desk.agent.value("Device.DeviceInfo.SoftwareVersion") == "6.0.0"


def test_9_5_boot_firmware_image_and_a_reboot_do_the_same() -> None:
    desk = firmware_desk()
    download(desk, "false")
    desk.wait(60)
    desk.set(("Device.DeviceInfo.", {"BootFirmwareImage": IMAGE[:-1]}))
    desk.operate("Device.Reboot()")
    desk.wait(60)
    assert desk.agent.value("Device.DeviceInfo.SoftwareVersion") == "6.0.0"


def test_9_6_the_active_image_cannot_be_replaced() -> None:
    command = "Device.DeviceInfo.FirmwareImage.1.Download()"
    (result,) = Desk().operate(command, URL="http://x/", AutoActivate="true").operation_results
    assert result.cmd_failure.err_code == 7022


def test_9_7_an_image_that_is_not_available_cannot_be_activated() -> None:
    (result,) = Desk().operate(f"{IMAGE}Activate()").operation_results
    assert result.cmd_failure.err_code == 7022


def test_9_8_a_download_can_be_cancelled() -> None:
    desk = firmware_desk()
    request = download(desk, "true").req_obj_path
    desk.operate(f"{request}.Cancel()")
    desk.wait(60)
    ends = [each.oper_complete for each in desk.notifies if each.HasField("oper_complete")]
    assert [each.cmd_failure.err_code for each in ends] == [7023]
    assert desk.agent.value(f"{IMAGE}Status") == "DownloadFailed"
    assert desk.agent.wants is LinkWish.STAY


def test_9_10_boot_carries_the_parameters_it_was_asked_for() -> None:
    desk = Desk(boot_subscription=True)
    table = f"{CONTROLLERS}1.BootParameter."
    desk.add((table, {"Enable": "1", "ParameterName": "Device.DeviceInfo.SoftwareVersion"}))
    desk.kinds()
    desk.operate("Device.Reboot()")
    desk.wait(60)
    told_map = json.loads(desk.notifies[0].event.params["ParameterMap"])
    assert told_map == {"Device.DeviceInfo.SoftwareVersion": "5.1.0"}


def test_9_11_a_timer_ends_after_its_delay() -> None:
    desk = Desk()
    desk.subscribe("OperationComplete", "Device.ScheduleTimer()")
    desk.operate("Device.ScheduleTimer()", DelaySeconds="30")
    desk.wait(29)
    assert desk.kinds() == []
    desk.wait(2)
    assert desk.kinds() == ["oper_complete"]


def test_9_12_a_factory_reset_forgets_what_was_set() -> None:
    desk = Desk(boot_subscription=True)
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"}))
    desk.subscribe("Event", "Device.LocalAgent.Periodic!")
    desk.kinds()
    desk.operate("Device.FactoryReset()")
    desk.wait(60)
    assert desk.notifies[0].event.params["Cause"] == "RemoteFactoryReset"
    assert desk.agent.value("Device.DeviceInfo.ProvisioningCode") == ""
    assert len(desk.agent.rows(SUBSCRIPTIONS)) == 1
