"""A table in shared memory: a few octets under a key, seen by all workers at once.

It is a file that each of them maps.  A key has one bucket of `ROWS` rows in which it may stand;
whoever looks at a bucket locks just that one, which the kernel undoes should he die.  Where a
bucket is full its oldest row goes: the table forgets rather than grows.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from struct import Struct

ROWS = 8
VALUE = 4
"""Octets of a value; all zero: none."""
_ROW = Struct(f"=16s{VALUE}sI")  # key, value, when it was written
_BUCKET = ROWS * _ROW.size
_EMPTY = bytes(_ROW.size)


class Board:
    """One table in ``file``, which is made when it is not there.

    ``rows`` is how many it should hold with ease; all processes must say the same.  Its room on
    the disk is taken at once: to write where the disk has none would kill.  ``clock`` gives
    seconds that only grow, the same for all processes of a machine (`time.monotonic`).  A process
    opens a file only once: to close it gives up its locks.  Raises `OSError`.
    """

    def __init__(self, file: Path, rows: int, clock: Callable[[], float]) -> None:
        # Half full on the average: a bucket hardly ever overflows.
        self._buckets = 1 << max(6, (2 * rows // ROWS).bit_length())
        self._clock = clock
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.posix_fallocate(self._file, 0, self._buckets * _BUCKET)
        self._memory = mmap.mmap(self._file, self._buckets * _BUCKET)

    def take(self, key: bytes, value: bytes, over: bytes = b"") -> bytes:
        """Write ``value`` under ``key``, unless another one but ``over`` stands there.

        ``value``: up to `VALUE` octets. Returns what stood there, or b"".
        """
        digest, start = self._place(key)
        now = int(self._clock()) & 0xFFFFFFFF
        fcntl.lockf(self._file, fcntl.LOCK_EX, _BUCKET, start)
        try:
            bucket = self._memory[start : start + _BUCKET]
            at = _find(bucket, digest)
            before = b"" if at is None else _value(bucket, at)
            if before in (b"", value, over):
                at = _room(bucket) if at is None else at
                _ROW.pack_into(self._memory, start + at, digest, value, now)
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _BUCKET, start)
        return before

    def remove(self, key: bytes, value: bytes) -> None:
        """Remove ``key`` if ``value`` is what stands there."""
        digest, start = self._place(key)
        fcntl.lockf(self._file, fcntl.LOCK_EX, _BUCKET, start)
        try:
            bucket = self._memory[start : start + _BUCKET]
            at = _find(bucket, digest)
            if at is not None and _value(bucket, at) == value:
                self._memory[start + at : start + at + _ROW.size] = _EMPTY
        finally:
            fcntl.lockf(self._file, fcntl.LOCK_UN, _BUCKET, start)

    def close(self) -> None:
        """Let go of the file."""
        self._memory.close()
        os.close(self._file)

    def _place(self, key: bytes) -> tuple[bytes, int]:
        digest = hashlib.blake2b(key, digest_size=16).digest()
        return digest, int.from_bytes(digest[:4], "little") % self._buckets * _BUCKET


def _find(bucket: bytes, digest: bytes) -> int | None:
    """Where the row of ``digest`` begins."""
    at = bucket.find(digest)
    while at > 0 and at % _ROW.size:  # octets of two rows that look like it
        at = bucket.find(digest, at + 1)
    return None if at < 0 else at


def _value(bucket: bytes, at: int) -> bytes:
    return bucket[at + 16 : at + 16 + VALUE].rstrip(b"\0")


def _room(bucket: bytes) -> int:
    """An empty row, else the oldest."""

    rows = range(0, _BUCKET, _ROW.size)
    for at in rows:
        if bucket[at : at + _ROW.size] == _EMPTY:
            return at
    return min(rows, key=lambda at: _ROW.unpack_from(bucket, at)[2])
