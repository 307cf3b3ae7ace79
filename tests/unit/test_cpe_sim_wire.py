"""The simulated CPE's HTTP: bytes of its requests, strict reading, Digest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.cpe.device import Ont
from simulators.cpe.dialect import GENERIC, TPLINK
from simulators.cpe.digest import authorization, parse_challenges
from simulators.cpe.exchange import Exchange, Send, Stop
from simulators.cpe.modelfile import Identity
from simulators.cpe.wire import Response, ResponseReader, Target, WireError, render_request

TARGET = Target.parse("http://acs.example.ca:7547/cwmp")


def test_a_post_of_family_a_byte_by_byte() -> None:
    data = render_request(TPLINK, TARGET, b"x" * 2452, {"session": "abc"})
    head, _, body = data.partition(b"\r\n\r\n")
    assert head == (
        b"POST /cwmp HTTP/1.1\r\n"
        b"User-Agent: TR069_AGENT/1.0\r\n"
        b"Host: acs.example.ca\r\n"
        b"Connection: keep-alive\r\n"
        b"Content-Type: text/xml; charset=utf-8\r\n"
        b"Content-Length:2452   \r\n"
        b"SOAPAction:\r\n"
        b"Cookie: session=abc\r\n"
        b'Cookie2: $Version="1"'
    )
    assert body == b"x" * 2452


def test_the_empty_post_of_family_a() -> None:
    assert render_request(TPLINK, TARGET, b"", {}) == (
        b"POST /cwmp HTTP/1.1\r\n"
        b"User-Agent: TR069_AGENT/1.0\r\n"
        b"Host: acs.example.ca\r\n"
        b"Connection: keep-alive\r\n"
        b"Content-Length: 0\r\n\r\n"
    )


def test_the_generic_device_follows_the_documents() -> None:
    data = render_request(GENERIC, TARGET, b"x", {"a": "1"}, keep=False)
    assert b"Host: acs.example.ca:7547\r\n" in data
    assert b"Content-Length: 1\r\n" in data
    assert b"Connection: close\r\n" in data
    assert b"Cookie2" not in data


@pytest.mark.parametrize("url", ["", "acs", "ftp://acs/", "http:///x", "http://acs:0/", "http://["])
def test_what_is_no_acs_url(url: str) -> None:
    with pytest.raises(WireError):
        Target.parse(url)


def test_the_port_of_an_acs_url_follows_its_scheme() -> None:
    assert Target.parse("https://acs/a?b=c") == Target("acs", 443, "/a?b=c", True)
    assert Target.parse("http://acs").path == "/"


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 5\r\n\r\nhello"


@given(st.lists(st.integers(1, len(OK)), max_size=6))
def test_an_answer_may_come_in_any_pieces(cuts: list[int]) -> None:
    reader, last, found = ResponseReader(), 0, None
    for cut in sorted({*cuts, len(OK)}):
        found = reader.feed(OK[last:cut])
        last = cut
    assert found is not None
    assert (found.status, found.body, found.first("content-type")) == (200, b"hello", "text/xml")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "without Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "chunked"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", "too long"),
        (b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", "not a header"),
        (b"ICY 200 OK\r\n\r\n", "not an HTTP answer"),
        (b"HTTP/1.1 2\xb20 OK\r\n\r\n", "not an HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n", "without Content-Length"),
        (OK + b"!", "after the end"),
        (b"x" * 20000, "too long"),
    ],
)
def test_answers_it_cannot_take(data: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        ResponseReader().feed(data)


def test_204_needs_no_length_and_100_is_skipped() -> None:
    reader = ResponseReader()
    assert reader.feed(b"HTTP/1.1 100 Continue\r\n\r\n") is None
    found = reader.feed(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert found is not None
    assert (found.status, found.body) == (204, b"")


# --- authentication


NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093"


def prove(header: str, password: str = "Circle Of Life") -> str:
    challenge = parse_challenges([header])
    assert challenge
    uri = "/dir/index.html"
    return authorization(challenge, "Mufasa", password, uri, lambda: "0a4f113b", method="GET")


def test_digest_with_qop_gives_the_answer_of_rfc_2617() -> None:
    value = prove(f'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="{NONCE}"')
    assert 'response="6629fae49393a05397450978507c4ef1"' in value
    assert "qop=auth, nc=00000001" in value


def test_digest_without_qop_gives_the_answer_of_rfc_2069_as_corrected() -> None:
    value = prove(f'Digest realm="testrealm@host.com", nonce="{NONCE}"', "CircleOfLife")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in value
    assert "nc=" not in value
    assert "cnonce" not in value


def test_the_nonce_count_goes_up() -> None:
    challenge = parse_challenges([f'Digest realm="r", qop="auth", nonce="{NONCE}", opaque="o"'])
    assert challenge
    values = [authorization(challenge, "u", "p", "/", lambda: "c") for _ in range(2)]
    assert "nc=00000002" in values[1]
    assert 'opaque="o"' in values[1]
    assert values[0] != values[1]


def test_digest_is_preferred_and_basic_answered_when_alone() -> None:
    both = parse_challenges(['Basic realm="a"', 'Digest realm="d", nonce="n"'])
    assert both
    assert both.scheme == "digest"
    assert prove('Basic realm="a"') == "Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl"


@pytest.mark.parametrize(
    "header",
    [
        'Digest realm="r"',
        'Digest realm="r", nonce="n", algorithm=SHA-256',
        'Digest realm="r", nonce="n", qop="auth-int"',
        "Negotiate",
    ],
)
def test_challenges_it_cannot_answer(header: str) -> None:
    assert parse_challenges([header]) is None


# --- the exchange


def exchange(username: str = "u") -> Exchange:
    identity = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
    unit = Ont("tplink-a-ex220", identity, acs_url="http://acs/", username=username, password="p")
    return Exchange(unit, [], now=0.0, cnonce=lambda: "c")


def respond(status: int, *headers: tuple[str, str]) -> Response:
    return Response(status, headers, b"")


CHALLENGE = ("www-authenticate", 'Digest realm="r", nonce="n", qop="auth"')


def test_the_inform_is_repeated_with_credentials_and_a_second_challenge_ends_it() -> None:
    run = exchange()
    first = run.start()
    again = run.received(respond(401, CHALLENGE))
    assert isinstance(first, Send)
    assert isinstance(again, Send)
    assert b"Authorization: Digest" in again.data
    assert again.data.endswith(first.data.partition(b"\r\n\r\n")[2])
    assert not again.fresh
    assert run.received(respond(401, CHALLENGE)) == Stop()
    assert run.report.reason == "authentication refused"


def test_a_challenge_with_connection_close_is_answered_on_a_new_connection() -> None:
    run = exchange()
    run.start()
    again = run.received(respond(401, CHALLENGE, ("connection", "close")))
    assert isinstance(again, Send)
    assert again.fresh


def test_redirects_are_followed_five_times() -> None:
    run = exchange()
    run.start()
    for number in range(5):
        step = run.received(respond(307, ("location", f"http://other/{number}")))
        assert isinstance(step, Send)
        assert step.target == Target("other", 80, f"/{number}", False)
    assert run.received(respond(302, ("location", "http://other/5"))) == Stop()
    assert run.report.reason == "too many redirects"


def test_other_statuses_fail_the_session() -> None:
    run = exchange()
    run.start()
    assert run.received(respond(503)) == Stop()
    assert run.report.reason == "HTTP status 503"
