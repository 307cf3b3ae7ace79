"""Blueprint files: chosen by facts, extended, and refused with line and suggestion."""

from __future__ import annotations

import copy
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.devices.record import Snapshot
from acs.profiles import (
    Band,
    Facts,
    Intent,
    Library,
    Role,
    VoiceLine,
    WifiNetwork,
    check_file,
    make_plan,
    reads,
)
from acs.profiles.blueprint_file import Source, build
from acs.profiles.blueprint_schema import check_shape, merge, without
from acs.profiles.toml_lines import key_lines, line_of

LIBRARY = Library.load()
IGD = "InternetGatewayDevice."


def test_the_shipped_blueprints_are_sound() -> None:
    assert LIBRARY.issues == ()
    assert LIBRARY.names() == (
        "huawei", "nokia", "tplink-a", "tplink-a-voice1", "tplink-b", "tplink-c", "tr098", "tr181",
        "tr181-voice1", "zte",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (Facts("TP-Link", "", "Device2", hardware="XX230v v1.0 0", root="Device."), "tplink-a"),
        (Facts("TP-Link", product_class="XC220-G3", root="Device."), "tplink-a"),
        (Facts("TP-LINK", hardware="EC220-G5 3.0", root="Device."), "tplink-b"),
        (Facts("TP-Link", product_class="IGD", hardware="EC220-G5 v2 3", root=IGD), "tplink-c"),
        (Facts("Huawei Technologies Co., Ltd", root=IGD), "huawei"),
        (Facts("ZTE", root=IGD), "zte"),
        (Facts("ALCL", root=IGD), "nokia"),
        (Facts("Someone", root=IGD), "tr098"),
        (Facts("Other", root="Device."), "tr181"),
    ],
)  # fmt: skip
def test_the_most_specific_blueprint_that_fits_is_chosen(facts: Facts, name: str) -> None:
    blueprint = LIBRARY.choose(facts)
    assert blueprint is not None
    assert blueprint.name == name
    assert blueprint.root == facts.root


def test_an_unknown_root_fits_nothing() -> None:
    assert LIBRARY.choose(Facts("TP-Link", root="")) is None


def test_the_model_of_a_tp_link_is_the_first_word_of_its_hardware_version() -> None:
    assert Facts("TP-Link", hardware="XX230v v1.0 00000000").likely_model == "XX230v"
    assert Facts("TP-Link", model="EX220", hardware="XX230v v1.0").likely_model == "EX220"
    assert Facts("Other", hardware="Box 1").likely_model == ""


def test_family_a_is_what_the_rooms_need() -> None:
    blueprint = LIBRARY.get("tplink-a")
    assert blueprint is not None
    assert blueprint.dialect["booleans"] == "1"
    assert blueprint.dialect["get_batch"] == 100
    assert blueprint.verify_later
    assert blueprint.voice_expected
    assert blueprint.marker == "Device.DeviceInfo.ProvisioningCode"
    assert blueprint.mac_paths[:2] == (
        "Device.Ethernet.Interface.1.MACAddress",
        "Device.Ethernet.Interface.2.MACAddress",
    )


OWN = """\
[blueprint]
name = "mine"
extends = "tplink-a"

[match]
root = "Device."
manufacturer = ["TP-Link"]
model = ["XX5*", "XX230v"]

[wifi.role.words]
IoTNetwork = "guest"
"""


def test_an_operators_file_extends_and_wins(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(OWN)
    library = Library.load(str(tmp_path))
    assert library.issues == ()
    mine = library.choose(Facts("TP-Link", hardware="XX230v v1.0 0", root="Device."))
    assert mine is not None and mine.name == "mine"
    assert mine.wifi is not None
    assert mine.wifi.role_words["IoTNetwork"] == (Role.GUEST,)
    assert mine.wifi.role_words["Guest"] == (Role.SECOND, Role.THIRD)
    assert "Backhaul" not in mine.wifi.role_words
    base = library.get("tplink-a")
    assert base is not None and base.digest != mine.digest


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("IoTNetwork", "Other", 0, ""),
        ("[match]", "[mach]", 5, "unknown key mach (did you mean match?)"),
        ("model = [", "modle = [", 8, "unknown key match.modle (did you mean model?)"),
        ('["TP-Link"]', '"TP-Link"', 7, "match.manufacturer must be a list of texts"),
        ('"tplink-a"', '"tplink-x"', 3, "extends 'tplink-x', which is unknown (did you mean"),
        ('"Device."', '"Devise."', 6, "match.root: 'Devise.' is none of"),
        ('= "guest"', '= "gest"', 11, "'gest' is none of main, guest, iot, second, third (did you"),
        ('name = "mine"', "", 1, "blueprint.name is missing"),
        ("[match]", "[match", 5, "not TOML"),
        ('IoTNetwork = "guest"', '[wifi.set.ssid]\nwrite = ["sid:SSID"]', 12, "did you mean ssid?"),
        ('IoTNetwork = "guest"', '[wifi.set.ssid]\nwrite = ["SSID"]', 12, "neither table:Leaf"),
        ('IoTNetwork = "guest"', '[tables]\nssid = "Device.WiFi.SSID."', 12, "must end with .{i}"),
        ('IoTNetwork = "guest"', '[order]\nseparate = ["of"]', 12, "did you mean off?"),
        ('IoTNetwork = "guest"', '[behaviour]\nverify = "later"', 12, "'later' is none of now"),
        ('IoTNetwork = "guest"', "[joins.radio.numbers]\nx = 1", 12, "'x' is not an instance"),
        ('IoTNetwork = "guest"', '[joins.radio.numbers]\n1 = "2"', 12, "must be a whole number"),
        (
            'IoTNetwork = "guest"',
            '[wifi.set.ssid]\nwrite = ["account:SSID"]',
            12,
            "no join leads from 'accesspoint' to 'account'",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace(old, new))
    issues = check_file(path)
    if not message:
        assert issues == []
        return
    assert [issue.line for issue in issues] == [line]
    assert message in issues[0].message
    library = Library.load(str(tmp_path))
    assert library.get("mine") is None
    assert str(issues[0]) in map(str, library.issues)


def test_a_circle_of_files_is_refused(tmp_path: Path) -> None:
    for name, other in (("a", "b"), ("b", "a")):
        text = f'[blueprint]\nname = "{name}"\nextends = "{other}"\n'
        (tmp_path / f"{name}.toml").write_text(text)
    assert "extends itself" in check_file(tmp_path / "a.toml")[0].message


def test_all_mistakes_of_a_file_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace("[match]", "[mach]").replace("IoTNetwork", "x = 1\nIoTNetwork"))
    assert [issue.line for issue in check_file(path)] == [5, 11]


def test_a_wrong_key_hides_no_other_mistake(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    wrong = 'IoTNetwork = "gest"\n[wifi.set.ssid]\nwrite = ["sid:SSID"]\n[doubts.wan]\nnote = "x"'
    text = OWN.replace("model = [", "modle = [").replace('IoTNetwork = "guest"', wrong)
    path.write_text(text)
    issues = check_file(path)
    assert [issue.line for issue in issues] == [8, 11, 13, 14]
    assert "did you mean model?" in issues[0].message
    assert "did you mean guest?" in issues[1].message
    assert "did you mean ssid?" in issues[2].message


def test_an_unreadable_file_is_an_issue(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    assert "cannot be read" in check_file(tmp_path / "bad.toml")[0].message
    assert "cannot be read" in check_file(tmp_path / "none.toml")[0].message


def test_lines_of_keys() -> None:
    lines = key_lines('[a."b c"]\nx = 1\n\n[a.d]\ny.z = { q = 1 }\n')
    assert line_of(lines, ("a", "b c", "x")) == 2
    assert line_of(lines, ("a", "d", "y", "z", "q")) == 5
    assert line_of(lines, ("none",)) == 1


SHIPPED = {
    path.name: tomllib.loads(path.read_text())
    for path in resources.files("acs.profiles").joinpath("models").iterdir()
}
junk = st.sampled_from(["", "x", "ssid:SSID", "nowhere:Leaf", "Device.", 0, True, [], ["y"], {}])


@settings(max_examples=300)
@given(st.sampled_from(sorted(SHIPPED)), st.data())
def test_whatever_a_file_holds_it_is_a_blueprint_or_a_list_of_mistakes(
    name: str, data: st.DataObject
) -> None:
    mangled = copy.deepcopy(SHIPPED[name])
    node: Any = mangled
    while True:
        key = data.draw(st.sampled_from(sorted(node)))
        if not isinstance(node[key], dict) or not node[key] or data.draw(st.booleans()):
            break
        node = node[key]
    if data.draw(st.booleans()):
        del node[key]
    else:
        node[key] = data.draw(junk)
    mangled = without(mangled, [path for path, _ in check_shape(mangled)])
    if "name" not in mangled.get("blueprint", {}):
        return
    source = Source("mangled.toml", mangled, {}, ())
    blueprint, issues = build(source, merge({}, mangled))
    assert (blueprint is None) is bool(issues)
    if blueprint is not None:
        wanted = Intent(
            wifi=(WifiNetwork(Band.GHZ_5, ssid="x", enabled=True),), voice=(VoiceLine(1, True),)
        )
        needed = reads(blueprint, wanted)
        plan = make_plan(wanted, blueprint, Snapshot(), key=b"k")
        assert not plan.changes
        assert all(table.endswith("{i}.") for table in needed.identify)
