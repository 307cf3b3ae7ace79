"""USP messages to octets and back, and what becomes of octets that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from usp_messages import BODIES, REQUESTS, messages

from acs.usp import codec
from acs.usp import messages as m
from acs.usp.codec import MalformedMessage
from acs.usp.pb import usp_msg_pb2 as pb

MODERATE = settings(max_examples=60, deadline=None)
THOROUGH = settings(max_examples=300, deadline=None)


def refused(octets: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        codec.decode(octets)
    return caught.value


def length_of(octets: bytes) -> bytes:
    """A field's length and its octets, below 128 of them."""
    assert len(octets) < 0x80
    return bytes((len(octets),)) + octets


HEADER = b"\x0a" + length_of(b"\x0a\x02id\x10\x01")


def with_body(body: bytes) -> bytes:
    return HEADER + b"\x12" + length_of(body)


# --- there and back ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)
def test_each_kind_of_message_comes_back_as_it_was(kind: type) -> None:
    @settings(max_examples=25, deadline=None)
    @given(body=BODIES[kind])
    def comes_back(body: m.Body) -> None:
        message = m.Message("exchange 7", body)
        octets = codec.encode(message)
        assert codec.decode(octets) == message
        wire = pb.Msg.FromString(octets)
        assert wire.HasField("header")
        assert wire.body.WhichOneof("msg_body") is not None
        told = pb.Header.MsgType.Name(wire.header.msg_type).lower().replace("proto", "protocol")
        inner = wire.body.error if kind is m.Error else None
        if inner is None:
            member = wire.body.WhichOneof("msg_body")
            part = getattr(wire.body, member)
            assert part.WhichOneof(part.DESCRIPTOR.oneofs[0].name) == told
        else:
            assert told == "error"

    comes_back()


def test_every_body_of_the_schema_is_a_kind() -> None:
    fields = {*pb.Request.DESCRIPTOR.fields_by_name, *pb.Response.DESCRIPTOR.fields_by_name}
    assert len(fields) + 1 == len(BODIES) == len(pb.Header.MsgType.keys())


def test_a_secret_goes_over_the_wire_and_into_no_text() -> None:
    setting = m.Setting("KeyPassphrase", "correct horse", secret=True)
    body = m.Set((m.ObjectSettings("Device.WiFi.AccessPoint.1.Security.", (setting,)),))
    assert b"correct horse" in codec.encode(m.Message("1", body))
    assert "correct horse" not in repr(body)


# --- what cannot be written --------------------------------------------------------------


def test_a_message_without_an_id_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="needs an id"):
        codec.encode(m.Message("", m.Get(("Device.",))))


@pytest.mark.parametrize("body", [None, "Get", m.Event("Device.", "Boot!")])
def test_what_is_no_body_cannot_be_written(body: Any) -> None:
    with pytest.raises(ValueError, match="no body"):
        codec.encode(m.Message("1", body))


@pytest.mark.parametrize(
    "body",
    [m.Get(()), m.Set(()), m.Deregister(), m.GetResp(()), m.Error(0), m.GetSupportedProtocol(())],
    ids=lambda body: type(body).__name__,
)
def test_an_empty_body_is_there_all_the_same(body: m.Body) -> None:
    assert codec.decode(codec.encode(m.Message("1", body))).body == body


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (m.Get((), 2**32), "range"),
        (m.Get(("\ud800",)), "surrogates"),
        (
            m.Notify("s", True, m.OperationComplete("", "", "", {"a": "b"}, m.Failure(7022))),
            "no outputs",
        ),
        (
            m.AddResp((m.CreatedObject("", m.Failure(7016, "", (m.ParamError("A", 7012),))),)),
            "no place",
        ),
        (m.RegisterResp((m.RegisteredPath("", ("a", "b")),)), "one path"),
    ],
)
def test_what_the_schema_has_no_place_for_cannot_be_written(body: m.Body, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        codec.encode(m.Message("1", body))


# --- what others write -------------------------------------------------------------------


def test_the_body_counts_whatever_type_the_header_tells() -> None:
    wire = pb.Msg(header=pb.Header(msg_id="1", msg_type=pb.Header.SET_RESP))
    wire.body.request.get.param_paths.append("Device.")
    assert codec.decode(wire.SerializeToString()) == m.Message("1", m.Get(("Device.",)))


def test_fields_that_are_not_known_are_left_alone() -> None:
    notify = m.Message("1", m.Notify("s", True, m.ValueChange("Device.A", "1")))
    octets = codec.encode(notify)
    # One of each wire type, the old groups too: at the end of a message the parser takes any.
    # What is in them looks like a second body.
    body = b"\x12\x00"
    unknown = b"\xa0\x06\x12" + b"\xa1\x06" + body * 4 + b"\xa2\x06\x02" + body
    unknown += (
        b"\xa3\x06\xa3\x06" + body + b"\xa4\x06" + body + b"\xa4\x06" + b"\xa5\x06" + body * 2
    )
    assert codec.decode(octets + unknown) == notify
    assert codec.decode(unknown + octets) == notify


def test_paths_of_supported_objects_get_the_final_dot_that_some_leave_out() -> None:
    wire = pb.Msg(header=pb.Header(msg_id="1", msg_type=pb.Header.GET_SUPPORTED_DM_RESP))
    result = wire.body.response.get_supported_dm_resp.req_obj_results.add(req_obj_path="Device.")
    result.supported_objs.add(supported_obj_path="Device.WiFi")
    body = codec.decode(wire.SerializeToString()).body
    assert isinstance(body, m.GetSupportedDMResp)
    assert [each.path for each in body.results[0].objects] == ["Device.WiFi."]


def test_lists_of_versions_may_have_blanks() -> None:
    wire = pb.Msg(header=pb.Header(msg_id="1"))
    wire.body.response.get_supported_protocol_resp.agent_supported_protocol_versions = "1.0, 1.3,"
    assert codec.decode(wire.SerializeToString()).body == m.GetSupportedProtocolResp(("1.0", "1.3"))


def test_a_command_without_outputs_may_leave_out_how_it_went() -> None:
    wire = pb.Msg(header=pb.Header(msg_id="1"))
    wire.body.response.operate_resp.operation_results.add(executed_command="Device.Reboot()")
    expected = m.OperateResp((m.CommandResult("Device.Reboot()", m.Finished()),))
    assert codec.decode(wire.SerializeToString()).body == expected


def test_a_failed_instance_without_parameters_stands_for_itself() -> None:
    wire = pb.Msg(header=pb.Header(msg_id="1"))
    result = wire.body.response.set_resp.updated_obj_results.add(requested_path="Device.A.*.")
    failure = result.oper_status.oper_failure
    failure.err_code = 7020
    failure.updated_inst_failures.add(affected_path="Device.A.1.")
    second = failure.updated_inst_failures.add(affected_path="Device.A.2.")
    second.param_errs.add(param="Enable", err_code=7012, err_msg="no")
    body = codec.decode(wire.SerializeToString()).body
    errors = (m.ParamError("Device.A.1.", 7020), m.ParamError("Device.A.2.Enable", 7012, "no"))
    assert body == m.SetResp((m.UpdatedObject("Device.A.*.", m.Failure(7020, "", errors)),))


# --- what is refused ---------------------------------------------------------------------

NOTHING = b""
GET, SET = b"\x0a\x00", b"\x22\x00"
OUTCOME = b"\x0a\x00\x12\x00"


@pytest.mark.parametrize(
    ("octets", "id", "code", "is_request"),
    [
        (NOTHING, "", 7004, False),
        (b"\xff" * 9, "", 7004, False),
        (HEADER, "id", 7004, False),
        (with_body(NOTHING), "id", 7004, False),
        (b"\x12" + length_of(b"\x0a" + length_of(GET)), "", 7004, True),
        (with_body(b"\x0a\x00"), "id", 7001, True),
        (with_body(b"\x0a" + length_of(b"\xa2\x06\x00")), "id", 7001, True),
        (with_body(b"\x12\x00"), "id", 7001, False),
        (with_body(b"\x0a" + length_of(GET + SET)), "id", 7004, True),
        (with_body(b"\x0a" + length_of(GET + GET)), "id", 7004, True),
        (with_body(b"\x0a" + length_of(GET) + b"\x12\x02\x0a\x00"), "id", 7004, False),
        (with_body(b"\x12\x02\x0a\x00" + b"\x0a" + length_of(GET)), "id", 7004, True),
        (with_body(b"\x0a\x02" + GET) + with_body(b"\x0a\x02" + GET), "id", 7004, True),
        (HEADER + with_body(b"\x0a\x02" + GET), "id", 7004, True),
        (with_body(b"\x0a\x02\x42\x00"), "id", 7004, True),
        (with_body(b"\x0a" + length_of(b"\x42\x04\x1a\x00\x22\x00")), "id", 7004, True),
        (with_body(b"\x0a" + length_of(b"\x42\x02\x3a\x00")), "id", 7004, True),
        (with_body(b"\x12" + length_of(b"\x22\x02\x0a\x00")), "id", 7004, False),
        (with_body(b"\x12\x0a\x22\x08\x0a\x06\x12\x04" + OUTCOME), "id", 7004, False),
        (b"\x0a\x02\x0a\x00" + b"\x12\x04\x0a\x02" + GET, "", 7004, True),
        (b"\x0a\x05\x0a\x01i\x10\x63" + b"\x12\x04\x0a\x02" + GET, "i", 7004, True),
        (b"\x0a\x03\x0a\x01\xff" + b"\x12\x04\x0a\x02" + GET, "", 7004, False),
    ],
    ids=[
        "no octets",
        "no protobuf",
        "no body",
        "empty body",
        "no header",
        "request of no type",
        "request of a type to come",
        "response of no type",
        "two requests",
        "the same request twice",
        "a request and a response",
        "a response and a request",
        "two bodies",
        "two headers",
        "Notify that tells nothing",
        "Notify that tells two things",
        "OperationComplete without outcome",
        "result without status",
        "result that failed and succeeded",
        "empty id",
        "unknown type in the header",
        "text that is no UTF-8",
    ],
)
def test_what_is_refused(octets: bytes, id: str, code: int, is_request: bool) -> None:
    problem = refused(octets)
    assert (problem.id, problem.code, problem.is_request) == (id, code, is_request)
    assert problem.text


def test_a_result_with_one_outcome_is_taken() -> None:
    octets = with_body(b"\x12\x08\x22\x06\x0a\x04\x12\x02" + OUTCOME[:2])
    assert codec.decode(octets).body == m.SetResp((m.UpdatedObject("", m.Failure(0)),))


def test_an_unknown_enumeration_value_in_a_model_is_refused() -> None:
    wire = pb.Msg(header=pb.Header(msg_id="1", msg_type=pb.Header.GET_SUPPORTED_DM_RESP))
    results = wire.body.response.get_supported_dm_resp.req_obj_results
    results.add().supported_objs.add().supported_params.add(value_type=11)  # type: ignore[arg-type]
    assert "11 is no type of a parameter" in refused(wire.SerializeToString()).text


@THOROUGH
@given(st.binary(max_size=64))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    for each in (octets, with_body(octets), with_body(b"\x0a" + length_of(octets))):
        try:
            message = codec.decode(each)
        except MalformedMessage:
            continue
        assert codec.decode(codec.encode(message)) == message


@MODERATE
@given(messages, st.data())
def test_damaged_octets_are_read_or_refused(message: m.Message, data: st.DataObject) -> None:
    octets = bytearray(codec.encode(message))
    at = data.draw(st.integers(0, len(octets) - 1))
    damaged = data.draw(
        st.sampled_from(
            [
                bytes(octets[:at]),
                bytes(octets[:at] + octets[at + 1 :]),
                bytes(octets[:at] + bytes((octets[at] ^ 0x11,)) + octets[at + 1 :]),
                bytes(octets + octets[at:]),
                bytes(octets[:at] + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + octets[at:]),
            ]
        )
    )
    try:
        read = codec.decode(damaged)
    except MalformedMessage as problem:
        assert problem.code in (7001, 7004)
    else:
        assert read.id


@pytest.mark.parametrize(
    "octets",
    [
        b"\xa3\x06" * 100_000,
        b"\xa3\x06" * 60 + b"\xa4\x06" * 60,
        b"\x12\xff\xff\xff\xff\x0f",
        b"\x12\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
        b"\x12" * 1_000_000,
        bytes(1_000_000),
    ],
    ids=["groups without end", "nested groups", "huge", "no length", "tags", "zeros"],
)
def test_hostile_octets_are_refused(octets: bytes) -> None:
    assert not refused(octets).is_request


# --- the JSON form -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.__name__)
def test_a_request_comes_back_from_its_json_form(kind: type) -> None:
    @settings(max_examples=20, deadline=None)
    @given(body=REQUESTS[kind])
    def comes_back(body: m.Request) -> None:
        form = json.loads(json.dumps(codec.body_to_json(body)))
        assert codec.request_from_json(form) == body

    comes_back()


def test_the_json_form_of_an_answer_has_the_names_of_the_schema() -> None:
    resolved = m.ResolvedPath("Device.DeviceInfo.", {"SerialNumber": "S1"})
    body = m.GetResp((m.RequestedPath("Device.DeviceInfo.SerialNumber", (resolved,)),))
    assert codec.body_to_json(body) == {
        "get_resp": {
            "req_path_results": [
                {
                    "requested_path": "Device.DeviceInfo.SerialNumber",
                    "resolved_path_results": [
                        {
                            "resolved_path": "Device.DeviceInfo.",
                            "result_params": {"SerialNumber": "S1"},
                        }
                    ],
                }
            ]
        }
    }
    assert codec.body_to_json(m.Error(7004, "no")) == {"error": {"err_code": 7004, "err_msg": "no"}}


SETTING = {"param": "KeyPassphrase", "value": ["correct horse"]}


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({}, "one member"),
        ({"get": {}, "set": {}}, "one member"),
        ({"fetch": {}}, "fetch is not known; there are get, "),
        ({"get": {"paths": []}}, "get.paths is not known; there are param_paths, max_depth"),
        ({"get": ["Device."]}, "get is an object with members"),
        ({"get": {"param_paths": "Device."}}, "get.param_paths is a list"),
        ({"get": {"param_paths": [1]}}, r"get.param_paths\[0\] is text"),
        ({"get": {"max_depth": -1}}, "get.max_depth is a number from 0"),
        ({"get": {"max_depth": True}}, "get.max_depth is a number from 0"),
        ({"get": {"max_depth": 2**32}}, "get.max_depth is a number from 0"),
        ({"delete": {"allow_partial": 1}}, "delete.allow_partial is true or false"),
        ({"operate": {"input_args": []}}, "operate.input_args is an object"),
        ({"operate": {"input_args": {"Host": 1}}}, "operate.input_args.Host is text"),
        ({"notify": {"event": {}, "value_change": {}}}, "value_change does not go with event"),
        ({"notify": {}}, "tells nothing"),
        (
            {"set": {"update_objs": [{"param_settings": [SETTING]}]}},
            r"^set.update_objs\[0\].param_settings\[0\].value is text$",
        ),
    ],
)
def test_a_mistake_in_the_json_form_is_named_without_values(
    form: dict[str, object], why: str
) -> None:
    with pytest.raises(ValueError, match=why) as caught:
        codec.request_from_json(form)
    assert "correct horse" not in str(caught.value)
