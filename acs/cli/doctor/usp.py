"""USP: Mosquitto is there, or the broker of somebody else; who is taken at their word."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from acs.settings import Settings, WebSocketAuth
from acs.usp.mqtt.broker import BrokerError, find_programs
from erp_bridge.schema import Finding, Level

_SECONDS = 2.0


def check(settings: Settings) -> Iterator[Finding]:
    """Look at the ways by which agents come."""
    yield from _broker(settings.mqtt.broker)
    websocket = settings.websocket
    if not (websocket.listen or websocket.tls_listen):
        yield Finding(Level.OK, "websocket.tls_listen is off: no agent comes over WebSocket")
    elif websocket.auth is WebSocketAuth.NONE and not settings.usp.require_identity:
        yield Finding(
            Level.WARNING,
            "websocket.auth is none, and usp.require_identity is off: whoever reaches the port "
            "gets a customer's settings by naming an endpoint id",
            'Set websocket.auth = "certificate", but in a lab that nobody else reaches',
        )
    if not settings.usp.require_identity:
        yield Finding(
            Level.WARNING,
            "usp.require_identity is off: an agent may speak in the name of another",
            "Set it to true, but in a lab",
        )


def brings_a_broker(settings: Settings) -> bool:
    """Tell whether the server starts a broker: it is to, and Mosquitto is installed."""
    if settings.mqtt.broker != "embedded":
        return False
    try:
        find_programs()
    except BrokerError:
        return False
    return True


def _broker(broker: str) -> Iterator[Finding]:
    if broker == "off":
        yield Finding(Level.OK, "mqtt.broker is off: no agent comes over MQTT")
    elif broker == "embedded":
        try:
            programs = find_programs()
        except BrokerError as error:
            why, _, fix = str(error).partition("; ")
            text = f"No agent comes over MQTT: {why}"
            yield Finding(Level.WARNING, text, fix[:1].upper() + fix[1:])
        else:
            yield Finding(Level.OK, f"{programs.mosquitto} serves as the broker")
    else:
        yield from _reached(broker)


def _reached(broker: str) -> Iterator[Finding]:
    address = urlsplit(broker)
    try:
        socket.create_connection((str(address.hostname), address.port or 0), _SECONDS).close()
    except OSError as error:
        yield Finding(
            Level.ERROR,
            f"mqtt.broker: {broker} cannot be reached: {error.strerror or error}",
            "Correct the address, start the broker, or open the way to it",
        )
    else:
        yield Finding(Level.OK, f"The broker at {broker} takes connections")
