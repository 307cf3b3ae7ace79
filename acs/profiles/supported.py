"""Whether a device takes a value, by what it says itself and by the words of its blueprint."""

from __future__ import annotations

from acs.model import Secret
from acs.profiles.blueprint import Setting

_DIGITS = 9
"""Of the ends of a range: a device may say anything."""


def refusal(wish: bool | int | str | Secret, setting: Setting, listed: str | None) -> str:
    """Say why ``wish`` cannot be written, or return an empty text.

    ``listed``: the words the device says it takes, separated by commas; a range of numbers as
    ``n-m`` (TR-181 PossibleChannels). None or empty: it does not say, so anything may be tried.
    """
    if isinstance(wish, bool | Secret):
        return ""
    if setting.closed and str(wish) not in setting.words:
        return f"this blueprint has no word for {wish}; it has {', '.join(setting.words)}"
    word = setting.words.get(str(wish), str(wish))
    if listed and listed.strip() and not _lists(listed, word):
        return f"the device cannot do {wish}; it can do {listed.strip()}"
    return ""


def _lists(listed: str, word: str) -> bool:
    return any(_covers(entry.strip(), word) for entry in listed.split(","))


def _covers(entry: str, word: str) -> bool:
    first, dash, last = entry.partition("-")
    if dash and all(each.isdecimal() and len(each) <= _DIGITS for each in (first, last, word)):
        return int(first) <= int(word) <= int(last)
    return entry == word
