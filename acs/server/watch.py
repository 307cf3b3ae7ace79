"""What people and Prometheus see of the CWMP edge: one log line per session, and counters."""

from __future__ import annotations

from acs.api.metrics import Metrics
from acs.cwmp.line import Line
from acs.log import OncePer, get_logger
from acs.model import Contact
from acs.store.errors import StoreError

log = get_logger("acs.cwmp")


class EdgeWatcher:
    """Implements `acs.cwmp.watcher.Watcher`."""

    def __init__(self, metrics: Metrics, once: OncePer) -> None:
        """Take the parts; ``once`` keeps a flood to one line a while."""
        self._metrics = metrics
        self._once = once

    def session_ended(self, line: Line, contact: Contact, seconds: float) -> None:
        """One line at INFO for a session in which something happened; else at DEBUG."""
        self._metrics.session_over(line.ended, seconds)
        session = line.session
        write = log.info if session.rpcs or line.ended not in ("live", "quarantined") else log.debug
        write(
            "session",
            device=line.key,
            session=line.name,
            events=",".join(str(event.kind) for event in contact.events),
            result=line.ended,
            rpcs=session.rpcs,
            ms=round(seconds * 1000),
            address=contact.address,
        )

    def sent(self, method: str) -> None:
        """A message goes to a CPE."""
        self._metrics.rpc(method)

    def faulted(self, code: int) -> None:
        """A CPE answered a fault."""
        self._metrics.fault(code)

    def bug(self, where: str, error: BaseException | None) -> None:
        """A failure of ours, with its trace; a database that is away needs one line only."""
        if isinstance(error, StoreError):
            self._line("database", str(error), "")
            return
        log.error("internal error", where=where, exc_info=error)

    def rejected(self, reason: str, address: str) -> None:
        """A refused request; a flood from one address is one line."""
        self._metrics.http_rejection(_kind(reason))
        if reason == "busy":
            return  # admission says when it begins and when it ends
        # What comes of a crowd is said once for all of it.
        self._line("request refused", reason, "" if reason == "full" else address)

    def auth_failed(self, reason: str, address: str) -> None:
        """A failed authentication; a flood from one address is one line."""
        self._metrics.auth_failure(reason)
        self._line("authentication failed", reason, address)

    def warned(self, warnings: tuple[str, ...], address: str) -> None:
        """A repaired message: once a while for each address."""
        self._line("message repaired", "; ".join(warnings), address)

    def unwritten(self, error: Exception) -> None:
        """What was posted to the store was not taken."""
        self._line("not written", str(error), "")

    def counted(self, name: str) -> None:
        """A count of the HTTP edge."""
        if name.startswith("refused") or name == "connections_cut":
            self._metrics.http_rejection(name)

    def _line(self, event: str, reason: str, address: str) -> None:
        missed = self._once((event, address))
        if missed is not None:
            log.warning(event, reason=reason[:200], address=address, unsaid=missed)


def _kind(reason: str) -> str:
    """The reason without what a CPE said, as a label."""
    return reason.partition(":")[0][:60]
