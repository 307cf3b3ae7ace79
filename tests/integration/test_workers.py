"""Several workers on one port, as CPEs, the operator and a crash see them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from acs_fixtures import StartAcs
from certificates import Certificates
from raw_cpe import RawCpe, challenges
from running_acs import BOOTSTRAP, RunningAcs, wait_for

INFORMED = "InformResponse"


@pytest.fixture(scope="module")
def two(start_acs: StartAcs, certificates: Certificates) -> RunningAcs:
    """A server of two workers; each test may renew or kill them, but leaves two behind."""
    return start_acs(
        SERVER_WORKERS="2",
        SERVER_DRAIN_SECONDS="20",
        CWMP_SESSIONS_PER_MINUTE="100000",
        CWMP_TLS_LISTEN="127.0.0.1:0",
        CWMP_TLS_CERTIFICATE=str(certificates.server),
        CWMP_TLS_KEY=str(certificates.server_key),
        CWMP_TLS_CLIENT_CA=str(certificates.authority),
        FILES_LISTEN="127.0.0.1:0",
    )


def workers(acs: RunningAcs) -> dict[str, int]:
    """Process ids of the workers that serve, by name."""
    told = re.findall(
        r'event="worker (serves|died|ended)" worker=(\w+)(?: process=(\d+))?', acs.log
    )
    living: dict[str, int] = {}
    for event, name, process in told:
        if event == "serves":
            living[name] = int(process)
        else:
            living.pop(name, None)
    return living


@contextmanager
def alone(acs: RunningAcs, name: str) -> Iterator[None]:
    """Stop all other workers for a moment: new connections are this one's."""
    others = [process for other, process in workers(acs).items() if other != name]
    for process in others:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in others:
            os.kill(process, signal.SIGCONT)


def cpe_at(acs: RunningAcs, name: str, serial: str, cookie: str = "") -> RawCpe:
    """A CPE whose connection the worker ``name`` has; it was challenged already."""
    cpe = RawCpe(acs.port(), serial, cookie=cookie)
    with alone(acs, name):
        assert cpe.post(cpe.inform(), "X-First: 1").status == 401
    return cpe


def owner(cpe: RawCpe) -> str:
    """The worker that has the CPE's session, by its cookie."""
    return cpe.cookie.removeprefix("acs=")[:2]


def test_units_that_connect_for_each_request(two: RunningAcs) -> None:
    ran = subprocess.run(
        [
            *(sys.executable, "-c", "from simulators.cpe.cli import main; main()", "run"),
            *("--acs", two.url, "--model", "tplink-a-xx230v", "--serial", "22275A7000001"),
            *("--count", "12", "--connection", "new", "--periodic", "0.2", "--max-sessions", "3"),
            *("--username", BOOTSTRAP[0], "--password", BOOTSTRAP[1], "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    ends = [each for each in told if each["event"] == "session-end"]
    assert len(ends) == 36
    assert Counter(each["end"] for each in ends) == {"complete": 36}, ends
    sessions = 'acs_sessions_total{result="quarantined"}'
    wait_for("36 sessions counted", lambda: two.metric(sessions) >= 36)
    assert two.health()["parts"]["workers"] == {"state": "ok", "detail": "2 workers serve"}


def test_a_request_at_the_wrong_worker_is_answered_by_the_right_one(two: RunningAcs) -> None:
    first, second = sorted(workers(two))
    cpe = cpe_at(two, first, "SNMOVED")
    assert cpe.open().name == INFORMED
    assert owner(cpe) == first
    moved = cpe_at_with_cookie(two, second, cpe)
    assert [answer.status for answer in moved.finish(moved.post())][-1] == 204
    again = cpe_at_with_cookie(two, second, cpe)
    assert again.post().status == 204, "one more empty POST after the end, as to a single server"


def cpe_at_with_cookie(acs: RunningAcs, name: str, cpe: RawCpe) -> RawCpe:
    """The same CPE on another connection, which the worker ``name`` has."""
    other = RawCpe(cpe.port, cpe.serial)
    with alone(acs, name):
        assert other.post(other.inform()).status == 401
    other.cookie = cpe.cookie
    return other


def test_a_cookie_of_no_living_worker_is_nobodys(two: RunningAcs) -> None:
    for cookie in ("acs=1zAAAAAAAAAAAAAAAAAAAAAA", "acs=..AAAAAAAAAAAAAAAAAAAAAA"):
        cpe = RawCpe(two.port(), "SNNOBODY", cookie=cookie)
        assert cpe.post().status == 401
        cpe.close()


def test_a_request_over_tls_is_handed_over_with_its_certificate(
    two: RunningAcs, certificates: Certificates
) -> None:
    first, second = sorted(workers(two))
    serial = "SNCERTIFIED"
    context = certificates.client(f"A4B1C2-Gateway-{serial}")
    cpe = RawCpe(two.port("https"), serial, context=context, account=("nobody", "knows me"))
    with alone(two, first):
        assert cpe.post(cpe.inform()).name == INFORMED
    assert owner(cpe) == first
    elsewhere = cpe.sibling()
    elsewhere.cookie = cpe.cookie
    with alone(two, second):
        elsewhere.connect()
    # What opens a session anew proves itself anew, and this one has nothing else to do it with.
    assert elsewhere.post(elsewhere.inform()).name == INFORMED
    assert owner(elsewhere) == first
    assert elsewhere.finish(elsewhere.post())[-1].status == 204


def test_each_worker_serves_files(two: RunningAcs) -> None:
    for name in workers(two):
        with alone(two, name), socket.create_connection(("127.0.0.1", two.port("files"))) as cpe:
            cpe.sendall(b"GET /f/nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert cpe.recv(100).startswith(b"HTTP/1.1 40")
    assert two.health()["parts"]["files"]["state"] == "ok"


def test_a_challenge_of_one_worker_is_answered_at_another_and_only_once(two: RunningAcs) -> None:
    first, second = sorted(workers(two))
    cpe = RawCpe(two.port(), "SNDIGEST")
    body = cpe.inform()
    with alone(two, first):
        (challenge,) = challenges(cpe.post(body))
    proof = f"Authorization: {cpe.digest.authorization(challenge, cpe.account, body)}"
    elsewhere = cpe_at(two, second, "SNDIGEST")
    assert elsewhere.post(body, proof).name == INFORMED
    assert owner(elsewhere) == second
    repeated = cpe.post(body, proof)
    assert repeated.status == 401
    assert challenges(repeated)[0].stale
    assert elsewhere.finish(elsewhere.post())[-1].status == 204


def test_a_device_has_one_session_in_all_workers(two: RunningAcs) -> None:
    first, second = sorted(workers(two))
    old, new = cpe_at(two, first, "SNTWICE"), cpe_at(two, second, "SNTWICE")
    assert old.open().name == INFORMED
    assert new.open().name == INFORMED
    assert (owner(old), owner(new)) == (first, second)
    wait_for(
        "the end of the older session",
        lambda: re.search(r"device=\S+SNTWICE \S+ .*result=replaced .*worker=" + first, two.log),
    )
    assert old.post(old.form.call("GetRPCMethods")).status == 400
    assert new.finish(new.post())[-1].status == 204
    # And the other way round, with the claim of a session that has ended.
    back = cpe_at(two, first, "SNTWICE")
    assert back.open().name == INFORMED
    assert back.finish(back.post())[-1].status == 204


def test_a_worker_that_is_killed_is_replaced(two: RunningAcs) -> None:
    first, _ = sorted(workers(two))
    cpe = cpe_at(two, first, "SNKILLED")
    assert cpe.open().name == INFORMED
    before = two.metric("acs_rpcs_total" + '{method="InformResponse"}')
    ends = two.metric("acs_worker_ends_total")
    duties = re.findall("event=duties worker=(..)", two.log)
    os.kill(workers(two)[first], signal.SIGKILL)
    wait_for("another worker", lambda: len(now := workers(two)) == 2 and first not in now)
    orphan = RawCpe(two.port(), "SNKILLED", cookie=cpe.cookie)
    assert orphan.post().status == 401, "its session died with its worker"
    assert orphan.open().name == INFORMED
    assert orphan.finish(orphan.post())[-1].status == 204
    assert two.metric("acs_worker_ends_total") == ends + 1
    assert two.metric("acs_rpcs_total" + '{method="InformResponse"}') >= before
    assert two.health()["status"] == "ok"
    # Whoever had the duties, one worker that lives has them now.
    given = re.findall("event=duties worker=(..)", two.log)
    assert given[-1] in workers(two)
    assert len(given) == len(duties) + (duties[-1] == first)


def test_a_worker_that_is_told_to_end_is_replaced_while_it_drains(two: RunningAcs) -> None:
    first, _ = sorted(workers(two))
    cpe = cpe_at(two, first, "SNTERMED")
    assert cpe.open().name == INFORMED
    ends = two.metric("acs_worker_ends_total")
    os.kill(workers(two)[first], signal.SIGTERM)
    wait_for("a third worker", lambda: len(workers(two)) == 3)
    given = re.findall("event=duties worker=(..)", two.log)
    assert given[-1] in workers(two).keys() - {first}
    assert cpe.finish(cpe.post())[-1].status == 204
    wait_for("its end", lambda: first not in workers(two))
    assert two.metric("acs_worker_ends_total") == ends
    assert two.health()["status"] == "ok"


class Caller(threading.Thread):
    """A CPE that calls again and again, each session on a new connection."""

    def __init__(self, acs: RunningAcs, number: int, over: threading.Event) -> None:
        super().__init__()
        self._cpe = RawCpe(acs.port(), f"SNROLL{number}")
        self._over = over
        self.sessions = 0
        self.problems: list[str] = []

    def run(self) -> None:
        while not self._over.wait(0.25):
            try:
                opened = self._cpe.open()
                last = self._cpe.finish(self._cpe.post())[-1]
                if opened.name != INFORMED or last.status != 204:
                    self.problems.append(f"{opened.status} {last.status} {last.body!r}")
                self.sessions += 1
            except (OSError, EOFError) as error:
                self.problems.append(repr(error))
            self._cpe.close()


def test_workers_are_renewed_without_losing_a_session(two: RunningAcs) -> None:
    before, sessions = workers(two), 'acs_sessions_total{result="quarantined"}'
    first, _ = sorted(before)
    counted = two.metric(sessions)
    kept = cpe_at(two, first, "SNKEPT")
    assert kept.open().name == INFORMED
    mover = cpe_at(two, first, "SNMOVER")
    assert mover.open().name == INFORMED
    mover.close()
    over = threading.Event()
    callers = [Caller(two, number, over) for number in range(4)]
    for caller in callers:
        caller.start()
    try:
        assert two.pid is not None
        os.kill(two.pid, signal.SIGHUP)
        wait_for("new workers", lambda: len(workers(two).keys() - before.keys()) == 2)
        done = [caller.sessions for caller in callers]
        wait_for(
            "sessions with them",
            lambda: all(c.sessions > n + 1 for c, n in zip(callers, done, strict=True)),
        )
    finally:
        over.set()
        for caller in callers:
            caller.join(30)
    assert [problem for caller in callers for problem in caller.problems] == []
    # Sessions begun before go on: on their connection, and through a new worker.
    assert first in workers(two)
    assert mover.finish(mover.post())[-1].status == 204
    last = kept.finish(kept.post())[-1]
    assert last.status == 204
    assert last.header("connection").lower() == "close"
    wait_for("the end of the old ones", lambda: not workers(two).keys() & before.keys())
    held = sum(caller.sessions for caller in callers) + 2
    wait_for("all to be counted", lambda: two.metric(sessions) == counted + held)
    assert two.metric("acs_workers") == 2
    assert two.health()["status"] == "ok"


def test_a_stop_lets_sessions_end(two: RunningAcs) -> None:
    """The last one on this server."""
    acs, drained = two, two.log.count("event=draining")
    cpe = RawCpe(acs.port(), "SNLAST")
    assert cpe.open().name == INFORMED
    process = acs.pid
    assert process is not None
    ended: list[int] = []
    stop = threading.Thread(target=lambda: ended.append(acs.stop()))
    stop.start()
    wait_for("the drain", lambda: acs.log.count("event=draining") == drained + 2)
    assert cpe.finish(cpe.post())[-1].status == 204
    stop.join(30)
    assert ended == [0]
    assert workers(acs) == {}
    assert "Traceback" not in acs.log + acs.stderr
    assert list((acs.data_dir / "run").iterdir()) == []


def test_workers_that_cannot_serve(tmp_path: Path) -> None:
    missing = str(tmp_path / "certificate.pem")
    acs = RunningAcs(
        tmp_path / "data",
        CWMP_TLS_LISTEN="127.0.0.1:0",
        CWMP_TLS_CERTIFICATE=missing,
        CWMP_TLS_KEY=missing,
    )
    ended = acs.command("serve", "--workers", "2")
    assert ended.returncode == 3
    assert f"acs: cannot serve: cannot use certificate file {missing}: " in ended.stderr
