"""From `acs file add` to a simulated ONT with new firmware, and its configuration back here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from acs_fixtures import StartAcs
from calling_ont import calling_ont
from running_acs import RunningAcs, wait_for

from acs.devices.record import Device, Job, JobKind, JobState
from simulators.cpe.content import make_image

SERIAL = "22275A7000001"
NEWER = "0.9.1 3.0.0 v6066.0 Build 250101 Rel.1n"
IMAGE = make_image(NEWER, "XX230v", bytes(range(256)) * 4000)


@pytest.fixture(scope="module")
def acs(start_acs: StartAcs) -> RunningAcs:
    return start_acs(FILES_LISTEN="127.0.0.1:0")


@pytest.fixture(scope="module")
def ont(acs: RunningAcs) -> Iterator[Device]:
    """A simulated XX230v that calls all the time, in a process of its own."""
    with calling_ont(acs, SERIAL) as device:
        yield device


def ended(acs: RunningAcs, job_id: int) -> Job:
    def look() -> Job | None:
        job = acs.job(job_id)
        return None if job.state in (JobState.QUEUED, JobState.SENT) else job

    return wait_for(f"job {job_id} to end", look)


def test_new_firmware_for_one_device(acs: RunningAcs, ont: Device, tmp_path: Path) -> None:
    image = tmp_path / "XX230v.bin"
    image.write_bytes(IMAGE)
    added = acs.command(
        "file", "add", str(image), "--type", "firmware", "--version", NEWER,
        "--fits", "model=XX230v*", "--fits", "hardware=XX230v*",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    sent = acs.command(
        "device", "download", SERIAL, "--file", "XX230v.bin", "--yes", "--wait", "50", "--json"
    )
    assert sent.returncode == 0, sent.stderr + sent.stdout
    assert json.loads(sent.stdout)["job"]["state"] == "done"
    assert wait_for("the new version", lambda: acs.device(SERIAL).software == NEWER)
    assert acs.metric('acs_file_transfers_total{result="sent"}') == 1
    assert acs.metric('acs_file_octets_total{direction="out"}') == len(IMAGE)
    again = ended(acs, acs.enqueue(ont, JobKind.DOWNLOAD, file="XX230v.bin"))
    assert again.state is JobState.FAILED
    assert "already" in str(again.result["error"])


@pytest.mark.parametrize("word", ["config", "log"])
def test_a_device_sends_what_it_is_asked_for(
    acs: RunningAcs, ont: Device, tmp_path: Path, word: str
) -> None:
    sent = acs.command("device", "upload", SERIAL, "--type", word, "--wait", "50", "--json")
    assert sent.returncode == 0, sent.stderr + sent.stdout
    job = json.loads(sent.stdout)["job"]
    listed = acs.command("file", "uploads", SERIAL, "--json")
    row = json.loads(listed.stdout)["uploads"][0]
    assert (row["job"], row["file_type"]) == (job["id"], job["payload"]["file_type"])
    assert word in row["file_type"].casefold()
    out = tmp_path / "out"
    assert acs.command("file", "get", str(row["id"]), "-o", str(out)).returncode == 0
    assert len(out.read_bytes()) == row["size"] > 0
