"""Presence from the broker: agents come and go without a word, and the broker sees it.

Mosquitto tells it in lines of its log, which it publishes when its configuration says
``log_dest topic``; EMQX in messages of their own. Either names a client by its client id, so an
agent is recognised only when its client id is its endpoint id. A TCP connection that says
nothing, as agents try the broker with, is not presence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from acs.usp.mqtt.topics import is_endpoint


class PresenceSource(StrEnum):
    """Whose way of telling presence is read."""

    MOSQUITTO = "mosquitto"
    EMQX = "emqx"
    OFF = "off"


FILTERS: Mapping[PresenceSource, tuple[str, ...]] = {
    PresenceSource.MOSQUITTO: ("$SYS/broker/log/N",),
    PresenceSource.EMQX: (
        "$SYS/brokers/+/clients/+/connected",
        "$SYS/brokers/+/clients/+/disconnected",
    ),
    PresenceSource.OFF: (),
}
"""What to subscribe to."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The broker saw an agent come or go."""

    endpoint: str
    here: bool
    evidence: str
    address: str = ""
    """Network address it came from; empty where the broker does not tell."""


def presence_of(source: PresenceSource, topic: str, payload: bytes) -> Seen | None:
    """Read one message of the broker; None: it says nothing of an agent's presence."""
    match source:
        case PresenceSource.MOSQUITTO:
            return _mosquitto(payload.decode("utf-8", "replace"))
        case PresenceSource.EMQX:
            return _emqx(topic, payload)
        case PresenceSource.OFF:
            return None


def is_presence(topic: str) -> bool:
    """Whether the topic is one of `FILTERS`."""
    return topic.startswith("$SYS/")


# Lines of Mosquitto 2.0; a later one may put the address of a client behind its id. Each is
# matched whole: a client id is text that somebody chose, and might hold half such a line. What
# Mosquitto says itself stands at the end, and says it once.
_LINE = r"(?:[0-9T:.,+Z -]+: )?"
_CAME = re.compile(
    _LINE + r"New client connected from (\S+) as (\S+) \(p[0-9], c[01], k[0-9]+(?:, u'.*')?\)\.\Z"
)
_WENT = re.compile(
    _LINE + r"Client (\S+)(?: \[\S+\])? (?:"
    r"(closed its connection)|has (exceeded timeout), disconnecting|"
    r"(?:been )?(disconnected"
    r"(?:(?: due to |: )(?:(?!disconnect|closed)[a-zA-Z -])+| by administrative action)?)"
    r")\.\Z"
)


def _mosquitto(line: str) -> Seen | None:
    if (came := _CAME.match(line)) and is_endpoint(came[2]):
        host = came[1].rpartition(":")[0].strip("[]")
        return Seen(came[2], here=True, evidence="broker: connected", address=host)
    if (went := _WENT.match(line)) and is_endpoint(went[1]):
        why = "keep-alive exceeded" if went[3] else went[2] or went[4]
        return Seen(went[1], here=False, evidence=f"broker: {why}")
    return None


_TAKEN_OVER = frozenset({"takenover", "takeovered", "discarded"})
"""EMQX's reasons for ending a connection because the same client has a newer one."""


class _Event(msgspec.Struct):
    clientid: str = ""
    ipaddress: str = ""
    reason: str = ""


def _emqx(topic: str, payload: bytes) -> Seen | None:
    levels = topic.split("/")
    try:
        event = msgspec.json.decode(payload, type=_Event)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not is_endpoint(event.clientid) or event.clientid not in levels:
        return None
    match levels[-1]:
        case "connected":
            host = event.ipaddress[:64]
            return Seen(event.clientid, here=True, evidence="broker: connected", address=host)
        case "disconnected" if event.reason not in _TAKEN_OVER:
            why = "keep-alive exceeded" if event.reason == "keepalive_timeout" else event.reason
            return Seen(event.clientid, here=False, evidence=f"broker: {why or 'disconnected'}")
        case _:
            return None
