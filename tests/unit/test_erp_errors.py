"""Which answer leads to which reaction."""

from __future__ import annotations

import json

import pytest

from erp_bridge.errors import (
    ErpBusy,
    ErpError,
    ErpForbidden,
    ErpMisconfigured,
    ErpNotFound,
    ErpRejected,
    ErpStale,
    ErpTaken,
    ErpUnauthorized,
    ErpUnavailable,
    error_of,
    first_line,
    server_messages,
)

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


def v1(exc_type: str, message: str = "", exception: str = "") -> bytes:
    body: dict[str, str] = {"exc_type": exc_type, "exc": '["Traceback: data of a customer"]'}
    if message:
        body["_server_messages"] = json.dumps([json.dumps({"message": message, "title": "M"})])
    if exception:
        body["exception"] = exception
    return json.dumps(body).encode()


@pytest.mark.parametrize(
    ("status", "exc_type", "kind"),
    [
        (401, "AuthenticationError", ErpUnauthorized),
        (403, "PermissionError", ErpForbidden),
        (404, "DoesNotExistError", ErpNotFound),
        (409, "DuplicateEntryError", ErpTaken),
        (417, "UniqueValidationError", ErpTaken),
        (417, "TimestampMismatchError", ErpStale),
        (417, "MandatoryError", ErpRejected),
        (417, "LinkValidationError", ErpRejected),
        (417, "CharacterLengthExceededError", ErpRejected),
        (417, "ValidationError", ErpRejected),
        (417, "DataError", ErpRejected),
        (417, "UpdateAfterSubmitError", ErpRejected),
        (417, "FiscalYearError", ErpRejected),
        (417, "DocumentLockedError", ErpBusy),
        (417, "PermissionError", ErpForbidden),
        (429, "TooManyRequestsError", ErpBusy),
        (500, "QueryTimeoutError", ErpBusy),
        (500, "QueryDeadlockError", ErpBusy),
        (500, "JSONDecodeError", ErpRejected),
        (500, "TypeError", ErpRejected),
        (500, "AttributeError", ErpRejected),
        (500, "ImportError", ErpRejected),
        (500, "SomethingNew", ErpUnavailable),
        (503, "SessionStopped", ErpBusy),
        (503, "InReadOnlyMode", ErpBusy),
    ],
)
def test_the_class_frappe_names_decides(status: int, exc_type: str, kind: type[ErpError]) -> None:
    error = error_of(status, JSON, v1(exc_type))
    assert type(error) is kind
    assert error.exc_type == exc_type
    assert error.fix


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ErpMisconfigured),
        (400, ErpRejected),
        (401, ErpUnauthorized),
        (403, ErpForbidden),
        (404, ErpMisconfigured),
        (413, ErpRejected),
        (429, ErpBusy),
        (500, ErpUnavailable),
        (502, ErpUnavailable),
        (503, ErpBusy),
        (504, ErpUnavailable),
    ],
)
def test_pages_are_judged_by_status(status: int, kind: type[ErpError]) -> None:
    error = error_of(status, HTML, b"<title>Oh</title><p>customer data</p>")
    assert type(error) is kind
    assert "customer data" not in str(error)


@pytest.mark.parametrize(
    ("exception", "kind"),
    [
        ("(1054, \"Unknown column 'nofield' in 'ORDER BY'\")", ErpRejected),
        ('(2003, "Can\'t connect to MySQL server")', ErpUnavailable),
        ("(2013, 'Lost connection')", ErpUnavailable),
        ("(1040, 'Too many connections')", ErpUnavailable),
        ("connection refused", ErpUnavailable),
    ],
)
def test_a_database_that_is_down_is_not_our_query(exception: str, kind: type[ErpError]) -> None:
    body = v1("OperationalError", exception="pymysql.err.OperationalError: " + exception)
    assert type(error_of(500, JSON, body)) is kind


def test_retry_after_is_taken_and_bounded() -> None:
    limited = error_of(429, JSON | {"Retry-After": "39"}, v1("TooManyRequestsError"))
    assert isinstance(limited, ErpBusy)
    assert limited.retry_after == 39
    forever = error_of(429, JSON | {"Retry-After": "9" * 30}, v1("TooManyRequestsError"))
    assert isinstance(forever, ErpBusy)
    assert forever.retry_after == 3600
    dated = error_of(503, HTML | {"Retry-After": "Sun, 22 Nov 2026 10:00:00 GMT"}, b"")
    assert isinstance(dated, ErpBusy)
    assert dated.retry_after == 1


def test_v2_errors_are_read_too() -> None:
    body = {"errors": [{"type": "DoesNotExistError", "message": "Equipment <b>X</b> not found"}]}
    error = error_of(404, JSON, json.dumps(body).encode())
    assert isinstance(error, ErpNotFound)
    assert "Equipment X not found" in str(error)


def test_a_message_is_shown_by_its_first_line_without_html() -> None:
    body = v1("ValidationError", "<b>Status</b> cannot be &quot;X&quot;<br>second line")
    error = error_of(417, JSON, body)
    assert 'ValidationError: Status cannot be "X"' in str(error)
    assert "second line" not in str(error)
    assert "Traceback" not in str(error)


def test_the_last_message_is_the_one_that_raised() -> None:
    texts = [json.dumps({"message": "Changed name"}), json.dumps({"message": "Must be unique"})]
    body = {"exc_type": "UniqueValidationError", "_server_messages": json.dumps(texts)}
    assert "Must be unique" in str(error_of(417, JSON, json.dumps(body).encode()))


@pytest.mark.parametrize(
    "packed", [None, 7, "", "no json", "[7]", '["no json"]', '["7"]', '["{}"]', "7"]
)
def test_broken_messages_are_no_messages(packed: object) -> None:
    assert server_messages({"_server_messages": packed}) == []


def test_long_texts_are_cut() -> None:
    assert len(first_line("é" * 5000)) == 200
    assert first_line("<p> </p>\n") == ""


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_a_json_type_without_a_json_object_is_no_answer_of_frappe(body: bytes) -> None:
    assert isinstance(error_of(500, JSON, body), ErpUnavailable)
