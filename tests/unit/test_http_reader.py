"""The sans-IO half of the HTTP edge: octets in, requests out, replies to octets."""

import gzip
import zlib
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.http import Bounds, Connection, Refusal, Reply, Request
from acs.http.compression import decompress, window_bits
from acs.http.reader import RequestReader
from acs.http.writer import render

DATE = "Sun, 22 Nov 2026 18:00:00 GMT"
Item = Request | Refusal


def admit_all(headers: Mapping[str, str]) -> None:
    pass


def read(*parts: bytes, bounds: Bounds | None = None) -> list[Item]:
    reader = RequestReader(bounds or Bounds(), Connection("192.0.2.1"), admit_all)
    items: list[Item] = []
    for part in parts:
        reader.feed(part)
        while (item := reader.take()) is not None:
            items.append(item)
    return items


def read_one(*parts: bytes, bounds: Bounds | None = None) -> Request:
    (item,) = read(*parts, bounds=bounds)
    assert isinstance(item, Request), item
    return item


def refused(*parts: bytes, bounds: Bounds | None = None) -> int:
    item = read(*parts, bounds=bounds)[-1]
    assert isinstance(item, Refusal), item
    return item.status


def post(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST /acs HTTP/1.1", b"Host: acs", *headers, b"Content-Length: %d" % len(body)]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def view(request: Request) -> tuple[object, ...]:
    return (
        request.method,
        request.target,
        dict(request.headers),
        request.body,
        request.keep_alive,
    )


def test_a_request_has_its_parts() -> None:
    request = read_one(post(b"<x/>", b"SOAPAction:", b"X-Odd: caf\xe9"))
    assert view(request) == (
        "POST",
        "/acs",
        {"host": "acs", "soapaction": "", "x-odd": "café", "content-length": "4"},
        b"<x/>",
        True,
    )


def test_repeated_fields_are_joined_and_cookies_by_semicolon() -> None:
    request = read_one(post(b"", b"Via: a", b"Cookie: a=1", b"via: b", b"cookie: b=2"))
    assert request.headers["via"] == "a, b"
    assert request.headers["cookie"] == "a=1; b=2"


CHUNKED = (
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;name=value\r\nhello\r\n6  \r\n world\r\n0\r\nTrailer: t\r\n\r\n"
)


def test_chunks_are_joined_and_trailers_dropped() -> None:
    request = read_one(CHUNKED)
    assert request.body == b"hello world"
    assert "trailer" not in request.headers


WIRE_EXAMPLES = [
    post(b"", b"Connection: close"),
    post(b"x" * 700, b"Cookie: a=1", b"Cookie: b=2"),
    post(gzip.compress(b"<Envelope/>" * 50, mtime=0), b"Content-Encoding: gzip"),
    CHUNKED,
    b"\r\n\r\n" + post(b"abc") + b"\r\n",
    post(b"one") + post(b"two", b"X: folded", b"  over") + b"GET /y HTTP/1.0\r\n\r\n",
]


@pytest.mark.parametrize("wire", WIRE_EXAMPLES, ids=range(len(WIRE_EXAMPLES)))
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_fragmentation_changes_nothing(wire: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    edges = [0, *cuts, len(wire)]
    parts = [wire[a:b] for a, b in pairwise(edges) if a < b]

    def views(items: list[Item]) -> list[tuple[object, ...]]:
        return [view(item) for item in items if isinstance(item, Request)]

    whole = views(read(wire))
    assert views(read(*parts)) == whole
    assert whole


def test_octet_by_octet() -> None:
    for wire in WIRE_EXAMPLES:
        parts = [wire[i : i + 1] for i in range(len(wire))]
        assert [type(item) for item in read(*parts)] == [type(item) for item in read(wire)]


@given(st.binary(max_size=400), st.sampled_from([b"", b"POST / HTTP/1.1\r\n", post(b"")]))
@settings(max_examples=300, deadline=None)
def test_arbitrary_octets_never_raise(noise: bytes, before: bytes) -> None:
    items = read(before + noise)
    assert all(isinstance(item, Request | Refusal) for item in items)
    assert not any(isinstance(item, Refusal) for item in items[:-1])  # it is the last


class TestFraming:
    """No second request hides in the first."""

    @pytest.mark.parametrize(
        "headers",
        [
            b"Transfer-Encoding: chunked\r\nContent-Length: 3",
            b"Content-Length: 3\r\nTransfer-Encoding: chunked",
            b"Content-Length: 3\r\nContent-Length: 4",
            b"Content-Length: 3\r\nContent-Length: 3",
            b"Content-Length: 3, 3",
            b"Content-Length: +3",
            b"Content-Length: -3",
            b"Content-Length: 3\r\n 4",
            b"Content-Length:",
            b"Content-Length : 3",
            b"Transfer-Encoding : chunked",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            b"Transfer-Encoding: \x0bchunked",
            b"X: a\x00b",
            b"X: a\rContent-Length: 3",
            b"X: a\nContent-Length: 3",
            b"X\x00: a",
            b": a",
            b"no colon",
        ],
    )
    def test_is_refused(self, headers: bytes) -> None:
        wire = b"POST / HTTP/1.1\r\n" + headers + b"\r\n\r\n0\r\n\r\n"
        assert refused(wire) == 400

    @pytest.mark.parametrize("coding", [b"gzip, chunked", b"identity, chunked"])
    def test_other_transfer_codings_are_501(self, coding: bytes) -> None:
        wire = b"POST / HTTP/1.1\r\nTransfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n"
        assert refused(wire) == 501

    def test_identity_then_chunked_in_two_fields_is_501(self) -> None:
        te = b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"
        assert refused(b"POST / HTTP/1.1\r\n" + te + b"\r\n\r\n0\r\n\r\n") == 501

    def test_nothing_is_read_after_a_refusal(self) -> None:
        items = read(b"POST / HTTP/9.9\r\n\r\n", post(b"hidden"))
        assert [type(item) for item in items] == [Refusal]

    def test_a_good_request_before_garbage_is_kept(self) -> None:
        first, second = read(post(b"good") + b"\x00\x01\r\n\r\n")
        assert isinstance(first, Request)
        assert first.body == b"good"
        assert isinstance(second, Refusal)

    def test_chunked_from_http10_is_read_but_ends_the_connection(self) -> None:
        request = read_one(
            b"POST / HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nhi\r\n0\r\n\r\n"
        )
        assert (request.body, request.keep_alive) == (b"hi", False)


@pytest.mark.parametrize(
    ("version", "connection", "keep_alive"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"Connection: keep-alive\r\n", True),
        (b"1.1", b"Connection: Close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"Connection: Keep-Alive\r\n", True),
    ],
)
def test_keep_alive(version: bytes, connection: bytes, keep_alive: bool) -> None:
    request = read_one(b"POST / HTTP/" + version + b"\r\n" + connection + b"\r\n")
    assert request.keep_alive is keep_alive


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET /\r\n", 505),
        (b"CONNECT a:1 HTTP/1.1\r\n", 501),
        (b"POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n", 501),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n", 400),
        (b"FOO / HTTP/1.1\r\n", 400),
        (b"POST / HTTP/1.1\r\nExpect: a-miracle\r\n", 417),
        (b"POST / HTTP/1.1\r\nContent-Encoding: br\r\n", 415),
        (b"POST / HTTP/1.1\r\nContent-Encoding: gzip, gzip\r\n", 415),
    ],
)
def test_what_is_not_served_has_its_status(start: bytes, status: int) -> None:
    assert refused(start + b"\r\n") == status


class TestBounds:
    BOUNDS = Bounds(header_bytes=200, max_headers=5, body_bytes=100, decompressed_bytes=300)

    def test_header_in_one_piece(self) -> None:
        assert refused(post(b"", b"X: " + b"a" * 200), bounds=self.BOUNDS) == 431

    def test_header_that_never_ends(self) -> None:
        endless = [b"POST / HTTP/1.1\r\nX: ", *[b"a" * 10] * 20]
        assert refused(*endless, bounds=self.BOUNDS) == 431

    def test_target(self) -> None:
        assert refused(b"POST /" + b"a" * 300, bounds=self.BOUNDS) == 431

    def test_number_of_fields(self) -> None:
        assert refused(post(b"", b"A: 1", b"B: 1", b"C: 1", b"D: 1"), bounds=self.BOUNDS) == 431
        assert read_one(post(b"", b"A: 1", b"B: 1", b"C: 1"), bounds=self.BOUNDS)

    def test_trailer_that_never_ends(self) -> None:
        start = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: "
        assert refused(start, *[b"a" * 10] * 21, bounds=self.BOUNDS) == 431

    def test_declared_body_is_refused_before_it_comes(self) -> None:
        head = post(b"a" * 101).removesuffix(b"a" * 101)
        assert refused(head, bounds=self.BOUNDS) == 413
        assert len(read_one(post(b"a" * 100), bounds=self.BOUNDS).body) == 100

    def test_a_length_of_many_zeros_is_a_number(self) -> None:
        head = b"POST / HTTP/1.1\r\nContent-Length: " + b"0" * 5000
        assert read_one(head + b"3\r\n\r\nabc").body == b"abc"
        assert read_one(head + b"\r\n\r\n").body == b""

    def test_chunked_body(self) -> None:
        start = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert refused(start, *[b"32\r\n" + b"a" * 50 + b"\r\n"] * 3, bounds=self.BOUNDS) == 413

    def test_bomb(self) -> None:
        bomb = gzip.compress(b"\0" * 301, mtime=0)
        assert refused(post(bomb, b"Content-Encoding: gzip"), bounds=self.BOUNDS) == 413
        fits = gzip.compress(b"\0" * 300, mtime=0)
        body = read_one(post(fits, b"Content-Encoding: gzip"), bounds=self.BOUNDS).body
        assert body == b"\0" * 300

    def test_pipelining(self) -> None:
        items = read(post(b"") * 9, bounds=Bounds(pipelined=8))
        assert [type(item) for item in items] == [Request] * 8 + [Refusal]

    def test_every_bound_must_be_positive(self) -> None:
        with pytest.raises(ValueError, match="idle_seconds"):
            Bounds(idle_seconds=0)


class TestCompression:
    BODY = b"<soap:Envelope/>" * 20

    @pytest.mark.parametrize(
        ("coding", "body"),
        [
            ("gzip", gzip.compress(BODY, mtime=0)),
            ("x-gzip", gzip.compress(BODY, mtime=0) + b"\0\0\0"),
            ("GZip ", gzip.compress(BODY, mtime=0)),
            ("deflate", zlib.compress(BODY)),
            ("deflate", zlib.compress(BODY, wbits=-15)),
        ],
    )
    def test_is_read(self, coding: str, body: bytes) -> None:
        assert decompress(body, window_bits(coding), 1000) == self.BODY

    @pytest.mark.parametrize("coding", ["", "identity"])
    def test_plain(self, coding: str) -> None:
        assert not window_bits(coding)

    @pytest.mark.parametrize(
        "body",
        [
            b"not gzip",
            gzip.compress(BODY, mtime=0)[:-9],
            gzip.compress(BODY, mtime=0)[:12],
            gzip.compress(BODY, mtime=0) * 2,
            gzip.compress(BODY, mtime=0)[:-5] + b"xxxxx",
        ],
    )
    def test_damage_is_400(self, body: bytes) -> None:
        with pytest.raises(Refusal) as caught:
            decompress(body, window_bits("gzip"), 1000)
        assert caught.value.status == 400

    def test_an_empty_body_needs_no_decompression(self) -> None:
        assert read_one(post(b"", b"Content-Encoding: gzip")).body == b""

    def test_damage_ends_the_reader(self) -> None:
        bad = post(b"not gzip", b"Content-Encoding: gzip")
        items = read(bad + post(b"next"), post(b"later"))
        assert [type(item) for item in items] == [Refusal]


class TestRender:
    def test_reply(self) -> None:
        reply = Reply(200, b"<x/>", (("Content-Type", "text/xml"), ("Set-Cookie", "s=1")))
        assert render(reply, keep_alive=True, date=DATE) == (
            b"HTTP/1.1 200 OK\r\n"
            b"Date: Sun, 22 Nov 2026 18:00:00 GMT\r\n"
            b"Content-Type: text/xml\r\nSet-Cookie: s=1\r\n"
            b"Content-Length: 4\r\nConnection: keep-alive\r\n\r\n<x/>"
        )

    def test_204_has_a_length_and_no_body(self) -> None:
        wire = render(Reply(204), keep_alive=False, date=DATE)
        assert wire.startswith(b"HTTP/1.1 204 No Content\r\n")
        assert wire.endswith(b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        with pytest.raises(ValueError, match="204"):
            render(Reply(204, b"x"), keep_alive=True, date=DATE)

    def test_head_has_the_length_without_the_body(self) -> None:
        wire = render(Reply(200, b"body"), keep_alive=True, date=DATE, head_only=True)
        assert b"Content-Length: 4\r\n" in wire
        assert wire.endswith(b"\r\n\r\n")

    @pytest.mark.parametrize("value", ["a\r\nX: b", "a\nb", "a\rb"])
    def test_no_header_injection(self, value: str) -> None:
        with pytest.raises(ValueError, match="line break"):
            render(Reply(200, b"", (("Location", value),)), keep_alive=True, date=DATE)
        with pytest.raises(ValueError, match="line break"):
            render(Reply(200, b"", ((value, "a"),)), keep_alive=True, date=DATE)

    def test_refusal(self) -> None:
        reply = Refusal(503, "busy", retry_after=12.2).reply()
        assert reply.close
        assert dict(reply.headers)["Retry-After"] == "13"
        assert reply.body == b"busy\n"


# --- the short way past llhttp ------------------------------------------------------------------

_NAMES = st.sampled_from(
    ["Host", "Cookie", "SOAPAction", "Content-Type", "X-1", "connection", "Expect", "TE", "a_b"]
) | st.text("abXY-_ :\t\r\n!é\x00", min_size=0, max_size=6)
_VALUES = st.sampled_from(
    ["", "keep-alive", "close", " Keep-Alive ", "text/xml", "100-continue", '$Version="1"']
) | st.text("ab1 \t\r\n\x00\x7fé:;", max_size=8)
_LENGTHS = st.sampled_from(["{}", " {}", " {}  ", "0{}", "+{}", "{} {}", "", "-1", "9999999"])


@st.composite
def nearly_plain(draw: st.DrawFn) -> bytes:
    """A POST of the plain form, with something odd here and there."""
    method = draw(st.sampled_from(["POST"] * 6 + ["GET", "post", "POSTX"]))
    target = draw(st.sampled_from(["/", "/acs?a=b#c", "*", "http://acs/", "/é", "/a b", ""]))
    version = draw(st.sampled_from(["HTTP/1.1"] * 6 + ["HTTP/1.0", "HTTP/2.0", "http/1.1"]))
    body = draw(st.binary(max_size=12))
    length = draw(_LENGTHS).format(len(body), len(body))
    fields = [
        *draw(st.lists(st.tuples(_NAMES, _VALUES), max_size=4)),
        *draw(st.lists(st.just(("Content-Length", length)), min_size=0, max_size=2)),
    ]
    fields = draw(st.permutations(fields))
    head = "".join(f"{name}:{value}\r\n" for name, value in fields)
    after = draw(st.sampled_from([b""] * 4 + [b"\r\n", b"P", body]))
    return f"{method} {target} {version}\r\n{head}\r\n".encode("latin-1") + body + after


@given(nearly_plain(), st.booleans())
@settings(max_examples=600, deadline=None)
def test_what_is_read_without_llhttp_is_what_llhttp_reads(data: bytes, second: bool) -> None:
    seen: list[Mapping[str, str]] = []

    def through(*parts: bytes) -> list[object]:
        reader = RequestReader(Bounds(), Connection("192.0.2.1"), seen.append)
        items: list[object] = []
        for part in parts:
            reader.feed(part)
            while (item := reader.take()) is not None:
                items.append(view(item) if isinstance(item, Request) else item.status)
        return items

    whole = through(*[data] * (1 + second))
    admitted, seen = seen, []
    # The first octet alone is of no plain form.
    assert through(*[part for _ in range(1 + second) for part in (data[:1], data[1:])]) == whole
    assert seen == admitted


def test_a_plain_request_needs_no_llhttp() -> None:
    reader = RequestReader(Bounds(), Connection("192.0.2.1"), admit_all)
    reader.feed(post(b"<xml/>", b"Content-Type: text/xml", b"SOAPAction:"))
    item = reader.take()
    assert isinstance(item, Request)
    assert item.headers == {
        "host": "acs", "content-type": "text/xml", "soapaction": "", "content-length": "6"
    }  # fmt: skip
    assert reader._parser is None
