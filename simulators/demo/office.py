"""The office: people who work in ERPNext, and never on the server."""

from __future__ import annotations

import time
from typing import Any

import requests

from simulators.demo.programs import PlayError

KEY, SECRET = "setup-key", "setup-secret"
"""Of a System Manager of the stand-in."""
_WHO = {"Authorization": f"token {KEY}:{SECRET}"}
WEBHOOK_LIMIT = 20.0


class Office:
    """ERPNext at ``url``, in the hands of its staff."""

    def __init__(self, url: str) -> None:
        self._url = url

    def create(self, doctype: str, **fields: Any) -> None:
        """Make a document."""
        self._ask("POST", f"resource/{doctype}", fields)

    def change(self, doctype: str, name: str, **fields: Any) -> None:
        """Change a document."""
        self._ask("PUT", f"resource/{doctype}/{name}", fields)

    def read(self, doctype: str, name: str) -> dict[str, Any]:
        """What a document shows."""
        found: dict[str, Any] = self._ask("GET", f"resource/{doctype}/{name}")["data"]
        return found

    def told(self, doctype: str, name: str, count: int) -> str:
        """Wait for the webhook number ``count`` of a document; what became of it."""
        until = time.monotonic() + WEBHOOK_LIMIT
        while time.monotonic() < until:
            fates = self.fates(doctype, name)
            if len(fates) >= count:
                return fates[count - 1]
            time.sleep(0.05)
        raise PlayError(f"ERPNext sent no webhook of {doctype} {name}")

    def fates(self, doctype: str, name: str) -> list[str]:
        """What became of the webhooks of a document."""
        done = requests.get(f"{self._url}/__sim__/webhooks", timeout=30).json()["done"]
        return [each["fate"] for each in done if (each["doctype"], each["name"]) == (doctype, name)]

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method, f"{self._url}/api/{path}", json=body, headers=_WHO, timeout=30
        )
        if not answer.ok:
            raise PlayError(f"ERPNext refuses {method} {path}: {answer.text[-500:]}")
        return answer.json()
