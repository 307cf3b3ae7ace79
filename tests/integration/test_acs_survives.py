"""Crashes, an ERPNext that is gone or slow: the server goes on where it was, and loses nothing."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from acs_fixtures import ERP_SETTINGS, NewHome, StartAcs
from forked import erpnext_sim
from homes import KEY, MAIN, SIP_PASSWORD, Home, new_home
from raw_cpe import Answer, RawCpe, challenges, read_answer
from running_acs import RunningAcs, wait_for

from acs.devices.record import JobKind, JobState, Standing
from simulators.cpe import Misbehaviour
from simulators.erpnext.running import RunningSimulator, running_simulator

WRITE_ONLY = (*(KEY.format(number) for number in MAIN), SIP_PASSWORD)
MODEL = "Device.DeviceInfo.ModelName"


@pytest.fixture
def stored_acs(
    tmp_path: Path, database_url: str, erpnext: RunningSimulator
) -> Iterator[RunningAcs]:
    """A server on each kind of database."""
    acs = RunningAcs(
        tmp_path / "acs",
        ERP_URL=erpnext.url,
        DATABASE_URL=database_url,
        SECRETS_KEYS="first:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        **ERP_SETTINGS,
    )
    acs.start()
    yield acs
    acs.close()


# --- kill -9 ------------------------------------------------------------------------------------


def test_a_server_killed_at_any_request_serves_the_device_when_it_comes_back(
    stored_acs: RunningAcs, erpnext: RunningSimulator
) -> None:
    """One home for each of a few moments of its first session; all are cut by one crash.

    The ONT hangs up at the request that follows ``moment`` answered ones, and the server dies
    without having noticed anything but what it had already made durable.
    """
    homes = {moment: new_home(stored_acs, erpnext.url) for moment in (0, 1, 4, 8, 9)}
    for moment, home in homes.items():
        home.scan()
        home.misbehave(Misbehaviour(hang_up_after=moment))
        report = home.call(complete=False)
        assert report.informed
        assert len(report.rpcs) <= moment
    stored_acs.kill9()
    stored_acs.restart()
    for moment, home in homes.items():
        home.misbehave()
        # It believes its 0 BOOTSTRAP delivered, for the Inform was answered.
        home.call("1 BOOT")
        home.call("4 VALUE CHANGE")
        assert home.is_served, f"killed after {moment} answers"
        for path in WRITE_ONLY:
            assert home.shows(path) in (home.key, home.sip_password), path
        assert home.device.standing is Standing.LIVE
        assert stored_acs.proof(home.device).complete
        assert home.ont.credentials[0] == home.device.key, "it has its own password"
        assert home.call("2 PERIODIC").rpcs == []


def test_jobs_survive_a_crash(stored_acs: RunningAcs, home_of: Callable[[], Home]) -> None:
    home = home_of()
    home.scan()
    home.settle_in()
    queued = stored_acs.enqueue(home.device, JobKind.READ, paths=[MODEL])
    begun = stored_acs.enqueue(
        home.device,
        JobKind.SET,
        changes=[{"path": "Device.Time.NTPServer1", "value": "ntp.test", "type": "string"}],
    )
    home.misbehave(Misbehaviour(hang_up_after=1))
    home.call("2 PERIODIC", complete=False)
    stored_acs.kill9()
    stored_acs.restart()
    home.misbehave()
    home.call("2 PERIODIC")
    assert stored_acs.job(queued).state is JobState.DONE
    assert stored_acs.job(begun).state is JobState.DONE
    home.ont.settle()
    assert home.shows("Device.Time.NTPServer1") == "ntp.test"


def test_a_reboot_that_was_sent_before_a_crash_is_not_sent_again(
    stored_acs: RunningAcs, home_of: Callable[[], Home]
) -> None:
    home = home_of()
    home.scan()
    home.settle_in()
    job = stored_acs.enqueue(home.device, JobKind.REBOOT)
    # The unit goes away at the very request: whether it reboots is not known.
    home.misbehave(Misbehaviour(hang_up_after=0))
    home.call("2 PERIODIC", complete=False)
    assert stored_acs.job(job).state is JobState.SENT
    stored_acs.kill9()
    stored_acs.restart()
    home.misbehave()
    assert "Reboot" not in home.call("2 PERIODIC").methods
    home.call("1 BOOT")
    assert stored_acs.job(job).state is JobState.DONE


def test_a_password_the_device_was_given_holds_after_a_crash(
    stored_acs: RunningAcs, home_of: Callable[[], Home]
) -> None:
    """The unit takes its new account at once; the server dies before the session is over."""
    home = home_of()
    home.scan()
    first = home.call()
    assert any("ManagementServer.Password" in path for path in first.written)
    stored_acs.kill9()
    stored_acs.restart()
    report = home.call()
    assert report.username == home.device.key
    assert home.device.own_credentials
    home.call("2 PERIODIC")
    assert home.device.standing is Standing.LIVE


class CutLine:
    """A connection that breaks when the CPE is about to send certain octets."""

    def __init__(self, connection: socket.socket, before: bytes) -> None:
        self._connection = connection
        self._before = before

    def sendall(self, data: bytes) -> None:
        if self._before in data:
            raise ConnectionResetError("the line was cut")
        self._connection.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("crash", [True, False])
def test_a_write_that_was_carried_out_but_never_answered_ends_proven(
    stored_acs: RunningAcs,
    home_of: Callable[[], Home],
    monkeypatch: pytest.MonkeyPatch,
    crash: bool,
) -> None:
    """The unit has everything, its new password too; the server knows nothing of it."""
    home = home_of()
    home.scan()
    connect = home.client._connect
    with monkeypatch.context() as patch:
        patch.setattr(
            home.client,
            "_connect",
            lambda target: CutLine(connect(target), b"SetParameterValuesResponse"),
        )
        report = home.call(complete=False)
    assert not report.complete
    assert report.named("SetParameterValues")
    assert home.is_served, "it took effect"
    if crash:
        stored_acs.kill9()
        stored_acs.restart()
    report = home.call("4 VALUE CHANGE")
    assert report.username == home.device.key, "its new password was kept before it was sent"
    home.call("2 PERIODIC")
    assert home.device.standing is Standing.LIVE
    assert home.is_served
    assert home.shows(SIP_PASSWORD) == home.sip_password
    assert home.call("2 PERIODIC").rpcs == []


@pytest.fixture
def home_of(stored_acs: RunningAcs, erpnext: RunningSimulator) -> Callable[[], Home]:
    return lambda: new_home(stored_acs, erpnext.url)


def test_an_orderly_stop_keeps_what_was_only_a_last_seen(
    start_acs: StartAcs,
) -> None:
    acs = start_acs()
    cpe = RawCpe(acs.port(), "SNSTOP")
    cpe.open("0 BOOTSTRAP")
    before = acs.device(cpe.key).last_seen
    cpe.finish(cpe.post())
    cpe.session("2 PERIODIC")
    assert acs.stop() == 0
    assert acs.device(cpe.key).last_seen > before
    cpe.close()


def test_a_reset_whose_session_died_with_the_server_is_not_forgotten(
    stored_acs: RunningAcs, home_of: Callable[[], Home]
) -> None:
    home = home_of()
    home.scan()
    home.settle_in()
    home.ont.factory_reset()
    home.misbehave(Misbehaviour(hang_up_after=0))
    assert home.call(complete=False).informed
    stored_acs.kill9()
    stored_acs.restart()
    home.misbehave()
    # It believes its 0 BOOTSTRAP delivered, for the Inform was answered.
    home.call("2 PERIODIC")
    home.call("2 PERIODIC")
    assert home.is_served
    assert home.shows(SIP_PASSWORD) == home.sip_password


# --- a database that does not keep up -----------------------------------------------------------


def test_a_database_that_is_locked_costs_new_sessions_a_wait_and_nobody_a_failure(
    start_acs: StartAcs,
) -> None:
    acs = start_acs()
    first, second = RawCpe(acs.port(), "SNLOCK1"), RawCpe(acs.port(), "SNLOCK2")
    challenge = challenges(first.post(first.inform()))[0]
    proof = first.digest.authorization(challenge, first.account)

    def sent_away() -> Answer | None:
        newcomer = RawCpe(acs.port(), "SNLOCK3")
        answer = newcomer.post(newcomer.inform("0 BOOTSTRAP"))
        newcomer.close()
        return answer if answer.status == 503 else None

    lock = sqlite3.connect(acs.data_dir / "acs.db", isolation_level=None)
    try:
        lock.execute("BEGIN IMMEDIATE")
        assert first.connection is not None
        first.connection.sendall(first.render(first.inform(), f"Authorization: {proof}"))
        wait_for("the delay to show", lambda: acs.metric("acs_store_delay_seconds") > 2)
        refused = wait_for("newcomers to be sent away", sent_away)
        assert int(refused.header("retry-after")) >= 1
        assert acs.health()["status"] == "down"
    finally:
        lock.execute("ROLLBACK")
        lock.close()
    assert read_answer(first.connection).name == "InformResponse", "it only had to wait"

    def let_in() -> bool:
        return second.open("0 BOOTSTRAP").status == 200

    wait_for("the second to be let in", let_in)
    wait_for("its health", lambda: acs.health()["status"] == "ok")
    for cpe in (first, second):
        cpe.close()


# --- an ERPNext that is gone, or slow ---------------------------------------------------------


def test_a_mirrored_device_is_provisioned_after_a_reset_while_erpnext_is_down(
    start_acs: StartAcs, erpnext: RunningSimulator
) -> None:
    with running_simulator(start=erpnext_sim) as site:
        acs = start_acs(ERP_URL=site.url, **ERP_SETTINGS)
        home = new_home(acs, site.url)
        home.scan()
        home.settle_in()
    # The stand-in is gone for good.
    home.ont.factory_reset()
    assert not home.is_served
    home.call()
    home.call()
    assert home.is_served
    assert home.device.standing is Standing.LIVE
    fresh = new_home(acs, site.url)
    for events in (("0 BOOTSTRAP",), ("2 PERIODIC",), ("2 PERIODIC",)):
        report = fresh.call(*events)
        assert not report.named("SetParameterValues")
        assert fresh.device.standing is Standing.WAITING
    assert acs.health()["status"] == "degraded"
    assert acs.health()["parts"]["erpnext"]["state"] == "degraded"


def test_a_server_restarted_while_erpnext_is_down_serves_from_its_mirror(
    start_acs: StartAcs,
) -> None:
    with running_simulator(start=erpnext_sim) as site:
        acs = start_acs(ERP_URL=site.url, **ERP_SETTINGS)
        home = new_home(acs, site.url)
        home.scan()
        home.settle_in()
    acs.kill9()
    acs.restart()
    home.ont.factory_reset()
    home.call()
    home.call()
    assert home.is_served


@pytest.fixture(scope="module")
def impatient(start_acs: StartAcs, erpnext: RunningSimulator) -> RunningAcs:
    """A server that waits for ERPNext no longer than a moment."""
    return start_acs(ERP_URL=erpnext.url, **{**ERP_SETTINGS, "ERP_HOLD_SECONDS": "0.3"})


@pytest.fixture
def slow_erpnext(erpnext: RunningSimulator) -> Iterator[RunningSimulator]:
    """An ERPNext that does not answer until it is told to."""
    yield erpnext
    erpnext.clear_faults()
    erpnext.resume()


def test_a_slow_erpnext_holds_a_session_no_longer_than_set_and_the_device_is_served_later(
    impatient: RunningAcs, slow_erpnext: RunningSimulator
) -> None:
    home = new_home(impatient, slow_erpnext.url)
    home.scan()
    slow_erpnext.pause()
    report = home.call()
    device = home.device
    assert device.standing is Standing.WAITING
    assert "within 0.3 s" in device.reason
    assert not report.named("SetParameterValues")
    slow_erpnext.resume()
    wait_for("the answer in the mirror", home.mirrored)
    home.call("2 PERIODIC")
    home.call()
    assert home.is_served
    assert home.device.standing is Standing.LIVE


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("500json", "deadlock"),
        ("500html", "500"),
        ("drop", "cannot be reached"),
        ("503", "maintenance"),
    ],
)
def test_an_erpnext_in_trouble_costs_a_device_one_contact(
    start_acs: StartAcs,
    erpnext: RunningSimulator,
    slow_erpnext: RunningSimulator,
    kind: str,
    reason: str,
) -> None:
    """It fails while the look-up tries; after maintenance nobody asks for a while, either."""
    acs = start_acs(ERP_URL=erpnext.url, **ERP_SETTINGS)
    home = new_home(acs, erpnext.url)
    home.scan()
    slow_erpnext.order(kind)
    home.call()
    assert home.device.standing is Standing.WAITING
    assert reason in home.device.reason.lower()
    slow_erpnext.clear_faults()
    home.call("2 PERIODIC")
    home.call()
    assert home.is_served is (kind != "503")


def test_an_open_session_is_not_called_silent_while_we_keep_it_waiting(
    start_acs: StartAcs, slow_erpnext: RunningSimulator
) -> None:
    """The bound of silence is shorter than what the look-up may take."""
    settings = {**ERP_SETTINGS, "ERP_HOLD_SECONDS": "3", "CWMP_SESSION_TIMEOUT": "1"}
    acs = start_acs(ERP_URL=slow_erpnext.url, **settings)
    home = new_home(acs, slow_erpnext.url)
    home.scan()
    slow_erpnext.pause()
    report = home.call()
    assert report.complete
    assert home.device.standing is Standing.WAITING
    assert not acs.told(home.device, "session lost")


def test_two_homes_at_once_while_one_waits_for_erpnext(
    impatient: RunningAcs, slow_erpnext: RunningSimulator, make_home: NewHome
) -> None:
    known = new_home(impatient, slow_erpnext.url)
    known.scan()
    known.settle_in()
    slow_erpnext.pause()
    waiting = RawCpe(impatient.port(), "22275BWAITING")
    waiting.open("0 BOOTSTRAP")
    connection = waiting.connection
    assert connection is not None
    connection.sendall(waiting.render(b""))
    # Its answer is held; a mirrored device is served meanwhile, even after a reset.
    known.ont.factory_reset()
    known.call()
    known.call()
    assert known.is_served
    slow_erpnext.resume()
    waiting.close()
