"""STUN for devices behind a NAT, and the datagram that wakes them (TR-069 Annex G), no sockets."""

from __future__ import annotations

import hashlib
import hmac
import struct
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from acs.cwmp.wakeup import Binding, StunServer, Target
from acs.cwmp.wakeup.bindings import Bindings
from acs.cwmp.wakeup.stun import (
    MOST_OCTETS,
    Attribute,
    BindingRequest,
    Form,
    parse_request,
    response,
    unauthorized,
)
from acs.cwmp.wakeup.udp import datagram, signature
from acs.cwmp.wakeup.udp_edge import LOOKUPS_PER_SECOND
from acs.model import Secret
from simulators.cpe.stun import Calls, Mapped, binding_request, read_answer

KEY = "1C61B4-Device2-22275A7000001"
PASSWORD = Secret("a-password-of-its-own")
CLASSIC = bytes(range(16))
MODERN = bytes.fromhex("2112a442b7e7a701bc34d686fa87dfae")
AT = ("203.0.113.7", 40001)

RFC_5769 = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74"
    "002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf"
)


def asked(transaction: bytes = CLASSIC, **more: Any) -> bytes:
    return binding_request(transaction, **more)


def signed(transaction: bytes = CLASSIC, password: str = PASSWORD.reveal()) -> bytes:
    return binding_request(transaction, (KEY, password))


def parsed(octets: bytes) -> BindingRequest:
    request = parse_request(octets)
    assert request is not None
    return request


def with_attributes(*attributes: tuple[int, bytes], kind: int = 1) -> bytes:
    body = b"".join(
        struct.pack("!HH", number, len(value)) + value + bytes(-len(value) % 4)
        for number, value in attributes
    )
    return struct.pack("!HH", kind, len(body)) + CLASSIC + body


# --- messages -----------------------------------------------------------------------------


def test_the_sample_request_of_rfc_5769() -> None:
    request = parsed(RFC_5769)
    assert request.modern
    assert request.username == "evtj:h6vY"
    assert not request.for_calls
    assert request.proven_by(Secret("VOkJxbRl1RmTxUk/WvJxBt")) is Form.PLAIN
    assert request.proven_by(Secret("VOkJxbRl1RmTxUk/WvJxBT")) is None


def test_the_sample_address_of_rfc_5769() -> None:
    answer = response(parsed(RFC_5769), "192.0.2.1", 32853)
    assert bytes.fromhex("002000080001a147e112a643") in answer
    assert answer.startswith(bytes.fromhex("010100182112a442b7e7a701bc34d686fa87dfae"))
    answer = response(parsed(RFC_5769), "2001:db8:1234:5678:11:2233:4455:6677", 32853)
    assert bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9") in answer


def test_a_request_of_a_device() -> None:
    request = parsed(asked(changed=True))
    assert (request.modern, request.for_calls, request.binding_changed) == (False, True, True)
    assert request.username is None
    assert request.proven_by(PASSWORD) is None
    request = parsed(signed())
    assert request.username == KEY
    assert request.proven_by(PASSWORD) is Form.PADDED
    assert request.proven_by(Secret("other")) is None
    assert PASSWORD.reveal() not in repr(request)


def test_a_change_of_one_octet_spoils_the_signature() -> None:
    octets = signed()
    for at in range(4, len(octets) - 24):
        other = octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]
        request = parse_request(other)
        assert request is None or request.proven_by(PASSWORD) is None


@pytest.mark.parametrize("padding", [b"", b"\0\0", b"  ", b"\0"])
def test_a_user_name_may_be_filled_up(padding: bytes) -> None:
    request = parsed(with_attributes((Attribute.USERNAME, b"abc" + padding)))
    assert request.username == "abc"


@pytest.mark.parametrize(
    ("host", "transaction"),
    [("203.0.113.7", CLASSIC), ("203.0.113.7", MODERN), ("2001:db8::7", MODERN)],
)
def test_the_answer_is_little_longer_than_the_shortest_request(
    host: str, transaction: bytes
) -> None:
    bare = parsed(struct.pack("!HH", 1, 0) + transaction)
    assert len(response(bare, host, 40001)) <= 20 + 48
    whole = signed(transaction)
    request = parsed(whole)
    form = request.proven_by(PASSWORD)
    assert form
    assert len(response(request, host, 40001, (PASSWORD, form))) <= len(whole)
    assert len(unauthorized(request)) <= 40


def test_the_answer_is_signed_as_the_request_was() -> None:
    answer = response(parsed(signed()), *AT, (PASSWORD, Form.PADDED))
    assert read_answer(answer, CLASSIC) == Mapped(*AT)
    text = answer[:-24]
    text += bytes(-len(text) % 64)
    assert answer[-20:] == hmac.digest(PASSWORD.reveal().encode(), text, hashlib.sha1)


def test_the_refusal_is_a_401() -> None:
    assert read_answer(unauthorized(parsed(asked())), CLASSIC) == Mapped(error=401)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0\1",
        asked()[:-1],
        asked() + b"\0",
        with_attributes(kind=0x0101),
        with_attributes(kind=0x0111),
        with_attributes(kind=0x0002),
        with_attributes(kind=0x0003),
        with_attributes(kind=0x0011),
        struct.pack("!HH", 1, 2) + CLASSIC + b"\0\6",
        struct.pack("!HH", 1, 8) + CLASSIC + struct.pack("!HH", 6, 5) + b"abcd",
        with_attributes((6, b"x" * MOST_OCTETS)),
        b"GET http://203.0.113.7:40001?ts=1 HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_binding_request(octets: bytes) -> None:
    assert parse_request(octets) is None


# --- bindings -----------------------------------------------------------------------------


def test_bindings_are_forgotten_by_age_and_by_number() -> None:
    bindings = Bindings(capacity=2, lifetime=60.0)
    one, two = Binding("203.0.113.7", 1), Binding("203.0.113.7", 2)
    assert bindings.learn("a", one, 0.0)
    assert not bindings.learn("a", one, 10.0)
    assert bindings.learn("a", two, 20.0)
    assert bindings.of("a", 80.0) == two
    assert bindings.of("a", 80.1) is None
    assert bindings.of("b", 0.0) is None
    bindings.learn("b", one, 30.0)
    bindings.learn("a", two, 31.0)
    bindings.learn("c", one, 32.0)
    assert len(bindings) == 2
    assert bindings.of("b", 32.0) is None
    assert bindings.of("a", 32.0) == two
    assert Binding("2001:db8::7", 1).address == "[2001:db8::7]:1"


# --- the datagram -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("username", "password", "sig"),
    [
        # printf '%s' 1120673700 1234 NAME XTGRWIPC6D3IPXS3 | openssl dgst -sha1 -hmac PASSWORD
        ("CPE57689", "password", "f749ee6d9e3bc469fb709ead2a75ee7535f58552"),
        ("CPE57689", "", "5f944eaeb0fb75e6b16c804e2cff5c8382aa446e"),
    ],
)
def test_the_signature(username: str, password: str, sig: str) -> None:
    known = {"ts": 1120673700, "message_id": 1234, "cn": "XTGRWIPC6D3IPXS3"}
    assert signature(username, Secret(password), **known) == sig  # type: ignore[arg-type]


def test_the_datagram() -> None:
    octets = datagram(
        Target("10.1.1.1", 8080),
        "CPE57689",
        Secret("password"),
        ts=1120673700,
        message_id=1234,
        cn="XTGRWIPC6D3IPXS3",
    )
    assert octets == (
        b"GET http://10.1.1.1:8080?ts=1120673700&id=1234&un=CPE57689&cn=XTGRWIPC6D3IPXS3"
        b"&sig=f749ee6d9e3bc469fb709ead2a75ee7535f58552 HTTP/1.1\r\nHost: 10.1.1.1:8080\r\n\r\n"
    )


@pytest.mark.parametrize("username", ["CPE57689", "a b&c=d", "Zoé+%41", "x\r\nEvil: y", ""])
def test_any_user_name_reaches_the_unit(username: str) -> None:
    octets = datagram(Target("10.1.1.1", 80), username, PASSWORD, ts=5, message_id=1, cn="c")
    assert octets.startswith(b"GET http://10.1.1.1?ts=5&id=1&un=")
    assert octets.count(b"\r\n") == 3
    assert Calls().takes(octets, username, PASSWORD.reveal())


def test_a_unit_takes_a_call_once() -> None:
    def call(ts: int, number: int, password: Secret = PASSWORD) -> bytes:
        return datagram(Target("10.1.1.1", 80), "acs", password, ts=ts, message_id=number, cn="c")

    calls = Calls()

    def takes(octets: bytes) -> bool:
        return calls.takes(octets, "acs", PASSWORD.reveal())

    assert takes(call(100, 1))
    assert not takes(call(100, 1)), "a copy"
    assert takes(call(100, 2)), "another of the same second"
    assert not takes(call(99, 3)), "an old one"
    assert takes(call(101, 1))
    assert not takes(call(102, 1, Secret("other")))
    assert not takes(call(102, 1).replace(b"ts=102", b"ts=103"))
    assert not takes(call(102, 1).replace(b"GET ", b"PUT "))
    assert not calls.takes(call(102, 1), "other", PASSWORD.reveal())
    assert takes(call(102, 1))


# --- the server ---------------------------------------------------------------------------


class Wire:
    """Keeps what a server sends, in place of a UDP socket."""

    def __init__(self, host: str = "192.0.2.1") -> None:
        self.host = host
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def getHost(self) -> Wire:
        return self

    def write(self, octets: bytes, place: tuple[str, int]) -> None:
        self.sent.append((octets, place))


class World:
    """A STUN server that knows one device, on a wire of its own."""

    def __init__(self, *, host: str = "192.0.2.1", **settings: Any) -> None:
        self.clock, self.wire = Clock(), Wire(host)
        self.clock.advance(1000)
        self.accounts: dict[str, Secret] = {KEY: PASSWORD}
        self.lookups: list[str] = []
        self.learned: list[tuple[str, Binding]] = []
        self.lost = False
        self.server = StunServer(
            self.clock,
            self.look_up,
            learned=lambda name, binding: self.learned.append((name, binding)),
            now=lambda: 1_700_000_000.9,
            **settings,
        )
        self.server.transport = self.wire  # type: ignore[assignment]

    def look_up(self, username: str) -> Deferred[Secret | None]:
        self.lookups.append(username)
        return fail(OSError("away")) if self.lost else succeed(self.accounts.get(username))

    def hears(self, octets: bytes, place: tuple[str, int] = AT) -> Mapped | None:
        """What the server says to this, None: nothing."""
        before = len(self.wire.sent)
        self.server.datagramReceived(octets, place)
        new = self.wire.sent[before:]
        assert len(new) <= 1
        if not new:
            return None
        assert new[0][1] == place
        return read_answer(new[0][0], octets[4:20])


def test_a_device_signs_when_it_is_asked_to_and_is_known_by_then() -> None:
    world = World()
    assert world.hears(asked()) == Mapped(error=401)
    assert (world.server.binding_of(KEY), world.lookups) == (None, [])
    assert world.hears(signed()) == Mapped(*AT)
    assert world.server.binding_of(KEY) == AT
    assert world.hears(signed(), ("203.0.113.7", 40002)) == Mapped("203.0.113.7", 40002)
    assert world.server.binding_of(KEY) == ("203.0.113.7", 40002)
    assert world.learned == [(KEY, Binding(*AT)), (KEY, Binding("203.0.113.7", 40002))]
    assert world.lookups == [KEY], "a password that held is not looked up again"
    world.clock.advance(300.1)
    assert world.server.binding_of(KEY) is None


@pytest.mark.parametrize(
    "octets",
    [
        signed(password="other"),
        binding_request(CLASSIC, ("somebody", PASSWORD.reveal())),
        with_attributes((Attribute.USERNAME, KEY.encode())),
        with_attributes(
            (Attribute.USERNAME, KEY.encode()), (Attribute.CONNECTION_REQUEST_BINDING, b"other")
        ),
        asked(),
    ],
)
@pytest.mark.parametrize("demand", [True, False])
def test_nothing_is_learned_of(octets: bytes, demand: bool) -> None:
    world = World(demand=demand)
    assert world.hears(octets) in (Mapped(*AT), Mapped(error=401))
    assert world.learned == []
    assert world.server.binding_of(KEY) is None
    assert world.server.binding_of("somebody") is None


def test_a_stranger_does_not_take_the_place_of_a_known_device() -> None:
    world = World()
    world.hears(signed())
    assert world.hears(signed(password="guess"), ("198.51.100.1", 9)) == Mapped(error=401)
    assert world.server.binding_of(KEY) == AT


def test_a_new_password_counts_at_once() -> None:
    world = World()
    world.hears(signed())
    world.accounts[KEY] = Secret("new")
    assert world.hears(signed(password="new"), ("203.0.113.7", 7)) == Mapped("203.0.113.7", 7)
    assert world.server.binding_of(KEY) == ("203.0.113.7", 7)
    world.clock.advance(601)
    assert world.hears(signed()) == Mapped(error=401), "the old one no longer does"


def test_without_demand_a_device_without_password_needs_no_signature() -> None:
    world = World(demand=False)
    world.accounts = {"open": Secret(""), KEY: PASSWORD}
    mark = (Attribute.CONNECTION_REQUEST_BINDING, b"dslforum.org/TR-111 ")
    assert world.hears(with_attributes(mark, (Attribute.USERNAME, b"open"))) == Mapped(*AT)
    assert world.server.binding_of("open") == AT
    named = with_attributes(mark, (Attribute.USERNAME, KEY.encode()))
    assert world.hears(named) == Mapped(error=401)
    assert world.server.binding_of(KEY) is None
    assert world.hears(asked()) == Mapped(*AT)


def test_while_the_database_is_away_the_device_asks_again() -> None:
    world = World()
    world.lost = True
    assert world.hears(signed()) is None
    world.lost = False
    assert world.hears(signed()) == Mapped(*AT)


def test_forged_user_names_do_not_keep_the_database_busy() -> None:
    world = World()
    world.hears(signed())
    for number in range(LOOKUPS_PER_SECOND + 50):
        forged = binding_request(CLASSIC, (f"nobody-{number}", "guess"))
        world.hears(forged, (f"198.51.{number // 250}.{number % 250}", 9))
    assert len(world.lookups) <= LOOKUPS_PER_SECOND
    assert world.hears(signed()) == Mapped(*AT), "who is known already is served on"
    world.clock.advance(1)
    world.hears(binding_request(CLASSIC, ("nobody", "guess")))
    assert world.lookups[-1] == "nobody"


def test_an_answer_goes_nowhere_else() -> None:
    """RESPONSE-ADDRESS and CHANGE-REQUEST could have others be thrown at (`hears` looks where)."""
    world = World()
    elsewhere = bytes([0, 1]) + struct.pack("!H", 53) + bytes([198, 51, 100, 1])
    assert world.hears(with_attributes((0x0002, elsewhere))) == Mapped(*AT)
    assert world.hears(with_attributes((0x0003, b"\0\0\0\0"))) == Mapped(*AT)
    assert world.hears(with_attributes((0x0003, b"\0\0\0\6"))) is None


def test_one_address_is_answered_so_often() -> None:
    world = World(per_second=10)
    answers = [world.hears(with_attributes()) for _ in range(700)]
    assert answers.count(Mapped(*AT)) == 600
    assert world.hears(with_attributes(), ("203.0.113.8", 1)) is not None
    world.clock.advance(0.1)
    assert world.hears(with_attributes()) is not None


def test_a_call_is_sent_three_times_from_the_same_socket() -> None:
    world = World()
    target = Target(*AT)
    assert world.server.call(target, "acs", PASSWORD)
    assert world.server.call(target, "acs", PASSWORD)
    octets = [octets for octets, place in world.wire.sent if place == AT]
    assert len(octets) == 6
    assert len(set(octets)) == 2
    calls = Calls()
    taken = [calls.takes(each, "acs", PASSWORD.reveal()) for each in octets]
    assert taken == [True, False, False, True, False, False]
    assert calls.newest == 1_700_000_000
    world.server.transport = None
    assert not world.server.call(target, "acs", PASSWORD)


def test_on_a_socket_of_ipv6_an_address_of_ipv4_is_itself() -> None:
    world = World(host="::")
    world.server.datagramReceived(signed(), ("::ffff:203.0.113.7", 40001))
    assert world.server.binding_of(KEY) == AT
    octets, place = world.wire.sent[-1]
    assert place == ("::ffff:203.0.113.7", 40001)
    assert read_answer(octets, CLASSIC) == Mapped(*AT)
    world.server.call(Target(*AT), "acs", PASSWORD)
    assert world.wire.sent[-1][1] == ("::ffff:203.0.113.7", 40001)
