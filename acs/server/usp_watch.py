"""What people and Prometheus see of USP: one log line per visit of note, and counters."""

from __future__ import annotations

import time

from acs.api.metrics import Metrics
from acs.devices.agents import Presence
from acs.log import OncePer, get_logger
from acs.model import Contact
from acs.store.errors import StoreError
from acs.usp.drops import Drops
from acs.usp.mtp import Origin

log = get_logger("acs.usp")


class UspWatch:
    """Implements `acs.usp.watcher.UspWatcher`, and what the edges tell."""

    def __init__(self, metrics: Metrics, once: OncePer) -> None:
        """Take the parts; ``once`` keeps a flood to one line a while."""
        self.drops = Drops()
        """What was not taken; the server keeps it for operators."""
        self._metrics = metrics
        self._once = once
        self._records = metrics.counter("usp_records", "Records from agents, by type.", "type")
        self._sent = metrics.counter("usp_sent", "Messages to agents, by type.", "type")
        self._dropped = metrics.counter("usp_dropped", "Records not taken, by reason.", "reason")
        self._errors = metrics.counter("usp_errors", "Errors that agents answered.", "code")
        self._notifies = metrics.counter("usp_notifies", "Notifies, by kind.", "kind")
        self._repeats = metrics.counter("usp_repeats", "Notifies that came again.", "kind")
        self._visits = metrics.counter("usp_visits", "Visits that ended, by result.", "result")
        self._presence = metrics.counter("usp_presence", "Agents that came or went.", "presence")

    def record(self, kind: str) -> None:
        """A record came."""
        self._records.add(kind)

    def sent(self, kind: str) -> None:
        """A message goes to an agent."""
        self._sent.add(kind)

    def dropped(self, reason: str, endpoint: str, origin: Origin) -> None:
        """A record was not taken; a flood from one place is one line."""
        self._dropped.add(reason.partition(":")[0][:60])
        self.drops.add(reason, endpoint, origin, time.time())
        place = origin.peer or origin.vouched
        told = {"vouched": origin.vouched} if origin.vouched else {}
        self._line("record dropped", (reason, endpoint, place), why=reason, agent=endpoint, **told)

    def error(self, code: int) -> None:
        """An agent answered with an error."""
        self._errors.add(str(code) if 7000 <= code < 7300 else "other")

    def notify(self, kind: str, *, again: bool) -> None:
        """A Notify came."""
        (self._repeats if again else self._notifies).add(kind)

    def present(self, endpoint: str, presence: Presence, evidence: str) -> None:
        """An agent came or went."""
        self._presence.add(presence)
        log.debug("presence", agent=endpoint, presence=str(presence), evidence=evidence)

    def visit_over(
        self, endpoint: str, contact: Contact | None, result: str, requests: int, seconds: float
    ) -> None:
        """One line at INFO for a visit in which something was asked; else at DEBUG."""
        self._visits.add(result)
        self._metrics.session_over(result, seconds)
        write = log.info if requests or result not in ("live", "quarantined") else log.debug
        write(
            "visit",
            agent=endpoint,
            device=contact.device.key if contact else "",
            session=contact.session if contact else "",
            events=",".join(str(event.kind) for event in contact.events) if contact else "",
            result=result,
            requests=requests,
            ms=round(seconds * 1000),
        )

    def remark(self, endpoint: str, text: str) -> None:
        """Something about an agent that an operator may want to know."""
        self._line("agent", (endpoint, text), agent=endpoint, remark=text)

    def bug(self, where: str, error: BaseException | None) -> None:
        """A failure of ours, with its trace; a database that is away needs one line only."""
        if isinstance(error, StoreError):
            self._line("database", ("database",), why=str(error))
            return
        log.error("internal error", where=where, exc_info=error)

    def rejected(self, reason: str, address: str) -> None:
        """An edge turned a connection away."""
        self._dropped.add(reason.partition(":")[0][:60])
        self._line("connection refused", (reason, address), why=reason, address=address)

    def auth_failed(self, reason: str, address: str) -> None:
        """A client could not prove who it is."""
        self._metrics.auth_failure(reason)
        self._line("authentication failed", (reason, address), why=reason, address=address)

    def _line(self, event: str, about: tuple[str, ...], **told: str) -> None:
        missed = self._once((event, *about))
        if missed is not None:
            log.warning(event, unsaid=missed, **{k: v[:200] for k, v in told.items()})
