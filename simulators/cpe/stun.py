"""A unit behind a NAT: it keeps a way open with STUN, and takes signed datagrams (TR-069 Annex G).

Written from the standard, without a look at the server: RFC 3489 messages over IPv4.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1
from hmac import HMAC, compare_digest
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twisted.internet.protocol import DatagramProtocol

from .device import VALUE_CHANGE
from .life import Life
from .model import ACTIVE

_REQUEST, _RESPONSE, _ERROR = 0x0001, 0x0101, 0x0111
_MAPPED, _USERNAME, _INTEGRITY, _ERROR_CODE = 0x0001, 0x0006, 0x0008, 0x0009
_FOR_CALLS, _CHANGED = 0xC001, 0xC002
_MARK = b"dslforum.org/TR-111 "
_USUAL_PERIOD = 30.0
"""Seconds, where STUNMinimumKeepAlivePeriod is 0."""
_QUERY = re.compile(rb"GET ([\x21-\x7e]+) HTTP/1\.\d\r\n")


def binding_request(
    transaction: bytes, account: tuple[str, str] | None = None, *, changed: bool = False
) -> bytes:
    """Return a Binding Request from the port where datagrams are awaited.

    ``transaction`` has 16 octets.  With ``account``, STUNUsername and STUNPassword, it is signed.
    """
    body = _attribute(_FOR_CALLS, _MARK)
    if changed:
        body += _attribute(_CHANGED, b"")
    if account is None:
        return struct.pack("!HH", _REQUEST, len(body)) + transaction + body
    username, password = account
    body += _attribute(_USERNAME, username.encode())
    head = struct.pack("!HH", _REQUEST, len(body) + 24) + transaction
    text = head + body
    text += b"\0" * ((64 - len(text) % 64) % 64)
    return head + body + _attribute(_INTEGRITY, HMAC(password.encode(), text, sha1).digest())


def _attribute(kind: int, value: bytes) -> bytes:
    value += b"\0" * ((4 - len(value) % 4) % 4)
    return struct.pack("!HH", kind, len(value)) + value


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a STUN server sees of us, or the code of its refusal."""

    host: str = ""
    port: int = 0
    error: int = 0


def read_answer(octets: bytes, transaction: bytes) -> Mapped | None:
    """Read the answer to the request with this transaction id; None: it is none."""
    if len(octets) < 20 or octets[4:20] != transaction:
        return None
    kind, length = struct.unpack_from("!HH", octets)
    if kind not in (_RESPONSE, _ERROR) or length != len(octets) - 20:
        return None
    at = 20
    while at + 4 <= len(octets):
        attribute, size = struct.unpack_from("!HH", octets, at)
        value = octets[at + 4 : at + 4 + size]
        if (kind, attribute) == (_RESPONSE, _MAPPED) and value[1:2] == b"\1" and len(value) == 8:
            return Mapped(str(IPv4Address(value[4:])), *struct.unpack("!H", value[2:4]))
        if (kind, attribute) == (_ERROR, _ERROR_CODE) and len(value) >= 4:
            return Mapped(error=value[2] * 100 + value[3])
        at += 4 + size + (4 - size % 4) % 4
    return None


@dataclass(slots=True)
class Calls:
    """Tells a true request for a connection from a false and from a repeated one."""

    newest: int = -1
    """The latest ``ts`` taken, in seconds since 1970."""
    ids: set[str] = field(default_factory=set)
    """Of the requests of that second."""

    def takes(self, octets: bytes, username: str, password: str) -> bool:
        """Tell whether a datagram asks us to call, and is not one that was taken before."""
        line = _QUERY.match(octets)
        if line is None:
            return False
        uri = urlsplit(line[1].decode("ascii"))
        given = dict(parse_qsl(uri.query, keep_blank_values=True))
        if uri.scheme != "http" or not given.keys() >= {"ts", "id", "un", "cn", "sig"}:
            return False
        ts, number = given["ts"], given["id"]
        if given["un"] != username or not (ts.isdecimal() and len(ts) < 20):
            return False
        text = "".join(given[name] for name in ("ts", "id", "un", "cn"))
        wanted = HMAC(password.encode(), text.encode(), sha1).hexdigest()
        if not compare_digest(wanted.encode(), given["sig"].lower().encode()):
            return False
        if int(ts) < self.newest or (int(ts) == self.newest and number in self.ids):
            return False
        if int(ts) > self.newest:
            self.newest, self.ids = int(ts), set()
        self.ids.add(number)
        return True


class StunClient(DatagramProtocol):
    """Keeps a way to one unit open while its STUNEnable is set, and takes calls on it.

    `look` starts and stops it by what the unit is set to; ``address`` is what it is bound to,
    ``random`` gives that many random octets.
    """

    noisy = False

    def __init__(
        self, reactor: Any, life: Life, address: str, random: Callable[[int], bytes]
    ) -> None:
        self._reactor = reactor
        self._life = life
        self._address = address
        self._random = random
        self._management = f"{life.ont.model.top}ManagementServer."
        self._calls = Calls()
        self._port: Any = None
        self._timer: Any = None
        self._transaction = b""
        self._signs = False
        """The server asked for signatures."""
        self._account = ("", "")
        self._changed = False

    def look(self) -> None:
        """Begin, go on or end, as the unit is set now."""
        if self._get("STUNEnable") != "1":
            self.stop()
        elif self._port is None:
            self._port = self._reactor.listenUDP(0, self, interface=self._address)
            self._keep_alive()

    def stop(self) -> None:
        """Be silent, and hear nothing more."""
        port, self._port = self._port, None
        if port is not None:
            if self._timer.active():
                self._timer.cancel()
            port.stopListening()
            self._tell("", "0")

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """Take the answer of the server, or a call."""
        if self._port is None:
            return
        answer = read_answer(datagram, self._transaction)
        if answer is None:
            if self._calls.takes(datagram, *self._life.ont.connection_request_account):
                self._life.request_connection()
        elif answer.error == 401:
            if not self._signs and self._account[0]:
                self._signs = True
                self._ask()
        elif not answer.error:
            self._mapped(answer)

    def _mapped(self, answer: Mapped) -> None:
        own = self._port.getHost()
        port = "" if answer.port == 80 else f":{answer.port}"
        nat = (answer.host, answer.port) != (own.host, own.port)
        self._changed = self._tell(f"{answer.host}{port}", "1" if nat else "0")

    def _tell(self, address: str, nat: str) -> bool:
        """Note how it can be reached; True where that is news."""
        tree, path = self._life.ont.tree, self._management + "UDPConnectionRequestAddress"
        if path not in tree or tree.get(path) == address:
            return False
        tree.put(path, address)
        tree.put(self._management + "NATDetected", nat)
        if tree.notification(path) == ACTIVE:
            self._life.call((VALUE_CHANGE.code,))
        return True

    def _keep_alive(self) -> None:
        if self._get("STUNEnable") != "1":  # a factory reset needs no session
            self.stop()
            return
        period = self._get("STUNMinimumKeepAlivePeriod")
        seconds = float(period) if period.isdecimal() else 0.0
        self._timer = self._reactor.callLater(seconds or _USUAL_PERIOD, self._keep_alive)
        account = (self._get("STUNUsername"), self._get("STUNPassword"))
        if account != self._account:
            self._account, self._signs = account, False
        self._ask()

    def _ask(self) -> None:
        server = self._get("STUNServerAddress") or urlsplit(self._life.ont.acs_url).hostname
        port = self._get("STUNServerPort")
        if server:
            found = self._reactor.resolve(server)
            found.addCallback(self._send, int(port) if port.isdecimal() else 3478)
            found.addErrback(lambda _: None)  # no such name: the next time, perhaps

    def _send(self, host: str, port: int) -> None:
        if self._port is not None:
            self._transaction = self._random(16)
            account = self._account if self._signs else None
            self._port.write(
                binding_request(self._transaction, account, changed=self._changed), (host, port)
            )

    def _get(self, leaf: str) -> str:
        return self._life.ont.tree.find(self._management + leaf)
