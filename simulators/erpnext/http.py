"""One HTTP exchange as values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

COOKIES = tuple(
    ("Set-Cookie", f"{name}; Path=/; SameSite=Lax")
    for name in ("sid=Guest", "system_user=no", "full_name=Guest", "user_id=Guest", "user_image=")
)
"""Frappe sends them with every answer, token or not."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request: ``target`` as it stood in the request line, header names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        """The path, decoded once."""
        return unquote(self.target.partition("?")[0])

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the query string."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def line_length(self) -> int:
        """Length of the request line in bytes, without its end."""
        return len(f"{self.method} {self.target} HTTP/1.1")


@dataclass(frozen=True, slots=True)
class Response:
    """An answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def json(self) -> Any:
        """Return the body as a value."""
        return json.loads(self.body)


def json_response(status: int, value: Any, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """Return a JSON answer."""
    body = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    return Response(status, (("Content-Type", "application/json"), *COOKIES, *headers), body)


def html_response(status: int, title: str, text: str) -> Response:
    """Return an HTML page, as Frappe answers when no handler was reached."""
    page = f"<!doctype html>\n<html lang=en>\n<title>{title}</title>\n{text}\n"
    headers = (("Content-Type", "text/html; charset=utf-8"), *COOKIES)
    return Response(status, headers, page.encode())


BAD_REQUEST = html_response(400, "Bad Request", "<h1><p>Bad Request</p></h1>")
SERVER_ERROR = html_response(
    500,
    "Internal Server Error",
    "<h1>Internal Server Error</h1>\n<p>The server encountered an internal error.</p>",
)
BAD_GATEWAY = html_response(502, "502 Bad Gateway", "<center><h1>502 Bad Gateway</h1></center>")
GATEWAY_TIMEOUT = html_response(
    504, "504 Gateway Time-out", "<center><h1>504 Gateway Time-out</h1></center>"
)
LOGIN_PAGE = html_response(
    200, "Login", '<form action="/login" method="post"><input name="usr"></form>'
)


def not_found(reason: str) -> Response:
    """Return the HTML page for an unknown site or page."""
    return html_response(404, "404 Not Found", f"<h1>Not Found</h1>\n<p>{reason}</p>")
