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
    9010: "File transfer failure",
    9011: "Upload failure",
    9012: "File transfer server authentication failure",
    9013: "Unsupported protocol for file transfer",
    9014: "File transfer failure: unable to join multicast group",
    9015: "File transfer failure: unable to contact file server",
    9016: "File transfer failure: unable to access file",
    9017: "File transfer failure: unable to complete download",
    9018: "File transfer failure: file corrupted",
    9019: "File transfer failure: file authentication failure",
    9020: "File transfer failure: unable to complete download within specified time windows",
    9021: "Cancelation of file transfer not permitted in current transfer state",
    9022: "Invalid UUID Format",
    9023: "Unknown Execution Environment",
    9024: "Disabled Execution Environment",
    9025: "Deployment Unit to Execution Environment Mismatch",
    9026: "Duplicate Deployment Unit",
    9027: "System Resources Exceeded",
    9028: "Unknown Deployment Unit",
    9029: "Invalid Deployment Unit State",
    9030: "Invalid Deployment Unit Update, downgrade not permitted",
    9031: "Invalid Deployment Unit Update, version not specified",
    9032: "Invalid Deployment Unit Update, version already exists",
    9814: "Parse xml string failed",
}

CLIENT_CODES = frozenset({9003, 9005, 9006, 9007, 9008, 9020, 9021})
"""Faults of the requester: SOAP faultcode ``Client``; all others are ``Server``."""


def fault_text(code: int) -> str:
    """Return the text of a fault code; vendors have 9800 to 9899."""
    return TEXTS.get(code, "Vendor fault")


class RefusedParameter(NamedTuple):
    """Why one parameter of a SetParameterValues was refused."""

    name: str
    code: int

    @property
    def text(self) -> str:
        """Text of the code."""
        return fault_text(self.code)


class CpeFaultError(Exception):
    """The CPE refuses a request; becomes a SOAP fault, the session goes on."""

    def __init__(self, code: int, parameters: tuple[RefusedParameter, ...] = ()) -> None:
        self.code = code
        self.text = fault_text(code)
        self.parameters = parameters
        super().__init__(f"{code} {self.text}")
