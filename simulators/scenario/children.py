"""Programs a scenario starts, talks with in lines, watches, and ends by their id."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

START_SECONDS = 60.0
STOP_SECONDS = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ChildError(RuntimeError):
    """A program did not start, or ended with an error; the text has the end of what it said."""


class Child:
    """One program. Its errors go to a file in ``folder``; it ends with `stop` or `kill`."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environ: Mapping[str, str],
        ready: str,
        merged: bool = False,
    ) -> None:
        """Start it and wait for a line that has ``ready`` in it. Raises `ChildError`.

        ``merged`` True: the line is looked for on standard error too.
        """
        self.name = Path(command[0]).name
        self._errors = folder / f"{self.name}.err"
        with self._errors.open("ab") as errors:
            self._process: subprocess.Popen[str] = subprocess.Popen(  # noqa: S603 - our own
                dying_with_us(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merged else errors,
                text=True,
                errors="replace",
                env=dict(environ),
                cwd=folder,
                start_new_session=True,  # Ctrl-C is for us, who end the programs in order
            )
        assert self._process.stdout is not None
        self._lines = self._process.stdout
        try:
            self.first_line = self._await(ready)
        except BaseException:
            self.kill()
            raise
        # What else it says is read away, so that a full pipe cannot hold it up.
        threading.Thread(target=self._read_away, daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.poll()

    @property
    def errors(self) -> str:
        """The end of what it said on standard error."""
        return self._errors.read_text("utf-8", "replace")[-2000:] if self._errors.exists() else ""

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it as an operator does; kill it when it takes too long."""
        if self.ended is None:
            self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it without a chance to put anything in order."""
        if self.ended is None:
            self._kill_all()
        self._process.wait()

    def _kill_all(self) -> None:
        """Kill it and what it started: a worker that is left would hold its port, and our pipe."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def _await(self, ready: str) -> str:
        late = threading.Timer(START_SECONDS, self._kill_all)
        late.start()
        said = ""
        try:
            for line in self._lines:
                if ready in line:
                    return line.strip()
                said = (said + line)[-2000:]
        finally:
            late.cancel()
        raise ChildError(f"{self.name} did not start:\n{said}{self.errors}")

    def _read_away(self) -> None:
        with self._lines as lines:
            for _ in lines:
                pass


def dying_with_us(command: Sequence[str]) -> list[str]:
    """Return ``command`` so that the kernel ends it when our process is no more.

    For a run that is killed: it cannot end anything itself. Without util-linux it is left as it is.
    """
    bound = shutil.which("setpriv")
    return [bound, "--pdeathsig=TERM", *command] if bound else [*command]


def beside(name: str) -> str:
    """Return the path of a command of this installation."""
    return str(Path(sys.executable).with_name(name))


class Usage(NamedTuple):
    """What a process and those below it use: octets of memory, CPU-seconds so far."""

    rss: int
    cpu: float


def usage(pid: int) -> Usage:
    """Measure a process and all below it (proc(5)); nothing for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        below = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return Usage(0, 0.0)
    others = [usage(child) for child in below]
    return Usage(
        int(fields[21]) * _PAGE + sum(other.rss for other in others),
        sum(map(int, fields[11:15])) / _TICKS + sum(other.cpu for other in others),
    )


def octets(folder: Path) -> int:
    """Octets of all files in a folder and below."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).stat().st_size
            except OSError:
                continue  # it was turned over meanwhile
    return total
