"""The ``[wan]`` table of a blueprint: what it may hold, and mistakes named with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from acs.profiles import Intent, Library, Wan, check_file, reads
from acs.profiles.wan.places import symbols_of

HEAD = """[blueprint]
name = "own"
extends = "tr181"
[wan]
"""
DEEP = '[tables]\ndeep = "Device.A.{i}.B.{i}."\n'


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('connections = ["ipp"]', 5, "wan.connections: 'ipp' is none of"),
        ('layer = ["ppp"]', 5, "unknown key wan.layer (did you mean layers?)"),
        ("connections = []", 4, "wan.connections is missing"),
        ('reference = ""', 4, "wan.layers needs wan.reference"),
        ('alias = ""', 4, "wan.build needs wan.alias"),
        ('[wan.media]\nradio = "wifi:Up"', 6, "wan.media.radio: 'wifi' is none of"),
        ('[wan.mode]\nwords = { PPPoE = "ppoe" }', 6, "wan.mode.words: 'ppoe' is none of"),
        ("[wan.mode]\nreplace = true", 5, "wan.mode is missing"),
        ('[wan.service]\nfrom = "ip:X"', 5, "wan.service.wanted is missing"),
        ('[wan.set.vlan]\nwrite = ["tag:VLANID"]', 6, "'tag' is none of"),
        ('[wan.set.mru]\nwrite = ["ip:X"]', 5, "unknown key wan.set.mru (did you mean mtu?)"),
        ('[wan.build.ip]\nset = { "ip:LowerLayers" = "{pp}" }', 6, "'pp' is none of"),
        ('[wan.build.ip]\nmedium = "copper"', 6, "'copper' is none of optical, ethernet"),
        ('[wan.build.ip]\nwish = ["speed"]', 6, "wan.build.ip.wish: 'speed' is none of"),
        ('[wan.build.x]\nadd = "deep"', 6, "lies in a table that has no name here"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(HEAD + text + "\n" + DEEP, encoding="utf-8")
    issues = check_file(path)
    assert any(issue.line == line and says in issue.message for issue in issues), issues


def test_every_shipped_blueprint_knows_where_connections_are() -> None:
    library = Library.load()
    for name in library.names():
        blueprint = library.get(name)
        assert blueprint is not None
        assert blueprint.wan is not None, name


def test_family_b_builds_nothing() -> None:
    blueprint = Library.load().get("tplink-b")
    assert blueprint is not None
    assert blueprint.wan is not None
    assert blueprint.wan.build == ()


def test_nothing_of_the_wan_is_read_unless_it_is_wanted() -> None:
    blueprint = Library.load().get("tplink-a")
    assert blueprint is not None
    assert "Device.PPP.Interface.{i}." not in reads(blueprint, Intent()).identify
    needed = reads(blueprint, Intent(wan=Wan("pppoe")))
    assert "LowerLayers" in needed.identify["Device.PPP.Interface.{i}."]
    assert "Device.PPP.Interface.{i}." in needed.growing


@pytest.mark.parametrize(
    ("value", "symbols"),
    [("{ppp}", ("ppp",)), ("{ppp|vlan}", ("ppp", "vlan")), ("{ppp}.x", ()), (1, ()), (True, ())],
)
def test_symbols_of_a_value(value: bool | int | str, symbols: tuple[str, ...]) -> None:
    assert symbols_of(value) == symbols
