"""Dumps of a device's tree: every form is read alike, and what is wrong has its line."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.model import Value, ValueType
from acs.profiles.dump import DumpError, read_dump

SSID = "Device.WiFi.SSID.1.SSID"
ENABLE = "Device.WiFi.SSID.1.Enable"
EXPECTED = {SSID: Value("Maison, été"), ENABLE: Value("true", ValueType.BOOLEAN)}
GENIEACS = (
    "Parameter,Object,Object timestamp,Writable,Writable timestamp,Value,Value type,"
    "Value timestamp,Notification\n"
    "Device.WiFi.SSID.,true,2022-01-01,true,2022-01-01,,,,\n"
    f'{SSID},false,2022-01-01,true,2022-01-01,"Maison, été",xsd:string,2022-01-01,\n'
    f"{ENABLE},false,2022-01-01,false,2022-01-01,true,xsd:boolean,2022-01-01,\n"
)


@pytest.mark.parametrize(
    "text",
    [
        GENIEACS,
        "\ufeff" + GENIEACS,
        GENIEACS.replace("\n", "\r\n"),
        f'{SSID},"Maison, été"\n\n{ENABLE},true,boolean,0\n',
        f'Path,Type,Value\n{SSID},string,"Maison, été"\n{ENABLE},boolean,true\n',
        json.dumps({SSID: "Maison, été", ENABLE: True}),
        json.dumps({SSID: {"value": "Maison, été"}, ENABLE: {"value": "true", "type": "boolean"}}),
        json.dumps({SSID: ["Maison, été", "xsd:string"], ENABLE: ["true", "xsd:boolean"]}),
        json.dumps(
            {
                "_id": "1C61B4-Device2-X",
                "Device": {
                    "_object": True,
                    "WiFi": {
                        "SSID": {
                            "1": {
                                "SSID": {"_value": "Maison, été", "_type": "xsd:string"},
                                "Enable": {"_value": True, "_type": "xsd:boolean"},
                            }
                        }
                    },
                },
            }
        ),
    ],
)
def test_every_form_of_a_dump_is_read_alike(text: str) -> None:
    dump = read_dump(text)
    assert dump.values == EXPECTED
    assert dump.root == "Device."


def test_what_can_be_written_is_kept() -> None:
    assert read_dump(GENIEACS).writable == {SSID: True, ENABLE: False}


def test_the_root_is_the_one_most_names_have() -> None:
    igd = "InternetGatewayDevice.DeviceInfo."
    dump = read_dump(f"{igd}ModelName,X\n{igd}UpTime,1\nDevice.Other,1\n")
    assert dump.root == "InternetGatewayDevice."
    assert dump.text("DeviceInfo.ModelName") == "X"
    assert dump.text("DeviceInfo.Nothing") == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the dump is empty"),
        ("  \n", "the dump is empty"),
        ("Parameter,Size\nDevice.X,1\n", "line 1: there is no column 'value'"),
        ("Paramter,Value\nDevice.X,1\n", "there is no column 'parameter' (did you mean paramter?)"),
        ("Parameter,Value\nDevice.X,1\n,2\n", "line 3: the name of the parameter is missing"),
        ('Device.X,"1\n', "line 1: no CSV"),
        ('{\n"Device.X": 1,\n}', "line 3: no JSON"),
        ("[1, 2]", "no object of parameters"),
        ('{"hello": "world"}', "no parameter that begins with Device."),
        ("[" * 100_000, "nested too deep"),
        ('{"Device.X": ' + "1" * 5000 + "}", "a number that is too long"),
    ],
)
def test_what_is_wrong_with_a_dump_is_named(text: str, message: str) -> None:
    with pytest.raises(DumpError) as raised:
        read_dump(text)
    assert message in str(raised.value)


names = st.from_regex(r"Device\.[A-Za-z]{1,8}\.[1-9]\.[A-Za-z]{1,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


@given(st.dictionaries(names, texts, min_size=1, max_size=8))
def test_what_was_written_is_read_back(values: dict[str, str]) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(["Parameter", "Value"])
    writer.writerows(values.items())
    wanted = {path: Value(text) for path, text in values.items()}
    assert read_dump(out.getvalue()).values == wanted
    assert read_dump(json.dumps(values)).values == wanted


@given(st.text(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["Device", "Device.X", "_value", "value", "type", "1"]), inner, max_size=3
    ), max_leaves=10,
).map(json.dumps))  # fmt: skip
def test_any_text_is_a_dump_or_named_wrong(text: str) -> None:
    try:
        dump = read_dump(text)
    except DumpError:
        return
    assert dump.values
    assert all(isinstance(value.text, str) for value in dump.values.values())
