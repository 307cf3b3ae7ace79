"""STUN as devices speak it to keep their NAT open (RFC 3489, RFC 5389, TR-069 Annex G), pure.

Binding requests alone. An answer goes where the request came from and is never much longer than
it: RESPONSE-ADDRESS and CHANGE-REQUEST, by which a server can be made to throw at others, are
not followed.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, IntEnum, auto
from ipaddress import IPv4Address, ip_address

from acs.model import Secret

COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_RESPONSE = 0x0101
BINDING_ERROR = 0x0111


class Attribute(IntEnum):
    """Attributes that are read or sent; the others are passed over."""

    MAPPED_ADDRESS = 0x0001
    CHANGE_REQUEST = 0x0003
    USERNAME = 0x0006
    MESSAGE_INTEGRITY = 0x0008
    ERROR_CODE = 0x0009
    XOR_MAPPED_ADDRESS = 0x0020
    CONNECTION_REQUEST_BINDING = 0xC001
    BINDING_CHANGE = 0xC002


BINDING_MARK = b"dslforum.org/TR-111 "
"""Value of CONNECTION-REQUEST-BINDING; the blank belongs to it."""
MOST_OCTETS = 1024
"""Of a request that is read."""

_HEAD = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_INTEGRITY_SIZE = 20
_BLOCK = 64
_CHANGES = 0x06
"""Flags of CHANGE-REQUEST: another address, another port."""


class Form(Enum):
    """How MESSAGE-INTEGRITY is worked out."""

    PADDED = auto()
    """RFC 3489: what is signed is filled up with zeroes to blocks of 64 octets."""
    PLAIN = auto()
    """RFC 5389."""


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """A Binding Request of a device."""

    cookie: int
    """Of RFC 5389; before it the first part of the transaction id."""
    transaction: bytes
    username: str | None = None
    for_calls: bool = False
    """From the port it wants to be called at (CONNECTION-REQUEST-BINDING)."""
    binding_changed: bool = False
    elsewhere: bool = False
    """It wants the answer from another address or port, which there is not."""
    signed: bytes = field(default=b"", repr=False)
    """What MESSAGE-INTEGRITY covers; empty: it has none."""
    integrity: bytes = field(default=b"", repr=False)

    @property
    def modern(self) -> bool:
        """Of RFC 5389."""
        return self.cookie == COOKIE

    def proven_by(self, password: Secret) -> Form | None:
        """Return the form in which this password signed it, None: it did not."""
        if not self.signed:
            return None
        for form in Form:
            if hmac.compare_digest(_integrity(self.signed, password, form), self.integrity):
                return form
        return None


def parse_request(octets: bytes) -> BindingRequest | None:
    """Read a Binding Request; None for anything else, whatever it is."""
    if not _HEAD.size <= len(octets) <= MOST_OCTETS:
        return None
    kind, length, cookie, transaction = _HEAD.unpack_from(octets)
    if kind != BINDING_REQUEST or length != len(octets) - _HEAD.size:
        return None
    username: str | None = None
    for_calls = binding_changed = elsewhere = False
    signed = integrity = b""
    try:
        for at, attribute, value in _attributes(octets):
            if attribute == Attribute.USERNAME:
                # RFC 3489 wants a multiple of 4: filled up with zeroes or blanks.
                username = value.rstrip(b"\0 ").decode("utf-8", "replace")
            elif attribute == Attribute.CONNECTION_REQUEST_BINDING:
                for_calls = value.rstrip(b"\0 ") == BINDING_MARK.rstrip()
            elif attribute == Attribute.BINDING_CHANGE:
                binding_changed = True
            elif attribute == Attribute.CHANGE_REQUEST:
                elsewhere = bool(value and value[-1] & _CHANGES)
            elif attribute == Attribute.MESSAGE_INTEGRITY:
                signed, integrity = _covered(octets, at), value
                break  # what follows is not covered
    except ValueError:
        return None
    return BindingRequest(
        cookie, transaction, username, for_calls, binding_changed, elsewhere, signed, integrity
    )


def _attributes(octets: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield where an attribute begins, its type and value. Raises ValueError for a cut one."""
    at = _HEAD.size
    while at < len(octets):
        if at + _ATTRIBUTE.size > len(octets):
            raise ValueError("half an attribute")
        kind, length = _ATTRIBUTE.unpack_from(octets, at)
        begin = at + _ATTRIBUTE.size
        if begin + length > len(octets):
            raise ValueError("a longer attribute than there are octets")
        yield at, kind, octets[begin : begin + length]
        at = begin + length + -length % 4


def _covered(octets: bytes, at: int) -> bytes:
    """What a MESSAGE-INTEGRITY at ``at`` covers: the length in the head reaches to its end."""
    length = at + _ATTRIBUTE.size + _INTEGRITY_SIZE - _HEAD.size
    return octets[:2] + struct.pack("!H", length) + octets[4:at]


def _integrity(signed: bytes, password: Secret, form: Form) -> bytes:
    if form is Form.PADDED:
        signed += bytes(-len(signed) % _BLOCK)
    return hmac.digest(password.reveal().encode(), signed, "sha1")


def response(
    request: BindingRequest,
    host: str,
    port: int,
    proof: tuple[Secret, Form] | None = None,
) -> bytes:
    """Tell a device the address its request came from; signed as the request was."""
    plain = _address(host, port)
    body = _attribute(Attribute.MAPPED_ADDRESS, plain)
    if request.modern:
        body += _attribute(Attribute.XOR_MAPPED_ADDRESS, _masked(plain, request))
    if proof is None:
        return _message(BINDING_RESPONSE, request, body)
    password, form = proof
    size = _ATTRIBUTE.size + _INTEGRITY_SIZE
    signed = _message(BINDING_RESPONSE, request, body, more=size)
    return signed + _attribute(Attribute.MESSAGE_INTEGRITY, _integrity(signed, password, form))


def unauthorized(request: BindingRequest) -> bytes:
    """Refuse a request that is not signed, or not rightly: 401, which asks for a signature."""
    value = struct.pack("!HBB", 0, 4, 1) + b"Unauthorized"
    return _message(BINDING_ERROR, request, _attribute(Attribute.ERROR_CODE, value))


def _message(kind: int, request: BindingRequest, body: bytes, more: int = 0) -> bytes:
    return _HEAD.pack(kind, len(body) + more, request.cookie, request.transaction) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(kind, len(value)) + value + bytes(-len(value) % 4)


def _address(host: str, port: int) -> bytes:
    address = ip_address(host)
    family = 1 if isinstance(address, IPv4Address) else 2
    return struct.pack("!BBH", 0, family, port) + address.packed


def _masked(value: bytes, request: BindingRequest) -> bytes:
    """Hide an address from NATs that rewrite what looks like one (RFC 5389 15.2)."""
    mask = struct.pack("!I", COOKIE) + request.transaction
    hidden = bytes(a ^ b for a, b in zip(value[2:4] + value[4:], mask[:2] + mask, strict=False))
    return value[:2] + hidden
