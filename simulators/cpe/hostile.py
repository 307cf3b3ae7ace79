"""Documents that mean harm, by name: what an attacker posts where an Inform is wanted.

Each is made out of a good Inform of the unit, so that nothing but the harm is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

_LAUGHS = 10
_DEPTH = 100_000
_MANY = 1_000_000
_HUGE = 4 * 1024 * 1024
_NOWHERE = b"http://127.0.0.1:9/"
"""The discard port: whoever fetches from there is refused or hangs."""


class Harm(StrEnum):
    """What sort of harm a document means."""

    ILL_FORMED = "not well formed"
    DTD = "declares a document type"
    SIZE = "too much of something"
    MEANING = "well formed, and no Inform of CWMP"


@dataclass(frozen=True, slots=True)
class Document:
    """One of the library; ``make`` takes the good Inform."""

    harm: Harm
    about: str
    make: Callable[[bytes], bytes]


def document(name: str, inform: bytes) -> bytes:
    """Return the hostile form of ``inform``. Raises `KeyError` for an unknown name."""
    return DOCUMENTS[name].make(inform)


def _dtd(declarations: bytes, use: bytes = b"") -> Callable[[bytes], bytes]:
    """A document type before the envelope, and what uses it in the first value."""

    def make(inform: bytes) -> bytes:
        head, end, envelope = inform.partition(b"?>")
        return head + end + b"<!DOCTYPE x " + declarations + b">" + _before_end(envelope, use)

    return make


def _laughs() -> bytes:
    entities = (
        b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10)
        for level in range(1, _LAUGHS + 1)
    )
    return b'[<!ENTITY l0 "ha">' + b"".join(entities) + b"]"


def _attributes(count: int) -> bytes:
    return b"<a " + b" ".join(b'a%x=""' % number for number in range(count)) + b"/>"


def _value(text: Callable[[], bytes]) -> Callable[[bytes], bytes]:
    """Something at the end of the first value."""
    return lambda inform: _before_end(inform, text())


def _before_end(inform: bytes, text: bytes, tag: bytes = b"</Value>") -> bytes:
    """Put ``text`` before the first ``tag``, or the last end tag of all."""
    at = inform.find(tag)
    at = inform.rindex(b"</") if at < 0 else at
    return inform[:at] + text + inform[at:]


def _sibling(element: Callable[[], bytes]) -> Callable[[bytes], bytes]:
    """An element more in the Inform."""
    return lambda inform: _before_end(inform, element(), b"</cwmp:Inform>")


def _declared(encoding: bytes, code: str = "utf-8") -> Callable[[bytes], bytes]:
    def make(inform: bytes) -> bytes:
        _, _, envelope = inform.partition(b"?>")
        declaration = b'<?xml version="1.0" encoding="%s"?>' % encoding
        return (declaration + envelope).decode("utf-8").encode(code)

    return make


def _renamed(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda inform: inform.replace(old, new)


def _counted(inform: bytes) -> bytes:
    return inform.replace(b"EventStruct[", b"EventStruct[429496729", 1)


def _many_envelopes(inform: bytes) -> bytes:
    return inform.replace(b"<MaxEnvelopes>", b"<MaxEnvelopes>" + b"9" * 100_000, 1)


_SOAP = b"http://schemas.xmlsoap.org/soap/envelope/"
_SOAP_12 = b"http://www.w3.org/2003/05/soap-envelope"

DOCUMENTS = {
    # --- document types: TR-069 knows none
    "dtd": Document(Harm.DTD, "an empty document type", _dtd(b"[]")),
    "entity": Document(
        Harm.DTD, "an entity of its own", _dtd(b'[<!ENTITY own "expanded">]', b"&own;")
    ),
    "billion-laughs": Document(
        Harm.DTD,
        "entities of entities, ten levels: 20 GB of text",
        _dtd(_laughs(), b"&l%d;" % _LAUGHS),
    ),
    "quadratic": Document(
        Harm.DTD,
        "one long entity, used 10,000 times: 1 GB of text",
        _dtd(b'[<!ENTITY own "' + b"x" * 100_000 + b'">]', b"&own;" * 10_000),
    ),
    "external-entity": Document(
        Harm.DTD,
        "an entity that is a file of the server",
        _dtd(b'[<!ENTITY own SYSTEM "file:///etc/passwd">]', b"&own;"),
    ),
    "external-dtd": Document(
        Harm.DTD, "a document type from the network", _dtd(b'SYSTEM "' + _NOWHERE + b'x.dtd"')
    ),
    "parameter-entity": Document(
        Harm.DTD,
        "a parameter entity from the network",
        _dtd(b'[<!ENTITY % own SYSTEM "' + _NOWHERE + b'x.ent"> %own;]'),
    ),
    # --- not well formed
    "cut": Document(
        Harm.ILL_FORMED, "half of an Inform", lambda inform: inform[: len(inform) // 2]
    ),
    "unclosed": Document(Harm.ILL_FORMED, "an end tag missing", _renamed(b"</DeviceId>", b"")),
    "two-roots": Document(Harm.ILL_FORMED, "two envelopes", lambda inform: inform + b"<more/>"),
    "nul": Document(Harm.ILL_FORMED, "NULs in a value", _value(lambda: b"\0\0\0")),
    "control": Document(Harm.ILL_FORMED, "a reference to U+0001", _value(lambda: b"&#1;")),
    "invalid-utf-8": Document(
        Harm.ILL_FORMED, "octets that are no UTF-8", _value(lambda: b"\xc0\xaf\xff\xfe\xed\xa0\x80")
    ),
    "undeclared-entity": Document(Harm.ILL_FORMED, "an entity of HTML", _value(lambda: b"&nbsp;")),
    "wrong-encoding": Document(Harm.ILL_FORMED, "says UTF-16, is not", _declared(b"UTF-16")),
    "unknown-encoding": Document(
        Harm.ILL_FORMED, "an encoding nobody has", _declared(b"X-NOBODY-9")
    ),
    "no-xml": Document(Harm.ILL_FORMED, "JSON", lambda _: b'{"cwmp:Inform": {}}'),
    "blank": Document(Harm.ILL_FORMED, "nothing but blanks", lambda _: b" \r\n" * 1000),
    # --- too much
    "deep": Document(
        Harm.SIZE,
        "elements nested 100,000 deep",
        _sibling(lambda: b"<a>" * _DEPTH + b"</a>" * _DEPTH),
    ),
    "huge-text": Document(Harm.SIZE, "4 MiB in one value", _value(lambda: b"x" * _HUGE)),
    "huge-name": Document(
        Harm.SIZE, "an element with a name of 1 MB", _sibling(lambda: b"<" + b"a" * _MANY + b"/>")
    ),
    "huge-comment": Document(
        Harm.SIZE, "4 MiB of comment", _sibling(lambda: b"<!--" + b"x" * _HUGE + b"-->")
    ),
    "attributes": Document(
        Harm.SIZE, "an element with 100,000 attributes", _sibling(lambda: _attributes(_DEPTH))
    ),
    "million-attributes": Document(
        Harm.SIZE, "an element with 1,000,000 attributes", _sibling(lambda: _attributes(_MANY))
    ),
    "namespaces": Document(
        Harm.SIZE,
        "an element with 100,000 namespaces",
        _sibling(
            lambda: b"<a " + b" ".join(b'xmlns:n%x="u:%x"' % (n, n) for n in range(_DEPTH)) + b"/>"
        ),
    ),
    "elements": Document(Harm.SIZE, "1,000,000 empty elements", _sibling(lambda: b"<a/>" * _MANY)),
    "events": Document(
        Harm.SIZE,
        "10,000 events",
        lambda inform: _before_end(
            inform,
            b"<EventStruct><EventCode>2 PERIODIC</EventCode><CommandKey></CommandKey>"
            b"</EventStruct>" * 10_000,
            b"</Event>",
        ),
    ),
    "digits": Document(Harm.SIZE, "a number of 100,000 digits", _many_envelopes),
    # --- well formed, and wrong
    "soap-1.2": Document(Harm.MEANING, "SOAP 1.2", _renamed(_SOAP, _SOAP_12)),
    "wrong-namespace": Document(
        Harm.MEANING,
        "a CWMP namespace nobody has",
        _renamed(b"urn:dslforum-org:cwmp-", b"urn:x:cwmp-"),
    ),
    "wrong-count": Document(Harm.MEANING, "an array that declares 4 billion members", _counted),
    "html": Document(Harm.MEANING, "a page", lambda _: b"<html><body><p>404</p></body></html>"),
    "no-inform": Document(
        Harm.MEANING,
        "a method that no CPE has",
        _renamed(b"cwmp:Inform>", b"cwmp:FactoryResetEverybody>"),
    ),
}
"""The library."""
