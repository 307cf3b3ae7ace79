"""The short way for messages of the plain form tells the same as the parser, or nothing."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.cwmp.messages import (
    Envelope,
    GetParameterValuesResponse,
    Inform,
    Message,
    SetParameterValuesResponse,
)
from acs.cwmp.soap import MalformedEnvelope, decode
from acs.cwmp.soap.plain import read_plain
from acs.cwmp.structures import ParameterValueStruct
from acs.model import Value, ValueType

HEAD = (
    '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" '
    'xmlns:E="http://schemas.xmlsoap.org/soap/encoding/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xmlns:cwmp="urn:dslforum-org:cwmp-1-0">'
)
TEXT = st.text("abcXYZ0189 .:-_/", max_size=12)
KINDS = st.sampled_from(["string", "boolean", "unsignedInt", "int", "dateTime", "json"])
GAP = st.sampled_from(["", "\n", "\r\n  ", "\t"])


def through_the_parser(body: bytes) -> Envelope | None:
    with patch("acs.cwmp.soap.decode.read_plain", return_value=None):
        try:
            return decode(body, "text/xml")
        except MalformedEnvelope:
            return None


@st.composite
def parameter_lists(draw: st.DrawFn) -> str:
    gap, short = draw(GAP), draw(st.booleans())
    values = draw(st.lists(st.tuples(TEXT, KINDS, TEXT), max_size=5))
    return "".join(
        (
            '<ParameterList xsi:type="E:Array">',
            *(
                f"<ParameterValueStruct>{gap}<Name>Device.{name}</Name>"
                + (f'<Value xsi:type="xsd:{kind}"/>' if short and not text else "")
                + ("" if short and not text else f'<Value xsi:type="xsd:{kind}">{text}</Value>')
                + f"{gap}</ParameterValueStruct>"
                for name, kind, text in values
            ),
            "</ParameterList>",
        )
    )


@st.composite
def informs(draw: st.DrawFn) -> str:
    events = draw(st.lists(st.tuples(TEXT, TEXT), max_size=3))
    short = draw(st.booleans())

    def element(name: str, text: str) -> str:
        return f"<{name}/>" if short and not text else f"<{name}>{text}</{name}>"

    return "".join(
        (
            "<cwmp:Inform><DeviceId>",
            *(
                element(name, draw(TEXT))
                for name in ("Manufacturer", "OUI", "ProductClass", "SerialNumber")
            ),
            f'</DeviceId><Event E:arrayType="cwmp:EventStruct[{len(events)}]">',
            *(
                f"<EventStruct>{element('EventCode', code)}{element('CommandKey', key)}"
                "</EventStruct>"
                for code, key in events
            ),
            "</Event><MaxEnvelopes>1</MaxEnvelopes>",
            "<CurrentTime>2026-11-22T10:00:00</CurrentTime><RetryCount>0</RetryCount>",
            draw(parameter_lists()),
            "</cwmp:Inform>",
        )
    )


def answers() -> st.SearchStrategy[str]:
    method = "cwmp:GetParameterValuesResponse"
    return parameter_lists().map(lambda told: f"<{method}>{told}</{method}>")


def outcomes() -> st.SearchStrategy[str]:
    method = "cwmp:SetParameterValuesResponse"
    status = st.sampled_from(["0", "1", " 1", "2", "", "true"])
    return status.map(lambda told: f"<{method}><Status>{told}</Status></{method}>")


@st.composite
def messages(draw: st.DrawFn) -> str:
    declaration = draw(st.sampled_from(["", '<?xml version="1.0" encoding="UTF-8"?>']))
    message = draw(informs() | answers() | outcomes())
    return (
        f'{declaration}{HEAD}<S:Header><cwmp:ID S:mustUnderstand="1">{draw(TEXT)}</cwmp:ID>'
        f"</S:Header><S:Body>{message}</S:Body></S:Envelope>"
    )


def sample() -> str:
    return (
        f'{HEAD}<S:Header><cwmp:ID S:mustUnderstand="1">7</cwmp:ID></S:Header><S:Body><cwmp:Inform>'
        "<DeviceId><Manufacturer>TP-Link</Manufacturer><OUI>1C61B4</OUI><ProductClass/>"
        "<SerialNumber>1</SerialNumber></DeviceId>"
        '<Event E:arrayType="cwmp:EventStruct[1]"><EventStruct><EventCode>2 PERIODIC</EventCode>'
        "<CommandKey></CommandKey></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes>"
        "<CurrentTime>2026-11-22T10:00:00</CurrentTime><RetryCount>0</RetryCount>"
        '<ParameterList><ParameterValueStruct><Name>Device.A</Name><Value xsi:type="xsd:string">x'
        "</Value></ParameterValueStruct></ParameterList></cwmp:Inform></S:Body></S:Envelope>"
    )


def test_a_plain_inform_takes_the_short_way() -> None:
    told = read_plain(sample().encode(), "text/xml")
    assert told is not None and isinstance(told.message, Inform)
    assert told.message.device_id.serial_number == "1"
    assert told == through_the_parser(sample().encode())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("TP-Link", "TP&amp;Link"),
        ("TP-Link", "Télé"),
        ("TP-Link", "<![CDATA[x]]>"),
        ("<DeviceId>", "<!-- x --><DeviceId>"),
        ('xsi:type="xsd:string"', 'xsi:type="xsd:json"'),
        ("<RetryCount>0", "<RetryCount>many"),
        ("2026-11-22T10:00:00", "Sun Nov 22"),
        ("urn:dslforum-org:cwmp-1-0", "urn:other"),
        ('S:mustUnderstand="1"', 'T:mustUnderstand="1"'),
        ('E:arrayType="cwmp:EventStruct[1]"', 'a="1" a="2"'),
        ("</S:Envelope>", "</S:Envelope>tail"),
    ],
)
def test_whatever_differs_is_left_to_the_parser(old: str, new: str) -> None:
    assert old in sample()
    assert read_plain(sample().replace(old, new).encode(), "text/xml") is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            "<cwmp:GetParameterValuesResponse><ParameterList><ParameterValueStruct><Name>Device.A"
            '</Name><Value xsi:type="xsd:boolean">1</Value></ParameterValueStruct></ParameterList>'
            "</cwmp:GetParameterValuesResponse>",
            GetParameterValuesResponse(
                (ParameterValueStruct("Device.A", Value("1", ValueType.BOOLEAN)),)
            ),
        ),
        (
            "<cwmp:SetParameterValuesResponse><Status>1</Status></cwmp:SetParameterValuesResponse>",
            SetParameterValuesResponse(1),
        ),
    ],
)
def test_plain_answers_take_it_too(body: str, message: Message) -> None:
    begin, end = sample().index("<cwmp:Inform>"), sample().index("</S:Body>")
    text = sample()[:begin] + body + sample()[end:]
    told = read_plain(text.encode(), "text/xml")
    assert told is not None and told.message == message
    assert told == through_the_parser(text.encode())


def test_another_charset_is_left_to_the_parser() -> None:
    assert read_plain(sample().encode(), "text/xml; charset=utf-16") is None


@given(messages())
@settings(max_examples=200, deadline=None)
def test_what_it_reads_is_what_the_parser_reads(text: str) -> None:
    body = text.encode()
    told = read_plain(body, "text/xml")
    assert told is None or told == through_the_parser(body)


@given(
    messages(),
    st.integers(0, 4000),
    st.integers(0, 6),
    st.text("<>/&\"'= ]x:\x0b\x7f[!", max_size=4),
)
@settings(max_examples=400, deadline=None)
def test_no_damage_makes_it_read_otherwise(text: str, at: int, cut: int, put: str) -> None:
    body = (text[:at] + put + text[at + cut :]).encode()
    told = read_plain(body, "text/xml")
    assert told is None or told == through_the_parser(body)
