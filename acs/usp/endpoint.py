"""Endpoint ids: ``authority-scheme ":" [authority-id] ":" instance-id`` (TR-369, Endpoints).

An id is opaque text: it is compared as it stands and kept whole. Its parts say who gave it; no
serial number is taken from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, unquote

from cryptography import x509

from acs.model import DeviceId

URN = "urn:bbf:usp:id:"
"""Stands before an endpoint id in certificates, and nowhere else."""

_LONGEST_INSTANCE = 50  # R-ARC.6
_INSTANCE = re.compile(r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})+")  # R-ARC.5
_UNRESERVED = r"[A-Za-z0-9._~-]"
_NAME = r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)"


class Scheme(StrEnum):
    """Who guarantees that an id is the only one of its kind (R-ARC.2a)."""

    OUI = "oui"
    CID = "cid"
    PEN = "pen"
    SELF = "self"
    USER = "user"
    OS = "os"
    OPS = "ops"
    UUID = "uuid"
    IMEI = "imei"
    FQDN = "fqdn"
    PROTO = "proto"
    DOC = "doc"


_AUTHORITY = {
    Scheme.OUI: re.compile(r"[0-9A-Fa-f]{6,7}|[0-9A-Fa-f]{9}"),
    Scheme.CID: re.compile(r"[0-9A-Fa-f]{6}"),
    Scheme.PEN: re.compile(r"[1-9][0-9]*"),
    Scheme.SELF: re.compile(rf"{_UNRESERVED}{{0,6}}"),
    Scheme.USER: re.compile(rf"{_UNRESERVED}{{0,6}}"),
    Scheme.PROTO: re.compile(r"[A-Za-z0-9_~-]{0,6}"),
    Scheme.DOC: re.compile(rf"{_UNRESERVED}{{0,6}}"),
}
_NO_AUTHORITY = re.compile("")
_INSTANCES = {
    Scheme.OS: re.compile(r"[0-9A-Fa-f]{6}-.+"),
    Scheme.OPS: re.compile(r"[0-9A-Fa-f]{6}-[^-].*-.+"),
    Scheme.UUID: re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    Scheme.IMEI: re.compile(r"[0-9]{14,16}"),
    Scheme.FQDN: re.compile(rf"{_NAME}(?:\.{_NAME})+\.?"),
}


class InvalidEndpoint(ValueError):  # noqa: N818 - what the text is
    """Text is no endpoint id; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class EndpointId:
    """An endpoint id by its parts; as text it is what was parsed."""

    scheme: Scheme
    authority: str
    instance: str
    """As written: octets that are percent-encoded stay so."""

    def __str__(self) -> str:
        return f"{self.scheme}:{self.authority}:{self.instance}"


def parse(text: str) -> EndpointId:
    """Take an endpoint id apart. Raises `InvalidEndpoint` (R-ARC.2a, R-ARC.5, R-ARC.6)."""
    parts = text.split(":")
    if len(parts) != 3:
        raise InvalidEndpoint("an endpoint id is scheme:authority:instance, such as os::012345-S1")
    name, authority, instance = parts
    try:
        scheme = Scheme(name)
    except ValueError:
        raise InvalidEndpoint(f"{name[:20]!r} is no scheme: {', '.join(Scheme)}") from None
    if not _AUTHORITY.get(scheme, _NO_AUTHORITY).fullmatch(authority):
        raise InvalidEndpoint(f"{authority[:20]!r} is no authority of scheme {scheme}")
    if len(instance) > _LONGEST_INSTANCE:
        raise InvalidEndpoint(f"the instance has more than {_LONGEST_INSTANCE} characters")
    if not _INSTANCE.fullmatch(instance):
        raise InvalidEndpoint(
            "the instance is of letters, digits, '-', '.', '_' and percent-encoded octets"
        )
    if scheme in _INSTANCES and not _INSTANCES[scheme].fullmatch(instance):
        raise InvalidEndpoint(f"{instance!r} is no instance of scheme {scheme}")
    return EndpointId(scheme, authority, instance)


def is_valid(text: str) -> bool:
    """Whether `parse` takes ``text``."""
    try:
        parse(text)
    except InvalidEndpoint:
        return False
    return True


def same(one: str, other: str) -> bool:
    """Whether two ids name one endpoint: nothing is normalised, letters' case counts."""
    return one == other


def names(endpoint: str, device: DeviceId) -> bool:
    """Whether an id of scheme ``os`` or ``ops`` is the one of this device (R-ARC.2a)."""
    scheme, _, instance = endpoint.partition("::")
    match scheme:
        case Scheme.OS:
            parts: tuple[str, ...] = (device.oui, device.serial_number)
        case Scheme.OPS:
            parts = (device.oui, device.product_class, device.serial_number)
        case _:
            return False
    given, wanted = unquote(instance), "-".join(parts)
    # Hexadecimal digits have no case; serial numbers do.
    digits = len(device.oui)
    return (given[:digits].upper(), given[digits:]) == (wanted[:digits].upper(), wanted[digits:])


def urn(endpoint: str) -> str:
    """The form a certificate has it in (R-ARC.4a)."""
    return URN + endpoint


def of_certificate(certificate: x509.Certificate | bytes) -> tuple[str, ...]:
    """Endpoint ids that a certificate (or its DER octets) is for, in its own order (R-SEC.0a).

    They stand in subjectAltName: as a URI ``urn:bbf:usp:id:...``; a dNSName is the endpoint
    ``fqdn::name``. A name with a wildcard is for no one endpoint (R-SEC.11, optional, is not
    supported). Raises `ValueError` for octets that are no certificate.
    """
    if isinstance(certificate, bytes):
        certificate = x509.load_der_x509_certificate(certificate)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    found = []
    for name in names:
        match name:
            case x509.UniformResourceIdentifier() if name.value[: len(URN)].lower() == URN:
                found.append(name.value[len(URN) :])
            case x509.DNSName():
                found.append(f"{Scheme.FQDN}::{name.value}")
    return tuple(each for each in found if is_valid(each))


def to_query(endpoint: str) -> str:
    """The value of ``eid`` in the URI of a WebSocket: each percent sign is ``%25`` (R-WS.10c)."""
    return quote(endpoint, safe=":")


def from_query(text: str) -> str:
    """The endpoint id that the value of ``eid`` stands for. Raises `InvalidEndpoint`."""
    try:
        return str(parse(unquote(text, errors="strict")))
    except UnicodeDecodeError:
        raise InvalidEndpoint("eid is no UTF-8") from None
