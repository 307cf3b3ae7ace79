"""The HTTP edge over real sockets, plain and TLS, in a reactor of its own."""

from __future__ import annotations

import datetime
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.epollreactor import EPollReactor

from acs.http import (
    Bounds,
    FileTls,
    Handler,
    HttpFactory,
    Reply,
    Request,
    TlsError,
    listen,
    tls_context_factory,
)
from acs.http.listen import split_address

POST = b"POST /acs HTTP/1.1\r\nHost: acs\r\nContent-Length: 3\r\n\r\none"


class Served:
    """A reactor in a thread, and what listens in it."""

    def __init__(self) -> None:
        self.reactor: Any = EPollReactor()
        self.errors: list[BaseException] = []
        self._thread = threading.Thread(target=self.reactor.run, args=(False,), daemon=True)
        self._thread.start()

    def call(self, function: Callable[[], Any]) -> Any:
        """Run in the reactor's thread; give back what it gives."""
        box: queue.Queue[tuple[bool, Any]] = queue.Queue()

        def run() -> None:
            try:
                box.put((True, function()))
            except Exception as error:
                box.put((False, error))

        self.reactor.callFromThread(run)
        worked, value = box.get(timeout=30)
        if not worked:
            raise value
        return value

    def serve(
        self,
        handler: Handler,
        *,
        bounds: Bounds | None = None,
        tls: FileTls | None = None,
        host: str = "127.0.0.1",
    ) -> tuple[str, int]:
        factory = HttpFactory(
            handler, reactor=self.reactor, bounds=bounds, on_error=self.errors.append
        )
        port = self.call(lambda: listen(self.reactor, f"{host}:0", factory, tls))
        address = self.call(port.getHost)
        return address.host, address.port

    def stop(self) -> None:
        self.reactor.callFromThread(self.reactor.stop)
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.stop()


def echo(request: Request) -> Reply:
    return Reply(200, request.body)


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=30)


def receive(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer, by its Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = client.recv(65536)
        assert part, f"connection ended after {data!r}"
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    while len(body) < int(headers["Content-Length"]):
        body += client.recv(65536)
    return int(first.split()[1]), headers, body


def ended(client: socket.socket) -> bool:
    """Wait for the server to end the connection, by close or by reset."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def cut(address: tuple[str, int]) -> bool:
    """Whether a new connection is ended at once; the reset may even come before connect is done."""
    try:
        with connect(address) as client:
            return ended(client)
    except ConnectionResetError:
        return True


class TestPlain:
    def test_a_kept_connection(self, served: Served) -> None:
        with connect(served.serve(echo)) as client:
            for _ in range(3):
                client.sendall(POST)
                status, headers, body = receive(client)
                assert (status, headers["Connection"], body) == (200, "keep-alive", b"one")

    def test_fragments_over_the_wire(self, served: Served) -> None:
        with connect(served.serve(echo)) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for octet in POST:
                client.sendall(bytes([octet]))
            assert receive(client)[2] == b"one"

    def test_connection_close(self, served: Served) -> None:
        with connect(served.serve(echo)) as client:
            client.sendall(POST.replace(b"Host: acs", b"Connection: close"))
            assert receive(client)[1]["Connection"] == "close"
            assert ended(client)

    def test_ipv6(self, served: Served) -> None:
        try:
            address = served.serve(echo, host="[::1]")
        except Exception:
            pytest.skip("no IPv6 loopback here")
        with connect(address) as client:
            client.sendall(POST)
            assert receive(client)[0] == 200

    def test_a_refused_peer_that_is_still_sending_gets_the_answer(self, served: Served) -> None:
        address = served.serve(echo, bounds=Bounds(body_bytes=1000))
        with connect(address) as client:
            client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n")
            client.sendall(b"x" * 3_000_000)
            assert receive(client)[0] == 413
            assert ended(client)

    def test_connections_without_an_octet_leave_no_trace(self, served: Served) -> None:
        address = served.serve(echo)
        for _ in range(5):
            connect(address).close()
        with connect(address) as client:
            client.sendall(POST)
            status = receive(client)[0]
        assert status == 200
        assert not served.errors

    def test_idle_connection_is_closed(self, served: Served) -> None:
        with connect(served.serve(echo, bounds=Bounds(idle_seconds=0.1))) as client:
            client.sendall(POST)
            receive(client)
            assert ended(client)

    def test_slow_request_is_408(self, served: Served) -> None:
        with connect(served.serve(echo, bounds=Bounds(request_seconds=0.1))) as client:
            client.sendall(POST[:-1])
            assert receive(client)[0] == 408
            assert ended(client)

    def test_a_peer_that_never_reads_is_cut(self, served: Served) -> None:
        gone = threading.Event()

        def huge(request: Request) -> Reply:
            request.connection.on_lost.append(gone.set)
            return Reply(200, b"x" * 20_000_000)

        bounds = Bounds(idle_seconds=0.1, closing_seconds=0.1)
        with connect(served.serve(huge, bounds=bounds)) as client:
            client.sendall(POST)
            assert gone.wait(30)

    def test_requests_behind_an_unread_answer_wait_and_are_answered(self, served: Served) -> None:
        address = served.serve(lambda request: Reply(200, request.body * 700_000))
        with connect(address) as client:
            client.sendall(POST * 5)
            for _ in range(5):
                assert len(receive_exactly(client)) == 2_100_000
        assert not served.errors

    def test_a_full_server_answers_503(self, served: Served) -> None:
        address = served.serve(echo, bounds=Bounds(max_connections=1, retry_seconds=10))
        with connect(address) as first:
            first.sendall(POST)
            receive(first)
            with connect(address) as second:
                status, headers, _ = receive(second)
                assert status == 503
                assert 10 <= int(headers["Retry-After"]) <= 20
                assert ended(second)
            first.sendall(POST)
            assert receive(first)[0] == 200

    def test_one_address_beyond_its_share_is_cut(self, served: Served) -> None:
        address = served.serve(echo, bounds=Bounds(max_connections_per_address=1))
        with connect(address) as first:
            first.sendall(POST)
            receive(first)
            assert cut(address)

    def test_a_session_ends_with_its_connection(self, served: Served) -> None:
        lost = threading.Event()

        def bind(request: Request) -> Reply:
            request.connection.on_lost.append(lost.set)
            return Reply(204)

        with connect(served.serve(bind)) as client:
            client.sendall(POST)
            receive(client)
        assert lost.wait(30)


def receive_exactly(client: socket.socket) -> bytes:
    """One answer and not an octet of the next."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(1)
    length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    body = bytearray()
    while len(body) < length:
        body += client.recv(length - len(body))
    return bytes(body)


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("127.0.0.1:7547", ("127.0.0.1", 7547)),
            (":7547", ("", 7547)),
            ("[::]:0", ("::", 0)),
            ("acs.example:80", ("acs.example", 80)),
        ],
    )
    def test_good(self, text: str, expected: tuple[str, int]) -> None:
        assert split_address(text) == expected

    @pytest.mark.parametrize(
        "text", ["", "7547", "host:", "host:70000", "host:-1", "::1:80", "a:²"]
    )
    def test_bad(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"host:port|brackets"):
            split_address(text)


@dataclass
class Authority:
    """A CA that signs certificates into a directory."""

    directory: Path
    name: str

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._build(self.name, self.key, ca=True)
        self.path = self.directory / f"{self.name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _build(
        self, common_name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def issue(self, common_name: str, file_name: str) -> tuple[Path, Path]:
        """Write certificate and key; give their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._build(common_name, key, ca=False)
        certificate_path = self.directory / f"{file_name}.crt"
        key_path = self.directory / f"{file_name}.key"
        certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate_path, key_path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "Test CA")


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.path))


def connect_tls(
    address: tuple[str, int], context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSocket:
    return context.wrap_socket(connect(address), server_hostname="localhost", session=session)


def exchange(address: tuple[str, int], context: ssl.SSLContext) -> bytes:
    with connect_tls(address, context) as client:
        client.sendall(POST)
        return receive(client)[2]


def whom(request: Request) -> Reply:
    """Says what TLS knows of the peer."""
    certificate = request.connection.certificate
    name = certificate.subject.rfc4514_string() if certificate is not None else "nobody"
    return Reply(200, f"{name} {request.connection.secure}".encode())


def server_name(address: tuple[str, int], context: ssl.SSLContext) -> str:
    with connect_tls(address, context) as client:
        octets = client.getpeercert(binary_form=True)
        assert octets is not None
        return x509.load_der_x509_certificate(octets).subject.rfc4514_string()


class TestTls:
    def test_request_and_answer(self, served: Served, authority: Authority) -> None:
        address = served.serve(whom, tls=tls_context_factory(*authority.issue("acs", "server")))
        assert exchange(address, trusting(authority)) == b"nobody True"

    def test_kept_connection_and_http11_by_alpn(self, served: Served, authority: Authority) -> None:
        address = served.serve(echo, tls=tls_context_factory(*authority.issue("acs", "server")))
        context = trusting(authority)
        context.set_alpn_protocols(["h2", "http/1.1"])
        with connect_tls(address, context) as client:
            assert client.selected_alpn_protocol() == "http/1.1"
            for _ in range(3):
                client.sendall(POST)
                assert receive(client)[2] == b"one"

    def test_unread_answers_under_tls(self, served: Served, authority: Authority) -> None:
        tls = tls_context_factory(*authority.issue("acs", "server"))
        address = served.serve(lambda request: Reply(200, request.body * 700_000), tls=tls)
        with connect_tls(address, trusting(authority)) as client:
            client.sendall(POST * 4)
            for _ in range(4):
                assert len(receive_exactly(client)) == 2_100_000

    def test_refusal_under_tls_reaches_the_peer(self, served: Served, authority: Authority) -> None:
        tls = tls_context_factory(*authority.issue("acs", "server"))
        address = served.serve(echo, tls=tls, bounds=Bounds(body_bytes=10))
        with connect_tls(address, trusting(authority)) as client:
            client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n")
            assert receive(client)[0] == 413

    def test_full_server_under_tls(self, served: Served, authority: Authority) -> None:
        tls = tls_context_factory(*authority.issue("acs", "server"))
        address = served.serve(echo, tls=tls, bounds=Bounds(max_connections=1))
        with connect_tls(address, trusting(authority)) as first:
            first.sendall(POST)
            receive(first)
            with connect_tls(address, trusting(authority)) as second:
                assert receive(second)[0] == 503

    def test_cut_under_tls(self, served: Served, authority: Authority) -> None:
        tls = tls_context_factory(*authority.issue("acs", "server"))
        address = served.serve(echo, tls=tls, bounds=Bounds(max_connections_per_address=1))
        with connect_tls(address, trusting(authority)) as first:
            first.sendall(POST)
            receive(first)
            assert cut(address)
            first.sendall(POST)
            assert receive(first)[0] == 200
        assert not served.errors

    def test_plain_http_to_a_tls_port_ends_and_harms_nobody(
        self, served: Served, authority: Authority
    ) -> None:
        address = served.serve(echo, tls=tls_context_factory(*authority.issue("acs", "server")))
        with connect(address) as client:
            client.sendall(POST)
            while client.recv(100):
                pass
        assert exchange(address, trusting(authority)) == b"one"

    def test_a_handshake_that_never_comes_is_ended(
        self, served: Served, authority: Authority
    ) -> None:
        tls = tls_context_factory(*authority.issue("acs", "server"))
        bounds = Bounds(idle_seconds=0.1, closing_seconds=0.1)
        with connect(served.serve(echo, tls=tls, bounds=bounds)) as client:
            assert ended(client)

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    @pytest.mark.parametrize(("minimum", "served_too"), [("TLSv1.2", False), ("TLSv1.0", True)])
    def test_old_versions_only_when_asked_for(
        self, served: Served, authority: Authority, minimum: str, served_too: bool
    ) -> None:
        tls = tls_context_factory(*authority.issue("acs", "server"), minimum=minimum)
        address = served.serve(echo, tls=tls)
        context = trusting(authority)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
        if served_too:
            assert exchange(address, context) == b"one"
        else:
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                exchange(address, context)

    def test_unknown_minimum(self, authority: Authority) -> None:
        with pytest.raises(ValueError, match=r"SSLv3.*TLSv1\.2"):
            tls_context_factory(*authority.issue("acs", "server"), minimum="SSLv3")


class TestClientCertificates:
    def serve(self, served: Served, authority: Authority, *, required: bool) -> tuple[str, int]:
        certificate, key = authority.issue("acs", "server")
        tls = tls_context_factory(certificate, key, authority.path, required=required)
        return served.serve(whom, tls=tls)

    @pytest.mark.parametrize("required", [False, True])
    def test_presented(self, served: Served, authority: Authority, required: bool) -> None:
        address = self.serve(served, authority, required=required)
        context = trusting(authority)
        context.load_cert_chain(*authority.issue("1C61B4-22275A3000001", "cpe"))
        assert exchange(address, context) == b"CN=1C61B4-22275A3000001 True"

    def test_absent(self, served: Served, authority: Authority) -> None:
        address = self.serve(served, authority, required=False)
        assert exchange(address, trusting(authority)) == b"nobody True"

    def test_absent_but_required(self, served: Served, authority: Authority) -> None:
        address = self.serve(served, authority, required=True)
        with pytest.raises((ssl.SSLError, ConnectionResetError, AssertionError)):
            exchange(address, trusting(authority))

    def test_signed_by_somebody_else(
        self, served: Served, authority: Authority, tmp_path: Path
    ) -> None:
        address = self.serve(served, authority, required=False)
        context = trusting(authority)
        context.load_cert_chain(*Authority(tmp_path, "Other CA").issue("cpe", "stranger"))
        with pytest.raises((ssl.SSLError, ConnectionResetError, AssertionError)):
            exchange(address, context)
        assert exchange(address, trusting(authority)) == b"nobody True"

    def test_a_resumed_session_keeps_the_certificate(
        self, served: Served, authority: Authority
    ) -> None:
        address = self.serve(served, authority, required=False)
        context = trusting(authority)
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # where the session is there at once
        context.load_cert_chain(*authority.issue("cpe", "cpe"))
        with connect_tls(address, context) as client:
            client.sendall(POST)
            assert receive(client)[2] == b"CN=cpe True"
            session = client.session
        with connect_tls(address, context, session) as client:
            assert client.session_reused
            client.sendall(POST)
            assert receive(client)[2] == b"CN=cpe True"


class TestReload:
    def test_new_files_serve_the_next_connection(
        self, served: Served, authority: Authority
    ) -> None:
        time = [0.0]
        files = authority.issue("old", "server")
        tls = tls_context_factory(*files, check_seconds=30, seconds=lambda: time[0])
        address = served.serve(echo, tls=tls)
        context = trusting(authority)
        with connect_tls(address, context) as running:
            assert server_name(address, context) == "CN=old"
            authority.issue("new", "server")
            assert server_name(address, context) == "CN=old"  # not looked at yet
            time[0] = 30.0
            assert server_name(address, context) == "CN=new"
            running.sendall(POST)
            assert receive(running)[0] == 200

    def test_broken_files_are_reported_once_and_the_old_serve_on(
        self, served: Served, authority: Authority
    ) -> None:
        errors: list[TlsError] = []
        certificate, key = authority.issue("old", "server")
        tls = tls_context_factory(certificate, key, check_seconds=0, on_error=errors.append)
        address = served.serve(echo, tls=tls)
        context = trusting(authority)
        good = key.read_bytes()
        key.write_text("not a key")
        assert server_name(address, context) == "CN=old"
        assert server_name(address, context) == "CN=old"
        assert len(errors) == 1
        assert str(key) in str(errors[0])
        assert "not a key" not in str(errors[0])
        key.write_bytes(good)
        certificate.unlink()
        assert server_name(address, context) == "CN=old"
        assert len(errors) == 2

    def test_reload_says_whether_it_worked(self, authority: Authority) -> None:
        errors: list[TlsError] = []
        certificate, key = authority.issue("old", "server")
        tls = tls_context_factory(certificate, key, on_error=errors.append)
        authority.issue("new", "server")
        assert tls.reload()
        authority.issue("half", "other")[0].replace(certificate)  # the key does not fit
        assert not tls.reload()
        assert len(errors) == 1

    @pytest.mark.parametrize("broken", ["server.crt", "server.key", "Test CA.pem"])
    @pytest.mark.parametrize("text", [None, "", "garbage"])
    def test_bad_files_at_the_start(
        self, authority: Authority, broken: str, text: str | None
    ) -> None:
        certificate, key = authority.issue("acs", "server")
        path = authority.directory / broken
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        with pytest.raises(TlsError, match=broken.replace(".", r"\.")):
            tls_context_factory(certificate, key, authority.path)

    def test_an_encrypted_key_is_refused_without_asking(self, authority: Authority) -> None:
        certificate, key = authority.issue("acs", "server")
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        key.write_bytes(
            private.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"secret"),
            )
        )
        with pytest.raises(TlsError, match="encrypted"):
            tls_context_factory(certificate, key)
