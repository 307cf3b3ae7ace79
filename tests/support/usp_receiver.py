"""A controller that only takes note, as the edges of USP see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from acs.usp.mtp import Mtp, Origin, Verdict


def take(octets: bytes, origin: Origin) -> Verdict:
    """Take every record but those that begin with ``bad`` or ``ignored``."""
    if octets.startswith(b"bad"):
        return Verdict.UNDECODABLE
    return Verdict.IGNORED if octets.startswith(b"ignored") else Verdict.TAKEN


@dataclass
class NotingReceiver:
    """A `Receiver`: ``records`` and ``told`` are what came, in order."""

    answer: Callable[[bytes, Origin], Verdict] = take
    records: list[tuple[bytes, Origin]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    """Where each that came was seen to come from."""
    changed: Callable[[], None] = lambda: None
    """Called after each of them."""

    def record(self, octets: bytes, origin: Origin) -> Verdict:
        self.records.append((octets, origin))
        self.changed()
        return self.answer(octets, origin)

    def present(self, endpoint: str, mtp: Mtp, evidence: str, address: str = "") -> None:
        self.addresses[endpoint] = address
        self._tell(f"{endpoint} present over {mtp}: {evidence}")

    def absent(self, endpoint: str, mtp: Mtp, evidence: str) -> None:
        self._tell(f"{endpoint} absent over {mtp}: {evidence}")

    def link_down(self, mtp: Mtp, why: str) -> None:
        self._tell(f"{mtp} down: {why}")

    def link_up(self, mtp: Mtp) -> None:
        self._tell(f"{mtp} up")

    def _tell(self, text: str) -> None:
        self.told.append(text)
        self.changed()


@dataclass
class NotingWatcher:
    """A `Watcher` of an edge: what it was told, in order."""

    told: list[str] = field(default_factory=list)
    bugs: list[BaseException] = field(default_factory=list)

    def rejected(self, reason: str, address: str) -> None:
        self.told.append(reason)

    def auth_failed(self, reason: str, address: str) -> None:
        self.told.append(f"failed: {reason}")

    def bug(self, where: str, error: BaseException) -> None:
        self.bugs.append(error)
