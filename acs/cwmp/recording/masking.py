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

MOST = 1000
"""Secrets of one session that are looked for: an honest device has far fewer."""

# Names of elements, whichever case a device writes them in.
_CREDENTIALS = frozenset({"username", "password"})
_URLS = frozenset({"url", "successurl", "failureurl", "announceurl", "transferurl"})
_SECRET_PLACES = _CREDENTIALS | _URLS | {"value"}
_TOKEN = re.compile(r"[A-Za-z0-9_\-]{20,}")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+(?=@)")
_RAW_KEY = re.compile(r"[0-9A-Fa-f]{64}")
_FIELD = re.compile(r"passw|secret|passphrase|token|credential|preshared", re.IGNORECASE)
_CONNECTION_REQUEST = re.compile(r"ConnectionRequest(Username|Password|JabberID)\Z")


class TooManySecrets(ValueError):  # noqa: N818 - a word about the session
    """A session holds more secrets than can be looked for: it is not recorded."""


class Secrets:
    """The secrets of one session, each with the word that stands for it."""

    def __init__(self, hides: Hides) -> None:
        self._hides = hides
        self._words: dict[str, str] = {}
        self._named: set[str] = set()
        self._masks: set[str] = set()
        self._by_start: dict[str, list[str]] = {}
        """Long secrets by their first characters, the longest first."""

    @property
    def texts(self) -> tuple[str, ...]:
        """All secrets found so far."""
        return tuple(self._words)

    def word(self, text: str) -> str:
        """The word that stands for a secret; what is no secret to anybody stays as it is.

        Raises `TooManySecrets`.
        """
        if text in _SWITCHES or text in self._masks:
            return text
        if text not in self._words:
            if len(self._words) >= MOST:
                raise TooManySecrets(f"more than {MOST} secrets in one session")
            word = self._words[text] = _word(len(self._words) + 1, text)
            self._masks.add(word)
            if len(text) >= EVERYWHERE:
                alike = self._by_start.setdefault(text[:EVERYWHERE], [])
                alike.append(text)
                alike.sort(key=len, reverse=True)
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
            name = local_name(element).casefold()
            text = _text(element) if name in _SECRET_PLACES else ""
            if not text.strip():
                continue
            if name in _CREDENTIALS:
                _write(element, self.word(text.strip()))
            elif name in _URLS:
                _write(element, self.url(text.strip()))
            elif self.hides(_named(element)):
                self.word(text.strip())  # It may stand elsewhere without the blanks around it.
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
        # One pass, whatever the number of secrets: a device chooses how many it has.
        parts: list[str] = []
        done = 0
        for at in range(len(text) - EVERYWHERE + 1 if self._by_start else 0):
            alike = self._by_start.get(text[at : at + EVERYWHERE])
            if alike is None or at < done:
                continue
            found = next((secret for secret in alike if text.startswith(secret, at)), None)
            if found is not None:
                parts += (text[done:at], self._words[found])
                done = at + len(found)
        return "".join(parts) + text[done:]

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


def _text(element: Any) -> str:
    """All text of an element, also that around elements where there should be none."""
    return "".join(element.itertext())


def _named(value: Any) -> str:
    """The name that stands beside a Value."""
    holder = value.getparent()
    beside = () if holder is None else holder.iterchildren(etree.Element)
    return next(
        ((each.text or "").strip() for each in beside if local_name(each).casefold() == "name"), ""
    )


def _write(element: Any, text: str) -> None:
    for child in list(element):
        element.remove(child)
    element.text = text
