"""Jobs carried out on a simulated agent, through the messages of USP and back."""

from __future__ import annotations

import pytest
from jobs_over_usp import SOFTWARE, UspUnit

from acs.devices.record import Job, JobKind, JobState
from simulators.usp.options import FirmwareOrder

FIRMWARE = "1 Firmware Upgrade Image"
URL = "http://files.example.net/image.bin"
SSID = "Device.WiFi.SSID.1.SSID"
TABLE = "Device.NAT.PortMapping."
PING = "Device.IP.Diagnostics.IPPing()"
BOTH_ORDERS = pytest.mark.parametrize("order", list(FirmwareOrder))


def unit(kind: JobKind, payload: dict[str, object], **options: object) -> UspUnit:
    return UspUnit(Job(7, 1, kind, payload), **options)


def firmware(**more: object) -> dict[str, object]:
    return {"file_type": FIRMWARE, "url": URL, **more}


def follow(asked: UspUnit, seconds: float = 120) -> None:
    """Visit the agent after each of its reports, until the job is over or time is up."""
    for _ in range(int(seconds / 5)):
        asked.wait(5)
        if asked.desk.notifies:
            asked.visit()
        if asked.job().state is not JobState.SENT:
            return


def test_a_value_is_read() -> None:
    asked = unit(JobKind.READ, {"paths": [SSID, "Device.WiFi.SSID.*.SSID", "Device.Nothing"]})
    asked.visit()
    result = asked.job().result
    assert asked.job().state is JobState.DONE
    assert result["values"][SSID] == asked.desk.agent.value(SSID)
    assert sum(path.startswith("Device.WiFi.SSID.") for path in result["values"]) > 1
    assert result["missing"] == ["Device.Nothing"]


def test_a_value_is_set_and_proven() -> None:
    asked = unit(JobKind.SET, {"changes": [{"path": SSID, "value": "Maison"}]})
    asked.visit()
    assert asked.job().state is JobState.DONE
    assert [line["verdict"] for line in asked.job().result["proof"]] == ["proven"]
    assert asked.desk.agent.value(SSID) == "Maison"


def test_a_row_is_made_and_removed() -> None:
    asked = unit(JobKind.ADD, {"table": TABLE, "values": {"Description": "camera"}})
    asked.visit()
    assert asked.job().state is JobState.DONE, asked.job().result
    row = str(asked.job().result["row"])
    assert asked.desk.agent.value(f"{row}Description") == "camera"
    asked.house.jobs = [Job(7, 1, JobKind.DELETE, {"row": row})]
    asked.visit()
    assert asked.job().state is JobState.DONE, asked.job().result
    assert row not in asked.desk.agent.rows(TABLE)


def test_a_reboot_is_followed_to_its_boot() -> None:
    asked = unit(JobKind.REBOOT, {})
    asked.visit()
    assert asked.job().state is JobState.SENT
    follow(asked)
    assert asked.job().state is JobState.DONE
    assert len(asked.commands("Reboot()")) == 1


def test_a_ping_brings_its_figures() -> None:
    payload = {"diagnostic": "ping", "arguments": {"host": "192.0.2.1", "count": 3}}
    asked = unit(JobKind.DIAGNOSTIC, payload)
    asked.visit()
    assert asked.job().state is JobState.SENT, asked.job().result
    follow(asked)
    assert asked.job().state is JobState.DONE, asked.job().result
    assert asked.job().result["result"]["sent"] == 3


def test_a_command_is_given_up_when_that_is_asked() -> None:
    arguments = {
        "Host": "192.0.2.1",
        "ProtocolVersion": "Any",
        "NumberOfRepetitions": "3",
        "Timeout": "1000",
        "DataBlockSize": "56",
    }
    asked = unit(JobKind.OPERATE, {"command": PING, "arguments": arguments})
    asked.visit()
    assert asked.job().state is JobState.SENT
    asked.house.jobs.append(Job(8, 1, JobKind.CANCEL_TRANSFER, {"job": 7}))
    asked.visit()
    assert asked.job(8).state is JobState.DONE, asked.job(8).result
    assert asked.job().state is JobState.CANCELLED
    follow(asked, 20)
    assert asked.job().state is JobState.CANCELLED


def test_a_command_that_lacks_an_argument_says_so() -> None:
    asked = unit(JobKind.OPERATE, {"command": PING})
    asked.visit()
    assert asked.job().state is JobState.FAILED
    assert asked.job().result["code"] == 7027


@BOTH_ORDERS
def test_firmware_is_fetched_and_runs(order: FirmwareOrder) -> None:
    asked = unit(JobKind.DOWNLOAD, firmware(version="9.9"), firmware_order=order, firmware="9.9")
    asked.visit()
    assert asked.job().state is JobState.SENT, asked.job().result
    follow(asked)
    assert asked.job().state is JobState.DONE, asked.job().result
    assert asked.desk.agent.value(SOFTWARE) == "9.9"
    assert len(asked.commands("Download()")) == 1
    follow(asked, 60)
    assert asked.job().state is JobState.DONE


@BOTH_ORDERS
def test_a_controller_that_is_killed_goes_on(order: FirmwareOrder) -> None:
    asked = unit(JobKind.DOWNLOAD, firmware(version="9.9"), firmware_order=order, firmware="9.9")
    asked.visit()
    asked.restart_controller()
    asked.wait(120)
    asked.visit(at_most=0, keep=True)
    asked.restart_controller()
    asked.visit()
    assert asked.job().state is JobState.DONE, asked.job().result
    assert len(asked.commands("Download()")) == 1


@pytest.mark.parametrize("answers", range(6))
def test_a_line_that_is_lost_anywhere_sends_nothing_twice(answers: int) -> None:
    asked = unit(JobKind.DOWNLOAD, firmware(version="9.9"), firmware="9.9")
    asked.visit(at_most=answers)
    asked.visit()
    follow(asked)
    # It is marked before the image is chosen, so that one that never went out is asked after.
    went_out = len(asked.commands("Download()"))
    assert went_out == (0 if answers == 1 else 1)
    assert asked.job().state is (JobState.DONE if went_out else JobState.SENT), asked.job().result
    asked.wait(1800)
    asked.visit()
    assert asked.job().state is (JobState.DONE if went_out else JobState.FAILED)
    assert len(asked.commands("Download()")) == went_out


def test_firmware_is_stored_and_run_later() -> None:
    asked = unit(JobKind.DOWNLOAD, firmware(activate="later"), firmware="9.9")
    before = asked.desk.agent.value(SOFTWARE)
    asked.visit()
    follow(asked)
    assert asked.job().state is JobState.DONE, asked.job().result
    asked.wait(120)
    asked.visit()
    assert asked.desk.agent.value(SOFTWARE) == before
    asked.house.jobs.append(Job(8, 1, JobKind.ACTIVATE, {}))
    asked.visit()
    assert asked.job(8).state is JobState.SENT, asked.job(8).result
    asked.wait(120)
    asked.visit()
    assert asked.job(8).state is JobState.DONE, asked.job(8).result
    assert asked.desk.agent.value(SOFTWARE) == "9.9"


def test_a_command_that_a_restart_cut_short_is_not_waited_for() -> None:
    arguments = {
        "Host": "192.0.2.1",
        "ProtocolVersion": "IPv4",
        "NumberOfRepetitions": "3",
        "Timeout": "1000",
        "DataBlockSize": "64",
    }
    asked = unit(JobKind.OPERATE, {"command": PING, "arguments": arguments})
    asked.visit()
    assert asked.job().state is JobState.SENT, asked.job().result
    asked.desk.agent.reboot(asked.desk.now, cause="LocalReboot")
    for _ in range(3):
        asked.wait(60)
        asked.visit()
    assert asked.job().state is JobState.FAILED, asked.job().result
    assert "restarted meanwhile" in str(asked.job().result["error"])


def test_a_timer_calls() -> None:
    asked = unit(JobKind.SCHEDULE_INFORM, {"delay": 30})
    asked.visit()
    follow(asked)
    assert asked.job().state is JobState.DONE
    assert str(asked.job().result["text"]).startswith("called ")


def test_a_message_is_answered_as_it_is() -> None:
    request = {"get": {"param_paths": ["Device.DeviceInfo.SerialNumber"]}}
    asked = unit(JobKind.MESSAGE, {"request": request})
    asked.visit()
    assert asked.job().state is JobState.DONE, asked.job().result
    assert "22275A7000001" in str(asked.job().result["answer"])
    asked.house.jobs = [Job(7, 1, JobKind.MESSAGE, {"request": {"get": {"paths": []}}})]
    asked.visit()
    assert "paths is not known" in str(asked.job().result["error"])


def test_changes_are_subscribed_to() -> None:
    asked = unit(JobKind.NOTIFY, {"changes": [{"path": SSID, "notification": 2}]})
    asked.visit()
    assert asked.job().state is JobState.DONE, asked.job().result
    asked.desk.agent.change(SSID, "Ailleurs", asked.desk.now)
    asked.desk.collect()
    assert "value_change" in asked.desk.kinds()


def test_a_tree_is_read() -> None:
    asked = unit(JobKind.TREE, {"path": "Device.DeviceInfo."})
    asked.visit()
    assert asked.job().state is JobState.DONE, asked.job().result
    assert int(asked.job().result["count"]) > 5
