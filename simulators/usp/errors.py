"""The refusals of a simulated agent (TR-369, Error Codes)."""

from __future__ import annotations

from typing import NamedTuple

NOT_SUPPORTED = 7001
DENIED = 7002
INVALID_ARGUMENTS = 7004
RESOURCES = 7005
PERMISSION = 7006
PATH_SYNTAX = 7008
UNSUPPORTED_PARAMETER = 7010
INVALID_TYPE = 7011
INVALID_VALUE = 7012
NOT_WRITEABLE = 7013
OPERATION = 7015
NO_OBJECT = 7016
NO_TABLE = 7018
NOT_CREATABLE = 7019
REQUIRED_FAILED = 7021
COMMAND_FAILED = 7022
CANCELED = 7023
DUPLICATE_KEY = 7025
INVALID_PATH = 7026
COMMAND_ARGUMENTS = 7027
INVALID_RECORD = 7104
CONTEXT_TERMINATED = 7105
CONTEXT_NOT_ALLOWED = 7106
DU_UNKNOWN_ENVIRONMENT = 7223
DU_DUPLICATE = 7226
DU_RESOURCES = 7227
DU_STATE = 7229

_TEXTS = {
    7000: "Message failed",
    7001: "Message not supported",
    7002: "Request denied",
    7003: "Internal error",
    7004: "Invalid arguments",
    7005: "Resources exceeded",
    7006: "Permission denied",
    7008: "Invalid path syntax",
    7010: "Unsupported parameter",
    7011: "Invalid type",
    7012: "Invalid value",
    7013: "Attempt to update non-writeable parameter",
    7015: "Operation error",
    7016: "Object does not exist",
    7018: "Object is not a table",
    7019: "Object cannot be created or deleted",
    7021: "Required parameter failed",
    7022: "Command failure",
    7023: "Command canceled",
    7025: "Object exists with duplicate key",
    7026: "Invalid path",
    7027: "Invalid command arguments",
    7104: "Invalid Record value",
    7105: "Session Context terminated",
    7106: "Session Context not allowed",
    7223: "Unknown Execution Environment",
    7226: "Duplicate Deployment Unit",
    7227: "System Resources Exceeded",
    7229: "Invalid Deployment Unit State",
}


def text_of(code: int) -> str:
    """Return how a code is called."""
    return _TEXTS.get(code, "Vendor error")


class ParamError(NamedTuple):
    """Why one parameter was refused."""

    path: str
    code: int
    text: str


class Refusal(Exception):  # noqa: N818 - it is an answer, not a failure of the program
    """The agent refuses a message, an object or a path."""

    def __init__(self, code: int, detail: str = "", errors: tuple[ParamError, ...] = ()) -> None:
        self.code = code
        self.text = f"{text_of(code)}: {detail}" if detail else text_of(code)
        self.errors = errors
        super().__init__(f"{code} {self.text}")
