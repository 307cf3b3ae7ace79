"""Messages to octets and back (TR-369, Messages). How each kind looks is in the tables of
`requests`, `responses` and `supported`; here is what all share.

What octets break is told apart from what they merely have in addition: fields that are not
known are left alone, as a newer agent sends them.
"""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from acs.usp import messages as m
from acs.usp import oneofs
from acs.usp.codec import requests, responses, supported
from acs.usp.codec.json_form import fill
from acs.usp.codec.shapes import Refusal
from acs.usp.errors import Code
from acs.usp.pb import usp_msg_pb2 as pb

_REQUESTS = {shape.value: shape for shape in requests.SHAPES}
_RESPONSES = {shape.value: shape for shape in (*responses.SHAPES, supported.SHAPE)}
_REQUESTS_BY_FIELD = {shape.field: shape for shape in _REQUESTS.values()}
_RESPONSES_BY_FIELD = {shape.field: shape for shape in _RESPONSES.values()}
_TYPES = frozenset(pb.Header.MsgType.values())
_PLAN = oneofs.plan(pb.Msg)


class MalformedMessage(ValueError):  # noqa: N818 - what the octets are
    """Octets are no message by the rules.

    ``id`` is that of the message, empty where it cannot be read; ``code`` and ``text`` are what
    an Error would say. Only a request is answered with one (R-MTP.5): ``is_request``.
    """

    def __init__(self, id: str, code: Code, text: str, is_request: bool) -> None:
        super().__init__(text)
        self.id = id
        self.code = code
        self.text = text
        self.is_request = is_request


def encode(message: m.Message) -> bytes:
    """Write a message. Its header always has an id and the type of its body, as messages without
    a body or with an unknown type bring real agents down.

    Raises `ValueError` where the id is empty or the schema has no place for a value.
    """
    if not message.id:
        raise ValueError("a message needs an id")
    wire = pb.Msg()
    wire.header.msg_id = message.id
    number = _write(message.body, wire.body)
    if number:  # an Error is type 0, which is not written
        wire.header.msg_type = number
    return wire.SerializeToString()


def decode(octets: bytes) -> m.Message:
    """Read a message. Raises `MalformedMessage`, and nothing else, for any octets at all.

    The type found in the body counts, whatever the header says (R-MSG.10).
    """
    try:
        wire = pb.Msg.FromString(octets)
    except DecodeError:
        raise MalformedMessage(
            "", Code.INVALID_ARGUMENTS, "the octets are no message", False
        ) from None
    id = wire.header.msg_id
    try:
        oneofs.check(octets, _PLAN)
        if not id:
            raise Refusal("the message has no id")
        body = _read(wire.body)
        if wire.header.msg_type not in _TYPES:
            raise Refusal(f"{wire.header.msg_type} is no type of a message")  # R-ENC.2
    except Refusal as problem:
        raise MalformedMessage(id, problem.code, str(problem), _asks(wire)) from None
    except oneofs.RepeatedMember as problem:  # R-ENC.5
        raise MalformedMessage(id, Code.INVALID_ARGUMENTS, str(problem), _asks(wire)) from None
    return m.Message(id, body)


def request_from_json(form: Mapping[str, object]) -> m.Request:
    """A request from its JSON form, such as ``{"get": {"param_paths": ["Device."]}}``.

    Names and defaults are those of the schema: an Operate without ``send_resp`` gets no answer.
    Raises `ValueError`, which names the place of a mistake and
    repeats no values: they may be secrets.
    """
    if len(form) != 1:
        raise ValueError(f"a request has one member: one of {', '.join(_REQUESTS_BY_FIELD)}")
    wire = pb.Request()
    fill(wire, form)
    return _read_request(wire)


def body_to_json(body: m.Body) -> dict[str, object]:
    """The JSON form of a body, such as ``{"get_resp": {...}}``, with the names of the schema.

    What is false, 0 or empty is left out. Values of parameters are shown as they are: masking is
    the caller's care.
    """
    wire = pb.Body()
    _write(body, wire)
    form = json_format.MessageToDict(wire, preserving_proto_field_name=True)
    if "error" in form:
        return form
    (content,) = form.values()
    return dict(content)


def _write(body: m.Body, to: pb.Body) -> pb.Header.MsgType:
    """Fill in a body; gives the number of its type."""
    kind = type(body)
    if (shape := _REQUESTS.get(kind)) is not None:
        place = getattr(to.request, shape.field)
    elif (shape := _RESPONSES.get(kind)) is not None:
        place = getattr(to.response, shape.field)
    elif isinstance(body, m.Error):
        _write_error(body, to.error)
        return pb.Header.ERROR
    else:
        raise ValueError(f"{kind.__name__} is no body of a message")
    place.SetInParent()  # it is there, even where nothing in it is written
    shape.write(body, place)
    return shape.type


def _read(wire: pb.Body) -> m.Body:
    match wire.WhichOneof("msg_body"):
        case "request":
            return _read_request(wire.request)
        case "response":
            field = wire.response.WhichOneof("resp_type")
            if field is None:
                raise Refusal("the response is of no known type", Code.MESSAGE_NOT_SUPPORTED)
            response: m.Response = _RESPONSES_BY_FIELD[field].read(getattr(wire.response, field))
            return response
        case "error":
            return _read_error(wire.error)
    raise Refusal("the message has no body")


def _read_request(wire: pb.Request) -> m.Request:
    field = wire.WhichOneof("req_type")
    if field is None:
        raise Refusal("the request is of no known type", Code.MESSAGE_NOT_SUPPORTED)  # R-MSG.1
    request: m.Request = _REQUESTS_BY_FIELD[field].read(getattr(wire, field))
    return request


def _write_error(body: m.Error, to: pb.Error) -> None:
    to.SetInParent()
    to.err_code = body.code
    to.err_msg = body.text
    for each in body.errors:
        to.param_errs.add(param_path=each.path, err_code=each.code, err_msg=each.text)


def _read_error(wire: pb.Error) -> m.Error:
    errors = (
        m.ParamError(each.param_path, each.err_code, each.err_msg) for each in wire.param_errs
    )
    return m.Error(wire.err_code, wire.err_msg, tuple(errors))


def _asks(wire: pb.Msg) -> bool:
    return wire.body.HasField("request")
