"""Units of a scenario that speak USP: what is read, how they live, what is measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock

from acs.usp.pb import usp_msg_pb2 as usp
from acs.usp.pb import usp_record_pb2 as record_pb
from simulators.scenario.evidence import Evidence, LostLink, Notified, Stretch
from simulators.scenario.house import _usp_settings
from simulators.scenario.measures import measure
from simulators.scenario.ports import Ports
from simulators.scenario.quarter import Quarter
from simulators.scenario.reading import ScenarioError, read
from simulators.scenario.scenario import Member, Mtp, Protocol, Scenario, members
from simulators.scenario.town import Town

TOWN = """\
name = "A town"
about = "What is tried."

[pace]
periodic = 7
reboot = 4

[[units]]
model = "tplink-a-ex220"
protocol = "usp"
mtps = { mqtt5 = 0.5, mqtt3 = 0.25, websocket = 0.25 }
count = 8
faults = ["twice=0.5"]
share = 0.25

[[units]]
model = "tplink-a-xx230v"
count = 2
moves = "upgrade"

[[phase]]
name = "calm"
seconds = 20

[[phase]]
name = "upgrade"
seconds = 20

[[phase]]
name = "dark"
seconds = 20
arrivals = { curve = "once" }
events = ["1 BOOT"]

[expect]
notifies = "> 1"
"""
PORTS = Ports("127.0.0.1:7883", "127.0.0.1:7884")


def read_with(old: str, new: str) -> Scenario:
    assert TOWN.count(old) == 1
    return read(TOWN.replace(old, new))


def test_shares_of_mtps_and_of_faults_are_spread_over_the_row() -> None:
    row = [member for member in members(read(TOWN)) if member.protocol is Protocol.USP]
    assert Counter(member.mtp for member in row) == {Mtp.MQTT5: 4, Mtp.MQTT3: 2, Mtp.WEBSOCKET: 2}
    assert {member.mtp for member in row[:4]} == set(Mtp)
    assert [member.faults for member in row].count(("twice=0.5",)) == 2


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('faults = ["twice=0.5"]', 'faults = ["flood=5"]', "no mischief 'flood'"),
        ("websocket = 0.25", "websocket = 0.5", "have to make 1"),
        ("mqtt3 = 0.25", "mqtt3 = 0", "above 0"),
        ("mqtt3 = 0.25", "mqtt4 = 0.25", "mqtt4"),
        ('protocol = "usp"', 'protocol = "snmp"', "snmp"),
        ('moves = "upgrade"', 'moves = "calm"', "no later phase 'calm'"),
        ('moves = "upgrade"', 'moves = "upgrade"\nfaults = ["silent"]', "have no faults"),
        ('moves = "upgrade"', 'moves = "upgrade"\nprotocol = "usp"', "has moved already"),
        ('"tplink-a-xx230v"', '"tplink-c-ec220-g5-v2"', "cannot speak USP"),
    ],
)
def test_what_makes_no_sense_is_said(old: str, new: str, words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        read_with(old, new)


def test_the_server_has_a_broker_only_where_somebody_uses_it() -> None:
    both = _usp_settings(read(TOWN))
    assert (both["mqtt.broker"], both["websocket.listen"]) == ("embedded", "127.0.0.1:0")
    assert both["usp.periodic_seconds"] == 7
    mtps = "{ mqtt5 = 0.5, mqtt3 = 0.25, websocket = 0.25 }"
    alone = read(TOWN.replace(mtps, "{ websocket = 1 }").replace('moves = "upgrade"\n', ""))
    assert _usp_settings(alone)["mqtt.broker"] == "off"
    cwmp = read(
        TOWN.replace('protocol = "usp"\n', "")
        .replace('moves = "upgrade"\n', "")
        .replace('["twice=0.5"]', '["silent"]')
    )
    assert _usp_settings(cwmp)["mqtt.broker"] == "off"
    assert "websocket.listen" not in _usp_settings(cwmp)


# --- how they live ----------------------------------------------------------------------------


def town(reactor: MemoryReactorClock) -> Town:
    return Town(
        read(TOWN),
        acs="http://127.0.0.1:1/",
        account=("bootstrap", "secret"),
        own_server=True,
        reactor=reactor,
        clock=reactor.seconds,
        ports=PORTS,
    )


def test_agents_connect_where_the_server_is_and_movers_later() -> None:
    reactor = MemoryReactorClock()
    made = town(reactor)
    made.begin(made._scenario.phase[0])
    reactor.advance(0.1)
    called = Counter((host, port) for host, port, *_ in reactor.tcpClients)
    assert called[("127.0.0.1", 7883)] == 6
    assert called[("127.0.0.1", 7884)] == 2
    made.begin(made._scenario.phase[1])
    movers = [member for member in made.members if member.moves]
    assert not any(made._quarter.has(member) for member in movers)
    reactor.advance(4.0)  # They restart with other firmware …
    assert all(made._quarter.has(member) for member in movers)
    reactor.advance(4.1)  # … and boot.
    called = Counter((host, port) for host, port, *_ in reactor.tcpClients)
    assert called[("127.0.0.1", 7883)] == 8
    assert not made.all_served
    made.stop()


def test_what_an_upgraded_unit_shows_is_what_it_was_given() -> None:
    reactor = MemoryReactorClock()
    made = town(reactor)
    made.begin(made._scenario.phase[0])
    mover = next(member for member in made.members if member.moves)
    made._lives[mover.number].ont.tree.put("Device.WiFi.SSID.1.SSID", "Chez nous")
    made.begin(made._scenario.phase[1])
    reactor.advance(4.0)
    assert made._quarter.shown(mover)("Device.WiFi.SSID.1.SSID") == "Chez nous"
    made.stop()


# --- what is measured -------------------------------------------------------------------------


def record(body: usp.Body, msg_id: str) -> bytes:
    message = usp.Msg(header=usp.Header(msg_id=msg_id), body=body)
    whole = record_pb.Record()
    whole.no_session_context.payload = message.SerializeToString()
    return whole.SerializeToString()


def notify(msg_id: str, *, answered: bool) -> bytes:
    asked = usp.Notify(send_resp=answered, event=usp.Notify.Event(event_name="Boot!"))
    return record(usp.Body(request=usp.Request(notify=asked)), msg_id)


def answer(msg_id: str) -> bytes:
    return record(usp.Body(response=usp.Response(notify_resp=usp.NotifyResp())), msg_id)


class _Agent:
    endpoint = "os::A-1"


class _Life:
    agent = _Agent()


def test_a_notify_is_measured_from_its_first_try() -> None:
    reactor = MemoryReactorClock()
    seen, looked, came = Evidence(1, 1), list[Member](), list[Member]()
    quarter = Quarter(
        read(TOWN).pace,
        ports=PORTS,
        account=("", ""),
        reactor=reactor,
        clock=reactor.seconds,
        seen=seen,
        look=looked.append,
        came=came.append,
    )
    member = members(read(TOWN))[0]
    quarter._members["os::A-1"] = member

    def tell(kind: str, **fields: Any) -> None:
        quarter._observe(_Life(), kind, fields)  # type: ignore[arg-type]

    tell("connecting", mtp="mqtt5")
    tell("sent", octets=notify("1", answered=True))
    tell("sent", octets=notify("2", answered=False))
    reactor.advance(6)
    tell("sent", octets=notify("1", answered=True))
    reactor.advance(1)
    tell("received", octets=answer("1"))
    tell("received", octets=answer("1"))
    tell("received", octets=answer("2"))
    tell("received", octets=b"\xff\xff no record")
    tell("down", why="lost", was_up=True, wait=5.0)
    tell("down", why="closed by us", was_up=True, wait=None)
    assert seen.notifies == [Notified(7.0, 7.0, member.good)]
    assert seen.lost_links == [LostLink(7.0, "lost", member.good)]
    assert seen.switched_on == {member.number: 0.0}
    assert came == [member] * 4
    assert looked == []
    reactor.advance(0)
    assert looked == [member] * 4


def measured(seen: Evidence) -> Mapping[str, float | None]:
    names = ("notifies", "median_notify_seconds", "p95_notify_seconds", "lost_links")
    return {name: measure(name).find(seen) for name in names}


def test_measures_of_notifies_and_links() -> None:
    seen = Evidence(3, 2)
    assert set(measured(seen).values()) == {None}
    seen.notifies += [Notified(1.0, 0.5, True), Notified(8.0, 1.5, True), Notified(9.0, 60, False)]
    assert measured(seen) == {
        "notifies": 3,
        "median_notify_seconds": 0.5,
        "p95_notify_seconds": 1.5,
        "lost_links": 0,
    }
    seen.lost_links += [LostLink(2.0, "lost", True), LostLink(2.0, "lost", False)]
    part = seen.during(Stretch("late", 5.0, 10.0))
    assert measured(seen)["lost_links"] == 1
    assert (measured(part)["notifies"], measured(part)["lost_links"]) == (2, 0)
