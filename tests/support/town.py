"""A town of simulated ONTs in one process: they are called, and call, and tell what was done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from running_acs import BOOTSTRAP, RunningAcs

from simulators.erpnext.seeding import FIRST_BULK_NUMBER, bulk_serial

SEASON = 1000.0
"""Life goes so much faster in the town."""
WRITES = frozenset({"SetParameterValues", "SetParameterAttributes", "AddObject", "DeleteObject"})


class Town:
    """``count`` ONTs of the generated customers of the stand-in; the n-th is that of the n-th.

    They call when they are switched on, and when they are asked to; not by themselves.
    """

    def __init__(self, acs: RunningAcs, count: int, folder: Path) -> None:
        self.count = count
        self._acs = acs
        self._folder = folder
        self._states = folder / "states"
        self._told = folder / "told"
        self._process: subprocess.Popen[bytes] | None = None

    def switch_on(self) -> None:
        """Have all of them call; a second time they are what they were before the power cut."""
        arguments = {
            "--acs": self._acs.url,
            "--model": "tplink-a-xx230v",
            "--count": str(self.count),
            "--serial": serial(1),
            "--mac": "1C:61:B6:00:00:10",
            "--username": BOOTSTRAP[0],
            "--periodic": str(3600 * SEASON),
            "--time-scale": str(1 / SEASON),
            "--listen": "127.0.0.1",
            "--state-dir": str(self._states),
        }
        program = Path(sys.executable).with_name("cpe-sim")
        with self._told.open("ab") as told:
            self._process = subprocess.Popen(
                [str(program), "run", "--json", *(w for pair in arguments.items() for w in pair)],
                env={**os.environ, "CPE_SIM_PASSWORD": BOOTSTRAP[1]},
                stdout=told,
                stderr=subprocess.STDOUT,
            )

    def switch_off(self) -> None:
        """Cut the power."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(30)

    def shows(self, n: int, path: str) -> str:
        """What the n-th really holds, as it was after its last session."""
        found = [json.loads(file.read_text()) for file in self._states.glob(f"*{serial(n)}.json")]
        return str(found[0]["tree"]["values"].get(path, "")) if found else ""

    def told(self, n: int, kind: str) -> list[dict[str, Any]]:
        """What the n-th told of itself, one kind."""
        whole = self._told.read_text("utf-8").rpartition("\n")[0]
        mine = (json.loads(line) for line in whole.splitlines() if serial(n) in line)
        return [line for line in mine if line["event"] == kind]

    def writes(self, n: int) -> int:
        """Requests to the n-th that change something in it."""
        return sum(rpc["method"] in WRITES for rpc in self.told(n, "rpc"))


def serial(n: int) -> str:
    """Serial number of the n-th."""
    return bulk_serial(n)


def equipment(n: int) -> str:
    """Name of its equipment."""
    return f"EQP-{FIRST_BULK_NUMBER + n - 1}"


@contextmanager
def town(acs: RunningAcs, count: int, folder: Path) -> Iterator[Town]:
    """Build a town; it is dark."""
    built = Town(acs, count, folder)
    try:
        yield built
    finally:
        built.switch_off()
