"""Signed addresses of files: whatever is changed in one, it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.files.links import LONGEST_URL, Links, Purpose, Ticket

LINKS = Links(b"k" * 32)
TICKET = Ticket(Purpose.GET, 17, 301, 2000, "XX230v_1.2.bin")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

names = st.builds(
    lambda first, rest: first + rest,
    st.sampled_from(ALPHABET[:-3]),
    st.text(ALPHABET, max_size=79),
)
tickets = st.builds(
    Ticket,
    st.sampled_from(Purpose),
    st.integers(1, 10**15),
    st.integers(1, 10**15),
    st.integers(1, 10**11),
    names,
)


@given(tickets)
def test_what_is_signed_is_read_until_its_time_has_passed(ticket: Ticket) -> None:
    path = LINKS.path(ticket)
    assert LINKS.read(path, ticket.expires - 1) == ticket
    assert LINKS.read(path, ticket.expires) is None


@given(tickets, st.data())
def test_any_bit_that_changes_is_refused(ticket: Ticket, data: st.DataObject) -> None:
    octets = bytearray(LINKS.path(ticket).encode())
    at = data.draw(st.integers(0, 8 * len(octets) - 1))
    octets[at // 8] ^= 1 << at % 8
    changed = octets.decode("latin-1")
    # A bit may turn a letter into "?", after which is the query: a shorter name was not signed.
    assert LINKS.read(changed, 0) is None


@given(tickets, tickets)
def test_a_signature_is_good_for_its_own_address_only(one: Ticket, other: Ticket) -> None:
    if one == other:
        return
    signature = LINKS.path(one).split("/")[5]
    parts = LINKS.path(other).split("/")
    parts[5] = signature
    assert LINKS.read("/".join(parts), 0) is None


def test_another_device_job_or_time_is_refused() -> None:
    path = LINKS.path(TICKET)
    for old, new in (("/17/", "/18/"), ("/301/", "/302/"), ("/2000/", "/9000/"), ("get", "put")):
        assert LINKS.read(path.replace(old, new, 1), 0) is None


def test_another_key_is_refused() -> None:
    assert Links(b"q" * 32).read(LINKS.path(TICKET), 0) is None


@pytest.mark.parametrize(
    "target",
    ["http://acs.example.net:7548{}", "/behind/a/proxy{}", "{}?try=2"],
)
def test_what_a_proxy_or_a_client_adds_around_is_no_matter(target: str) -> None:
    assert LINKS.read(target.format(LINKS.path(TICKET)), 0) == TICKET


@pytest.mark.parametrize(
    "name", ["", "../etc/passwd", "a/b", ".hidden", "a b", "é", "a" * 81, "-f"]
)
def test_a_name_that_could_lead_elsewhere_is_never_signed(name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        LINKS.path(Ticket(Purpose.GET, 1, 1, 1, name))


@given(st.text())
def test_no_text_makes_it_fail(target: str) -> None:
    assert LINKS.read(target, 0) is None


def test_the_longest_address_is_short_enough_for_a_device() -> None:
    ticket = Ticket(Purpose.GET, 10**9, 10**9, 10**10, "n" * 80)
    base = "http://" + "h" * 60 + ":7548"
    assert len(base + LINKS.path(ticket)) <= LONGEST_URL


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 octets"):
        Links(b"short")
