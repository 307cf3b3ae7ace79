"""Listening addresses: free, or served by us."""

from __future__ import annotations

import errno
import socket
from collections.abc import Generator, Iterator

import requests

from acs.cli.doctor.usp import brings_a_broker
from acs.settings import Settings, split_address
from erp_bridge.schema import Finding, Level

_SECONDS = 2.0


def check(settings: Settings) -> Iterator[Finding]:
    """Ask our own health page, then look at each address."""
    runs = yield from _health(settings.admin.listen)
    addresses = {
        "cwmp.listen": settings.cwmp.listen,
        "cwmp.tls_listen": settings.cwmp.tls_listen,
        "files.listen": settings.files.listen,
        "files.tls_listen": settings.files.tls_listen,
        "websocket.listen": settings.websocket.listen,
        "websocket.tls_listen": settings.websocket.tls_listen,
        "api.listen": settings.api.listen,
        "api.tls_listen": settings.api.tls_listen,
        "admin.listen": settings.admin.listen,
    }
    if brings_a_broker(settings):
        addresses["mqtt.listen"] = settings.mqtt.listen
        addresses["mqtt.tls_listen"] = settings.mqtt.tls_listen
    for name, address in addresses.items():
        if address:
            yield from _address(name, address, runs)
    if settings.stun.listen:
        yield from _address("stun.listen", settings.stun.listen, runs, socket.SOCK_DGRAM)


def _health(address: str) -> Generator[Finding, None, bool | None]:
    """Tell whether our server runs; None: it cannot be told."""
    if not address:
        return None
    host, port = split_address(address)
    try:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(
                f"http://{_reachable(host)}:{port}/health", timeout=_SECONDS, allow_redirects=False
            )
            report = answer.json()
            status, parts = report["status"], report["parts"].items()
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError):
        return False
    if status == "ok":
        yield Finding(Level.OK, "The server runs, and says that all is well")
    for name, part in parts:
        if part["state"] != "ok":
            level = Level.ERROR if part["state"] == "down" else Level.WARNING
            text = f"The running server says that {name} is {part['state']}: {part['detail']}"
            yield Finding(level, text, f"See the log, and what is said of {name} here")
    return True


def _address(
    name: str,
    address: str,
    runs: bool | None,
    kind: socket.SocketKind = socket.SOCK_STREAM,
) -> Iterator[Finding]:
    host, port = split_address(address)
    taken = _bind_error(host, port, kind) if port else 0
    if taken == 0:
        if runs:
            yield Finding(
                Level.WARNING,
                f"{name}: the server runs, but not on {address}",
                "Restart it: it was started with other settings",
            )
        else:
            yield Finding(Level.OK, f"{name}: {address} is free; the server does not run")
    elif taken == errno.EADDRINUSE and runs:
        yield Finding(Level.OK, f"{name}: {address} is served")
    elif taken == errno.EADDRINUSE and runs is None:
        yield Finding(
            Level.WARNING,
            f"{name}: {address} is in use; by whom cannot be told while admin.listen is off",
            "If acs serve does not run, find the other program: ss -lntup",
        )
    elif taken == errno.EADDRINUSE:
        yield Finding(
            Level.ERROR,
            f"{name}: {address} is taken by another program",
            "Find it (ss -lntup) and stop it, or listen elsewhere",
        )
    else:
        yield Finding(
            Level.ERROR,
            f"{name}: cannot listen on {address}: {errno.errorcode.get(taken, taken)}",
            "Name an address of this machine, and a port above 1023",
        )


def _bind_error(host: str, port: int, kind: socket.SocketKind) -> int:
    """Try to listen as the server would; the error number, or 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno or errno.EINVAL
    return 0


def _reachable(host: str) -> str:
    """Where to call for an address that may stand for all of the machine's."""
    match host:
        case "0.0.0.0" | "":  # noqa: S104 - read, not listened on
            return "127.0.0.1"
        case "::":
            return "[::1]"
        case _:
            return f"[{host}]" if ":" in host else host
