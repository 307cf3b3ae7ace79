"""Each habit and each dialect of the simulated units, tried against the running server."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from acs_fixtures import StartAcs
from certificates import Certificates
from running_acs import BOOTSTRAP, RunningAcs

from simulators.cpe import Identity, Ont, SessionReport
from simulators.cpe.blocking import Client
from simulators.cpe.dialect import DIALECTS, Dialect
from simulators.cpe.habits import HABITS, compose

NUMBERS = itertools.count(1)
ENOUGH = 4
"""Sessions after which a client that cannot read a declaration must be understood."""


@pytest.fixture(scope="module")
def server(start_acs: StartAcs) -> RunningAcs:
    return start_acs()


def new_unit(spoken: Dialect, model: str = "generic-tr181") -> Ont:
    number = next(NUMBERS)
    identity = Identity("A4B1C2", "Gateway2", f"HAB{number:06d}", f"A4:B1:C2:00:{number:02X}:00")
    # A value outside ASCII in each Inform, for those who write it as itself.
    factory = {"Device.DeviceInfo.ProvisioningCode": "Québec"}
    return Ont(
        model,
        identity,
        username=BOOTSTRAP[0],
        password=BOOTSTRAP[1],
        dialect=spoken,
        factory=factory,
    )


def calls(server: RunningAcs, unit: Ont, sessions: int = ENOUGH) -> list[SessionReport]:
    client = Client(server.url, unit, timeout=30)
    reports: list[SessionReport] = []
    while not (reports and reports[-1].complete) and len(reports) < sessions:
        reports.append(client.session())
    return reports


GOES = {"refuses-declaration", "netcwmp", "orange", "closes-at-unknown"}
"""What ends a session or two before its time: the server learns, or the unit just goes."""


@pytest.mark.parametrize("name", [*DIALECTS, *HABITS])
def test_the_server_serves_a_unit_that_speaks_so(server: RunningAcs, name: str) -> None:
    spoken = DIALECTS[name] if name in DIALECTS else compose("generic", (name,))
    unit = new_unit(spoken)
    reports = calls(server, unit)
    last = reports[-1]
    assert last.complete, last
    assert len(reports) == 1 or name in GOES, reports
    assert last.informed
    device = server.device(unit.identity.serial)
    assert device.software == "5.1.0"
    assert device.mac == unit.identity.mac.replace(":", "")


@pytest.mark.parametrize("name", ["chunked", "gzip", "deflate", "cookie-path", "other-prefixes"])
def test_a_tplink_unit_may_have_any_habit_too(server: RunningAcs, name: str) -> None:
    unit = new_unit(compose("tplink", (name,)), "tplink-a-xx230v")
    [report] = calls(server, unit)
    assert report.complete, report
    assert server.device(unit.identity.serial).model == "XX230v"


def test_a_unit_thinks_before_it_answers_and_calls_with_a_certificate(
    start_acs: StartAcs, certificates: Certificates, tmp_path: Path
) -> None:
    """The certificate names the unit, so that no password is asked for."""
    tls = start_acs(
        CWMP_TLS_LISTEN="127.0.0.1:0",
        CWMP_TLS_CERTIFICATE=str(certificates.server),
        CWMP_TLS_KEY=str(certificates.server_key),
        CWMP_TLS_CLIENT_CA=str(certificates.authority),
    )
    serial = f"HAB{next(NUMBERS):06d}"
    certificate, key = certificates.issue(f"A4B1C2-{serial}")
    told = tmp_path / "told"
    with told.open("w") as output:
        subprocess.run(
            [
                *(sys.executable, "-c", "from simulators.cpe.cli import main; main()", "run"),
                *("--acs", tls.https_url, "--model", "generic-tr181", "--serial", serial),
                *("--mac", "A4:B1:C2:00:00:01", "--ca-file", str(certificates.authority)),
                *("--certificate", str(certificate), "--key", str(key), "--gzip"),
                *("--think", "0.01", "--max-sessions", "1", "--json"),
            ],
            stdout=output,
            check=True,
            timeout=60,
        )
    events = [json.loads(line) for line in told.read_text().splitlines()]
    [end] = [event for event in events if event["event"] == "session-end"]
    assert (end["end"], end["authentication"]) == ("complete", "none")
    assert tls.device(serial).serial_number == serial
