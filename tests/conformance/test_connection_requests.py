"""Connection requests (TR-069 3.2.2) against every web server of a device that is known.

The machine talks with the answers of the simulated unit, quirk by quirk, and with replies that
were written down; nothing here has a socket.
"""

from __future__ import annotations

import re
from base64 import b64decode

import pytest

from acs.cwmp.wakeup.request import MOST_OCTETS, Action, ConnectionRequest, Done, Send
from acs.cwmp.wakeup.target import Target
from acs.devices.waking import Reply
from acs.model import Secret
from simulators.cpe.connreq import Door, Quirk, answer

TARGET = Target("100.64.7.9", 7547, "/tr069")
PASSWORD = "s3cret-of-the-unit"
CNONCE = "0123456789abcdef"
CHALLENGE = (
    b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="n", qop="auth"\r\n'
    b"Content-Length: 0\r\n\r\n"
)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def request(*, password: str | None = PASSWORD, allow_basic: bool = False) -> ConnectionRequest:
    secret = None if password is None else Secret(password)
    return ConnectionRequest(TARGET, "acs", secret, CNONCE, allow_basic=allow_basic)


def with_unit(door: Door, *, allow_basic: bool = False, password: str = PASSWORD) -> Done:
    """Run a request with the simulated unit, its answers octet by octet, until it is over."""
    machine = request(password=password, allow_basic=allow_basic)
    action: Action | None = machine.start()
    for _ in range(8):
        assert isinstance(action, Send)
        reply = answer(action.octets.partition(b"\r\n\r\n")[0], door)
        action = None
        for octet in reply.data or b"":
            action = action or machine.received(bytes([octet]))
        if action is None or (reply.close and isinstance(action, Send) and not action.fresh):
            action = machine.closed() if reply.close else machine.expired()
        if isinstance(action, Done):
            return action
    raise AssertionError("it never ended")


@pytest.mark.parametrize(
    ("quirks", "reply"),
    [
        ((), Reply.ACCEPTED),
        ((Quirk.BARE_LF,), Reply.ACCEPTED),
        ((Quirk.NO_BLANK_LINE,), Reply.ACCEPTED),
        ((Quirk.NO_COMMAS,), Reply.ACCEPTED),
        ((Quirk.SHORT_CNONCE,), Reply.ACCEPTED),
        ((Quirk.NO_QOP,), Reply.ACCEPTED),
        ((Quirk.OPAQUE_REQUIRED,), Reply.ACCEPTED),
        ((Quirk.CLOSES,), Reply.ACCEPTED),
        ((Quirk.HUGE,), Reply.ACCEPTED),
        ((Quirk.RANDOM_PATH,), Reply.ACCEPTED),
        ((Quirk.BARE_LF, Quirk.NO_QOP, Quirk.OPAQUE_REQUIRED, Quirk.CLOSES), Reply.ACCEPTED),
        ((Quirk.BASIC_ONLY,), Reply.UNAUTHORIZED),
        ((Quirk.BUSY,), Reply.BUSY),
        ((Quirk.ALWAYS_401,), Reply.UNAUTHORIZED),
        ((Quirk.REDIRECT,), Reply.UNREACHABLE),
        ((Quirk.SILENT,), Reply.UNREACHABLE),
    ],
)
def test_each_quirk_of_a_unit(quirks: tuple[Quirk, ...], reply: Reply) -> None:
    door = Door("acs", PASSWORD, "n0nce", quirks=frozenset(quirks), in_session=True)
    done = with_unit(door)
    assert done.answer.reply is reply
    assert done.answer.text
    assert PASSWORD not in done.answer.text


def test_basic_only_where_the_settings_allow_it() -> None:
    door = Door("acs", PASSWORD, "n", quirks=frozenset({Quirk.BASIC_ONLY}))
    assert with_unit(door, allow_basic=True).answer.reply is Reply.ACCEPTED
    assert "Basic" in with_unit(door).answer.text
    wrong = with_unit(door, allow_basic=True, password="other")
    assert wrong.answer.reply is Reply.UNAUTHORIZED


def test_a_wrong_password_is_told_as_such() -> None:
    done = with_unit(Door("acs", "another", "n"))
    assert done.answer.reply is Reply.UNAUTHORIZED
    assert "user name and password" in done.answer.text


def proof(challenge: str, *, allow_basic: bool = False) -> dict[str, str]:
    """What is said in answer to a WWW-Authenticate value, parameter by parameter."""
    machine = request(allow_basic=allow_basic)
    machine.start()
    action = machine.received(
        f"HTTP/1.1 401 x\r\nWWW-Authenticate: {challenge}\r\n\r\n".encode("latin-1")
    )
    assert isinstance(action, Send), action
    assert not action.fresh
    header = re.search(rb"\r\nAuthorization: ([^\r]*)\r\n", action.octets)
    assert header
    scheme, _, rest = header[1].decode("latin-1").partition(" ")
    given = {name: quoted or bare for name, quoted, bare in _PARTS.findall(rest)}
    return {"scheme": scheme, "all": rest, **given}


_PARTS = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


def test_the_example_of_the_rfc() -> None:
    """RFC 2617 3.5 with its own realm, nonce and opaque, worked out beside this code."""
    machine = ConnectionRequest(
        Target("192.0.2.1", 80, "/dir/index.html"),
        "Mufasa",
        Secret("Circle Of Life"),
        "0a4f113b",
    )
    assert machine.start().octets == b"GET /dir/index.html HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n"
    action = machine.received(
        b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="testrealm@host.com", '
        b'qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        b'opaque="5ccc069c403ebaf9f0171e9517f40e41"\r\n\r\n'
    )
    assert isinstance(action, Send)
    assert b'response="6629fae49393a05397450978507c4ef1"' in action.octets
    assert b"nc=00000001" in action.octets
    assert b"qop=auth," in action.octets
    assert b'opaque="5ccc069c403ebaf9f0171e9517f40e41"' in action.octets
    assert PASSWORD not in repr(action)


@pytest.mark.parametrize(
    ("challenge", "has", "lacks"),
    [
        # RFC 2069: neither qop nor what belongs to it, opaque when there was one.
        ('Digest realm="r", nonce="n"', {}, ("qop", "nc", "cnonce", "opaque", "algorithm")),
        ('Digest realm="r", nonce="n", opaque="o"', {"opaque": "o"}, ("qop", "nc", "cnonce")),
        ('Digest realm="r", nonce="n", qop="auth"', {"qop": "auth", "cnonce": CNONCE}, ()),
        ('Digest realm="r" nonce="n" opaque="o" qop="auth"', {"opaque": "o", "qop": "auth"}, ()),
        ('Digest realm="r", nonce="n", qop=auth, algorithm="MD5"', {"algorithm": "MD5"}, ()),
        ("Digest realm=r,nonce=n,qop=auth,algorithm=md5", {"algorithm": "MD5"}, ()),
        ('Digest realm="r", nonce="n", algorithm=MD5-sess', {"cnonce": CNONCE}, ("qop", "nc")),
        ('Digest realm="r", nonce="n", qop="auth-int"', {"qop": "auth-int"}, ()),
        ('Digest realm="r", nonce="n", qop="auth-int, auth"', {"qop": "auth"}, ()),
        ('Digest nonce="n", algorithm=SHA-256', {"algorithm": "SHA-256", "realm": ""}, ()),
        ('dIgEsT   Realm = "r" , NONCE = "n"', {"realm": "r", "nonce": "n"}, ()),
        ("Digest realm='r', nonce='n'", {"realm": "r", "nonce": "n"}, ()),
        ('Basic realm="b", Digest realm="r", nonce="n"', {"scheme": "Digest"}, ()),
        ('Digest realm="r", nonce="n", Basic realm="b"', {"realm": "r"}, ()),
        (
            'Digest realm="r", nonce="n", algorithm=MD5-512\r\nWWW-Authenticate: Digest realm="s",'
            ' nonce="m"',
            {"realm": "s"},
            (),
        ),
        ('Digest realm="caf\xe9", nonce="n"', {"nonce": "n"}, ()),
        ('Digest realm="r",\r\n nonce="n",\r\n\t qop="auth"', {"qop": "auth"}, ()),
        ('Digest realm="r", nonce="n", opaque=""', {"opaque": ""}, ("qop",)),
    ],
)
def test_each_form_of_a_challenge(
    challenge: str, has: dict[str, str], lacks: tuple[str, ...]
) -> None:
    said = proof(challenge)
    assert said.items() >= {"username": "acs", "uri": "/tr069", **has}.items()
    assert not said.keys() & set(lacks)


@pytest.mark.parametrize(
    ("challenge", "response"),
    [
        # Worked out with another implementation, user acs, password as above, cnonce as above.
        ('Digest realm="r", nonce="n"', "2069"),
        ('Digest realm="r", nonce="n", qop="auth"', "auth"),
        ('Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess', "sess"),
        ('Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256', "sha"),
        ('Digest realm="r", nonce="n", qop="auth-int"', "int"),
    ],
)
def test_the_response_of_each_form(challenge: str, response: str) -> None:
    known = {
        "2069": "82d286119c9ea3ab46786550a2531421",
        "auth": "332ce21a9805b82d010037457cdd5889",
        "sess": "201c720b062777e02706e143b90814e8",
        "sha": "b5a48701f3a63c21e90d7bdec526b465892caef7be06a20e3e39d261846d0dfe",
        "int": "411e5881a52719022d8ff8a4527fea62",
    }
    assert proof(challenge)["response"] == known[response]


def test_basic_says_user_name_and_password() -> None:
    said = proof('Basic realm="b"', allow_basic=True)
    assert b64decode(said["all"]).decode() == f"acs:{PASSWORD}"
    assert proof('Basic realm="b", Digest nonce="n"', allow_basic=True)["scheme"] == "Digest"


def end_of(*answers: bytes | None, password: str | None = PASSWORD) -> tuple[Done, int]:
    """What comes of answers (None: the connection is closed), and how often it was sent."""
    machine = request(password=password)
    action: Action | None = machine.start()
    sent = 1
    for octets in answers:
        action = machine.closed() if octets is None else machine.received(octets)
        sent += isinstance(action, Send)
        if isinstance(action, Done):
            return action, sent
    return machine.expired(), sent


BODY = b"<html><h1>HTTP/1.1 401 Unauthorized</h1></html>"
WITH_BODY = CHALLENGE.replace(b"h: 0", f"h: {len(BODY)}".encode()) + BODY
UNTOLD = CHALLENGE.replace(b"Content-Length: 0\r\n", b"")
OTHER = CHALLENGE.replace(b'nonce="n"', b'nonce="m"')
THIRD = CHALLENGE.replace(b'nonce="n"', b'nonce="o"')
STALE = CHALLENGE.replace(b'nonce="n"', b'nonce="n", stale=TRUE')
NO_BLANK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n"


@pytest.mark.parametrize(
    ("answers", "reply", "sent"),
    [
        pytest.param([OK], Reply.ACCEPTED, 1, id="asks for nothing"),
        pytest.param([b"HTTP/1.1 204 No Content\r\n\r\n"], Reply.ACCEPTED, 1, id="204"),
        pytest.param([b"http/1.0 200\n\n"], Reply.ACCEPTED, 1, id="lower case, LF"),
        pytest.param([b"\r\n\r\n", OK], Reply.ACCEPTED, 1, id="blank lines before"),
        pytest.param([b"HTTP/1.1 100 Continue\r\n\r\n" + OK], Reply.ACCEPTED, 1, id="100"),
        pytest.param([NO_BLANK, None], Reply.ACCEPTED, 1, id="no blank line, then close"),
        pytest.param([NO_BLANK], Reply.ACCEPTED, 1, id="no blank line, stays open"),
        pytest.param([CHALLENGE, OK], Reply.ACCEPTED, 2, id="digest"),
        pytest.param([CHALLENGE, None, OK], Reply.ACCEPTED, 3, id="reset after the proof"),
        pytest.param([CHALLENGE[:-2], None, OK], Reply.ACCEPTED, 2, id="closes in the 401"),
        pytest.param([CHALLENGE, None, None], Reply.UNREACHABLE, 3, id="resets each time"),
        pytest.param([WITH_BODY, OK], Reply.ACCEPTED, 2, id="body"),
        pytest.param([WITH_BODY[:-20], WITH_BODY[-20:], OK], Reply.ACCEPTED, 2, id="body late"),
        pytest.param([UNTOLD + BODY, b"\n" + OK], Reply.ACCEPTED, 2, id="body without length"),
        pytest.param([UNTOLD + BODY, OK], Reply.ACCEPTED, 2, id="body glued to the answer"),
        pytest.param([WITH_BODY[: -len(BODY)], OK], Reply.ACCEPTED, 2, id="body never comes"),
        pytest.param([WITH_BODY, None, OK], Reply.ACCEPTED, 3, id="body, then close"),
        pytest.param([CHALLENGE, STALE, OK], Reply.ACCEPTED, 3, id="stale"),
        pytest.param([CHALLENGE, OTHER, OK], Reply.ACCEPTED, 3, id="new nonce"),
        pytest.param([CHALLENGE, CHALLENGE], Reply.UNAUTHORIZED, 2, id="same nonce"),
        pytest.param([CHALLENGE, OTHER, THIRD], Reply.UNAUTHORIZED, 3, id="endless nonces"),
        pytest.param([STALE, STALE, STALE], Reply.UNAUTHORIZED, 3, id="endless stale"),
        pytest.param([b"HTTP/1.1 401 x\r\n\r\n"], Reply.UNAUTHORIZED, 1, id="no challenge"),
        pytest.param(
            [b"HTTP/1.1 401 x\r\nWWW-Authenticate: NTLM\r\n\r\n"], Reply.UNAUTHORIZED, 1, id="ntlm"
        ),
        pytest.param([b"HTTP/1.1 403 x\r\n\r\n"], Reply.UNAUTHORIZED, 1, id="403"),
        pytest.param([CHALLENGE, b"HTTP/1.1 503 x\r\n\r\n"], Reply.BUSY, 2, id="503"),
        pytest.param([b"HTTP/1.1 503 x\r\nRetry-After: 9\r\n\r\n"], Reply.BUSY, 1, id="503 first"),
        pytest.param(
            [b"HTTP/1.1 302 x\r\nLocation: http://192.0.2.1/\r\n\r\n"],
            Reply.UNREACHABLE,
            1,
            id="redirect",
        ),
        pytest.param([b"HTTP/1.1 404 x\r\n\r\n"], Reply.UNREACHABLE, 1, id="404"),
        pytest.param([b"HTTP/1.1 500 x\r\n\r\n"], Reply.UNREACHABLE, 1, id="500"),
        pytest.param([None], Reply.UNREACHABLE, 1, id="closes at once"),
        pytest.param([b"HTTP/1.1 20", None], Reply.UNREACHABLE, 1, id="half a line"),
        pytest.param([], Reply.UNREACHABLE, 1, id="silence"),
        pytest.param([CHALLENGE], Reply.UNREACHABLE, 2, id="silence after the proof"),
        pytest.param([b"SSH-2.0-dropbear\r\n"], Reply.UNREACHABLE, 1, id="not HTTP"),
        pytest.param([b"\x15\x03\x01\x00\x02\x02\x46"], Reply.UNREACHABLE, 1, id="TLS"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\nX: " + b"x" * MOST_OCTETS], Reply.UNREACHABLE, 1, id="huge head"
        ),
        pytest.param(
            [CHALLENGE, *[b"x" * 1024] * 20, OK], Reply.UNREACHABLE, 2, id="huge body of the 401"
        ),
        pytest.param([b"HTTP/1.1 100 x\r\n\r\n" * 1000], Reply.UNREACHABLE, 1, id="endless 100s"),
    ],
)
def test_what_comes_of_answers(answers: list[bytes | None], reply: Reply, sent: int) -> None:
    done, times = end_of(*answers)
    assert (done.answer.reply, times) == (reply, sent)
    assert done.answer.text
    assert PASSWORD not in done.answer.text


def test_without_an_account_nothing_is_proven() -> None:
    done, sent = end_of(CHALLENGE, password=None)
    assert (done.answer.reply, sent) == (Reply.UNAUTHORIZED, 1)
    assert "none are known" in done.answer.text
    assert end_of(OK, password=None)[0].answer.reply is Reply.ACCEPTED


def test_an_empty_account_is_one_too() -> None:
    """Factory state of TP-Link on TR-098: user name and password are empty."""
    machine = ConnectionRequest(TARGET, "", Secret(""), CNONCE)
    machine.start()
    action = machine.received(CHALLENGE)
    assert isinstance(action, Send)
    assert b'username=""' in action.octets


def test_the_reconnection_counts_the_nonce_up() -> None:
    machine = request()
    machine.start()
    first, second = machine.received(CHALLENGE), machine.closed()
    assert isinstance(first, Send)
    assert isinstance(second, Send)
    assert (first.fresh, second.fresh) == (False, True)
    assert b"nc=00000001" in first.octets
    assert b"nc=00000002" in second.octets


def test_connection_close_is_believed() -> None:
    machine = request()
    machine.start()
    action = machine.received(CHALLENGE.replace(b"Content", b"Connection: Close\r\nContent"))
    assert isinstance(action, Send)
    assert action.fresh


def test_a_user_name_cannot_add_a_line() -> None:
    machine = ConnectionRequest(TARGET, 'a"\r\nX: y', Secret("p"), CNONCE)
    machine.start()
    action = machine.received(CHALLENGE)
    assert isinstance(action, Send)
    assert action.octets.count(b"\r\n") == 4
    assert b'username="a\\"X: y"' in action.octets
