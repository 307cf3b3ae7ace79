"""Simulated CPEs, blocking, on Twisted and as a command, against a tiny scripted ACS."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import json
import re
import socket
import ssl
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import forked
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.selectreactor import SelectReactor

from simulators.cpe.blocking import Client
from simulators.cpe.connreq import PATH, Listener
from simulators.cpe.device import Ont
from simulators.cpe.http import Sessions, run_session
from simulators.cpe.life import Life, Pace
from simulators.cpe.misbehaviour import GOOD, Misbehaviour
from simulators.cpe.modelfile import Identity
from simulators.cpe.render import Event
from simulators.cpe.report import End, SessionReport

CWMP = "urn:dslforum-org:cwmp-1-0"
IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
SSID = "Device.WiFi.SSID.1.SSID"


def envelope(request_id: str, body: str, namespace: str = CWMP) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xmlns:cwmp="{namespace}"><soap:Header>'
        f'<cwmp:ID soap:mustUnderstand="1">{request_id}</cwmp:ID></soap:Header>'
        f"<soap:Body>{body}</soap:Body></soap:Envelope>"
    ).encode()


GET = (
    '<cwmp:GetParameterValues><ParameterNames enc:arrayType="xsd:string[1]">'
    f"<string>{SSID}</string></ParameterNames></cwmp:GetParameterValues>"
)
SET = (
    '<cwmp:SetParameterValues><ParameterList enc:arrayType="cwmp:ParameterValueStruct[1]">'
    f'<ParameterValueStruct><Name>{SSID}</Name><Value xsi:type="xsd:string">Maison</Value>'
    "</ParameterValueStruct></ParameterList><ParameterKey></ParameterKey>"
    "</cwmp:SetParameterValues>"
)
REBOOT = "<cwmp:Reboot><CommandKey>k1</CommandKey></cwmp:Reboot>"


class ScriptedAcs(ThreadingHTTPServer):
    """Answers an Inform, then sends `script` one by one, then 204. Keeps what it saw."""

    daemon_threads = True

    def __init__(self, script: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.scripts: list[list[str]] = []
        """Scripts of the next sessions, before `script` is used again."""
        self.todo: list[str] = []
        self.account: tuple[str, str] | None = None
        self.chunked = False
        self.stall = False
        self.posts: list[tuple[dict[str, str], bytes, int]] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/cwmp"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedAcs

    def do_POST(self) -> None:
        acs = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        acs.posts.append((dict(self.headers), body, self.client_address[1]))
        if acs.stall:
            acs.released.wait(10)
            self.close_connection = True
            return
        if acs.account and not self._proven(*acs.account):
            challenge = 'Digest realm="acs", nonce="n0nce", qop="auth", opaque="o"'
            self._answer(401, b"", [("WWW-Authenticate", challenge)])
        elif b"cwmp:Inform>" in body:
            acs.todo = acs.scripts.pop(0) if acs.scripts else list(acs.script)
            request_id = re.search(rb"<cwmp:ID[^>]*>(\d+)<", body)
            assert request_id
            answer = "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>"
            cookie = [("Set-Cookie", "session=abc; Path=/")]
            self._answer(200, envelope(request_id[1].decode(), answer), cookie)
        elif acs.todo:
            self._answer(200, envelope("acs-1", acs.todo.pop(0)), [])
        else:
            self._answer(204, b"", [])

    def _proven(self, username: str, password: str) -> bool:
        given = dict(re.findall(r'(\w+)="?([^",]+)"?', self.headers.get("Authorization", "")))
        if given.get("username") != username:
            return False

        def md5(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        secret = md5(f"{username}:acs:{password}")
        tail = md5(f"POST:{self.path}")
        middle = f"n0nce:{given['nc']}:{given['cnonce']}:auth"
        return given["response"] == md5(f"{secret}:{middle}:{tail}")

    def _answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", "text/xml; charset=utf-8")
        if self.server.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def acs() -> Iterator[ScriptedAcs]:
    server = ScriptedAcs([GET, SET])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ont(**settings: object) -> Ont:
    return Ont("tplink-a-xx230v", IDENTITY, **settings)  # type: ignore[arg-type]


def test_a_session_from_inform_to_204(acs: ScriptedAcs) -> None:
    unit = ont()
    report = Client(acs.url, unit).session()
    assert (report.end, report.reason) == (End.COMPLETE, "")
    assert [event.code for event in report.events] == ["0 BOOTSTRAP"]
    assert report.methods == ["GetParameterValues", "SetParameterValues"]
    assert report.rpcs[1].status == 1
    assert report.written == {SSID: "Maison"}
    assert unit.tree.get(SSID) == "Maison"
    assert (report.requests, report.connections) == (4, 1)
    assert b"TP-Link_11C8</Value>" in acs.posts[2][1]


def test_delayed_values_wait_until_the_unit_settles(acs: ScriptedAcs) -> None:
    unit = ont()
    Client(acs.url, unit, settle=False).session()
    assert unit.tree.get(SSID) == "TP-Link_11C8"
    unit.settle()
    assert unit.tree.get(SSID) == "Maison"


def test_the_cookie_comes_back_with_cookie2(acs: ScriptedAcs) -> None:
    Client(acs.url, ont()).session()
    first, *later = (headers for headers, _, _ in acs.posts)
    assert "Cookie" not in first
    assert {headers["Cookie"] for headers in later} == {"session=abc"}
    assert {headers["Cookie2"] for headers in later} == {'$Version="1"'}


def test_digest_with_the_account_of_its_own_tree(acs: ScriptedAcs) -> None:
    acs.account = ("gigafibre", "s3cret")
    report = Client(acs.url, ont(username="gigafibre", password="s3cret")).session()
    assert report.complete
    assert (report.authentication, report.username) == ("digest", "gigafibre")


def test_a_wrong_password_is_tried_once(acs: ScriptedAcs) -> None:
    acs.account = ("gigafibre", "s3cret")
    unit = ont(
        username="gigafibre", password="s3cret", misbehaviour=Misbehaviour(wrong_password=True)
    )
    report = Client(acs.url, unit).session()
    assert (report.end, report.reason) == (End.FAILED, "authentication refused")
    assert report.requests == 2
    assert unit.retry_count == 1


def test_credentials_written_by_the_acs_serve_from_the_next_session(acs: ScriptedAcs) -> None:
    acs.account = ("factory", "factory")
    leaf = "Device.ManagementServer."
    acs.script = [
        SET.replace(SSID, leaf + "Username").replace("Maison", "own"),
        SET.replace(SSID, leaf + "Password").replace("Maison", "own-secret"),
    ]
    client = Client(acs.url, ont(username="factory", password="factory"))
    assert client.session().complete
    acs.account, acs.script = ("own", "own-secret"), ["<cwmp:FactoryReset/>"]
    report = client.session()
    assert (report.complete, report.username) == (True, "own")
    acs.account, acs.script = ("factory", "factory"), []
    report = client.session()
    assert (report.complete, report.username) == (True, "factory")
    assert [event.code for event in report.events] == ["0 BOOTSTRAP"]


def test_a_new_connection_for_every_request(acs: ScriptedAcs) -> None:
    report = Client(acs.url, ont(), connection="new").session()
    assert report.complete
    assert report.connections == report.requests == 4
    assert len({port for _, _, port in acs.posts}) == 4


def test_reboot_comes_back_with_its_command_key(acs: ScriptedAcs) -> None:
    acs.script = [REBOOT]
    client = Client(acs.url, ont())
    assert client.session().methods == ["Reboot"]
    acs.script = []
    report = client.session()
    assert [tuple(event) for event in report.events] == [("M Reboot", "k1"), ("1 BOOT", "")]


def test_hanging_up_in_the_middle(acs: ScriptedAcs) -> None:
    unit = ont(misbehaviour=Misbehaviour(hang_up_after=1))
    report = Client(acs.url, unit).session()
    assert report.end is End.HUNG_UP
    assert report.methods == ["GetParameterValues"]
    assert unit.retry_count == 1


def test_chunked_answers_are_refused(acs: ScriptedAcs) -> None:
    acs.chunked = True
    report = Client(acs.url, ont()).session()
    assert (report.end, report.reason) == (End.FAILED, "chunked answers are not supported")


def test_an_acs_that_does_not_answer_is_given_up(acs: ScriptedAcs) -> None:
    acs.stall = True
    report = Client(acs.url, ont(), timeout=0.2).session()
    assert (report.end, report.reason) == (End.FAILED, "the ACS did not answer in time")


def test_no_acs_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    report = Client(f"http://127.0.0.1:{port}/", ont()).session()
    assert report.end is End.FAILED
    assert "refused" in report.reason.lower()


# --- on Twisted


def on_twisted(
    acs_url: str,
    unit: Ont,
    *events: str,
    keep: bool = True,
    timeout: float = 10.0,
) -> SessionReport:
    """Run one session on a reactor of its own."""
    reactor = SelectReactor()
    found: list[Any] = []

    def begin() -> None:
        named = [Event(event) for event in events] or None
        running = run_session(reactor, unit, acs_url, named, keep=keep, timeout=timeout)
        running.addBoth(found.append)
        running.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.callLater(30, reactor.stop)
    reactor.run(installSignalHandlers=False)
    assert isinstance(found[0], SessionReport), found
    return found[0]


@pytest.mark.parametrize(("keep", "connections"), [(True, 1), (False, 5)])
def test_twisted_runs_the_same_session_with_digest(
    acs: ScriptedAcs, keep: bool, connections: int
) -> None:
    acs.account = ("gigafibre", "s3cret")
    unit = ont(username="gigafibre", password="s3cret")
    report = on_twisted(acs.url, unit, keep=keep)
    assert (report.end, report.reason) == (End.COMPLETE, "")
    assert report.methods == ["GetParameterValues", "SetParameterValues"]
    assert (report.authentication, report.requests) == ("digest", 5)
    assert report.connections == connections
    assert len({port for _, _, port in acs.posts}) == connections


def test_both_edges_send_the_same_bytes(acs: ScriptedAcs) -> None:
    on_twisted(acs.url, ont(), "0 BOOTSTRAP")
    twisted = [(headers, body) for headers, body, _ in acs.posts]
    acs.posts.clear()
    Client(acs.url, ont()).session()
    assert [(headers, body) for headers, body, _ in acs.posts] == twisted


def test_twisted_gives_up_an_acs_that_does_not_answer(acs: ScriptedAcs) -> None:
    acs.stall = True
    report = on_twisted(acs.url, ont(), timeout=0.2)
    assert (report.end, report.reason) == (End.FAILED, "the ACS did not answer in time")


def test_twisted_says_when_no_acs_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert on_twisted(f"http://127.0.0.1:{port}/", ont()).end is End.FAILED


def test_both_edges_tell_how_a_session_was_lost(acs: ScriptedAcs) -> None:
    def kinds(url: str, wrong: Misbehaviour = GOOD, timeout: float = 10.0) -> list[str]:
        reports = (
            Client(url, ont(misbehaviour=wrong), timeout=timeout).session(),
            on_twisted(url, ont(misbehaviour=wrong), timeout=timeout),
        )
        assert [report.end for report in reports] == [End.FAILED] * 2
        return [report.kind for report in reports]

    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    assert kinds(nobody) == ["connection refused"] * 2
    assert kinds(acs.url, Misbehaviour(half_body=True)) == ["hung up on purpose"] * 2
    acs.chunked = True
    assert kinds(acs.url) == ["broken answer"] * 2
    acs.account = ("somebody", "else")
    assert kinds(acs.url) == ["broken answer"] * 2
    acs.chunked = False
    assert kinds(acs.url) == ["not authenticated"] * 2
    acs.stall = True
    assert kinds(acs.url, timeout=0.2) == ["timed out"] * 2


def test_a_trickle_and_a_huge_head_arrive_whole(acs: ScriptedAcs) -> None:
    acs.script = []
    wrong = Misbehaviour(trickle=50_000, slow=0.01, huge_head=5_000)
    for report in (
        Client(acs.url, ont(misbehaviour=wrong)).session(),
        on_twisted(acs.url, ont(misbehaviour=wrong)),
    ):
        assert (report.end, report.requests) == (End.COMPLETE, 2)
    assert [bool(body) for _, body, _ in acs.posts] == [True, False] * 2
    assert all(headers["X-Padding"] for headers, *_ in acs.posts)


def test_a_connection_request_wakes_a_unit(acs: ScriptedAcs) -> None:
    acs.script = []
    reactor = SelectReactor()
    unit = ont(acs_url=acs.url)
    asked: list[int] = []

    def ask(port: int) -> None:
        url = f"http://127.0.0.1:{port}{PATH}"
        manager = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        manager.add_password(None, url, "admin", "admin")
        opener = urllib.request.build_opener(urllib.request.HTTPDigestAuthHandler(manager))
        asked.append(opener.open(url, timeout=10).status)

    def observe(_: Ont, kind: str, fields: dict[str, Any]) -> None:
        if kind == "session-end" and not asked:
            reactor.callInThread(ask, port.getHost().port)

    life = Life(
        unit,
        Sessions(reactor, cnonce=lambda: "c"),
        reactor,
        pace=Pace(),
        seed=1,
        observe=observe,
        max_sessions=2,
    )
    listener = Listener(
        reactor,
        lambda: unit.connection_request_account,
        life.request_connection,
        lambda: "nonce",
    )
    port = reactor.listenTCP(0, listener, interface="127.0.0.1")

    def begin() -> None:
        life.run().addBoth(lambda _: reactor.callLater(0.1, reactor.stop))

    reactor.callWhenRunning(begin)
    reactor.callLater(30, reactor.stop)
    reactor.run(installSignalHandlers=False)
    assert asked == [200]
    codes = [re.findall(rb"<EventCode>([^<]+)<", body) for _, body, _ in acs.posts if body]
    assert codes == [[b"0 BOOTSTRAP"], [b"6 CONNECTION REQUEST"]]


# --- over TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Certificate and key for 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acs")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, none = serialization.Encoding.PEM, serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    file = tmp_path / "acs.pem"
    file.write_bytes(made.public_bytes(pem) + key.private_bytes(pem, form, none))
    return file


def test_both_edges_over_tls(acs: ScriptedAcs, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    acs.socket = context.wrap_socket(acs.socket, server_side=True)
    url = acs.url.replace("http://", "https://")
    trusted = str(certificate)
    blocking = Client(url, ont(), ca_file=trusted).session()
    assert (blocking.end, blocking.reason, blocking.connections) == (End.COMPLETE, "", 1)
    assert Client(url, ont()).session().end is End.FAILED
    # Twisted buffers TLS writes on the process's own reactor: this edge runs as a command.
    unit = ["--model", "tplink-a-xx230v", "--serial", "1", "--max-sessions", "1", "--json"]
    trusting = command("run", "--acs", url, *unit, "--ca-file", trusted)
    doubting = command("run", "--acs", url, *unit)
    assert [session_end(done) for done in (trusting, doubting)] == ["complete", "failed"]
    assert "TLS: certificate verify failed" in doubting.stdout


# --- as a command


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.run("cpe-sim", *arguments)


def events_of(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def session_end(done: subprocess.CompletedProcess[str]) -> str:
    (end,) = [line["end"] for line in events_of(done) if line["event"] == "session-end"]
    return str(end)


def test_the_command_runs_a_unit_until_it_is_provisioned(acs: ScriptedAcs, tmp_path: Path) -> None:
    key = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
    acs.scripts = [[SET, SET.replace(SSID, key).replace("Maison", "motdepasse")], []]
    base = ["--acs", acs.url, "--time-scale", "0.001", "--state-dir", str(tmp_path), "--json"]
    unit = ["--model", "tplink-a-xx230v", "--serial", "22275A7000001"]
    done = command("run", *base, *unit, "--once")
    assert (done.returncode, done.stderr) == (0, "")
    lines = events_of(done)
    assert [line["event"] for line in lines if line["event"] != "set"] == [
        "boot", "session-start", "rpc", "rpc", "session-end", "applied", "session-start",
        "session-end",
    ]  # fmt: skip
    assert [line["value"] for line in lines if line["event"] == "set"] == ["Maison", "***"]
    assert "motdepasse" not in done.stdout

    acs.scripts = []
    acs.script = [GET]
    again = events_of(command("run", *base, *unit, "--max-sessions", "1"))
    assert again[0]["events"] == ["1 BOOT"]
    assert any(b"Maison</Value>" in body for _, body, _ in acs.posts)


def test_the_demonstration_has_three_units(acs: ScriptedAcs) -> None:
    acs.script = []
    done = command("demo", "--acs", acs.url, "--max-sessions", "1", "--json")
    assert done.returncode == 0
    booted = {line["serial"] for line in events_of(done) if line["event"] == "boot"}
    assert booted == {"22275A7000001", "2226469000002", "225C1CU000003"}
    classes = {
        found[1]
        for _, body, _ in acs.posts
        if (found := re.search(rb"<ProductClass>([^<]+)<", body))
    }
    assert classes == {b"Device2", b"EX220", b"XC220-G3v"}


def test_once_fails_where_nothing_was_provisioned(acs: ScriptedAcs) -> None:
    acs.script = []
    done = command("demo", "--acs", acs.url, "--once", "--max-sessions", "1")
    assert done.returncode == 1
    assert "not provisioned: 22275A7000001, 2226469000002" in done.stderr


def test_bad_options_get_a_clear_error() -> None:
    done = command("run", "--acs", "http://127.0.0.1/", "--model", "nonsense", "--serial", "1")
    assert done.returncode == 1
    assert "there are generic-tr098" in done.stderr
