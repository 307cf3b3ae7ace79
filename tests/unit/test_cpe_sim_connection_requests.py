"""What a simulated unit answers to connection requests, byte by byte, with each quirk."""

from __future__ import annotations

from base64 import b64encode

import pytest

from simulators.cpe.connreq import Door, Quirk, Reply, answer
from simulators.cpe.digest import authorization, parse_challenges

ASKED = b"GET /tr069 HTTP/1.1\r\nHost: x"
OPAQUE = b"5ccc069c403ebaf9f0171e9517f40e41"
CHALLENGED = (
    b"HTTP/1.1 401 Unauthorized\r\n"
    b'WWW-Authenticate: Digest realm="tr069", nonce="n", qop="auth"\r\n'
    b"Content-Length: 0\r\n\r\n"
)
TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def door(*quirks: Quirk, in_session: bool = False) -> Door:
    return Door("admin", "secret", "n", quirks=frozenset(quirks), in_session=in_session)


def proven(at: Door, *, password: str = "secret", cnonce: str = "c" * 16) -> bytes:
    """A request that answers the challenge of ``at``."""
    said = answer(ASKED, at).data
    assert said is not None
    lines = said.decode().replace("\r\n", "\n").replace("\n\t", " ").split("\n")
    header = next(line for line in lines if line.startswith("WWW-Authenticate: "))
    challenge = parse_challenges([header.partition(": ")[2]])
    assert challenge
    proof = authorization(challenge, "admin", password, "/tr069", lambda: cnonce, "GET")
    return ASKED + f"\r\nAuthorization: {proof}".encode()


@pytest.mark.parametrize(
    ("quirks", "said"),
    [
        ((), CHALLENGED),
        (
            (Quirk.BARE_LF,),
            b'HTTP/1.1 401 Unauthorized\nWWW-Authenticate: Digest realm="tr069",\n\tnonce="n",\n\t'
            b'opaque="' + OPAQUE + b'",\n\talgorithm=MD5,\n\tqop="auth"\nContent-Length: 0\n\n',
        ),
        ((Quirk.NO_COMMAS,), CHALLENGED.replace(b'", ', b'" ')),
        ((Quirk.NO_QOP,), CHALLENGED.replace(b', qop="auth"', b"")),
        (
            (Quirk.OPAQUE_REQUIRED,),
            CHALLENGED.replace(b', qop="auth"', b', opaque="' + OPAQUE + b'", qop="auth"'),
        ),
        (
            (Quirk.BASIC_ONLY,),
            b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="tr069"\r\n'
            b"Content-Length: 0\r\n\r\n",
        ),
        (
            (Quirk.REDIRECT,),
            b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
        ),
        ((Quirk.NO_BLANK_LINE,), CHALLENGED),
        ((Quirk.SHORT_CNONCE,), CHALLENGED),
        ((Quirk.BUSY,), CHALLENGED),
        ((Quirk.HUGE,), CHALLENGED),
    ],
)
def test_the_first_answer(quirks: tuple[Quirk, ...], said: bytes) -> None:
    assert answer(ASKED, door(*quirks)) == Reply(said)


def test_the_first_answer_may_be_late_or_never_come_or_be_the_last() -> None:
    assert answer(ASKED, door(Quirk.SLOW)) == Reply(CHALLENGED, after=5.0)
    assert answer(ASKED, door(Quirk.SILENT)) == Reply(None)
    assert answer(ASKED, door(Quirk.CLOSES)) == Reply(CHALLENGED, close=True)


@pytest.mark.parametrize(
    ("quirks", "reply"),
    [
        ((), Reply(TAKEN, call=True)),
        ((Quirk.BARE_LF,), Reply(TAKEN, call=True)),
        ((Quirk.NO_COMMAS,), Reply(TAKEN, call=True)),
        ((Quirk.NO_QOP,), Reply(TAKEN, call=True)),
        ((Quirk.OPAQUE_REQUIRED,), Reply(TAKEN, call=True)),
        ((Quirk.SHORT_CNONCE,), Reply(TAKEN, call=True)),
        ((Quirk.CLOSES,), Reply(TAKEN, call=True)),
        ((Quirk.SLOW,), Reply(TAKEN, call=True, after=5.0)),
        (
            (Quirk.NO_BLANK_LINE,),
            Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", call=True, close=True),
        ),
        ((Quirk.ALWAYS_401,), Reply(CHALLENGED)),
        (
            (Quirk.HUGE,),
            Reply(
                b"HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n" + b"x" * 4194304, call=True
            ),
        ),
    ],
)
def test_the_answer_to_a_proof(quirks: tuple[Quirk, ...], reply: Reply) -> None:
    at = door(*quirks)
    assert answer(proven(at), at) == reply


def test_a_wrong_password_and_another_path_lead_nowhere() -> None:
    at = door()
    assert answer(proven(at, password="wrong"), at) == Reply(CHALLENGED)
    missing = answer(b"GET /else HTTP/1.1", at)
    assert missing == Reply(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def test_a_cnonce_of_more_than_32_characters_fails_where_they_are_cut() -> None:
    at = door(Quirk.SHORT_CNONCE)
    assert answer(proven(at, cnonce="c" * 33), at) == Reply(CHALLENGED)
    assert answer(proven(door(), cnonce="c" * 33), door()).call


def test_who_does_not_return_the_opaque_is_refused() -> None:
    at = door(Quirk.OPAQUE_REQUIRED)
    without = proven(at).replace(b', opaque="' + OPAQUE + b'"', b"")
    assert not answer(without, at).call


def test_basic_alone() -> None:
    at = door(Quirk.BASIC_ONLY)
    account = b64encode(b"admin:secret")
    assert answer(ASKED + b"\r\nAuthorization: Basic " + account, at) == Reply(TAKEN, call=True)
    assert not answer(proven(door()), at).call


def test_503_during_a_session() -> None:
    at = door(Quirk.BUSY, in_session=True)
    said = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
    assert answer(proven(at), at) == Reply(said)
    patient = door(in_session=True)
    assert answer(proven(patient), patient).call
