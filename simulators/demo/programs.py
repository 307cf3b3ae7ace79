"""The programs of the demonstration: started one by one, ended together."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

START_LIMIT = 60.0
"""Seconds a program may take to come up."""


class PlayError(RuntimeError):
    """A program did not come up, ended before its time, or what it was to do did not happen."""


class Programs:
    """What runs; ``folder`` takes what the programs say of themselves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = dict(os.environ)
        """What every program is told."""
        self._running: dict[str, subprocess.Popen[str]] = {}
        """By what they are, in the order they were started."""

    def start(
        self, command: list[str], name: str = "", **environment: str
    ) -> subprocess.Popen[str]:
        """Start a program of this installation, called ``name`` if not as it is."""
        with (self.folder / "programs.log").open("a") as log:
            program = subprocess.Popen(  # noqa: S603 - our own programs
                [_beside(command[0]), *command[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self.environment | environment,
                start_new_session=True,  # Ctrl-C is for us, who end them in order
            )
        self._running[name or command[0]] = program
        return program

    def first(self, program: subprocess.Popen[str], prefix: str) -> str:
        """Wait for the first line that begins with ``prefix``. Raises `PlayError`."""
        assert program.stdout is not None
        late = threading.Timer(START_LIMIT, program.kill)
        late.start()
        try:
            for line in program.stdout:
                if line.startswith(prefix):
                    return line.strip()
        finally:
            late.cancel()
        told = (self.folder / "programs.log").read_text()[-2000:]
        raise PlayError(f"a program of the demonstration did not start:\n{told}")

    def order(self, name: str, line: str) -> None:
        """Write a line to a program's standard input."""
        stdin = self._running[name].stdin
        assert stdin is not None
        stdin.write(f"{line}\n")
        stdin.flush()

    def check(self) -> None:
        """Raise `PlayError` when a program has ended."""
        for name, program in self._running.items():
            if program.poll() is not None:
                raise PlayError(f"{name} ended before its time; see {self.folder}")

    def wait(self, name: str) -> None:
        """Wait until that program ends."""
        while self._running[name].poll() is None:
            time.sleep(0.5)

    def stop(self) -> None:
        """End all of them, the last one first."""
        for program in reversed(self._running.values()):
            program.terminate()
        for program in reversed(self._running.values()):
            try:
                program.wait(15)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()

    def acs(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run an ``acs`` command; ``environment`` is for it alone."""
        return subprocess.run(  # noqa: S603 - our own program
            [_beside("acs"), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self.environment | environment,
        )

    def ask(self, *words: str, **environment: str) -> Any:
        """What an ``acs`` command says, as its JSON. Raises `PlayError`."""
        asked = self.acs(*words, "--json", **environment)
        if not asked.stdout:  # Differences are no failure, and told by the status.
            raise PlayError(f"acs {' '.join(words)}: {asked.stderr}")
        return json.loads(asked.stdout)

    def ask_all(self, *commands: Sequence[str]) -> list[Any]:
        """What several ``acs`` commands say, asked at the same time. Raises `PlayError`."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda words: self.ask(*words), commands))


def _beside(name: str) -> str:
    """A command of this installation."""
    return str(Path(sys.executable).with_name(name))


def free_port(wanted: int) -> int:
    """The usual port, or any free one when it is taken."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", wanted))
        except OSError:
            trial.close()
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                return int(other.getsockname()[1])
        return wanted
