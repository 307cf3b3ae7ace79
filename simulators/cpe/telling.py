"""What is told of a unit's sessions and transfers: kinds and fields, with no secret in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .report import SessionReport
from .transfers import Transfer

Told = tuple[str, dict[str, Any]]
"""Kind and fields."""


def session_told(report: SessionReport, hidden: Callable[[str], bool]) -> Iterator[Told]:
    """Yield what to tell of a session that ended; ``hidden`` says which values are secrets."""
    for rpc in report.rpcs:
        yield (
            "rpc",
            {
                "method": rpc.method,
                "names": list(rpc.names),
                "fault": rpc.fault,
                "drawn": rpc.drawn,
                "key": rpc.key,
            },
        )
        if not rpc.fault:
            for name, text in rpc.values.items():
                shown = "***" if hidden(name) else text
                yield "set", {"name": name, "value": shown, "status": rpc.status}
    for told in report.told:
        yield "told", {"method": told.method, "key": told.key, "fault": told.fault}
    yield (
        "session-end",
        {
            "end": report.end.value,
            "kind": report.kind,
            "reason": report.reason,
            "status": report.status,
            "retry_after": report.retry_after,
            "events": [event.code for event in report.events],
            "rpcs": len(report.rpcs),
            "requests": report.requests,
            "seconds": round(report.seconds, 6),
            "inform_seconds": report.inform_seconds and round(report.inform_seconds, 6),
            "authentication": report.authentication,
        },
    )


def transfer_told(transfer: Transfer) -> Told:
    """Return what to tell of a transfer that ended."""
    fields = {
        "method": transfer.method,
        "key": transfer.key,
        "file_type": transfer.file_type,
        "fault": transfer.fault,
        "reason": transfer.text,
    }
    return "transfer", fields
