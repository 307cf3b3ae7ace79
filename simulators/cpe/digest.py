"""HTTP authentication of a CPE: Digest (RFC 2617, with and without qop) and Basic."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import md5

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


@dataclass(slots=True)
class Challenge:
    """A challenge of the ACS; ``count`` is the nonce count used so far."""

    scheme: str
    realm: str = ""
    nonce: str = ""
    opaque: str = ""
    algorithm: str = "MD5"
    qop: bool = False
    count: int = 0


def parse_challenges(headers: Iterable[str]) -> Challenge | None:
    """Choose what can be answered from the WWW-Authenticate headers, Digest before Basic."""
    challenges = [found for header in headers if (found := _parse(header))]
    return min(challenges, key=lambda c: c.scheme != "digest", default=None)


def _parse(header: str) -> Challenge | None:
    scheme, _, rest = header.strip().partition(" ")
    given = {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(rest)}
    if scheme.lower() == "basic":
        return Challenge("basic", realm=given.get("realm", ""))
    algorithm = given.get("algorithm", "MD5")
    if scheme.lower() != "digest" or not given.get("nonce"):
        return None
    if algorithm.upper() not in ("MD5", "MD5-SESS"):
        return None
    offered = [word.strip().lower() for word in given.get("qop", "").split(",")]
    if offered != [""] and "auth" not in offered:
        return None
    return Challenge(
        scheme="digest",
        realm=given.get("realm", ""),
        nonce=given["nonce"],
        opaque=given.get("opaque", ""),
        algorithm=algorithm,
        qop="auth" in offered,
    )


def authorization(
    challenge: Challenge,
    username: str,
    password: str,
    uri: str,
    cnonce: Callable[[], str],
    method: str = "POST",
) -> str:
    """Return the Authorization value for a request to ``uri``; counts the nonce up."""
    if challenge.scheme == "basic":
        return "Basic " + b64encode(f"{username}:{password}".encode()).decode()
    challenge.count += 1
    own, count = cnonce(), f"{challenge.count:08x}"
    secret = _hash(f"{username}:{challenge.realm}:{password}")
    if challenge.algorithm.upper() == "MD5-SESS":
        secret = _hash(f"{secret}:{challenge.nonce}:{own}")
    request = _hash(f"{method}:{uri}")
    if challenge.qop:
        response = _hash(f"{secret}:{challenge.nonce}:{count}:{own}:auth:{request}")
    else:
        response = _hash(f"{secret}:{challenge.nonce}:{request}")
    parts = [
        f'username="{username}"',
        f'realm="{challenge.realm}"',
        f'nonce="{challenge.nonce}"',
        f'uri="{uri}"',
        f'response="{response}"',
        f"algorithm={challenge.algorithm}",
    ]
    if challenge.opaque:
        parts.append(f'opaque="{challenge.opaque}"')
    if challenge.qop:
        parts += ["qop=auth", f"nc={count}", f'cnonce="{own}"']
    elif challenge.algorithm.upper() == "MD5-SESS":
        parts.append(f'cnonce="{own}"')
    return "Digest " + ", ".join(parts)


def _hash(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
