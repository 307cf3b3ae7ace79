"""What a life of an agent and its link to the controller are to each other, over any MTP."""

from __future__ import annotations

from typing import Any, Protocol

OPEN_SECONDS = 30.0
"""From the first packet of a connection until records can go: longer is no link."""


class Listener(Protocol):
    """Who has a link opened."""

    def link_up(self, topic: str) -> None:
        """Records can go both ways. ``topic`` is our own (MQTT), empty over WebSocket."""

    def link_record(self, octets: bytes, reply_to: str | None) -> None:
        """A record came; its answer goes to ``reply_to``, None: it told nothing."""

    def link_down(self, why: str) -> None:
        """The link has ended, or never came up; told once, and nothing after it."""


class Link(Protocol):
    """One connection of one agent, from its first attempt to its end."""

    def send(self, octets: bytes, to: str | None) -> bool:
        """Send a record, to the controller's configured address where ``to`` is None.

        False: the link is not up, or the peer said that it takes none of this size.
        """

    def close(self) -> None:
        """Say goodbye and end."""

    def hang_up(self) -> None:
        """End without a goodbye, once what was sent is out: so do devices that reboot."""

    def cut(self) -> None:
        """End at once, as when the power goes."""

    def freeze(self) -> None:
        """Stay connected, and neither read nor say anything any more, as a hung device."""


class Way(Protocol):
    """An MTP with all that is the same for every agent that uses it."""

    mtp: str
    """``mqtt5``, ``mqtt3`` or ``websocket``."""

    def open(self, endpoint: str, listener: Listener) -> Link:
        """Begin to connect ``endpoint``; ``listener`` is told what becomes of it."""


class Dial(Protocol):
    """Opens a TCP or TLS connection with a Twisted factory; see `dialling.Dialler`."""

    def __call__(self, factory: Any, timeout: float) -> None:
        """Connect within ``timeout`` seconds, and tell ``factory`` what becomes of it."""
