"""Simulated CPEs and a file server over real sockets: resume, Digest and Basic, errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import test_cpe_sim_sessions
from test_cpe_sim_sessions import ScriptedAcs, on_twisted
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import defer
from twisted.internet.selectreactor import SelectReactor
from twisted.web.guard import (
    BasicCredentialFactory,
    DigestCredentialFactory,
    HTTPAuthSessionWrapper,
)
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Site

from simulators.cpe import Identity, Misbehaviour, Ont
from simulators.cpe.blocking import Client
from simulators.cpe.content import make_image
from simulators.cpe.http import Sessions
from simulators.cpe.life import Life, Pace
from simulators.cpe.transfers import State, Transfer

IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
FIRMWARE = "1 Firmware Upgrade Image"
CONFIGURATION = "3 Vendor Configuration File"
VERSION = "Device.DeviceInfo.SoftwareVersion"
IMAGE = make_image("0.9.1 Build 250101", "XX230v", bytes(range(256)) * 2000)

acs = test_cpe_sim_sessions.acs
"""The fixture."""


@dataclass
class FileServer:
    """What the server saw."""

    url: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range of every GET."""
    received: list[bytes] = field(default_factory=list)
    dropped: int = 0
    """Downloads to break off from now on."""


class Folder(Resource):
    """Serves files whole or from where Range says; may break off half way."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, server: FileServer, folder: Path) -> None:
        super().__init__()
        self._server = server
        self._folder = folder

    def render_GET(self, request: Any) -> Any:
        ranged = (request.getHeader(b"range") or b"").decode()
        name = request.path.decode().rpartition("/")[2]
        self._server.asked.append((name, ranged))
        if not (self._folder / name).exists():
            request.setResponseCode(404)
            return b""
        data = (self._folder / name).read_bytes()
        if ranged:
            start = int(ranged.removeprefix("bytes=").removesuffix("-"))
            request.setResponseCode(206)
            request.setHeader("content-range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            return data[start:]
        if self._server.dropped:
            self._server.dropped -= 1
            request.setHeader("content-length", str(len(data)))
            request.write(data[: len(data) // 3])
            # Closing waits for the channel, which is a producer of its transport for good.
            connection = request.channel.transport
            connection.unregisterProducer()
            connection.loseConnection()
            return NOT_DONE_YET
        return data


class Slot(Resource):
    """Takes a file by PUT."""

    isLeaf = True  # noqa: N815 - Twisted's name

    def __init__(self, server: FileServer) -> None:
        super().__init__()
        self._server = server

    def render_PUT(self, request: Any) -> bytes:
        self._server.received.append(request.content.read())
        request.setResponseCode(201)
        return b""


class Realm:
    """Everybody who proves himself gets ``resource``."""

    def __init__(self, resource: Resource) -> None:
        self._resource = resource

    def requestAvatar(self, _: Any, mind: Any, *interfaces: Any) -> Any:
        return IResource, self._resource, lambda: None


def guarded(resource: Resource, factory: Any) -> HTTPAuthSessionWrapper:
    checker = InMemoryUsernamePasswordDatabaseDontUse(me=b"secret")
    portal = Portal(Realm(resource), [checker])  # type: ignore[arg-type]
    return HTTPAuthSessionWrapper(portal, [factory])


@pytest.fixture
def files(tmp_path: Path) -> Iterator[FileServer]:
    (tmp_path / "image.bin").write_bytes(IMAGE)
    (tmp_path / "wifi.cfg").write_text('Device.WiFi.SSID.1.SSID = "Chalet"\n')
    server = FileServer()
    root = Resource()
    root.putChild(b"open", Folder(server, tmp_path))
    root.putChild(
        b"digest", guarded(Folder(server, tmp_path), DigestCredentialFactory(b"md5", b"f"))
    )
    root.putChild(b"basic", guarded(Folder(server, tmp_path), BasicCredentialFactory(b"f")))
    root.putChild(b"up", guarded(Slot(server), DigestCredentialFactory(b"md5", b"f")))
    root.putChild(b"up-basic", guarded(Slot(server), BasicCredentialFactory(b"f")))
    reactor = SelectReactor()
    port = reactor.listenTCP(0, Site(root, reactor=reactor), interface="127.0.0.1")
    server.url = f"http://127.0.0.1:{port.getHost().port}"
    thread = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False})
    thread.start()
    yield server
    reactor.callFromThread(reactor.stop)
    thread.join()


def ont(**settings: object) -> Ont:
    return Ont("tplink-a-xx230v", IDENTITY, **settings)  # type: ignore[arg-type]


def on_reactor(work: Callable[[SelectReactor], defer.Deferred[Any]]) -> None:
    """Run ``work`` to its end on a reactor of its own."""
    reactor = SelectReactor()
    found: list[Any] = []

    def begin() -> None:
        running = work(reactor)
        running.addBoth(found.append)
        running.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.callLater(30, reactor.stop)
    reactor.run(installSignalHandlers=False)
    assert found == [None]


def by_twisted(unit: Ont, *transfers: Transfer) -> None:
    """Carry transfers on Twisted."""

    async def all_of(sessions: Sessions) -> None:
        for transfer in transfers:
            unit.transfers.ask(transfer)
            await sessions.transfer(unit, transfer)

    on_reactor(
        lambda reactor: defer.Deferred.fromCoroutine(
            all_of(Sessions(reactor, cnonce=lambda: "00c0ffee", timeout=5))
        )
    )


def by_blocking(unit: Ont, *transfers: Transfer) -> None:
    """Carry transfers on blocking sockets."""
    client = Client("http://acs/", unit, timeout=5)
    restart, unit.settle = unit.settle, lambda: None  # type: ignore[method-assign]
    for transfer in transfers:
        unit.transfers.ask(transfer)
        client.settle(delayed=True)
    unit.settle = restart  # type: ignore[method-assign]


Carry = Callable[..., None]
both = pytest.mark.parametrize("carry", [by_twisted, by_blocking])


def download(url: str, file_type: str = FIRMWARE, **more: Any) -> Transfer:
    return Transfer("Download", "k", file_type, url, **more)


@both
@pytest.mark.parametrize("door", ["open", "digest", "basic"])
def test_firmware_is_fetched_through_every_door(files: FileServer, carry: Carry, door: str) -> None:
    unit = ont()
    transfer = download(
        f"{files.url}/{door}/image.bin", username="me", password="secret", size=len(IMAGE)
    )
    carry(unit, transfer)
    assert (transfer.fault, transfer.text, transfer.state) == (0, "", State.DONE)
    assert unit.firmware == "0.9.1 Build 250101"
    unit.settle()
    assert unit.tree.get(VERSION) == "0.9.1 Build 250101"


@both
def test_a_wrong_password_is_9012_and_a_missing_file_9016(files: FileServer, carry: Carry) -> None:
    wrong = download(f"{files.url}/digest/image.bin", username="me", password="no")
    missing = download(f"{files.url}/open/nothing.bin")
    carry(ont(), wrong, missing)
    assert (wrong.fault, missing.fault) == (9012, 9016)


@both
def test_nobody_there_is_9015(files: FileServer, carry: Carry) -> None:
    gone = download("http://127.0.0.1:1/image.bin")
    carry(ont(), gone)
    assert gone.fault == 9015


@both
def test_a_download_that_breaks_is_resumed(files: FileServer, carry: Carry) -> None:
    files.dropped = 1
    transfer = download(f"{files.url}/open/image.bin", size=len(IMAGE))
    unit = ont()
    carry(unit, transfer)
    assert (transfer.fault, unit.firmware) == (0, "0.9.1 Build 250101")
    first, second = files.asked
    assert (first[1], second[1].startswith("bytes=")) == ("", True)


@both
@pytest.mark.parametrize(("cuts", "fault", "requests"), [(2, 0, 3), (3, 9017, 3)])
def test_a_unit_can_break_its_downloads_off(
    files: FileServer, carry: Carry, cuts: int, fault: int, requests: int
) -> None:
    unit = ont(misbehaviour=Misbehaviour(cut_transfers=cuts))
    transfer = download(f"{files.url}/open/image.bin")
    carry(unit, transfer)
    assert (transfer.fault, len(files.asked)) == (fault, requests)


@both
@pytest.mark.parametrize("door", ["up", "up-basic"])
def test_a_configuration_is_put_and_taken_back(files: FileServer, carry: Carry, door: str) -> None:
    unit = ont()
    sent = Transfer(
        "Upload", "k", CONFIGURATION, f"{files.url}/{door}", username="me", password="secret"
    )
    back = download(f"{files.url}/open/wifi.cfg", CONFIGURATION)
    carry(unit, sent, back)
    assert (sent.fault, back.fault) == (0, 0)
    assert b'Device.WiFi.SSID.1.SSID = "TP-Link_11C8"' in files.received[-1]
    assert unit.tree.get("Device.WiFi.SSID.1.SSID") == "Chalet"
    assert unit.restored == (1, 0)


@both
def test_an_upload_that_is_refused_is_9012_or_9011(files: FileServer, carry: Carry) -> None:
    unit = ont()
    wrong = Transfer("Upload", "k", "2 Vendor Log File", f"{files.url}/up")
    nowhere = Transfer("Upload", "k", "2 Vendor Log File", f"{files.url}/nowhere")
    carry(unit, wrong, nowhere)
    assert (wrong.fault, nowhere.fault) == (9012, 9011)


@pytest.mark.parametrize("run", ["twisted", "blocking"])
def test_a_file_is_carried_within_the_session_and_a_later_one_is_told(
    files: FileServer, acs: ScriptedAcs, run: str
) -> None:
    unit = ont()
    unit.dialect = replace(unit.dialect, in_session=True)
    asked = (
        "<cwmp:Download><CommandKey>k</CommandKey><FileType>{}</FileType>"
        f"<URL>{files.url}/open/wifi.cfg</URL><Username></Username><Password></Password>"
        "<FileSize>0</FileSize><TargetFileName></TargetFileName><DelaySeconds>0</DelaySeconds>"
        "<SuccessURL></SuccessURL><FailureURL></FailureURL></cwmp:Download>"
    )
    acs.script = [asked.format("2 Web Content"), asked.format(FIRMWARE)]
    report = on_twisted(acs.url, unit) if run == "twisted" else Client(acs.url, unit).session()
    assert report.complete
    assert [(rpc.method, rpc.status) for rpc in report.rpcs] == [("Download", 0), ("Download", 1)]
    assert b"<Status>0</Status><StartTime>20" in acs.posts[2][1]
    if run == "twisted":
        return
    assert [transfer.state for transfer in unit.transfers.queue] == [State.DONE]
    acs.script = []
    assert ("M Download", "k") in Client(acs.url, unit).session().events


class Silent(Sessions):
    """An ACS that answers every session with what the test wants: nothing."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.events: list[list[str]] = []

    def run(self, ont: Ont, events: Any, source: Any = None) -> Any:
        from simulators.cpe.report import End, SessionReport

        self.events.append([event.code for event in events])
        report = SessionReport(tuple(events), end=End.COMPLETE)
        for transfer in ont.transfers.within(State.DONE):
            ont.transfers.drop(transfer)
        ont.finish(report, ont.acs_url)
        return defer.succeed(report)


def test_in_a_life_the_report_follows_the_restart(files: FileServer) -> None:
    unit = ont(acs_url="http://acs/")
    told: list[tuple[str, dict[str, Any]]] = []
    unit.transfers.ask(download(f"{files.url}/open/image.bin", delay=1))
    seen: list[Silent] = []

    def work(reactor: SelectReactor) -> defer.Deferred[None]:
        sessions = Silent(reactor, cnonce=lambda: "c", timeout=5)
        seen.append(sessions)
        life = Life(
            unit,
            sessions,
            reactor,
            pace=Pace(scale=0.01, reboot=1),
            seed=1,
            observe=lambda _, kind, fields: told.append((kind, fields)),
            max_sessions=2,
        )
        return life.run()

    on_reactor(work)
    assert seen[0].events == [
        ["0 BOOTSTRAP"],
        ["4 VALUE CHANGE", "1 BOOT", "7 TRANSFER COMPLETE", "M Download"],
    ]
    (ended,) = [fields for kind, fields in told if kind == "transfer"]
    assert (ended["key"], ended["fault"]) == ("k", 0)
    assert unit.tree.get(VERSION) == "0.9.1 Build 250101"


@pytest.mark.parametrize(
    ("url", "windows", "fault"),
    [("/open/image.bin", ((1, 500),), 0), ("/nowhere", ((1, 200), (201, 500)), 9016)],
)
def test_a_scheduled_download_keeps_to_its_windows(
    files: FileServer, url: str, windows: tuple[tuple[int, int], ...], fault: int
) -> None:
    from simulators.cpe.transfers import Window

    unit = ont(acs_url="http://acs/")
    asked = Transfer(
        "ScheduleDownload",
        "s",
        FIRMWARE,
        files.url + url,
        windows=tuple(Window(*window, "1 At Any Time", 0) for window in windows),
    )
    unit.transfers.ask(asked)

    def work(reactor: SelectReactor) -> defer.Deferred[None]:
        sessions = Silent(reactor, cnonce=lambda: "c", timeout=5)
        life = Life(
            unit,
            sessions,
            reactor,
            pace=Pace(scale=0.005, reboot=1),
            seed=1,
            observe=lambda *_: None,
            max_sessions=2,
        )
        return life.run()

    on_reactor(work)
    assert (asked.fault, asked.state) == (fault, State.DONE)
