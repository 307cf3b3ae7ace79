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
from running_acs import BOOTSTRAP, RunningAcs, wait_for

from acs.devices.effects import SaveWakeAccount
from acs.devices.record import JobKind, JobState
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

    def wake(self) -> Wake | None:
        with self.acs.database.read() as connection:
            return wakes.get_thd(connection, self.device.id)

    def woken(self, state: WakeState = WakeState.WOKEN) -> Wake:
        def look() -> Wake | None:
            found = self.wake()
            return found if found is not None and found.state is state else None

        return wait_for(f"its wake to be {state}", look)


@pytest.fixture(scope="module")
def waking_acs(start_acs: StartAcs) -> RunningAcs:
    return start_acs(WAKEUP_ENABLED="true", WAKEUP_TIMEOUT="5", STUN_LISTEN="127.0.0.1:0")


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
    ended = waking_acs.command("device", "read", unit.serial, UPTIME, "--wait", "30")
    assert ended.returncode == 0, ended.stderr
    assert UPTIME in ended.stdout
    wake = unit.woken()
    assert (wake.reason, wake.way, wake.attempts) == ("job: read", Way.HTTP, 1)
    assert PASSWORD not in "".join(unit.bell.rung)
    assert waking_acs.metric('acs_wakes_total{result="woken"}') >= 1
    assert waking_acs.metric('acs_connection_requests_total{reply="accepted"}') >= 1


def test_a_busy_device_is_called_again_and_woken(waking_acs: RunningAcs, new_unit: NewUnit) -> None:
    busy = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    unit = new_unit(first=[busy])
    ended = waking_acs.command("device", "wake", unit.serial, "--wait", "30", "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said = json.loads(ended.stdout)
    assert (said["wake"]["state"], said["wake"]["attempts"]) == ("woken", 2)
    assert said["device"] == unit.device.key


def test_an_address_outside_the_networks_is_never_called(
    waking_acs: RunningAcs, new_unit: NewUnit
) -> None:
    unit = new_unit(address="127.0.0.2")
    job = waking_acs.enqueue(unit.device, JobKind.READ, paths=[UPTIME])
    refused = unit.woken(WakeState.REFUSED)
    assert refused.attempts == 0
    ended = waking_acs.command("device", "wake", unit.serial, "--wait", "30")
    assert ended.returncode == 1
    assert "must not be called: 127.0.0.2 is not the address it called from" in ended.stdout
    assert "served at its next Inform" in ended.stdout
    assert unit.bell.rung == []
    assert waking_acs.job(job).state is JobState.QUEUED


def test_a_device_that_does_not_believe_us_is_not_asked_over_and_over(
    waking_acs: RunningAcs, new_unit: NewUnit
) -> None:
    unit = new_unit()
    unit.bell.username = "somebody else"
    waking_acs.database.run("ask", wakes.ask_thd, [unit.device.id], "a test", time.time())

    def tried() -> Wake | None:
        found = unit.wake()
        return found if found is not None and found.attempts else None

    wake = wait_for("it to be called", tried)
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
    wake = unit.woken()
    assert (wake.way, wake.attempts) == (Way.UDP, 1)
    assert waking_acs.job(job).state is JobState.DONE
