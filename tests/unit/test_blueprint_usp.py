"""``[usp]`` of a blueprint: what differs when devices of the family speak USP."""

from __future__ import annotations

from pathlib import Path

import pytest
from searching_family import OWN, searching_family

from acs.model import Secret
from acs.profiles import (
    Band,
    Blueprint,
    Facts,
    Intent,
    Library,
    Management,
    WifiNetwork,
    check_file,
    fingerprint,
    reads,
)
from acs.profiles.blueprint import Verify

LIBRARY = Library.load()
FAMILIES = ("tplink-a", "tplink-b", "tr181")
INTENT = Intent(
    wifi=(WifiNetwork(Band.GHZ_5, ssid="Maison", passphrase=Secret("motdepasse")),),
    management=Management(periodic_inform_interval=600, acs_password=Secret("own-password")),
)


def over(protocol: str, name: str) -> Blueprint:
    found = LIBRARY.get(name, protocol)
    assert found is not None
    return found


def mistakes(tmp_path: Path, text: str) -> list[tuple[int, str]]:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return [(issue.line, issue.message) for issue in check_file(file)]


@pytest.mark.parametrize(
    ("maker", "name"),
    [("TP-Link", "tplink-a"), ("TP-LINK Technologies", "tplink-a"), ("Acme", "tr181")],
)
def test_the_same_family_is_chosen_over_both_protocols(maker: str, name: str) -> None:
    chosen = [LIBRARY.choose(Facts(maker, root="Device.", protocol=p)) for p in ("cwmp", "usp")]
    assert [(found.name, found.protocol) for found in chosen if found] == [
        (name, "cwmp"),
        (name, "usp"),
    ]


@pytest.mark.parametrize("name", FAMILIES)
def test_management_has_no_place_over_usp_and_is_not_missed(name: str) -> None:
    assert reads(over("cwmp", name), INTENT).paths != reads(over("usp", name), INTENT).paths
    assert not any("ManagementServer" in path for path in reads(over("usp", name), INTENT).paths)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_move_is_a_reason_to_look_and_none_to_write(name: str) -> None:
    cwmp, usp = over("cwmp", name), over("usp", name)
    assert cwmp.digest != usp.digest, "so the device is compared anew"
    assert fingerprint(INTENT, cwmp, b"k") == fingerprint(INTENT, usp, b"k")
    assert cwmp.marker == usp.marker


def test_booleans_are_words_over_usp_and_types_are_not_told() -> None:
    assert over("cwmp", "tplink-a").true_false == ("1", "0")
    assert over("usp", "tplink-a").true_false == ("true", "false")
    assert over("cwmp", "tplink-a").names_types
    assert not over("usp", "tplink-a").names_types


def test_what_is_laid_over_reaches_those_that_extend() -> None:
    assert over("usp", "tplink-b").verify is Verify.NOW_OR_LATER
    assert over("cwmp", "tplink-b").verify is Verify.NEXT_SESSION
    assert over("usp", "tplink-b").commands["wifi_restart"] == "Device.WiFi.Reset()"
    assert not over("cwmp", "tplink-b").commands


def test_doubts_about_usp_are_told_beside_what_they_concern() -> None:
    (doubt,) = [doubt for _, doubt in over("usp", "tplink-a").doubts_of("behaviour.verify")]
    assert doubt.note == "that it applies some of it later is known over CWMP only"
    (other,) = [doubt for _, doubt in over("cwmp", "tplink-a").doubts_of("behaviour.verify")]
    assert other.note != doubt.note
    assert "not seen" in over("cwmp", "tplink-a").doubts["usp"].note


def test_families_of_the_other_root_do_not_speak_usp() -> None:
    assert LIBRARY.get("tplink-c", "usp") is LIBRARY.get("tplink-c")
    assert LIBRARY.choose(Facts("TP-Link", root="Device.", protocol="usp")) is not None


def test_places_may_be_search_paths(tmp_path: Path) -> None:
    library = searching_family(tmp_path)
    assert library.issues == ()
    mine = library.get("mine", "usp")
    assert mine is not None
    assert mine.wifi is not None
    assert mine.admin is not None
    assert [str(place) for place in mine.wifi.settings["ssid"].write] == [
        "accesspoint:SSIDReference+.SSID"
    ]
    assert [str(place) for place in mine.admin.write] == [
        'Device.Users.User.[Username=="admin"].Password'
    ]
    assert mine.admin.first_of == (), "replace takes nothing over from the family"
    base = library.get("mine")
    assert base is not None
    assert base.wifi is not None
    assert [str(place) for place in base.wifi.settings["ssid"].write] == ["ssid:SSID"]


def test_a_search_path_outside_of_usp_is_a_mistake(tmp_path: Path) -> None:
    text = OWN.replace("[usp.wifi.set.ssid]", "[wifi.set.ssid]")
    assert mistakes(tmp_path, text) == [
        (
            11,
            "wifi.set.ssid.write: 'accesspoint:SSIDReference+.SSID' is a search path, which "
            "devices understand over USP only: write it in [usp]",
        )
    ]


@pytest.mark.parametrize(
    ("line", "written", "message"),
    [
        (11, "accesspoint:[SSID", "usp.wifi.set.ssid.write: 'accesspoint:[SSID' is no search path"),
        (11, "point:SSID", "usp.wifi.set.ssid.write: 'point' is none of service, radio"),
    ],
)
def test_mistakes_are_named_by_their_line(
    tmp_path: Path, line: int, written: str, message: str
) -> None:
    found = mistakes(tmp_path, OWN.replace("accesspoint:SSIDReference+.SSID", written))
    assert [(at, text[: len(message)]) for at, text in found] == [(line, message)]


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ("[usp.match]\nroot = 'Device.'", "unknown key usp.match"),
        ("[usp.dialect]\nget_batch = 3", "unknown key usp.dialect.get_batch"),
        ("[usp.management]\nignore = ['acs_urn']", "usp.management.ignore: 'acs_urn' is none of"),
        ("[usp.commands]\nreboot = 'Device.Reboot'", "usp.commands.reboot: 'Device.Reboot' is no"),
        ("[usp.behaviour]\nverify = 'soon'", "usp.behaviour.verify: 'soon' is none of now"),
    ],
)
def test_what_usp_may_not_say_is_a_mistake(tmp_path: Path, added: str, message: str) -> None:
    found = mistakes(tmp_path, f"{OWN}\n{added}\n")
    assert any(text.startswith(message) for _, text in found), found
    assert all(line >= 18 for line, _ in found)


def test_a_family_of_the_other_root_may_not_say_what_it_is_over_usp(tmp_path: Path) -> None:
    text = OWN.replace('Device."', 'InternetGatewayDevice."').partition("[usp.admin")[0]
    found = mistakes(tmp_path, text)
    assert (10, "usp: only devices with Device. speak USP (TR-181)") in found
