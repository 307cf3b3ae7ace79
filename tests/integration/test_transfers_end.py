"""Transfers of simulated ONTs that end in every way they can, from the job to its result.

Each unit is fresh and nobody's: what a job says does not depend on a customer.
"""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from acs_fixtures import StartAcs
from requests.auth import HTTPDigestAuth
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.effects import SaveJob
from acs.devices.record import Device, Job, JobKind, JobState
from acs.store import jobs
from simulators.cpe import End, Identity, Misbehaviour, Ont, SessionReport
from simulators.cpe.blocking import Client
from simulators.cpe.content import make_image
from simulators.cpe.misbehaviour import parse_draw
from simulators.cpe.transfers import State, Transfer

NEWER = "0.9.1 3.0.0 v6066.0 Build 250101 Rel.1n"
IMAGE = make_image(NEWER, "XX230v", bytes(range(256)) * 2000)
FIRMWARE, OTHERS, CONFIG, PAGES = "XX230v.bin", "EX220.bin", "settings.cfg", "pages.bin"
SSID = "Device.WiFi.SSID.1.SSID"
HOURS = 7200.0
"""Longer than any transfer may take."""
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def acs(start_acs: StartAcs, tmp_path_factory: pytest.TempPathFactory) -> RunningAcs:
    """A server with files for an XX230v, and an image for something else."""
    acs = start_acs(FILES_LISTEN="127.0.0.1:0", CWMP_SESSIONS_PER_MINUTE="600")
    folder = tmp_path_factory.mktemp("files")
    versioned = ("--version", NEWER, "--fits")
    add(acs, folder / FIRMWARE, IMAGE, "firmware", *versioned, "model=XX230v*")
    add(acs, folder / OTHERS, IMAGE[::-1], "firmware", *versioned, "model=EX220*")
    add(acs, folder / CONFIG, f'{SSID} = "Restauré"\n'.encode(), "config")
    add(acs, folder / PAGES, bytes(10_000), "web")
    return acs


def add(acs: RunningAcs, path: Path, content: bytes, kind: str, *more: str) -> None:
    path.write_bytes(content)
    added = acs.command("file", "add", str(path), "--type", kind, *more)
    assert added.returncode == 0, added.stderr


@dataclass
class Unit:
    """A simulated XX230v that has called, and the jobs it is given."""

    acs: RunningAcs
    ont: Ont
    client: Client

    @property
    def device(self) -> Device:
        return self.acs.device(self.ont.identity.serial)

    @property
    def software(self) -> str:
        return self.ont.tree.get("Device.DeviceInfo.SoftwareVersion")

    def ask(self, kind: JobKind, **payload: object) -> int:
        return self.acs.enqueue(self.device, kind, **payload)

    def download(self, file: str) -> int:
        return self.ask(JobKind.DOWNLOAD, file=file)

    def upload(self) -> int:
        return self.ask(JobKind.UPLOAD, file_type="3 Vendor Configuration File")

    def call(self) -> SessionReport:
        report = self.client.session()
        assert report.end is End.COMPLETE, report
        return report

    def misbehave(self, **how: Any) -> None:
        self.ont.misbehaviour = Misbehaviour(**how)

    def ended(self, job_id: int) -> Job:
        job = self.acs.job(job_id)
        assert job.state not in (JobState.QUEUED, JobState.SENT), job
        return job

    def let_time_pass(self, job_id: int) -> None:
        """Have a job be sent two hours ago."""
        job = self.acs.job(job_id)
        result = {**job.result, "sent_at": float(str(job.result["sent_at"])) - HOURS}
        save = SaveJob(job_id, job.state, 0.0, job.attempts, result)
        self.acs.database.run("age", jobs.save_thd, [save])

    @property
    def told(self) -> str:
        """All that is kept of the device for people."""
        device = self.device
        kept = (self.acs.timeline(device), self.acs.faults(device))
        with self.acs.database.read() as connection:
            results = [job.result for job in jobs.list_thd(connection, device.id)]
        return repr((kept, results)) + self.acs.log


NewUnit = Callable[..., Unit]


@pytest.fixture
def new_unit(acs: RunningAcs) -> NewUnit:
    def make(*, settle: bool = True) -> Unit:
        number = next(_NUMBERS)
        mac = f"1C:61:B9:00:{number:02X}:10"
        identity = Identity("1C61B9", "Device2", f"22275C{number:07d}", mac)
        ont = Ont("tplink-a-xx230v", identity, username=BOOTSTRAP[0], password=BOOTSTRAP[1])
        client = Client(acs.url, ont, timeout=30, settle=settle)
        unit = Unit(acs, ont, client)
        unit.call()
        return unit

    return make


@pytest.fixture
def unit(new_unit: NewUnit) -> Unit:
    return new_unit()


# --- the line ----------------------------------------------------------------------------------


def test_a_download_that_is_cut_half_way_goes_on_where_it_was(unit: Unit) -> None:
    before = unit.acs.metric('acs_file_octets_total{direction="out"}')
    unit.misbehave(cut_transfers=1)
    job = unit.download(FIRMWARE)
    unit.call()
    unit.call()
    assert unit.ended(job).state is JobState.DONE
    assert unit.software == NEWER
    wait_for("the second part", lambda: f"job={job} file={FIRMWARE}" in unit.acs.log)
    parts = [line for line in unit.acs.log.splitlines() if f"job={job} file" in line]
    assert any('result="part sent"' in line for line in parts), parts
    out = unit.acs.metric('acs_file_octets_total{direction="out"}') - before
    assert len(IMAGE) <= out < 2 * len(IMAGE), "and was not sent as a whole again"


def test_a_download_that_never_gets_through_fails_and_changes_nothing(unit: Unit) -> None:
    before = unit.software
    unit.misbehave(cut_transfers=3)
    job = unit.download(FIRMWARE)
    unit.call()
    unit.call()
    ended = unit.ended(job)
    assert (ended.state, ended.result["code"]) == (JobState.FAILED, 9017)
    assert "unable to complete download" in str(ended.result["error"])
    assert unit.software == unit.device.software == before


# --- the report --------------------------------------------------------------------------------


def test_a_lost_report_of_firmware_is_asked_after_and_its_version_believed(unit: Unit) -> None:
    unit.misbehave(transfer_complete="lost")
    job = unit.download(FIRMWARE)
    unit.call()
    assert "GetAllQueuedTransfers" not in unit.call().methods
    assert unit.acs.job(job).state is JobState.SENT, "its report may still come"
    unit.let_time_pass(job)
    assert "GetAllQueuedTransfers" in unit.call().methods
    ended = unit.ended(job)
    assert ended.state is JobState.DONE
    assert ended.result["text"] == f"no report came, but it runs {NEWER} now"


def test_a_lost_report_of_a_configuration_is_asked_after_and_failed(unit: Unit) -> None:
    unit.misbehave(transfer_complete="lost")
    job = unit.download(CONFIG)
    unit.call()
    unit.let_time_pass(job)
    assert "GetAllQueuedTransfers" in unit.call().methods
    ended = unit.ended(job)
    assert ended.state is JobState.FAILED
    assert str(ended.result["error"]).endswith(
        "the device does not know this transfer any more; whether the file arrived is not known"
    )


def test_a_transfer_that_still_waits_is_waited_for(new_unit: NewUnit) -> None:
    unit = new_unit(settle=False)
    job = unit.download(CONFIG)
    unit.call()
    unit.let_time_pass(job)
    assert "GetAllQueuedTransfers" in unit.call().methods
    assert unit.acs.job(job).state is JobState.SENT
    unit.client.settle()
    unit.call()
    assert unit.ended(job).state is JobState.DONE
    assert unit.ont.tree.get(SSID) == "Restauré"


def test_a_file_that_came_is_enough_without_a_report(unit: Unit) -> None:
    unit.misbehave(transfer_complete="lost")
    job = unit.upload()
    unit.call()
    assert "GetAllQueuedTransfers" not in unit.call().methods
    ended = unit.ended(job)
    assert ended.state is JobState.DONE
    (size,) = re.findall(r"no report came, but (\d+) octets did", str(ended.result["text"]))
    assert int(size) > 100_000, "the whole tree of an XX230v"


def test_a_report_that_comes_twice_counts_once(unit: Unit) -> None:
    unit.misbehave(transfer_complete="twice")
    job = unit.download(CONFIG)
    unit.call()
    for _ in range(3):
        unit.call()
    assert unit.ended(job).state is JobState.DONE
    ends = [text for text in unit.acs.told(unit.device, "job") if f"(job {job})" in text]
    assert len(ends) == 1
    reports = unit.acs.told(unit.device, "transfer complete")
    assert reports.count(f"transfer complete job-{job}: success") == 2


@pytest.mark.parametrize("forgotten", [{"event"}, {"request"}, {"event", "request"}])
def test_a_key_that_is_left_out_finds_the_job(unit: Unit, forgotten: set[str]) -> None:
    unit.misbehave(forget_key=frozenset(forgotten))
    job = unit.download(CONFIG)
    unit.call()
    unit.call()
    assert unit.ended(job).state is JobState.DONE


def test_two_transfers_are_reported_in_another_order(unit: Unit) -> None:
    unit.misbehave(
        reverse_transfers=True, faults=(parse_draw("TransferComplete:2 Web Content=9010"),)
    )
    first, second = unit.download(CONFIG), unit.download(PAGES)
    assert unit.call().methods.count("Download") == 2
    report = unit.call()
    told = [each.key for each in report.told if each.method == "TransferComplete"]
    assert told == [f"job-{second}", f"job-{first}"]
    assert unit.ended(first).state is JobState.DONE
    ended = unit.ended(second)
    assert (ended.state, ended.result["code"]) == (JobState.FAILED, 9010)


# --- nobody asked for ---------------------------------------------------------------------------


def test_a_download_that_nobody_asked_for_is_on_the_timeline(acs: RunningAcs) -> None:
    serial = f"22275C{next(_NUMBERS):07d}"
    words = ["run", "--acs", acs.url, "--model", "tplink-a-xx230v", "--serial", serial]
    account = ["--username", BOOTSTRAP[0], "--password", BOOTSTRAP[1], "--max-sessions", "1"]
    told = ["--tell-download", "1 Firmware Upgrade Image"]
    program = [sys.executable, "-c", "from simulators.cpe.cli import main; main()"]
    ended = subprocess.run(
        [*program, *words, *account, *told], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "tells AutonomousTransferComplete → answered" in ended.stdout
    said = acs.told(acs.device(serial), "software")
    assert "fetched firmware on its own: file.bin" in said


# --- a row that comes later --------------------------------------------------------------------


def test_a_row_that_is_only_promised_is_followed_until_it_is_there(unit: Unit) -> None:
    unit.misbehave(late_rows=True)
    table = "Device.NAT.PortMapping."
    job = unit.ask(JobKind.ADD, table=table, values={"Description": "later"})
    report = unit.call()
    assert [(rpc.method, rpc.status) for rpc in report.rpcs if rpc.method == "AddObject"] == [
        ("AddObject", 1)
    ]
    assert unit.acs.job(job).state is JobState.SENT
    row = str(unit.acs.job(job).result["row"])
    for _ in range(3):
        if unit.acs.job(job).state is JobState.SENT:
            assert "AddObject" not in unit.call().methods, "asked once"
    assert unit.ended(job).state is JobState.DONE
    assert unit.ont.tree.get(f"{row}Description") == "later"


# --- who may ----------------------------------------------------------------------------------


def waiting(unit: Unit) -> Transfer:
    (transfer,) = unit.ont.transfers.within(State.WAITING)
    return transfer


def test_the_account_of_an_upload_is_good_once(new_unit: NewUnit) -> None:
    unit = new_unit(settle=False)
    job = unit.upload()
    unit.call()
    asked = waiting(unit)
    unit.client.settle()
    unit.call()
    assert unit.ended(job).state is JobState.DONE
    auth = HTTPDigestAuth(asked.username, asked.password)
    again = requests.put(asked.url, data=b"another file", auth=auth, timeout=30)
    assert again.status_code == 410
    listed = unit.acs.command("file", "uploads", unit.device.key, "--json")
    assert listed.stdout.count(f'"job": {job}') == 1
    assert asked.password not in unit.told
    assert asked.url.split("/")[-2] not in unit.told


def test_an_image_for_other_devices_is_refused_before_anything_is_sent(unit: Unit) -> None:
    job = unit.download(OTHERS)
    assert "Download" not in unit.call().methods
    ended = unit.ended(job)
    assert ended.state is JobState.FAILED
    assert "EX220" in str(ended.result["error"])


def test_a_link_whose_time_is_over_fetches_nothing_and_is_told_to_nobody(
    acs: RunningAcs, new_unit: NewUnit
) -> None:
    unit = new_unit(settle=False)
    acs.restart(FILES_LINK_SECONDS="1")
    try:
        job = unit.download(FIRMWARE)
        unit.call()
        transfer = waiting(unit)
        wait_for("the link to expire", lambda: requests.head(transfer.url).status_code == 403)
        unit.client.settle()
        unit.call()
    finally:
        acs.restart(FILES_LINK_SECONDS="86400")
    ended = unit.ended(job)
    assert (ended.state, ended.result["code"]) == (JobState.FAILED, 9016)
    assert "unable to access file" in str(ended.result["error"])
    assert transfer.url.split("/")[-2] not in unit.told
    assert unit.software != NEWER


# --- beside one another -------------------------------------------------------------------------


def test_a_reboot_waits_until_new_firmware_runs(new_unit: NewUnit) -> None:
    unit = new_unit(settle=False)
    firmware, reboot = unit.download(FIRMWARE), unit.ask(JobKind.REBOOT)
    assert unit.call().methods.count("Reboot") == 0
    assert unit.call().methods.count("Reboot") == 0
    assert unit.acs.job(reboot).state is JobState.QUEUED
    shown = unit.acs.command("device", "jobs", unit.device.key)
    assert f"waits for the end of download (job {firmware})" in " ".join(shown.stdout.split())
    unit.client.settle()
    assert unit.call().methods.count("Reboot") == 1
    assert unit.software == NEWER
    assert unit.ended(firmware).state is JobState.DONE
    unit.client.settle()
    unit.call()
    assert unit.ended(reboot).state is JobState.DONE
