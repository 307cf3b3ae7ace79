"""How many requests one address may make, and which address that is."""

from __future__ import annotations

import pytest

from acs.api.limits import RateLimit, client_of


def test_room_comes_back_little_by_little() -> None:
    limit = RateLimit(60)
    for _ in range(60):
        assert limit.wait("192.0.2.1", 0.0) == 0
        limit.count("192.0.2.1", 0.0)
    assert limit.wait("192.0.2.1", 0.0) == 1.0
    assert limit.wait("192.0.2.1", 0.5) == 0.5
    assert limit.wait("192.0.2.1", 1.0) == 0
    assert limit.wait("192.0.2.2", 0.0) == 0


def test_a_debt_ends_after_a_minute_and_little_more() -> None:
    limit = RateLimit(60)
    for _ in range(100):
        limit.count("192.0.2.1", 0.0, 10.0)
    assert limit.wait("192.0.2.1", 0.0) == pytest.approx(61.0)


def test_one_network_of_ipv6_is_one_address() -> None:
    limit = RateLimit(1)
    limit.count("2001:db8:1:2::1", 0.0)
    assert limit.wait("2001:db8:1:2:ffff::9", 0.0) > 0
    assert limit.wait("2001:db8:1:3::1", 0.0) == 0
    limit.count("::ffff:192.0.2.1", 0.0)
    assert limit.wait("192.0.2.1", 0.0) > 0


def test_the_address_not_heard_of_for_longest_is_forgotten_first() -> None:
    limit = RateLimit(1, addresses=2)
    for at, address in enumerate(["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"]):
        limit.count(address, float(at))
    assert limit.wait("192.0.2.2", 4.0) == 0
    assert limit.wait("192.0.2.1", 4.0) > 0


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "unknown", "127.0.0.1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_only_a_front_on_this_machine_is_believed(peer: str, told: str, client: str) -> None:
    assert client_of(peer, told) == client
