"""Devices of no family we know by name, provisioned over the wire by the generic blueprints."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from acs_fixtures import NewHome
from homes import Home
from running_acs import RunningAcs

from acs.devices.record import Standing, Verdict


@dataclass(frozen=True)
class Family:
    """Where one kind of data model keeps what a customer notices, 2.4 GHz before 5 GHz."""

    model: str
    blueprint: str
    ssids: tuple[str, ...]
    keys: tuple[str, ...]
    line: str
    """Object with the SIP account of the first line."""


_WLAN = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.{}"
FAMILIES = (
    Family(
        "generic-tr098",
        "tr098",
        (_WLAN.format("1.SSID"), _WLAN.format("5.SSID")),
        tuple(_WLAN.format(f"{n}.PreSharedKey.1.KeyPassphrase") for n in (1, 5)),
        "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1.Line.1.SIP.",
    ),
    # Its 2.4 GHz network is access point 1 and SSID 3, its first line is client 2: references
    # lead there, numbers astray.
    Family(
        "generic-tr181",
        "tr181",
        ("Device.WiFi.SSID.3.SSID", "Device.WiFi.SSID.1.SSID"),
        (
            "Device.WiFi.AccessPoint.1.Security.KeyPassphrase",
            "Device.WiFi.AccessPoint.2.Security.KeyPassphrase",
        ),
        "Device.Services.VoiceService.1.SIP.Client.2.",
    ),
)


@pytest.fixture(params=FAMILIES, ids=lambda family: family.model)
def family(request: pytest.FixtureRequest) -> Family:
    found: Family = request.param
    return found


@pytest.fixture
def home(make_home: NewHome, family: Family) -> Home:
    return make_home(model=family.model, product_class="Gateway")


def holds_its_wish(home: Home, family: Family) -> bool:
    """The device really has what its customer was promised, telephone too."""
    wifi = [(home.shows(s), home.shows(k)) for s, k in zip(family.ssids, family.keys, strict=True)]
    line = [home.shows(family.line + leaf) for leaf in ("AuthUserName", "AuthPassword")]
    return wifi == [(home.ssid, home.key)] * 2 and line == [home.sip_username, home.sip_password]


def test_wifi_and_voice_are_written_and_proven(
    live_acs: RunningAcs, home: Home, family: Family
) -> None:
    home.scan()
    first = home.settle_in()
    assert not [rpc for rpc in first.faults if rpc.values]
    assert holds_its_wish(home, family)
    accounts = {path for path in first.written if path.endswith(".AuthUserName")}
    assert accounts == {f"{family.line}AuthUserName"}, "and no other line"
    device = home.device
    assert (device.standing, device.blueprint) == (Standing.LIVE, family.blueprint)
    proof = live_acs.proof(device)
    assert proof.complete
    proven = {line.path for line in proof.lines if line.verdict is Verdict.PROVEN}
    assert set(family.ssids) <= proven


def test_what_takes_effect_at_once_is_read_back_in_the_session_that_wrote_it(
    home: Home, family: Family
) -> None:
    home.scan()
    first = home.call()
    assert {rpc.status for rpc in first.named("SetParameterValues")} == {0}
    assert home.device.standing is Standing.LIVE
    assert first.methods.index("SetParameterValues") < len(first.methods) - 1
    assert set(family.ssids) <= set(first.rpcs[-1].names)


def test_nothing_is_written_without_a_reason_and_everything_after_a_reset(
    home: Home, family: Family
) -> None:
    home.scan()
    home.settle_in()
    for events in (("2 PERIODIC",), ("1 BOOT",), ("4 VALUE CHANGE",)):
        assert not home.call(*events).written
    home.ont.factory_reset()
    assert not holds_its_wish(home, family)
    again = home.settle_in()
    assert {*family.keys, f"{family.line}AuthPassword"} <= set(again.written)
    assert holds_its_wish(home, family)


def test_drift_is_healed_at_the_next_look_and_only_it_is_written(
    home: Home, family: Family
) -> None:
    home.scan()
    home.settle_in()
    home.ont.tree.put(family.ssids[1], "Renamed by hand")
    assert home.call("4 VALUE CHANGE").written == {family.ssids[1]: home.ssid}
    assert home.device.standing is Standing.LIVE
