"""A simulated ONT in a process of its own, as an operator would start one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.record import Device


@contextmanager
def calling_ont(acs: RunningAcs, serial: str) -> Iterator[Device]:
    """Let an XX230v call ``acs`` all the time; the device is as it stands after its first call."""
    program = Path(sys.executable).with_name("cpe-sim")
    arguments = {
        "--acs": acs.url,
        "--model": "tplink-a-xx230v",
        "--serial": serial,
        "--username": BOOTSTRAP[0],
        "--periodic": "100",
        "--time-scale": "0.003",
    }
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [str(program), "run", *(word for pair in arguments.items() for word in pair)],
            env={**os.environ, "CPE_SIM_PASSWORD": BOOTSTRAP[1]},
            stdout=said,
            stderr=said,
        )
        try:
            yield wait_for("the ONT to call", lambda: acs.find(serial))
        finally:
            process.terminate()
            process.wait(30)
