"""What the site was asked: the figures behind "how many queries did ERPNext see"."""

from __future__ import annotations

from collections import Counter
from typing import Any

from simulators.erpnext.errors import Refusal
from simulators.erpnext.http import Request, Response
from simulators.erpnext.site import read_arguments

_LOOKUPS = frozenset(
    {
        "list",
        "read",
        "frappe.client.get_list",
        "frappe.client.get_value",
        "frappe.client.get",
        "frappe.client.get_count",
        "acs_equipment_secrets",
    }
)
_VERBS = {"GET": "read", "PUT": "update", "PATCH": "update", "DELETE": "delete"}


class Statistics:
    """Counts of requests by what they did to which doctype, and of answers by status."""

    def __init__(self) -> None:
        self._requests = 0
        self._routes: Counter[str] = Counter()
        self._lookups: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()

    def count_request(self, request: Request) -> None:
        """Count a request that arrived."""
        kind, doctype = classify(request)
        self._requests += 1
        self._routes[f"{kind} {doctype}".strip()] += 1
        if kind in _LOOKUPS:
            self._lookups[doctype] += 1

    def count_answer(self, response: Response) -> None:
        """Count an answer that was given."""
        self._statuses[str(response.status)] += 1

    def shown(self) -> dict[str, Any]:
        """Return all counts."""
        return {
            "requests": self._requests,
            "routes": dict(self._routes),
            "lookups": dict(self._lookups),
            "statuses": dict(self._statuses),
        }


def classify(request: Request) -> tuple[str, str]:
    """Return what a request does (``list``, ``update``, a method's name …) and to which doctype."""
    segments = [part for part in request.path.split("/") if part and part not in ("v1", "v2")]
    match segments:
        case ["api", "method", "acs_equipment_secrets"]:
            return "acs_equipment_secrets", "Service Equipment"
        case ["api", "method", name]:
            return name, _doctype_argument(request)
        case ["api", "resource" | "document", doctype]:
            return ("insert" if request.method == "POST" else "list"), doctype
        case ["api", "resource" | "document", doctype, *_]:
            return _VERBS.get(request.method, request.method), doctype
        case ["api", "doctype", doctype, what, *_]:
            return what, doctype
        case _:
            return "other", ""


def _doctype_argument(request: Request) -> str:
    try:
        doctype = read_arguments(request).get("doctype", "")
    except Refusal:
        return ""
    return doctype if isinstance(doctype, str) else ""
