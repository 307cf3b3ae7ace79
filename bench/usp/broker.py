"""The Mosquitto of a run: set up as the server's own, in a process that is no part of it."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from acs.model import Secret
from acs.usp.mqtt.broker import BrokerError, find_programs
from acs.usp.mqtt.mosquitto import (
    ACCOUNTS,
    CONTROLLER,
    BrokerFiles,
    BrokerOptions,
    accounts,
    acl,
    configuration,
)
from bench.place import BOOTSTRAP
from bench.processes import BenchError, Program, cpu_seconds

PREFIX = "usp/v1"
"""What topics of the server begin with."""
ECHO_PREFIX = "usp/echo"
_BOTH = "usp"
_START_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Mosquitto:
    """A running broker, and the account that may use all topics of both prefixes."""

    port: int
    username: str
    password: str
    pid: int

    @property
    def settings(self) -> Mapping[str, str]:
        """What the server is told of it."""
        return {
            "ACS_MQTT_BROKER": f"mqtt://127.0.0.1:{self.port}",
            "ACS_MQTT_USERNAME": self.username,
            "ACS_MQTT_PASSWORD": self.password,
            "ACS_MQTT_TOPIC": PREFIX,
        }

    def cpu(self) -> float:
        """CPU-seconds so far."""
        return cpu_seconds(self.pid)


@contextmanager
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    """Run Mosquitto in ``folder``, which is made. Raises `BenchError`."""
    folder.mkdir(mode=0o700)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    try:
        programs = find_programs()
    except BrokerError as error:
        raise BenchError(str(error)) from None
    options = BrokerOptions(
        port=port,
        topic=_BOTH,
        bootstrap_username=BOOTSTRAP[0],
        bootstrap_password=Secret(BOOTSTRAP[1]),
    )
    files = BrokerFiles(str(folder), programs.plugin)
    passwords = {name: secrets.token_urlsafe(24) for name in (CONTROLLER, ACCOUNTS)}
    salts = iter(lambda: secrets.token_bytes(12), b"")
    user = "root" if os.geteuid() == 0 else "mosquitto"
    for path, text in (
        (files.accounts, json.dumps(accounts({}, options, passwords, salts))),
        (files.acl, acl(PREFIX)),
        (files.configuration, configuration(options, files, user=user)),
    ):
        Path(path).touch(0o600)
        Path(path).write_text(text, encoding="utf-8")
    with Program(programs.mosquitto, "-c", files.configuration, folder=folder) as program:
        _await(port)
        yield Mosquitto(port, CONTROLLER, passwords[CONTROLLER], program.pid)


def _await(port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
        except OSError as error:
            if time.monotonic() > until:
                raise BenchError(f"Mosquitto did not start: {error}") from None
            time.sleep(0.05)
        else:
            return
