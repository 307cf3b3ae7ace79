"""What the controller wants of the store and the house: the contract with the root."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from twisted.internet.defer import Deferred

from acs.devices.agents import Holder, KnownAgent
from acs.devices.effects import Effect
from acs.model import DeviceId


class Keeping(Protocol):
    """The store as the controller sees it (`acs.store.queues.Queues`)."""

    def agent(self, endpoint: str) -> Deferred[KnownAgent]:
        """An agent's row, and the Notifies of it that wait to be acted on."""

    def device_holders(self, device: DeviceId) -> Deferred[tuple[Holder, ...]]:
        """Who proved to be the unit with this OUI and serial number."""

    def supported(self, model_key: str) -> Deferred[bytes | None]:
        """The packed supported model of one kind of device."""

    def commit(self, effects: Sequence[Effect]) -> Deferred[None]:
        """Write; fires once it is durable."""

    def post(self, effects: Sequence[Effect]) -> None:
        """Write when it suits. Raises `acs.store.errors.StoreError` when it is not taken."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds of the controller; from the settings."""

    request_seconds: float = 30.0
    """Seconds an agent has to answer one request."""
    max_record: int = 2_097_152
    """Octets of the largest record that is taken."""
    notifies_per_minute: int = 600
    """Of one agent; what is beyond is dropped and counted."""
    octets_per_minute: int = 16_777_216
    """Of all records of one agent together; what is beyond is dropped and counted."""
    segment: int = 65_536
    """Octets of the largest record we send within a session context."""
    visits: int = 200
    """Visits at the same time; others wait for their turn."""
    peers: int = 200_000
    """Agents in memory."""
    rebootstrap: bool = True
    """Take an agent with the shared secret that showed an account or certificate before."""
    require_identity: bool = True
    """Take records only from whom the transport vouches for."""


class Claims(Protocol):
    """Which of several servers visits an agent. One server alone needs none."""

    def take(self, endpoint: str) -> Deferred[bool]:
        """Take or keep the agent for us; fires with False when another server visits it."""

    def release(self, endpoint: str) -> None:
        """The visit is over."""
