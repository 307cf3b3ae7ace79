"""What the tables of the codec are made of: how one kind of message is written and read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from acs.usp.errors import Code
from acs.usp.messages import Failure, ParamError
from acs.usp.pb import usp_msg_pb2 as pb


class Refusal(ValueError):  # noqa: N818 - what is done with them
    """Octets that protobuf takes, and TR-369 does not; ``code`` says what an Error would."""

    def __init__(self, text: str, code: Code = Code.INVALID_ARGUMENTS) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of message: its value, its place in the schema, and both ways between them."""

    value: type
    field: str
    """Member of Request or Response that holds it."""
    type: pb.Header.MsgType
    """Number of its `Header.MsgType`."""
    write: Callable[[Any, Any], None]
    """Takes the value and the empty wire message to fill in its place, which needs no copy."""
    read: Callable[[Any], Any]
    """Takes the wire message; raises `Refusal`."""


class WireFailure(Protocol):
    """Every failure of the schema begins so."""

    err_code: int
    err_msg: str


class WireParamError(WireFailure, Protocol):
    """What was refused, in Set and Add."""

    param: str


def write_failure(failure: Failure, to: WireFailure) -> None:
    """Fill in a failure that has no place for what failed below. Raises `ValueError` then."""
    if failure.errors:
        raise ValueError("this failure has no place for errors of parameters")
    to.err_code = failure.code
    to.err_msg = failure.text


def read_failure(wire: WireFailure) -> Failure:
    """The failure of a command, a row or a path."""
    return Failure(wire.err_code, wire.err_msg)


def write_param_errors(errors: Iterable[ParamError], to: Any) -> None:
    """Fill in a repeated ParameterError."""
    for each in errors:
        to.add(param=each.path, err_code=each.code, err_msg=each.text)


def read_param_errors(wire: Iterable[WireParamError]) -> tuple[ParamError, ...]:
    """Parameters that were refused, by the names the agent gave."""
    return tuple(ParamError(each.param, each.err_code, each.err_msg) for each in wire)


def read_versions(text: str) -> tuple[str, ...]:
    """Protocol versions, such as "1.0,1.1,1.2"."""
    return tuple(each.strip() for each in text.split(",") if each.strip())


V = TypeVar("V")


def known(values: Mapping[int, V], number: int, what: str) -> V:
    """The value of an enumeration that ``number`` stands for, or `Refusal` (R-ENC.2)."""
    if number not in values:
        raise Refusal(f"{number} is no {what}")
    return values[number]
