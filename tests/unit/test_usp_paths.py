"""Paths of the data model: their grammar, searches, and how they are put together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.usp import paths
from acs.usp.paths import InvalidPath

GOOD = [
    "Device.",
    "Device.LocalAgent.",
    "Device.DeviceInfo.SerialNumber",
    "Device.WiFi.SSID.1.",
    "Device.WiFi.SSID.1.Enable",
    "Device.WiFi.SSID.*.Enable",
    "Device.WiFi.SSID.*.",
    "Device.WiFi.SSID.{i}.",
    "Device.X_TP-LINK.Voice_1.",
    'Device.WiFi.SSID.[Alias=="a.b]&&c [d"].Enable',
    'Device.WiFi.SSID.[Alias=="50%25 %22x%22"&&Enable==true].',
    "Device.WiFi.AccessPoint.[SSIDReference+.SSID==1].Enable",
    "Device.Hosts.Host.[ActiveLastChange>=2025-01-01T00:00:00Z].",
    'Device.A.[Layer1.*.Name!="x"].',
    "Device.A.[B~=5&&C<1&&D>-2&&E<=3.5].",
    "Device.IP.Interface.1.LowerLayers#1+.Name",
    "Device.IP.Interface.1.LowerLayers#*+.",
    "Device.NAT.PortMapping.1.Interface+.Name",
    "Device.Reboot()",
    "Device.LocalAgent.Controller.1.SendOnBoardRequest()",
    "Device.Boot!",
]
BAD = {
    "": "not empty",
    "Device": "final dot",
    ".Device.": "character 1",
    "Device..A": "character 8",
    "1.Device.": "begin with a name",
    "Device.0.": "no name",
    "Device.01.": "no name",
    "Device.A B.": "no name",
    "Device.*": "no name of a parameter",
    "Device.1": "no name of a parameter",
    "Device.Reboot().": "no name",
    "Device.[A==1]B": "lacks a dot",
    "Device.[A==1": "character 8",
    "Device.A[B==1].": "lacks a dot",
    'Device.[A=="].': "character 8",
    "Device.[].": "no expression",
    "Device.[A].": "no expression",
    "Device.[A=1].": "no expression",
    "Device.[A == 1].": "no blanks",
    "Device.[A==1 && B==2].": "no blanks",
    "Device.[A==1||B==2].": "no expression",
    "Device.[A==1&&].": "no expression",
    'Device.[A=="%zz"].': "no expression",
    "Device.[A==].": "no expression",
    "Device.A#0+.B": "no name",
    "Device.A\n.": "no name",
}


@pytest.mark.parametrize("path", GOOD)
def test_a_path_by_the_grammar_is_taken(path: str) -> None:
    paths.check(path)
    rebuilt = ".".join(paths.segments(path)) + ("." if paths.is_object(path) else "")
    assert rebuilt == path


@pytest.mark.parametrize("path", BAD)
def test_what_is_no_path_is_told_why(path: str) -> None:
    with pytest.raises(InvalidPath, match=BAD[path]):
        paths.check(path)


@pytest.mark.parametrize(
    ("path", "searches"),
    [
        ("Device.WiFi.SSID.1.Enable", False),
        ("Device.", False),
        ("Device.WiFi.SSID.{i}.", False),
        ("Device.WiFi.SSID.*.", True),
        ("Device.WiFi.SSID.*.Enable", True),
        ("Device.WiFi.SSID.[Enable==true].", True),
        ("Device.IP.Interface.1.LowerLayers#1+.Name", True),
        ("Device.IP.Interface.1.LowerLayers#*+.Name", True),
        ("Device.NAT.PortMapping.1.Interface+.Name", True),
    ],
)
def test_a_search_is_a_path_only_the_agent_can_resolve(path: str, searches: bool) -> None:
    assert paths.is_search(path) is searches


def test_a_search_has_quotes_around_text_only_and_no_blanks() -> None:
    keys = {"Alias": 'say "50%"', "Order": 3, "Enable": True, "A.B": "x"}
    made = paths.search("Device.T.", keys)
    assert made == 'Device.T.[Alias=="say %2250%25%22"&&Order==3&&Enable==true&&A.B=="x"].'
    paths.check(made)


@pytest.mark.parametrize(
    ("table", "keys"),
    [("Device.T", {"A": 1}), ("Device.T.", {}), ("Device.T.", {"A==1||B": 1})],
)
def test_a_search_without_table_or_keys_is_refused(table: str, keys: dict[str, int]) -> None:
    with pytest.raises(InvalidPath):
        paths.search(table, keys)


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_any_text_can_be_searched_for(value: str) -> None:
    made = paths.search("Device.T.", {"Alias": value})
    paths.check(made)
    assert paths.general(made) == "Device.T.{i}."
    assert paths.segments(made)[-1].count('"') == 2


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Device.WiFi.SSID.12.Enable", "Device.WiFi.SSID.{i}.Enable"),
        ("Device.WiFi.SSID.*.", "Device.WiFi.SSID.{i}."),
        ("Device.WiFi.SSID.{i}.", "Device.WiFi.SSID.{i}."),
        ('Device.A.[B=="1.2.3"].C.4.D', "Device.A.{i}.C.{i}.D"),
        ('Device.A.[B=="x"].', "Device.A.{i}."),
        ("Device.DeviceInfo.", "Device.DeviceInfo."),
    ],
)
def test_the_general_form_has_i_for_every_row(path: str, expected: str) -> None:
    assert paths.general(path) == expected


def test_a_reference_has_no_general_form() -> None:
    with pytest.raises(InvalidPath, match="reference"):
        paths.general("Device.IP.Interface.1.LowerLayers#1+.Name")


def test_names_are_joined_to_objects_with_or_without_the_final_dot() -> None:
    assert paths.join("Device.A.1.", "B") == "Device.A.1.B"
    assert paths.join("Device.A.1", "Sub.B") == "Device.A.1.Sub.B"


@pytest.mark.parametrize(
    ("path", "above", "leaf"),
    [
        ("Device.", "", ""),
        ("Device.Reboot()", "Device.", "Reboot()"),
        ("Device.A.1.", "Device.A.", ""),
        ("Device.A.1.B", "Device.A.1.", "B"),
        ('Device.A.[B=="1.2"].C', 'Device.A.[B=="1.2"].', "C"),
        ("", "", ""),
    ],
)
def test_what_a_path_is_in_and_how_it_ends(path: str, above: str, leaf: str) -> None:
    assert (paths.parent(path), paths.leaf(path) if path else "") == (above, leaf)


@given(st.text())
def test_any_text_is_a_path_or_is_told_why(text: str) -> None:
    try:
        paths.check(text)
    except InvalidPath as problem:
        assert str(problem)
    else:
        assert paths.segments(text)
