"""The refusals a simulated CPE gives (fault codes of TR-069 A.5.1)."""

from __future__ import annotations

from typing import NamedTuple

TEXTS = {
    9000: "Method not supported",
    9001: "Request denied",
    9002: "Internal error",
    9003: "Invalid arguments",
    9004: "Resources exceeded",
    9005: "Invalid parameter name",
    9006: "Invalid parameter type",
    9007: "Invalid parameter value",
    9008: "Attempt to set a non-writable parameter",
    9009: "Notification request rejected",
    9814: "Parse xml string failed",
}

CLIENT_CODES = frozenset({9003, 9005, 9006, 9007, 9008})
"""Faults of the requester: SOAP faultcode ``Client``; all others are ``Server``."""


class RefusedParameter(NamedTuple):
    """Why one parameter of a SetParameterValues was refused."""

    name: str
    code: int

    @property
    def text(self) -> str:
        """Text of the code."""
        return TEXTS.get(self.code, "Vendor fault")


class CpeFaultError(Exception):
    """The CPE refuses a request; becomes a SOAP fault, the session goes on."""

    def __init__(self, code: int, parameters: tuple[RefusedParameter, ...] = ()) -> None:
        self.code = code
        self.text = TEXTS.get(code, "Vendor fault")
        self.parameters = parameters
        super().__init__(f"{code} {self.text}")
