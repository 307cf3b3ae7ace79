"""Comparing what is wanted with what is read, by type and not by text."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime

from acs.model import Value, ValueType

_TRUE = frozenset(("1", "true"))
_FALSE = frozenset(("0", "false"))
_OFF = _FALSE | {"disabled"}
_NUMBERS = (
    ValueType.INT,
    ValueType.LONG,
    ValueType.UNSIGNED_INT,
    ValueType.UNSIGNED_LONG,
)


def boolean(text: str) -> bool | None:
    """Read a boolean of TR-106 (``1``, ``0``, ``true``, ``false``); None when it is none."""
    word = text.strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def switches_off(text: str) -> bool:
    """Tell whether writing ``text`` to an ``Enable`` turns something off."""
    return text.strip().casefold() in _OFF


def same(wanted: Value, current: Value, *, fold: bool = False, reference: bool = False) -> bool:
    """Compare by the type of ``wanted``.

    ``fold``: an enumeration whose case devices change.  ``reference``: a path, with or
    without its final dot (TP-Link ends references in a dot).
    """
    if wanted.type is ValueType.BOOLEAN:
        return boolean(wanted.text) is not None and boolean(wanted.text) is boolean(current.text)
    if wanted.type in _NUMBERS:
        return _number(wanted.text) is not None and _number(wanted.text) == _number(current.text)
    if wanted.type is ValueType.DATE_TIME:
        return _moment(wanted.text) is not None and _moment(wanted.text) == _moment(current.text)
    if reference:
        return wanted.text.rstrip(".") == current.text.rstrip(".")
    if fold:
        return wanted.text.casefold() == current.text.casefold()
    return wanted.text == current.text


def seal(key: bytes, parts: Iterable[str]) -> str:
    """Digest texts under ``key`` (HMAC-SHA256, 32 hex digits), so that equality alone shows."""
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        octets = part.encode(errors="surrogatepass")
        mac.update(len(octets).to_bytes(4, "big") + octets)
    return mac.hexdigest()[:32]


def _moment(text: str) -> datetime | None:
    """Read a time of TR-106; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
