"""Recordings on disk: which devices are recorded, and writing and pruning the files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from threading import BoundedSemaphore

from acs.cwmp.recording import SessionFacts, Tape
from acs.devices.house import House
from acs.log import get_logger
from acs.model import Contact
from acs.settings import RecordingSettings
from acs.store.recordings import RecordingRequest

log = get_logger("acs.recording")

RECORDINGS = "recordings"
"""Where they are kept, in the data directory."""
SUFFIX = ".jsonl"
UNFINISHED = ".part"
"""Suffix of one that is being written, or that a crash left behind."""
KEY_LENGTH = 150
"""Characters of a device's key in the name of a file."""
WAITING = 50
"""Ended sessions that may wait to be written; more are given up."""
LONGEST_WRITE = 3600.0
"""Seconds after which nobody writes it any more."""
_DAY = 86_400.0


class Recorder:
    """Gives the edge a tape for each session that is to be recorded."""

    def __init__(
        self,
        directory: Path,
        facts: SessionFacts,
        clock: Callable[[], float],
        in_thread: Callable[[Callable[[], None]], object],
    ) -> None:
        """``in_thread`` runs a function off the reactor, after the present turn of it is over."""
        self._directory = directory
        self._facts = facts
        self._clock = clock
        self._in_thread = in_thread
        self._until: dict[str, float] = {}
        self._room = BoundedSemaphore(WAITING)

    def record(self, requests: Iterable[RecordingRequest]) -> None:
        """Record these devices from now on, and no others."""
        wanted = {request.device_key: request.until for request in requests}
        for key in wanted.keys() - self._until.keys():
            log.info("recording begins", device=key, devices=len(wanted))
        for key in self._until.keys() - wanted.keys():
            log.info("recording over", device=key, devices=len(wanted))
        self._until = wanted

    def __call__(self, contact: Contact, house: House) -> Tape | None:
        """A tape for the session of ``contact``, if it is to be recorded."""
        if not self._until or self._until.get(contact.device.key, 0.0) <= self._clock():
            return None
        return Tape(contact, house, self._facts, self._ended)

    def _ended(self, tape: Tape) -> None:
        if not self._room.acquire(blocking=False):
            log.warning("recording given up", device=tape.contact.device.key, reason="too many")
            return
        self._in_thread(lambda: self._write(tape))

    def _write(self, tape: Tape) -> None:
        contact = tape.contact
        try:
            path = self._directory / file_name(contact.device.key, contact.at, contact.session)
            content = tape.recording().dump()
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Whoever looks for recordings finds it when it is whole.
            unfinished = path.with_suffix(UNFINISHED)
            number = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(number, "wb") as file:
                file.write(content)
            unfinished.rename(path)
            log.info("session recorded", device=contact.device.key, file=path.name)
        except Exception as error:
            # Its text may quote what was to be masked.
            log.error("session not recorded", error=type(error).__name__, session=contact.session)
        finally:
            self._room.release()


def file_name(key: str, at: float, session: str) -> str:
    """Name of a recording: whose, when (UTC), which session."""
    return f"{key[:KEY_LENGTH]}-{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}-{session}{SUFFIX}"


def recordings(directory: Path) -> list[Path]:
    """All recordings, the latest first."""
    if not directory.is_dir():
        return []
    return sorted(directory.glob(f"*{SUFFIX}"), key=lambda p: p.stat().st_mtime, reverse=True)


def prune_recordings(directory: Path, settings: RecordingSettings, now: float) -> int:
    """Delete recordings that are too old or too many; return how many went."""
    gone = [
        path
        for number, path in enumerate(recordings(directory))
        if number >= settings.max_files or path.stat().st_mtime < now - settings.keep_days * _DAY
    ]
    gone += [
        path
        for path in directory.glob(f"*{UNFINISHED}")
        if path.stat().st_mtime < now - LONGEST_WRITE
    ]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
