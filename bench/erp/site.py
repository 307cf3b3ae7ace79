"""The stand-in of ERPNext in the hands of a user, and what it can do at most."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import requests

from bench.processes import BenchError
from simulators.erpnext.running import RunningSimulator

_USER = "token setup-key:setup-secret"
_TIMEOUT = 30.0
_EQUIPMENT = "Service Equipment"
_BODY = '{"name": {{ doc.name|tojson }}, "modified": {{ doc.modified|tojson }}}'
_FIELDS = (
    "name",
    "modified",
    "status",
    "equipment_type",
    "serial_number",
    "mac_address",
    "customer",
    "service_location",
    "service_subscription",
    "wifi_ssid",
    "wifi_password",
    "sip_username",
    "sip_password",
)
PAGE = 500
"""Rows of one list, and names of one question for passwords."""


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except requests.RequestException as error:
        raise BenchError(f"ERPNext's stand-in: {error}") from None


class Site:
    """A site at ``url`` and a System Manager of it, over one kept connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._line = requests.Session()
        self._line.headers["Authorization"] = _USER
        self._controls = RunningSimulator(url)

    def send_webhooks(self, door: str, secret: str) -> None:
        """Have each change of an equipment told to ``door``, signed with ``secret``."""
        with _answered():
            self._controls.create(
                "Webhook",
                "Service Equipment to the ACS",
                enabled=1,
                webhook_doctype=_EQUIPMENT,
                webhook_docevent="on_update",
                request_url=door,
                request_structure="JSON",
                webhook_json=_BODY,
                enable_security=1,
                webhook_secret=secret,
            )

    def put_clock_ahead(self, seconds: float) -> None:
        """Let time pass."""
        with _answered():
            self._controls.set_clock(shift=seconds)

    def touch(self, doctype: str, name: str, **fields: object) -> None:
        """Change fields as SQL does: ``modified`` tells of it, and no webhook."""
        with _answered():
            self._controls.overwrite(doctype, name, touch=True, **fields)

    def change(self, equipment: str, **fields: str) -> None:
        """Save fields of an equipment by PUT."""
        self._do("PUT", f"/api/resource/{_EQUIPMENT}/{equipment}", json=fields)

    def ping_seconds(self) -> float:
        """Seconds that the least request takes."""
        began = time.perf_counter()
        self._do("GET", "/api/method/ping")
        return time.perf_counter() - began

    def read_seconds(self, equipment: str) -> float:
        """Seconds that one equipment takes to be read, as after a webhook: row and passwords."""
        began = time.perf_counter()
        if len(self._page(0, 1, [["name", "=", equipment]])) != 1:
            raise BenchError(f"ERPNext does not show {equipment}")
        return time.perf_counter() - began

    def rows_per_second(self, rows: int) -> float:
        """Rows a second of pages of whole equipment that are read, and nothing done with them."""
        began, count = time.perf_counter(), 0
        while count < rows and (page := self._page(count, PAGE, [])):
            count += len(page)
        return count / (time.perf_counter() - began)

    def _page(self, start: int, limit: int, filters: list[list[str]]) -> list[dict[str, Any]]:
        asked = {
            "fields": json.dumps(_FIELDS),
            "filters": json.dumps(filters),
            "order_by": "modified asc, name asc",
            "limit_start": str(start),
            "limit_page_length": str(limit),
        }
        rows: list[dict[str, Any]] = self._do(
            "GET", f"/api/resource/{_EQUIPMENT}", params=asked
        ).json()["data"]
        names = [row["name"] for row in rows]
        if names:
            self._do("POST", "/api/method/acs_equipment_secrets", json={"names": names})
        return rows

    def _do(self, method: str, path: str, **more: Any) -> requests.Response:
        with _answered():
            answer = self._line.request(method, self._url + path, timeout=_TIMEOUT, **more)
            answer.raise_for_status()
            return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.close()
