"""A unit of a running simulator answers connection requests, and says where in its Inform."""

from __future__ import annotations

from collections.abc import Callable
from os import urandom
from typing import Any

from twisted.internet.error import CannotListenError

from .connreq import Listener, Quirk
from .life import Life
from .stun import StunClient


class ListenError(ValueError):
    """Nothing can listen there."""


def listen(
    reactor: Any,
    life: Life,
    address: str,
    nonce: Callable[[], str],
    quirks: frozenset[Quirk] = frozenset(),
) -> None:
    """Listen on a free port of ``address`` for connection requests to the unit of ``life``.

    While its STUNEnable is set, it can be reached by datagrams as well (TR-069 Annex G).
    ``nonce`` gives nonces.  Raises `ListenError`.
    """
    ont = life.ont
    listener = Listener(
        reactor,
        lambda: ont.connection_request_account,
        life.request_connection,
        nonce,
        quirks=quirks,
        in_session=lambda: ont.in_session,
    )
    try:
        port = reactor.listenTCP(0, listener, interface=address)
    except CannotListenError as error:
        raise ListenError(
            f"--listen wants an address of this machine with a port left, such as 127.0.0.1, "
            f"not {address}: {error.socketError}"
        ) from None
    host = f"[{address}]" if ":" in address else address
    ont.connection_request_url = f"http://{host}:{port.getHost().port}{listener.path}"
    stun = StunClient(reactor, life, address, urandom)
    life.after_session = stun.look
    stun.look()
