"""The folder of files: what devices may fetch, and, encrypted, what they sent.

A file gets its name only once it is whole and on disk, so that a crash leaves nothing that could
be taken for one.  Catalogued files are called by their SHA-256.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1 << 20
_HALF = ".half"
_STRAY_SECONDS = 86_400.0

Progress = Callable[[int], None]
"""Told how many octets are done."""


def _quiet(_octets: int) -> None:
    pass


class Folder:
    """Both kinds of files below one directory, readable by its owner only."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._catalogue = root / "catalogue"
        self._uploads = root / "uploads"

    def prepare(self) -> None:
        """Make the directories. Raises OSError."""
        for directory in (self.root, self._catalogue, self._uploads):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    # --- the catalogue ----------------------------------------------------------------------

    def add(self, source: Path, progress: Progress = _quiet) -> tuple[str, int]:
        """Copy a file into the catalogue; its SHA-256 in hex, and its size in octets."""
        self.prepare()
        half = self._catalogue / (secrets.token_hex(8) + _HALF)
        try:
            with source.open("rb") as reading, _private(half) as writing:
                digest, size = _copy(reading, writing, progress)
            _rename(half, self._catalogue / digest)
        except BaseException:
            half.unlink(missing_ok=True)
            raise
        return digest, size

    def open(self, digest: str) -> BinaryIO:
        """Open a catalogued file for reading. Raises OSError."""
        return (self._catalogue / digest).open("rb")

    def digest(self, digest: str, progress: Progress = _quiet) -> tuple[str, int]:
        """Read a catalogued file again: the SHA-256 and the size that it has now."""
        with self.open(digest) as reading:
            return _copy(reading, None, progress)

    def size(self, digest: str) -> int:
        """Octets of a catalogued file. Raises OSError."""
        return (self._catalogue / digest).stat().st_size

    def remove(self, digest: str) -> None:
        """Delete a catalogued file; one that is not there is gone already."""
        (self._catalogue / digest).unlink(missing_ok=True)

    # --- what devices sent --------------------------------------------------------------------

    def keep(self, stored: str, blob: bytes) -> None:
        """Write an encrypted file so that it is on disk when this returns."""
        self.prepare()
        half = self._uploads / (stored + _HALF)
        try:
            with _private(half) as writing:
                writing.write(blob)
                _flush(writing)
            _rename(half, self._uploads / stored)
        except BaseException:
            half.unlink(missing_ok=True)
            raise

    def kept(self, stored: str) -> bytes:
        """Read an encrypted file. Raises OSError."""
        return (self._uploads / stored).read_bytes()

    def drop(self, stored: str) -> None:
        """Delete an encrypted file; one that is not there is gone already."""
        (self._uploads / stored).unlink(missing_ok=True)

    def sweep(self, known: Iterable[str], now: float) -> int:
        """Delete what a crash, or a device that was forgotten, left behind; say how many.

        ``known``: names of uploads that have a row. A file is left alone for a day: its row may
        be on the way.
        """
        keep = set(known)
        gone = 0
        for directory in (self._catalogue, self._uploads):
            for path in directory.iterdir() if directory.is_dir() else ():
                stray = path.name.endswith(_HALF) or (
                    directory == self._uploads and path.name not in keep
                )
                if stray and now - path.stat().st_mtime > _STRAY_SECONDS:
                    path.unlink(missing_ok=True)
                    gone += 1
        return gone


def _private(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb")


def _copy(reading: BinaryIO, writing: BinaryIO | None, progress: Progress) -> tuple[str, int]:
    hashing, size = sha256(), 0
    while chunk := reading.read(_CHUNK):
        hashing.update(chunk)
        size += len(chunk)
        if writing is not None:
            writing.write(chunk)
        progress(size)
    if writing is not None:
        _flush(writing)
    return hashing.hexdigest(), size


def _flush(writing: BinaryIO) -> None:
    writing.flush()
    os.fsync(writing.fileno())


def _rename(half: Path, final: Path) -> None:
    half.replace(final)
    directory = os.open(final.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
