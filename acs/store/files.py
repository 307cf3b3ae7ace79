"""The catalogue of files, the slots in which devices put theirs, and what they put there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from acs.devices.files import CatalogueFile, ReceivedFile, Slot
from acs.devices.record import JobKind, JobState
from acs.model import Secret
from acs.store.campaigns import CampaignState
from acs.store.codec import decoder, mapping, plain
from acs.store.errors import StoreError
from acs.store.jobs import OPEN
from acs.store.sealing import seal, unseal
from acs.store.tables import campaigns, devices, files, jobs, upload_slots, uploads

_OPEN = tuple(state.value for state in OPEN)
_GOING = (CampaignState.RUNNING.value, CampaignState.PAUSED.value)
_SENDS = (JobKind.DOWNLOAD.value, JobKind.SCHEDULE_DOWNLOAD.value)
_patterns = decoder(dict[str, tuple[str, ...]]).decode


class FileKnown(StoreError):  # noqa: N818 - as the other errors of the store
    """The catalogue has a file of this name, or this very file, already."""


class FileWanted(StoreError):  # noqa: N818
    """Open jobs name the file."""


# --- the catalogue --------------------------------------------------------------------------


def add_thd(conn: Connection, file: CatalogueFile) -> None:
    """Put a file into the catalogue. Raises `FileKnown`."""
    same = (files.c.name == file.name) | (files.c.sha256 == file.sha256)
    known = conn.execute(select(files).where(same)).first()
    if known is not None:
        what = "a file of this name" if known.name == file.name else f"this very file, {known.name}"
        raise FileKnown(f"the catalogue has {what}; remove it first: acs file remove {known.name}")
    row = {
        "name": file.name,
        "file_type": file.file_type,
        "version": file.version,
        "size": file.size,
        "sha256": file.sha256,
        "fits": plain(file.fits),
        "note": file.note,
        "added_at": file.added_at,
        "added_by": file.added_by,
    }
    conn.execute(insert(files), row)


def get_thd(conn: Connection, name: str) -> CatalogueFile | None:
    """The file of this name."""
    row = conn.execute(select(files).where(files.c.name == name)).first()
    return None if row is None else _file(row)


def list_thd(conn: Connection) -> list[CatalogueFile]:
    """All files, by name."""
    return [_file(row) for row in conn.execute(select(files).order_by(files.c.name))]


def has_content_thd(conn: Connection, sha256: str) -> bool:
    """Tell whether a file of the catalogue has this SHA-256."""
    return conn.scalar(select(files.c.name).where(files.c.sha256 == sha256)) is not None


def remove_thd(conn: Connection, name: str) -> CatalogueFile | None:
    """Take a file out of the catalogue and return it; None: there was none.

    Raises `FileWanted` while open jobs, or campaigns that go on, name it.
    """
    file = get_thd(conn, name)
    if file is None:
        return None
    wanted = _jobs_with(conn, name)
    if wanted:
        some = ", ".join(str(job_id) for job_id in wanted[:5])
        raise FileWanted(
            f"{len(wanted)} open jobs send {name} ({some}{' …' if len(wanted) > 5 else ''}); "
            "cancel them first: acs job cancel ID"
        )
    campaign = _campaign_with(conn, name)
    if campaign:
        raise FileWanted(f"the campaign {campaign} sends {name}; end it: acs bulk stop {campaign}")
    conn.execute(delete(files).where(files.c.name == name))
    return file


def _jobs_with(conn: Connection, name: str) -> list[int]:
    waiting = select(jobs).where(jobs.c.state.in_(_OPEN), jobs.c.kind.in_(_SENDS))
    return [
        row.id
        for row in conn.execute(waiting.order_by(jobs.c.id))
        if mapping(unseal(conn, jobs.c.payload, row.device_id, row.payload)).get("file") == name
    ]


def _campaign_with(conn: Connection, name: str) -> str:
    """A campaign that still makes jobs which send the file, or ""."""
    going = select(campaigns).where(campaigns.c.state.in_(_GOING), campaigns.c.kind.in_(_SENDS))
    for row in conn.execute(going.order_by(campaigns.c.id)):
        payload = mapping(unseal(conn, campaigns.c.payload, row.name, row.payload))
        if payload.get("file") == name:
            return str(row.name)
    return ""


def fetched_thd(conn: Connection, name: str, device_id: int, job_id: int) -> CatalogueFile | None:
    """The file that a device fetches for a job; None when there is no such file or device any
    more, or the job was cancelled."""
    if not _stands(conn, device_id, job_id):
        return None
    return get_thd(conn, name)


def _stands(conn: Connection, device_id: int, job_id: int) -> bool:
    job = and_(jobs.c.id == job_id, jobs.c.device_id == device_id)
    state = conn.scalar(select(jobs.c.state).where(job))
    return state is not None and state != JobState.CANCELLED.value


def _file(row: Row[Any]) -> CatalogueFile:
    return CatalogueFile(
        name=row.name,
        file_type=row.file_type,
        version=row.version,
        size=row.size,
        sha256=row.sha256,
        fits=_patterns(row.fits),
        note=row.note,
        added_at=row.added_at,
        added_by=row.added_by,
    )


# --- slots ------------------------------------------------------------------------------------


def open_slot_thd(conn: Connection, slot: Slot) -> None:
    """Open a slot; one that the same job had before is no longer good."""
    conn.execute(
        delete(upload_slots).where(
            upload_slots.c.device_id == slot.device_id,
            upload_slots.c.job_id == slot.job_id,
            upload_slots.c.used.is_(False),
        )
    )
    row = {
        "username": slot.username,
        "device_id": slot.device_id,
        "job_id": slot.job_id,
        "password": seal(
            conn, upload_slots.c.password, slot.username, slot.password.reveal().encode()
        ),
        "file_type": slot.file_type,
        "expires_at": slot.expires_at,
        "used": slot.used,
    }
    conn.execute(insert(upload_slots), row)


def slot_thd(conn: Connection, username: str) -> Slot | None:
    """The slot with this account; None as well when its job was cancelled."""
    row = conn.execute(select(upload_slots).where(upload_slots.c.username == username)).first()
    if row is None or not _stands(conn, row.device_id, row.job_id):
        return None
    password = unseal(conn, upload_slots.c.password, username, row.password).decode()
    return Slot(
        username=row.username,
        password=Secret(password),
        device_id=row.device_id,
        job_id=row.job_id,
        file_type=row.file_type,
        expires_at=row.expires_at,
        used=row.used,
    )


def receive_thd(conn: Connection, slot: Slot, file: ReceivedFile, key: bytes) -> int | None:
    """Note that ``slot`` was used for ``file``, which is encrypted with ``key``.

    Returns the id of the upload (that of ``file`` is ignored); None when the slot was used before.
    """
    free = and_(upload_slots.c.username == slot.username, upload_slots.c.used.is_(False))
    if not conn.execute(update(upload_slots).where(free).values(used=True)).rowcount:
        return None
    row = {
        "device_id": file.device_id,
        "job_id": file.job_id,
        "file_type": file.file_type,
        "size": file.size,
        "sha256": file.sha256,
        "stored": file.stored,
        "key": seal(conn, uploads.c.key, file.stored, key),
        "at": file.at,
    }
    return int(conn.execute(insert(uploads).returning(uploads.c.id), row).scalar_one())


# --- uploads ----------------------------------------------------------------------------------


def list_uploads_thd(
    conn: Connection, *, device_id: int | None = None, limit: int = 100
) -> list[tuple[ReceivedFile, str]]:
    """Files that devices sent, newest first, each with the key of its device."""
    query = select(uploads, devices.c.key.label("device")).join_from(uploads, devices)
    if device_id is not None:
        query = query.where(uploads.c.device_id == device_id)
    rows = conn.execute(query.order_by(uploads.c.id.desc()).limit(limit))
    return [(_received(row), row.device) for row in rows]


def received_thd(conn: Connection, device_id: int, job_id: int) -> ReceivedFile | None:
    """The file that a device sent for one of its jobs."""
    of_job = (uploads.c.device_id == device_id, uploads.c.job_id == job_id)
    row = conn.execute(select(uploads).where(*of_job)).first()
    return None if row is None else _received(row)


def upload_thd(conn: Connection, upload_id: int) -> tuple[ReceivedFile, bytes] | None:
    """A file that a device sent, and the key it is encrypted with."""
    row = conn.execute(select(uploads).where(uploads.c.id == upload_id)).first()
    if row is None:
        return None
    return _received(row), unseal(conn, uploads.c.key, row.stored, row.key)


def stored_uploads_thd(conn: Connection) -> list[str]:
    """Names in the folder of all that devices sent."""
    return list(conn.scalars(select(uploads.c.stored)))


@dataclass(frozen=True, slots=True)
class PrunedFiles:
    """What was forgotten: names in the folder of uploads, and how many slots."""

    uploads: Sequence[str]
    slots: int


def prune_files_thd(
    conn: Connection, now: float, keep_days: float, limit: int = 1000
) -> PrunedFiles:
    """Forget uploads older than ``keep_days``, and slots whose time has passed.

    At most ``limit`` of each go in one call.
    """
    aged = select(uploads.c.id, uploads.c.stored).where(uploads.c.at < now - keep_days * 86_400.0)
    old = conn.execute(aged.limit(limit)).all()
    if old:
        conn.execute(delete(uploads).where(uploads.c.id.in_([row.id for row in old])))
    past = select(upload_slots.c.username).where(upload_slots.c.expires_at < now).limit(limit)
    slots = list(conn.scalars(past))
    if slots:
        conn.execute(delete(upload_slots).where(upload_slots.c.username.in_(slots)))
    return PrunedFiles([row.stored for row in old], len(slots))


def _received(row: Row[Any]) -> ReceivedFile:
    return ReceivedFile(
        id=row.id,
        device_id=row.device_id,
        job_id=row.job_id,
        file_type=row.file_type,
        size=row.size,
        sha256=row.sha256,
        stored=row.stored,
        at=row.at,
    )
