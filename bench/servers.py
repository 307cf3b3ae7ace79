"""The servers that are measured: ``acs serve`` as people run it, and the echo."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench.certificate import Certificate
from bench.processes import START_SECONDS, Program, cpu_seconds, memory_kib


class Server:
    """A running server process, where it listens on loopback, and what it costs.

    ``beside`` gives CPU-seconds that are spent for it elsewhere, as by a database.
    """

    def __init__(
        self,
        program: Program,
        port: int,
        tls_port: int,
        beside: Callable[[], float],
        api_port: int = 0,
    ) -> None:
        self._program = program
        self._beside = beside
        self.port = port
        self.tls_port = tls_port
        self.api_port = api_port
        """Of the northbound interface; 0: it has none."""

    def cpu(self) -> float:
        """CPU-seconds so far."""
        return cpu_seconds(self._program.pid) + self._beside()

    def memory(self) -> float:
        """KiB of memory it holds now."""
        return memory_kib(self._program.pid)

    def settle(self, patience: float = 5.0) -> float:
        """Wait until it rests, what it writes behind included; return its CPU-seconds."""
        before, until = self.cpu(), time.monotonic() + patience
        while time.monotonic() < until:
            time.sleep(0.25)  # longer than posts wait in the store
            now = self.cpu()
            if now - before < 0.02:
                return now
            before = now
        return before


def echo(folder: Path, certificate: Certificate) -> AbstractContextManager[Server]:
    """Run the echo."""
    files = (str(certificate.certificate), str(certificate.key))
    command = (sys.executable, "-m", "bench.echo", *files)
    return _running(*command, folder=folder, environ=plain_environ())


def acs(
    folder: Path, environ: Mapping[str, str], beside: Callable[[], float], workers: int
) -> AbstractContextManager[Server]:
    """Run the server by the `acs` command."""
    command = [str(Path(sys.executable).with_name("acs")), "serve", "--ready"]
    if workers > 1:
        command += ["--workers", str(workers)]
    return _running(*command, folder=folder, environ=environ, beside=beside)


def plain_environ() -> dict[str, str]:
    """Our environment without anybody's settings."""
    return {name: text for name, text in os.environ.items() if not name.startswith("ACS_")}


@contextmanager
def _running(
    *command: str,
    folder: Path,
    environ: Mapping[str, str],
    beside: Callable[[], float] = lambda: 0.0,
) -> Iterator[Server]:
    with Program(*command, folder=folder, environ=environ) as program:
        where = json.loads(program.hear_of("{", START_SECONDS))
        ports = [_port(where.get(name, "0")) for name in ("http", "https", "api")]
        yield Server(program, ports[0], ports[1], beside, ports[2])


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])
