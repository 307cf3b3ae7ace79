"""Error codes of USP, and how each is called (TR-369, Error Codes; Record Errors)."""

from __future__ import annotations

from enum import IntEnum


class Code(IntEnum):
    """Codes of messages (70xx) and of records (71xx)."""

    MESSAGE_FAILED = 7000
    MESSAGE_NOT_SUPPORTED = 7001
    REQUEST_DENIED = 7002
    INTERNAL_ERROR = 7003
    INVALID_ARGUMENTS = 7004
    RESOURCES_EXCEEDED = 7005
    PERMISSION_DENIED = 7006
    INVALID_CONFIGURATION = 7007
    INVALID_PATH_SYNTAX = 7008
    PARAMETER_ACTION_FAILED = 7009
    UNSUPPORTED_PARAMETER = 7010
    INVALID_TYPE = 7011
    INVALID_VALUE = 7012
    NON_WRITEABLE_PARAMETER = 7013
    VALUE_CONFLICT = 7014
    OPERATION_ERROR = 7015
    OBJECT_DOES_NOT_EXIST = 7016
    OBJECT_COULD_NOT_BE_CREATED = 7017
    OBJECT_IS_NOT_A_TABLE = 7018
    NON_CREATABLE_OBJECT = 7019
    OBJECT_COULD_NOT_BE_UPDATED = 7020
    REQUIRED_PARAMETER_FAILED = 7021
    COMMAND_FAILURE = 7022
    COMMAND_CANCELED = 7023
    DELETE_FAILURE = 7024
    DUPLICATE_KEY = 7025
    INVALID_PATH = 7026
    INVALID_COMMAND_ARGUMENTS = 7027
    REGISTER_FAILURE = 7028
    ALREADY_IN_USE = 7029
    DEREGISTER_FAILURE = 7030
    PATH_ALREADY_REGISTERED = 7031
    RECORD_NOT_PARSED = 7100
    SECURE_SESSION_REQUIRED = 7101
    SECURE_SESSION_NOT_SUPPORTED = 7102
    SEGMENTATION_NOT_SUPPORTED = 7103
    INVALID_RECORD_VALUE = 7104
    SESSION_CONTEXT_TERMINATED = 7105
    SESSION_CONTEXT_NOT_ALLOWED = 7106


_NAMES = {code.value: code.name.replace("_", " ").lower() for code in Code}


def name_of(code: int) -> str:
    """How ``code`` is called; says so of codes that belong to the data model or a vendor."""
    if known := _NAMES.get(code):
        return known
    if 7200 <= code <= 7299:
        return "error of the data model"
    if 7800 <= code <= 7999:
        return "error of the vendor"
    return "unknown error"
