"""Signatures of outgoing events, in the form of Standard Webhooks (version 1, symmetric)."""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Callable

PREFIX = "whsec_"
OCTETS = 32
"""Octets of a secret that is made here."""
_FEWEST, _MOST = 24, 64
"""Octets of a secret that the standard allows."""


class SecretError(ValueError):
    """A secret that cannot be used; the text says what is expected, and holds none of it."""


def new_secret(random: Callable[[int], bytes]) -> str:
    """Make a secret; ``random(n)`` returns n octets that cannot be guessed."""
    return PREFIX + b64encode(random(OCTETS)).decode()


def key_of(secret: str) -> bytes:
    """Return the octets that sign. Raises `SecretError`."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not _FEWEST <= len(key) <= _MOST:
        raise SecretError(f"a secret is {PREFIX} and then {_FEWEST} to {_MOST} octets in Base64")
    return key


def headers(secret: str, message_id: str, now: float, body: bytes) -> dict[str, str]:
    """Return the headers that prove a body is ours and new.

    ``now`` is when this try is made (epoch seconds); ``message_id`` is the same in every try.
    """
    seconds = int(now)
    signed = b".".join((message_id.encode(), str(seconds).encode(), body))
    digest = hmac.digest(key_of(secret), signed, "sha256")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }
