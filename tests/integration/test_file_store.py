"""The catalogue, the slots and the uploads, on SQLite and PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from twisted.internet.defer import maybeDeferred

from acs.devices.effects import SaveJob
from acs.devices.files import FIRMWARE, CatalogueFile, ReceivedFile, Slot
from acs.devices.record import Job, JobKind, JobState
from acs.files.folder import Folder
from acs.files.upkeep import prune
from acs.model import Contact, DeviceId, Secret
from acs.store import Database, Vault, campaigns, devices, files, jobs, sealing
from acs.store.opening import open_thd
from acs.store.tables import campaigns as campaigns_table

FILE = CatalogueFile(
    "image.bin", FIRMWARE, "1.2", 3_000_000_000, "ab" * 32, {"model": ("XX230v", "EX*")},
    "a note", 1000.0, "me",
)  # fmt: skip
KIND = "3 Vendor Configuration File 1"


def new_device(database: Database, serial: str = "S1") -> int:
    contact = Contact(DeviceId("00259E", "X", serial), "TP-Link", "cwmp", "Device.", (), {}, 1000.0)
    return database.run("open", open_thd, [contact])[0].device.id


def new_job(database: Database, device_id: int, kind: JobKind, **payload: object) -> int:
    return database.run("enqueue", jobs.enqueue_thd, Job(0, device_id, kind, payload))


def new_slot(database: Database, username: str = "u1", **other: float) -> Slot:
    device_id = new_device(database)
    job_id = new_job(database, device_id, JobKind.UPLOAD)
    slot = Slot(username, Secret("pw"), device_id, job_id, KIND, other.get("expires_at", 2000.0))
    database.run("slot", files.open_slot_thd, slot)
    return slot


def sent(slot: Slot, stored: str = "s1", at: float = 1500.0) -> ReceivedFile:
    return ReceivedFile(0, slot.device_id, slot.job_id, KIND, 5, "cd" * 32, stored, at)


def test_a_file_is_kept_as_it_was_added(database: Database) -> None:
    database.run("add", files.add_thd, FILE)
    assert database.run("get", files.get_thd, FILE.name) == FILE
    assert database.run("list", files.list_thd) == [FILE]
    assert database.run("has", files.has_content_thd, FILE.sha256)
    assert not database.run("has", files.has_content_thd, "00")
    assert database.run("get", files.get_thd, "other") is None


@pytest.mark.parametrize("change", [{"name": "other"}, {"sha256": "cd" * 32}])
def test_a_name_and_a_content_are_kept_once(database: Database, change: dict[str, str]) -> None:
    database.run("add", files.add_thd, FILE)
    with pytest.raises(files.FileKnown, match=r"acs file remove image\.bin"):
        database.run("add", files.add_thd, replace(FILE, **change))  # type: ignore[arg-type]


def test_a_file_goes_once_no_open_job_names_it(database: Database) -> None:
    database.run("add", files.add_thd, FILE)
    device_id = new_device(database)
    job_id = new_job(database, device_id, JobKind.DOWNLOAD, file=FILE.name)
    new_job(database, device_id, JobKind.DOWNLOAD, file="other.bin")
    new_job(database, device_id, JobKind.READ, file=FILE.name)
    with pytest.raises(files.FileWanted, match=rf"1 open jobs send image\.bin \({job_id}\)"):
        database.run("remove", files.remove_thd, FILE.name)
    database.run("forget", devices.delete_thd, device_id)
    assert database.run("remove", files.remove_thd, FILE.name) == FILE
    assert database.run("remove", files.remove_thd, FILE.name) is None


@pytest.mark.parametrize("kind", [JobKind.DOWNLOAD, JobKind.SCHEDULE_DOWNLOAD])
def test_a_file_stays_while_a_campaign_sends_it(database: Database, kind: JobKind) -> None:
    database.run("add", files.add_thd, FILE)
    campaign = campaigns.Campaign("newer", kind, {"file": FILE.name}, created_at=1.0)
    kept = database.run("begin", campaigns.add_thd, campaign, [])
    assert kept is not None
    with pytest.raises(files.FileWanted, match="acs bulk stop newer"):
        database.run("remove", files.remove_thd, FILE.name)
    ended = update(campaigns_table).values(state=campaigns.CampaignState.FINISHED.value)
    with database.begin() as conn:
        conn.execute(ended)
    assert database.run("remove", files.remove_thd, FILE.name) == FILE


def test_a_file_is_fetched_for_a_job_of_the_device_only(database: Database) -> None:
    database.run("add", files.add_thd, FILE)
    one, other = new_device(database, "A"), new_device(database, "B")
    job_id = new_job(database, one, JobKind.DOWNLOAD, file=FILE.name)

    def fetched(name: str, device_id: int, job: int) -> CatalogueFile | None:
        return database.run("fetched", files.fetched_thd, name, device_id, job)

    assert fetched(FILE.name, one, job_id) == FILE
    assert fetched("other", one, job_id) is None
    assert fetched(FILE.name, other, job_id) is None
    assert fetched(FILE.name, one, job_id + 1) is None


def test_a_slot_is_used_once(database: Database) -> None:
    slot = new_slot(database)
    assert database.run("slot", files.slot_thd, "u1") == slot
    assert database.run("slot", files.slot_thd, "u2") is None
    first = database.run("receive", files.receive_thd, slot, sent(slot), b"k" * 32)
    assert first is not None
    assert database.run("receive", files.receive_thd, slot, sent(slot, "s2"), b"k" * 32) is None
    used = database.run("slot", files.slot_thd, "u1")
    assert used == replace(slot, used=True)
    received = replace(sent(slot), id=first)
    assert database.run("upload", files.upload_thd, first) == (received, b"k" * 32)
    listed = database.run("list", files.list_uploads_thd)
    assert listed == [(received, "00259E-X-S1")]
    assert database.run("list", files.list_uploads_thd, device_id=slot.device_id + 1) == []


def test_a_job_that_runs_again_has_one_slot(database: Database) -> None:
    slot = new_slot(database)
    database.run("slot", files.open_slot_thd, replace(slot, username="again"))
    assert database.run("slot", files.slot_thd, "u1") is None
    assert database.run("slot", files.slot_thd, "again") is not None


def test_a_slot_ends_with_its_job(database: Database) -> None:
    slot = new_slot(database)
    cancelled = SaveJob(slot.job_id, JobState.CANCELLED, 1600.0, 0, {})
    database.run("cancel", jobs.save_thd, [cancelled])
    assert database.run("slot", files.slot_thd, "u1") is None


def test_what_is_old_is_forgotten_a_piece_at_a_time(database: Database) -> None:
    day = 86_400.0
    slots = [new_slot(database, f"u{number}", expires_at=9 * day) for number in range(3)]
    for number, slot in enumerate(slots):
        received = sent(slot, f"s{number}", at=number * day)
        database.run("receive", files.receive_thd, slot, received, b"k" * 32)
    pruned = database.run("prune", files.prune_files_thd, 8.5 * day, 7.0, 1)
    assert (list(pruned.uploads), pruned.slots) == (["s0"], 0)
    pruned = database.run("prune", files.prune_files_thd, 9.5 * day, 8.0)
    assert (list(pruned.uploads), pruned.slots) == (["s1"], 3)
    assert database.run("known", files.stored_uploads_thd) == ["s2"]


def test_new_keys_seal_passwords_and_keys_of_files_anew(
    database: Database, database_url: str, vault: Vault
) -> None:
    slot = new_slot(database)
    upload_id = database.run("receive", files.receive_thd, slot, sent(slot), b"k" * 32)
    assert upload_id is not None
    both = Vault({"first": bytes(range(32)), "second": b"2" * 32}, "second")
    newer = Database(database_url, both, realm="gigafibre-acs")
    assert sealing.rotate(newer) >= 3
    newer.dispose()
    second = Database(database_url, Vault({"second": b"2" * 32}, "second"), realm="gigafibre-acs")
    found = second.run("slot", files.slot_thd, "u1")
    assert found is not None
    assert found.password == Secret("pw")
    upload = second.run("upload", files.upload_thd, upload_id)
    assert upload is not None
    assert upload[1] == b"k" * 32
    second.dispose()


class Queues:
    """Answers at once, in this thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, name: str, work: Callable[..., Any], *arguments: object) -> Any:
        return self._database.run(name, work, *arguments)


def test_files_go_with_their_rows(database: Database, tmp_path: Path) -> None:
    folder = Folder(tmp_path / "files")
    day = 86_400.0
    for number in range(3):
        slot = new_slot(database, f"u{number}", expires_at=99 * day)
        folder.keep(f"s{number}", b"x")
        received = sent(slot, f"s{number}", at=number * day)
        database.run("receive", files.receive_thd, slot, received, b"k" * 32)
    folder.keep("left behind", b"x")
    uploads = folder.root / "uploads"
    os.utime(uploads / "left behind", (0, 0))
    queues: Any = Queues(database)
    work = prune(queues, folder, 3.5 * day, 3.0, maybeDeferred)
    with pytest.raises(StopIteration):
        work.send(None)
    assert sorted(path.name for path in uploads.iterdir()) == ["s1", "s2"]
    assert database.run("known", files.stored_uploads_thd) == ["s1", "s2"]
