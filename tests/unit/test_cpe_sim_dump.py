"""Exports of a tree become models: what is read, what is factored, what runs again."""

from __future__ import annotations

import csv
import io
import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.cpe.device import Ont
from simulators.cpe.dump import Dump, DumpError, Leaf, read_dump
from simulators.cpe.model import Tree
from simulators.cpe.modelfile import Identity, build_model, load_model, model_names
from simulators.cpe.modelling import modelled
from simulators.cpe.modeltext import model_text
from simulators.cpe.schema import TYPES, ParameterSpec, parse_parameter, write_parameter

IDENTITY = Identity("1C61B4", "Device2", "22275A7000001", "1C:61:B4:FA:11:C8")


def dump_of(tree: Tree) -> Dump:
    writable = dict(tree.names("", False))
    shown = tree.read([tree.model.top])
    return Dump(tuple(Leaf(p.name, p.text, p.type, writable[p.name]) for p in shown))


def leaves_of(tree: Tree) -> dict[str, tuple[str, str, bool]]:
    return {leaf.path: (leaf.text, leaf.type, leaf.writable) for leaf in dump_of(tree).leaves}


def again(dump: Dump, like: str | None = None) -> Ont:
    """The unit that a dump describes, by way of the text of its model."""
    made = modelled(dump, like)
    model = build_model("again", tomllib.loads(model_text(made.document, "Made of a dump.")))
    return Ont(model, made.identity)


@pytest.mark.parametrize("name", [name for name in model_names() if "mesh" not in name])
def test_a_model_of_the_dump_of_any_model_shows_the_same(name: str) -> None:
    tree = Tree(load_model(name), IDENTITY)
    unit = again(dump_of(tree))
    assert leaves_of(unit.tree) == leaves_of(tree)
    assert unit.identity == IDENTITY


def test_it_is_compact_and_takes_after_the_family() -> None:
    tree = Tree(load_model("tplink-a-xx230v"), IDENTITY)
    made = modelled(dump_of(tree))
    assert made.like == "tplink-a-xx230v"
    lines = model_text(made.document, "x").count("\n")
    assert lines < len(leaves_of(tree)) / 3
    unit = again(dump_of(tree))
    assert unit.dialect.name == "tplink"
    assert unit.model.inform == tree.model.inform
    row = unit.tree.add("Device.PPP.Interface.")
    assert unit.tree.write([(f"Device.PPP.Interface.{row}.Enable", "boolean", "1")]), "Status 1"
    unit.apply()
    assert unit.tree.get(f"Device.PPP.Interface.{row}.LastConnectionError").startswith("ERROR_AUTH")


def test_another_unit_of_the_model_has_its_own_addresses() -> None:
    made = modelled(dump_of(Tree(load_model("tplink-a-ex220"), IDENTITY)))
    other = Identity("3C52A1", "EX220", "2226469000009", "3C:52:A1:00:00:10", "100.64.9.9")
    unit = Ont(build_model("other", made.document), other)
    assert unit.tree.get("Device.DeviceInfo.SerialNumber") == "2226469000009"
    assert unit.tree.get("Device.WiFi.SSID.3.BSSID") == "3C:52:A1:00:00:12"
    assert unit.tree.get(unit.wan) == "100.64.9.9"
    assert "22275A7000001" not in model_text(made.document, "x")


def test_rows_may_differ_in_what_they_have() -> None:
    top = "Device.Thing."
    leaves = [
        *(
            Leaf(f"{top}{i}.Name", "alike" if i < 9 else "last", writable=True)
            for i in (1, 2, 3, 9)
        ),
        Leaf(f"{top}2.Only", "5", "int"),
        Leaf(f"{top}2.Deep.Er", "x"),
        Leaf("Device.ThingNumberOfEntries", "4", "unsignedInt"),
    ]
    unit = again(Dump(tuple(leaves)))
    found = {path: text for path, (text, _, _) in leaves_of(unit.tree).items()}
    needed = {path: text for path, text in found.items() if path in {leaf.path for leaf in leaves}}
    assert needed == {leaf.path: leaf.text for leaf in leaves}
    assert {path for path in found if path.startswith(top)} == {
        leaf.path for leaf in leaves if leaf.path.startswith(top)
    }
    unit.tree.drop_row(top, 9)
    assert unit.tree.get("Device.ThingNumberOfEntries") == "3"


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(TEXTS, st.sampled_from(sorted(TYPES))), min_size=1, max_size=6))
def test_any_value_of_any_type_survives(rows: list[tuple[str, str]]) -> None:
    leaves = [
        leaf
        for number, (text, kind) in enumerate(rows, 1)
        for leaf in (
            Leaf(f"Device.Row.{number}.Value", text),
            Leaf(f"Device.Single.Value{number}", text, kind),
        )
    ]
    found = leaves_of(again(Dump(tuple(leaves))).tree)
    assert {leaf.path: found[leaf.path][:2] for leaf in leaves} == {
        leaf.path: (leaf.text, leaf.type) for leaf in leaves
    }


@pytest.mark.parametrize("name", model_names())
def test_every_line_of_a_schema_can_be_written_again(name: str) -> None:
    def specs(spec: object) -> list[ParameterSpec]:
        below = [s for child in spec.children.values() for s in specs(child)]  # type: ignore[attr-defined]
        return [*spec.parameters.values(), *below]  # type: ignore[attr-defined]

    for spec in specs(load_model(name).root):
        assert parse_parameter(spec.name, write_parameter(spec)) == spec


# --- forms of exports


def test_the_servers_csv_with_its_marked_formulas_and_its_masks() -> None:
    text = (
        "parameter,value,type,writable\n"
        "Device.DeviceInfo.ProvisioningCode,'=1+1,string,yes\n"
        "Device.DeviceInfo.UpTime,12,unsignedInt,no\n"
        "Device.ManagementServer.Password,***,string,yes\n"
        'Device.X.Note,"two\nlines",string,\n'
    )
    assert read_dump(text).leaves == (
        Leaf("Device.DeviceInfo.ProvisioningCode", "=1+1", "string", True),
        Leaf("Device.DeviceInfo.UpTime", "12", "unsignedInt"),
        Leaf("Device.ManagementServer.Password", "", "string", True, secret=True),
        Leaf("Device.X.Note", "two\nlines"),
    )


def test_a_secret_that_was_kept_back_reads_empty_and_can_be_written() -> None:
    unit = again(Dump((Leaf("Device.Mine.Secret", "", "string", True, secret=True),)))
    unit.tree.write([("Device.Mine.Secret", "string", "new")])
    assert unit.tree.read(["Device.Mine.Secret"])[0].text == ""
    assert unit.tree.get("Device.Mine.Secret") == "new"


def test_the_servers_json() -> None:
    values = {"Device.A.B": {"value": "x", "type": "string", "writable": None, "read_at": "now"}}
    assert read_dump(json.dumps({"values": values})).leaves == (Leaf("Device.A.B", "x"),)


def test_the_csv_of_genieacs() -> None:
    out = io.StringIO()
    csv.writer(out).writerows(
        [
            ["Parameter", "Object", "Object timestamp", "Writable", "Value", "Value type"],
            ["DeviceID.ID", "false", "", "false", "x", "xsd:string"],
            ["Device", "true", "", "false", "", ""],
            ["Device.NAT.PortMapping", "true", "", "true", "", ""],
            ["Device.NAT.PortMapping.1", "true", "", "true", "", ""],
            ["Device.NAT.PortMapping.1.Enable", "false", "", "true", "true", "xsd:boolean"],
        ]
    )
    dump = read_dump(out.getvalue())
    assert dump.leaves == (Leaf("Device.NAT.PortMapping.1.Enable", "1", "boolean", True),)
    assert dump.growing == {"Device.NAT.PortMapping.{i}."}
    assert again(dump).tree.add("Device.NAT.PortMapping.") == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no columns"),
        ("a,b\n1,2\n", "no columns"),
        ("parameter,value\n", "no parameters"),
        ("parameter,value\nnonsense,1\n", "line 2: 'nonsense'"),
        ("parameter,value\nDevice.A.,1\n", "line 2"),
        ("parameter,value\nDevice.A.B,1\nInternetGatewayDevice.A.B,1\n", "both roots"),
        ("{", "line 1"),
        ('{"values": 3}', "no export"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"values": ' + "9" * 5000 + "}", "no export"),
        ('{"values": {"Device.A.B": {"value": "\\ud800"}}}', "half a character"),
        ("parameter,value\nDevice.A.1,1\n", "line 2"),
        ("parameter,value\nDevice.A.007.B,1\n", "line 2"),
        ("parameter,value\nDevice.A.\u0663.B,1\n", "line 2"),
        ("parameter,value\nDevice.A._add,1\n", "line 2"),
        ("parameter,value\nDevice." + "a." * 3000 + "B,1\n", "line 2"),
    ],
)
def test_what_is_no_export(text: str, reason: str) -> None:
    with pytest.raises(DumpError, match=reason):
        read_dump(text)
