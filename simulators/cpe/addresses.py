"""Addresses that units call from."""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import ip_network


class NetworkError(ValueError):
    """The text names no network, or none that this machine has addresses of."""


def sources(network: str) -> Callable[[int], str]:
    """Return what gives unit number n (from 0) its address in ``network``, such as 127.1.0.0/16.

    More units than addresses share them evenly.  Raises `NetworkError`.
    """
    try:
        net = ip_network(network)
    except ValueError as error:
        raise NetworkError(f"{error}; a network is written like 127.1.0.0/16") from None
    single = net.num_addresses == 1
    first, count = (0, 1) if single else (1, max(1, net.num_addresses - 2))

    def source(number: int) -> str:
        return str(net[first + number % count])

    return source


def check_source(address: str) -> None:
    """Raise `NetworkError` where this machine cannot call from ``address``."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.bind((address, 0))
    except OSError as error:
        raise NetworkError(
            f"this machine cannot call from {address} ({error.strerror}); "
            "it can from 127.0.0.0/8, and from what its interfaces have"
        ) from None
