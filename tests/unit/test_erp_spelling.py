"""What a look-up asks for, and which equipment answers it."""

from __future__ import annotations

from importlib.resources import files

from acs.devices.identity import Equipment, Hints, Terms, terms
from acs.model import DeviceId
from erp_bridge.mapping import load, parse
from erp_bridge.spelling import filters_of, fits, fits_well, gpon_spellings, mac_spellings

DEFAULT = (files("erp_bridge") / "mapping.toml").read_text("utf-8")
MAC = "1C61B4FA11C8"


def test_a_mac_is_sought_in_all_spellings() -> None:
    assert mac_spellings(MAC, load()) == [
        "1C:61:B4:FA:11:C8",
        "1C-61-B4-FA-11-C8",
        "1C61.B4FA.11C8",
        "1C61B4FA11C8",
    ]


def test_a_gpon_serial_is_sought_as_hex_and_as_text() -> None:
    assert gpon_spellings("54504C47B4FA11C8") == ["54504C47B4FA11C8", "TPLGB4FA11C8"]
    assert gpon_spellings("00000000B4FA11C8") == ["00000000B4FA11C8"]


def test_each_identifier_is_sought_in_its_fields() -> None:
    asked = [Terms(("ABC",), (MAC,), ("54504C47B4FA11C8",))]
    found = {str(row[0]): row for row in filters_of(asked, load())}
    assert set(found) == {"cwmp_serial", "serial_number", "barcode", "gpon_serial", "mac_address"}
    assert found["serial_number"] == ["serial_number", "in", ["ABC", "abc"]]
    assert "1c61.b4fa.11c8" in found["mac_address"][2]  # type: ignore[operator]
    assert "TPLGB4FA11C8" in found["gpon_serial"][2]  # type: ignore[operator]


def test_one_case_is_enough_for_mariadb() -> None:
    mapping = parse("[lookup]\nboth_cases = false\n", "site.toml", DEFAULT)
    found = filters_of([Terms(("ABC",))], mapping)
    assert all(row[2] == ["ABC"] for row in found)


def test_nothing_to_look_for_makes_no_filter() -> None:
    assert filters_of([], load()) == []
    assert filters_of([Terms(("", "  ", "\x00bad", "x" * 200))], load()) == []


def test_many_devices_share_one_filter_per_field() -> None:
    asked = [Terms((f"S{n}",)) for n in range(200)]
    [row] = [r for r in filters_of(asked, load()) if r[0] == "serial_number"]
    assert len(row[2]) == 400  # type: ignore[arg-type]


def test_refused_and_absent_fields_are_not_asked() -> None:
    mapping = parse('[equipment.fields]\nbarcode = ""\n', "site.toml", DEFAULT)
    found = filters_of([Terms(("ABC",))], mapping, without=frozenset({"cwmp_serial"}))
    assert [row[0] for row in found] == ["serial_number"]


def test_a_neighbours_mac_fits_but_not_well() -> None:
    asked = terms(Hints(DeviceId("1C61B4", "XX230v", "ABC"), mac=MAC))
    own = Equipment("E1", mac=MAC)
    neighbour = Equipment("E2", mac="1C61B4FA11C9")
    stranger = Equipment("E3", mac="1C61B4FA22C9")
    assert fits(asked, own)
    assert fits_well(asked, own)
    assert fits(asked, neighbour)
    assert not fits_well(asked, neighbour)
    assert not fits(asked, stranger)


def test_serials_fit_in_any_of_three_fields_and_never_when_empty() -> None:
    asked = Terms(("ABC", ""), (), ("",))
    assert fits_well(asked, Equipment("E1", cwmp_serial="ABC"))
    assert fits_well(asked, Equipment("E1", serial_number="ABC"))
    assert fits_well(asked, Equipment("E1", barcode="ABC"))
    assert not fits(asked, Equipment("E1"))
