"""Processes of a run: started with a ready line, weighed by the kernel, stopped by their id."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from simulators.scenario.children import dying_with_us

START_SECONDS = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(RuntimeError):
    """Something did not start, did not answer, or answered wrong."""


def family(pid: int) -> Iterator[Path]:
    """Process ``pid`` and all processes below it, as directories of proc(5)."""
    place = Path(f"/proc/{pid}")
    yield place
    for thread in _listed(place / "task"):
        for child in _read(thread / "children").split():
            yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """CPU time of process ``pid``, all threads, and of all processes below it."""
    ticks = 0
    for member in family(pid):
        fields = _read(member / "stat").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / _TICKS


def memory_kib(pid: int) -> float:
    """Resident memory of ``pid`` and all processes below it; what they share counts once."""
    return float(
        sum(
            int(line.split()[1])
            for member in family(pid)
            for line in _read(member / "smaps_rollup").splitlines()
            if line.startswith("Pss:")
        )
    )


def _read(path: Path) -> str:
    """Nothing for a process that has ended meanwhile: its parent has its time by then."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _listed(path: Path) -> list[Path]:
    try:
        return list(path.iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return []


class Program:
    """One child process that talks in lines. A context manager that stops it."""

    def __init__(
        self, *command: str, folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self._name = " ".join(command[1:])
        self._errors = folder / f"{Path(command[-1]).name.strip('-')}.err"
        self._heard = b""
        with self._errors.open("ab") as errors:
            self._child = subprocess.Popen(
                dying_with_us(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=Path(__file__).parents[1],
                env=None if environ is None else dict(environ),
                bufsize=0,
            )

    @property
    def pid(self) -> int:
        """Its process."""
        return self._child.pid

    def say(self, line: bytes) -> None:
        """Write a line to it."""
        assert self._child.stdin is not None
        data = line + b"\n"
        while data:
            data = data[self._child.stdin.write(data) or 0 :]

    def close_input(self) -> None:
        """Let its standard input end."""
        assert self._child.stdin is not None
        self._child.stdin.close()

    def hear(self, seconds: float) -> str:
        """Its next line. Raises `BenchError` when it says none in time, with what it complained."""
        assert self._child.stdout is not None
        until = time.monotonic() + seconds
        while b"\n" not in self._heard:
            left = max(until - time.monotonic(), 0.0)
            if not select.select([self._child.stdout], [], [], left)[0]:
                raise self._mute(seconds)
            data = os.read(self._child.stdout.fileno(), 1 << 20)
            if not data:
                raise self._mute(seconds)
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode().strip()

    def hear_of(self, word: str, seconds: float) -> str:
        """Its next line that begins with ``word``."""
        until = time.monotonic() + seconds
        while not (line := self.hear(max(until - time.monotonic(), 0.0))).startswith(word):
            pass
        return line

    def stop(self) -> None:
        """End it and wait for it."""
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(20)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()

    def _mute(self, seconds: float) -> BenchError:
        tail = self._errors.read_text(errors="replace")[-2000:]
        return BenchError(f"{self._name} said nothing within {seconds:.0f} s or ended\n{tail}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
