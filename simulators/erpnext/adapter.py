"""The simulator behind a `requests` session, without a socket.

session.mount("http://erp.test", SimulatorAdapter(simulator))
"""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from requests import ConnectionError as ConnectionFailed
from requests import PreparedRequest, ReadTimeout
from requests import Response as ClientResponse
from requests.adapters import BaseAdapter
from urllib3 import HTTPHeaderDict, HTTPResponse

from simulators.erpnext.http import Request, Response
from simulators.erpnext.simulator import Answer, Cut, Hold, Silence, Simulator


class SimulatorAdapter(BaseAdapter):
    """Answers each request at once; a late or missing answer is a `ReadTimeout`."""

    def __init__(self, simulator: Simulator) -> None:
        super().__init__()
        self._simulator = simulator

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> ClientResponse:
        """Return the simulator's answer, or raise what a socket would have raised."""
        match self._simulator.receive(_asked(request)):
            case Answer(response, delay) if delay == 0 or delay < _read_limit(timeout):
                return _answered(request, response)
            case Answer() | Silence() | Hold():
                raise ReadTimeout(request=request)
            case Cut():
                raise ConnectionFailed("connection closed without an answer", request=request)

    def close(self) -> None:
        """Nothing is open."""


def _read_limit(timeout: Any) -> float:
    limit = timeout[-1] if isinstance(timeout, tuple) else timeout
    return float("inf") if limit is None else float(limit)


def _asked(request: PreparedRequest) -> Request:
    url = urlsplit(request.url or "")
    body = request.body or b""
    headers = {name.lower(): str(value) for name, value in request.headers.items()}
    return Request(
        method=request.method or "GET",
        target=f"{url.path or '/'}?{url.query}" if url.query else url.path or "/",
        headers={"host": url.netloc} | headers,
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


def _answered(request: PreparedRequest, response: Response) -> ClientResponse:
    answer = ClientResponse()
    answer.status_code = response.status
    answer.url = request.url or ""
    answer.request = request
    answer.encoding = "utf-8"
    answer.headers.update(response.headers)
    answer.raw = HTTPResponse(
        BytesIO(response.body),
        HTTPHeaderDict(response.headers),
        response.status,
        preload_content=False,
    )
    return answer
