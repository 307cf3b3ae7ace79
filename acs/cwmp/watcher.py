"""What the CWMP edge tells of its sessions to whoever counts and logs."""

from __future__ import annotations

from typing import Protocol

from acs.cwmp.line import Line
from acs.model import Contact


class Watcher(Protocol):
    """Logs and metrics, injected."""

    def session_ended(self, line: Line, contact: Contact, seconds: float) -> None:
        """A session is over, one way or another."""

    def sent(self, method: str) -> None:
        """A message goes to a CPE."""

    def faulted(self, code: int) -> None:
        """A CPE answered a fault."""

    def bug(self, where: str, error: BaseException) -> None:
        """Something of ours failed; the CPE was answered all the same."""

    def rejected(self, reason: str, address: str) -> None:
        """A request was refused."""

    def warned(self, warnings: tuple[str, ...], address: str) -> None:
        """A message had to be repaired."""
