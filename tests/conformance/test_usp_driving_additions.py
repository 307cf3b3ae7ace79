"""TP-469, our half: what a subscription sets, certificates, and software modules of an agent.

As in test_usp_driving_agents.py an operator's job goes through visit, conversation, messages and
records to a simulated agent and back.  Numbers are those of TP-469.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from certificates import Certificates
from cryptography import x509
from usp_simulated import Line

from acs.devices.record import Job, JobKind, JobState
from acs.model import EventKind
from simulators.usp.outgoing import Transfer, Transferred

SUBSCRIPTIONS = "Device.LocalAgent.Subscription."
CONTROLLERS = "Device.LocalAgent.Controller."
CERTIFICATES = "Device.LocalAgent.Certificate."
UNITS = "Device.SoftwareModules.DeploymentUnit."
CODE = "Device.DeviceInfo.ProvisioningCode"
INTERVAL = f"{CONTROLLERS}1.PeriodicNotifInterval"
ENABLED = "Device.WiFi.SSID.1.Enable"


def subscribe(line: Line, action: str, sets: str, kind: str = "ValueChange") -> Job:
    """Add a subscription on the provisioning code, or on Boot!, that sets something."""
    values = {
        "Enable": "true",
        "ID": "trigger",
        "NotifType": kind,
        "ReferenceList": CODE if kind == "ValueChange" else "Device.Boot!",
        "Persistent": "true",
        "TriggerAction": action,
        "TriggerConfigSettings": sets,
    }
    settings = [{"param": n, "value": text, "required": True} for n, text in values.items()]
    create = {"obj_path": SUBSCRIPTIONS, "param_settings": settings}
    return line.do(JobKind.MESSAGE, {"request": {"add": {"create_objs": [create]}}})


def told(line: Line) -> list[str]:
    """Return what came of the subscription, by path."""
    notifies = line.world.keeping.notifies.values()
    return [each.path for each in notifies if each.subscription_id == "trigger"]


# --- TriggerAction -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "notifies", "is_set"),
    [("Notify", [CODE], False), ("Config", [], True), ("NotifyAndConfig", [CODE], True)],
)
def test_1_93_1_94_a_subscription_that_fires_sets_and_tells(
    action: str, notifies: list[str], is_set: bool
) -> None:
    """1.93: Config; 1.94: NotifyAndConfig.  A string is quoted, and may hold a comma."""
    line = Line()
    key = "Device.WiFi.SSID.1.SSID"
    before = line.agent.value(key), line.agent.value(ENABLED)
    assert before != ("Chez nous, ici", "0")
    job = subscribe(line, action, f'{key}="Chez nous, ici",{ENABLED}=false')
    assert job.state is JobState.DONE, job.result
    line.agent.change(CODE, "zone-7", line.world.now)
    line.world.wait(3)
    assert told(line) == notifies
    after = line.agent.value(key), line.agent.value(ENABLED)
    assert after == (("Chez nous, ici", "0") if is_set else before)


def test_1_93_what_a_subscription_sets_is_told_to_those_that_watch_it() -> None:
    """A change that the device makes by itself is a change like any other."""
    line = Line()
    subscribe(line, "Config", 'Device.WiFi.SSID.1.SSID="Ailleurs"')
    line.agent.change(CODE, "zone-7", line.world.now)
    line.world.wait(3)
    seen = {n.path: n.detail for n in line.world.keeping.notifies.values() if n.detail}
    assert seen["Device.WiFi.SSID.1.SSID"] == {"value": "Ailleurs"}


def test_1_93_an_event_sets_as_well() -> None:
    line = Line()
    subscribe(line, "Config", f'{CODE}="started"', kind="Event")
    line.agent.reboot(line.world.now)
    line.world.wait(60)
    assert line.agent.value(CODE) == "started"
    assert told(line) == []


def test_1_93_what_cannot_be_set_keeps_nothing_else_from_being_set() -> None:
    line = Line()
    wanted = f"Device.Nothing.Enable=true,{ENABLED}=perhaps,{INTERVAL}=600"
    assert subscribe(line, "Config", wanted).state is JobState.DONE
    line.agent.change(CODE, "zone-7", line.world.now)
    line.world.wait(3)
    assert line.agent.value(INTERVAL) == "600"
    assert line.agent.value(ENABLED) in ("0", "1")
    assert (line.agent.counters["trigger.set"], line.agent.counters["trigger.refused"]) == (1, 2)


@pytest.mark.parametrize(
    "wrong", ["Enable", "=1", f"{ENABLED}", f'{CODE}="open', ",".join([f"{ENABLED}=1"] * 17)]
)
def test_1_93_settings_that_cannot_be_read_are_refused(wrong: str) -> None:
    job = subscribe(Line(), "Config", wrong)
    assert job.state is JobState.FAILED
    assert "TriggerConfigSettings" in str(job.result) and "7012" in str(job.result), job.result


# --- certificates ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A certificate of a controller."""
    made = Certificates(tmp_path_factory.mktemp("certificates"))
    return Path(made.server).read_text()


def operate(line: Line, command: str, **arguments: str) -> Job:
    return line.do(JobKind.OPERATE, {"command": command, "arguments": arguments})


@pytest.mark.parametrize(("alias", "shown"), [("", "cpe-1"), ("spare", "spare")])
def test_9_2_a_certificate_that_is_added_has_a_row(pem: str, alias: str, shown: str) -> None:
    line = Line()
    job = operate(line, "Device.LocalAgent.AddCertificate()", Certificate=pem, Alias=alias)
    assert job.state is JobState.DONE, job.result
    (row,) = line.agent.rows(CERTIFICATES)
    found = x509.load_pem_x509_certificate(pem.encode())
    assert line.agent.value(row + "Alias") == shown
    assert int(line.agent.value(row + "SerialNumber"), 16) == found.serial_number
    assert line.agent.value(row + "Issuer") == "CN=Test authority"
    assert line.agent.value(f"{CONTROLLERS}1.Credential") == "", "it is trusted by nobody yet"


def test_9_2_the_controller_switches_to_a_certificate_of_its_own(pem: str) -> None:
    line = Line()
    job = operate(line, f"{CONTROLLERS}1.AddMyCertificate()", Certificate=pem)
    assert job.state is JobState.DONE, job.result
    assert line.agent.value(f"{CONTROLLERS}1.Credential") == f"{CERTIFICATES}1"
    assert operate(line, f"{CERTIFICATES}1.Delete()").state is JobState.DONE
    assert line.agent.rows(CERTIFICATES) == []
    assert line.agent.value(f"{CONTROLLERS}1.Credential") == ""


def test_9_2_nobody_adds_a_certificate_for_another_controller(pem: str) -> None:
    line = Line()
    values = {"EndpointID": "self::other", "Enable": "true"}
    line.do(JobKind.ADD, {"table": CONTROLLERS, "values": values})
    job = operate(line, f"{CONTROLLERS}2.AddMyCertificate()", Certificate=pem)
    assert (job.state, job.result["code"]) == (JobState.FAILED, 7006)
    assert line.agent.rows(CERTIFICATES) == []


@pytest.mark.parametrize(
    "broken",
    ["no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
)
def test_9_2_what_is_no_certificate_is_7027(broken: str) -> None:
    line = Line()
    job = operate(line, "Device.LocalAgent.AddCertificate()", Certificate=broken)
    assert (job.state, job.result["code"]) == (JobState.FAILED, 7027)
    assert line.agent.rows(CERTIFICATES) == []


def test_9_2_a_certificate_that_is_there_is_not_added_again(pem: str) -> None:
    line = Line()
    operate(line, "Device.LocalAgent.AddCertificate()", Certificate=pem)
    job = operate(line, "Device.LocalAgent.AddCertificate()", Certificate=pem)
    assert (job.state, job.result["code"]) == (JobState.FAILED, 7022)
    assert line.agent.rows(CERTIFICATES) == [f"{CERTIFICATES}1."]


# --- software modules --------------------------------------------------------------------

UUID = "00000000-0000-5000-8000-000000000007"
INSTALL = {"do": "install", "url": "http://files.example.net/probe-1.2.ipk", "uuid": UUID}
UPDATE = {"do": "update", "url": "http://files.example.net/probe-1.3.ipk", "uuid": UUID}
UNINSTALL = {"do": "uninstall", "uuid": UUID}


def change(line: Line, *operations: dict[str, str]) -> Job:
    payload: dict[str, Any] = {"operations": list(operations)}
    return line.follow(line.do(JobKind.SOFTWARE, payload), 300)


def states(line: Line) -> list[tuple[str, str]]:
    """What DUStateChange! told: operation and state."""
    path = "Device.SoftwareModules.DUStateChange!"
    found = (n.detail for n in line.world.keeping.notifies.values() if n.path == path)
    return [(each["OperationPerformed"], each["CurrentState"]) for each in found]


def test_software_is_installed_and_updated() -> None:
    line = Line()
    job = change(line, INSTALL, UPDATE)
    assert job.state is JobState.DONE, job.result
    results: Any = job.result["results"]
    assert [row["state"] for row in results] == ["Installed", "Installed"]
    (row,) = line.agent.rows(UNITS)
    assert line.agent.value(row + "UUID") == UUID
    assert line.agent.value(row + "Version") == "1.3"
    assert line.agent.value(row + "ExecutionEnvRef") == "Device.SoftwareModules.ExecEnv.1"
    assert states(line) == [("Install", "Installed"), ("Update", "Installed")]


def test_software_is_uninstalled() -> None:
    line = Line()
    change(line, INSTALL)
    job = change(line, UNINSTALL)
    assert job.state is JobState.DONE, job.result
    assert line.agent.rows(UNITS) == []
    assert states(line)[-1] == ("Uninstall", "UnInstalled")
    seen = (contact for contact in line.world.watcher.contacts if contact is not None)
    assert any(c.has(EventKind.AUTONOMOUS_DU_STATE_CHANGE_COMPLETE) for c in seen)


def test_software_that_is_there_is_not_installed_twice() -> None:
    line = Line()
    change(line, INSTALL)
    job = change(line, INSTALL, UPDATE)
    assert (job.state, job.result["code"]) == (JobState.FAILED, 7226)
    assert len(line.agent.rows(UNITS)) == 1
    assert states(line) == [("Install", "Installed"), ("Install", "Failed")]


def test_software_that_is_not_there_is_not_uninstalled() -> None:
    job = change(Line(), UNINSTALL)
    assert job.state is JobState.FAILED
    assert UUID in str(job.result), job.result


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"environment": "Device.SoftwareModules.ExecEnv.9"}, 7223),
        ({"uuid": "seven"}, 7004),
        ({"url": "http://somebody@files.example.net/probe-1.2.ipk"}, 7004),
    ],
)
def test_software_that_cannot_be_installed_says_why(wrong: dict[str, str], code: int) -> None:
    line = Line()
    job = change(line, INSTALL | wrong)
    assert (job.state, job.result["code"]) == (JobState.FAILED, code)
    assert line.agent.rows(UNITS) == []
    assert states(line) == [("Install", "Failed")]


def test_software_whose_file_does_not_come_stays_as_it_was() -> None:
    line = Line()
    change(line, INSTALL)

    def fetch(transfer: Transfer) -> None:
        gone = Transferred(code=7022, text="404 Not Found")
        line.agent.transferred(transfer.request, gone, line.world.now)

    line.agent.fetch = fetch
    job = change(line, UPDATE)
    assert (job.state, job.result["code"]) == (JobState.FAILED, 7022)
    (row,) = line.agent.rows(UNITS)
    assert line.agent.value(row + "Version") == "1.2"
    assert states(line)[-1] == ("Update", "Installed")
