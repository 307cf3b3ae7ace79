"""The REST client against scripted answers, without sockets."""

from __future__ import annotations

import gzip
import json
import traceback
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import MaxRetryError, NewConnectionError

from acs.model import Secret
from erp_bridge.client import ErpClient
from erp_bridge.errors import (
    ErpBusy,
    ErpForbidden,
    ErpMisconfigured,
    ErpRejected,
    ErpStale,
    ErpTaken,
    ErpUnauthorized,
    ErpUnavailable,
    ErpUnknown,
)

SECRET = "s3cr3t-of-the-api"
Reply = tuple[int, Any] | tuple[int, Any, dict[str, str]] | Exception


class Script(BaseAdapter):
    """Gives one reply after the other, the last one for ever; keeps what was asked."""

    def __init__(self, *replies: Reply) -> None:
        super().__init__()
        self.replies = list(replies)
        self.asked: list[requests.PreparedRequest] = []
        self.options: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self.asked.append(request)
        self.options.append(options)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            reply.request = request  # type: ignore[attr-defined]
            raise reply
        status, body, *headers = reply
        response = requests.Response()
        response.status_code = status
        response.request = request
        response.url = request.url or ""
        response.headers["Content-Type"] = "application/json"
        response.headers.update(headers[0] if headers else {})
        if not isinstance(body, bytes | BytesIO):
            body = json.dumps(body).encode()
        stream = body if isinstance(body, BytesIO) else BytesIO(body)
        response.raw = HTTPResponse(
            stream, headers=dict(response.headers), preload_content=False, request_method="GET"
        )
        return response

    def close(self) -> None:
        pass


class Sleeper:
    def __init__(self) -> None:
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def client_of(script: Script, **options: Any) -> ErpClient:
    options.setdefault("sleep", Sleeper())
    options.setdefault("random", lambda: 0.5)
    client = ErpClient("https://erp.example.net/", "key", Secret(SECRET), **options)
    client.mount(script)
    return client


def test_the_token_travels_in_its_header_only() -> None:
    script = Script((200, {"message": "pong"}))
    client_of(script).ping()
    [asked] = script.asked
    assert asked.headers["Authorization"] == f"token key:{SECRET}"
    assert asked.headers["Accept"] == "application/json"
    assert SECRET not in (asked.url or "")
    assert script.options[0]["timeout"] == (3.0, 10.0)


def test_cookies_of_the_site_are_not_kept() -> None:
    script = Script((200, {"message": "pong"}, {"Set-Cookie": "sid=Guest; Path=/"}))
    client = client_of(script)
    client.ping()
    client.ping()
    assert "Cookie" not in script.asked[1].headers


def test_a_short_list_is_a_get_with_order_and_limit() -> None:
    script = Script((200, {"data": [{"name": "EQP-1"}]}))
    filters = [["mac_address", "in", ["AA:BB:CC:00:10:01"]]]
    rows = client_of(script).get_list("Service Equipment", ["name"], or_filters=filters, limit=2)
    assert rows == [{"name": "EQP-1"}]
    [asked] = script.asked
    assert asked.method == "GET"
    assert "/api/resource/Service%20Equipment?" in (asked.url or "")
    assert "order_by=name+asc" in (asked.url or "")
    assert "limit_page_length=2" in (asked.url or "")


def test_a_list_of_more_than_100_macs_goes_by_post() -> None:
    script = Script((200, {"message": [{"name": "EQP-1"}]}))
    macs = [f"AA:BB:CC:00:{n >> 8:02X}:{n & 255:02X}" for n in range(150)]
    filters = [["mac_address", "in", macs]]
    rows = client_of(script).get_list("Service Equipment", ["name"], or_filters=filters)
    assert rows == [{"name": "EQP-1"}]
    [asked] = script.asked
    assert asked.method == "POST"
    assert (asked.url or "").endswith("/api/method/frappe.client.get_list")
    assert json.loads(asked.body or "")["or_filters"] == filters


@pytest.mark.parametrize("name", ["a/b", "a#b", "a?b", "a%2Fb", "a b", "é", "AT&T"])
def test_names_are_encoded_in_paths(name: str) -> None:
    script = Script((200, {"data": {"name": name}}))
    assert client_of(script).read("Service Equipment", name) == {"name": name}
    path = (script.asked[0].url or "").partition("/api/resource/Service%20Equipment/")[2]
    assert requests.utils.unquote(path) == name
    assert not set("/#? &") & set(path)


@pytest.mark.parametrize("name", ["", "  ", ".", ".."])
def test_a_name_that_would_list_the_table_is_refused(name: str) -> None:
    script = Script((200, {"data": []}))
    with pytest.raises(ErpRejected, match="name of a document"):
        client_of(script).read("Service Equipment", name)
    assert script.asked == []


def test_warnings_on_a_good_answer_are_told_and_harmless() -> None:
    packed = json.dumps([json.dumps({"message": "Changed <b>name</b>"})])
    script = Script((200, {"message": 7, "_server_messages": packed}))
    told: list[str] = []
    assert client_of(script, warn=told.append).call("x") == 7
    assert told == ["Changed name"]


@pytest.mark.parametrize(
    "failure",
    [
        (503, b"<h1>busy</h1>", {"Content-Type": "text/html"}),
        (500, b"<h1>broken</h1>", {"Content-Type": "text/html"}),
        (500, {"exc_type": "QueryDeadlockError"}),
        requests.ConnectTimeout("t"),
        requests.ReadTimeout("t"),
        requests.ConnectionError("refused"),
    ],
)
def test_a_read_is_made_again_where_that_may_help(failure: Reply) -> None:
    script = Script(failure, (200, {"message": "acs@example.net"}))
    sleeper = Sleeper()
    assert client_of(script, sleep=sleeper).whoami() == "acs@example.net"
    assert len(script.asked) == 2
    assert len(sleeper.slept) == 1
    assert 0 < sleeper.slept[0] <= 7.5


def test_tries_are_bounded_and_spread() -> None:
    script = Script(requests.ConnectionError("refused"))
    sleeper = Sleeper()
    with pytest.raises(ErpUnavailable):
        client_of(script, retries=3, sleep=sleeper).ping()
    assert len(script.asked) == 4
    assert sleeper.slept == [0.2, 0.4, 0.8]


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ((417, {"exc_type": "ValidationError"}), ErpRejected),
        ((401, {"exc_type": "AuthenticationError"}), ErpUnauthorized),
        ((404, b"<h1>no site</h1>", {"Content-Type": "text/html"}), ErpMisconfigured),
        ((302, b"", {"Location": "https://elsewhere.example/"}), ErpMisconfigured),
        ((429, {"exc_type": "TooManyRequestsError"}, {"Retry-After": "39"}), ErpBusy),
        ((200, b"<html>log in</html>", {"Content-Type": "text/html"}), ErpMisconfigured),
        ((200, ["no object"]), ErpMisconfigured),
    ],
)
def test_what_cannot_help_is_not_tried_again(failure: Reply, kind: type[Exception]) -> None:
    script = Script(failure)
    with pytest.raises(kind):
        client_of(script).ping()
    assert len(script.asked) == 1


def test_a_call_that_may_write_is_made_once() -> None:
    script = Script((503, {"exc_type": "SessionStopped"}))
    with pytest.raises(ErpBusy):
        client_of(script).call("acs_create_order", order_id="1")
    assert len(script.asked) == 1


def test_an_answer_over_the_bound_is_refused() -> None:
    script = Script((200, {"message": "x" * 1000}))
    with pytest.raises(ErpUnavailable, match="over 100 octets"):
        client_of(script, max_bytes=100, retries=0).ask("x")


def test_an_answer_that_trickles_is_given_up() -> None:
    now = iter(range(0, 1000, 20))
    script = Script((200, {"message": "x"}))
    with pytest.raises(ErpUnavailable, match="did not answer within 10 s"):
        client_of(script, clock=lambda: next(now), retries=0).ask("x")


class Trickle(BytesIO):
    """A body of which one octet comes at a time, and a whole read never ends."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read(1)

    def read(self, size: int | None = -1, /) -> bytes:
        raise AssertionError("this would wait for a whole piece")


def test_an_answer_of_single_octets_is_looked_at_after_each() -> None:
    now = iter(range(100))
    script = Script((200, Trickle(b'{"message": "pong"}' + 100 * b" ")))
    with pytest.raises(ErpUnavailable, match="did not answer within 10 s"):
        client_of(script, clock=lambda: next(now), retries=0).ask("x")


@pytest.mark.parametrize("coded", [gzip.compress, lambda plain: plain])
def test_compressed_answers_are_read(coded: Callable[[bytes], bytes]) -> None:
    body = coded(b'{"message": "' + 200_000 * b"x" + b'"}')
    headers = {"Content-Encoding": "gzip"} if coded is gzip.compress else {}
    assert client_of(Script((200, body, headers))).ask("x") == 200_000 * "x"


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    script = Script((200, b'{"message": "po', {"Content-Length": "19"}))
    with pytest.raises(ErpUnavailable, match="cannot be reached"):
        client_of(script, retries=0).ask("x")


def test_each_exchange_is_observed() -> None:
    script = Script((500, {"exc_type": "QueryDeadlockError"}), (200, {"message": "pong"}))
    seen: list[str] = []
    client_of(script, observe=lambda outcome, seconds: seen.append(outcome)).ping()
    assert seen == ["ErpBusy", "ok"]


@pytest.mark.parametrize(
    "failure",
    [
        requests.ReadTimeout(SECRET),
        requests.ConnectionError(SECRET),
        requests.exceptions.SSLError(SECRET),
        (401, {"exc_type": "AuthenticationError"}),
        (500, SECRET.encode(), {"Content-Type": "text/html"}),
    ],
)
def test_no_error_holds_the_secret(failure: Reply) -> None:
    client = client_of(Script(failure), retries=0)
    with pytest.raises(Exception) as caught:
        client.ping()
    whole = "".join(traceback.format_exception(caught.value))
    assert SECRET not in whole
    assert SECRET not in repr(client.__dict__)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "key", "secret"),
    [
        ("erp.example.net", "key", "secret"),
        ("ftp://erp.example.net", "key", "secret"),
        ("https://user:pass@erp.example.net", "key", "secret"),
        ("https://erp.example.net/?x=1", "key", "secret"),
        ("https://erp.example.net", "", "secret"),
        ("https://erp.example.net", "key", ""),
        ("https://erp.example.net", "key", "sec ret"),
        ("https://erp.example.net", "key", "secret\r\nX: y"),
        ("https://erp.example.net", "key:secret", "secret"),
        ("https://erp.example.net", "key", "secrét"),
    ],
)
def test_an_address_or_key_that_can_never_work_is_refused(url: str, key: str, secret: str) -> None:
    with pytest.raises(ValueError) as caught:
        ErpClient(url, key, Secret(secret))
    assert not secret or len(secret) < 7 or secret not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "zone"),
    [
        ({"time_zone": "America/Toronto"}, "America/Toronto"),
        ("America/Toronto", "America/Toronto"),
        ({"time_zone": None}, ""),
        (None, ""),
    ],
)
def test_time_zone(answer: object, zone: str) -> None:
    assert client_of(Script((200, {"message": answer}))).time_zone() == zone


@pytest.mark.parametrize(
    "read",
    [
        lambda client: client.get_list("X", ["name"]),
        lambda client: client.read("X", "n"),
        lambda client: client.meta("X"),
        lambda client: client.ping(),
    ],
)
def test_an_answer_of_another_shape_is_no_frappe(read: Callable[[ErpClient], object]) -> None:
    with pytest.raises(ErpMisconfigured, match="not Frappe"):
        read(client_of(Script((200, {"data": "text", "message": "text"}))))


HTML = {"Content-Type": "text/html"}


def test_an_update_sends_modified_only_where_it_is_based_on_a_read() -> None:
    script = Script((200, {"data": {"name": "EQP-1", "modified": "2026-11-22 04:52:56.631257"}}))
    client = client_of(script)
    answer = client.update("Service Equipment", "EQP-1", {"model": "B"})
    client.update("Service Equipment", "EQP-1", {"model": "B"}, "2026-11-22 04:52:56.552654")
    assert answer["modified"] == "2026-11-22 04:52:56.631257"
    assert [asked.method for asked in script.asked] == ["PUT", "PUT"]
    assert [json.loads(asked.body or "") for asked in script.asked] == [
        {"model": "B"},
        {"model": "B", "modified": "2026-11-22 04:52:56.552654"},
    ]


NEVER_SENT = requests.ConnectionError(
    MaxRetryError(None, "/", NewConnectionError(None, "refused"))  # type: ignore[arg-type]
)


@pytest.mark.parametrize(
    ("failure", "kind", "settled_in"),
    [
        # Saved, and then the queue of the site was away.
        ((500, b"<h1>Internal Server Error</h1>", HTML), ErpUnknown, 1.0),
        ((502, b"<h1>Bad Gateway</h1>", HTML), ErpUnknown, 1.0),
        ((504, b"<h1>Gateway Timeout</h1>", HTML), ErpUnknown, 1.0),
        ((500, {"exc_type": "OperationalError", "exception": "(2003, 'x')"}), ErpUnknown, 1.0),
        (requests.ReadTimeout("t"), ErpUnknown, 55.0),
        (requests.ConnectionError("closed without an answer"), ErpUnknown, 5.0),
        # Rolled back, or never begun.
        ((500, {"exc_type": "QueryDeadlockError"}), ErpBusy, None),
        ((500, {"exc_type": "QueryTimeoutError"}), ErpBusy, None),
        ((429, {"exc_type": "TooManyRequestsError"}, {"Retry-After": "39"}), ErpBusy, None),
        ((503, {"exc_type": "InReadOnlyMode"}), ErpBusy, None),
        ((503, b"<h1>busy</h1>", HTML), ErpBusy, None),
        (requests.ConnectTimeout("t"), ErpUnavailable, None),
        (NEVER_SENT, ErpUnavailable, None),
        # Refused.
        ((417, {"exc_type": "TimestampMismatchError"}), ErpStale, None),
        ((417, {"exc_type": "UniqueValidationError"}), ErpTaken, None),
        ((409, {"exc_type": "DuplicateEntryError"}), ErpTaken, None),
        ((417, {"exc_type": "MandatoryError"}), ErpRejected, None),
        ((403, {"exc_type": "PermissionError"}), ErpForbidden, None),
    ],
)
@pytest.mark.parametrize(
    "write",
    [
        lambda client: client.update("X", "n", {"a": 1}),
        lambda client: client.insert("X", {"name": "n"}),
        lambda client: client.call("acs_write_back", rows=[]),
    ],
)
def test_a_write_is_made_once_and_says_whether_it_may_have_been_saved(
    failure: Reply,
    kind: type[Exception],
    settled_in: float | None,
    write: Callable[[ErpClient], object],
) -> None:
    script = Script(failure)
    with pytest.raises(kind) as caught:
        write(client_of(script, retries=3))
    assert type(caught.value) is kind
    assert getattr(caught.value, "settled_in", None) == settled_in
    assert len(script.asked) == 1


def test_a_refusal_shows_the_first_line_of_its_message_without_html() -> None:
    packed = json.dumps([json.dumps({"message": "Value <strong>missing</strong><br>more"})])
    script = Script((417, {"exc_type": "MandatoryError", "_server_messages": packed}))
    with pytest.raises(ErpRejected, match="MandatoryError: Value missing\\)"):
        client_of(script).update("X", "n", {"a": 1})


def test_what_no_database_takes_is_replaced() -> None:
    told = {
        "nul": "a\0b",
        "half": "\ud83d!",
        "other half": "\udca9",
        "whole": "\U0001f4a9é",
        "spelled": r"\u0000",
    }
    script = Script((200, json.dumps({"data": told}).encode()))
    assert client_of(script).read("Service Equipment", "EQP-1") == {
        "nul": "a\ufffdb",
        "half": "\ufffd!",
        "other half": "\ufffd",
        "whole": "\U0001f4a9é",
        "spelled": r"\u0000",
    }
