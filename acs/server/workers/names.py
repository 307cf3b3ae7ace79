"""A worker's name: its number, and which of its lives this is, a character each.

Its cookies begin with the name, so that whoever gets one knows whose session it is; what follows
is as unguessable as ever.
"""

from __future__ import annotations

from collections.abc import Callable

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
"""What a session cookie may be made of."""
LENGTH = 2
MOST_WORKERS = len(_ALPHABET) - 1
LIVES = len(_ALPHABET)
"""Lives after which a name comes again; long before, whoever had it has ended."""


def name_of(number: int, life: int) -> str:
    """Name the ``life``th process of worker ``number`` (from 1)."""
    return _ALPHABET[number] + _ALPHABET[life % LIVES]


def owner_of(cookie: str) -> str:
    """The name of the worker whose cookie this is, if it is one's."""
    return cookie[:LENGTH]


def tokens(name: str, random: Callable[[], str]) -> Callable[[], str]:
    """Make cookies of the worker ``name`` out of ``random`` ones."""
    return lambda: name + random()
