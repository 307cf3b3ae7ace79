"""Replies to octets: always Content-Length, never chunked."""

from http import HTTPStatus

from acs.http.message import Reply

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


def render(reply: Reply, *, keep_alive: bool, date: str, head_only: bool = False) -> bytes:
    """One reply as it goes over the wire; `date` is an IMF-fixdate (RFC 9110 5.6.7).

    A 204 carries `Content-Length: 0` although RFC 9110 8.6 frowns on it: public CWMP clients wait
    for a length on every answer, and none was seen to mind one. `head_only` leaves the body out
    (HEAD). Raises ValueError for a header field with a line break and for a 204 with a body.
    """
    fields = "".join([f"{name}: {value}\r\n" for name, value in reply.headers])
    if fields.count("\n") != len(reply.headers) or fields.count("\r") != len(reply.headers):
        raise ValueError("a reply header contains a line break")
    if reply.status == 204 and reply.body:
        raise ValueError("a 204 reply has no body")
    head = (
        f"HTTP/1.1 {_STATUS_LINES.get(reply.status, reply.status)}\r\n"
        f"Date: {date}\r\n"
        f"{fields}"
        f"Content-Length: {len(reply.body)}\r\n"
        f"Connection: {'keep-alive' if keep_alive else 'close'}\r\n\r\n"
    ).encode("latin-1")
    return head if head_only else head + reply.body
