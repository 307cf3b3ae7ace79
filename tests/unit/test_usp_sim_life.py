"""The days of a simulated USP agent and of a crowd of them, over links that are not there."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from twisted.internet.task import Clock

from acs.usp.pb import usp_msg_pb2 as usp
from acs.usp.pb import usp_record_pb2 as record_pb
from simulators.cpe.alarms import Alarms
from simulators.cpe.arrivals import Once, Steady
from simulators.cpe.fleet import Unit
from simulators.usp.crowd import Crowd, Resident
from simulators.usp.life import Life, Retry
from simulators.usp.links import Listener
from simulators.usp.mischief import Mischief
from simulators.usp.options import AgentOptions
from simulators.usp.outgoing import BulkReport, Transfer, Transferred
from simulators.usp.setting_up import make_agent
from simulators.usp.tally import Tally

CONTROLLER = "self::gigafibre-acs"
OPTIONS = AgentOptions(controller=CONTROLLER, boot_time=30.0, flash_time=1.0)
UNIT = Unit("generic-tr181", "S1", mac="1C:61:B4:FA:11:C8")


class MemoryLink:
    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.sent: list[bytes] = []
        self.end = ""
        self.frozen = False

    def send(self, octets: bytes, to: str | None) -> bool:
        self.sent.append(octets)
        return True

    def close(self) -> None:
        self._end("closed")

    def hang_up(self) -> None:
        self._end("hung up")

    def cut(self) -> None:
        self._end("cut")

    def freeze(self) -> None:
        self.frozen = True

    def _end(self, how: str) -> None:
        self.end = how
        self.listener.link_down(how)

    def kinds(self) -> list[str]:
        """What was sent: kinds of records, and of the requests in them."""
        found = []
        for octets in self.sent:
            record = record_pb.Record.FromString(octets)
            kind = record.WhichOneof("record_type")
            if kind == "no_session_context":
                message = usp.Msg.FromString(record.no_session_context.payload)
                notify = message.body.request.notify
                kind = notify.event.event_name or notify.WhichOneof("notification") or "answer"
            found.append(kind or "")
        return found


class MemoryWay:
    mtp = "mqtt5"

    def __init__(self) -> None:
        self.links: list[MemoryLink] = []
        self.endpoints: list[str] = []

    def open(self, endpoint: str, listener: Listener) -> MemoryLink:
        self.links.append(MemoryLink(listener))
        self.endpoints.append(endpoint)
        return self.links[-1]


class MemoryFiles:
    def __init__(self) -> None:
        self.carried: list[tuple[Transfer, Callable[[Transferred], None]]] = []
        self.reports: list[tuple[BulkReport, Callable[[bool], None]]] = []

    def carry(self, transfer: Transfer, done: Callable[[Transferred], None]) -> None:
        self.carried.append((transfer, done))

    def report(self, report: BulkReport, done: Callable[[bool], None]) -> None:
        self.reports.append((report, done))


class Stage:
    def __init__(self, options: AgentOptions = OPTIONS, first: float | None = 0.0) -> None:
        self.clock = Clock()
        self.way = MemoryWay()
        self.files = MemoryFiles()
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.life = Life(
            make_agent(UNIT, options, seed=1, now=0.0),
            self.way,
            clock=self.clock.seconds,
            alarms=Alarms(self.clock),
            observe=lambda _, kind, fields: self.told.append((kind, fields)),
            retry=Retry(5.0),
            seed=1,
            first=first,
            files=self.files,  # type: ignore[arg-type]
        )

    @property
    def link(self) -> MemoryLink:
        return self.way.links[-1]

    def up(self) -> None:
        self.clock.advance(0)
        self.link.listener.link_up("usp/v1/agent/me")

    def say(self, kind: usp.Header.MsgType, request: usp.Request) -> None:
        header = usp.Header(msg_id="q", msg_type=kind)
        body = usp.Body(request=request)
        payload = usp.Msg(header=header, body=body).SerializeToString()
        record = record_pb.Record(version="1.3", to_id=self.life.agent.endpoint)
        record.from_id = CONTROLLER
        record.no_session_context.payload = payload
        self.link.listener.link_record(record.SerializeToString(), None)

    def operate(self, command: str, **arguments: str) -> None:
        asked = usp.Operate(command=command, command_key="k", send_resp=True)
        asked.input_args.update(arguments)
        self.say(usp.Header.OPERATE, usp.Request(operate=asked))

    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.told]


def test_it_connects_when_its_time_has_come() -> None:
    stage = Stage(first=12.0)
    stage.clock.advance(11.9)
    assert stage.way.links == []
    stage.clock.advance(0.1)
    assert stage.way.endpoints == ["ops::1C61B4-" + stage.life.agent.identity.product_class + "-S1"]
    stage.link.listener.link_up("usp/v1/agent/me")
    assert stage.link.kinds() == ["mqtt_connect", "Boot!", "on_board_req"]


def test_a_link_that_fails_is_tried_again_later_and_later() -> None:
    stage = Stage()
    stage.clock.advance(0)
    for expected in (5.0, 10.0, 20.0):
        opened = len(stage.way.links)
        stage.link.listener.link_down("no connection")
        stage.clock.advance(expected - 0.01)
        assert len(stage.way.links) == opened
        stage.clock.advance(expected + 0.02)
        assert len(stage.way.links) == opened + 1
    stage.up()
    stage.link.listener.link_down("lost")
    stage.clock.advance(10.0)
    assert len(stage.way.links) == 5  # Having been up, it begins with the least wait.


def test_a_reboot_hangs_up_and_comes_back() -> None:
    stage = Stage()
    stage.up()
    first = stage.link
    stage.operate("Device.Reboot()")
    assert first.end == ""  # The answer goes out first.
    stage.clock.advance(1.0)
    assert (first.end, first.kinds()[-1]) == ("hung up", "answer")
    stage.clock.advance(28.0)
    assert len(stage.way.links) == 1
    stage.clock.advance(2.0)
    stage.link.listener.link_up("usp/v1/agent/me")
    assert stage.link.kinds()[:2] == ["mqtt_connect", "Boot!"]
    off = next(fields for kind, fields in stage.told if kind == "off")
    assert off["seconds"] == pytest.approx(30.0)


def test_after_a_power_cut_it_boots_when_the_power_is_back() -> None:
    stage = Stage()
    stage.up()
    first = stage.link
    stage.life.power_cut(back_at=100.0)
    assert first.end == "cut"
    stage.clock.advance(99.9)
    assert len(stage.way.links) == 1
    stage.clock.advance(0.2)
    stage.link.listener.link_up("usp/v1/agent/me")
    assert stage.link.kinds()[:2] == ["mqtt_connect", "Boot!"]


def test_a_power_cut_before_it_ever_connected() -> None:
    stage = Stage(first=50.0)
    stage.life.power_cut(back_at=20.0)
    stage.clock.advance(20.0)
    assert len(stage.way.links) == 1


def test_one_that_hangs_keeps_its_link() -> None:
    stage = Stage(AgentOptions(controller=CONTROLLER, mischief=Mischief(silent_after=10.0)))
    stage.up()
    stage.clock.advance(11.0)
    assert stage.link.frozen
    assert stage.link.end == ""
    stage.operate("Device.Reboot()")
    assert "answer" not in stage.link.kinds()
    assert stage.kinds().count("hung") == 1


def test_one_that_is_stopped_says_goodbye_and_nothing_more() -> None:
    stage = Stage()
    stage.up()
    stage.life.stop()
    assert stage.link.end == "closed"
    stage.clock.advance(1000)
    assert len(stage.way.links) == 1
    assert stage.clock.getDelayedCalls() == []


def test_a_value_that_changes_is_told() -> None:
    stage = Stage()
    stage.up()
    rows = "Device.LocalAgent.Subscription."
    created = usp.Add.CreateObject(obj_path=rows)
    for name, value in {
        "Enable": "true", "ID": "mine", "NotifType": "ValueChange",
        "ReferenceList": "Device.DeviceInfo.ProvisioningCode",
    }.items():  # fmt: skip
        created.param_settings.add(param=name, value=value, required=True)
    stage.say(usp.Header.ADD, usp.Request(add=usp.Add(create_objs=[created])))
    stage.life.change("Device.DeviceInfo.ProvisioningCode", "new")
    assert stage.link.kinds()[-1] == "value_change"


def test_files_are_carried_and_told_of() -> None:
    stage = Stage()
    stage.up()
    image = "Device.DeviceInfo.FirmwareImage.2."
    stage.operate(f"{image}Download()", URL="http://files/fw-9.9.bin", AutoActivate="false")
    stage.clock.advance(1.0)
    ((transfer, done),) = stage.files.carried
    assert transfer.url == "http://files/fw-9.9.bin"
    done(Transferred(b"an image"))
    stage.clock.advance(5.0)
    assert stage.link.kinds().count("TransferComplete!") == 0  # Nobody subscribed to it.
    assert stage.life.agent.value(f"{image}Version") == "9.9"
    done(Transferred(code=7022, text="told twice"))
    assert stage.life.agent.value(f"{image}Status") != "DownloadFailed"


def test_a_file_that_comes_after_a_restart_is_nobodys() -> None:
    stage = Stage()
    stage.up()
    image = "Device.DeviceInfo.FirmwareImage.2."
    stage.operate(f"{image}Download()", URL="http://files/fw-9.9.bin", AutoActivate="false")
    stage.clock.advance(1.0)
    ((_, done),) = stage.files.carried
    stage.life.power_cut(back_at=40.0)
    stage.clock.advance(60.0)
    stage.link.listener.link_up("usp/v1/agent/me")
    done(Transferred(b"an image"))
    stage.clock.advance(5.0)
    assert stage.life.agent.value(f"{image}Version") != "9.9"


def test_bulk_data_is_sent_again_until_it_is_taken() -> None:
    stage = Stage()
    stage.up()
    values = {
        "Enable": "1",
        "ReportingInterval": "600",
        "Controller": "Device.LocalAgent.Controller.1",
        "HTTP.URL": "http://files/bulk",
        "HTTP.RetryEnable": "1",
    }
    stage.life.agent.make_row("Device.BulkData.Profile.", values, 0.0)
    stage.life.agent.change("Device.BulkData.Enable", "1", 0.0)
    stage.say(usp.Header.GET, usp.Request(get=usp.Get(param_paths=["Device.DeviceInfo."])))
    stage.clock.advance(600.0)
    ((report, done),) = stage.files.reports
    done(False)
    stage.clock.advance(10.0)
    again, taken = stage.files.reports[-1]
    assert (len(stage.files.reports), again) == (2, report)
    taken(True)
    stage.clock.advance(500.0)
    assert len(stage.files.reports) == 2


# --- a crowd ----------------------------------------------------------------------------------


def crowd(count: int, tally: Tally, **options: Any) -> tuple[Clock, MemoryWay, Crowd]:
    clock, way = Clock(), MemoryWay()
    row = Unit("generic-tr181", mac=UNIT.mac, serial_template="S{:03d}", count=count)
    made = Crowd(
        [Resident(unit, OPTIONS, way) for unit in row.expand()],
        reactor=clock,
        alarms=Alarms(clock),
        seed=3,
        observe=tally.observe,
        retry=Retry(),
        **options,
    )
    return clock, way, made


def test_a_crowd_comes_along_its_curve_and_again_after_a_power_cut() -> None:
    tally = Tally()
    clock, way, made = crowd(10, tally, arrivals=Steady(2.0))
    made.run()
    clock.pump([0.5] * 6)
    assert 5 <= len(way.links) <= 7
    clock.pump([0.5] * 6)
    assert len(set(way.endpoints)) == 10
    for link in way.links:
        link.listener.link_up("usp/v1/agent/me")
    assert (tally.open, tally.links, tally.sent) == (10, 10, 30)
    made.power_cut(Once())
    assert tally.open == 0
    clock.advance(0.1)
    assert len(way.links) == 20
    made.stop()


def test_a_tally_counts_those_that_do_wrong_apart() -> None:
    wrong = make_agent(
        Unit("generic-tr181", "S000", mac=UNIT.mac), OPTIONS, seed=3, now=0.0
    ).endpoint
    tally = Tally([wrong])
    clock, way, made = crowd(3, tally, arrivals=Once(), mischief={0: Mischief(twice=1.0)})
    made.run()
    clock.advance(0)
    for link in way.links:
        link.listener.link_down("no connection to the broker: refused")
    assert tally.lost == {"no connection to the broker": 2}
    assert tally.lost_of_wrong == {"no connection to the broker": 1}
    clock.pump([0.5] * 20)
    clock.advance(2.0)
    second = way.links[3:]
    for link in second:
        link.listener.link_up("usp/v1/agent/me")
    assert sum(link.kinds().count("Boot!") for link in second) == 3
    life = made.lives[1]
    assert not tally.heard(life)
    life.link_record(b"anything", None)
    assert tally.heard(life)
    assert tally.answered.longest == pytest.approx(clock.seconds())
    made.stop()


def test_the_same_seed_draws_the_same_waits() -> None:
    waits = [Retry(5.0).wait(attempt, Random("a")) for attempt in (1, 2, 30)]
    assert waits == [Retry(5.0).wait(attempt, Random("a")) for attempt in (1, 2, 30)]
    assert 5 <= waits[0] <= 10 <= waits[1] <= 20
    assert 2560 <= waits[2] <= 5120
