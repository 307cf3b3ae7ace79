"""The simulated CPE's session machine against scripted answers of an ACS."""

from __future__ import annotations

import re

import pytest

from simulators.cpe.device import Ont
from simulators.cpe.misbehaviour import Misbehaviour
from simulators.cpe.modelfile import Identity
from simulators.cpe.render import Event
from simulators.cpe.report import End
from simulators.cpe.session import HangUpError, Session, SessionError

OWN = "urn:dslforum-org:cwmp-1-0"
NOW = 1_790_000_000.0
SSID = "Device.WiFi.SSID.1.SSID"
PPP = "Device.PPP.Interface."


def ont(model: str = "tplink-a-xx230v", **settings: object) -> Ont:
    identity = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")
    return Ont(model, identity, acs_url="http://acs/", **settings)  # type: ignore[arg-type]


def envelope(
    body: str, request_id: str | None = "acs-1", namespace: str = OWN, header: str = ""
) -> bytes:
    if request_id is not None:
        header += f'<cwmp:ID s:mustUnderstand="1">{request_id}</cwmp:ID>'
    return (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:e="http://schemas.xmlsoap.org/soap/encoding/" '
        'xmlns:xsd="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xmlns:cwmp="{namespace}"><s:Header>{header}</s:Header>'
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


HOLD = '<cwmp:HoldRequests s:mustUnderstand="1">1</cwmp:HoldRequests>'
INFORM_RESPONSE = "<cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>"


def inform_response(inform: bytes, **settings: str) -> bytes:
    return envelope(INFORM_RESPONSE, text_of(inform, "cwmp:ID"), **settings)


def text_of(data: bytes, tag: str) -> str:
    found = re.search(rf"<{tag}(?: [^>]*)?>([^<]*)<", data.decode())
    assert found, f"no {tag} in {data!r}"
    return found[1]


def opened(unit: Ont | None = None, *events: str) -> Session:
    """A session after its Inform and the first empty POST."""
    session = Session(unit or ont(), [Event(e) for e in events or ("2 PERIODIC",)], NOW)
    assert session.receive(inform_response(session.start())) == b""
    return session


def ask(session: Session, body: str) -> bytes:
    answer = session.receive(envelope(body))
    assert isinstance(answer, bytes)
    return answer


def set_values(*changes: tuple[str, str, str]) -> str:
    entries = "".join(
        f'<ParameterValueStruct><Name>{name}</Name><Value xsi:type="xsd:{kind}">{text}</Value>'
        "</ParameterValueStruct>"
        for name, kind, text in changes
    )
    return (
        "<cwmp:SetParameterValues>"
        f'<ParameterList e:arrayType="cwmp:ParameterValueStruct[{len(changes)}]">{entries}'
        "</ParameterList><ParameterKey>k</ParameterKey></cwmp:SetParameterValues>"
    )


def get_values(*names: str) -> str:
    listed = "".join(f"<string>{name}</string>" for name in names)
    return (
        f'<cwmp:GetParameterValues><ParameterNames e:arrayType="xsd:string[{len(names)}]">'
        f"{listed}</ParameterNames></cwmp:GetParameterValues>"
    )


# --- Inform


def test_the_inform_of_family_a() -> None:
    inform = Session(ont(), [Event("0 BOOTSTRAP")], NOW).start().decode()
    assert '<cwmp:ID SOAP-ENV:mustUnderstand="1">1000</cwmp:ID>' in inform
    head = inform[: inform.index("<SOAP-ENV:Header>")]
    assert 'SOAP-ENV:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"' in head
    assert f'xmlns:cwmp="{OWN}"' in head
    assert (
        '<Event xsi:type="SOAP-ENC:Array" SOAP-ENC:arrayType="cwmp:EventStruct[1]">'
        "<EventStruct><EventCode>0 BOOTSTRAP</EventCode><CommandKey></CommandKey></EventStruct>"
    ) in inform
    assert "<CurrentTime>2022-06-30T00:01:12</CurrentTime>" in inform
    assert re.findall(r"<Name>([^<]+)</Name>", inform) == [
        "Device.RootDataModelVersion",
        "Device.DeviceInfo.HardwareVersion",
        "Device.DeviceInfo.SoftwareVersion",
        "Device.DeviceInfo.ProvisioningCode",
        "Device.ManagementServer.ConnectionRequestURL",
        "Device.ManagementServer.ParameterKey",
        "Device.ManagementServer.AliasBasedAddressing",
        "Device.ManagementServer.UDPConnectionRequestAddress",
        "Device.IP.Interface.6.IPv4Address.1.IPAddress",
    ]
    assert '<Value xsi:type="xsd:boolean">0</Value>' in inform


def test_the_generic_device_speaks_another_dialect() -> None:
    inform = Session(ont("generic-tr098"), [Event("1 BOOT")], NOW).start()
    assert b"urn:dslforum-org:cwmp-1-2" in inform
    assert b"InternetGatewayDevice.DeviceSummary" in inform
    assert text_of(inform, "CurrentTime").endswith("Z")


def test_ids_count_up_over_sessions_and_restart_with_the_unit() -> None:
    unit = ont()
    ids = [text_of(Session(unit, [], NOW).start(), "cwmp:ID") for _ in range(2)]
    unit.reboot()
    ids.append(text_of(Session(unit, [], NOW).start(), "cwmp:ID"))
    assert ids == ["1000", "1001", "1000"]


# --- what the ACS must keep to


def test_a_whole_session() -> None:
    session = opened()
    answer = ask(session, get_values(SSID))
    assert text_of(answer, "cwmp:ID") == "acs-1"
    assert b'<Value xsi:type="xsd:string">TP-Link_11C8</Value>' in answer
    assert b"<Status>1</Status>" in ask(session, set_values((SSID, "string", "Maison")))
    assert session.receive(b"") is None
    assert session.report.complete
    assert session.report.methods == ["GetParameterValues", "SetParameterValues"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (envelope(INFORM_RESPONSE, "1000", "urn:dslforum-org:cwmp-1-2"), "namespace"),
        (envelope(INFORM_RESPONSE, "77"), "has ID 77"),
        (envelope(INFORM_RESPONSE, None), "has ID None"),
        (envelope("<cwmp:InformResponse/>", "1000"), "MaxEnvelopes"),
        (envelope(get_values(SSID), "1000"), "instead of InformResponse"),
        (b"", "empty answer to Inform"),
        (b"<oops", "not well formed"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', "DTD"),
        (envelope(INFORM_RESPONSE * 2, "1000"), "exactly one"),
        (
            envelope(INFORM_RESPONSE, "1000", header='<x s:mustUnderstand="1">1</x>'),
            "not understood",
        ),
    ],
)
def test_a_broken_inform_response_fails_the_session(answer: bytes, reason: str) -> None:
    session = Session(ont(), [], NOW)
    session.start()
    with pytest.raises(SessionError, match=reason):
        session.receive(answer)
    assert session.report.end is End.FAILED


def fault(code: int) -> str:
    return (
        "<s:Fault><faultcode>Server</faultcode><faultstring>CWMP fault</faultstring><detail>"
        f"<cwmp:Fault><FaultCode>{code}</FaultCode></cwmp:Fault></detail></s:Fault>"
    )


def test_fault_8005_repeats_the_inform_unchanged() -> None:
    session = Session(ont(), [], NOW)
    inform = session.start()
    assert session.receive(envelope(fault(8005), "1000")) == inform
    assert session.receive(inform_response(inform)) == b""


def test_any_other_fault_refuses_the_session() -> None:
    session = Session(ont(), [], NOW)
    session.start()
    with pytest.raises(SessionError, match="fault 8001"):
        session.receive(envelope(fault(8001), "1000"))


def test_a_request_in_another_namespace_fails_the_session() -> None:
    session = opened()
    with pytest.raises(SessionError, match="namespace"):
        session.receive(envelope(get_values(SSID), namespace="urn:dslforum-org:cwmp-1-4"))


def test_an_unreadable_request_is_answered_9814_by_family_a() -> None:
    session = opened()
    answer = session.receive(b"<cwmp:undeclared/>")
    assert isinstance(answer, bytes)
    assert text_of(answer, "FaultCode") == "9814"
    assert text_of(answer, "FaultString") == "Parse xml string failed"
    assert session.receive(b"") is None
    with pytest.raises(SessionError):
        opened_generic().receive(b"<cwmp:undeclared/>")


def opened_generic() -> Session:
    session = Session(ont("generic-tr181"), [], NOW)
    response = inform_response(session.start(), namespace="urn:dslforum-org:cwmp-1-2")
    assert session.receive(response) == b""
    return session


# --- the RPCs


@pytest.mark.parametrize("method", ["Kicked", "Inform", "X_TP_Nothing"])
def test_methods_it_does_not_have_are_refused(method: str) -> None:
    answer = ask(opened(), f"<cwmp:{method}/>")
    assert text_of(answer, "FaultCode") == "9000"
    assert text_of(answer, "faultcode") == "Server"


@pytest.mark.parametrize(
    "body",
    [
        get_values(SSID).replace("[1]", "[2]"),
        get_values(SSID).replace(' e:arrayType="xsd:string[1]"', ""),
        get_values(SSID).replace("xsd:string", "nope:string"),
        get_values(SSID).replace("string>", "name>"),
        set_values((SSID, "string", "x")).replace("<ParameterKey>k</ParameterKey>", ""),
        "<cwmp:AddObject/>",
        "<cwmp:Reboot><CommandKey>" + "k" * 33 + "</CommandKey></cwmp:Reboot>",
        "<cwmp:GetParameterNames><ParameterPath>Device.</ParameterPath>"
        "<NextLevel>yes</NextLevel></cwmp:GetParameterNames>",
    ],
)
def test_arguments_are_read_strictly(body: str) -> None:
    session = opened()
    assert text_of(ask(session, body), "FaultCode") == "9003"
    assert session.report.faults[0].fault == 9003


def test_refused_parameters_are_named_one_by_one() -> None:
    body = set_values(("Device.Nothing", "string", "x"), (SSID, "int", "1"))
    answer = ask(opened(), body).decode()
    assert re.findall(r"<FaultCode>(\d+)<", answer) == ["9003", "9005", "9006"]
    assert re.findall(r"<ParameterName>([^<]+)<", answer) == ["Device.Nothing", SSID]
    assert "<faultcode>Client</faultcode><faultstring>CWMP fault</faultstring>" in answer


def test_special_characters_go_out_escaped() -> None:
    session = opened()
    code = "Device.DeviceInfo.ProvisioningCode"
    ask(session, set_values((code, "string", "a &lt;b&gt; &amp; é")))
    assert session.report.written == {code: "a <b> & é"}
    assert b"a &lt;b&gt; &amp; &#233;</Value>" in ask(session, get_values(code))


def test_rows_are_added_and_deleted() -> None:
    session = opened()
    key = "<ParameterKey></ParameterKey>"
    answer = ask(session, f"<cwmp:AddObject><ObjectName>{PPP}</ObjectName>{key}</cwmp:AddObject>")
    assert b"<InstanceNumber>4</InstanceNumber><Status>0</Status>" in answer
    assert session.report.rpcs[0].instance == 4
    row = f"<ObjectName>{PPP}4.</ObjectName>"
    answer = ask(session, f"<cwmp:DeleteObject>{row}{key}</cwmp:DeleteObject>")
    assert b"<cwmp:DeleteObjectResponse><Status>0</Status>" in answer


def test_attributes_are_set_and_read() -> None:
    session = opened()
    body = (
        '<cwmp:SetParameterAttributes><ParameterList e:arrayType="cwmp:X[1]">'
        f"<SetParameterAttributesStruct><Name>{SSID}</Name>"
        "<NotificationChange>1</NotificationChange><Notification>2</Notification>"
        "<AccessListChange>0</AccessListChange>"
        '<AccessList e:arrayType="xsd:string[0]"></AccessList>'
        "</SetParameterAttributesStruct></ParameterList></cwmp:SetParameterAttributes>"
    )
    assert b"<cwmp:SetParameterAttributesResponse></" in ask(session, body)
    read = get_values(SSID).replace("GetParameterValues", "GetParameterAttributes")
    assert text_of(ask(session, read), "Notification") == "2"


def test_family_a_forgets_parameter_keys_and_the_generic_device_keeps_them() -> None:
    tplink, generic = ont(), ont("generic-tr181")
    ask(opened(tplink), set_values(("Device.DeviceInfo.ProvisioningCode", "string", "x")))
    session = Session(generic, [], NOW)
    session.receive(inform_response(session.start(), namespace="urn:dslforum-org:cwmp-1-2"))
    body = set_values(("Device.DeviceInfo.ProvisioningCode", "string", "x"))
    session.receive(envelope(body, namespace="urn:dslforum-org:cwmp-1-2"))
    key = "Device.ManagementServer.ParameterKey"
    assert (tplink.tree.get(key), generic.tree.get(key)) == ("", "k")


# --- its own requests


def test_its_own_question_comes_before_the_empty_post() -> None:
    unit = ont()
    unit.questions = ["GetRPCMethods"]
    session = Session(unit, [], NOW)
    question = session.receive(inform_response(session.start()))
    assert isinstance(question, bytes)
    assert b"<cwmp:GetRPCMethods>" in question
    answer = "<cwmp:GetRPCMethodsResponse/>"
    assert session.receive(envelope(answer, text_of(question, "cwmp:ID"))) == b""
    assert session.receive(b"") is None
    assert unit.questions == []


def test_hold_requests_keeps_the_question_until_it_is_lifted() -> None:
    unit = ont()
    unit.questions = ["GetRPCMethods"]
    session = Session(unit, [], NOW)
    assert session.receive(inform_response(session.start(), header=HOLD)) == b""
    assert session.receive(envelope(get_values(SSID)))
    question = session.receive(b"")
    assert isinstance(question, bytes)
    assert b"<cwmp:GetRPCMethods>" in question


def test_a_question_held_to_the_end_waits_for_the_next_session() -> None:
    unit = ont()
    unit.questions = ["GetRPCMethods"]
    session = Session(unit, [], NOW)
    session.receive(inform_response(session.start(), header=HOLD))
    assert session.receive(b"") is None
    assert unit.questions == ["GetRPCMethods"]


# --- misbehaviour


def test_hanging_up_after_some_rpcs() -> None:
    session = opened(ont(misbehaviour=Misbehaviour(hang_up_after=1)))
    ask(session, get_values(SSID))
    with pytest.raises(HangUpError):
        session.receive(envelope(get_values(SSID)))
    assert (session.report.end, len(session.report.rpcs)) == (End.HUNG_UP, 1)


def test_falling_silent_after_the_inform() -> None:
    session = Session(ont(misbehaviour=Misbehaviour(silent=True)), [], NOW)
    with pytest.raises(HangUpError) as caught:
        session.receive(inform_response(session.start()))
    assert caught.value.linger


def test_refusing_a_path_or_a_method() -> None:
    unit = ont(misbehaviour=Misbehaviour(refuse={"Device.WiFi.*": 9002, "AddObject": 9001}))
    session = opened(unit)
    assert text_of(ask(session, set_values((SSID, "string", "x"))), "FaultCode") == "9002"
    add = f"<cwmp:AddObject><ObjectName>{PPP}</ObjectName><ParameterKey/></cwmp:AddObject>"
    assert text_of(ask(session, add), "FaultCode") == "9001"
    assert unit.tree.pending == {}


def test_an_inform_that_is_not_well_formed() -> None:
    inform = Session(ont(misbehaviour=Misbehaviour(hostile="unclosed")), [], NOW).start()
    assert b"<DeviceId>" in inform
    assert b"</DeviceId>" not in inform
