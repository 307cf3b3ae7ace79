"""Small words of the command line: ages, durations, masks, assignments, terminal-safe text."""

from __future__ import annotations

import json

import click
import pytest

from acs.cli import assignments
from acs.cli.ages import Duration, age, iso
from acs.cli.failures import Failure
from acs.cli.masking import Masks
from acs.cli.render import emit, plain
from acs.devices.record import Device
from acs.profiles import Library

NOW = 1_790_000_000.0
DEVICE = Device(1, "k", "1C61B4", "Device2", "S1", root="Device.")
PATH = "Device.WiFi.Radio.1.Channel"


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "never"),
        (NOW, "just now"),
        (NOW - 30, "30 s ago"),
        (NOW - 200, "3 min ago"),
        (NOW - 7_199, "119 min ago"),
        (NOW - 7_200, "2 h ago"),
        (NOW - 86_400 * 3, "3 days ago"),
        (NOW + 300, "in 5 min"),
    ],
)
def test_ages(at: float, text: str) -> None:
    assert age(at, NOW) == text


def test_times_for_machines_are_utc_and_never_is_null() -> None:
    assert iso(1_790_000_000.5) == "2026-09-21T14:13:20.500Z"
    assert iso(0.0) is None


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("15m", 900), ("24h", 86_400), ("1.5d", 129_600)]
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "h", "-5", "5 weeks", "1e9h", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="no duration"):
        Duration().convert(text, None, None)


def test_a_terminal_gets_no_control_characters_of_a_device() -> None:
    assert plain("a\x1b[31mb\r\n\u202ec é") == "a\\x1b[31mb\\x0d\\x0a\\x202ec é"


@pytest.mark.parametrize(
    "path",
    [
        "Device.WiFi.AccessPoint.1.Security.KeyPassphrase",
        "Device.WiFi.AccessPoint.2.Security.SAEPassphrase",
        "Device.WiFi.AccessPoint.1.Security.PreSharedKey",
        "Device.WiFi.AccessPoint.1.Security.WEPKey",
        "Device.WiFi.AccessPoint.1.WPS.PIN",
        "Device.ManagementServer.ConnectionRequestPassword",
        "Device.WiFi.AccessPoint.1.Security.RadiusSecret",
        "InternetGatewayDevice.X.1.MultiAuthPassword",
        "InternetGatewayDevice.X_TP_UserCfg.UserPwd",
    ],
)
def test_secrets_are_known_by_their_names(path: str) -> None:
    assert Masks().hides(path)
    assert Masks().shown(path, "hunter2") == "***"
    assert Masks().shown(path, "") == ""


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        "Device.WiFi.SSID.1.SSID",
        "Device.Users.User.1.Username",
        "Device.LocalAgent.Request.1.CommandKey",
    ],
)
def test_other_values_are_shown(path: str) -> None:
    assert Masks().shown(path, "x") == "x"


def test_what_a_blueprint_calls_secret_is_masked() -> None:
    library = Library.load()
    blueprint = library.get("tplink-a")
    assert blueprint is not None
    names = Masks.of(blueprint).names
    assert "Device.WiFi.AccessPoint.{i}.Security.KeyPassphrase" in names
    odd = Masks(frozenset({"Device.X.{i}.Odd"}))
    assert odd.hides("Device.X.12.Odd")
    assert not odd.hides("Device.X.12.Even")


def changes(*values: str, **options: tuple[str, ...]) -> list[dict[str, object]]:
    given = {"secret": options.get("secret", ()), "types": options.get("types", ())}
    return assignments.changes(
        values, DEVICE, **given, masks=Masks(), ask=lambda path: f"asked for {path}"
    )


def test_assignments_become_changes() -> None:
    assert changes(f"{PATH}=11", "Device.A.B=a=b", types=(f"{PATH}=unsignedInt",)) == [
        {"path": PATH, "value": "11", "type": "unsignedInt"},
        {"path": "Device.A.B", "value": "a=b"},
    ]


def test_a_secret_without_a_value_is_asked_for() -> None:
    path = "Device.A.Code"
    assert changes(f"{path}=", secret=(path,)) == [
        {"path": path, "value": f"asked for {path}", "secret": True}
    ]


def test_an_empty_value_that_is_no_secret_stays_empty() -> None:
    assert changes("Device.A.Name=") == [{"path": "Device.A.Name", "value": ""}]


def test_what_is_known_to_be_secret_is_marked_unasked() -> None:
    assert changes("Device.Users.User.2.Password=x")[0]["secret"] is True


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (("Device.A",), {}, "not PATH=VALUE"),
        (("=5",), {}, "not PATH=VALUE"),
        (("Device.WiFi.=5",), {}, "is an object"),
        (("InternetGatewayDevice.A=5",), {}, "names begin with Device."),
        (("Device.A B=5",), {}, "not the name of a parameter"),
        (("Device.A=1", "Device.A=2"), {}, "given twice"),
        (("Device.A=1",), {"secret": ("Device.B",)}, "--secret names Device.B"),
        (("Device.A=1",), {"types": ("Device.A=text",)}, "'text' is none of string"),
    ],
)
def test_mistakes_in_assignments_are_named(
    values: tuple[str, ...], options: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(click.UsageError, match=message.replace("(", r"\(")):
        changes(*values, **options)


def test_rows_and_tables_are_told_apart() -> None:
    assert assignments.row("Device.NAT.PortMapping.3", DEVICE) == "Device.NAT.PortMapping.3."
    assert assignments.table("Device.NAT.PortMapping", DEVICE) == "Device.NAT.PortMapping."
    with pytest.raises(click.UsageError, match="is no row"):
        assignments.row("Device.NAT.PortMapping.", DEVICE)
    with pytest.raises(click.UsageError, match="is a row"):
        assignments.table("Device.NAT.PortMapping.3.", DEVICE)


def test_json_is_safe_for_a_terminal_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    told = {"ssid": "caf\xe9 \x1b[2J \x9b31m \x7f \u202e"}
    emit(told)
    printed = capsys.readouterr().out
    assert plain(printed.replace("\n", "")) == printed.replace("\n", "")
    assert "caf\xe9" in printed
    assert json.loads(printed) == told


def test_a_failure_is_safe_for_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Failure("one \x1b[2J", "two").show()
    assert capsys.readouterr().err == "acs: one \\x1b[2J\nacs: two\n"
