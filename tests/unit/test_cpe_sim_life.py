"""The life of a simulated ONT between its sessions, on a clock that the test moves."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from simulators.cpe.device import Ont
from simulators.cpe.fleet import DEMO, FleetError, Unit, read_fleet, with_account
from simulators.cpe.life import Life, Pace
from simulators.cpe.modelfile import Identity
from simulators.cpe.render import Event
from simulators.cpe.report import End, Rpc, SessionReport
from simulators.cpe.state import StateDirectory

SSID = "Device.WiFi.SSID.1.SSID"
VERSION = "Device.DeviceInfo.SoftwareVersion"
ROW = "[[unit]]\nmodel = 'm'\nmac = '1C:61:B4:FA:11:C8'\n"
IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")


def ont(**settings: object) -> Ont:
    return Ont("tplink-a-xx230v", IDENTITY, acs_url="http://acs/", **settings)  # type: ignore[arg-type]


def finish(unit: Ont, *codes: str, end: End = End.COMPLETE) -> None:
    events = tuple(Event(code) for code in codes) or unit.next_events()
    unit.finish(SessionReport(events, end=end), unit.acs_url)


def codes(unit: Ont) -> list[str]:
    return [event.code for event in unit.next_events()]


# --- the unit itself


def test_the_first_contact_is_a_bootstrap_alone() -> None:
    unit = ont()
    assert codes(unit) == ["0 BOOTSTRAP"]
    finish(unit)
    assert codes(unit) == []
    unit.reboot()
    assert codes(unit) == ["1 BOOT"]


def test_the_generic_device_boots_beside_its_bootstrap() -> None:
    assert codes(Ont("generic-tr098", IDENTITY)) == ["0 BOOTSTRAP", "1 BOOT"]


def test_events_stay_until_a_session_completes() -> None:
    unit = ont()
    finish(unit, end=End.FAILED)
    assert (codes(unit), unit.retry_count) == (["0 BOOTSTRAP"], 1)
    finish(unit)
    assert (codes(unit), unit.retry_count) == ([], 0)


def test_a_new_acs_url_means_a_new_bootstrap() -> None:
    unit = ont()
    finish(unit)
    unit.report(Event("2 PERIODIC"))
    unit.tree.write([("Device.ManagementServer.URL", "string", "http://other/")])
    assert codes(unit) == ["0 BOOTSTRAP"]


def test_a_watched_value_that_applies_late_is_reported() -> None:
    unit = ont()
    finish(unit)
    unit.tree.notifications[SSID] = 2
    unit.tree.write([(SSID, "string", "Maison")])
    assert codes(unit) == []
    assert SSID in unit.apply()
    assert codes(unit) == ["4 VALUE CHANGE"]
    shown = {p.name: p.text for p in unit.inform_parameters(0.0)}
    assert shown[SSID] == "Maison"
    finish(unit)
    assert SSID not in {p.name for p in unit.inform_parameters(0.0)}


def test_a_passive_change_waits_for_the_next_inform() -> None:
    unit = ont()
    finish(unit)
    unit.tree.notifications[SSID] = 1
    unit.tree.put(SSID, "Maison")
    unit.apply()
    assert codes(unit) == []
    assert SSID in {p.name for p in unit.inform_parameters(0.0)}


def test_a_newly_built_wan_moves_the_address() -> None:
    unit = ont()
    finish(unit)
    ppp = f"Device.PPP.Interface.{unit.tree.add('Device.PPP.Interface.')}."
    row = f"Device.IP.Interface.{unit.tree.add('Device.IP.Interface.')}."
    unit.tree.write(
        [
            (ppp + "Username", "string", "client@isp"),
            (ppp + "Enable", "boolean", "1"),
            (row + "LowerLayers", "string", ppp),
            (row + "X_TP_ConnType", "string", "PPPoE"),
            (row + "X_TP_ServiceType", "string", "Internet,TR069"),
            (row + "Enable", "boolean", "1"),
        ]
    )
    unit.apply()
    assert codes(unit) == ["4 VALUE CHANGE"]
    names = [p.name for p in unit.inform_parameters(0.0)]
    assert row + "IPv4Address.1.IPAddress" in names
    assert "Device.IP.Interface.6.IPv4Address.1.IPAddress" not in names
    assert unit.tree.get(ppp + "ConnectionStatus") == "Connected"


def test_an_access_point_shows_that_it_is_on() -> None:
    unit = ont()
    unit.tree.write([("Device.WiFi.AccessPoint.6.Enable", "boolean", "1")])
    unit.apply()
    assert unit.tree.get("Device.WiFi.AccessPoint.6.Status") == "Up"


def test_a_factory_reset_forgets_its_own_credentials() -> None:
    unit = ont(username="factory", password="factory")
    finish(unit)
    unit.tree.write([("Device.ManagementServer.Password", "string", "own")])
    assert unit.credentials == ("factory", "own")
    unit.factory_reset_wanted()
    unit.settle()
    assert unit.credentials == ("factory", "factory")
    assert codes(unit) == ["0 BOOTSTRAP"]


def test_a_factory_reset_keeps_the_firmware() -> None:
    unit = ont()
    version = "Device.DeviceInfo.SoftwareVersion"
    unit.tree.put(version, "0.7.0")
    unit.factory_reset()
    assert unit.tree.get(version) == "0.7.0"
    assert not unit.tree.changed
    unit.firmware = "0.8.0"
    unit.factory_reset()
    assert unit.tree.get(version) == "0.8.0"


def test_the_clock_is_right_after_the_first_session() -> None:
    unit = ont()
    assert unit.current_time(1_790_000_000.0) == "2022-06-30T00:01:12"
    finish(unit)
    assert unit.current_time(1_790_000_000.0) == "2026-09-21T14:13:20"
    unit.reboot()
    assert unit.current_time(1_790_000_000.0).startswith("2022")


def test_state_is_kept_for_the_owner_only(tmp_path: Path) -> None:
    store, unit = StateDirectory(tmp_path), ont()
    assert store.load(unit) is False
    finish(unit)
    unit.tree.write([("Device.ManagementServer.Password", "string", "own")])
    store.save(unit)
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = ont()
    assert store.load(again) is True
    assert again.credentials[1] == "own"
    assert codes(again) == ["1 BOOT"]
    file.write_text("{}")
    with pytest.raises(ValueError, match="no state of this model"):
        store.load(ont())


# --- the life


class Days:
    """A life whose sessions are answered by `acs`, with what it told."""

    def __init__(self, acs: Callable[[Ont, SessionReport], None], **settings: Any) -> None:
        self.clock = Clock()
        self.told: list[tuple[float, str, dict[str, Any]]] = []
        self._acs = acs
        self.ont = ont()
        pace = settings.pop("pace", Pace())
        self.life = Life(
            self.ont,
            self,  # type: ignore[arg-type]
            self.clock,
            pace=pace,
            seed=1,
            observe=lambda _, kind, fields: self.told.append((self.clock.seconds(), kind, fields)),
            **settings,
        )
        self.ended = self.life.run()

    def run(
        self, unit: Ont, events: Sequence[Event], _source: str | None
    ) -> Deferred[SessionReport]:
        report = SessionReport(tuple(events), end=End.COMPLETE)
        self._acs(unit, report)
        unit.finish(report, unit.acs_url)
        return succeed(report)

    def calls(self) -> list[tuple[float, list[str]]]:
        return [(at, f["events"]) for at, kind, f in self.told if kind == "session-start"]

    def pass_seconds(self, seconds: float) -> None:
        # Small steps: what one step causes must be able to happen within the next.
        self.clock.pump([0.5] * int(seconds * 2))


def quiet(_unit: Ont, _report: SessionReport) -> None:
    """An ACS with nothing to say."""


def test_it_calls_at_power_on_and_then_by_its_interval() -> None:
    days = Days(quiet)
    days.pass_seconds(601)
    assert days.calls() == [
        (0.5, ["0 BOOTSTRAP"]),
        (300.5, ["2 PERIODIC"]),
        (600.5, ["2 PERIODIC"]),
    ]


def test_the_interval_can_be_overridden_and_all_waits_scaled() -> None:
    days = Days(quiet, pace=Pace(scale=0.1, periodic=100))
    days.pass_seconds(21)
    assert [at for at, _ in days.calls()] == [0.5, 10.5, 20.5]


def test_a_failed_session_is_retried_by_the_table() -> None:
    def failing(_unit: Ont, report: SessionReport) -> None:
        report.end = End.FAILED

    days = Days(failing)
    days.pass_seconds(80)
    waits = [fields["seconds"] for _, kind, fields in days.told if kind == "retry"]
    assert len(waits) >= 3
    for number, wait in enumerate(waits):
        assert 5 * 2**number <= wait <= 10 * 2**number
    assert {tuple(events) for _, events in days.calls()} == {("0 BOOTSTRAP",)}


def test_reboot_takes_its_time_and_brings_the_command_key() -> None:
    def once(unit: Ont, report: SessionReport) -> None:
        if report.events == (Event("0 BOOTSTRAP"),):
            unit.reboot_wanted("k1")

    days = Days(once)
    days.pass_seconds(140)
    assert days.calls() == [(0.5, ["0 BOOTSTRAP"]), (130.5, ["M Reboot", "1 BOOT"])]


def test_schedule_inform_is_kept() -> None:
    def once(unit: Ont, report: SessionReport) -> None:
        if report.events == (Event("0 BOOTSTRAP"),):
            unit.schedule(20, "s1")

    days = Days(once)
    days.pass_seconds(25)
    assert days.calls()[1] == (20.5, ["3 SCHEDULED", "M ScheduleInform"])


def test_values_apply_after_their_delay_and_may_cause_a_call() -> None:
    def provision(unit: Ont, report: SessionReport) -> None:
        if report.events == (Event("0 BOOTSTRAP"),):
            unit.tree.notifications[SSID] = 2
            unit.tree.write([(SSID, "string", "Maison")])
            report.rpcs.append(Rpc("SetParameterValues", (SSID,), {SSID: "Maison"}, status=1))

    days = Days(provision, quit_when_done=True)
    days.pass_seconds(39)
    assert days.ont.tree.get(SSID) == "TP-Link_11C8"
    days.pass_seconds(3)
    assert days.ont.tree.get(SSID) == "Maison"
    assert days.calls()[1:] == [(40.5, ["4 VALUE CHANGE"])]
    assert days.life.provisioned
    assert days.ended.called


def test_a_connection_request_wakes_it() -> None:
    days = Days(quiet)
    days.pass_seconds(10)
    days.life.request_connection()
    days.pass_seconds(1)
    assert days.calls()[1][1] == ["6 CONNECTION REQUEST"]


def test_it_stops_when_told() -> None:
    days = Days(quiet)
    days.pass_seconds(10)
    days.life.stop()
    assert days.ended.called
    assert days.clock.getDelayedCalls() == []


# --- fleets


def test_the_demonstration_units() -> None:
    units = [row for unit in DEMO for row in unit.expand()]
    assert [(u.oui, u.product_class, u.serial, u.mac) for u in units] == [
        ("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8"),
        ("1C61B4", "EX220", "2226469000002", "1C:61:B4:FA:22:10"),
        ("1C61B4", "XC220-G3v", "225C1CU000003", "1C:61:B4:FA:33:C8"),
    ]


def test_a_row_of_units_counts_serials_and_macs_up() -> None:
    row = Unit("tplink-a-ex220", "2226469000098", mac="1C:61:B4:FA:FF:F0", count=3)
    assert [(unit.serial, unit.mac) for unit in row.expand()] == [
        ("2226469000098", "1C:61:B4:FA:FF:F0"),
        ("2226469000099", "1C:61:B4:FB:00:00"),
        ("2226469000100", "1C:61:B4:FB:00:10"),
    ]
    templated = Unit("tplink-a-ex220", mac="1c61b4fa1000", count=2, serial_template="T{:04d}")
    assert [unit.serial for unit in templated.expand()] == ["T0000", "T0001"]


def test_a_fleet_file(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(
        'acs = "http://acs/"\nusername = "u"\n'
        '[[unit]]\nmodel = "tplink-a-ex220"\nserial = "A1"\nmac = "1C:61:B4:00:00:00"\ncount = 2\n'
        '[[unit]]\nmodel = "generic-tr098"\nserial = "B1"\nmac = "00:11:22:00:00:00"\n'
    )
    units = read_fleet(file)
    assert [(u.model, u.serial, u.username) for u in units] == [
        ("tplink-a-ex220", "A1", "u"),
        ("tplink-a-ex220", "A2", "u"),
        ("generic-tr098", "B1", "u"),
    ]
    assert units[2].build().identity.oui == "001122"


def test_units_of_a_fleet_file_have_the_password_of_the_environment() -> None:
    bare = Unit("tplink-a-ex220", "A1", username="u")
    own = replace(bare, password="its-own")
    filled = with_account([bare, own], "", "shared")
    assert [(unit.username, unit.password) for unit in filled] == [
        ("u", "shared"),
        ("u", "its-own"),
    ]
    given = with_account([own], "other", "shared")
    assert [(unit.username, unit.password) for unit in given] == [("other", "shared")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no \\[\\[unit\\]\\]"),
        ("[[unit]]\nserial = 'A'\n", "no model"),
        ("[[unit]]\nmodel = 'm'\ncolour = 'red'\n", "unknown setting colour"),
        ("[[unit]]\nmodel = 'm'\ncount = 'two'\n", "count must be int"),
        ("[[unit]]\nmodel = 'm'\nserial = 'A'\nmac = 'xx'\n", "unit 1: mac must be like 1C:61"),
        (ROW + "count = 1000000000\n", "count must be 1 to"),
        (ROW + "serial_template = '{:>999999999}'\n", "must be like 22275A7{:06d}"),
        (ROW + "serial_template = '{0.__class__}'\n", "must be like 22275A7{:06d}"),
        (ROW + "count = 2\nserial_template = 'A'\n", "has no {:06d}"),
        ("[[unit]]\nmodel = 'm'\nmac = '1C61B4FA11C8'\nserial = '" + "7" * 65 + "'\n", "64 char"),
        ("unit = [1]\n", "under \\[\\[unit"),
        ("unit = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("count = " + "9" * 5000, "fleet.toml"),
        ("[[unit", "fleet.toml"),
    ],
)
def test_a_bad_fleet_file_says_what_is_wrong(tmp_path: Path, text: str, reason: str) -> None:
    file = tmp_path / "fleet.toml"
    file.write_text(text)
    with pytest.raises(FleetError, match=reason):
        read_fleet(file)


def test_a_fleet_file_that_is_no_text_says_so(tmp_path: Path) -> None:
    file = tmp_path / "fleet.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(FleetError, match="not UTF-8"):
        read_fleet(file)


@pytest.mark.parametrize("url", ["ftp://acs/", "acs.example.com", "http://[", "http://a:99999/"])
def test_a_unit_is_not_built_for_what_is_no_url(url: str) -> None:
    unit = replace(DEMO[0], acs=url)
    with pytest.raises(FleetError, match="22275A7000001: not an ACS URL, such as http://"):
        unit.build()


def test_habits_may_have_blanks_between_them() -> None:
    unit = replace(DEMO[0], acs="http://acs/", habits="gzip, cookie-never")
    assert unit.build().dialect.coding == "gzip"
