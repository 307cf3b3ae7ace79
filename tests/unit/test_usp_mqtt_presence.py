"""Presence from a broker: lines as Mosquitto 2.0.11 wrote them, and events as EMQX has them."""

from __future__ import annotations

import json

import pytest

from acs.usp.mqtt.presence import FILTERS, PresenceSource, Seen, is_presence, presence_of

TOPIC = "$SYS/broker/log/N"
AGENT = "os::00259E-9"


def of_line(line: str) -> Seen | None:
    return presence_of(PresenceSource.MOSQUITTO, TOPIC, line.encode())


@pytest.mark.parametrize(
    ("line", "here", "evidence"),
    [
        (
            "1795404180: New client connected from 127.0.0.1:33934 as os::00259E-9 "
            "(p5, c1, k60, u'bootstrap').",
            True,
            "broker: connected",
        ),
        (
            "1795404180: New client connected from 10.0.0.9:1 as os::00259E-9 (p2, c0, k60).",
            True,
            "broker: connected",
        ),
        (
            "New client connected from ::1:1 as os::00259E-9 (p2, c0, k60).",
            True,
            "broker: connected",
        ),
        (
            "1795404180: Client os::00259E-9 closed its connection.",
            False,
            "broker: closed its connection",
        ),
        ("1795404180: Client os::00259E-9 disconnected.", False, "broker: disconnected"),
        (
            "1795404181: Client os::00259E-9 disconnected due to protocol error.",
            False,
            "broker: disconnected due to protocol error",
        ),
        (
            "1: Client os::00259E-9 disconnected due to QoS too high or retain not supported.",
            False,
            "broker: disconnected due to QoS too high or retain not supported",
        ),
        (
            "1795404181: Client os::00259E-9 disconnected: The connection was lost.",
            False,
            "broker: disconnected: The connection was lost",
        ),
        (
            "1795404189: Client os::00259E-9 has exceeded timeout, disconnecting.",
            False,
            "broker: keep-alive exceeded",
        ),
        (
            "1795404189: Client os::00259E-9 been disconnected by administrative action.",
            False,
            "broker: disconnected by administrative action",
        ),
        (
            "2026-11-23T04:29:49+0000: Client os::00259E-9 [10.1.2.3:99] disconnected.",
            False,
            "broker: disconnected",
        ),
    ],
)
def test_lines_of_mosquitto(line: str, here: bool, evidence: str) -> None:
    seen = of_line(line)
    assert seen is not None
    assert (seen.endpoint, seen.here, seen.evidence) == (AGENT, here, evidence)


@pytest.mark.parametrize(
    ("place", "address"),
    [("127.0.0.1:33934", "127.0.0.1"), ("::1:1", "::1"), ("[2001:db8::7]:1", "2001:db8::7")],
)
def test_the_address_an_agent_came_from(place: str, address: str) -> None:
    seen = of_line(f"1: New client connected from {place} as {AGENT} (p5, c1, k60).")
    assert seen == Seen(AGENT, here=True, evidence="broker: connected", address=address)


@pytest.mark.parametrize(
    "line",
    [
        "1795404179: New connection from 127.0.0.1:33918 on port 7999.",
        "1795404179: Client <unknown> closed its connection.",
        "1795404190: Client <unknown> disconnected, not authorised.",
        "1795404180: Client os::00259E-9 already connected, closing old connection.",
        "1795404190: Client mqttjs_77 disconnected.",
        "1795404190: New client connected from 10.0.0.9:1 as mqttjs_77 (p2, c0, k60).",
        "1795404190: Expiring client os::00259E-9 due to timeout.",
        "",
    ],
)
def test_lines_that_say_nothing_of_an_agent(line: str) -> None:
    assert of_line(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "1: New client connected from 1.2.3.4:5 as x: Client os::00259E-9 disconnected. (p5, c1).",
        "1: Client os::00259E-9 disconnected. closed its connection.",
        "1: Client x: Client os::00259E-9 closed its connection.",
        "1: Client os::00259E-9 disconnected due to spite disconnected.",
        "1: Client os::00259E-9 disconnected: spite closed its connection.",
        "1: New client connected from 1:5 as x as os::00259E-9 (p5, c1, k60, u'b').",
    ],
)
def test_a_client_id_cannot_speak_for_another(line: str) -> None:
    assert of_line(line) is None


def test_octets_that_are_no_text_say_nothing() -> None:
    assert presence_of(PresenceSource.MOSQUITTO, TOPIC, b"\xff\xfe") is None


def of_event(kind: str, **event: object) -> Seen | None:
    topic = f"$SYS/brokers/emqx@10.0.0.1/clients/{AGENT}/{kind}"
    return presence_of(PresenceSource.EMQX, topic, json.dumps(event).encode())


@pytest.mark.parametrize(
    ("kind", "reason", "seen"),
    [
        ("connected", "", Seen(AGENT, True, "broker: connected")),
        ("disconnected", "normal", Seen(AGENT, False, "broker: normal")),
        ("disconnected", "keepalive_timeout", Seen(AGENT, False, "broker: keep-alive exceeded")),
        ("disconnected", "", Seen(AGENT, False, "broker: disconnected")),
        ("disconnected", "takenover", None),
        ("disconnected", "discarded", None),
        ("subscribed", "", None),
    ],
)
def test_events_of_emqx(kind: str, reason: str, seen: Seen | None) -> None:
    assert of_event(kind, clientid=AGENT, reason=reason, proto_ver=5) == seen


def test_an_event_of_emqx_is_about_the_client_in_its_topic() -> None:
    assert of_event("connected", clientid="os::00259E-other") is None


@pytest.mark.parametrize("payload", [b"", b"[]", b"{", b'{"clientid": 7}', b"\xff"])
def test_events_that_cannot_be_read_say_nothing(payload: bytes) -> None:
    topic = f"$SYS/brokers/n/clients/{AGENT}/connected"
    assert presence_of(PresenceSource.EMQX, topic, payload) is None


def test_presence_can_be_off() -> None:
    line = b"1: Client os::00259E-9 disconnected."
    assert presence_of(PresenceSource.OFF, TOPIC, line) is None
    assert FILTERS[PresenceSource.OFF] == ()


def test_what_is_subscribed_to_is_told_from_records() -> None:
    assert all(is_presence(each) for filters in FILTERS.values() for each in filters)
    assert not is_presence("usp/v1/controller/x")
