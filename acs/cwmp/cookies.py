"""The session cookie, sent strictly and read leniently."""

from __future__ import annotations

import re

NAME = "acs"
_OURS = re.compile(r'(?:^|[;,\s])acs="?([A-Za-z0-9_-]{8,64})')


def read(header: str) -> str | None:
    """Find our cookie in a Cookie header.

    CPEs join cookies with commas, quote values, add ``$Version`` or send back the attributes
    of Set-Cookie as well.
    """
    found = _OURS.search(header)
    return found[1] if found else None


def render(token: str, path: str) -> tuple[str, str]:
    """The Set-Cookie header that binds a session: one short cookie, valid on every path."""
    return ("Set-Cookie", f"{NAME}={token}; Path={path}; HttpOnly")
