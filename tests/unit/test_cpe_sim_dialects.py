"""Dialects and habits byte by byte, and the pace of answers."""

from __future__ import annotations

import gzip
import zlib

import pytest

from simulators.cpe import render
from simulators.cpe.device import Ont
from simulators.cpe.dialect import DIALECTS, GENERIC, TPLINK
from simulators.cpe.exchange import Exchange, Send, Stop
from simulators.cpe.faults import CpeFaultError
from simulators.cpe.fleet import FleetError, Unit
from simulators.cpe.habits import HABITS, UnknownHabitError, compose
from simulators.cpe.model import Parameter
from simulators.cpe.modelfile import Identity
from simulators.cpe.pace import AT_ONCE, parse_think, recorded
from simulators.cpe.render import Event
from simulators.cpe.wire import Response, Target, render_request

TARGET = Target.parse("http://acs.example.ca:7547/cwmp")
GIVEN = {"session": "abc; Path=/; HttpOnly", "lb": "n1"}
PARAMETERS = [Parameter("Device.A.B", "string", "é & 'x'"), Parameter("Device.A.C", "boolean", "1")]


def head(habit: str, body: bytes = b"<x/>") -> list[str]:
    data = render_request(compose("generic", (habit,)), TARGET, body, GIVEN)
    return data.partition(b"\r\n\r\n")[0].decode().split("\r\n")


@pytest.mark.parametrize(
    ("habit", "line"),
    [
        ("cookie-lines", "Cookie: lb=n1"),
        ("cookie-version", 'Cookie: $Version="1"; session=abc; $Path="/"; lb=n1; $Path="/"'),
        ("cookie-path", "Cookie: session=abc; Path=/; HttpOnly; lb=n1"),
        ("cookie-commas", 'Cookie: session="abc",lb="n1"'),
        ("cookie2", 'Cookie2: $Version="1"'),
        ("digits", "Cookie: session=abc; lb=n1"),
        ("padded-length", "Content-Length:4      "),
        ("chunked", "Transfer-Encoding: chunked"),
        ("lower-headers", "content-length: 4"),
        ("upper-headers", "CONTENT-LENGTH: 4"),
        ("host-without-port", "Host: acs.example.ca"),
        ("named-soap-action", "SOAPAction: Inform"),
        ("quoted-soap-action", 'SOAPAction: ""'),
        ("html-content-type", "Content-Type: text/html"),
        ("gzip", "Content-Encoding: gzip"),
    ],
)
def test_headers(habit: str, line: str) -> None:
    assert line in head(habit)


@pytest.mark.parametrize(
    ("habit", "start"),
    [
        ("cookie-never", "Cookie"),
        ("no-soap-action", "SOAPAction"),
        ("no-content-type", "Content-Type"),
        ("chunked", "Content-Length"),
    ],
)
def test_headers_that_are_missing(habit: str, start: str) -> None:
    assert not [line for line in head(habit) if line.startswith(start)]


def test_forms_of_the_empty_post() -> None:
    assert not [line for line in head("empty-without-length", b"") if "Content" in line]
    full = head("empty-like-any", b"")
    assert {"Content-Length: 0", "SOAPAction:"} <= set(full)
    assert "Content-Length: 0" in head("chunked", b"")
    assert not [line for line in head("gzip", b"") if "Encoding" in line]


def test_bodies_in_chunks_and_compressed() -> None:
    def body(habit: str) -> bytes:
        data = render_request(compose("generic", (habit,)), TARGET, b"<body/>", {})
        return data.partition(b"\r\n\r\n")[2]

    assert body("chunked") == b"3\r\n<bo\r\n4\r\ndy/>\r\n0\r\n\r\n"
    assert gzip.decompress(body("gzip")) == b"<body/>"
    assert zlib.decompress(body("deflate")) == b"<body/>"


def inform(*habits: str) -> str:
    spoken = compose("generic", habits)
    body = render.inform(spoken, ["M", "O", "P", "S"], [Event("1 BOOT")], "now", 0, PARAMETERS)
    encoding = spoken.charset or "utf-8"
    extra = render.inform_header(spoken)
    return render.envelope(spoken, "7", body, extra).decode(encoding)


@pytest.mark.parametrize(
    ("habit", "text"),
    [
        ("digits", '<Value xsi:type="xsd:boolean">1</Value>'),
        ("words", '<Value xsi:type="xsd:boolean">true</Value>'),
        ("no-types", "<Value>true</Value>"),
        ("nameless-types", '<Value xsi:type="xsd:">true</Value>'),
        ("array-count", '<Event soapenc:arrayType="cwmp:EventStruct[1]">'),
        ("array-padded", 'soapenc:arrayType="cwmp:ParameterValueStruct[0002]">'),
        ("array-miscounted", 'soapenc:arrayType="cwmp:ParameterValueStruct[0]">'),
        ("array-bare", "<ParameterList><ParameterValueStruct>"),
        ("schema-1999", 'xmlns:xsi="http://www.w3.org/1999/XMLSchema-instance"'),
        ("encoding-no-slash", 'xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding"'),
        ("single-quotes", "<Value xsi:type='xsd:string'>&#233; &amp; &#39;x&#39;</Value>"),
        ("line-breaks", "<ParameterValueStruct>\n<Name>Device.A.B</Name>\n<Value"),
        ("raw-utf8", ">é &amp; 'x'</Value>"),
        ("raw-latin1", '<?xml version="1.0" encoding="ISO-8859-1"?>'),
        ("other-prefixes", "<c:Inform><DeviceId>"),
        ("other-prefixes", 'xmlns:c="urn:dslforum-org:cwmp-1-2"'),
        ("no-more-requests", "<cwmp:NoMoreRequests>0</cwmp:NoMoreRequests>"),
        ("inform-backwards", "<cwmp:Inform><ParameterList"),
        ("cwmp-1-0", 'xmlns:cwmp="urn:dslforum-org:cwmp-1-0"'),
        ("cwmp-1.3", "<cwmp:SessionTimeout>60</cwmp:SessionTimeout>"),
        ("cwmp-1.4", "<cwmp:SupportedCWMPVersions>1.0,1.1,1.2,1.3,1.4</"),
    ],
)
def test_words_of_an_inform(habit: str, text: str) -> None:
    assert text in inform(habit)


def test_what_an_inform_may_lack() -> None:
    assert "<?xml" not in inform("no-declaration")
    assert "RetryCount" not in inform("inform-short")
    assert "Header" not in inform("no-id")


def test_latin1_is_what_it_says() -> None:
    spoken = compose("generic", ("raw-latin1",))
    assert b"\xe9" in render.envelope(spoken, "1", render.escape("é"))


def test_the_detail_of_a_fault_in_its_text() -> None:
    said = render.fault(compose("generic", ("detail-in-faultstring",)), CpeFaultError(9005))
    assert "<faultstring>CWMP fault<detail><cwmp:Fault>" in said
    assert said.index("</detail>") < said.index("</faultstring>")


@pytest.mark.parametrize(
    ("habit", "time"),
    [
        ("clock-utc", "2026-11-22T10:00:00Z"),
        ("clock-bare", "2026-11-22T10:00:00"),
        ("clock-offset", "2026-11-22T10:00:00+00:00"),
        ("clock-milliseconds", "2026-11-22T10:00:00.000Z"),
        ("clock-text", "Sun Nov 22 10:00:00 2026"),
        ("clock-unknown", "0001-01-01T00:00:00Z"),
    ],
)
def test_forms_of_current_time(habit: str, time: str) -> None:
    spoken = compose("generic", (habit,))
    unit = Ont("generic-tr181", Identity("A4B1C2", "G", "S", "A4:B1:C2:00:00:01"), dialect=spoken)
    assert unit.current_time(1795341600.0) == time


# --- composition


def test_habits_are_put_on_each_other_and_leave_the_dialect_alone() -> None:
    spoken = compose("tplink", ("gzip", "clock-text", "clock-utc"))
    assert (spoken.coding, spoken.clock, spoken.namespace) == (
        "gzip", GENERIC.clock, TPLINK.namespace,
    )  # fmt: skip
    assert TPLINK.coding == ""
    assert all(compose(name) is DIALECTS[name] for name in DIALECTS)


@pytest.mark.parametrize("name", HABITS)
def test_each_habit_changes_something_and_says_what(name: str) -> None:
    assert any(compose(base, (name,)) != DIALECTS[base] for base in ("generic", "tplink"))
    assert HABITS[name].about


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownHabitError, match="cpe-sim habits"):
        compose("generic", ("nope",))
    with pytest.raises(UnknownHabitError, match="there are tplink"):
        compose("nope")
    with pytest.raises(FleetError, match="unit S1: no habit"):
        Unit("generic-tr181", "S1", mac="A4:B1:C2:00:00:01", acs="http://a/", habits="x").build()


# --- what follows in an exchange


def exchange(*habits: str) -> Exchange:
    unit = Ont(
        "generic-tr181",
        Identity("A4B1C2", "G", "S", "A4:B1:C2:00:00:01"),
        acs_url="http://acs/",
        username="u",
        password="p",
        dialect=compose("generic", habits),
    )
    unit.think = parse_think("recorded", "TP-Link")
    return Exchange(unit, (Event("1 BOOT"),), now=0.0, cnonce=lambda: "c")


CHALLENGE = Response(
    401,
    (("www-authenticate", f'Digest realm="r", nonce="{"n" * 40}", qop="auth", opaque="o"'),),
    b"",
)
ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:c="urn:dslforum-org:cwmp-1-2"><s:Header><c:ID s:mustUnderstand="1">1</c:ID></s:Header>'
    "<s:Body>{}</s:Body></s:Envelope>"
)
INFORMED = "<c:InformResponse><MaxEnvelopes>1</MaxEnvelopes></c:InformResponse>"


def heard(body: str, declaration: str = "") -> Response:
    data = (declaration + ENVELOPE.format(body)).encode()
    return Response(200, (("content-type", "text/xml"),), data)


def test_an_empty_post_is_challenged_before_the_inform() -> None:
    run = exchange("empty-first")
    first = run.start()
    assert isinstance(first, Send)
    assert first.data.endswith(b"Content-Length: 0\r\n\r\n")
    second = run.received(CHALLENGE)
    assert isinstance(second, Send)
    assert b"Authorization: Digest" in second.data
    assert b"<cwmp:Inform>" in second.data


def test_an_empty_post_that_nobody_challenges_ends_it() -> None:
    run = exchange("empty-first")
    run.start()
    assert isinstance(run.received(Response(204, (), b"")), Stop)
    assert "was not challenged" in run.report.reason


def test_basic_comes_first_and_digest_when_it_is_asked_for() -> None:
    run = exchange("basic-first")
    first = run.start()
    assert isinstance(first, Send)
    assert b"Authorization: Basic dTpw\r\n" in first.data
    second = run.received(CHALLENGE)
    assert isinstance(second, Send)
    assert b"Authorization: Digest" in second.data


@pytest.mark.parametrize(
    ("habit", "missing"),
    [("digest-2069", b"cnonce"), ("digest-no-opaque", b"opaque"), ("nonce-cut", b"n" * 33)],
)
def test_digests_that_leave_something_out(habit: str, missing: bytes) -> None:
    run, plain = exchange(habit), exchange()
    for each in (run, plain):
        each.start()
    steps = run.received(CHALLENGE), plain.received(CHALLENGE)
    assert [missing in step.data for step in steps if isinstance(step, Send)] == [False, True]


def test_authorization_with_the_inform_alone_and_a_count_that_stands_still() -> None:
    for habit, proven in (("proof-once", False), ("digest-nc-1", True)):
        run = exchange(habit)
        run.start()
        run.received(CHALLENGE)
        step = run.received(heard(INFORMED))
        assert isinstance(step, Send)
        assert (b"Authorization" in step.data) is proven
        assert b"nc=00000002" not in step.data


def test_a_declaration_is_too_much_for_some() -> None:
    run = exchange("refuses-declaration")
    run.start()
    assert isinstance(run.received(heard(INFORMED, '<?xml version="1.0"?>')), Stop)
    assert run.report.reason == "an XML declaration"
    assert not run.report.informed


NAMES = (
    "<c:GetParameterNames><ParameterPath>Device.</ParameterPath><NextLevel>1</NextLevel>"
    "</c:GetParameterNames>"
)


def test_what_is_said_to_a_method_it_does_not_have() -> None:
    for habit in ("nothing-for-unknown", "closes-at-unknown"):
        run = exchange(habit)
        run.start()
        run.received(heard(INFORMED))
        step = run.received(heard(NAMES))
        assert isinstance(step, Send) is (habit == "nothing-for-unknown")
        assert [rpc.fault for rpc in run.report.rpcs] == [9000]


# --- pace


def test_a_unit_thinks_before_it_answers_an_rpc_but_not_before_it_calls() -> None:
    run = exchange()
    first = run.start()
    second = run.received(heard(INFORMED))
    answer = run.received(heard(NAMES))
    assert isinstance(first, Send)
    assert isinstance(second, Send)
    assert isinstance(answer, Send)
    assert first.after == second.after == 0
    assert 0.003 < answer.after < 0.02


def test_the_pace_that_was_recorded() -> None:
    tplink = recorded("TP-Link")
    assert tplink.seconds("GetParameterValues", 1) == pytest.approx(0.0032)
    assert tplink.seconds("AddObject", 1) == 0.47
    assert tplink.seconds("SetParameterValues", 5) == pytest.approx(0.55)
    assert tplink.seconds("SetParameterValues", 500) == 1.3
    assert tplink.scaled(0.1).seconds("AddObject", 1) == pytest.approx(0.047)
    assert recorded("Example Networks").seconds("GetParameterValues", 1000) > 0.5


@pytest.mark.parametrize("text", ["", "soon", "-1", "nan", "1e9"])
def test_what_is_no_pace(text: str) -> None:
    with pytest.raises(ValueError, match="not none, recorded or seconds"):
        parse_think(text, "TP-Link")


def test_plain_paces() -> None:
    assert parse_think("none", "TP-Link") is AT_ONCE
    assert AT_ONCE.scaled(0.1).seconds("Reboot", 3) == 0
    assert parse_think("2.5", "TP-Link").seconds("Reboot", 3) == 2.5
