"""The file server: a folder with room, an address that devices can use, files that are there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from acs.cli.database import as_it_is, file_of
from acs.files.folder import Folder
from acs.settings import Settings, split_address
from acs.store import files
from erp_bridge.schema import Finding, Level

_LEAST_FREE = 500_000_000
_ANYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - compared, not listened on


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the folder, the address and the catalogue; little is said while it is off."""
    wanted = settings.files
    if not (wanted.listen or wanted.tls_listen):
        yield Finding(Level.OK, "files.listen is off: no firmware is served, no file taken")
        return
    yield from _folder(settings)
    yield from _address(settings)
    yield from _catalogue(settings)


def _folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.files_folder
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(
            Level.ERROR,
            f"files.folder: {folder} cannot be written by this user",
            f"Make it writable for the server's user: chown {there}, or set another folder",
        )
        return
    free = shutil.disk_usage(there).free
    text = f"{free / 1e9:.1f} GB free for files.folder {folder}"
    if free < _LEAST_FREE:
        yield Finding(Level.WARNING, f"Only {text}", "Make room; lower files.keep_days")
    else:
        yield Finding(Level.OK, text)


def _address(settings: Settings) -> Iterator[Finding]:
    wanted = settings.files
    if not wanted.url:
        host, _port = split_address(wanted.listen or wanted.tls_listen)
        if host in _ANYWHERE:
            yield Finding(
                Level.ERROR,
                "files.url is not set: devices cannot be told where the file server is",
                'Set it to the address they reach, like files.url = "http://acs.example.net:7548"',
            )
        else:
            yield Finding(Level.OK, f"Devices are sent to {host}, the address of files.listen")
        return
    url = urlsplit(wanted.url)
    if url.scheme == "https" and not wanted.tls_listen:
        yield Finding(
            Level.WARNING,
            "files.url is https, but files.tls_listen is off",
            "Right behind a proxy that ends TLS; else set files.tls_listen",
        )
    if _is_loopback(url.hostname or ""):
        yield Finding(
            Level.WARNING,
            f"files.url names {url.hostname}, which no device can reach",
            "Name the address by which devices reach this server",
        )
        return
    yield Finding(Level.OK, f"Devices are sent to {wanted.url}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.casefold() == "localhost"


def _catalogue(settings: Settings) -> Iterator[Finding]:
    database_file = file_of(settings)
    if database_file is not None and not database_file.exists():
        return
    folder = Folder(settings.files_folder)
    with as_it_is(settings) as database, database.read() as conn:
        found = files.list_thd(conn)
    lost = []
    for file in found:
        try:
            if folder.size(file.sha256) != file.size:
                lost.append(file.name)
        except OSError:
            lost.append(file.name)
    if lost:
        yield Finding(
            Level.ERROR,
            f"Not as they were in {folder.root}: {', '.join(lost)}",
            "acs file verify tells more; remove them and add them again",
        )
    else:
        yield Finding(Level.OK, f"All files of the catalogue are there ({len(found)})")
