"""What CPEs do with HTTP and authentication, TP-Link units and seven public clients among them,
each as a named test (TR-069 3.4)."""

from __future__ import annotations

import gzip
import hashlib
import zlib

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from acs.cwmp.digest import Basic, Challenger, Digest, Replay, Verdict, ha1, parse_authorization
from acs.http import HttpFactory, Reply, Request

INFORM = b"<SOAP-ENV:Envelope>" + b"x" * 2414 + b"</SOAP-ENV:Envelope>"
assert len(INFORM) == 2453


class Cpe:
    """A connection of a CPE, and the requests the server saw on it."""

    def __init__(self, reply: Reply | None = None) -> None:
        self.seen: list[Request] = []
        self.answers: list[Deferred[Reply]] = []
        self.reply = reply
        self.errors: list[BaseException] = []
        factory = HttpFactory(self._handle, reactor=Clock(), on_error=self.errors.append)
        self.transport = StringTransport(lenient=True)
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)

    def _handle(self, request: Request) -> Reply | Deferred[Reply]:
        self.seen.append(request)
        if self.reply is not None:
            return self.reply
        answer: Deferred[Reply] = Deferred()
        self.answers.append(answer)
        return answer

    def send(self, *lines: str, body: bytes = b"") -> bytes:
        """Send one request, in CRLF lines; what comes back."""
        self.transport.clear()
        self.protocol.dataReceived("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        answer: bytes = self.transport.value()
        return answer


def status(answer: bytes) -> int:
    return int(answer.split()[1])


class TestTplinkFamilyA:
    """TP-Link reference 3.1, as captured."""

    HEAD = (
        "POST /acs HTTP/1.1",
        "User-Agent: TR069_AGENT/1.0",
        "Host: 192.0.2.1",
        "Connection: keep-alive",
        "Content-Type: text/xml; charset=utf-8",
    )

    def test_padded_content_length_without_blank_after_the_colon(self) -> None:
        cpe = Cpe(Reply(204))
        answer = cpe.send(*self.HEAD, "SOAPAction: ", "Content-Length:2453        ", body=INFORM)
        assert status(answer) == 204
        assert cpe.seen[0].body == INFORM
        assert cpe.seen[0].headers["content-length"] == "2453"
        assert cpe.seen[0].headers["soapaction"] == ""

    def test_padded_content_length_in_any_fragments(self) -> None:
        cpe = Cpe(Reply(204))
        lines = [*self.HEAD, "Content-Length:2453        ", "", ""]
        wire = "\r\n".join(lines).encode() + INFORM
        for start in range(0, len(wire), 7):
            cpe.protocol.dataReceived(wire[start : start + 7])
        assert [request.body for request in cpe.seen] == [INFORM]

    def test_cookie2_beside_the_cookie(self) -> None:
        cpe = Cpe(Reply(204))
        cpe.send(*self.HEAD, "Cookie: s=abc", 'Cookie2: $Version="1"', "Content-Length: 0")
        assert cpe.seen[0].headers["cookie"] == "s=abc"
        assert cpe.seen[0].headers["cookie2"] == '$Version="1"'

    def test_empty_post_has_no_soapaction(self) -> None:
        cpe = Cpe(Reply(204))
        cpe.send(*self.HEAD, "Content-Length: 0")
        assert cpe.seen[0].body == b""
        assert "soapaction" not in cpe.seen[0].headers

    def test_one_connection_for_the_whole_session(self) -> None:
        cpe = Cpe(Reply(200, b"<x/>"))
        for _ in range(116):
            answer = cpe.send(*self.HEAD, "Content-Length:3   ", body=b"<x>")
            assert b"Connection: keep-alive\r\n" in answer
        assert len({id(request.connection) for request in cpe.seen}) == 1
        assert not cpe.transport.disconnecting


class TestAnswers:
    """CWMP reference 2 and TP-Link reference 16."""

    @pytest.mark.parametrize("reply", [Reply(200, b"<x/>"), Reply(204), Reply(401), Reply(503)])
    def test_content_length_on_every_answer_never_chunked(self, reply: Reply) -> None:
        answer = Cpe(reply).send("POST / HTTP/1.1", "Content-Length: 0")
        assert f"Content-Length: {len(reply.body)}\r\n".encode() in answer
        assert b"chunked" not in answer

    def test_errors_of_the_edge_have_a_length_too(self) -> None:
        head, _, body = Cpe().send("POST / HTTP/1.1", "X Y: 1").partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head

    def test_401_keeps_the_connection_for_the_repeat(self) -> None:
        cpe = Cpe(Reply(401, headers=(("WWW-Authenticate", "Digest x"),)))
        cpe.send("POST / HTTP/1.1", "Content-Length: 0")
        assert not cpe.transport.disconnecting

    def test_both_challenges_are_sent_as_two_fields(self) -> None:
        challenges = Challenger("acs", b"k" * 16).challenge(0.0, b"r" * 10)
        headers = tuple(("WWW-Authenticate", challenge) for challenge in challenges)
        answer = Cpe(Reply(401, headers=headers)).send("POST / HTTP/1.1", "Content-Length: 0")
        assert answer.count(b"WWW-Authenticate: Digest ") == 2
        assert answer.index(b"algorithm=MD5") < answer.index(b"algorithm=SHA-256")

    def test_http10_with_keep_alive_is_told_so(self) -> None:
        answer = Cpe(Reply(204)).send(
            "POST / HTTP/1.0", "Connection: Keep-Alive", "Content-Length: 0"
        )
        assert b"Connection: keep-alive\r\n" in answer

    def test_expect_100_continue(self) -> None:
        """libcurl clients with a body over 1 KiB, gSOAP."""
        cpe = Cpe(Reply(204))
        answer = cpe.send("POST / HTTP/1.1", "Expect: 100-continue", "Content-Length: 2453")
        assert answer == b"HTTP/1.1 100 Continue\r\n\r\n"
        cpe.protocol.dataReceived(INFORM)
        assert cpe.seen[0].body == INFORM


class TestBodies:
    """CWMP reference 2 and 14."""

    def test_chunked(self) -> None:
        body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (INFORM[:1000], INFORM[1000:]))
        cpe = Cpe(Reply(204))
        cpe.send("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=body + b"0\r\n\r\n")
        assert cpe.seen[0].body == INFORM

    @pytest.mark.parametrize(
        ("coding", "body"),
        [
            ("gzip", gzip.compress(INFORM, mtime=0)),
            ("x-gzip", gzip.compress(INFORM, mtime=0)),
            ("GZIP", gzip.compress(INFORM, mtime=0)),
            ("deflate", zlib.compress(INFORM)),
            ("deflate", zlib.compress(INFORM, wbits=-15)),
        ],
        ids=["gzip", "x-gzip", "upper-case", "zlib", "raw-deflate"],
    )
    def test_compressed(self, coding: str, body: bytes) -> None:
        cpe = Cpe(Reply(204))
        length = f"Content-Length: {len(body)}"
        cpe.send("POST / HTTP/1.1", f"Content-Encoding: {coding}", length, body=body)
        assert cpe.seen[0].body == INFORM

    @pytest.mark.parametrize("coding", ["compress", "br", "gzip, deflate"])
    def test_unreadable_compression_is_415(self, coding: str) -> None:
        answer = Cpe().send("POST / HTTP/1.1", f"Content-Encoding: {coding}", "Content-Length: 3")
        assert status(answer) == 415

    @pytest.mark.parametrize(
        "content_type", ["text/html", "application/soap+xml", "application/xml", "", "garbage;;"]
    )
    def test_any_content_type(self, content_type: str) -> None:
        cpe = Cpe(Reply(204))
        cpe.send("POST / HTTP/1.1", f"Content-Type: {content_type}", "Content-Length: 1", body=b"x")
        assert cpe.seen[0].body == b"x"

    def test_wrong_content_length_reads_what_is_declared_and_closes_on_the_rest(self) -> None:
        cpe = Cpe(Reply(204))
        answer = cpe.send("POST / HTTP/1.1", "Content-Length: 5", body=b"<x/>  garbage")
        assert [request.body for request in cpe.seen] == [b"<x/> "]
        assert answer.startswith(b"HTTP/1.1 204 ")
        assert b"HTTP/1.1 400 " in answer
        assert cpe.transport.disconnecting

    def test_blank_lines_after_a_body(self) -> None:
        cpe = Cpe(Reply(204))
        cpe.send("POST / HTTP/1.1", "Content-Length: 4", body=b"<x/>\r\n")
        cpe.send("POST / HTTP/1.1", "Content-Length: 0")
        assert len(cpe.seen) == 2


class TestCookies:
    def test_set_cookie_attributes_sent_back_as_one_string(self) -> None:
        """netcwmp, genieacs-sim."""
        cpe = Cpe(Reply(204))
        cpe.send("POST / HTTP/1.1", "Cookie: session=x; Path=/", "Content-Length: 0")
        assert cpe.seen[0].headers["cookie"] == "session=x; Path=/"

    def test_several_cookie_fields(self) -> None:
        cpe = Cpe(Reply(204))
        cpe.send("POST / HTTP/1.1", "Cookie: a=1", "Cookie: b=2", "Content-Length: 0")
        assert cpe.seen[0].headers["cookie"] == "a=1; b=2"


def test_folded_header_lines() -> None:
    cpe = Cpe(Reply(204))
    cpe.send(
        "POST / HTTP/1.1",
        'Authorization: Digest username="u",',
        '   realm="acs",',
        '\tnonce="n"',
        "Content-Length: 0",
    )
    credentials = parse_authorization(cpe.seen[0].headers["authorization"])
    assert isinstance(credentials, Digest)
    assert (credentials.username, credentials.realm, credentials.nonce) == ("u", "acs", "n")


def test_requests_with_bare_line_feeds_are_refused() -> None:
    """No CPE was seen to send them, and they help to hide a second request in the first."""
    cpe = Cpe()
    cpe.protocol.dataReceived(b"POST / HTTP/1.1\nContent-Length: 0\n\n")
    assert status(cpe.transport.value()) == 400


def test_connection_that_opens_and_closes_without_an_octet() -> None:
    """cwmp-sim."""
    cpe = Cpe()
    cpe.protocol.connectionLost(None)
    assert cpe.transport.value() == b""
    assert not cpe.errors


def test_a_second_request_waits_for_the_answer_to_the_first() -> None:
    """TR-069 3.4.6: no pipelining by the CPE; one that does it all the same is served in order."""
    cpe = Cpe()
    cpe.send("POST /1 HTTP/1.1", "Content-Length: 0")
    cpe.send("POST /2 HTTP/1.1", "Content-Length: 0")
    assert [request.target for request in cpe.seen] == ["/1"]
    cpe.answers[0].callback(Reply(204))
    assert [request.target for request in cpe.seen] == ["/1", "/2"]


class TestDigest:
    """CWMP reference 10 and 14, TP-Link reference 16: each form as its client sends it."""

    NOW = 1_795_370_400.0
    SECRET = ha1("cpe", "acs", "pw")

    def setup_method(self) -> None:
        self.server = Challenger("acs", b"k" * 16, replay=Replay())
        (challenge, _) = self.server.challenge(self.NOW, b"r" * 10)
        self.nonce = challenge.split('nonce="')[1].split('"')[0]

    def response(self, uri: str, *middle: str, first: str | None = None) -> str:
        second = hashlib.md5(f"POST:{uri}".encode()).hexdigest()
        text = ":".join([first or self.SECRET, self.nonce, *middle, second])
        return hashlib.md5(text.encode()).hexdigest()

    def judge(self, header: str) -> Verdict:
        credentials = parse_authorization(header)
        assert isinstance(credentials, Digest)
        return self.server.verify(
            credentials,
            method="POST",
            target="/acs",
            body=b"",
            ha1={"MD5": self.SECRET},
            now=self.NOW,
        )

    def test_challenge_has_qop_and_domain(self) -> None:
        """netcwmp takes its URI from domain, cwmp-sim fails without qop."""
        for challenge in self.server.challenge(self.NOW, b"r" * 10):
            assert 'qop="auth"' in challenge
            assert 'domain="/"' in challenge

    def test_no_qop(self) -> None:
        header = (
            f'Digest username="cpe", realm="acs", nonce="{self.nonce}", uri="/acs", '
            f'response="{self.response("/acs")}"'
        )
        assert self.judge(header) is Verdict.OK
        assert self.judge(header) is Verdict.STALE

    def test_nc_fixed_at_1_with_fresh_cnonce_and_domain_as_uri(self) -> None:
        for cnonce in ("c1", "c2"):
            response = self.response("/", "00000001", cnonce, "auth")
            header = (
                f'Digest username="cpe", realm="acs", nonce="{self.nonce}", uri="/", qop="auth", '
                f'nc=00000001, cnonce="{cnonce}", response="{response}"'
            )
            assert self.judge(header) is Verdict.OK

    def test_md5_sess(self) -> None:
        first = hashlib.md5(f"{self.SECRET}:{self.nonce}:c".encode()).hexdigest()
        response = self.response("/acs", "00000001", "c", "auth", first=first)
        header = (
            f'Digest username="cpe", realm="acs", nonce="{self.nonce}", uri="/acs", qop=auth, '
            f'nc=00000001, cnonce="c", algorithm=MD5-sess, response="{response}"'
        )
        assert self.judge(header) is Verdict.OK

    def test_changed_order_no_commas_odd_quoting_and_cut_algorithm(self) -> None:
        response = self.response("/acs", "1", "c", "auth")
        header = (
            f'Digest response={response} nc="1" cnonce=c qop="auth" algorithm=\'MD\' '
            f'uri="/acs" nonce={self.nonce} username=cpe realm="acs'
        )
        assert self.judge(header) is Verdict.OK

    def test_absolute_uri(self) -> None:
        uri = "http://acs.example:7547/acs"
        response = self.response(uri, "00000001", "c", "auth")
        header = (
            f'Digest username="cpe", realm="acs", nonce="{self.nonce}", uri="{uri}", qop=auth, '
            f'nc=00000001, cnonce="c", response="{response}"'
        )
        assert self.judge(header) is Verdict.OK

    def test_basic_first_is_understood_so_it_can_be_challenged(self) -> None:
        """cwmp-sim, genieacs-sim."""
        assert parse_authorization("Basic Y3BlOnB3") == Basic("cpe", "pw")
