"""The load's side of a session: it plays what was recorded and takes no wrong answer."""

from __future__ import annotations

from hashlib import md5

import msgspec
import pytest

from bench.dialogue import Early, Part, Refused, Replay, Script, Session, Wrong, authorization
from bench.units import Unit
from bench.wire import split

RECORDED, OTHER = Unit(0), Unit(41)
HEAD = b"HTTP/1.1 200 OK\r\nSet-Cookie: acs=fresh-cookie; Path=/; HttpOnly"
INFORMED = b"<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>"
SCRIPT = Script(
    unit=0,
    cookie=b"recorded-cookie",
    inform=b"POST / HTTP/1.1\r\nHost: a\r\n\r\n<Inform>%b %b</Inform>"
    % (RECORDED.serial.encode(), RECORDED.mac.encode()),
    empty=b"POST / HTTP/1.1\r\nCookie: acs=recorded-cookie\r\n\r\n",
    answers=[
        (
            b"<GetParameterValues/>",
            b"POST / HTTP/1.1\r\nCookie: acs=recorded-cookie\r\n\r\n" + RECORDED.gpon.encode(),
        )
    ],
)


PART = Part(SCRIPT)
ACCOUNT = (OTHER.device_id.key, OTHER.password)


def informed(part: Part = PART) -> Session:
    session = Session(part, OTHER)
    session.begin()
    session.answer(200, HEAD, INFORMED)
    return session


def test_a_unit_speaks_for_itself_in_its_own_session() -> None:
    session = Session(PART, OTHER)
    assert session.begin().endswith(
        b"<Inform>%b %b</Inform>" % (OTHER.serial.encode(), OTHER.mac.encode())
    )
    empty = session.answer(200, HEAD, INFORMED)
    assert empty == b"POST / HTTP/1.1\r\nCookie: acs=fresh-cookie\r\n\r\n"
    answer = session.answer(200, b"", b"<GetParameterValues/>")
    assert answer is not None
    assert answer.endswith(OTHER.gpon.encode())
    assert b"acs=fresh-cookie" in answer
    assert session.answer(204, b"", b"") is None


@pytest.mark.parametrize(
    ("status", "head", "body"),
    [
        (204, HEAD, b""),
        (401, b'WWW-Authenticate: Digest realm="r", nonce="n"', b""),
        (200, HEAD, b"<soap:Fault/>"),
        (200, b"HTTP/1.1 200 OK", INFORMED),
    ],
    ids=["empty", "challenge", "fault", "no cookie"],
)
def test_an_inform_is_answered_by_an_inform_response_with_a_cookie(
    status: int, head: bytes, body: bytes
) -> None:
    session = Session(PART, OTHER)
    session.begin()
    with pytest.raises(Wrong):
        session.answer(status, head, body)


@pytest.mark.parametrize(
    ("status", "body"),
    [(204, b""), (200, b"<SetParameterValues/>"), (500, b"<GetParameterValues/>")],
    ids=["end too early", "another question", "error"],
)
def test_a_session_that_goes_otherwise_than_recorded_is_wrong(status: int, body: bytes) -> None:
    with pytest.raises(Wrong):
        informed().answer(status, b"", body)


def test_a_question_too_many_is_wrong() -> None:
    session = informed()
    session.answer(200, b"", b"<GetParameterValues/>")
    with pytest.raises(Wrong, match="too many"):
        session.answer(200, b"", b"<GetParameterValues/>")


def test_a_busy_server_says_when_to_come_back() -> None:
    for head, seconds in ((b"HTTP/1.1 503 Busy\r\nRetry-After: 7", 7.0), (b"", 10.0)):
        session = Session(PART, OTHER)
        session.begin()
        with pytest.raises(Refused) as refused:
            session.answer(503, head, b"")
        assert refused.value.seconds == seconds


def test_an_end_before_all_was_asked_is_told_from_other_mistakes() -> None:
    with pytest.raises(Early):
        informed().answer(204, b"", b"")


def test_a_secret_the_server_makes_up_is_learned_and_must_stay_the_same() -> None:
    made_up, own = b"recorded-secret-24-chars", b"anotherOne_with-24-chars"
    ask, answer = b"<SetParameterValues>%b</SetParameterValues>", b"POST / \r\n\r\nnow %b"
    recorded = [(ask % made_up, answer % made_up), (ask % made_up, answer % made_up)]
    part = Part(msgspec.structs.replace(SCRIPT, answers=recorded, secrets=[made_up]))
    session = informed(part)
    assert session.answer(200, b"", ask % own) == answer % own
    with pytest.raises(Wrong, match="another question"):
        session.answer(200, b"", ask % made_up)
    for wrong in (b"too-short", b"<tag>in-it-24-chars</tag", own + b"x"):
        with pytest.raises(Wrong, match="another question"):
            informed(part).answer(200, b"", ask % wrong)


def test_what_is_asked_of_another_units_customer_is_wrong() -> None:
    recorded = [(b"<ssid>%b" % RECORDED.ssid.encode(), b"POST / \r\n\r\n")]
    part = Part(msgspec.structs.replace(SCRIPT, answers=recorded))
    assert informed(part).answer(200, b"", b"<ssid>%b" % OTHER.ssid.encode()) is not None
    with pytest.raises(Wrong, match="another question"):
        informed(part).answer(200, b"", b"<ssid>%b" % RECORDED.ssid.encode())


def test_a_challenge_is_answered_once_with_the_units_own_password() -> None:
    session = Session(PART, OTHER, ACCOUNT)
    session.begin()
    head = b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="r", nonce="abc"'
    again = session.answer(401, head, b"")
    assert again is not None
    fields, _, body = again.partition(b"\r\n\r\n")
    assert fields.count(b"\r\nAuthorization: Digest ") == 1
    assert OTHER.device_id.key.encode() in fields
    assert body == Session(PART, OTHER).begin().partition(b"\r\n\r\n")[2]
    with pytest.raises(Wrong, match="401"):
        session.answer(401, head, b"")


def test_an_inform_that_is_taken_without_the_challenge_asked_for_is_wrong() -> None:
    session = Session(PART, OTHER, ACCOUNT)
    session.begin()
    with pytest.raises(Wrong, match="challenge"):
        session.answer(200, HEAD, INFORMED)


def test_the_proof_is_that_of_rfc_7616() -> None:
    head = b'WWW-Authenticate: Digest realm="r", nonce="n1", opaque="o", qop="auth"'
    proof = authorization(head, "user", "pw").decode()

    def digest(text: str) -> str:
        return md5(text.encode(), usedforsecurity=False).hexdigest()

    ha1, ha2 = digest("user:r:pw"), digest("POST:/")
    assert f'response="{digest(f"{ha1}:n1:00000001:0a4f113b:auth:{ha2}")}"' in proof
    assert proof.endswith('opaque="o"')
    with pytest.raises(Wrong):
        authorization(b"WWW-Authenticate: Basic", "user", "pw")


def test_a_replay_sends_all_it_has_whatever_comes_of_the_right_form() -> None:
    replay = Replay([b"one", b"two", b"three"])
    assert replay.begin() == b"one"
    assert replay.answer(200, b"", INFORMED) == b"two"
    assert replay.answer(204, b"", b"") == b"three"
    assert replay.answer(200, b"", INFORMED) is None
    for status, body in ((500, b""), (200, b""), (200, b"<x/>"), (204, INFORMED)):
        with pytest.raises(Wrong):
            Replay([b"one"]).answer(status, b"", body)


def test_answers_are_cut_where_their_length_says() -> None:
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello"
    for cut in range(len(whole)):
        assert split(whole[:cut]) is None
    found = split(whole)
    assert found is not None
    assert (found[0], found[2]) == (200, b"hello")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000,
    ],
    ids=["too long", "no length", "not HTTP", "endless head"],
)
def test_what_is_no_answer_is_wrong(data: bytes) -> None:
    with pytest.raises(Wrong):
        split(data)


def test_units_differ_by_marks_of_one_length() -> None:
    all_marks = [Unit(number).marks() for number in (0, 1, 1999, 999_999, 1_000_001)]
    assert len({tuple(map(len, marks)) for marks in all_marks}) == 1
    for column in zip(*all_marks, strict=True):
        assert len(set(column)) == len(all_marks)
