"""The server side of HTTP Digest and Basic authentication (RFC 7616, 2617, 2069, 7617), pure.

Tolerant of what CPEs send: parameters in any order and quoting, no
commas, no qop, no opaque, nc that stays at 1, a uri that is absolute or is the announced domain.
Strict in what counts: the response must fit the stored HA1, the nonce must be ours and young,
and the same answer is not taken twice.

A nonce is its own proof: time, random octets and a keyed MAC over both, so nothing is stored and
every process with the same key can check it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Protocol
from urllib.parse import unquote

_STAMP = 5
"""Octets of a nonce: seconds since 1970, then random ones, then the MAC.

Together 24, hence 32 characters: netcwmp keeps no more of a nonce than that.
"""
_RANDOM = 7
_MAC = 12
_SKEW = 60.0
"""Seconds another process's clock may be ahead of ours."""

_PARAMETER = re.compile(
    r"""(?<![\w-])([A-Za-z][\w-]*+)\s*+=\s*+     # possessive: hostile text costs no backtracking
        (?: "((?:[^"\\]|\\.)*+)"?               # quoted; the end may be missing
          | '([^']*+)'?
          | ([^\s,"']*+) )""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SCHEME = re.compile(r"\s*(digest|basic)[\s,]+", re.IGNORECASE)
_QUOTED_PAIR = re.compile(r'\\(["\\])')
_HEX = re.compile(r"[0-9a-f]+")


class Algorithm(StrEnum):
    """Hash of a digest; the -sess form of each is `Digest.session`."""

    MD5 = "MD5"
    SHA256 = "SHA-256"


class Verdict(Enum):
    """What to do with an Authorization header."""

    OK = auto()
    STALE = auto()
    """The secret is right but the nonce is used up: challenge again with stale=true."""
    WRONG = auto()
    """Wrong secret, or another resource than the one asked for."""
    MALFORMED = auto()
    """Not enough parameters, or a form that was never offered."""


@dataclass(frozen=True, slots=True)
class Digest:
    """An `Authorization: Digest` header, with the values as they were sent."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str = field(repr=False)
    algorithm: Algorithm | None = Algorithm.MD5
    """None for one that is not known here."""
    session: bool = False
    """One of the -sess algorithms: HA1 covers nonce and cnonce too."""
    qop: str = ""
    nc: str = ""
    cnonce: str = ""
    opaque: str = ""


@dataclass(frozen=True, slots=True)
class Basic:
    """An `Authorization: Basic` header."""

    username: str
    password: str = field(repr=False)


def ha1(username: str, realm: str, password: str, algorithm: str = Algorithm.MD5) -> str:
    """What to store instead of a password: hex of H(username:realm:password), UTF-8.

    Raises ValueError for an algorithm other than MD5 and SHA-256.
    """
    return _hash(Algorithm(algorithm), f"{username}:{realm}:{password}".encode())


def parse_authorization(header: str) -> Digest | Basic | None:
    """Read an Authorization value; None when it is neither Digest nor Basic, or says nothing.

    Never raises, whatever the text.
    """
    scheme = _SCHEME.match(header)
    if scheme is None:
        return None
    rest = header[scheme.end() :]
    return _parse_digest(rest) if scheme[1].lower() == "digest" else _parse_basic(rest)


def _parse_digest(text: str) -> Digest | None:
    values: dict[str, str] = {}
    for name, quoted, single, bare in _PARAMETER.findall(text):
        value = _QUOTED_PAIR.sub(r"\1", quoted) if quoted else single or bare
        values.setdefault(name.lower(), value)
    if not values:
        return None
    response = values.get("response", "").strip().lower()
    algorithm, session = _algorithm(values.get("algorithm", ""), response)
    return Digest(
        username=values.get("username", ""),
        realm=values.get("realm", ""),
        nonce=values.get("nonce", ""),
        uri=values.get("uri", ""),
        response=response,
        algorithm=algorithm,
        session=session,
        qop=values.get("qop", "").strip(),
        nc=values.get("nc", "").strip(),
        cnonce=values.get("cnonce", ""),
        opaque=values.get("opaque", ""),
    )


def _algorithm(text: str, response: str) -> tuple[Algorithm | None, bool]:
    """The algorithm meant; a cut name (`SHA-2`, `MD`) is told by the length of the response."""
    name = text.strip().upper()
    base, mark, tail = name.partition("-S")
    session = bool(mark)
    if not "ESS".startswith(tail):
        return None, session
    for algorithm in Algorithm:
        if base == algorithm.value:
            return algorithm, session
    if not base or Algorithm.MD5.value.startswith(base):
        return Algorithm.MD5, session
    if Algorithm.SHA256.value.startswith(base) and len(response) == 64:
        return Algorithm.SHA256, session
    return None, session


def _parse_basic(text: str) -> Basic | None:
    token = "".join(text.split())
    try:
        octets = base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        plain = octets.decode("utf-8")
    except UnicodeDecodeError:
        plain = octets.decode("latin-1")
    username, colon, password = plain.partition(":")
    return Basic(username, password) if colon else None


class Taken(Protocol):
    """Remembers the answers that were taken."""

    def first(self, credentials: Digest) -> bool:
        """True the first time, and remembered; False for a repeat."""


def answer_id(credentials: Digest) -> bytes:
    """Name an answer, the same for its repeats.

    With qop a repeat has the same nonce, nc, cnonce and response (nc alone may stay at 1);
    without qop (RFC 2069) a nonce is good once.
    """
    parts = [credentials.nonce]
    if credentials.qop:
        parts += [credentials.nc, credentials.cnonce, credentials.response]
    return hashlib.blake2b(_wire("\0".join(parts)), digest_size=16).digest()


class Replay:
    """Remembers the answers already taken, the newest `capacity` of them (about 200 octets each).

    Only answers that proved the secret come in, so a stranger cannot push others out. A capacity
    above the number of authentications within a nonce's lifetime forgets nothing that matters.
    Implements `Taken` for one process.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self._capacity = capacity
        self._taken: OrderedDict[bytes, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._taken)

    def first(self, credentials: Digest) -> bool:
        """True the first time, and remembered; False for a repeat."""
        key = answer_id(credentials)
        if key in self._taken:
            self._taken.move_to_end(key)
            return False
        self._taken[key] = None
        if len(self._taken) > self._capacity:
            self._taken.popitem(last=False)
        return True


class Challenger:
    """Makes challenges for one realm and judges the answers.

    `key` (16 octets or more, shared by all processes) signs the nonces; `lifetime` is theirs in
    seconds. The first of `algorithms` is challenged first: many CPEs read only the first
    WWW-Authenticate, and all know MD5 (TR-069 3.4.5). `auth_int` offers integrity of the body
    too. `replay` remembers what was taken; None lets a response be repeated for a lifetime.

    Raises ValueError for a short key, an unknown algorithm, or a realm that cannot be quoted.
    """

    def __init__(
        self,
        realm: str,
        key: bytes,
        algorithms: Sequence[str] = (Algorithm.MD5, Algorithm.SHA256),
        lifetime: float = 300.0,
        *,
        auth_int: bool = False,
        replay: Taken | None = None,
    ) -> None:
        if len(key) < 16:
            raise ValueError("the nonce key needs at least 16 octets")
        if not algorithms:
            raise ValueError("offer at least one digest algorithm")
        if not realm.isascii() or not realm.isprintable():
            raise ValueError("the realm must be printable ASCII")
        self.realm = realm
        self.algorithms = tuple(Algorithm(name) for name in algorithms)
        self._key = key
        self._lifetime = lifetime
        self._qop = "auth,auth-int" if auth_int else "auth"
        self._replay = replay
        self._quoted_realm = realm.replace("\\", "\\\\").replace('"', '\\"')
        self._opaque = self._sign(b"opaque")[:8].hex()

    def challenge(self, now: float, random: bytes, *, stale: bool = False) -> tuple[str, ...]:
        """One WWW-Authenticate value for each algorithm, best sent as so many header fields.

        `now` is in seconds since 1970; `random` gives 7 octets or more, new for each challenge.
        """
        nonce = self._nonce(now, random)
        tail = ", stale=true" if stale else ""
        return tuple(
            f'Digest realm="{self._quoted_realm}", domain="/", nonce="{nonce}", '
            f'qop="{self._qop}", algorithm={algorithm}, opaque="{self._opaque}"{tail}'
            for algorithm in self.algorithms
        )

    def verify(
        self,
        credentials: Digest,
        *,
        method: str,
        target: str,
        body: bytes,
        ha1: Mapping[str, str],
        now: float,
    ) -> Verdict:
        """Judge an answer to a challenge for a request.

        `target` is the request target, `ha1` the stored hash by algorithm name (empty for an
        unknown user: the work is done all the same, so that time tells nothing).
        """
        algorithm = credentials.algorithm
        if algorithm is None or algorithm not in self.algorithms or not credentials.nonce:
            return Verdict.MALFORMED
        secret = ha1.get(algorithm)
        expected = _response(credentials, algorithm, method, body, secret or "0" * 32)
        if expected is None:
            return Verdict.MALFORMED
        proven = hmac.compare_digest(expected.encode(), _wire(credentials.response))
        if not proven or secret is None or not _same_resource(credentials.uri, target):
            return Verdict.WRONG
        if not self._is_fresh(credentials.nonce, now):
            return Verdict.STALE
        if self._replay is not None and not self._replay.first(credentials):
            return Verdict.STALE
        return Verdict.OK

    def verify_basic(self, credentials: Basic, ha1: Mapping[str, str]) -> Verdict:
        """Judge a Basic password against the same stored hashes; to be offered under TLS only."""
        algorithm = Algorithm.SHA256 if Algorithm.SHA256 in ha1 else Algorithm.MD5
        text = f"{credentials.username}:{self.realm}:{credentials.password}"
        presented = _hash(algorithm, text.encode("utf-8", "surrogatepass"))
        stored = ha1.get(algorithm, "").lower()
        return Verdict.OK if hmac.compare_digest(presented, stored) else Verdict.WRONG

    def _nonce(self, now: float, random: bytes) -> str:
        if len(random) < _RANDOM:
            raise ValueError(f"a nonce needs {_RANDOM} random octets")
        plain = int(now).to_bytes(_STAMP, "big") + random[:_RANDOM]
        return base64.urlsafe_b64encode(plain + self._sign(plain)).decode("ascii")

    def _is_fresh(self, nonce: str, now: float) -> bool:
        """Ours and not older than its lifetime."""
        try:
            octets = base64.urlsafe_b64decode(_wire(nonce))
        except (binascii.Error, ValueError):
            return False
        plain, mac = octets[: _STAMP + _RANDOM], octets[_STAMP + _RANDOM :]
        if not hmac.compare_digest(mac, self._sign(plain)):
            return False
        age = now - int.from_bytes(plain[:_STAMP], "big")
        return -_SKEW <= age <= self._lifetime

    def _sign(self, plain: bytes) -> bytes:
        message = self.realm.encode("ascii") + b"\0" + plain
        return hmac.digest(self._key, message, "sha256")[:_MAC]


def _response(
    credentials: Digest, algorithm: Algorithm, method: str, body: bytes, secret: str
) -> str | None:
    """The response the peer should have sent (RFC 7616 3.4.1); None when parameters are missing.

    Computed from the values sent, not from what they should have been.
    """
    qop = credentials.qop.lower()
    if qop not in ("", "auth", "auth-int"):
        return None
    if (qop or credentials.session) and not credentials.cnonce:
        return None
    if qop and not credentials.nc:
        return None
    if not _HEX.fullmatch(credentials.response):
        return None
    first = secret.lower()
    if credentials.session:
        first = _hash(algorithm, _wire(f"{first}:{credentials.nonce}:{credentials.cnonce}"))
    second = _wire(f"{method}:{credentials.uri}")
    if qop == "auth-int":
        second += b":" + _hash(algorithm, body).encode()
    middle = [credentials.nonce]
    if qop:
        middle += [credentials.nc, credentials.cnonce, credentials.qop]
    return _hash(algorithm, _wire(":".join([first, *middle, _hash(algorithm, second)])))


def _hash(algorithm: Algorithm, octets: bytes) -> str:
    match algorithm:
        case Algorithm.MD5:
            return hashlib.md5(octets, usedforsecurity=False).hexdigest()
        case Algorithm.SHA256:
            return hashlib.sha256(octets).hexdigest()


def _wire(text: str) -> bytes:
    """The octets of a header value; the HTTP edge reads them as Latin-1."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _same_resource(uri: str, target: str) -> bool:
    """Whether the digest's uri means the request's target: by path only, since proxies rewrite the
    rest. "/" always does: it is the announced domain, and netcwmp signs that instead."""
    path = path_of(uri)
    return path in ("", path_of(target))


def path_of(uri: str) -> str:
    """Decoded path of an absolute or origin-form target, without slashes at its end."""
    scheme, separator, rest = uri.partition("://")
    if separator and scheme.isalpha():
        _, slash, path = rest.partition("/")
        uri = slash + path
    path = re.split("[?#]", uri, maxsplit=1)[0]
    return unquote(path).rstrip("/")
