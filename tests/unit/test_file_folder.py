"""The folder of files: whole files or nothing, and nothing of devices in clear."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from acs.files.body import Body
from acs.files.folder import Folder
from acs.files.sealed import open_file, seal_file
from acs.store.errors import VaultError

DAY = 86_400


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "files")
    made.prepare()
    return made


def everything(folder: Folder) -> list[Path]:
    return [path for path in folder.root.rglob("*") if path.is_file()]


def test_a_file_is_called_by_its_checksum_and_private(folder: Folder, tmp_path: Path) -> None:
    source = tmp_path / "image.bin"
    source.write_bytes(b"firmware" * 300_000)
    told: list[int] = []
    digest, size = folder.add(source, told.append)
    assert (digest, size) == (sha256(source.read_bytes()).hexdigest(), 2_400_000)
    assert told[-1] == size
    assert len(told) > 1
    (path,) = everything(folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with folder.open(digest) as reading:
        assert reading.read(8) == b"firmware"
    assert folder.digest(digest) == (digest, size)
    assert folder.size(digest) == size


def test_a_copy_that_fails_leaves_nothing(folder: Folder, tmp_path: Path) -> None:
    source = tmp_path / "image.bin"
    source.write_bytes(b"x" * 10)

    def fails(_octets: int) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        folder.add(source, fails)
    assert everything(folder) == []


def test_what_a_device_sent_is_not_on_disk_in_clear(folder: Folder) -> None:
    content = b"pppoe password: erable-47"
    folder.keep("0a1b", seal_file(b"k" * 32, "0a1b", content))
    (path,) = everything(folder)
    assert b"erable" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_file(b"k" * 32, "0a1b", folder.kept("0a1b")) == content
    with pytest.raises(VaultError):
        open_file(b"q" * 32, "0a1b", folder.kept("0a1b"))
    with pytest.raises(VaultError):
        open_file(b"k" * 32, "other", folder.kept("0a1b"))


def test_what_nobody_knows_is_swept_after_a_day(folder: Folder) -> None:
    for name in ("known", "stray", "young"):
        folder.keep(name, b"x")
    now = (folder.root / "uploads" / "young").stat().st_mtime
    for name in ("known", "stray"):
        os.utime(folder.root / "uploads" / name, (now - 2 * DAY, now - 2 * DAY))
    assert folder.sweep(["known"], now) == 1
    assert sorted(path.name for path in everything(folder)) == ["known", "young"]


def test_catalogued_files_are_never_swept(folder: Folder, tmp_path: Path) -> None:
    source = tmp_path / "image.bin"
    source.write_bytes(b"x")
    digest, _ = folder.add(source)
    assert folder.sweep([], 10**12) == 0
    assert folder.size(digest) == 1


def test_to_drop_what_is_gone_is_no_error(folder: Folder) -> None:
    folder.drop("nothing")
    folder.remove("nothing")
    assert everything(folder) == []


def test_a_body_keeps_no_more_than_its_bound() -> None:
    body = Body(10)
    body.write(b"12345")
    body.write(b"67890")
    assert (body.content(), body.size, body.is_too_large) == (b"1234567890", 10, False)
    body.write(b"!")
    assert (body.content(), body.size, body.is_too_large) == (b"", 11, True)
