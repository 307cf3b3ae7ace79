"""Topics: who listens where, and who is vouched for by the topic he was let write to.

With the prefix ``usp/v1``:

=================================  ==========================================================
``usp/v1/agent/ID``                an agent listens here
``usp/v1/controller/ID``           it speaks here with an account or certificate of its own
``usp/v1/onboard/ID``              it speaks here with the account that new devices share
``usp/v1/reply/INSTANCE/ID``       it answers one of several controllers here
``usp/v1/onboard-reply/INSTANCE/ID``  the same, with the shared account
``usp/v1/status/ENDPOINT``         the controller says here that it came or went
=================================  ==========================================================

The broker lets an agent write to topics that end in its own endpoint id only; that is how a
topic vouches. ``usp/v1/controller`` alone vouches for nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

REPLY_TO = "/reply-to="
_ENDPOINT = re.compile(r"[a-z]+:[0-9A-Za-z._-]*:[0-9A-Za-z%._-]{1,120}\Z")
_MOST_TOPIC = 512


class Credential(StrEnum):
    """How an agent proved itself to the broker, in the words of `acs.usp.mtp.Origin`."""

    CERTIFICATE = "certificate"
    OWN = "own"
    BOOTSTRAP = "bootstrap"
    NONE = "none"


def is_endpoint(text: str) -> bool:
    """Whether it looks like an endpoint id: ``scheme:authority:instance``.

    Looser than `acs.usp.endpoint`: whom the broker vouches for under an odd name is still him.
    """
    return _ENDPOINT.match(text) is not None


def split_reply(topic: str) -> tuple[str, str]:
    """Part the topic of a 3.1.1 PUBLISH from the reply topic in it; that is "" when none is.

    The reply topic follows the last ``/reply-to=``, each ``/`` of it written ``%2F`` (R-MQTT.24,
    R-MQTT.25).
    """
    before, found, after = topic.rpartition(REPLY_TO)
    if not found:
        return topic, ""
    return before, after.strip().replace("%2F", "/").replace("%2f", "/")


def with_reply(topic: str, reply: str) -> str:
    """Append a reply topic in the form of MQTT 3.1.1 (R-MQTT.24)."""
    return topic + REPLY_TO + reply.replace("/", "%2F")


def fault_of_reply(topic: str, vouched: str) -> str:
    """Say why a reply topic cannot be used; "": it can.

    Ours to refuse: what cannot be published to, the broker's own topics, and the topic of
    another endpoint than the one that is ``vouched`` for.
    """
    if not topic:
        return "no reply topic"
    if len(topic) > _MOST_TOPIC:
        return "its reply topic is too long"
    if topic[0] == "$" or "+" in topic or "#" in topic or not topic.isprintable():
        return "nothing can be published to its reply topic"
    # Below its topic an agent listens too, over MQTT 3.1.1: on any level another's name is his.
    if vouched and any(is_endpoint(each) and each != vouched for each in topic.split("/")):
        return "its reply topic is another endpoint's"
    return ""


@dataclass(frozen=True, slots=True)
class Address:
    """How an agent is written to; its text is the `address` of a `Route`."""

    topic: str
    shared_account: bool = False
    """It speaks with the shared account, and so can answer only where that may write."""
    version_3: bool = False
    """It needs the reply topic in the topic: its MQTT is 3.1.1."""

    def __str__(self) -> str:
        """``topic``, or ``topic#onboard,3.1.1``: no topic to publish to holds a ``#``."""
        notes = ["onboard"] * self.shared_account + ["3.1.1"] * self.version_3
        return f"{self.topic}#{','.join(notes)}" if notes else self.topic

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read its text back."""
        topic, _, notes = text.partition("#")
        known = notes.split(",")
        return cls(topic, "onboard" in known, "3.1.1" in known)

    @property
    def endpoint(self) -> str:
        """The endpoint id its topic ends in; "": in none."""
        last = self.topic.rpartition("/")[2]
        return last if is_endpoint(last) else ""


@dataclass(frozen=True, slots=True)
class Vouching:
    """What the topic of a PUBLISH says of who wrote it."""

    endpoint: str = ""
    credential: Credential = Credential.NONE


NOBODY = Vouching()


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one controller process."""

    prefix: str = "usp/v1"
    controller: str = ""
    """Our endpoint id."""
    group: str = ""
    """Share group: several processes divide what agents begin; "": we take all."""
    instance: str = ""
    """Name of this process among those of the group."""
    proven_by: Credential = Credential.OWN
    """What the broker asks of an agent before it may write to ``controller/ID``."""

    def filters(self) -> tuple[str, ...]:
        """What we subscribe to."""
        spoken = (f"{self.prefix}/controller/#", f"{self.prefix}/onboard/#")
        if not self.group:
            return spoken
        shared = tuple(f"$share/{self.group}/{each}" for each in spoken)
        # Answers must come to the process that asked: they have topics of their own.
        answered = tuple(
            f"{self.prefix}/{each}/{self.instance}/#" for each in ("reply", "onboard-reply")
        )
        return shared + answered

    @property
    def status(self) -> str:
        """Where we say that we came or went."""
        own = f"{self.prefix}/status/{self.controller}"
        return f"{own}/{self.instance}" if self.group else own

    def agent(self, endpoint: str) -> str:
        """Where an agent listens, unless it says otherwise."""
        return f"{self.prefix}/agent/{endpoint}"

    def reply_to(self, address: Address) -> str:
        """Where an agent is to answer."""
        if self.group:
            place = "onboard-reply" if address.shared_account else "reply"
            place = f"{place}/{self.instance}"
        else:
            place = "onboard" if address.shared_account else "controller"
        return "/".join(filter(None, (self.prefix, place, address.endpoint)))

    def vouching(self, topic: str) -> Vouching:
        """Who wrote to a topic of ours, its ``/reply-to=`` taken off."""
        if not topic.startswith(self.prefix + "/"):
            return NOBODY
        match topic[len(self.prefix) + 1 :].split("/"):
            case ["controller", endpoint] | ["reply", _, endpoint] if is_endpoint(endpoint):
                return Vouching(endpoint, self.proven_by)
            case ["onboard", endpoint] | ["onboard-reply", _, endpoint] if is_endpoint(endpoint):
                return Vouching(endpoint, Credential.BOOTSTRAP)
            case _:
                return NOBODY


CONTENT_TYPE = "usp.msg"
_CONTENT_TYPES = frozenset({"", CONTENT_TYPE, "application/vnd.bbf.usp.msg"})


def carries_record(content_type: str) -> bool:
    """Whether a PUBLISH of this content type carries a record (R-MQTT.27a).

    "" stands for none, as old agents and MQTT 3.1.1 have it; others are bulk data.
    """
    return content_type in _CONTENT_TYPES
