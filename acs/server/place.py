"""Where a server stands: alone on its ports, or as one of several workers on them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from acs.cwmp.digest import Replay, Taken
from acs.cwmp.edge import CwmpEdge
from acs.cwmp.rivals import Rivals
from acs.http import Connection, Reply, Request, split_address

OpenPort = Callable[[str, str, Any, int], Any]
"""Listens: a name (``http``), the address of the settings, the factory, how many may wait."""


class Door(Protocol):
    """What stands behind the HTTP listeners of CPEs."""

    def handle(self, request: Request) -> Reply | Deferred[Reply]:
        """Answer one request."""

    def admission(self, connection: Connection, headers: Mapping[str, str]) -> float | None:
        """Seconds after which a CPE may come back; None: it is let in."""


def new_token() -> str:
    """A session cookie that cannot be guessed."""
    return secrets.token_urlsafe(16)


def _the_edge(edge: CwmpEdge) -> Door:
    return edge


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a server has in common with others on its ports; by default, that it is alone."""

    open_port: OpenPort
    token: Callable[[], str] = new_token
    """Makes session cookies."""
    replay: Taken = field(default_factory=Replay)
    """Digest answers that were taken."""
    rivals: Rivals | None = None
    """Sessions with our devices elsewhere."""
    door: Callable[[CwmpEdge], Door] = _the_edge
    """What CPEs meet first."""
    workers: int = 1
    """How many accept from the same ports."""

    @property
    def is_alone(self) -> bool:
        """What is to be done once is done here, and health and metrics are those of all."""
        return self.workers == 1


def alone(reactor: Any) -> Place:
    """The place of a server that binds its ports itself."""

    def open_port(_name: str, address: str, factory: Any, backlog: int) -> Any:
        host, port = split_address(address)
        return reactor.listenTCP(port, factory, backlog, interface=host)

    return Place(open_port=open_port)
