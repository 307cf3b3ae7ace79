"""What a device is to test, checked before anything is asked of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from acs.profiles.diagnostics.names import NAMES, Diagnostic

Argument = str | int | bool
WAN = "wan"
"""As ``interface``: the one by which the device reaches us."""
BOUNDS: Mapping[str, tuple[int, int]] = {
    "count": (1, 100),
    "timeout": (1, 60_000),
    "size": (1, 65_535),
    "tries": (1, 3),
    "max_hops": (1, 64),
    "connections": (1, 32),
    "duration": (1, 999),
    "bytes": (1, 10_000_000_000),
}
"""Least and most of each number; TR-098 and TR-181, or our own where they set none."""
_LONGEST = 256
"""Characters of a host or URL (TR-098, TR-181)."""
_SCHEMES = ("http", "https", "ftp")
_OWN_TIME: Mapping[Diagnostic, float] = {
    Diagnostic.PING: 120,
    Diagnostic.TRACE: 300,
    Diagnostic.SPEED_DOWNLOAD: 600,
    Diagnostic.SPEED_UPLOAD: 600,
    Diagnostic.LOOKUP: 120,
    Diagnostic.NEIGHBOURS: 300,
}
"""Seconds each is given beside the time-outs it is asked for."""


@dataclass(frozen=True, slots=True)
class Request:
    """A diagnostic with its arguments, by the names of `NAMES`."""

    diagnostic: Diagnostic
    arguments: Mapping[str, Argument]

    @property
    def limit(self) -> float:
        """Seconds after which the device is not waited for any longer."""
        tries = self._number("count", 1) * self._number("tries", 1) * self._number("max_hops", 1)
        waits = tries * self._number("timeout", 0) / 1000
        return _OWN_TIME[self.diagnostic] + waits + self._number("duration", 0)

    def _number(self, name: str, default: int) -> int:
        found = self.arguments.get(name, default)
        return found if isinstance(found, int) else default


def request_of(payload: Mapping[str, object]) -> Request:
    """Read ``{"diagnostic": …, "arguments": {…}}``. Raises `ValueError` that says what is wrong."""
    word = str(payload.get("diagnostic", ""))
    if word not in list(Diagnostic):
        raise ValueError(f"diagnostic {word!r} is none of {', '.join(Diagnostic)}")
    diagnostic = Diagnostic(word)
    given = payload.get("arguments", {})
    if not isinstance(given, Mapping):
        raise ValueError("arguments are no table")
    names = NAMES[diagnostic]
    arguments = {str(name): _checked(str(name), value) for name, value in given.items()}
    for name in arguments:
        if name not in names.arguments:
            raise ValueError(f"{diagnostic} takes no {name}")
    for name in names.required:
        if name not in arguments:
            raise ValueError(f"{diagnostic} needs {name}")
    return Request(diagnostic, arguments)


def _checked(name: str, value: object) -> Argument:
    if name in BOUNDS:
        least, most = BOUNDS[name]
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"{name} must be a whole number from {least} to {most}")
        return value
    if name == "per_connection":
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false")
        return value
    text = str(value)
    if not text or len(text) > _LONGEST or not text.isprintable() or " " in text:
        raise ValueError(f"{name} must be 1 to {_LONGEST} characters without blanks")
    if name == "url":
        _check_url(text)
    return text


def _check_url(text: str) -> None:
    """Raises `ValueError`, which does not quote the URL: it may hold a password."""
    parts = urlsplit(text)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(f"url must begin with {', '.join(f'{s}://' for s in _SCHEMES)} and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("url must not hold a user name or password")
