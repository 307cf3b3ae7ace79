"""A strict reader for the envelopes of an ACS.

Namespaces are resolved, prefixes in attribute values too; a DTD is refused, so that no
entity can be declared.  It shares nothing with the server's reader on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
XSD = "http://www.w3.org/2001/XMLSchema"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

_MAX_DEPTH = 32


class XmlError(ValueError):
    """An envelope is not well formed, or not as SOAP 1.1 and TR-069 want it."""


@dataclass(slots=True)
class Element:
    """One element with its resolved namespace and the prefixes in force there."""

    namespace: str
    name: str
    attributes: dict[tuple[str, str], str]
    prefixes: dict[str, str]
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def child(self, name: str) -> Element | None:
        """Return the first unqualified child called ``name``."""
        for child in self.children:
            if child.name == name and not child.namespace:
                return child
        return None

    def value(self, name: str) -> str:
        """Return the text of an unqualified child. Raises `XmlError` if it is missing."""
        child = self.child(name)
        if child is None:
            raise XmlError(f"{self.name} has no {name}")
        return child.text

    @property
    def type(self) -> tuple[str, str]:
        """Namespace and name of ``xsi:type``; empty texts where it is not given."""
        return self.resolve(self.attributes.get((XSI, "type"), ""))

    def members(self, name: str) -> list[Element]:
        """Return the members of this array after checking its arrayType (TR-069 3.5)."""
        declared = self.attributes.get((ENCODING, "arrayType"))
        if declared is None:
            raise XmlError(f"{self.name} has no arrayType")
        kind, _, count = declared.rstrip("]").partition("[")
        self.resolve(kind)
        if any(child.name != name or child.namespace for child in self.children):
            raise XmlError(f"{self.name} has a member that is not {name}")
        if not count.isdigit() or int(count) != len(self.children):
            raise XmlError(f"{self.name} declares {declared} and has {len(self.children)}")
        return self.children

    def resolve(self, name: str) -> tuple[str, str]:
        """Resolve a prefixed name in an attribute value."""
        if not name:
            return "", ""
        prefix, colon, local = name.partition(":")
        if not colon or prefix not in self.prefixes:
            raise XmlError(f"prefix of {name!r} is not declared")
        return self.prefixes[prefix], local


@dataclass(frozen=True, slots=True)
class Envelope:
    """What an ACS sent: its header values and the one element of the body."""

    id: str | None
    hold_requests: bool
    body: Element


def read_envelope(data: bytes) -> Envelope:
    """Read one SOAP envelope. Raises `XmlError`."""
    root = _parse(data)
    if (root.namespace, root.name) != (SOAP, "Envelope"):
        raise XmlError(f"not a SOAP 1.1 envelope: {root.name}")
    parts = {part.name: part for part in root.children if part.namespace == SOAP}
    if "Body" not in parts or len(parts["Body"].children) != 1:
        raise XmlError("the Body must hold exactly one element")
    request_id: str | None = None
    hold = False
    for entry in parts["Header"].children if "Header" in parts else ():
        match entry.name:
            case "ID":
                if entry.attributes.get((SOAP, "mustUnderstand")) != "1":
                    raise XmlError("ID without mustUnderstand")
                request_id = entry.text
            case "HoldRequests":
                hold = entry.text in ("1", "true")
            case "UseCWMPVersion":
                continue
            case _ if entry.attributes.get((SOAP, "mustUnderstand")) == "1":
                raise XmlError(f"header {entry.name} is not understood")
    return Envelope(request_id, hold, parts["Body"].children[0])


def _parse(data: bytes) -> Element:
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartNamespaceDeclHandler = builder.declare
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise XmlError(f"not well formed: {error}") from None
    if builder.root is None:
        raise XmlError("no element")
    return builder.root


class _Builder:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._declared: dict[str, str] = {}

    def declare(self, prefix: str | None, uri: str) -> None:
        self._declared[prefix or ""] = uri

    def doctype(self, *_: object) -> None:
        raise XmlError("a DTD is not allowed")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._open) >= _MAX_DEPTH:
            raise XmlError("nested too deeply")
        prefixes = self._open[-1].prefixes if self._open else {}
        if self._declared:
            prefixes, self._declared = prefixes | self._declared, {}
        namespace, local = _split(name)
        element = Element(
            namespace, local, {_split(key): text for key, text in attributes.items()}, prefixes
        )
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        self._open[-1].text += text


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition(" ")
    return namespace, local
