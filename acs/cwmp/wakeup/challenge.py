"""Challenges of a device and what answers them (RFC 7616, 2617, 2069, 7617), pure.

The counterpart of `acs.cwmp.digest`: here the device is the one that challenges. Read leniently,
since the web servers of devices are what they are: parameters without commas between them, any
quoting, several challenges in one field.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import md5, sha256

from acs.cwmp.digest import Algorithm
from acs.model import Secret

_PART = re.compile(
    r"""([A-Za-z][\w-]*+)\s*+=\s*+             # possessive: hostile text costs no backtracking
        (?: "((?:[^"\\]|\\.)*+)"?               # quoted; the end may be missing
          | '([^']*+)'?
          | ([^\s,"']*+) )
      | ([A-Za-z][\w-]*+)                       # a word: perhaps the scheme of the next one""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SCHEMES = frozenset({"digest", "basic", "bearer", "negotiate", "ntlm"})
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_UNFIT = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Basic:
    """The device wants the password in clear."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The device wants a digest; values as it gave them."""

    realm: str
    nonce: str
    algorithm: Algorithm = Algorithm.MD5
    session: bool = False
    """One of the -sess algorithms."""
    named: str = ""
    """How the device wrote the algorithm; empty: not at all."""
    qop: str = ""
    """``auth``, ``auth-int``, or empty for the form of RFC 2069."""
    opaque: str | None = None
    stale: bool = False


Challenge = Basic | Digest


def read_challenges(fields: Iterable[str]) -> tuple[Challenge, ...]:
    """Read the WWW-Authenticate fields, in their order; what cannot be answered is left out."""
    found: list[Challenge] = []
    for field in fields:
        for scheme, given in _split(field):
            if scheme == "basic":
                found.append(Basic())
            elif scheme == "digest" and (digest := _digest(given)):
                found.append(digest)
    return tuple(found)


def _split(field: str) -> list[tuple[str, dict[str, str]]]:
    """Split a field into schemes with their parameters."""
    challenges: list[tuple[str, dict[str, str]]] = []
    for name, quoted, single, bare, word in _PART.findall(field):
        if word.lower() in _SCHEMES:
            challenges.append((word.lower(), {}))
        elif name and challenges:
            value = _QUOTED_PAIR.sub(r"\1", quoted) if quoted else single or bare
            challenges[-1][1].setdefault(name.lower(), value)
    return challenges


def _digest(given: dict[str, str]) -> Digest | None:
    if not given.get("nonce"):
        return None
    named = given.get("algorithm", "").strip()
    base = named.upper().removesuffix("-SESS")
    if base not in ("", *Algorithm):
        return None
    offered = given.get("qop", "").lower().replace(",", " ").split()
    qop = next((each for each in ("auth", "auth-int") if each in offered), "")
    if offered and not qop:
        return None
    return Digest(
        realm=given.get("realm", ""),
        nonce=given["nonce"],
        algorithm=Algorithm(base) if base else Algorithm.MD5,
        session=named.upper().endswith("-SESS"),
        named=named,
        qop=qop,
        opaque=given.get("opaque"),
        stale=given.get("stale", "").lower() == "true",
    )


def basic_answer(username: str, password: Secret) -> str:
    """Return the Authorization value that says user name and password in clear."""
    return "Basic " + b64encode(f"{username}:{password.reveal()}".encode()).decode("ascii")


def digest_answer(
    challenge: Digest, username: str, password: Secret, resource: str, cnonce: str, count: int
) -> str:
    """Return the Authorization value for a GET of ``resource`` without a body.

    ``count`` is how often this nonce was answered, from 1.  Without a qop there is neither nc nor
    cnonce (RFC 2069); opaque is given back whenever there was one.
    """
    account = f"{username}:{challenge.realm}:{password.reveal()}"
    secret = _hash(challenge.algorithm, account)
    if challenge.session:
        secret = _hash(challenge.algorithm, f"{secret}:{challenge.nonce}:{cnonce}")
    asked = f"GET:{resource}"
    if challenge.qop == "auth-int":
        asked += ":" + _hash(challenge.algorithm, "")
    middle = f"{count:08x}:{cnonce}:{challenge.qop}:" if challenge.qop else ""
    asked = _hash(challenge.algorithm, asked)
    response = _hash(challenge.algorithm, f"{secret}:{challenge.nonce}:{middle}{asked}")
    parts = [
        f"username={_quoted(username)}",
        f"realm={_quoted(challenge.realm)}",
        f"nonce={_quoted(challenge.nonce)}",
        f"uri={_quoted(resource)}",
        f'response="{response}"',
    ]
    if challenge.named:
        name = challenge.algorithm + ("-sess" if challenge.session else "")
        parts.append(f"algorithm={name}")
    if challenge.opaque is not None:
        parts.append(f"opaque={_quoted(challenge.opaque)}")
    if challenge.qop:
        parts += [f"qop={challenge.qop}", f"nc={count:08x}"]
    if challenge.qop or challenge.session:
        parts.append(f'cnonce="{cnonce}"')
    return "Digest " + ", ".join(parts)


def _hash(algorithm: Algorithm, text: str) -> str:
    octets = text.encode("utf-8", "surrogateescape")
    match algorithm:
        case Algorithm.MD5:
            return md5(octets, usedforsecurity=False).hexdigest()
        case Algorithm.SHA256:
            return sha256(octets).hexdigest()


def _quoted(text: str) -> str:
    plain = _UNFIT.sub("", text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
