"""Hostile octets at the real port: after all of it the server is well, and serves a device."""

from __future__ import annotations

import gzip
import random
import socket
import zlib
from collections.abc import Iterator

import pytest
from acs_fixtures import NewCpe, StartAcs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_cpe import TIMEOUT, Answer, Form, RawCpe, is_closed, read_answer
from running_acs import RunningAcs, wait_for

TREE = {
    "Device.Ethernet.Interface.1.MACAddress": ("A4:B1:C2:00:00:04", "string"),
    "Device.Ethernet.Link.1.MACAddress": ("A4:B1:C2:00:00:04", "string"),
    "Device.DeviceInfo.ModelName": ("Gate 3000", "string"),
}
HEAD = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/xml\r\n"
FEW = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def bare(start_acs: StartAcs) -> RunningAcs:
    """A server that lets everybody in, so that all octets reach the parsers behind the door."""
    return start_acs(AUTH_MODE="none", HTTP_REQUEST_SECONDS="1", HTTP_CONNECTIONS_PER_ADDRESS="300")


@pytest.fixture(autouse=True)
def _unharmed(bare: RunningAcs, new_cpe: NewCpe) -> Iterator[None]:
    """Whatever a test did: health is well, nothing of ours failed, a device is served."""
    yield
    assert bare.health()["status"] == "ok"
    cpe = new_cpe(port=bare.port(), tree=dict(TREE))
    assert cpe.session("0 BOOTSTRAP") == ["GetParameterValues"]
    assert "internal error" not in bare.log
    assert "Traceback" not in bare.stderr


def connect(acs: RunningAcs) -> socket.socket:
    return socket.create_connection(("127.0.0.1", acs.port()), TIMEOUT)


def send(acs: RunningAcs, data: bytes, *, whole: bool = True) -> Answer | None:
    """Send octets; the answer, or None for a connection that just ends.

    What may be no ``whole`` request is followed by our end, so that nobody waits for more.
    """
    with connect(acs) as connection:
        try:
            connection.sendall(data)
            if not whole:
                connection.shutdown(socket.SHUT_WR)
            return read_answer(connection)
        except (EOFError, ConnectionError):
            return None


def post(acs: RunningAcs, body: bytes, *headers: str) -> Answer | None:
    lines = "".join(f"{header}\r\n" for header in headers)
    return send(acs, f"{HEAD}{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)


# --- random octets ------------------------------------------------------------------------------


@FEW
@given(data=st.binary(max_size=2000))
def test_random_octets(bare: RunningAcs, data: bytes) -> None:
    answer = send(bare, data, whole=False)
    assert answer is None or 400 <= answer.status < 500, answer


@FEW
@given(body=st.binary(max_size=2000))
def test_random_bodies(bare: RunningAcs, body: bytes) -> None:
    answer = post(bare, body)
    assert answer is not None
    assert answer.status in (400, 401), "401 invites who knocks with an empty POST first"


@FEW
@given(seed=st.integers(min_value=0), damage=st.integers(min_value=1, max_value=40))
def test_damaged_informs(bare: RunningAcs, seed: int, damage: int) -> None:
    body = bytearray(RawCpe(0, "SNDAMAGED").inform("0 BOOTSTRAP", "1 BOOT"))
    chance = random.Random(seed)
    for _ in range(damage):
        position = chance.randrange(len(body))
        match chance.randrange(3):
            case 0:
                body[position] = chance.randrange(256)
            case 1:
                del body[position : position + chance.randrange(20)]
            case _:
                body[position:position] = body[position : position + chance.randrange(60)]
    answer = post(bare, bytes(body))
    assert answer is not None
    assert answer.status in (200, 400)


@FEW
@given(
    names=st.lists(st.text(st.characters(codec="utf-8"), max_size=40), min_size=1, max_size=8),
    values=st.lists(st.binary(max_size=60), min_size=1, max_size=8),
)
def test_random_header_fields(bare: RunningAcs, names: list[str], values: list[bytes]) -> None:
    lines = b"".join(
        name.encode() + b": " + value + b"\r\n" for name, value in zip(names, values, strict=False)
    )
    head = HEAD.encode() + lines + b"Content-Length: 0\r\n\r\n"
    answer = send(bare, head, whole=False)
    assert answer is None or answer.status < 500 or answer.status in (501, 505)


@FEW
@given(cookie=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300))
def test_random_cookies_open_nobodys_session(bare: RunningAcs, cookie: str) -> None:
    answer = send(
        bare, f"{HEAD}Cookie: acs={cookie}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")
    )
    assert answer is not None
    assert answer.status in (400, 401)


@FEW
@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=300))
def test_random_credentials(start_acs: StartAcs, acs: RunningAcs, header: str) -> None:
    answer = post(acs, b"x", f"Authorization: Digest {header}".encode().decode("latin-1"))
    assert answer is not None
    assert answer.status in (400, 401)
    assert "internal error" not in acs.log


# --- bombs --------------------------------------------------------------------------------------


def test_a_huge_header(bare: RunningAcs) -> None:
    answer = send(bare, HEAD.encode() + b"X-Fill: " + b"a" * 100_000)
    assert answer is not None
    assert answer.status == 431


def test_many_header_fields(bare: RunningAcs) -> None:
    answer = send(bare, HEAD.encode() + b"".join(b"X%d: 1\r\n" % n for n in range(2000)) + b"\r\n")
    assert answer is not None
    assert answer.status == 431


def test_a_huge_request_line(bare: RunningAcs) -> None:
    answer = send(bare, b"POST /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n")
    assert answer is not None
    assert answer.status == 431


def test_a_huge_body_is_refused_before_it_is_sent(bare: RunningAcs) -> None:
    with connect(bare) as connection:
        connection.sendall(HEAD.encode() + b"Content-Length: 1000000000\r\n\r\n<")
        assert read_answer(connection).status == 413
        assert is_closed(connection)


def test_a_chunked_body_without_end(bare: RunningAcs) -> None:
    chunk = b"10000\r\n" + b"a" * 65536 + b"\r\n"
    with connect(bare) as connection:
        connection.sendall(HEAD.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises((ConnectionError, EOFError, AssertionError)):
            for _ in range(200):
                connection.sendall(chunk)
            raise AssertionError("13 MB were taken")
        # The answer may be lost under what we were still sending; the connection is over.
        assert is_closed(connection) or read_rest(connection)


def read_rest(connection: socket.socket) -> bool:
    """Read to the end."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_compressed_bomb(bare: RunningAcs, coding: str) -> None:
    compress = gzip.compress if coding == "gzip" else zlib.compress
    bomb = compress(b" " * 50_000_000, 9)
    answer = post(bare, bomb, f"Content-Encoding: {coding}")
    assert answer is not None
    assert answer.status == 413


LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><x>&j;</x>"
)
OUTSIDE = (
    '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    '<SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">'
    "<SOAP-ENV:Body>&e;</SOAP-ENV:Body></SOAP-ENV:Envelope>"
)


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS.encode(),
        OUTSIDE.encode(),
        b"<a>" * 200_000,
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b"<a " + b" ".join(b'x%d="1"' % n for n in range(50_000)) + b"/>",
        b"<" * 300_000,
        b"&" * 300_000,
        b"\x00" * 300_000,
        "é".encode("utf-16") * 1000,
        b"\xef\xbb\xbf" * 1000,
    ],
    ids=[
        "billion laughs",
        "outside entity",
        "open elements",
        "deep nesting",
        "attributes",
        "angles",
        "ampersands",
        "zeros",
        "UTF-16",
        "byte order marks",
    ],
)
def test_a_bomb_of_xml(bare: RunningAcs, body: bytes) -> None:
    answer = post(bare, body)
    assert answer is not None
    assert answer.status == 400
    assert b"root:" not in answer.body


def test_an_inform_of_twenty_thousand_parameters(bare: RunningAcs, new_cpe: NewCpe) -> None:
    """Large, and not hostile: one that fits the bounds is served."""
    cpe = new_cpe(port=bare.port())
    values = {f"Device.X.P{n}": ("1", "string") for n in range(20_000)}
    assert cpe.open("0 BOOTSTRAP", values=values).name == "InformResponse"


# --- slow and half-open -------------------------------------------------------------------------


def test_slowloris_is_answered_408(bare: RunningAcs) -> None:
    with connect(bare) as connection:
        connection.sendall(HEAD.encode())
        assert read_answer(connection).status == 408
        assert is_closed(connection)


def test_a_trickling_body_is_answered_408(bare: RunningAcs) -> None:
    with connect(bare) as connection:
        connection.sendall(HEAD.encode() + b"Content-Length: 5000\r\n\r\n<SOAP")
        assert read_answer(connection).status == 408


def test_200_half_open_connections_at_once(bare: RunningAcs, new_cpe: NewCpe) -> None:
    """A part of a request on each; a device is served meanwhile, and all are ended by time."""
    request = RawCpe(bare.port(), "SNHALF").render(RawCpe(0, "SNHALF").inform())
    connections = [connect(bare) for _ in range(200)]
    try:
        for number, connection in enumerate(connections):
            connection.sendall(request[: 1 + number % len(request)])
        cpe = new_cpe(port=bare.port(), tree=dict(TREE))
        assert cpe.session("0 BOOTSTRAP") == ["GetParameterValues"]
        assert {read_answer(connection).status for connection in connections} == {408}
    finally:
        for connection in connections:
            connection.close()


def test_connections_beyond_the_share_of_one_address_are_cut(bare: RunningAcs) -> None:
    connections = []
    try:
        for _ in range(310):
            try:
                connections.append(connect(bare))
            except ConnectionError:
                break
        assert is_closed(connections[-1])
    finally:
        for connection in connections:
            connection.close()

    def served() -> bool:
        try:
            return send(bare, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") is not None
        except ConnectionError:
            return False

    assert wait_for("the address to be let in again", served)


def test_a_peer_that_resets_in_the_middle_of_its_session(bare: RunningAcs, new_cpe: NewCpe) -> None:
    cpe = new_cpe(port=bare.port(), tree=dict(TREE))
    for _ in range(20):
        cpe.open("0 BOOTSTRAP")
        connection = cpe.connection
        assert connection is not None
        connection.sendall(cpe.render(b""))
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        connection.close()
        cpe.connection = None
        cpe.cookie = ""
    assert cpe.session("0 BOOTSTRAP") == ["GetParameterValues"]


# --- lies in an answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Form().call("GetParameterValuesResponse", Form().values({"Device.Lie": ("1", "string")})),
        Form().call("GetParameterValuesResponse"),
        Form().call("SetParameterValuesResponse", "<Status>7</Status>"),
        Form().call("AddObjectResponse", "<InstanceNumber>-1</InstanceNumber>"),
        Form().call("X_Response", "<A/>"),
        Form().fault(99_999_999_999),
        Form().envelope(""),
        Form().call(
            "GetParameterValuesResponse",
            Form().values(dict.fromkeys(TREE, ("&#0;" * 1000, "int"))),
        ),
    ],
    ids=["other", "empty", "other method", "negative", "unknown", "code", "no body", "zeros"],
)
def test_a_device_that_answers_nonsense_harms_only_itself(
    bare: RunningAcs, new_cpe: NewCpe, answer: bytes
) -> None:
    cpe = new_cpe(port=bare.port())
    cpe.open("0 BOOTSTRAP")
    reply = cpe.post()
    assert reply.name == "GetParameterValues"
    for _ in range(20):
        reply = cpe.post(answer)
        if reply.status != 200:
            break
    assert reply.status in (204, 400)
