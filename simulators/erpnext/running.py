"""The simulator in a process of its own, for tests that need a real address."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import IO, Any, Protocol

import requests

START_LIMIT = 60.0
"""Seconds a start may take, seeding included."""


class RunningSimulator:
    """The address of a running simulator, and its controls."""

    def __init__(self, url: str) -> None:
        self.url = url

    def state(self) -> dict[str, Any]:
        """Return what ``GET /__sim__/state`` shows."""
        return self._control("GET", "state")

    def order(self, kind: str, **fault: Any) -> None:
        """Put a fault in force; see `simulators.erpnext.faults.Fault`."""
        self._control("POST", "faults", {"kind": kind, **fault})

    def clear_faults(self) -> None:
        """Take back all faults."""
        self._control("DELETE", "faults")

    def pause(self) -> None:
        """Stop answering; requests wait."""
        self._control("POST", "pause")

    def resume(self) -> None:
        """Answer again, first those who waited."""
        self._control("POST", "resume")

    def reset(self) -> None:
        """Go back to the state of the start."""
        self._control("POST", "reset")

    def save(self, doctype: str, name: str, **fields: Any) -> dict[str, Any]:
        """Save a document as a person at the desk does; return it."""
        return self._control("POST", "set", {"doctype": doctype, "name": name, "fields": fields})

    def create(self, doctype: str, name: str = "", **fields: Any) -> dict[str, Any]:
        """Create a document as a person at the desk does; return it."""
        act = {"doctype": doctype, "name": name, "fields": fields, "action": "create"}
        return self._control("POST", "set", act)

    def overwrite(self, doctype: str, name: str, *, touch: bool = False, **fields: Any) -> None:
        """Change a row as SQL does: nobody is told, ``modified`` stays unless ``touch``."""
        row = {"doctype": doctype, "name": name, "fields": fields, "touch": touch}
        self._control("POST", "sql", row)

    def set_clock(self, *, zone: str | None = None, shift: float | None = None) -> None:
        """Change the time zone; put the clock ``shift`` seconds ahead."""
        self._control("POST", "clock", {"zone": zone, "shift": shift})

    def webhooks(self, **states: Any) -> dict[str, Any]:
        """Set ``redis``, ``worker``, ``limit`` or ``flush``; show what waits and what was."""
        return self._control("POST", "webhooks", states)

    def twist(self, kind: str, **fault: Any) -> None:
        """Lose, double, delay or mix webhooks; see `simulators.erpnext.queueing.WebhookFault`."""
        self._control("POST", "webhooks/faults", {"kind": kind, **fault})

    def clear_twists(self) -> None:
        """Let webhooks go their way again, also those held back."""
        self._control("DELETE", "webhooks/faults")

    def _control(self, method: str, action: str, body: Any = None) -> dict[str, Any]:
        answer = requests.request(method, f"{self.url}/__sim__/{action}", json=body, timeout=60)
        answer.raise_for_status()
        state: dict[str, Any] = answer.json()
        return state


class Process(Protocol):
    """What is needed of `subprocess.Popen`."""

    stdout: IO[str] | None

    def terminate(self) -> None:
        """Ask it to end."""

    def kill(self) -> None:
        """End it."""

    def wait(self) -> int:
        """Wait until it ended; its exit code."""


def start_alone(*arguments: str) -> Process:
    """Start ``erpnext-sim`` in an interpreter of its own."""
    command = [sys.executable, "-m", "simulators.erpnext", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own


@contextmanager
def running_simulator(
    *options: str, start: Callable[..., Process] = start_alone
) -> Iterator[RunningSimulator]:
    """Run ``erpnext-sim serve`` on a free loopback port while the context lasts.

    ``options`` are further options of the command, ``start`` starts it with its arguments and its
    output to be read.  Raises `RuntimeError` when it does
    not come up.
    """
    process = start("serve", "--listen", "127.0.0.1:0", *options)
    watchdog = Timer(START_LIMIT, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        lines = (line.split() for line in process.stdout)
        url = next((words[1] for words in lines if words[0] == "listening"), None)
        watchdog.cancel()
        if url is None:
            raise RuntimeError(f"erpnext-sim ended with {process.wait()} before it listened")
        yield RunningSimulator(url)
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
