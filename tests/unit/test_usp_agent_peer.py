"""The two ends understand each other: what a simulated agent sends, as the server reads it."""

from __future__ import annotations

import pytest
from usp_desk import CONTROLLER, SUBSCRIPTIONS, Desk

from acs.usp import codec, records
from acs.usp.messages import (
    Add,
    Body,
    Delete,
    Error,
    Get,
    GetInstances,
    GetSupportedDM,
    GetSupportedProtocol,
    Message,
    Notify,
    NotifyResp,
    ObjectSettings,
    Operate,
    Set,
    Setting,
)
from simulators.usp.options import OnBoarding

SSID = "Device.WiFi.SSID.*."


class Server:
    """Asks an agent with the server's own codec."""

    def __init__(self) -> None:
        self.desk = Desk(
            "tplink-a-xx230v",
            connected=False,
            boot_subscription=True,
            onboarding=OnBoarding.UNTIL_COMPLETE,
        )
        self.desk.agent.opened("mqtt5", "usp/v1/agent/one", self.desk.now)

    def send(self, message: Message) -> None:
        record = records.Record(
            "1.3", self.desk.agent.endpoint, CONTROLLER, records.NoSession(codec.encode(message))
        )
        self.desk.agent.received(records.encode(record), "reply", self.desk.now)

    def take(self) -> list[Message]:
        found = []
        for outgoing in self.desk.agent.take():
            record = records.decode(outgoing.octets)
            assert (record.from_id, record.to_id) == (self.desk.agent.endpoint, CONTROLLER)
            if isinstance(record.content, records.NoSession):
                found.append(codec.decode(record.content.payload))
        return found


def test_the_first_words_of_an_agent() -> None:
    server = Server()
    connect, *_ = (records.decode(each.octets) for each in server.desk.agent.take())
    assert connect.content == records.Connect("mqtt", "5", "usp/v1/agent/one")


@pytest.mark.parametrize(
    "body",
    [
        Get(("Device.DeviceInfo.", "Device.Nothing.", f"{SSID}SSID"), 1),
        Set((ObjectSettings(SSID, (Setting("SSID", "Home"),)),)),
        Set((ObjectSettings(SSID, (Setting("Nothing", "x"),)),), allow_partial=True),
        Set((ObjectSettings(SSID, (Setting("Nothing", "x"),)),)),
        Add((ObjectSettings(SUBSCRIPTIONS, (Setting("ID", "x"),)),)),
        Add((ObjectSettings("Device.Nothing."),), allow_partial=True),
        Delete((f"{SUBSCRIPTIONS}1.", f"{SUBSCRIPTIONS}9.")),
        Delete(("Device.DeviceInfo.",), allow_partial=True),
        Operate("Device.IP.Diagnostics.IPPing()", "k", {"Host": "a"}),
        Operate("Device.IP.Diagnostics.IPPing()", "k"),
        Operate("Device.WiFi.Reset()", "k"),
        GetInstances((SUBSCRIPTIONS, "Device.Nothing.")),
        GetSupportedDM(("Device.",)),
        GetSupportedProtocol(("1.3",)),
    ],
    ids=lambda body: type(body).__name__,
)
def test_every_answer_is_understood(body: Body) -> None:
    server = Server()
    server.take()
    server.send(Message("m-1", body))
    answer = server.take()[0]
    assert answer.id == "m-1"
    assert type(answer.body).__name__ == type(body).__name__ + "Resp" or isinstance(
        answer.body, Error
    )


def test_every_notify_is_understood_and_its_answer_taken() -> None:
    server = Server()
    notifies = [each for each in server.take() if isinstance(each.body, Notify)]
    assert [type(n.body.content).__name__ for n in notifies if isinstance(n.body, Notify)] == [
        "Event",
        "OnBoardRequest",
    ]
    for each in notifies:
        assert isinstance(each.body, Notify)
        server.send(Message(each.id, NotifyResp(each.body.subscription_id)))
    assert server.desk.agent.counters["notify.answered"] == 2
