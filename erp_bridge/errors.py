"""What ERPNext's answers mean: one typed error per reaction.

Frappe is judged by the exception class it names (``exc_type`` in v1, ``errors[0].type`` in v2),
because one HTTP status covers a dozen causes; the human text is HTML and translated, and only
its first line is shown.
"""

# ruff: noqa: N818 - all are ErpErrors; a name says what happened
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import unescape
from typing import Any

MAX_SHOWN = 200
"""Characters of a site's message that are kept in an error."""

LONGEST_RETRY_AFTER = 3600.0
"""A site that asks for more than an hour is asked again after an hour."""


class ErpError(Exception):
    """A request to ERPNext failed. ``text`` says what happened, ``fix`` what to do about it."""

    def __init__(self, text: str, fix: str, *, exc_type: str = "") -> None:
        super().__init__(f"{text}. {fix}")
        self.text = text
        self.fix = fix
        self.exc_type = exc_type
        """Class name Frappe gave, or empty."""


class ErpRejected(ErpError):
    """Our data or our query was refused; the same request will be refused again."""


class ErpStale(ErpRejected):
    """The document was changed after it was read (TimestampMismatchError): read it again."""


class ErpTaken(ErpRejected):
    """A name or a unique value is taken: perhaps by what was sent before. Read it back."""


class ErpUnauthorized(ErpError):
    """The key, its secret or the user is not accepted: nothing will work until that is mended."""


class ErpForbidden(ErpError):
    """The user lacks a right."""


class ErpNotFound(ErpError):
    """The document does not exist."""


class ErpMisconfigured(ErpError):
    """What answers is not the site we want, or the site lacks something we rely on."""


class ErpBusy(ErpError):
    """The site asks for patience: rate limit, maintenance, a lock. Nothing was saved."""

    def __init__(self, text: str, fix: str, *, retry_after: float, exc_type: str = "") -> None:
        super().__init__(text, fix, exc_type=exc_type)
        self.retry_after = retry_after
        """Seconds to wait."""


class ErpUnavailable(ErpError):
    """No usable answer: unreachable, too slow, or failed inside. What was asked was not done."""


class ErpUnknown(ErpUnavailable):
    """A write of which nobody knows whether it was saved. Read back before writing again.

    The site saves before it queues webhooks, so an error page may stand for a good write; and it
    goes on with a request whose caller has gone.
    """

    def __init__(self, text: str, fix: str, *, settled_in: float, exc_type: str = "") -> None:
        super().__init__(text, fix, exc_type=exc_type)
        self.settled_in = settled_in
        """Seconds after which the site has surely done it or given it up."""


LOCK_WAIT = 55.0
"""Seconds a site may wait for a locked row before it gives up (MariaDB: 50), and a little."""

_LOCKS = frozenset({"QueryTimeoutError", "QueryDeadlockError", "DocumentLockedError"})
_MAINTENANCE = frozenset({"SessionStopped", "InReadOnlyMode"})
_TAKEN = frozenset({"DuplicateEntryError", "UniqueValidationError"})
_OUR_FAULT = frozenset(
    {"JSONDecodeError", "TypeError", "AttributeError", "ImportError", "KeyError", "NameError"}
)
_DATABASE_FULL = frozenset({1040, 1203})
_TAG = re.compile(r"<[^>]*>")
_BREAK = re.compile(r"<br\s*/?>|</p>|</div>|\n", re.IGNORECASE)
_CODE = re.compile(r"\((\d{4}),")


def error_of(status: int, headers: Mapping[str, str], body: bytes) -> ErpError:
    """Tell what a failed answer means.

    ``status`` is the HTTP status (3xx, 4xx, 5xx), ``headers`` the answer's headers (any case
    handling the caller likes: only ``Content-Type`` and ``Retry-After`` are read).
    """
    answer = _object(body) if "json" in headers.get("Content-Type", "").lower() else None
    if answer is None:
        return _without_json(status, headers)
    exc_type = exc_type_of(answer)
    said = message_of(answer)
    shown = f"{exc_type or f'HTTP {status}'}: {said}" if said else exc_type or f"HTTP {status}"
    retry_after = _retry_after(headers)

    if exc_type == "AuthenticationError" or status == 401:
        return _unauthorized(exc_type)
    if exc_type == "PermissionError" or status == 403:
        return ErpForbidden(
            f"ERPNext refuses the right ({shown})",
            "Give the ERPNext user of the API key a role with read access to this doctype, and"
            " write access where the secrets script is used; a blank inside the API secret has"
            " the same effect",
            exc_type=exc_type,
        )
    if exc_type == "TooManyRequestsError" or status == 429:
        return ErpBusy(
            "ERPNext's rate limit is used up",
            "Wait, or raise rate_limit in the site's configuration",
            retry_after=retry_after,
            exc_type=exc_type,
        )
    if exc_type in _MAINTENANCE or status == 503:
        return ErpBusy(
            f"ERPNext is in maintenance ({exc_type or 'HTTP 503'})",
            "Wait until the site is back",
            retry_after=max(retry_after, 30.0),
            exc_type=exc_type,
        )
    if exc_type in _LOCKS:
        return ErpBusy(
            f"ERPNext waited for a lock ({exc_type})",
            "Try again a little later",
            retry_after=retry_after,
            exc_type=exc_type,
        )
    if exc_type == "DoesNotExistError" or status == 404:
        return ErpNotFound(
            f"ERPNext has no such document ({shown})",
            "Check the name; without a message the site does not know the address either",
            exc_type=exc_type,
        )
    if exc_type == "TimestampMismatchError":
        return ErpStale(
            f"The document was changed meanwhile ({shown})",
            "Read it again and send the change with its new `modified`",
            exc_type=exc_type,
        )
    if exc_type in _TAKEN or status == 409:
        return ErpTaken(
            f"ERPNext has one already ({shown})",
            "Read it back: it may be what was sent before",
            exc_type=exc_type,
        )
    if status >= 500 and not _is_our_fault(exc_type, answer):
        return ErpUnavailable(
            f"ERPNext failed inside ({shown})",
            "See the site's error log; the request may be made again",
            exc_type=exc_type,
        )
    return ErpRejected(
        f"ERPNext refused the request ({shown})",
        "Correct the data or the mapping; asking again changes nothing",
        exc_type=exc_type,
    )


def error_of_write(status: int, headers: Mapping[str, str], body: bytes) -> ErpError:
    """Tell what a failed answer to a write means: where `error_of` cannot say, it is unknown."""
    error = error_of(status, headers, body)
    if isinstance(error, ErpUnavailable):
        return unknown(error, settled_in=1.0)
    return error


def unknown(error: ErpUnavailable, *, settled_in: float) -> ErpUnknown:
    """Say of a write that failed so that it may have been saved all the same."""
    return ErpUnknown(
        f"{error.text}; whether it was saved is unknown",
        error.fix,
        settled_in=settled_in,
        exc_type=error.exc_type,
    )


def exc_type_of(answer: Mapping[str, Any]) -> str:
    """Return the exception class of a v1 or v2 error body, or ""."""
    if isinstance(found := answer.get("exc_type"), str):
        return found
    match answer.get("errors"):
        case [{"type": str(found)}, *_]:
            return found
    return ""


def message_of(answer: Mapping[str, Any]) -> str:
    """Return the first line of what the site says, without HTML, or "".

    ``_server_messages`` is JSON text of a list of JSON texts; the last one raised the error.
    """
    match answer.get("errors"):
        case [{"message": str(text)}, *_]:
            return first_line(text)
    messages = server_messages(answer)
    if messages:
        return messages[-1]
    match answer:
        case {"_error_message": str(text)}:
            return first_line(text)
        case {"exception": str(text)}:
            return first_line(text.partition(": ")[2])
    return ""


def server_messages(answer: Mapping[str, Any]) -> list[str]:
    """Return the messages of an answer, first line each; an answer of status 200 has them too."""
    packed = answer.get("_server_messages")
    if not isinstance(packed, str):
        return []
    try:
        texts = json.loads(packed)
        unpacked = [json.loads(text) for text in texts]
    except (ValueError, TypeError):
        return []
    return [
        line
        for message in unpacked
        if isinstance(message, dict) and isinstance(message.get("message"), str)
        if (line := first_line(message["message"]))
    ]


def first_line(text: str) -> str:
    """Return the first line of an HTML text that says anything, as plain text."""
    for part in _BREAK.split(text):
        if plain := " ".join(unescape(_TAG.sub("", part)).split()):
            return plain[:MAX_SHOWN]
    return ""


def _without_json(status: int, headers: Mapping[str, str]) -> ErpError:
    """Judge an answer that does not come from the site's request handler."""
    if 300 <= status < 400:
        return ErpMisconfigured(
            f"ERPNext's address answers with a redirect (HTTP {status})",
            "Set the address the redirect leads to; the API key is not sent after redirects",
        )
    if status == 401:
        return _unauthorized("")
    if status == 403:
        return ErpForbidden(
            "Something in front of ERPNext refuses us (HTTP 403 without JSON)",
            "Let the proxy pass /api/ with its Authorization header",
        )
    if status == 404:
        return ErpMisconfigured(
            "No ERPNext site of this name answers (HTTP 404 without JSON)",
            "Check the host name of the ERPNext address: the site is chosen by it",
        )
    if status in (429, 503):
        return ErpBusy(
            f"ERPNext or its proxy asks for patience (HTTP {status})",
            "Wait until the site is back",
            retry_after=_retry_after(headers),
        )
    if status >= 500:
        return ErpUnavailable(
            f"ERPNext or its proxy failed (HTTP {status} without JSON)",
            "See the site's error log",
        )
    return ErpRejected(
        f"ERPNext's web server refused the request (HTTP {status} without JSON)",
        "The request line or the body is too long for it: use smaller batches",
    )


def _unauthorized(exc_type: str) -> ErpUnauthorized:
    return ErpUnauthorized(
        "ERPNext does not accept the API key",
        "Make a new key and secret for the ERPNext user (User, Settings, API Access), check that"
        " the user is enabled, and put both into the settings",
        exc_type=exc_type,
    )


def _is_our_fault(exc_type: str, answer: Mapping[str, Any]) -> bool:
    """Tell a bad query from a database that is down; both are `OperationalError` with MariaDB."""
    if exc_type in _OUR_FAULT:
        return True
    if exc_type != "OperationalError":
        return False
    # MariaDB's own numbers: 1000-1999 are the server's verdicts, from 2000 on the client's.
    code = _CODE.search(str(answer.get("exception", "")))
    return code is not None and int(code[1]) < 2000 and int(code[1]) not in _DATABASE_FULL


def _retry_after(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "").strip()
    return min(float(text), LONGEST_RETRY_AFTER) if text.isascii() and text.isdigit() else 1.0


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
