"""Taking secrets out of a recording, so that the same secret is the same word everywhere.

A secret is found by its place: a parameter whose name says so, or that a blueprint or a job calls
secret, the credentials of a transfer, a value of ours that is a `Secret`.  Its text is then
replaced wherever else it stands.  What rules look at (length, letters, a raw key) is kept, so that
a replay takes the same decisions.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
from lxml import etree

from acs.cwmp.soap.notes import Notes
from acs.cwmp.soap.repair import parse
from acs.cwmp.soap.values import local_name
from acs.model import Secret

Hides = Callable[[str], bool]
"""Tells of a parameter's path whether its value is secret."""

_SWITCHES = frozenset({"", "0", "1", "true", "false"})
"""Values of parameters that are called after a password but hold none."""

EVERYWHERE = 6
"""Characters from which a secret's text is looked for everywhere: a short one may be a word."""

_CREDENTIALS = frozenset({"Username", "Password"})
_URLS = frozenset({"URL", "SuccessURL", "FailureURL", "AnnounceURL", "TransferURL"})
_TOKEN = re.compile(r"[A-Za-z0-9_\-]{20,}")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_RAW_KEY = re.compile(r"[0-9A-Fa-f]{64}")
_FIELD = re.compile(r"passw|secret|passphrase|token|credential|preshared", re.IGNORECASE)
_CONNECTION_REQUEST = re.compile(r"ConnectionRequest(Username|Password|JabberID)\Z")


class Secrets:
    """The secrets of one session, each with the word that stands for it."""

    def __init__(self, hides: Hides) -> None:
        self._hides = hides
        self._words: dict[str, str] = {}
        self._named: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    @property
    def texts(self) -> tuple[str, ...]:
        """All secrets found so far."""
        return tuple(self._words)

    def word(self, text: str) -> str:
        """The word that stands for a secret; what is no secret to anybody stays as it is."""
        if text in _SWITCHES or text in self._words.values():
            return text
        if text not in self._words:
            self._words[text] = _word(len(self._words) + 1, text)
            self._pattern = None
        return self._words[text]

    def hides(self, path: str) -> bool:
        """Tell whether the value of a parameter is secret."""
        return (
            path in self._named or self._hides(path) or _CONNECTION_REQUEST.search(path) is not None
        )

    # --- values of ours ---------------------------------------------------------------------

    def plain(self, value: object) -> Any:
        """Make plain data of a value, with words for `Secret`s."""
        return msgspec.to_builtins(value, str_keys=True, enc_hook=self._encoded)

    def _encoded(self, value: object) -> object:
        if isinstance(value, Secret):
            return self.word(value.reveal())
        if isinstance(value, bytes):
            return self.word(value.hex())
        raise NotImplementedError(f"{type(value).__name__} cannot be recorded")

    def masked(self, data: Any) -> Any:
        """Replace what stands in secret places of plain data."""
        match data:
            case {"path": str(path), "value": value, **rest}:
                if rest.get("secret"):
                    self._named.add(path)
                told = self._value(path, value) if self.hides(path) else value
                return {**rest, "path": path, "value": told}
            case {"url": str(url), "username": str(username), **rest}:
                # A transfer: whoever knows these may take its part.
                return {"url": self.url(url), "username": self.word(username), **self.masked(rest)}
            case dict():
                return {
                    key: self._value(key, value) if self._is_secret(key) else self.masked(value)
                    for key, value in data.items()
                }
            case list() | tuple():
                return [self.masked(each) for each in data]
            case _:
                return data

    def _is_secret(self, key: str) -> bool:
        return self.hides(key) if "." in key or key[:1].isupper() else bool(_FIELD.search(key))

    def _value(self, path: str, value: Any) -> Any:
        match value:
            case str():
                return self.word(value)
            case [str(text), *rest]:
                return [self.word(text), *rest]
            case dict() | list():
                return self.masked(value)
            case _:
                return value

    # --- messages ---------------------------------------------------------------------------

    def message(self, body: bytes, content_type: str) -> Any:
        """Read a message and replace what stands in secret places. Raises `MalformedEnvelope`."""
        root = parse(body, content_type, Notes())
        for element in root.iter(etree.Element):
            name = local_name(element)
            text = element.text or ""
            if name in _CREDENTIALS and text.strip():
                _write(element, self.word(text.strip()))
            elif name in _URLS and text.strip():
                _write(element, self.url(text.strip()))
            elif name == "Value" and text and self.hides(_named(element)):
                _write(element, self.word(text))
        return root

    def url(self, text: str) -> str:
        """Mask what a URL permits its bearer: user information, and long unguessable parts."""
        text = _USER_INFO.sub(lambda found: self.word(found[0]), text)
        head, slashes, tail = text.partition("://")
        host, slash, path = (tail if slashes else head).partition("/")
        masked = _TOKEN.sub(lambda found: self.word(found[0]), path)
        return f"{head}{slashes}{host}{slash}{masked}" if slashes else f"{host}{slash}{masked}"

    # --- everything -------------------------------------------------------------------------

    def sweep(self, text: str) -> str:
        """Replace every secret that stands anywhere in a text."""
        if self._pattern is None:
            long = sorted(filter(_is_long, self._words), key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, long)) or r"(?!)")
        return self._pattern.sub(lambda found: self._words[found[0]], text)

    def swept(self, data: Any) -> Any:
        """Replace every secret that stands anywhere in plain data."""
        match data:
            case str():
                return self.sweep(data)
            case dict():
                return {
                    self.sweep(key) if "." in key else key: self.swept(value)
                    for key, value in data.items()
                }
            case list():
                return [self.swept(each) for each in data]
            case _:
                return data

    def swept_message(self, root: Any) -> str:
        """Replace every secret that stands anywhere in a message, and write it."""
        for element in root.iter(etree.Element):
            if element.text:
                element.text = self.sweep(element.text)
            if element.tail:
                element.tail = self.sweep(element.tail)
            for name, text in element.attrib.items():
                element.set(name, self.sweep(text))
        written: str = etree.tostring(root, encoding="unicode")
        return written


def _word(number: int, text: str) -> str:
    if _RAW_KEY.fullmatch(text):
        return f"{number:064x}"
    word = f"secret-{number}"
    if len(text) < len("secret-1"):
        word = f"s{number}"
    if len(text) > 63:
        word = word.ljust(64, "x")
    return word if text.isascii() else word + "é"


def _is_long(text: str) -> bool:
    return len(text) >= EVERYWHERE


def _named(value: Any) -> str:
    """The name that stands beside a Value."""
    holder = value.getparent()
    beside = () if holder is None else holder.iterchildren(etree.Element)
    return next(((each.text or "").strip() for each in beside if local_name(each) == "Name"), "")


def _write(element: Any, text: str) -> None:
    for child in list(element):
        element.remove(child)
    element.text = text
