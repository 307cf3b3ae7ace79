"""Whether an agent may speak for the device it says it is.

The transport vouches for an endpoint id.  Which device that endpoint is, only the agent itself
tells, in DeviceInfo: whoever has an account, or the shared secret, could call himself another
home's ONT and be given its keys.  So a device that proved itself is not handed over.
"""

from __future__ import annotations

from collections.abc import Iterable

from acs.devices.agents import Holder
from acs.model import Contact, Event, EventKind
from acs.usp import endpoint

PROOFS = ("own", "certificate")
"""Credentials that are one agent's only."""
_RESET = (EventKind.BOOTSTRAP, EventKind.ON_BOARD_REQUEST)


def may_fall_back(before: str, now: str, events: Iterable[Event], *, rebootstrap: bool) -> bool:
    """Tell whether an agent that proved itself by ``before`` may come with ``now``.

    As over CWMP, the shared secret is good again after a reset, where it may be (``rebootstrap``).
    """
    if before not in PROOFS or now in PROOFS:
        return True
    return rebootstrap and any(event.kind in _RESET for event in events)


def objection(agent: str, contact: Contact, holders: Iterable[Holder], *, rebootstrap: bool) -> str:
    """Say who else is the device that ``agent`` says it is; empty: it may speak for it.

    ``agent``: endpoint id of one that was not this device before. ``holders``: who proved to be
    the device. ``rebootstrap``: a password over CWMP holds no longer once the device was reset.
    An agent keeps its endpoint id through a reset, so another one is never the same unit.
    """
    if contact.credential in PROOFS and endpoint.names(agent, contact.device):
        return ""
    was_reset = rebootstrap and contact.has(*_RESET)
    for holder in holders:
        if holder.endpoint not in ("", agent):
            return holder.endpoint
        if not (holder.endpoint or was_reset):
            return "a CPE with a password of its own"
    return ""
