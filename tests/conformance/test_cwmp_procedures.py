"""Every method of a CPE as a job of the running program, and transfers to their end (annex A)."""

from __future__ import annotations

from typing import Any

import pytest
from acs_fixtures import NewCpe, StartAcs
from raw_cpe import INFORM_VALUES, TRANSFER_COMPLETE, Answer, RawCpe
from running_acs import RunningAcs

from acs.devices.record import Job, JobKind, JobState

NAME = "Device.DeviceInfo.ModelName"
TREE = {
    "Device.Ethernet.Interface.1.MACAddress": ("A4:B1:C2:00:00:01", "string"),
    "Device.Ethernet.Link.1.MACAddress": ("A4:B1:C2:00:00:01", "string"),
    NAME: ("Gate 3000", "string"),
}
URL = "http://files.example.net/image.bin"
UNKNOWN_TIME = "0001-01-01T00:00:00Z"
BEGUN = f"<Status>1</Status><StartTime>{UNKNOWN_TIME}</StartTime><CompleteTime>{UNKNOWN_TIME}"
TIMES = "<StartTime>2026-05-01T10:00:00Z</StartTime><CompleteTime>2026-05-01T10:01:00Z"
RESPONSES = {
    "Download": BEGUN + "</CompleteTime>",
    "Upload": BEGUN + "</CompleteTime>",
    "GetRPCMethods": "<MethodList><string>Reboot</string></MethodList>",
    "GetParameterNames": "<ParameterList><ParameterInfoStruct><Name>Device.A</Name>"
    "<Writable>1</Writable></ParameterInfoStruct></ParameterList>",
    "GetParameterAttributes": "<ParameterList><ParameterAttributeStruct><Name>Device.A</Name>"
    "<Notification>2</Notification><AccessList></AccessList></ParameterAttributeStruct>"
    "</ParameterList>",
    "GetAllQueuedTransfers": "<TransferList></TransferList>",
    "GetOptions": "<OptionList></OptionList>",
}
"""Members of the responses that have any."""
FIRMWARE = "1 Firmware Upgrade Image"
CONFIG = "3 Vendor Configuration File"


@pytest.fixture
def known(acs: RunningAcs, new_cpe: NewCpe) -> RawCpe:
    """A CPE nothing is asked of by itself."""
    cpe = new_cpe(tree=dict(TREE))
    cpe.session("0 BOOTSTRAP", "1 BOOT")
    return cpe


def answering(cpe: RawCpe, seen: list[Answer] | None = None, **own: str) -> Any:
    """Answer each method with its response, and keep what was asked."""

    def respond(asked: Answer) -> bytes:
        if seen is not None:
            seen.append(asked)
        if own.get(asked.name) == "9000":
            return cpe.form.fault(9000, "Method not supported", asked.id)
        members = own.get(asked.name, RESPONSES.get(asked.name, ""))
        return cpe.form.call(f"{asked.name}Response", members, asked.id)

    return respond


def ask(acs: RunningAcs, cpe: RawCpe, kind: JobKind, **payload: object) -> int:
    return acs.enqueue(acs.device(cpe.key), kind, **payload)


def begun(acs: RunningAcs, cpe: RawCpe, file_type: str = CONFIG, **more: object) -> int:
    """A download the CPE has taken on."""
    job_id = ask(acs, cpe, JobKind.DOWNLOAD, file_type=file_type, url=URL, **more)
    assert cpe.session(respond=answering(cpe)) == ["Download"]
    assert acs.job(job_id).state is JobState.SENT
    return job_id


def report(cpe: RawCpe, key: str, code: int = 0) -> Answer:
    told = TRANSFER_COMPLETE.format(key=key, code=code)
    return cpe.post(cpe.form.call("TransferComplete", told, id="t1"))


def reports(cpe: RawCpe, *told: tuple[str, int], events: tuple[str, ...] = ()) -> None:
    """A session in which the CPE reports before it is our turn."""
    cpe.open("7 TRANSFER COMPLETE", *events)
    for key, code in told:
        answer = report(cpe, key, code)
        assert (answer.name, answer.id) == ("TransferCompleteResponse", "t1")
    assert cpe.finish(cpe.post(), answering(cpe))[-1].status == 204


def error(job: Job) -> str:
    assert job.state is JobState.FAILED
    return str(job.result["error"])


# --- each method ------------------------------------------------------------------------------

METHODS = [
    (JobKind.NAMES, {"path": "Device.", "next_level": True}, ["GetParameterNames"], "done"),
    (JobKind.ATTRIBUTES, {"paths": ["Device.A"]}, ["GetParameterAttributes"], "done"),
    (
        JobKind.NOTIFY,
        {"changes": [{"path": "Device.A", "notification": 2}]},
        ["SetParameterAttributes", "GetParameterAttributes"],
        "done",
    ),
    (JobKind.SCHEDULE_INFORM, {"delay": 60}, ["ScheduleInform"], "sent"),
    (JobKind.DOWNLOAD, {"file_type": CONFIG, "url": URL}, ["Download"], "sent"),
    (JobKind.UPLOAD, {"file_type": "2 Vendor Log File", "url": URL}, ["Upload"], "sent"),
    (
        JobKind.SCHEDULE_DOWNLOAD,
        {"file_type": CONFIG, "url": URL, "windows": [{"start": 0, "end": 60}]},
        ["ScheduleDownload"],
        "sent",
    ),
    (JobKind.CANCEL_TRANSFER, {"key": "job-1"}, ["CancelTransfer"], "done"),
    (JobKind.TRANSFERS, {}, ["GetAllQueuedTransfers"], "done"),
    (JobKind.METHODS, {}, ["GetRPCMethods"], "done"),
    (JobKind.OPTIONS, {}, ["GetOptions"], "done"),
    (JobKind.VOUCHERS, {"vouchers": ["PHYvPg=="]}, ["SetVouchers"], "done"),
    (
        JobKind.SOFTWARE,
        {"operations": [{"do": "install", "url": URL}]},
        ["ChangeDUState"],
        "sent",
    ),
    (JobKind.REBOOT, {}, ["Reboot"], "sent"),
    (JobKind.FACTORY_RESET, {}, ["FactoryReset"], "sent"),
]


@pytest.mark.parametrize(("kind", "payload", "methods", "state"), METHODS)
def test_a_job_becomes_its_method(
    acs: RunningAcs,
    known: RawCpe,
    kind: JobKind,
    payload: dict[str, object],
    methods: list[str],
    state: str,
) -> None:
    job_id = ask(acs, known, kind, **payload)
    assert known.session(respond=answering(known)) == methods
    assert acs.job(job_id).state.value == state, acs.job(job_id).result


@pytest.mark.parametrize(("kind", "payload", "methods", "state"), METHODS[1:])
def test_a_method_the_device_does_not_know(
    acs: RunningAcs,
    known: RawCpe,
    kind: JobKind,
    payload: dict[str, object],
    methods: list[str],
    state: str,
) -> None:
    job_id = ask(acs, known, kind, **payload)
    known.session()
    assert "does not know this method" in error(acs.job(job_id))


def test_what_a_download_carries_in_order(acs: RunningAcs, known: RawCpe) -> None:
    job_id = ask(
        *(acs, known, JobKind.DOWNLOAD),
        **{"file_type": CONFIG, "url": URL, "username": "u", "password": "hunter2!"},
        **{"size": 9, "target": "a.bin", "delay": 5},
    )
    seen: list[Answer] = []
    known.session(respond=answering(known, seen))
    assert [(node.tag, node.text or "") for node in seen[0].method] == [
        ("CommandKey", f"job-{job_id}"),
        ("FileType", CONFIG),
        ("URL", URL),
        ("Username", "u"),
        ("Password", "hunter2!"),
        ("FileSize", "9"),
        ("TargetFileName", "a.bin"),
        ("DelaySeconds", "5"),
        ("SuccessURL", ""),
        ("FailureURL", ""),
    ]
    device = acs.device(known.key)
    told = repr(acs.timeline(device)) + acs.log + repr(acs.job(job_id).result)
    assert "hunter2!" not in told


# --- transfers --------------------------------------------------------------------------------


class TestTransfers:
    def test_status_0_is_done(self, acs: RunningAcs, known: RawCpe) -> None:
        job_id = ask(acs, known, JobKind.DOWNLOAD, file_type=CONFIG, url=URL)
        done = f"<Status>0</Status>{TIMES}</CompleteTime>"
        known.session(respond=answering(known, Download=done))
        job = acs.job(job_id)
        assert (job.state, job.result["complete"]) == (JobState.DONE, "2026-05-01T10:01:00Z")

    def test_reported_in_a_later_session(self, acs: RunningAcs, known: RawCpe) -> None:
        job_id = begun(acs, known)
        reports(known, (f"job-{job_id}", 0), events=(f"M Download|job-{job_id}",))
        assert acs.job(job_id).state is JobState.DONE

    def test_reported_in_the_same_session_after_our_204(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        job_id = begun(acs, known)
        answer = report(known, f"job-{job_id}")
        assert (answer.status, answer.name) == (200, "TransferCompleteResponse")
        assert acs.job(job_id).state is JobState.DONE
        assert known.post().status == 204

    def test_the_same_without_cookies(self, acs: RunningAcs, new_cpe: NewCpe) -> None:
        cpe = new_cpe(tree=dict(TREE), returns_cookie=False)
        cpe.session("0 BOOTSTRAP", "1 BOOT")
        job_id = begun(acs, cpe)
        assert report(cpe, f"job-{job_id}").name == "TransferCompleteResponse"
        assert acs.job(job_id).state is JobState.DONE

    def test_two_in_reverse_order(self, acs: RunningAcs, known: RawCpe) -> None:
        first = ask(acs, known, JobKind.DOWNLOAD, file_type=CONFIG, url=URL)
        second = ask(acs, known, JobKind.DOWNLOAD, file_type="2 Web Content", url=URL)
        assert known.session(respond=answering(known)) == ["Download", "Download"]
        reports(known, (f"job-{second}", 0))
        assert acs.job(first).state is JobState.SENT
        reports(known, (f"job-{first}", 9015), (f"job-{second}", 0))
        assert acs.job(second).state is JobState.DONE
        assert "unable to contact file server" in error(acs.job(first))

    def test_a_key_in_the_event_alone(self, acs: RunningAcs, known: RawCpe) -> None:
        job_id = begun(acs, known)
        reports(known, ("", 0), events=(f"M Download|job-{job_id}",))
        assert acs.job(job_id).state is JobState.DONE

    def test_a_key_nowhere(self, acs: RunningAcs, known: RawCpe) -> None:
        job_id = begun(acs, known)
        reports(known, ("", 0))
        assert acs.job(job_id).state is JobState.DONE

    @pytest.mark.parametrize(
        ("code", "name"),
        [
            (9001, "Request denied"),
            (9010, "File transfer failure"),
            (9012, "authentication failure"),
            (9016, "unable to access file"),
            (9017, "unable to complete download"),
            (9018, "file corrupted"),
            (9019, "file authentication failure"),
            (9020, "within specified time windows"),
        ],
    )
    def test_failures_have_their_names(
        self, acs: RunningAcs, known: RawCpe, code: int, name: str
    ) -> None:
        job_id = begun(acs, known)
        reports(known, (f"job-{job_id}", code))
        assert (name in error(acs.job(job_id)), acs.job(job_id).result["code"]) == (True, code)

    def test_firmware_is_done_when_it_runs(self, acs: RunningAcs, known: RawCpe) -> None:
        job_id = begun(acs, known, FIRMWARE)
        values = {**INFORM_VALUES, "Device.DeviceInfo.SoftwareVersion": ("7.2", "string")}
        known.open("1 BOOT", "7 TRANSFER COMPLETE", f"M Download|job-{job_id}", values=values)
        report(known, f"job-{job_id}")
        known.finish(known.post(), answering(known))
        job = acs.job(job_id)
        assert (job.state, job.result["text"]) == (JobState.DONE, "7.1 → 7.2")

    def test_a_kill_between_sending_and_report_loses_nothing(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        job_id = begun(acs, known)
        acs.kill9()
        acs.start()
        known.connect()
        reports(known, (f"job-{job_id}", 0))
        assert acs.job(job_id).state is JobState.DONE


class TestLostReports:
    """With a time-out that has passed at the next contact."""

    @pytest.fixture
    def acs(self, start_acs: StartAcs) -> RunningAcs:
        return start_acs(PROVISIONING_TRANSFER_TIMEOUT_SECONDS="0.001")

    LISTED = "<TransferList><{0}><CommandKey>{1}</CommandKey><State>2</State></{0}></TransferList>"

    def test_a_transfer_still_listed_is_waited_for(self, acs: RunningAcs, known: RawCpe) -> None:
        job_id = begun(acs, known)
        listed = self.LISTED.format("AllQueuedTransferStruct", f"job-{job_id}")
        asked = known.session(respond=answering(known, GetAllQueuedTransfers=listed))
        assert asked == ["GetAllQueuedTransfers"]
        assert acs.job(job_id).state is JobState.SENT
        reports(known, (f"job-{job_id}", 0))
        assert acs.job(job_id).state is JobState.DONE

    def test_a_transfer_not_listed_has_failed(self, acs: RunningAcs, known: RawCpe) -> None:
        job_id = begun(acs, known)
        assert known.session(respond=answering(known)) == ["GetAllQueuedTransfers"]
        assert "does not know this transfer any more" in error(acs.job(job_id))

    def test_a_device_of_the_first_issue_is_asked_by_the_old_method(
        self, acs: RunningAcs, known: RawCpe
    ) -> None:
        job_id = begun(acs, known)
        listed = self.LISTED.format("QueuedTransferStruct", f"job-{job_id}")
        answers: dict[str, str] = {"GetAllQueuedTransfers": "9000", "GetQueuedTransfers": listed}
        asked = known.session(respond=answering(known, **answers))
        assert asked == ["GetAllQueuedTransfers", "GetQueuedTransfers"]
        assert acs.job(job_id).state is JobState.SENT

    def test_a_device_that_cannot_list(self, acs: RunningAcs, known: RawCpe) -> None:
        job_id = begun(acs, known)
        known.session()
        assert "cannot list its transfers" in error(acs.job(job_id))


# --- software ---------------------------------------------------------------------------------


RESULT = (
    "<Results><UUID>u{n}</UUID><DeploymentUnitRef>Device.SoftwareModules.DeploymentUnit.{n}."
    "</DeploymentUnitRef><Version>1.{n}</Version><CurrentState>{state}</CurrentState>"
    "<Resolved>1</Resolved><ExecutionUnitRefList></ExecutionUnitRefList>"
    "<StartTime>2026-05-01T10:00:00Z</StartTime><CompleteTime>2026-05-01T10:01:00Z</CompleteTime>"
    "<Fault><FaultCode>{code}</FaultCode><FaultString></FaultString></Fault></Results>"
)


@pytest.mark.parametrize("code", [0, 9026])
def test_software_is_reported_operation_by_operation(
    acs: RunningAcs, known: RawCpe, code: int
) -> None:
    operations = [{"do": "install", "url": URL}, {"do": "uninstall", "uuid": "u2"}]
    job_id = ask(acs, known, JobKind.SOFTWARE, operations=operations)
    seen: list[Answer] = []
    known.session(respond=answering(known, seen))
    kinds = [
        node.get("{http://www.w3.org/2001/XMLSchema-instance}type")
        for node in seen[0].elements("Operations")
    ]
    assert kinds == ["cwmp:InstallOpStruct", "cwmp:UninstallOpStruct"]
    known.open("11 DU STATE CHANGE COMPLETE", f"M ChangeDUState|job-{job_id}")
    told = "".join(
        (
            RESULT.format(n=1, state="Failed" if code else "Installed", code=code),
            RESULT.format(n=2, state="Uninstalled", code=0),
            f"<CommandKey>job-{job_id}</CommandKey>",
        )
    )
    answer = known.post(known.form.call("DUStateChangeComplete", told))
    assert answer.name == "DUStateChangeCompleteResponse"
    known.finish(known.post(), answering(known))
    job = acs.job(job_id)
    results: Any = job.result["results"]
    assert [(row["do"], row["uuid"]) for row in results] == [("install", "u1"), ("uninstall", "u2")]
    if code:
        assert "Duplicate Deployment Unit" in error(job)
    else:
        assert job.state is JobState.DONE
