"""What people and meters are told of agents; the controller itself writes no log."""

from __future__ import annotations

from typing import Protocol

from acs.devices.agents import Presence
from acs.model import Contact
from acs.usp.mtp import Origin


class UspWatcher(Protocol):
    """Hears what happens. Every method returns at once."""

    def record(self, kind: str) -> None:
        """A record came: the type of its message, or ``connect``, ``disconnect``."""

    def sent(self, kind: str) -> None:
        """A message goes to an agent."""

    def dropped(self, reason: str, endpoint: str, origin: Origin) -> None:
        """A record was not taken. ``endpoint``: whom it says to be from, or empty."""

    def error(self, code: int) -> None:
        """An agent answered with an error."""

    def notify(self, kind: str, *, again: bool) -> None:
        """A Notify came; ``again``: it was known already."""

    def present(self, endpoint: str, presence: Presence, evidence: str) -> None:
        """An agent came or went."""

    def visit_over(
        self, endpoint: str, contact: Contact | None, result: str, requests: int, seconds: float
    ) -> None:
        """A visit has ended; no ``contact``: the agent did not tell which device it is."""

    def remark(self, endpoint: str, text: str) -> None:
        """Something about an agent that an operator may want to know."""

    def bug(self, where: str, error: BaseException | None) -> None:
        """A failure of ours."""
