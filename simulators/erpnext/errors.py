"""Refusals: what Frappe raises, and the answer it makes of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from zlib import crc32

FRAPPE = "frappe.exceptions."

_STATUS = {
    "AuthenticationError": HTTPStatus.UNAUTHORIZED,
    "PermissionError": HTTPStatus.FORBIDDEN,
    "DoesNotExistError": HTTPStatus.NOT_FOUND,
    "DuplicateEntryError": HTTPStatus.CONFLICT,
    "TooManyRequestsError": HTTPStatus.TOO_MANY_REQUESTS,
    "SessionStopped": HTTPStatus.SERVICE_UNAVAILABLE,
    "InReadOnlyMode": HTTPStatus.SERVICE_UNAVAILABLE,
    "ServerScriptNotEnabled": HTTPStatus.FORBIDDEN,
}
"""Every other class of ``frappe.exceptions`` answers 417, every other class 500."""


@dataclass(frozen=True, slots=True)
class Message:
    """A text for people that travels with an answer, also with a good one."""

    text: str
    title: str = "Message"
    indicator: str | None = None
    raised: bool = False


class Refusal(Exception):  # noqa: N818 - a refusal is what it is
    """A request that the site does not fulfil.

    ``kind`` is the exception class with its module, ``detail`` the text after it,
    ``traced`` whether the answer carries the traceback.
    """

    def __init__(
        self,
        kind: str,
        detail: str = "",
        *,
        messages: Sequence[Message] = (),
        traced: bool = True,
        summary: str | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
        self.messages = tuple(messages)
        self.traced = traced
        self.summary = summary
        self.source = source

    @property
    def said(self) -> str:
        """What a person is told: the last message, or the error itself."""
        return self.messages[-1].text if self.messages else str(self)

    @property
    def exc_type(self) -> str:
        """The class name, the key that clients decide on."""
        return self.kind.rpartition(".")[2]

    @property
    def status(self) -> int:
        """The HTTP status."""
        if self.exc_type in _STATUS:
            return _STATUS[self.exc_type]
        if self.kind.startswith(FRAPPE):
            return HTTPStatus.EXPECTATION_FAILED
        return HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def traceback(self) -> str:
        """The text of a traceback, of which only the last line is true."""
        return f"Traceback (most recent call last):\n{self}\n"


def thrown(exc_type: str, text: str, title: str = "Message") -> Refusal:
    """Return what ``frappe.throw`` raises: the text is both the error and its message."""
    message = Message(text, title, "red", raised=True)
    return Refusal(FRAPPE + exc_type, text, messages=(message,))


def missing(doctype: str, name: str) -> Refusal:
    """Return the refusal for a document that is not there; Frappe traces none."""
    message = Message(f"{doctype} {name} not found", indicator="red", raised=True)
    return Refusal(FRAPPE + "DoesNotExistError", messages=(message,), traced=False)


def crash(kind: str, detail: str) -> Refusal:
    """Return a Python error that no handler foresaw: HTTP 500, no message."""
    return Refusal(kind, detail)


def v1_messages(messages: Iterable[Message]) -> str:
    """Return ``_server_messages``: a JSON list of JSON objects, each as text."""
    return json.dumps([_dumps(_v1_message(message)) for message in messages], ensure_ascii=False)


def v1_error(refusal: Refusal, messages: Sequence[Message]) -> dict[str, Any]:
    """Return the body of a refusal under ``/api`` and ``/api/v1``."""
    body: dict[str, Any] = {}
    if refusal.traced:
        body["exception"] = str(refusal)
    body["exc_type"] = refusal.exc_type
    if refusal.source:
        body["_exc_source"] = refusal.source
    if refusal.traced:
        body["exc"] = json.dumps([refusal.traceback])
    if messages:
        body["_server_messages"] = v1_messages(messages)
    if refusal.summary:
        body["_error_message"] = refusal.summary
    return body


def v2_error(refusal: Refusal, messages: Sequence[Message]) -> dict[str, Any]:
    """Return the body of a refusal under ``/api/v2``."""
    error: dict[str, Any] = {"type": refusal.exc_type}
    if refusal.traced:
        error["exception"] = refusal.traceback
    if messages:
        error |= v2_message(messages[-1])
    return {"errors": [error]}


def v2_message(message: Message) -> dict[str, Any]:
    """Return a message as v2 shows it."""
    shown: dict[str, Any] = {"message": message.text, "title": message.title}
    if message.indicator:
        shown["indicator"] = message.indicator
    return shown


def _v1_message(message: Message) -> dict[str, Any]:
    shown = v2_message(message)
    if message.raised:
        shown |= {"raise_exception": 1, "__frappe_exc_id": f"{crc32(message.text.encode()):08x}"}
    return shown


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
