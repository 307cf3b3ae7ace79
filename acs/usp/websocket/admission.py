"""Who may open a WebSocket session, decided from the opening handshake (TR-369, WebSocket Binding).

An agent names itself in the query of the request (R-WS.10b, .10c) or, before TR-369 1.3, in the
extension `bbf-usp-protocol`. That is a claim. What vouches for it is its certificate, or a secret.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal
from urllib.parse import unquote, urlsplit

from acs.model import Secret
from acs.usp.endpoint import is_valid

SUBPROTOCOL = "v1.usp"
EXTENSION = "bbf-usp-protocol"
REALM = "gigafibre-acs"

# Ids that keep no rule of R-ARC.2a are about, and harm nobody: an id is opaque text.
_ID = re.compile(r"[!#-~]{1,128}")

Auth = Literal["certificate", "basic", "none"]
"""``none`` lets everybody in and vouches for nobody. A certificate counts with each of them."""


class Proof(IntEnum):
    """What vouches for an agent; the greater, the stronger."""

    NONE = 0
    BOOTSTRAP = 1
    """The secret that new agents share."""
    CERTIFICATE = 2
    """A certificate with its endpoint id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms sessions are opened."""

    endpoint: str
    """Our own endpoint id."""
    path: str = "/usp"
    auth: Auth = "certificate"
    username: str = "bootstrap"
    """Name that may stand for the endpoint id in Basic, for clients that refuse its colons."""
    password: Secret = Secret("")  # noqa: RUF009 - as frozen as this
    """The shared secret; empty: nobody has it."""
    basic_on_plain: bool = False
    """Take Basic without TLS too, where the secret travels in clear."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The opening handshake of a client, as far as it is ours to judge."""

    target: str
    """Path and query, as sent."""
    protocols: tuple[str, ...]
    """Subprotocols it offers."""
    headers: Mapping[str, str]
    """Header fields by name in lower case."""
    secure: bool
    certified: tuple[str, ...]
    """Endpoint ids in its certificate."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """Let it in as ``endpoint``."""

    endpoint: str
    proof: Proof
    headers: Mapping[str, str]
    """Header fields of the answer, besides those of every handshake."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Answer ``status``. ``reason`` goes to the client and to the log, and quotes nothing of it."""

    status: int
    reason: str
    failed: bool = False
    """It tried to prove itself, or should have, and could not."""


def judge(upgrade: Upgrade, terms: Terms) -> Admitted | Denied:
    """Decide on a handshake (R-WS.9 to .12a)."""
    try:
        target = urlsplit(upgrade.target)
    except ValueError:
        return Denied(400, "this is no address")
    if target.path != terms.path:
        return Denied(404, "no USP is served at this path")
    if SUBPROTOCOL not in upgrade.protocols:
        return Denied(400, f"offer the subprotocol {SUBPROTOCOL} in Sec-WebSocket-Protocol")
    offered = extension_ids(upgrade.headers.get("sec-websocket-extensions", ""))
    claims = {*query_ids(target.query), *(each for each in offered if each)}
    if not all(_ID.fullmatch(claim) for claim in claims):
        return Denied(400, "eid is no endpoint id")
    if len(claims) > 1:
        return Denied(400, "two endpoint ids are named")
    found = _proven(next(iter(claims), ""), upgrade, terms)
    if isinstance(found, Denied):
        return found
    endpoint, proof = found
    # An extension is answered to those alone that offered it (RFC 6455, 9.1; R-WS.11a to .11c).
    headers = {"Sec-WebSocket-Extensions": extension(terms.endpoint)} if offered else {}
    return Admitted(endpoint, proof, headers)


def _proven(claim: str, upgrade: Upgrade, terms: Terms) -> tuple[str, Proof] | Denied:
    """The endpoint id of the client, and what vouches for it."""
    certified = upgrade.certified
    if certified:
        if claim and claim not in certified:
            return Denied(403, "the certificate is that of another endpoint", failed=True)
        if claim or len(certified) == 1:
            return claim or certified[0], Proof.CERTIFICATE
    if terms.auth == "certificate" and not certified:
        return Denied(403, "a client certificate with the endpoint id is required", failed=True)
    if not claim:
        return Denied(400, "name the endpoint id in the query: eid=")
    if terms.auth == "none":
        return claim, Proof.NONE
    return _knows_secret(claim, upgrade, terms)


def _knows_secret(claim: str, upgrade: Upgrade, terms: Terms) -> tuple[str, Proof] | Denied:
    if not (upgrade.secure or terms.basic_on_plain):
        # A challenge here would have the secret sent in clear: TLS is the fix.
        return Denied(403, "passwords are taken over TLS only")
    header = upgrade.headers.get("authorization", "")
    if not header:
        return Denied(401, "a password is required")
    given = basic_credentials(header)
    password = terms.password.reveal()
    # Compared whole: an endpoint id has colons, and so may a password, so that nothing tells
    # where one ends and the other begins (RFC 7617, 2).
    known = [f"{name}:{password}".encode() for name in (claim, terms.username)]
    matches = [hmac.compare_digest(given, each) for each in known]
    if not (password and any(matches)):
        return Denied(401, "wrong user name or password", failed=True)
    return claim, Proof.BOOTSTRAP


def query_ids(query: str) -> Iterator[str]:
    """Endpoint ids in the query of a request: each ``eid``, percent-decoded (R-WS.10b, .10c).

    An id may hold percent signs itself, which come as ``%25``. Where a client forgot that, what
    it sent is an id as it stands, and the decoded text is none.
    """
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == "eid":
            decoded = unquote(value)
            yield value if is_valid(value) and not is_valid(decoded) else decoded


def extension_ids(header: str) -> tuple[str, ...]:
    """Endpoint ids that come with the extension `bbf-usp-protocol`, "" for each without one.

    ``header`` is the value of Sec-WebSocket-Extensions; empty result: it was not offered.
    """
    return tuple(_extension_ids(header))


def _extension_ids(header: str) -> Iterator[str]:
    for offer in header.split(","):
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name.lower() != EXTENSION:
            continue
        pairs = [parameter.partition("=") for parameter in parameters]
        values = [value for key, _, value in pairs if key.strip().lower() == "eid"]
        yield values[0].strip().strip('"') if values else ""


def extension(endpoint: str) -> str:
    """The extension with ``endpoint`` in it, as a server answers it (R-WS.11a)."""
    return f'{EXTENSION}; eid="{endpoint}"'


def basic_credentials(header: str) -> bytes:
    """Name, colon and password of an Authorization header; empty when it has none (RFC 7617)."""
    scheme, _, text = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
