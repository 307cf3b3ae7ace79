"""A real server calls devices when there is something for them, and none that it must not."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from acs_fixtures import StartAcs
from homes import new_home
from running_acs import BOOTSTRAP, RunningAcs, wait_for
from usp_crew import Crew

from acs.devices.agents import Presence
from acs.devices.effects import SaveWakeAccount
from acs.devices.record import Device, JobKind, JobState
from acs.devices.waking import Wake, WakeState, Way
from acs.store import wake_accounts, wakes
from simulators.cpe import Identity, Ont
from simulators.cpe.blocking import Client
from simulators.cpe.connreq import Door, answer
from simulators.cpe.stun import Calls, Mapped, binding_request, read_answer

PASSWORD = "Appelez-moi-7"
UPTIME = "Device.DeviceInfo.UpTime"


class Doorbell:
    """Where an ONT listens for connection requests: a socket, and the simulator's answers.

    ``first`` are answers it gives before its own. Whoever rings as he should has it call.
    """

    def __init__(
        self, call: Callable[[], object], first: Sequence[str] = (), address: str = "127.0.0.1"
    ) -> None:
        self.rung: list[str] = []
        self.username = ""
        self._call = call
        self._first = list(first)
        self._listener = socket.create_server((address, 0))
        self.url = f"http://{address}:{self._listener.getsockname()[1]}/tr069"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self._open(connection)

    def _open(self, connection: socket.socket) -> None:
        connection.settimeout(10)
        data = b""
        while got := connection.recv(4096):
            data += got
            while b"\r\n\r\n" in data:
                head, _, data = data.partition(b"\r\n\r\n")
                self.rung.append(head.decode())
                if self._first:
                    connection.sendall(self._first.pop(0).encode())
                    return
                reply = answer(head, Door(self.username, PASSWORD, "a-nonce"))
                connection.sendall(reply.data or b"")
                if reply.call:
                    threading.Thread(target=self._call, daemon=True).start()
                    return

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


class Unit:
    """An ONT that calls once, and from then on only when it is asked to."""

    _count = 0

    def __init__(
        self,
        acs: RunningAcs,
        first: Sequence[str] = (),
        address: str = "127.0.0.1",
        url: str = "",
    ) -> None:
        Unit._count += 1
        self.acs = acs
        self.serial = f"22275C{Unit._count:07d}"
        identity = Identity("1C61B4", "Device2", self.serial, f"1C:61:B4:CA:11:{Unit._count:02X}")
        self.ont = Ont("tplink-a-xx230v", identity, username=BOOTSTRAP[0], password=BOOTSTRAP[1])
        self._client = Client(acs.url, self.ont, timeout=30)
        self.bell = Doorbell(self.call, first, address)
        self.ont.connection_request_url = url or self.bell.url
        self._client.session()
        self.device = acs.device(self.serial)
        self.bell.username = self.device.key
        account = SaveWakeAccount(self.device.id, self.device.key, PASSWORD)
        acs.database.run("account", wake_accounts.save_thd, [account])

    def call(self) -> None:
        self._client.session(["6 CONNECTION REQUEST"])


def wake_of(acs: RunningAcs, device: Device) -> Wake:
    with acs.database.read() as connection:
        return wakes.get_thd(connection, device.id) or Wake(device.id, "")


def ask(acs: RunningAcs, device: Device) -> None:
    acs.database.run("ask", wakes.ask_thd, [device.id], "a test", time.time())


def ended(acs: RunningAcs, device: Device) -> Wake:
    def look() -> Wake | None:
        wake = wake_of(acs, device)
        return wake if wake.ended_at else None

    return wait_for("its wake to end", look)


@pytest.fixture(scope="module")
def waking_acs(start_acs: StartAcs) -> RunningAcs:
    return start_acs(
        WAKEUP_ENABLED="true",
        WAKEUP_TIMEOUT="5",
        STUN_LISTEN="127.0.0.1:0",
        WEBSOCKET_LISTEN="127.0.0.1:0",
        WEBSOCKET_AUTH="basic",
        AUTH_ALLOW_BASIC_ON_HTTP="true",
    )


NewUnit = Callable[..., Unit]


@pytest.fixture
def new_unit(waking_acs: RunningAcs) -> Iterator[NewUnit]:
    made: list[Unit] = []

    def make(**options: Any) -> Unit:
        made.append(Unit(waking_acs, **options))
        return made[-1]

    yield make
    for unit in made:
        unit.bell.close()


def test_a_job_is_done_without_the_device_calling_by_itself(
    waking_acs: RunningAcs, new_unit: NewUnit
) -> None:
    unit = new_unit()
    said = waking_acs.command("device", "read", unit.serial, UPTIME, "--wait", "30")
    assert said.returncode == 0, said.stderr
    assert UPTIME in said.stdout
    wake = ended(waking_acs, unit.device)
    assert wake.state is WakeState.WOKEN
    assert (wake.reason, wake.way, wake.attempts) == ("job: read", Way.HTTP, 1)
    assert PASSWORD not in "".join(unit.bell.rung)
    assert waking_acs.metric('acs_wakes_total{result="woken"}') >= 1
    assert waking_acs.metric('acs_connection_requests_total{reply="accepted"}') >= 1


def test_a_busy_device_is_called_again_and_woken(waking_acs: RunningAcs, new_unit: NewUnit) -> None:
    busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    unit = new_unit(first=[busy])
    said = waking_acs.command("device", "wake", unit.serial, "--wait", "30", "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    told = json.loads(said.stdout)
    assert (told["wake"]["state"], told["wake"]["attempts"]) == ("woken", 2)
    assert told["device"] == unit.device.key


def test_an_address_outside_the_networks_is_never_called(
    waking_acs: RunningAcs, new_unit: NewUnit
) -> None:
    unit = new_unit(address="127.0.0.2")
    job = waking_acs.enqueue(unit.device, JobKind.READ, paths=[UPTIME])
    refused = ended(waking_acs, unit.device)
    assert (refused.state, refused.attempts) == (WakeState.REFUSED, 0)
    said = waking_acs.command("device", "wake", unit.serial, "--wait", "30")
    assert said.returncode == 1
    assert "must not be called: 127.0.0.2 is not in the networks" in said.stdout
    assert "served at its next Inform" in said.stdout
    assert unit.bell.rung == []
    assert waking_acs.job(job).state is JobState.QUEUED


def test_a_device_that_does_not_believe_us_is_not_asked_over_and_over(
    waking_acs: RunningAcs, new_unit: NewUnit
) -> None:
    unit = new_unit()
    unit.bell.username = "somebody else"
    ask(waking_acs, unit.device)
    wait_for("it to be called", lambda: wake_of(waking_acs, unit.device).attempts)
    wake = wake_of(waking_acs, unit.device)
    assert (wake.state, wake.attempts) == (WakeState.WAITING, 1)
    assert wake.next_at > time.time() + 20
    assert len(unit.bell.rung) == 2  # One without a proof, one with it.
    shown = waking_acs.command("device", "show", unit.serial)
    assert "is called again in" in shown.stdout


def test_a_device_behind_a_nat_is_woken_by_a_datagram(
    waking_acs: RunningAcs, new_unit: NewUnit
) -> None:
    unit = new_unit(url="http://192.168.1.1:7547/behind-its-nat")
    account = (unit.device.key, PASSWORD)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.settimeout(30)
        hole.bind(("127.0.0.1", 0))
        transaction = bytes(range(16))
        stun = ("127.0.0.1", waking_acs.port("stun"))
        hole.sendto(binding_request(transaction, account), stun)
        mapped = read_answer(hole.recv(2048), transaction)
        assert mapped == Mapped(*hole.getsockname())

        job = waking_acs.enqueue(unit.device, JobKind.READ, paths=[UPTIME])
        assert Calls().takes(hole.recv(2048), *account)
    unit.call()
    wake = ended(waking_acs, unit.device)
    assert (wake.state, wake.way, wake.attempts) == (WakeState.WOKEN, Way.UDP, 1)
    assert waking_acs.job(job).state is JobState.DONE


def test_an_agent_is_asked_over_usp(waking_acs: RunningAcs) -> None:
    home = new_home(waking_acs, "http://127.0.0.1:1")  # Nobody records it in an ERPNext.
    crew = Crew(waking_acs)
    try:
        unit = crew.begin(home, crew.way("websocket"))
        wait_for("its first visit", lambda: waking_acs.find(home.serial))
        wait_for("it to be settled", lambda: waking_acs.agent(unit.endpoint).settled)
        device = waking_acs.device(home.serial)
        ask(waking_acs, device)
        wake = ended(waking_acs, device)
        assert (wake.state, wake.way, wake.attempts) == (WakeState.WOKEN, Way.USP, 1)
    finally:
        crew.close()
    wait_for(
        "it to be away",
        lambda: waking_acs.agent(unit.endpoint).presence is Presence.OFFLINE,
    )
    ask(waking_acs, device)
    wake = ended(waking_acs, device)
    assert (wake.state, wake.attempts) == (WakeState.UNREACHABLE, 0)
    assert wake.detail == "its USP agent is not connected"
