"""The signed datagram that asks a device behind a NAT to call (TR-069 Annex G), pure."""

from __future__ import annotations

import hmac
from urllib.parse import quote

from acs.cwmp.wakeup.target import Target
from acs.model import Secret


def datagram(
    target: Target, username: str, password: Secret, *, ts: int, message_id: int, cn: str
) -> bytes:
    """Return a UDP connection request to send to ``target`` several times over.

    ``ts`` is in seconds since 1970, ``message_id`` tells apart requests of one second, ``cn`` is
    random.  Nobody answers it.
    """
    sig = signature(username, password, ts=ts, message_id=message_id, cn=cn)
    query = f"ts={ts}&id={message_id}&un={quote(username, safe='')}&cn={cn}&sig={sig}"
    place = target.authority
    return f"GET http://{place}?{query} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode("ascii")


def signature(username: str, password: Secret, *, ts: int, message_id: int, cn: str) -> str:
    """HMAC-SHA1 over the values as they are before percent-encoding, in 40 hex digits."""
    text = f"{ts}{message_id}{username}{cn}"
    return hmac.digest(password.reveal().encode(), text.encode(), "sha1").hex()
