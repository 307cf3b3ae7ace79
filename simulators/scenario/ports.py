"""Where the server of a scenario takes USP."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ports:
    """``host:port`` of the broker and of WebSocket; empty where there is none."""

    mqtt: str = ""
    websocket: str = ""


NOWHERE = Ports()
