"""Firmware rules: who is behind, who is ahead, and mistakes with their line."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

import pytest
from cli_on_disk import SERIAL, House
from hypothesis import given
from hypothesis import strategies as st

from acs.devices.effects import SaveDevice
from acs.profiles import Facts
from acs.profiles.firmware import (
    FirmwareRule,
    Window,
    build_date,
    firmware_due,
    load_rules,
    read_rules,
    rule_for,
)

WANTED = "0.6.0 3.0.0 v6066.0 Build 220630 Rel.56119n"
RULE = FirmwareRule({"model": ("XX230v",), "hardware": ("XX230v v1*",)}, WANTED, "xx230v-220630")
UNIT = Facts("TP-Link", hardware="XX230v v1.0 00000000", software="x Build 210101", root="Device.")
TEXT = f"""\
[[rule]]
manufacturer = ["TP-Link*"]
model = ["XX230v"]
hardware = ["XX230v v1*"]
version = "{WANTED}"
file = "xx230v-220630"
from = "02:00"
to = "05:00"

[[rule]]
model = ["EX220"]
hardware = ["EX220 v1*"]
version = "0.14.0 2.0.0 v605f.0 Build 221227"
file = "ex220"
downgrade = true
"""


def test_an_older_build_is_due() -> None:
    wish = firmware_due(UNIT, [RULE])
    assert wish is not None
    assert (wish.version, wish.file, wish.window) == (WANTED, "xx230v-220630", None)
    assert "Build 210101" in wish.reason


@pytest.mark.parametrize(
    ("software", "due"),
    [
        (WANTED, False),
        (f" {WANTED} ", False),
        ("other text Build 220630", True),
        ("0.7.0 Build 230101", False),
        ("without a date", True),
        ("", False),
    ],
)
def test_versions_are_whole_texts_and_ordered_by_build(software: str, due: bool) -> None:
    assert (firmware_due(replace(UNIT, software=software), [RULE]) is not None) is due


def test_a_newer_build_is_replaced_only_when_the_rule_says_so() -> None:
    newer = replace(UNIT, software="0.7.0 Build 230101")
    assert firmware_due(newer, [RULE]) is None
    assert firmware_due(newer, [replace(RULE, downgrade=True)]) is not None


def test_another_hardware_is_never_due() -> None:
    assert firmware_due(replace(UNIT, hardware="XX230v v2.0 0"), [RULE]) is None
    assert firmware_due(replace(UNIT, hardware="EX220 v1.0 0"), [RULE]) is None


def test_the_rule_that_names_most_wins() -> None:
    exact = replace(RULE, patterns={**RULE.patterns, "hardware": ("XX230v v1.0*",)}, file="exact")
    assert rule_for(UNIT, [RULE, exact]) == exact
    assert rule_for(UNIT, [exact, RULE]) == exact


def test_a_file_of_rules_is_read() -> None:
    rules, issues = read_rules(TEXT)
    assert issues == ()
    assert [rule.file for rule in rules] == ["xx230v-220630", "ex220"]
    assert rules[0].window == Window(time(2), time(5))
    assert rules[1].downgrade


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ('model = ["EX220"]', "", 10, "rule: model is missing"),
        ('hardware = ["EX220 v1*"]', "hardware = []", 12, "rule: hardware is missing"),
        ('file = "ex220"', "file = 3", 14, "file must be text"),
        ('file = "ex220"', 'fiel = "ex220"', 14, "did you mean file?"),
        ('from = "02:00"', 'from = "2 am"', 7, "'2 am' is no time of day"),
        ('to = "05:00"', "", 7, "from and to are only possible together"),
        ("[[rule]]\nman", "[[rules]]\nman", 1, "'rules' is not known: write [[rule]]"),
        ("[[rule]]\nmanufacturer", "[[rule]\nmanufacturer", 1, "not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_line(old: str, new: str, line: int, message: str) -> None:
    _, issues = read_rules(TEXT.replace(old, new), "firmware.toml")
    assert message in issues[0].message
    assert issues[0].line == line
    assert str(issues[0]).startswith(f"firmware.toml:{line}: ")


def test_a_rule_with_a_mistake_does_not_stop_the_others() -> None:
    rules, issues = read_rules(TEXT.replace('model = ["EX220"]', ""))
    assert len(rules) == 1 and len(issues) == 1


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    assert "cannot be read" in load_rules(tmp_path / "none.toml")[1][0].message


def test_windows_may_cross_midnight() -> None:
    night = Window(time(23), time(4))
    assert night.holds(time(23, 30)) and night.holds(time(3, 59))
    assert not night.holds(time(4)) and not night.holds(time(12))


@given(st.text(max_size=40))
def test_any_version_has_a_date_or_none(version: str) -> None:
    date = build_date(version)
    assert date == "" or (len(date) == 6 and date.isdecimal())


def test_a_device_that_is_behind_is_shown_so(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    device = house.call()
    house.apply(
        SaveDevice(device, {"hardware": "XX230v v1.0 00000000", "software": "x Build 210101"})
    )
    rules = tmp_path / "firmware.toml"
    rules.write_text(TEXT)
    listed = house.run("blueprint", "firmware", "--rules", str(rules))
    assert listed.exit_code == 0
    assert "02:00 to 05:00" in listed.output
    told = {"ACS_PROVISIONING_FIRMWARE_RULES": str(rules)}
    shown = house.json("device", "show", SERIAL, **told)
    assert shown["firmware"] == f"behind: {WANTED} is wanted, from file xx230v-220630"
    due = house.json("blueprint", "firmware", SERIAL, code=1, **told)
    assert due["due"] == "xx230v-220630"
    house.apply(SaveDevice(device, {"software": WANTED}))
    assert house.json("device", "show", SERIAL, **told)["firmware"] == "as the rules want it"
    assert house.json("device", "show", SERIAL)["firmware"] is None


def test_without_rules_the_command_names_the_setting(tmp_path: Path) -> None:
    ended = House(tmp_path / "data").run("blueprint", "firmware")
    assert ended.exit_code == 1
    assert "provisioning.firmware_rules" in ended.output
