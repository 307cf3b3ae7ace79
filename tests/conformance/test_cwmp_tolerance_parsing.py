"""What faulty CPEs send and how it is read: one test for each thing seen in the field."""

from __future__ import annotations

import pytest

from acs.cwmp import messages as m
from acs.cwmp import structures
from acs.cwmp.datetimes import UNKNOWN_TIME
from acs.cwmp.soap import MalformedEnvelope, decode
from acs.cwmp.versions import version_of
from acs.model import ParameterFault, Value, ValueType

ENV = "http://schemas.xmlsoap.org/soap/envelope/"
NS = "urn:dslforum-org:cwmp-1-0"
OPEN = (
    f'<SOAP-ENV:Envelope xmlns:SOAP-ENV="{ENV}" '
    'xmlns:SOAP-ENC="http://schemas.xmlsoap.org/soap/encoding/" '
    'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    f'xmlns:cwmp="{NS}">'
)
HEADER = '<SOAP-ENV:Header><cwmp:ID SOAP-ENV:mustUnderstand="1">42</cwmp:ID></SOAP-ENV:Header>'


def envelope(body: str, header: str = HEADER) -> str:
    return f"{OPEN}{header}<SOAP-ENV:Body>{body}</SOAP-ENV:Body></SOAP-ENV:Envelope>"


def answer(structs: str) -> str:
    return envelope(
        "<cwmp:GetParameterValuesResponse>"
        f'<ParameterList SOAP-ENC:arrayType="cwmp:ParameterValueStruct[1]">{structs}'
        "</ParameterList></cwmp:GetParameterValuesResponse>"
    )


def struct(value: str, name: str = "Device.A") -> str:
    return f"<ParameterValueStruct><Name>{name}</Name>{value}</ParameterValueStruct>"


def values_of(
    body: str | bytes, content_type: str = "text/xml"
) -> tuple[m.Envelope, list[tuple[str, Value]]]:
    decoded = decode(body.encode() if isinstance(body, str) else body, content_type)
    assert isinstance(decoded.message, m.GetParameterValuesResponse)
    return decoded, [(p.name, p.value) for p in decoded.message.parameter_list]


def one(value: str) -> tuple[Value, tuple[str, ...]]:
    decoded, [(name, read)] = values_of(answer(struct(value)))
    assert name == "Device.A"
    return read, decoded.warnings


INFORM = (
    "<cwmp:Inform><DeviceId><Manufacturer>TP-Link</Manufacturer><OUI>98254A</OUI>"
    "<ProductClass>XX530v</ProductClass><SerialNumber>S1</SerialNumber></DeviceId>"
    '<Event SOAP-ENC:arrayType="cwmp:EventStruct[1]"><EventStruct><EventCode>2 PERIODIC'
    "</EventCode><CommandKey></CommandKey></EventStruct></Event><MaxEnvelopes>1</MaxEnvelopes>"
    "<CurrentTime>2024-05-06T07:08:09</CurrentTime><RetryCount>0</RetryCount>"
    '<ParameterList SOAP-ENC:arrayType="cwmp:ParameterValueStruct[1]"><ParameterValueStruct>'
    '<Name>Device.DeviceInfo.SoftwareVersion</Name><Value xsi:type="xsd:string">1.0</Value>'
    "</ParameterValueStruct></ParameterList></cwmp:Inform>"
)


def inform_of(body: str | bytes, content_type: str = "") -> tuple[m.Envelope, m.Inform]:
    decoded = decode(body.encode() if isinstance(body, str) else body, content_type)
    assert isinstance(decoded.message, m.Inform)
    return decoded, decoded.message


def test_a_sound_inform_has_no_warnings() -> None:
    decoded, inform = inform_of(envelope(INFORM))
    assert inform.device_id == structures.DeviceIdStruct("TP-Link", "98254A", "XX530v", "S1")
    assert inform.event == (structures.EventStruct("2 PERIODIC"),)
    assert (decoded.id, decoded.namespace, decoded.warnings) == ("42", NS, ())


# --- characters -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", ["\x02", "\x00", "\x1f", "\ufffe", "&#2;", "&#x1F;", "&#0;", "&#xD800;"]
)
def test_forbidden_control_characters_are_removed(bad: str) -> None:
    read, warnings = one(f'<Value xsi:type="xsd:string">a{bad}b</Value>')
    assert read == Value("ab") and warnings


def test_content_in_latin_1_declared_by_xml() -> None:
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>' + answer(
        struct('<Value xsi:type="xsd:string">Montréal</Value>')
    )
    decoded, [(_, value)] = values_of(text.encode("latin-1"), "text/xml; charset=utf-8")
    assert value == Value("Montréal") and decoded.warnings == ()


def test_content_in_latin_1_declared_by_content_type() -> None:
    text = answer(struct('<Value xsi:type="xsd:string">Montréal</Value>'))
    _, [(_, value)] = values_of(text.encode("latin-1"), 'text/xml; charset="iso-8859-1"')
    assert value == Value("Montréal")


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="UTF-8"?>'])
@pytest.mark.parametrize(
    "content_type", ["", "text/xml; charset=utf-8", "text/xml;charset=nonsense"]
)
def test_undecodable_octets_are_read_as_latin_1(declaration: str, content_type: str) -> None:
    text = declaration + answer(struct('<Value xsi:type="xsd:string">caf\u00e9 \u0080</Value>'))
    decoded, [(_, value)] = values_of(text.encode("latin-1"), content_type)
    assert value == Value("café \x80") and "Latin-1" in " ".join(decoded.warnings)


def test_unknown_encoding_declared() -> None:
    text = '<?xml version="1.0" encoding="X-NONSENSE"?>' + answer(
        struct('<Value xsi:type="xsd:string">é</Value>')
    )
    assert values_of(text)[1] == [("Device.A", Value("é"))]


def test_utf_16_with_byte_order_mark() -> None:
    text = answer(struct('<Value xsi:type="xsd:string">é</Value>'))
    assert values_of(text.encode("utf-16"))[1] == [("Device.A", Value("é"))]


@pytest.mark.parametrize("lead", ["\ufeff", "\r\n", "  \n"])
def test_bytes_before_the_declaration(lead: str) -> None:
    decoded, inform = inform_of(lead + '<?xml version="1.0"?>' + envelope(INFORM))
    assert inform.retry_count == 0 and decoded.id == "42"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("Tom & Jerry", "Tom & Jerry"),
        ("a&b;c", "a&b;c"),
        ("x&&amp;&lt;y&", "x&&<y&"),
        ("1 < 2", "1 < 2"),
        ("a&nbsp;b", "a&nbsp;b"),
        ("<![CDATA[a & b <c> &amp;]]> & d", "a & b <c> &amp; & d"),
    ],
)
def test_stray_ampersands_and_less_than_signs_are_repaired(raw: str, text: str) -> None:
    read, warnings = one(f'<Value xsi:type="xsd:string">{raw}</Value>')
    assert read == Value(text)
    assert any("repaired" in warning for warning in warnings)


def test_cdata_is_text() -> None:
    read, warnings = one('<Value xsi:type="xsd:string"><![CDATA[<!DOCTYPE a> & b]]></Value>')
    assert (read, warnings) == (Value("<!DOCTYPE a> & b"), ())


def test_comments_do_not_split_a_value() -> None:
    assert one('<Value xsi:type="xsd:string">a<!-- x -->b</Value>') == (Value("ab"), ())


def test_warnings_never_show_a_value() -> None:
    body = answer(
        struct('<Value xsi:type="xsd:int">hunter2&hunter2;</Value>', "Device.P")
        + struct("<Value>hunter2</Value>")
    )
    decoded, _ = values_of(body)
    assert decoded.warnings and "hunter2" not in " ".join(decoded.warnings)
    assert "hunter2" not in repr(decoded)


# --- envelope ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "prefixes", [("soapenv", "c"), ("soap", "tr069"), ("S", "cwmp"), ("cwmp", "x")]
)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_any_prefixes_and_single_quotes(prefixes: tuple[str, str], quote: str) -> None:
    soap, cwmp = prefixes
    body = envelope(INFORM).replace("SOAP-ENV", "\1").replace("xmlns:cwmp", "xmlns:\2")
    body = body.replace("<cwmp:", "<\2:").replace("</cwmp:", "</\2:").replace('"', quote)
    body = body.replace("\1", soap).replace("\2", cwmp)
    decoded, inform = inform_of(body)
    assert (decoded.id, decoded.namespace, inform.device_id.serial_number) == ("42", NS, "S1")


def test_prefixes_that_are_not_declared() -> None:
    body = envelope(INFORM)
    body = body[: body.index(" xmlns")] + body[body.index(">") :]
    decoded, inform = inform_of(body)
    assert (decoded.id, inform.device_id.serial_number) == ("42", "S1")
    assert inform.parameter_list[0].value == Value("1.0")
    assert decoded.namespace == NS and decoded.warnings


def test_default_namespace_on_the_method() -> None:
    decoded, inform = inform_of(
        envelope(INFORM.replace("<cwmp:Inform>", f'<Inform xmlns="{NS}">').replace("/cwmp:", "/"))
    )
    assert inform.device_id.oui == "98254A"
    assert inform.parameter_list[0].value == Value("1.0")
    assert (decoded.namespace, decoded.warnings) == (NS, ())


def test_method_without_namespace() -> None:
    decoded, _ = inform_of(envelope(INFORM.replace("cwmp:Inform", "Inform")))
    assert decoded.namespace == NS


def test_no_cwmp_namespace_at_all() -> None:
    body = envelope(INFORM.replace("cwmp:Inform", "Inform"), "").replace(f' xmlns:cwmp="{NS}"', "")
    decoded, _ = inform_of(body)
    assert decoded.namespace == NS and decoded.warnings


def test_encoding_namespace_without_its_final_slash() -> None:
    decoded, inform = inform_of(envelope(INFORM).replace("soap/encoding/", "soap/encoding"))
    assert len(inform.parameter_list) == 1 and decoded.warnings == ()


@pytest.mark.parametrize(
    "namespace",
    ["urn:dslforum-org:cwmp-1-3", "urn:dslforum-org:cwmp-1-4", "urn:dslforum-org:cwmp-2-7"],
)
def test_newer_and_unknown_namespaces_are_echoed(namespace: str) -> None:
    decoded, _ = inform_of(envelope(INFORM).replace(NS, namespace))
    assert decoded.namespace == namespace and decoded.warnings == ()


def test_soap_1_2_envelope_namespace() -> None:
    decoded, _ = inform_of(envelope(INFORM).replace(ENV, "http://www.w3.org/2003/05/soap-envelope"))
    assert decoded.id == "42"


def test_schema_namespaces_of_1999() -> None:
    _, inform = inform_of(
        envelope(INFORM)
        .replace("http://www.w3.org/2001/", "http://www.w3.org/1999/")
        .replace("xsd:string", "xsd:unsignedInt")
        .replace("1.0<", "10<")
    )
    assert inform.parameter_list[0].value == Value("10", ValueType.UNSIGNED_INT)


def test_no_more_requests_is_ignored() -> None:
    header = HEADER.replace(
        "</SOAP-ENV:Header>", "<cwmp:NoMoreRequests>1</cwmp:NoMoreRequests></SOAP-ENV:Header>"
    )
    decoded, _ = inform_of(envelope(INFORM, header))
    assert (decoded.id, decoded.hold_requests, decoded.warnings) == ("42", None, ())


def test_inform_of_gsoap_without_header_and_with_an_odd_time() -> None:
    body = envelope(INFORM.replace("2024-05-06T07:08:09", "Sun Nov 22 10:00:00 2020"), "")
    decoded, inform = inform_of(body)
    assert (decoded.id, inform.current_time) == (None, UNKNOWN_TIME)
    assert inform.device_id.serial_number == "S1"


# --- arrays, structures, values ---------------------------------------------------------


@pytest.mark.parametrize(
    "attribute",
    [
        "",
        ' SOAP-ENC:arrayType="cwmp:ParameterValueStruct[7]"',
        ' SOAP-ENC:arrayType="cwmp:ParameterValueStruct[0001]"',
        ' SOAP-ENC:arrayType="cwmp:ParameterValueStruct[]"',
        ' xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="cwmp:ParameterValueStruct[01]"',
    ],
)
def test_array_type_is_ignored_and_members_are_counted(attribute: str) -> None:
    body = answer(struct('<Value xsi:type="xsd:string">a</Value>') * 2)
    body = body.replace(' SOAP-ENC:arrayType="cwmp:ParameterValueStruct[1]"', attribute)
    decoded, values = values_of(body)
    assert values == [("Device.A", Value("a"))] * 2 and decoded.warnings == ()


@pytest.mark.parametrize(
    "attribute", ["", ' xsi:type="xsd:"', ' xsi:type="xsd:json"', ' xsi:type=""']
)
def test_missing_or_invented_types_are_strings(attribute: str) -> None:
    read, warnings = one(f"<Value{attribute}>1</Value>")
    assert read == Value("1") and len(warnings) == 1
    assert ("json" in warnings[0]) == ("json" in attribute)


@pytest.mark.parametrize("raw", ["xs:int", "int", "foo:int", " xsd:int "])
def test_types_under_other_prefixes(raw: str) -> None:
    assert one(f'<Value xsi:type="{raw}">5</Value>') == (Value("5", ValueType.INT), ())


def test_type_beside_another_attribute() -> None:
    read = one('<Value id="a" xsi:type="xsd:boolean">1</Value>')
    assert read == (Value("1", ValueType.BOOLEAN), ())


def test_missing_value_element_is_empty_text() -> None:
    read, warnings = one("")
    assert read == Value("") and len(warnings) == 1


def test_a_missing_value_does_not_shift_its_neighbours() -> None:
    body = answer(
        struct("", "Device.A")
        + struct('<Value xsi:type="xsd:string">b</Value>', "Device.B")
        + "<ParameterValueStruct><Value>lost</Value></ParameterValueStruct>"
        + '<ParameterValueStruct><Value xsi:type="xsd:string">c</Value><Name>Device.C</Name>'
        "</ParameterValueStruct>"
    )
    decoded, values = values_of(body)
    assert values == [("Device.A", Value("")), ("Device.B", Value("b")), ("Device.C", Value("c"))]
    assert len(decoded.warnings) == 2


def test_layout_around_names_is_trimmed() -> None:
    body = answer(struct('<Value xsi:type="xsd:string">x</Value>', "\n   Device.B \n"))
    assert values_of(body)[1] == [("Device.B", Value("x"))]


@pytest.mark.parametrize(
    ("raw", "kind", "text"),
    [
        ("  two blanks  ", "string", "  two blanks  "),
        ("   ", "string", "   "),
        ("\n    ", "string", ""),
        ("line 1\n", "string", "line 1\n"),
        ("\n 12 \n", "int", "12"),
        (" true ", "boolean", "true"),
        ("", "string", ""),
    ],
)
def test_strings_keep_their_blanks_unless_they_are_layout(raw: str, kind: str, text: str) -> None:
    assert one(f'<Value xsi:type="xsd:{kind}">{raw}</Value>') == (Value(text, ValueType(kind)), ())


def test_unknown_extra_elements_are_skipped() -> None:
    body = INFORM.replace("<OUI>", "<Address>10.0.0.1</Address><OUI>").replace(
        "</cwmp:Inform>", "<Extra><OUI>FFFFFF</OUI></Extra></cwmp:Inform>"
    )
    assert inform_of(envelope(body))[1].device_id.oui == "98254A"


def test_elements_in_another_order() -> None:
    moved = INFORM.replace("<RetryCount>0</RetryCount>", "").replace(
        "<DeviceId>", "<RetryCount>3</RetryCount><DeviceId>"
    )
    inform = inform_of(envelope(moved))[1]
    assert inform.retry_count == 3 and inform.device_id.serial_number == "S1"


def test_event_without_event_code_is_skipped() -> None:
    body = INFORM.replace(
        "<EventStruct>", "<EventStruct><CommandKey>k</CommandKey></EventStruct><EventStruct>"
    )
    decoded, inform = inform_of(envelope(body))
    assert inform.event == (structures.EventStruct("2 PERIODIC"),) and decoded.warnings


def test_current_time_without_zone_is_utc() -> None:
    assert inform_of(envelope(INFORM))[1].current_time.isoformat() == "2024-05-06T07:08:09+00:00"


@pytest.mark.parametrize(
    "retry", ["", "<RetryCount/>", "<RetryCount>many</RetryCount>", "<RetryCount>-1</RetryCount>"]
)
def test_retry_count_missing_or_not_readable(retry: str) -> None:
    decoded, inform = inform_of(envelope(INFORM.replace("<RetryCount>0</RetryCount>", retry)))
    assert inform.retry_count == 0 and decoded.warnings


@pytest.mark.parametrize(
    "members",
    ["", "<Status/><StartTime/><CompleteTime/>", "<Status>x</Status><StartTime>never</StartTime>"],
)
def test_status_and_times_missing_or_not_readable(members: str) -> None:
    decoded = decode(envelope(f"<cwmp:DownloadResponse>{members}</cwmp:DownloadResponse>").encode())
    assert decoded.message == m.DownloadResponse(0, UNKNOWN_TIME, UNKNOWN_TIME)
    assert decoded.warnings


@pytest.mark.parametrize(
    ("kind", "raw"), [("boolean", "Enabled"), ("unsignedInt", "12 dB"), ("int", "")]
)
def test_a_value_that_does_not_fit_its_type_is_kept(kind: str, raw: str) -> None:
    read, warnings = one(f'<Value xsi:type="xsd:{kind}">{raw}</Value>')
    assert read == Value(raw, ValueType(kind))
    assert warnings == (f"Device.A: value does not fit its type {kind}",)


# --- faults -----------------------------------------------------------------------------

DETAIL = (
    "<detail><cwmp:Fault><FaultCode>9003</FaultCode><FaultString>Invalid arguments</FaultString>"
    "<SetParameterValuesFault><ParameterName>Device.A</ParameterName><FaultCode>9007</FaultCode>"
    "<FaultString>bad</FaultString></SetParameterValuesFault>"
    "<SetParameterValuesFault><ParameterName>Device.B</ParameterName><FaultCode>9008</FaultCode>"
    "</SetParameterValuesFault></cwmp:Fault></detail>"
)
FAULT = m.SoapFault(
    9003,
    "Invalid arguments",
    (ParameterFault("Device.A", 9007, "bad"), ParameterFault("Device.B", 9008)),
    "Client",
)


def fault_of(content: str, header: str = HEADER) -> m.Envelope:
    return decode(envelope(f"<SOAP-ENV:Fault>{content}</SOAP-ENV:Fault>", header).encode())


@pytest.mark.parametrize("code", ["Client", "SOAP-ENV:Client", "cwmp:Client"])
def test_set_parameter_values_fault_with_two_parameters(code: str) -> None:
    content = f"<faultcode>{code}</faultcode><faultstring>CWMP fault</faultstring>{DETAIL}"
    assert fault_of(content) == m.Envelope(FAULT, "42", NS)


def test_detail_nested_inside_faultstring() -> None:
    content = f"<faultcode>Client</faultcode><faultstring>CWMP fault{DETAIL}</faultstring>"
    assert fault_of(content).message == FAULT


def test_fault_without_header_or_id() -> None:
    decoded = fault_of(f"<faultcode>Client</faultcode>{DETAIL}", "")
    assert (decoded.id, decoded.message, decoded.warnings) == (None, FAULT, ())


def test_fault_in_any_prefix() -> None:
    content = f"<faultcode>Client</faultcode>{DETAIL}".replace("cwmp:Fault", "Fault")
    body = envelope(f"<X:Fault xmlns:X='urn:x'>{content}</X:Fault>")
    assert decode(body.encode()).message == FAULT


@pytest.mark.parametrize(
    "detail", ["", "<detail/>", "<detail>text</detail>", "<detail><cwmp:Fault/></detail>"]
)
def test_fault_without_inner_fault_is_9002_with_its_text(detail: str) -> None:
    content = f"<faultcode>Server</faultcode><faultstring>no memory</faultstring>{detail}"
    assert fault_of(content).message == m.SoapFault(9002, "no memory", (), "Server")


def test_parameter_faults_before_the_main_code() -> None:
    inner = (
        "<SetParameterValuesFault><ParameterName>Device.A</ParameterName>"
        "<FaultCode>9007</FaultCode></SetParameterValuesFault><FaultCode>9003</FaultCode>"
    )
    message = fault_of(f"<detail><cwmp:Fault>{inner}</cwmp:Fault></detail>").message
    assert message == m.SoapFault(9003, "", (ParameterFault("Device.A", 9007),), "Client")


def test_vendor_codes_are_kept() -> None:
    content = (
        "<detail><cwmp:Fault><FaultCode>9814</FaultCode>"
        "<FaultString>Parse xml string failed</FaultString></cwmp:Fault></detail>"
    )
    message = fault_of(content).message
    assert message == m.SoapFault(9814, "Parse xml string failed", (), "Server")


# --- what is refused --------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        "   ",
        "hello",
        "<html><body>404</body></html>",
        "{}",
        f"{OPEN}</SOAP-ENV:Envelope>",
        envelope(""),
        envelope(INFORM)[:-40],
        envelope(INFORM)[:900],
        envelope("<cwmp:Inform/>"),
        envelope("<cwmp:AddObjectResponse><Status>0</Status></cwmp:AddObjectResponse>"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_reason(body: str) -> None:
    with pytest.raises(MalformedEnvelope, match=r"\w"):
        decode(body.encode())


def test_an_unknown_method_is_named() -> None:
    decoded = decode(envelope("<cwmp:X_TP_Hello><a/></cwmp:X_TP_Hello>").encode())
    assert decoded.message == m.UnknownMethod("X_TP_Hello") and decoded.id == "42"


# --- versions ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("namespace", "header", "version"),
    [
        ("urn:dslforum-org:cwmp-1-0", "", "1.0"),
        ("urn:dslforum-org:cwmp-1-1", "", "1.1"),
        ("urn:dslforum-org:cwmp-1-2", "", "1.2"),
        ("urn:dslforum-org:cwmp-1-2", "<cwmp:SessionTimeout>60</cwmp:SessionTimeout>", "1.3"),
        ("urn:dslforum-org:cwmp-1-3", "", "1.3"),
        (
            "urn:dslforum-org:cwmp-1-2",
            "<cwmp:SupportedCWMPVersions>1.0,1.1, 1.2,1.3,1.4</cwmp:SupportedCWMPVersions>",
            "1.4",
        ),
        (
            "urn:dslforum-org:cwmp-1-2",
            "<cwmp:SupportedCWMPVersions>1.0,1.1</cwmp:SupportedCWMPVersions>",
            "1.1",
        ),
        ("urn:dslforum-org:cwmp-1-9", "", "1.4"),
        ("urn:dslforum-org:cwmp-x", "", "1.0"),
    ],
)
def test_version_of_an_inform(namespace: str, header: str, version: str) -> None:
    body = envelope(INFORM, HEADER.replace("</SOAP-ENV:Header>", f"{header}</SOAP-ENV:Header>"))
    assert version_of(inform_of(body.replace(NS, namespace))[0]) == version
