"""A simulated agent over time: links that fail, files, values that change, what it does wrong."""

from __future__ import annotations

import hashlib

import pytest
from usp_desk import SUBSCRIPTIONS, Desk

from acs.usp.pb import usp_msg_pb2 as pb
from simulators.cpe.content import make_image, read_configuration, render_configuration
from simulators.usp.mischief import Mischief, parse_mischief
from simulators.usp.model import usp_model
from simulators.usp.options import OnBoarding
from simulators.usp.outgoing import LinkWish, Transfer, Transferred

CODE = "Device.DeviceInfo.ProvisioningCode"
IMAGE = "Device.DeviceInfo.FirmwareImage.2."
CONFIG = "Device.DeviceInfo.VendorConfigFile.1."


# --- links ----------------------------------------------------------------------------------


def test_what_could_not_be_sent_is_sent_when_the_link_is_back() -> None:
    desk = Desk()
    desk.subscribe("ValueChange", CODE)
    desk.agent.closed(desk.now)
    desk.agent.change(CODE, "A", desk.now)
    assert desk.agent.take() == []
    desk.now += 600
    desk.open()
    assert desk.kinds() == ["value_change"]


def test_without_retry_it_is_lost() -> None:
    desk = Desk()
    desk.subscribe("ValueChange", CODE, NotifRetry="false")
    desk.agent.closed(desk.now)
    desk.agent.change(CODE, "A", desk.now)
    desk.open()
    assert desk.kinds() == []
    assert desk.agent.counters["notify.lost"] == 1


def test_a_reboot_forgets_what_waits_and_what_does_not_persist() -> None:
    desk = Desk()
    desk.subscribe("ValueChange", CODE)
    desk.subscribe("Event", "Device.LocalAgent.Periodic!", Persistent="false")
    desk.answering = False
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"}))
    desk.kinds()
    desk.agent.reboot(desk.now)
    assert desk.agent.wants is LinkWish.RECONNECT
    desk.wait(60)
    assert desk.kinds() == []
    assert desk.agent.rows(SUBSCRIPTIONS) == [f"{SUBSCRIPTIONS}1."]
    assert desk.agent.value(CODE) == "A"


def test_commands_do_not_survive_a_reboot() -> None:
    desk = Desk()
    desk.subscribe("OperationComplete", "Device.")
    desk.operate(f"{IMAGE}Download()", URL="http://x/", AutoActivate="true")
    desk.agent.reboot(desk.now)
    desk.wait(120)
    assert desk.kinds() == []
    assert desk.agent.rows("Device.LocalAgent.Request.") == []
    assert desk.agent.value(f"{IMAGE}Status") == "DownloadFailed"


def test_an_agent_that_hangs_says_nothing_more() -> None:
    desk = Desk(mischief=Mischief(silent_after=10))
    desk.wait(11)
    assert desk.agent.wants is LinkWish.SILENT
    desk.send(desk.request("get", param_paths=["Device.DeviceInfo."]))
    assert desk.agent.take() == []


# --- values that change -----------------------------------------------------------------------


def test_changes_are_looked_for_at_intervals_where_that_is_wanted() -> None:
    desk = Desk(poll=15)
    desk.subscribe("ValueChange", "Device.DeviceInfo.")
    desk.agent.change(CODE, "A", desk.now)
    desk.agent.change(CODE, "B", desk.now)
    desk.wait(14)
    assert desk.kinds() == []
    desk.wait(2)
    (notify,) = desk.notifies
    assert notify.value_change.param_value == "B"


def test_the_number_of_rows_is_a_value_too() -> None:
    desk = Desk()
    desk.subscribe("ValueChange", "Device.Hosts.HostNumberOfEntries")
    desk.agent.make_row("Device.Hosts.Host.", {}, desk.now)
    desk.collect()
    assert [each.value_change.param_value for each in desk.notifies] == ["2"]


def test_states_follow_settings_and_are_reported() -> None:
    desk = Desk("tplink-a-xx230v")
    desk.set(("Device.WiFi.AccessPoint.1.", {"Enable": "true"}))
    desk.subscribe("ValueChange", "Device.WiFi.AccessPoint.1.Status")
    desk.set(("Device.WiFi.AccessPoint.1.", {"Enable": "false"}))
    assert [each.value_change.param_value for each in desk.notifies] == ["Disabled"]


def test_states_follow_what_a_new_row_was_made_with() -> None:
    desk = Desk("tplink-a-xx230v")
    account = {"Enable": "true", "Username": "user", "Password": "secret"}
    reply = desk.add(("Device.PPP.Interface.", account))
    (result,) = reply.body.response.add_resp.created_obj_results
    row = result.oper_status.oper_success.instantiated_path
    assert desk.agent.value(f"{row}ConnectionStatus") == "Connected"


def test_nothing_is_reported_of_a_message_that_failed() -> None:
    desk = Desk()
    desk.subscribe("ValueChange", "Device.DeviceInfo.")
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A", "Nothing": "x"}))
    assert desk.kinds() == []


def test_units_of_a_model_share_it_and_not_their_values() -> None:
    one, other = Desk(), Desk()
    one.set(("Device.WiFi.SSID.1.", {"SSID": "Mine"}))
    one.add((SUBSCRIPTIONS, {"ID": "mine"}))
    assert other.agent.value("Device.WiFi.SSID.1.SSID") != "Mine"
    assert other.agent.rows(SUBSCRIPTIONS) == []


# --- files ------------------------------------------------------------------------------------


def fetching(desk: Desk) -> list[Transfer]:
    """Have the agent ask for files instead of pretending."""
    asked: list[Transfer] = []
    desk.agent.fetch = asked.append
    return asked


def ends(desk: Desk) -> list[pb.Notify.OperationComplete]:
    """Return the ends of commands."""
    return [each.oper_complete for each in desk.notifies if each.HasField("oper_complete")]


def download(desk: Desk, content: bytes, **arguments: str) -> pb.Notify.OperationComplete:
    """Carry a download out, and return its end."""
    asked = fetching(desk)
    desk.subscribe("OperationComplete", "Device.")
    url = "http://files.example/fw?key=secret"
    desk.operate(f"{IMAGE}Download()", URL=url, AutoActivate="false", **arguments)
    (transfer,) = asked
    assert transfer.url == url
    assert "secret" not in repr(transfer)
    desk.agent.transferred(transfer.request, Transferred(content), desk.now)
    desk.wait(10)
    (end,) = ends(desk)
    return end


def test_a_good_image_is_taken() -> None:
    desk = Desk()
    image = make_image("9.1.0", "Gateway2", b"firmware")
    checksum = hashlib.sha256(image).hexdigest()
    end = download(
        desk,
        image,
        FileSize=str(len(image)),
        CheckSumAlgorithm="SHA-256",
        CheckSum=checksum,
        Username="u",
        Password="p",
    )
    assert not end.HasField("cmd_failure")
    assert desk.agent.value(f"{IMAGE}Version") == "9.1.0"
    assert desk.agent.value(f"{IMAGE}Status") == "Available"


@pytest.mark.parametrize(
    ("content", "arguments", "status"),
    [
        (b"short", {"FileSize": "99"}, "DownloadFailed"),
        (b"x", {"CheckSumAlgorithm": "SHA-256", "CheckSum": "00"}, "DownloadFailed"),
        (b"x", {"CheckSumAlgorithm": "MD2", "CheckSum": "00"}, "DownloadFailed"),
        (make_image("9", "Other", b"firmware"), {}, "ValidationFailed"),
        (make_image("9", "Gateway2", b"firmware") + b"damage", {}, "ValidationFailed"),
        (b"cpe-sim image {", {}, "ValidationFailed"),
    ],
)
def test_a_bad_image_is_refused(content: bytes, arguments: dict[str, str], status: str) -> None:
    desk = Desk()
    end = download(desk, content, **arguments)
    assert end.cmd_failure.err_code == 7022
    assert desk.agent.value(f"{IMAGE}Status") == status
    assert desk.agent.value("Device.DeviceInfo.SoftwareVersion") == "5.1.0"


def test_a_transfer_that_fails_is_told_of_twice() -> None:
    desk = Desk()
    asked = fetching(desk)
    desk.subscribe("OperationComplete", "Device.")
    desk.subscribe("Event", "Device.LocalAgent.TransferComplete!")
    desk.operate(f"{IMAGE}Download()", key="k", URL="http://x/", AutoActivate="true")
    desk.agent.transferred(asked[0].request, Transferred(code=7022, text="404"), desk.now)
    desk.collect()
    event, end = desk.notifies
    assert event.event.params["FaultCode"] == "7022"
    assert event.event.params["CommandKey"] == "k"
    failure = end.oper_complete.cmd_failure
    assert (failure.err_code, failure.err_msg) == (7022, "Command failure: 404")


def test_a_backup_has_the_settings_and_a_restore_takes_them() -> None:
    desk = Desk()
    asked = fetching(desk)
    desk.set(("Device.DeviceInfo.", {"ProvisioningCode": "A"}))
    desk.operate(f"{CONFIG}Backup()", URL="http://x/")
    assert asked[0].upload is not None
    settings = dict(read_configuration(asked[0].upload))
    assert settings[CODE] == "A"
    desk.operate(f"{CONFIG}Restore()", URL="http://x/")
    content = render_configuration([(CODE, "B")])
    desk.agent.transferred(asked[1].request, Transferred(content), desk.now)
    assert desk.agent.value(CODE) == "B"


def test_a_log_is_sent() -> None:
    desk = Desk()
    asked = fetching(desk)
    desk.subscribe("Event", "Device.LocalAgent.TransferComplete!")
    desk.operate("Device.DeviceInfo.VendorLogFile.1.Upload()", URL="http://x/")
    assert asked[0].upload
    desk.agent.transferred(asked[0].request, Transferred(), desk.now)
    desk.collect()
    (event,) = desk.notifies
    assert event.event.params["TransferType"] == "Upload"


def test_a_transfer_that_was_cancelled_is_nobodys() -> None:
    desk = Desk()
    asked = fetching(desk)
    (begun,) = desk.operate(f"{CONFIG}Restore()", URL="http://x/").operation_results
    desk.operate(f"{begun.req_obj_path}.Cancel()")
    content = render_configuration([(CODE, "B")])
    desk.agent.transferred(asked[0].request, Transferred(content), desk.now)
    assert desk.agent.value(CODE) == ""


# --- diagnostics ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "arguments", "output"),
    [
        ("Device.IP.Diagnostics.TraceRoute()", {"Host": "a"}, "RouteHops.7.Host"),
        (
            "Device.IP.Diagnostics.DownloadDiagnostics()",
            {"DownloadURL": "http://a/"},
            "TestBytesReceived",
        ),
        (
            "Device.IP.Diagnostics.UploadDiagnostics()",
            {"UploadURL": "http://a/", "TestFileLength": "1000"},
            "TestBytesSent",
        ),
        ("Device.DNS.Diagnostics.NSLookupDiagnostics()", {"HostName": "a"}, "Result.1.IPAddresses"),
        ("Device.WiFi.NeighboringWiFiDiagnostic()", {}, "Result.1.BSSID"),
    ],
)
def test_each_diagnostic_ends_with_its_results(
    command: str, arguments: dict[str, str], output: str
) -> None:
    desk = Desk()
    desk.subscribe("OperationComplete", "Device.")
    desk.operate(command, **arguments)
    desk.wait(10)
    (end,) = ends(desk)
    outputs = dict(end.req_output_args.output_args)
    assert outputs["Status"] == "Complete"
    assert outputs[output]
    assert not outputs.keys() & arguments.keys()


def test_a_diagnostic_that_cannot_be_run_says_why() -> None:
    desk = Desk()
    desk.subscribe("OperationComplete", "Device.")
    desk.operate("Device.IP.Diagnostics.IPPing()", Host="nowhere.invalid")
    desk.wait(10)
    (end,) = ends(desk)
    assert dict(end.req_output_args.output_args) == {"Status": "Error_CannotResolveHostName"}


# --- models -----------------------------------------------------------------------------------


def test_a_model_of_another_root_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Device\. alone"):
        usp_model("generic-tr098")


def test_the_management_of_cwmp_stays_where_it_is_wanted() -> None:
    path = "Device.ManagementServer."
    assert Desk().get(path)[0].err_code == 7026
    assert Desk(keep_cwmp=True, connected=False).agent.value(f"{path}URL") == ""
    roots = [usp_model("generic-tr181", keep_cwmp=keep).base.root for keep in (True, False)]
    assert ["ManagementServer" in each.children["Device"].children for each in roots] == [
        True,
        False,
    ]


def test_an_older_data_model_has_no_on_boarding() -> None:
    path = "Device.LocalAgent.Controller.1.OnBoardingComplete"
    assert Desk(onboarding=OnBoarding.NEVER).get(path)[0].err_code == 7026
    assert Desk(onboarding=OnBoarding.UNTIL_COMPLETE).get(path)[0].err_code == 0


# --- what it does wrong -----------------------------------------------------------------------


def sent(desk: Desk) -> int:
    """Ask once; return how many records come within a second."""
    desk.records.clear()
    desk.send(desk.request("get", param_paths=["Device.DeviceInfo.SerialNumber"]))
    desk.collect()
    desk.wait(1)
    return len(desk.records)


@pytest.mark.parametrize(
    ("wrong", "records"),
    [
        (Mischief(), 1),
        (Mischief(twice=1), 2),
        (Mischief(lost=1), 0),
        (Mischief(late=1, late_by=30), 0),
        (Mischief(stranger=1), 2),
        (Mischief(foreign=1), 2),
        (Mischief(tls=1), 2),
        (Mischief(no_body=1), 2),
        (Mischief(wrong_id=1), 1),
        (Mischief(swapped=1), 1),
        (Mischief(slow=0.5), 1),
    ],
)
def test_each_misdeed_is_done(wrong: Mischief, records: int) -> None:
    desk = Desk(mischief=wrong)
    assert sent(desk) == records
    if wrong.late:
        desk.wait(30)
        assert len(desk.records) == 1


def test_details_of_misdeeds() -> None:
    desk = Desk(mischief=Mischief(stranger=1, wrong_id=0))
    sent(desk)
    assert [each.from_id == desk.agent.endpoint for each in desk.records] == [False, True]
    desk = Desk(mischief=Mischief(wrong_id=1))
    sent(desk)
    assert desk.replies[-1].header.msg_id == "nobody-asked"
    desk = Desk(mischief=Mischief(malformed=1))
    desk.send(desk.request("get", param_paths=["Device.DeviceInfo.SerialNumber"]))
    assert len(desk.agent.take()) == 2


def test_a_swapped_answer_is_overtaken() -> None:
    desk = Desk(mischief=Mischief(swapped=0.5))
    for number in range(40):
        desk.send(desk.request("get", message_id=f"n{number}", param_paths=["Device.DeviceInfo."]))
    desk.wait(1)
    order = [each.header.msg_id for each in desk.replies]
    asked = [f"n{number}" for number in range(40)]
    assert sorted(order) == sorted(asked)
    assert order != asked


def test_orders_are_read_and_wrong_ones_refused() -> None:
    assert parse_mischief(["twice=0.1", "silent-after=60", "lost"]) == Mischief(
        twice=0.1, silent_after=60, lost=1
    )
    for wrong in ("nothing", "twice=2", "twice=x", "lost=-1", "late-by=nan"):
        with pytest.raises(ValueError, match=wrong.partition("=")[0]):
            parse_mischief([wrong])
