"""Every fault a CPE can answer (TR-069 A.5.1, and makers' own), as an operator is shown it.

Simulated units draw the faults against the running program: while they are provisioned, and in
answer to jobs.  An operator finds code, meaning and parameter in the list of open faults, in what
came of the job, and on the timeline.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from acs_fixtures import ERP_SETTINGS, StartAcs
from homes import Home, new_home
from running_acs import RunningAcs

from acs.cwmp.faults import name_of
from acs.devices.record import Job, JobKind, JobState, Standing
from simulators.cpe.misbehaviour import Misbehaviour, parse_draw
from simulators.erpnext.running import RunningSimulator

VENDOR = {9814: "Parse xml string failed", 9899: "Vendor fault"}
CODES = (*range(9000, 9033), *VENDOR)
OF_PARAMETERS = (9001, 9002, 9005, 9006, 9007, 9008)
"""Codes that a single parameter of a SetParameterValues may carry."""
KEY = "Device.WiFi.AccessPoint.3.Security.KeyPassphrase"
NAME = "Device.DeviceInfo.ProvisioningCode"
URL = "http://127.0.0.1:9/nothing.bin"
CONFIG = "3 Vendor Configuration File"
WINDOW = {"start": 0, "end": 60}


def meaning(code: int) -> str:
    """What a person reads of a code."""
    return VENDOR.get(code) or name_of(code).partition(" (")[0]


def drawing(*draws: str) -> Misbehaviour:
    return Misbehaviour(faults=tuple(map(parse_draw, draws)))


@pytest.fixture(scope="module")
def live_acs(start_acs: StartAcs, erpnext: RunningSimulator) -> RunningAcs:
    """A server that lets one unit call as often as a table has rows."""
    return start_acs(ERP_URL=erpnext.url, CWMP_SESSIONS_PER_MINUTE="600", **ERP_SETTINGS)


@dataclass(frozen=True)
class Shown:
    """What the commands tell of one device."""

    faults: tuple[Mapping[str, Any], ...]
    printed: str
    """The list of faults, for people."""


class Desk:
    """An operator who asks for everything once."""

    def __init__(self, acs: RunningAcs) -> None:
        told = acs.command("device", "faults", "--limit", "500", "--json")
        assert told.returncode == 0, told.stderr
        self._faults = json.loads(told.stdout)["faults"]
        self._printed = acs.command("device", "faults", "--limit", "500").stdout

    def shown(self, key: str) -> Shown:
        """What is told of the device of this key."""
        faults = tuple(fault for fault in self._faults if fault["device"] == key)
        printed = self._printed.partition(key)[2]
        return Shown(faults, printed.partition("\n\n")[0])


# --- while a unit is provisioned --------------------------------------------------------------


@pytest.fixture(scope="module")
def refused(live_acs: RunningAcs, erpnext: RunningSimulator) -> Mapping[str, Home]:
    """For each code a home whose ONT refuses to be written, whole or for one parameter."""
    draws = {str(code): f"SetParameterValues={code}" for code in CODES}
    draws |= {f"key {code}": f"SetParameterValues:{KEY}={code}" for code in OF_PARAMETERS}
    homes = {}
    for name, draw in draws.items():
        home = homes[name] = new_home(live_acs, erpnext.url)
        home.scan()
        home.misbehave(drawing(draw))
        home.call()
    return homes


@pytest.fixture(scope="module")
def desk(live_acs: RunningAcs, refused: Mapping[str, Home]) -> Desk:
    return Desk(live_acs)


@pytest.mark.parametrize("code", CODES)
def test_a_refusal_while_provisioning_is_listed_with_its_meaning(
    live_acs: RunningAcs, refused: Mapping[str, Home], desk: Desk, code: int
) -> None:
    device = refused[str(code)].device
    said = f"fault {code} ({meaning(code)})"
    assert device.standing is Standing.FAULTED
    assert said in device.reason
    shown = desk.shown(device.key)
    (fault,) = shown.faults
    assert (fault["subject"], fault["code"], fault["count"]) == ("provision", code, 1)
    assert said in fault["text"]
    assert said in shown.printed
    assert said in live_acs.told(device, "faulted")[-1]


@pytest.mark.parametrize("code", OF_PARAMETERS)
def test_a_refused_parameter_is_named_everywhere(
    live_acs: RunningAcs, refused: Mapping[str, Home], desk: Desk, code: int
) -> None:
    device = refused[f"key {code}"].device
    line = f"{KEY}: {code} ({meaning(code)})"
    assert device.standing is Standing.FAULTED
    shown = desk.shown(device.key)
    (fault,) = shown.faults
    assert fault["code"] == 9003
    assert fault["parameters"] == [f"{KEY}: {code} {meaning(code)}"]
    assert line in fault["text"]
    assert fault["parameters"][0] in shown.printed
    assert line in live_acs.told(device, "faulted")[-1]


def test_what_was_refused_is_written_when_the_fault_is_gone(
    live_acs: RunningAcs, refused: Mapping[str, Home], desk: Desk
) -> None:
    home = refused["9004"]
    home.misbehave()
    assert not home.call().written, "a pause runs after a failure"
    live_acs.enqueue(home.device, JobKind.PROVISION)
    home.call()
    home.call()
    assert home.is_served
    assert home.device.standing is Standing.LIVE
    assert live_acs.faults(home.device) == []


# --- in answer to jobs ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unit(live_acs: RunningAcs, erpnext: RunningSimulator) -> Home:
    """An ONT that is live and takes every method."""
    home = new_home(live_acs, erpnext.url, model="generic-tr181-full", product_class="Gateway")
    home.scan()
    home.settle_in()
    assert home.device.standing is Standing.LIVE
    return home


@pytest.fixture(scope="module")
def box(live_acs: RunningAcs, erpnext: RunningSimulator) -> Home:
    """An XX230v that is live, and carries every file after the session."""
    home = new_home(live_acs, erpnext.url)
    home.scan()
    home.settle_in()
    return home


def answered(acs: RunningAcs, home: Home, draw: str, kind: JobKind, **payload: object) -> Job:
    """A job to which ``draw`` is the answer, now or as the outcome the unit reports later."""
    home.misbehave(drawing(draw))
    job_id = acs.enqueue(home.device, kind, **payload)
    home.call()
    if acs.job(job_id).state is JobState.SENT:
        home.call()
    home.misbehave()
    return acs.job(job_id)


def assert_shown(acs: RunningAcs, home: Home, job: Job, code: int, *, said: str = "") -> None:
    said = said or f"fault {code} ({meaning(code)}"
    assert job.state is JobState.FAILED, job.result
    assert said in str(job.result["error"])
    assert job.result["code"] == code
    told = [text for text in acs.told(home.device, "job") if f"(job {job.id})" in text]
    assert said in told[-1]
    (fault,) = [f for f in acs.faults(home.device) if f.subject == f"{job.kind} job"]
    assert fault.code == code
    assert fault.text.startswith(f"job {job.id}: ")
    assert said in fault.text


UNKNOWN_METHOD = "the device does not know this method (fault 9000)"
CHANGE = {"path": NAME, "value": "x", "type": "string"}


@pytest.mark.parametrize("code", CODES)
def test_a_refused_job_says_code_and_meaning(live_acs: RunningAcs, unit: Home, code: int) -> None:
    draw = f"SetParameterValues={code}"
    job = answered(live_acs, unit, draw, JobKind.SET, changes=[CHANGE])
    assert_shown(live_acs, unit, job, code, said=UNKNOWN_METHOD if code == 9000 else "")


@pytest.mark.parametrize("code", OF_PARAMETERS)
def test_a_refused_parameter_of_a_job_is_named(live_acs: RunningAcs, unit: Home, code: int) -> None:
    draw = f"SetParameterValues:{NAME}={code}"
    job = answered(live_acs, unit, draw, JobKind.SET, changes=[CHANGE])
    assert_shown(live_acs, unit, job, 9003, said=f"{NAME}: {code} ({meaning(code)})")
    assert job.result["parameters"] == [f"{NAME}: {code} {meaning(code)}"]
    (fault,) = [f for f in live_acs.faults(unit.device) if f.subject == "set job"]
    assert fault.parameters == (f"{NAME}: {code} {meaning(code)}",)


REFUSED: tuple[tuple[str, int, JobKind, Mapping[str, object]], ...] = (
    ("GetParameterValues", 9002, JobKind.READ, {"paths": [NAME]}),
    ("AddObject", 9004, JobKind.ADD, {"table": "Device.NAT.PortMapping."}),
    ("DeleteObject", 9001, JobKind.DELETE, {"row": "Device.NAT.PortMapping.1."}),
    ("Reboot", 9002, JobKind.REBOOT, {}),
    ("FactoryReset", 9001, JobKind.FACTORY_RESET, {}),
    ("GetParameterNames", 9005, JobKind.NAMES, {"path": "Device.X."}),
    ("GetParameterAttributes", 9002, JobKind.ATTRIBUTES, {"paths": [NAME]}),
    (
        "SetParameterAttributes",
        9009,
        JobKind.NOTIFY,
        {"changes": [{"path": NAME, "notification": 2}]},
    ),
    ("ScheduleInform", 9003, JobKind.SCHEDULE_INFORM, {"delay": 60}),
    ("Download", 9013, JobKind.DOWNLOAD, {"file_type": CONFIG, "url": URL}),
    ("Upload", 9011, JobKind.UPLOAD, {"file_type": CONFIG, "url": URL}),
    (
        "ScheduleDownload",
        9003,
        JobKind.SCHEDULE_DOWNLOAD,
        {"file_type": CONFIG, "url": URL, "windows": [WINDOW]},
    ),
    ("CancelTransfer", 9021, JobKind.CANCEL_TRANSFER, {"key": "job-1"}),
    ("GetAllQueuedTransfers", 9002, JobKind.TRANSFERS, {}),
    ("GetRPCMethods", 9002, JobKind.METHODS, {}),
    ("GetOptions", 9003, JobKind.OPTIONS, {}),
    ("SetVouchers", 9004, JobKind.VOUCHERS, {"vouchers": ["PHYvPg=="]}),
    (
        "ChangeDUState",
        9004,
        JobKind.SOFTWARE,
        {"operations": [{"do": "install", "url": URL}]},
    ),
)


@pytest.mark.parametrize(("method", "code", "kind", "payload"), REFUSED)
def test_a_refusal_of_each_method_is_shown(
    live_acs: RunningAcs,
    unit: Home,
    method: str,
    code: int,
    kind: JobKind,
    payload: Mapping[str, object],
) -> None:
    job = answered(live_acs, unit, f"{method}={code}", kind, **payload)
    assert_shown(live_acs, unit, job, code)


@pytest.mark.parametrize("code", [*range(9010, 9021), *VENDOR])
def test_a_transfer_that_fails_is_shown_with_the_reason(
    live_acs: RunningAcs, box: Home, code: int
) -> None:
    """The unit takes the request, and reports the end with TransferComplete."""
    kind = JobKind.UPLOAD if code == 9011 else JobKind.DOWNLOAD
    file_type = "2 Vendor Log File" if code == 9011 else "1 Firmware Upgrade Image"
    draw = f"TransferComplete={code}"
    job = answered(live_acs, box, draw, kind, file_type=file_type, url=URL)
    assert_shown(live_acs, box, job, code)
    reports = live_acs.told(box.device, "transfer complete")
    assert f"transfer complete job-{job.id}: fault {code} ({meaning(code)}" in reports[-1]


@pytest.mark.parametrize("code", [9001, 9003, 9012, *range(9015, 9019), *range(9022, 9033), 9899])
def test_software_that_fails_is_shown_with_the_reason(
    live_acs: RunningAcs, unit: Home, code: int
) -> None:
    """The unit reports the end of each operation with DUStateChangeComplete."""
    draw = f"DUStateChangeComplete={code}"
    operations = [{"do": "install", "url": URL}]
    job = answered(live_acs, unit, draw, JobKind.SOFTWARE, operations=operations)
    assert_shown(live_acs, unit, job, code)


def test_the_fault_of_a_kind_of_job_is_gone_when_one_of_it_is_done(
    live_acs: RunningAcs, unit: Home
) -> None:
    job = answered(live_acs, unit, "GetRPCMethods=9001", JobKind.METHODS)
    before = {fault.subject: fault.count for fault in live_acs.faults(unit.device)}
    assert before["methods job"] >= 1
    done = live_acs.enqueue(unit.device, JobKind.METHODS)
    unit.call()
    assert live_acs.job(done).state is JobState.DONE
    assert "methods job" not in {fault.subject for fault in live_acs.faults(unit.device)}
    assert live_acs.job(job.id).state is JobState.FAILED


def test_the_commands_show_the_faults_of_jobs(live_acs: RunningAcs, unit: Home) -> None:
    job = answered(live_acs, unit, "Reboot=9002", JobKind.REBOOT)
    faults = live_acs.command("device", "faults", unit.device.key)
    assert f"reboot job 9002: job {job.id}: fault 9002 (Internal error)" in faults.stdout
    jobs = live_acs.command("device", "jobs", unit.device.key, "--json")
    (told,) = [each for each in json.loads(jobs.stdout)["jobs"] if each["id"] == job.id]
    assert "fault 9002 (Internal error)" in json.dumps(told)
    lines = live_acs.command("device", "timeline", unit.device.key)
    assert f"reboot (job {job.id}) failed: fault 9002 (Internal error)" in lines.stdout
    assert unit.device.standing is Standing.LIVE
