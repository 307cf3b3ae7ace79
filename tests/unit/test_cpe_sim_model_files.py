"""Model files of somebody else: what is wrong in them is said before a unit lives by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.cpe.modelcheck import check, usable_model
from simulators.cpe.modelfile import ModelFileError, load_model, model_names

MANAGEMENT = "Device.ManagementServer."
GOOD = """
manufacturer = "M"
product_class = "P"
dialect = "generic"
inform = ["Device.DeviceInfo.SoftwareVersion"]

[schema."Device.DeviceInfo."]
SoftwareVersion = "r string = 1"

[schema."Device.ManagementServer."]
URL = "rw string(:256)"
"Username ConnectionRequestURL ConnectionRequestUsername" = "rw string(:256)"
"Password ConnectionRequestPassword" = "w string(:256)"
PeriodicInformEnable = "rw boolean = 1"
PeriodicInformInterval = "rw unsignedInt(1:) = 300"

[schema."Device.T.{i}."]
A = "rw string"
"""


def written(path: Path, text: str) -> str:
    file = path / "my.toml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_what_is_right_is_a_model(tmp_path: Path) -> None:
    assert usable_model(written(tmp_path, GOOD)).manufacturer == "M"


@pytest.mark.parametrize("name", model_names())
def test_the_models_that_come_with_the_simulator_are_right(name: str) -> None:
    check(load_model(name))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (GOOD, "x = " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        (GOOD, "manufacturer = 'M'\n", "lacks product_class, dialect, inform, schema"),
        ('dialect = "generic"', 'dialect = "nope"', "no dialect 'nope'; there are tplink"),
        ('dialect = "generic"', 'dialect = "generic"\neffects = "x"', "no effects 'x'; there are"),
        ('dialect = "generic"', 'dialect = "generic"\nwna = "x"', "unknown wna; there are"),
        ('dialect = "generic"', 'dialect = "generic"\nwan = 3', "wan must be a text"),
        ('"Device.DeviceInfo.SoftwareVersion"', "3", "inform must be a list of texts"),
        ('["Device.DeviceInfo.SoftwareVersion"]', '["Device.Nope"]', "needs Device.Nope"),
        ("manufacturer", "include = ['../up']\nmanufacturer", "there is no '../up'"),
        ("manufacturer", "include = 'part-x'\nmanufacturer", "a list of names"),
        (MANAGEMENT, "InternetGatewayDevice.X.", "below one of"),
        (MANAGEMENT, "Device.Other.", f"needs {MANAGEMENT}URL"),
        ("= 300", "= often", "PeriodicInformInterval must be a number of seconds"),
        ('"r string = 1"', '"r string = {foo}"', "unknown placeholder {foo}"),
        ('"r string = 1"', "3", "SoftwareVersion must be a text, not 3"),
        ('A = "rw string"', 'A = "rw string(a:b)"', r"\(a:b\) is not \(LOW:HIGH\)"),
        ('A = "rw string"', "_add = 1", "_add must be true or false"),
        ('A = "rw string"', "A = 'rw string'\n[rows]\n'Device.T.' = 3", "rows must be tables"),
        (
            'A = "rw string"',
            "A = 'rw string'\n[rows.'Device.T.']\n1-2000000000 = {}",
            "more than 10000 rows",
        ),
        ('A = "rw string"', "A = 'rw string'\n[values]\n'Device.X.Y' = '3'", "no Device.X.Y"),
        ("Device.T.{i}.", "Device." + "a." * 5000, "nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, reason: str) -> None:
    text = GOOD.replace(old, new)
    assert text != GOOD
    with pytest.raises(ModelFileError, match=reason):
        usable_model(written(tmp_path, text))
