"""The form of what we send: strict, ASCII, fixed prefixes (TR-069 3.4.1 and 3.5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree

from acs.cwmp import messages as m
from acs.cwmp import structures
from acs.cwmp.dialect import Dialect
from acs.cwmp.soap import encode
from acs.model import ParameterFault, Secret, Value, ValueType

NS = "urn:dslforum-org:cwmp-1-2"
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
START = (
    b'<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/" '
    b'xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/" '
    b'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    b'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    b'xmlns:cwmp="urn:dslforum-org:cwmp-1-2">'
)


def value_of(value: Value, dialect: Dialect | None = None) -> str:
    message = m.SetParameterValues((structures.ParameterValue("A", value),))
    body = encode(message, id="1", namespace=NS, dialect=dialect or Dialect()).decode("ascii")
    return body[body.index("<Value") : body.index("</ParameterValueStruct>")]


def test_an_inform_response_octet_for_octet() -> None:
    assert encode(m.InformResponse(), id="42", namespace=NS) == (
        DECLARATION + START + b'<soap-env:Header><cwmp:ID soap-env:mustUnderstand="1">42</cwmp:ID>'
        b"</soap-env:Header><soap-env:Body><cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes>"
        b"</cwmp:InformResponse></soap-env:Body></soap-env:Envelope>"
    )


def test_a_fault_octet_for_octet() -> None:
    fault = m.SoapFault(
        9003, "Invalid <arguments>", (ParameterFault("Device.A", 9007, "no"),), "Client"
    )
    assert encode(fault, id=None, namespace=NS, dialect=Dialect(xml_declaration=False)) == (
        START + b"<soap-env:Body><soap-env:Fault><faultcode>Client</faultcode>"
        b"<faultstring>CWMP fault</faultstring><detail><cwmp:Fault><FaultCode>9003</FaultCode>"
        b"<FaultString>Invalid &lt;arguments&gt;</FaultString><SetParameterValuesFault>"
        b"<ParameterName>Device.A</ParameterName><FaultCode>9007</FaultCode>"
        b"<FaultString>no</FaultString></SetParameterValuesFault></cwmp:Fault></detail>"
        b"</soap-env:Fault></soap-env:Body></soap-env:Envelope>"
    )


def test_must_understand_stands_on_what_the_schema_says() -> None:
    body = encode(
        m.InformResponse(),
        id="1",
        namespace=NS,
        hold_requests=True,
        use_version="1.4",
        session_timeout=60,
        supported_versions=("1.3", "1.4"),
    )
    header = etree.fromstring(body)[0]
    key = "{http://schemas.xmlsoap.org/soap/envelope/}mustUnderstand"
    assert [(etree.QName(node).localname, node.get(key), node.text) for node in header] == [
        ("ID", "1", "1"),
        ("HoldRequests", "1", "true"),
        ("SessionTimeout", None, "60"),
        ("SupportedCWMPVersions", None, "1.3,1.4"),
        ("UseCWMPVersion", "1", "1.4"),
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a&b<c>d", "a&amp;b&lt;c&gt;d"),
        ("]]>", "]]&gt;"),
        ("é", "&#233;"),
        ("\U0001f600", "&#128512;"),
        ("\r\n\t", "&#13;\n\t"),
        ("\x7f\x80", "&#127;&#128;"),
        ("\"'", "\"'"),
        (" ~", " ~"),
    ],
)
def test_characters_outside_the_allowed_ones_are_references(text: str, written: str) -> None:
    assert value_of(Value(text)) == f'<Value xsi:type="xsd:string">{written}</Value>'


@pytest.mark.parametrize("bad", ["\x00", "\x0b", "\ufffe", "\ud800"])
@pytest.mark.parametrize("place", ["value", "name", "id", "namespace"])
def test_what_xml_cannot_carry_is_refused_without_showing_it(bad: str, place: str) -> None:
    text = f"hunter2{bad}"
    message: m.Message = m.GetParameterValues((text if place == "name" else "A.",))
    if place == "value":
        message = m.SetParameterValues((structures.ParameterValue("A", Value(text)),))
    with pytest.raises(ValueError, match=r"U\+") as error:
        encode(
            message,
            id=text if place == "id" else "1",
            namespace=text if place == "namespace" else NS,
        )
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("value", "dialect", "written"),
    [
        (Value("1", ValueType.BOOLEAN), Dialect(), "true"),
        (Value("false", ValueType.BOOLEAN), Dialect(), "false"),
        (Value("true", ValueType.BOOLEAN), Dialect(booleans="1"), "1"),
        (Value("0", ValueType.BOOLEAN), Dialect(booleans="1"), "0"),
        (Value("Enabled", ValueType.BOOLEAN), Dialect(booleans="1"), "Enabled"),
        (Value("true"), Dialect(booleans="1"), "true"),
        (Value("2024-01-02T03:04:05.678Z", ValueType.DATE_TIME), Dialect(), "2024-01-02T03:04:05Z"),
        (
            Value("2024-01-02T03:04:05+02:00", ValueType.DATE_TIME),
            Dialect(),
            "2024-01-02T01:04:05Z",
        ),
        (Value("0001-01-01T00:00:00Z", ValueType.DATE_TIME), Dialect(), "0001-01-01T00:00:00Z"),
        (Value("0001-01-03T00:00:00", ValueType.DATE_TIME), Dialect(), "0001-01-03T00:00:00"),
        (Value("soon", ValueType.DATE_TIME), Dialect(), "soon"),
    ],
)
def test_values_take_the_form_of_the_dialect(value: Value, dialect: Dialect, written: str) -> None:
    assert value_of(value, dialect) == f'<Value xsi:type="xsd:{value.type.value}">{written}</Value>'


@pytest.mark.parametrize("kind", ValueType)
def test_every_type_has_a_declared_prefix(kind: ValueType) -> None:
    prefix = "soap-enc" if kind is ValueType.BASE64 else "xsd"
    assert value_of(Value("1", kind)).startswith(f'<Value xsi:type="{prefix}:{kind.value}">')


@pytest.mark.parametrize("dialect", [Dialect(), Dialect(booleans="1")])
@pytest.mark.parametrize("next_level", [True, False])
def test_next_level_is_always_a_digit(dialect: Dialect, next_level: bool) -> None:
    message = m.GetParameterNames("Device.", next_level)
    body = encode(message, id="1", namespace=NS, dialect=dialect)
    assert b"<NextLevel>%d</NextLevel>" % next_level in body


def test_booleans_of_structures_follow_the_dialect() -> None:
    message = m.SetParameterAttributes((structures.SetParameterAttributesStruct("A", True, 2),))
    body = encode(message, id="1", namespace=NS, dialect=Dialect(booleans="1"))
    assert b"<NotificationChange>1</NotificationChange>" in body
    assert b"<AccessListChange>0</AccessListChange>" in body


def test_a_download_url_is_escaped_and_its_password_is_sent_but_not_shown() -> None:
    message = m.Download("k", "1 Firmware Upgrade Image", "http://h/a?b=1&c=2", "u", Secret("p<w"))
    body = encode(message, id="1", namespace=NS)
    assert b"<URL>http://h/a?b=1&amp;c=2</URL><Username>u</Username><Password>p&lt;w<" in body
    assert "p<w" not in repr(message)


def test_times_are_whole_seconds_in_utc() -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 678, timezone(timedelta(hours=-4)))
    body = encode(m.DownloadResponse(0, moment, moment), id="1", namespace=NS)
    assert b"<StartTime>2024-01-02T07:04:05Z</StartTime>" in body
    naive = m.DownloadResponse(0, moment.replace(tzinfo=None), datetime.now(UTC))
    with pytest.raises(ValueError, match="time zone"):
        encode(naive, id="1", namespace=NS)


def test_what_the_type_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="unsignedInt"):
        encode(m.ScheduleInform(-1), id="1", namespace=NS)
    with pytest.raises(ValueError, match="XML name"):
        encode(m.UnknownMethod("a b"), id="1", namespace=NS)
    with pytest.raises(ValueError, match="namespace"):
        encode(m.InformResponse(), id="1", namespace="")


def test_a_namespace_cannot_break_out_of_its_attribute() -> None:
    body = encode(m.Reboot("k"), id="1", namespace="urn:a\"><x>'&\n\té")
    assert b'xmlns:cwmp="urn:a&quot;&gt;&lt;x&gt;\'&amp;&#10;&#9;&#233;">' in body


def test_optional_members_are_left_out() -> None:
    body = encode(m.ChangeDUState((structures.UpdateOpStruct(uuid="u"),)), id="1", namespace=NS)
    assert b'<Operations xsi:type="cwmp:UpdateOpStruct"><UUID>u</UUID></Operations></cwmp:' in body
