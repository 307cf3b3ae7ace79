"""Drafting a blueprint from a tree and trying it: the draft loads, finds, and marks its guesses."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from cli_on_disk import SERIAL, House
from click.testing import CliRunner, Result
from device_in_memory import Plain, value_of
from device_trees import brand, crossed_tr181, ec220v3, tr098, xx230v
from hypothesis import given, settings
from hypothesis import strategies as st
from wan_trees import tr181 as bare_tr181

from acs.cli.main import acs
from acs.devices.effects import SaveTree
from acs.model import Value, ValueType
from acs.profiles import Blueprint, Facts, Library, check_file, read_file
from acs.profiles.coverage import networks
from acs.profiles.draft import draft, facts_of_dump, nearest_blueprint
from acs.profiles.draft_guesses import optical, security_of
from acs.profiles.dump import Dump
from acs.profiles.health.places import Candidate
from acs.profiles.tree import Tree
from acs.profiles.trial import try_on

LIBRARY = Library.load()
NET = "Device.X_ACME_Wireless.Net."
ACME: dict[str, Plain] = {
    "Device.DeviceInfo.Manufacturer": "ACME",
    "Device.DeviceInfo.ModelName": 'AC-9 "pro" [x]',
    "Device.DeviceInfo.SoftwareVersion": "2.1\u007f",
    "Device.DeviceInfo.ProvisioningCode": "",
    "Device.LAN.MACAddress": "00:11:22:33:44:55",
    "Device.X_ACME_Pon.RxPower": "-21.4",
    "Device.X_ACME_Pon.TxPower": "14880",
    "Device.X_ACME_Wan.1.VLANID": 40,
    "Device.ManagementServer.PeriodicInformEnable": True,
    "Device.ManagementServer.PeriodicInformInterval": 300,
}
for number, band in ((1, "2.4GHz"), (2, "5GHz")):
    ACME |= {
        f"{NET}{number}.SSID": f"acme-{number}",
        f"{NET}{number}.Enable": True,
        f"{NET}{number}.Band": band,
        f"{NET}{number}.WpaPsk": "",
    }


def dump_of(tree: dict[str, Plain] | dict[str, Value]) -> Dump:
    return Dump({path: value_of(value) for path, value in tree.items()})


def drafted(dump: Dump, tmp_path: Path, name: str = "mine") -> Blueprint:
    path = tmp_path / "mine.toml"
    path.write_text(draft(dump, facts_of_dump(dump), LIBRARY, name), encoding="utf-8")
    blueprint, issues = read_file(path)
    assert issues == ()
    assert blueprint is not None
    return blueprint


def test_a_table_no_blueprint_knows_is_described_as_a_guess(tmp_path: Path) -> None:
    dump = dump_of(ACME)
    mine = drafted(dump, tmp_path)
    assert [(n.band, n.role, n.row) for n in networks(mine, Tree(mine, dump.values))] == [
        ("2.4", "main", f"{NET}1."),
        ("5", "main", f"{NET}2."),
    ]
    assert mine.mac_paths == ("Device.LAN.MACAddress",)
    assert mine.wifi is not None
    assert mine.wifi.settings["passphrase"].secret
    assert {"wifi.network", "identity.mac"} <= set(mine.doubts)
    trial = try_on(mine, dump)
    assert f"{NET}1.SSID" in {change.path for change in trial.plan.changes}
    assert trial.health is not None and trial.health.optics is not None
    assert trial.health.optics.rx is not None


def test_it_fits_the_device_it_is_from_and_no_other(tmp_path: Path) -> None:
    dump = dump_of(ACME)
    mine = drafted(dump, tmp_path)
    library = Library({"mine": mine, "tr181": LIBRARY.get("tr181")}, ())  # type: ignore[dict-item]
    chosen = library.choose(facts_of_dump(dump))
    assert chosen is not None and chosen.name == "mine"
    other = library.choose(Facts("ACME", model="AC-9 pro x", root="Device."))
    assert other is not None and other.name == "tr181"


@pytest.mark.parametrize(
    ("tree", "base"),
    [
        (xx230v().values, "tr181"),
        (crossed_tr181().values, "tr181"),
        (ec220v3().values, "tr181"),
        (tr098().values, "tr098"),
        (brand("zte").values, "tr098"),
    ],
)
def test_it_extends_the_nearest_and_says_only_what_differs(
    tree: dict[str, Value], base: str, tmp_path: Path
) -> None:
    dump = dump_of(tree)
    assert nearest_blueprint(dump, facts_of_dump(dump), LIBRARY).name == base
    mine = drafted(dump, tmp_path)
    assert "[wifi.set" not in (tmp_path / "mine.toml").read_text()
    if base != "tr098" or "zte" not in str(tree):
        assert try_on(mine, dump).networks


def test_the_words_of_a_family_tell_its_roles(tmp_path: Path) -> None:
    mine = drafted(dump_of(xx230v().values), tmp_path)
    assert mine.wifi is not None
    assert {word: str(roles[0]) for word, roles in mine.wifi.role_words.items()} == {
        "Primary": "main",
        "GuestNetwork": "guest",
    }
    text = (tmp_path / "mine.toml").read_text()
    assert "Networks whose X_TP_APType is Backhaul, Guest, Public are never touched." in text


def test_lines_of_the_first_telephone_model_choose_that_variant() -> None:
    tree = crossed_tr181().values | {
        "Device.Services.VoiceService.1.VoiceProfile.1.Line.1.DirectoryNumber": Value("")
    }
    dump = dump_of(tree)
    assert nearest_blueprint(dump, facts_of_dump(dump), LIBRARY).name == "tr181-voice1"


@pytest.mark.parametrize(
    ("word", "wish"),
    [
        ("WPA2-Personal", "wpa2"),
        ("WPA2/WPA3", "wpa2-wpa3"),
        ("WPA3-SAE", "wpa3"),
        ("WPA3-Personal-Transition", "wpa2-wpa3"),
        ("WPA-WPA2-Personal", "wpa-wpa2"),
        ("None", "open"),
        ("WPA2-Enterprise", None),
        ("WEP-64", None),
    ],
)
def test_words_of_security_are_guessed(word: str, wish: str | None) -> None:
    assert security_of(word) == wish


@pytest.mark.parametrize(
    ("text", "unit"),
    [("-21.4", "dBm"), ("-214", "0.1dBm"), ("-21400", "0.001dBm"), ("63", "0.1uW"),
     ("-21 dBm", "dBm"), ("", "auto"), ("0", "auto")],
)  # fmt: skip
def test_units_of_light_are_guessed_from_sign_and_size(text: str, unit: str) -> None:
    path = "Device.X_Pon.RxPower"
    assert list(optical({path: Value(text)})) == [("rx", path, unit)]


def test_light_that_is_measured_already_is_not_guessed_elsewhere(tmp_path: Path) -> None:
    told = {
        "Device.DeviceInfo.Manufacturer": "TP-Link",
        "Device.DeviceInfo.ModelName": "XX230v",
        "Device.Optical.Interface.1.OpticalSignalLevel": "0",
    }
    measured = "Device.Optical.Interface.1.X_TP_GPON_Config.RXPower"
    dark = {each.path for each in receive_power(drafted(dump_of(told), tmp_path))}
    assert "Device.Optical.Interface.1.OpticalSignalLevel" in dark
    lit = {
        each.path for each in receive_power(drafted(dump_of({**told, measured: "5624"}), tmp_path))
    }
    assert "Device.Optical.Interface.1.OpticalSignalLevel" not in lit
    assert measured in lit


def receive_power(blueprint: Blueprint) -> tuple[Candidate, ...]:
    assert blueprint.health is not None and blueprint.health.optical is not None
    return blueprint.health.optical.quantities["rx"]


def test_power_of_a_radio_is_no_light() -> None:
    assert list(optical({"Device.WiFi.Radio.1.TxPower": Value("-20")})) == []


leaf = st.sampled_from(["SSID", "Band", "Enable", "PreSharedKey", "RxPower", "MACAddress", "VID"])
part = st.text("ABcd_-", min_size=1, max_size=4)
paths = st.builds(
    lambda root, a, n, b: f"{root}{a}.{n}.{b}",
    st.sampled_from(["Device.", "InternetGatewayDevice.", "Device.WiFi."]), part,
    st.integers(1, 3), leaf,
)  # fmt: skip


@settings(max_examples=60)
@given(st.dictionaries(paths, st.text(max_size=8), min_size=1, max_size=12), st.text(max_size=12))
def test_whatever_a_device_has_its_draft_loads(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, str], model: str
) -> None:
    root = (
        "Device." if any(path.startswith("Device.") for path in tree) else "InternetGatewayDevice."
    )
    tree[f"{root}DeviceInfo.ModelName"] = model
    dump = Dump({path: Value(text) for path, text in tree.items()})
    drafted(dump, tmp_path_factory.mktemp("drafts"))


# --- the commands ---------------------------------------------------------------------------


def run(*arguments: str) -> Result:
    return CliRunner().invoke(acs, ["blueprint", *arguments], prog_name="acs")


@pytest.fixture
def tree_file(tmp_path: Path) -> str:
    path = tmp_path / "acme.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Parameter", "Value", "Value type", "Writable"])
        for name, plain in ACME.items():
            value = value_of(plain)
            writer.writerow([name, value.text, f"xsd:{value.type}", "true"])
    return str(path)


def test_new_check_and_test_go_together(tree_file: str, tmp_path: Path) -> None:
    out = str(tmp_path / "acme.toml")
    made = run("new", "--tree", tree_file, "-o", out)
    assert made.exit_code == 0, made.output
    assert run("check", out).exit_code == 0
    tried = run("test", out, "--tree", tree_file)
    assert tried.exit_code == 0, tried.output
    assert f"{NET}1.SSID: 'acme-1' -> 'Sample'" in tried.output
    assert "sample passphrase" not in tried.output
    again = run("new", "--tree", tree_file, "-o", out)
    assert again.exit_code == 2 and "is there already" in again.output


def test_a_wish_of_ones_own_is_tried(tree_file: str, tmp_path: Path) -> None:
    out, wish = str(tmp_path / "acme.toml"), tmp_path / "wish.toml"
    run("new", "--tree", tree_file, "-o", out)
    wish.write_text('[[wifi]]\nband = "5"\nssid = "Maison"\nhidden = true\n')
    ended = run("test", out, "--tree", tree_file, "--intent", str(wish), "--json")
    assert ended.exit_code == 1
    document = json.loads(ended.output)
    assert [change["wanted"] for change in document["plan"]["changes"]] == ["Maison"]
    assert document["plan"]["problems"][0]["setting"] == "hidden"
    wish.write_text('[[wifi]]\nband = "5"\nsid = "x"\n')
    wrong = run("test", out, "--tree", tree_file, "--intent", str(wish))
    assert wrong.exit_code == 2 and "did you mean 'ssid'" in wrong.output


def test_the_steps_of_a_connection_count_as_changes(tmp_path: Path) -> None:
    out, tree, wish = (tmp_path / name for name in ("mine.toml", "tree.json", "wish.toml"))
    out.write_text('[blueprint]\nname = "mine"\nextends = "tr181"\n')
    tree.write_text(json.dumps({path: value.text for path, value in bare_tr181().values.items()}))
    wish.write_text('[wan]\nmode = "ipoe"\nvlan = 40\n')
    ended = run("test", str(out), "--tree", str(tree), "--intent", str(wish))
    assert "step 1: create Device.Ethernet.VLANTermination.{vlan}." in ended.output
    steps = re.findall(r"^step \d+: ", ended.output, re.MULTILINE)
    assert f"{len(steps)} changes, " in ended.output


def test_a_blueprint_that_does_not_fit_the_dump_is_named(tree_file: str, tmp_path: Path) -> None:
    out = tmp_path / "other.toml"
    out.write_text('[blueprint]\nname = "o"\nextends = "tr181"\n\n[match]\nroot = "Device."\n'
                   'manufacturer = ["Other"]\n')  # fmt: skip
    ended = run("test", str(out), "--tree", tree_file)
    assert ended.exit_code == 1
    assert "[match] does not fit this device" in ended.output
    out.write_text('[blueprint]\nname = "o"\nextend = "tr181"\n')
    broken = run("test", str(out), "--tree", tree_file)
    assert broken.exit_code == 1
    assert "other.toml:3: unknown key blueprint.extend (did you mean extends?)" in broken.output


def test_what_is_wrong_with_the_sources_is_said(tmp_path: Path) -> None:
    assert "name one source" in run("new").output
    bad = tmp_path / "bad.csv"
    bad.write_text("Parameter,Size\nDevice.X,1\n")
    ended = run("new", "--tree", str(bad))
    assert ended.exit_code == 3
    assert "bad.csv: line 1: there is no column 'value'" in ended.output
    bad.write_text("Device.X,1\n")
    taken = run("new", "--tree", str(bad), "--name", "tr181")
    assert taken.exit_code == 1 and "there is a blueprint 'tr181' already" in taken.output


def test_a_device_known_to_the_server_is_drafted_from_its_tree(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    device = house.call()
    empty = house.run("blueprint", "new", "--from-device", SERIAL)
    assert empty.exit_code == 1
    assert "acs device tree" in empty.output
    values = {path: value_of(value) for path, value in xx230v().values.items()}
    house.apply(SaveTree(device, 1.0, values))
    made = house.run("blueprint", "new", "--from-device", SERIAL, "--name", "mine")
    assert made.exit_code == 0, made.output
    assert 'extends = "tplink-a"' in made.output


def test_show_says_how_sure_each_part_is() -> None:
    shown = json.loads(run("show", "tplink-a", "--json").output)
    settings = {each["setting"]: each for each in shown["settings"]}
    assert settings["voice.set.username"]["doubts"] == ["voice.set"]
    assert settings["wifi.set.ssid"]["doubts"] == []
    keys = {each["key"]: each for each in shown["keys"]}
    bias = "health.optical.bias.Device.Optical.Interface.1.X_TP_GPON_Config.BiasCurrent"
    assert keys[bias] == {"key": bias, "value": "2uA", "doubts": ["health.optical.bias"]}
    assert {"certainty", "key", "note", "source"} == set(shown["doubts"][0])
    text = run("show", "tplink-a").output
    assert "What is not sure" in text
    assert "MultiStatus has no documented codes" in text


def test_every_key_is_explained() -> None:
    text = run("keys").output
    for key in ("[doubts]", "[wifi_inner]", "[wifi.radio.S]", "supported", "closed", "[health]"):
        assert key in text
    assert "[blueprint]\nname" not in text


BASE = '[blueprint]\nname = "mine"\nextends = "tplink-c"\n\n'


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('[doubts]\n"wifi.set.sid" = { certainty = "open", note = "x" }', 6,
         "'wifi.set.sid' names nothing in this blueprint (did you mean wifi.set.ssid?)"),
        ('[doubts]\n"wifi.set.ssid" = { certainty = "maybe", note = "x" }', 6,
         "certainty 'maybe' is none of single-source, inferred, open"),
        ('[doubts]\n"wifi.set.ssid" = { certainty = "open" }', 6, "a note that says what"),
        ('[doubts]\n"wifi.set.ssid" = "open"', 6, "must be a table"),
        ('[wifi.radio]\nchanel = {}', 6, "did you mean channel?"),
        ('[wifi.radio.width]\nwords = { auto = 1 }', 6, "must be text"),
        ('[wifi.radio.channel]\nsupported = "wlam:PossibleChannels"', 6, "did you mean wlan?"),
        ('[wifi.set.ssid]\nclosed = true', 6, "is closed and has no words"),
        ('[wifi_inner.role.numbers]\n2 = "second"\nx = "guest"', 7, "'x' is not an instance"),
        ('[wifi_inner.role.numbers]\n2 = "seconds"', 6, "did you mean second?"),
        ('[wifi.role.words]\nA = ["main", "gast"]', 6, "'gast' is none of main"),
        ('[wifi_inner]\nnetwork = "entri"', 6, "did you mean entry?"),
        ('[wifi_inner.security]\nmode = "BeaconType"', 6, "is neither table:Leaf nor a full path"),
        ('[wifi]\nsteering = "Steering"', 6, "is neither table:Leaf nor a full path"),
        ('[management.set]\nstun_servr = {}', 6, "did you mean stun_server?"),
    ],
)  # fmt: skip
def test_mistakes_in_the_newer_keys_have_their_line(
    text: str, line: int, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"{BASE}{text}\n")
    issues = check_file(path)
    assert issues, text
    assert message in issues[0].message
    assert issues[0].line == line


def test_value_types_of_a_dump_reach_the_plan(tmp_path: Path) -> None:
    dump = dump_of(ACME)
    trial = try_on(drafted(dump, tmp_path), dump)
    kinds = {change.path.rpartition(".")[2]: change.wanted.type for change in trial.plan.changes}
    assert kinds["PeriodicInformInterval"] is ValueType.UNSIGNED_INT
