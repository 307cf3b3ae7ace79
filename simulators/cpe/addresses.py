"""Addresses that units call from."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network


class NetworkError(ValueError):
    """The text names no network."""


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
