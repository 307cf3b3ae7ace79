"""Processes of a run: started with a ready line, timed by the kernel, stopped by their id."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bench.load import PATIENCE, Load, Tally

START_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(RuntimeError):
    """Something did not start, did not answer, or answered wrong."""


def cpu_seconds(pid: int) -> float:
    """CPU time of process ``pid``, all threads, and of all processes below it (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) / _TICKS  # utime, stime, cutime, cstime
    below = [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
    return own + sum(map(cpu_seconds, below))


class _Program:
    """One child process that talks in lines."""

    def __init__(self, *command: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._name = " ".join(command[1:])
        self._errors = folder / f"{Path(command[-1]).name.strip('-')}.err"
        with self._errors.open("ab") as errors:
            self._child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=Path(__file__).parents[1],
                env=dict(environ),
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    def say(self, line: bytes) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(line + b"\n")
        self._child.stdin.flush()

    def hear(self, seconds: float) -> str:
        """Its next line."""
        assert self._child.stdout is not None
        if select.select([self._child.stdout], [], [], seconds)[0]:
            line = self._child.stdout.readline()
            if line:
                return line.decode().strip()
        tail = self._errors.read_text(errors="replace")[-2000:]
        raise BenchError(f"{self._name} said nothing within {seconds:.0f} s or ended\n{tail}")

    def stop(self) -> None:
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()


class Server:
    """A server process, ``acs serve`` or the echo, on a loopback port of its own choice."""

    def __init__(self, *command: str, folder: Path, environ: Mapping[str, str]) -> None:
        self._program = _Program(*command, folder=folder, environ=environ)
        try:
            where = json.loads(self._program.hear(START_SECONDS))["http"]
        except BaseException:
            self._program.stop()
            raise
        self.port = int(where.rpartition(":")[2])

    def cpu(self) -> float:
        """CPU-seconds so far."""
        return cpu_seconds(self._program.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType
    ) -> None:
        self._program.stop()


class Player:
    """A load process. It warms its server up at once; await that with `ready`."""

    def __init__(self, load: Load, folder: Path) -> None:
        self._warm_up = load.warm_up
        self._program = _Program(
            sys.executable, "-m", "bench.load", folder=folder, environ=os.environ
        )
        try:
            self._program.say(msgspec.json.encode(load))
        except BaseException:
            self._program.stop()
            raise

    def ready(self) -> None:
        """Return when its server is warm. Raises `BenchError` when any answer was wrong."""
        said = self._program.hear(START_SECONDS + self._warm_up + 2 * PATIENCE)
        if said != "ready":
            raise BenchError(f"warm-up: {said}")

    def run(self, seconds: float) -> Tally:
        """Play for ``seconds``. Raises `BenchError` when any answer was wrong."""
        self._program.say(str(seconds).encode())
        tally = msgspec.json.decode(self._program.hear(seconds + 2 * PATIENCE), type=Tally)
        if tally.error:
            raise BenchError(f"after {tally.sessions} sessions: {tally.error}")
        return tally

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType
    ) -> None:
        self._program.stop()


def settle(server: Server, patience: float = 5.0) -> float:
    """Wait until ``server`` rests, what it writes behind included; return its CPU-seconds."""
    before, until = server.cpu(), time.monotonic() + patience
    while time.monotonic() < until:
        time.sleep(0.25)  # longer than posts wait in the store
        now = server.cpu()
        if now - before < 0.02:
            return now
        before = now
    return before
