"""The STUN server, and the datagrams that wake devices through the NAT it keeps open (Annex G).

Both are on one socket: a NAT lets nothing in but what comes from where the device sent to.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import InvalidAddressError
from twisted.internet.protocol import DatagramProtocol
from twisted.python.failure import Failure

from acs.cwmp.pace import Pace
from acs.cwmp.wakeup import stun
from acs.cwmp.wakeup.bindings import Binding, Bindings
from acs.cwmp.wakeup.target import Target
from acs.cwmp.wakeup.udp import datagram
from acs.model import NO_SECRET, Secret

Password = Callable[[str], "Deferred[Secret | None]"]
"""Look up STUNPassword by STUNUsername; None: no device has that name."""

COPIES = 3
"""Of a datagram that wakes: some get lost, nobody answers, and a device acts on one alone."""
LOOKUPS = 100
"""Accounts that are looked up at a time; what comes meanwhile is dropped, and sent again."""
LOOKUPS_PER_SECOND = 300
"""The same in a second: who sends from forged addresses must not keep the database busy."""
REMEMBERED = 86_400.0
"""Seconds that a password is not looked up again, as long as it proves what comes."""
AT_ONCE = 16 * 1024
"""Octets that are read before others have their turn; the rest waits, or is lost, in the socket."""
_IN_IPV6 = "::ffff:"


class StunServer(DatagramProtocol):
    """Answers Binding Requests, remembers who is where, and wakes devices from the same socket.

    A binding is learned of a request with CONNECTION-REQUEST-BINDING and a user name that
    ``password`` knows; where that has a password, the request must be signed with it, else
    anybody could have the datagrams of a device sent to himself.  A device tells its user name
    and signs only when it is asked to.  With ``demand`` whoever wants to be called is; without,
    those that give a user name are, and others are told their address and not remembered.

    ``lifetime`` is how long a silent binding counts, in seconds; ``capacity`` how many are
    remembered; ``per_second`` how many requests of one address are looked at (many devices may
    share a NAT).  ``learned`` is told of a binding that is new or another one.  ``now`` gives
    seconds since 1970, by which a device knows that a request is not an old one.
    """

    noisy = False

    def __init__(
        self,
        reactor: Any,
        password: Password,
        *,
        demand: bool = True,
        lifetime: float = 300.0,
        capacity: int = 200_000,
        per_second: int = 100,
        learned: Callable[[str, Binding], None] = lambda _name, _binding: None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._reactor = reactor
        self._password = password
        self._demand = demand
        self._bindings = Bindings(capacity, lifetime)
        self._capacity = capacity
        self._pace = Pace(60 * per_second)
        self._learned = learned
        self._now = now
        self._passwords: OrderedDict[str, tuple[Secret, float]] = OrderedDict()
        self._asking: set[Deferred[Any]] = set()
        self._second, self._asked = 0, 0
        self._last_id = secrets.randbits(31)

    def binding_of(self, username: str) -> Binding | None:
        """Return host and port by which the device with this STUNUsername can be reached."""
        return self._bindings.of(username, self._reactor.seconds())

    def call(self, target: Target, username: str, password: Secret) -> bool:
        """Ask the device at ``target``, which the guard has let pass, to call.

        User name and password are those for connection requests.  Nobody answers: whether it
        worked shows when the device calls.  False: nothing left, no way leads there from here.
        """
        self._last_id = (self._last_id + 1) & 0x7FFFFFFF
        octets = datagram(
            target,
            username,
            password,
            ts=int(self._now()),
            message_id=self._last_id,
            cn=secrets.token_hex(8),
        )
        return all(self._send(octets, target.host, target.port) for _ in range(COPIES))

    def startProtocol(self) -> None:  # noqa: N802 - Twisted's name
        """Leave others on this thread their turn, however much comes."""
        self._transport.maxThroughput = AT_ONCE

    def stopProtocol(self) -> None:  # noqa: N802 - Twisted's name
        """The socket is gone: nobody waits for an answer."""
        for asking in tuple(self._asking):
            asking.cancel()

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:  # noqa: N802
        """Answer a request; whatever else comes is passed over in silence."""
        request = stun.parse_request(datagram)
        if request is None or request.elsewhere:
            return
        # A socket of IPv6 tells IPv4 addresses in its own form.
        source = Binding(addr[0].removeprefix(_IN_IPV6), addr[1])
        if self._pace.wait(source.host, self._reactor.seconds()):
            return
        if request.for_calls and self._demand and not request.signed:
            self._answer(stun.unauthorized(request), source)
        elif request.for_calls and request.username:
            self._from_device(request, request.username, source)
        else:
            self._answer(stun.response(request, *source), source)

    def _from_device(self, request: stun.BindingRequest, username: str, source: Binding) -> None:
        """Judge a device by the password that proved it lately, else by one looked up."""
        password, until = self._passwords.get(username, (NO_SECRET, 0.0))
        if self._reactor.seconds() < until and (
            not request.signed or request.proven_by(password) is not None
        ):
            self._judge(password, request, username, source)
        elif self._may_look_up():
            asking = self._password(username)
            self._asking.add(asking)
            asking.addBoth(self._looked_up, asking, request, username, source)

    def _may_look_up(self) -> bool:
        second = int(self._reactor.seconds())
        if second != self._second:
            self._second, self._asked = second, 0
        self._asked += 1
        return self._asked <= LOOKUPS_PER_SECOND and len(self._asking) < LOOKUPS

    def _looked_up(
        self,
        found: Secret | Failure | None,
        asking: Deferred[Any],
        request: stun.BindingRequest,
        username: str,
        source: Binding,
    ) -> None:
        self._asking.discard(asking)
        if isinstance(found, Failure):
            return  # nothing is known for now: the device asks again
        if found is None:
            self._answer(stun.response(request, *source), source)
        elif self._judge(found, request, username, source):
            self._passwords.pop(username, None)
            self._passwords[username] = (found, self._reactor.seconds() + REMEMBERED)
            if len(self._passwords) > self._capacity:
                self._passwords.popitem(last=False)

    def _judge(
        self, password: Secret, request: stun.BindingRequest, username: str, source: Binding
    ) -> bool:
        """Learn of a device that is known and proves itself; tell whether it did."""
        form = request.proven_by(password) if password else None
        if password and form is None:
            self._answer(stun.unauthorized(request), source)
            return False
        if self._bindings.learn(username, source, self._reactor.seconds()):
            self._learned(username, source)
        proof = None if form is None else (password, form)
        self._answer(stun.response(request, *source, proof), source)
        return True

    @property
    def _transport(self) -> Any:
        return self.transport

    def _answer(self, octets: bytes, source: Binding) -> None:
        self._send(octets, source.host, source.port)

    def _send(self, octets: bytes, host: str, port: int) -> bool:
        transport = self._transport
        if transport is None:
            return False
        if ":" in transport.getHost().host and ":" not in host:
            host = _IN_IPV6 + host
        try:
            transport.write(octets, (host, port))
        except (OSError, InvalidAddressError):
            return False  # no route, or another family than that of the socket
        return True
