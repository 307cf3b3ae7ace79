"""The table of commands: quick help, examples everywhere, near names, completion, failures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from cli_on_disk import KEY, SERIAL, House
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from acs.cli.lazy import LazyGroup
from acs.cli.main import acs


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield (*path, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))


ALL = [" ".join(path) for path in commands(acs)]


def test_all_promised_commands_are_there() -> None:
    assert {"plan", "doctor", "serve", "completion", "db backup", "db rotate-keys"} <= set(ALL)
    assert {"device factory-reset", "device snapshot", "settings check"} <= set(ALL)


@pytest.mark.parametrize("command", ALL)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    ended = CliRunner().invoke(acs, [*command.split(), "--help"], prog_name="acs")
    assert ended.exit_code == 0
    last = command.split()[0]
    assert f"  acs {last}" in ended.output or "acs --config" in ended.output


def test_the_help_of_the_command_loads_no_room() -> None:
    code = (
        "import sys; from acs.cli.main import acs\n"
        "acs(['--help'], standalone_mode=False)\n"
        "print([m for m in ('sqlalchemy', 'twisted', 'rich', 'msgspec') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(["devise"], "did you mean 'device'"), (["device", "prof"], "did you mean 'proof'")],
)
def test_a_misspelt_command_names_the_near_one(arguments: list[str], hint: str) -> None:
    ended = CliRunner().invoke(acs, arguments, prog_name="acs")
    assert ended.exit_code == 2
    assert hint in ended.output


def test_a_group_completes_its_commands_and_options() -> None:
    group = acs
    assert isinstance(group, LazyGroup)
    items = ShellComplete(group, {}, "acs", "_ACS_COMPLETE").get_completions([], "d")
    assert [item.value for item in items] == ["doctor", "device", "db"]
    options = ShellComplete(group, {}, "acs", "_ACS_COMPLETE").get_completions([], "--c")
    assert [item.value for item in options] == ["--config"]


def test_devices_complete_by_key_and_serial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(tmp_path / "data")
    house.call()
    house.call("2226469000002", "EX220")
    for name, text in house.environment.items():
        monkeypatch.setenv(name, text)
    complete = ShellComplete(acs, {}, "acs", "_ACS_COMPLETE").get_completions
    assert [item.value for item in complete(["device", "show"], "1C61B4-D")] == [KEY]
    assert [item.value for item in complete(["plan"], SERIAL[:6])] == [SERIAL]


def test_completion_is_silent_when_nothing_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    complete = ShellComplete(acs, {}, "acs", "_ACS_COMPLETE").get_completions
    monkeypatch.setenv("ACS_SERVER_DATA_DIR", str(tmp_path / "nowhere"))
    assert complete(["plan"], "1C") == []
    monkeypatch.setenv("ACS_CWMP_LISTEN", "nonsense")
    assert complete(["plan"], "1C") == []
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_call_us_back(shell: str) -> None:
    ended = CliRunner().invoke(acs, ["completion", shell], prog_name="acs")
    assert ended.exit_code == 0
    assert f"_ACS_COMPLETE={shell}_complete" in ended.output


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ACS_CWMP_LISTEN": "nonsense"}, "acs: settings: ACS_CWMP_LISTEN"),
        ({"ACS_DATABASE_URL": "mysql://u:hunter2@h/d"}, "acs: database: mysql is not supported"),
        ({"ACS_SERVER_DATA_DIR": "/proc/nowhere"}, "acs: settings: /proc/nowhere"),
    ],
)
def test_what_a_person_can_mend_is_one_line_and_3(
    tmp_path: Path, variables: dict[str, str], message: str
) -> None:
    ended = House(tmp_path / "data").run("device", "list", **variables)
    assert ended.exit_code == 3
    assert message in ended.stderr
    assert "Traceback" not in ended.output
    assert "hunter2" not in ended.output


def test_a_file_that_is_no_database_is_one_line_and_3(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    (tmp_path / "data" / "acs.db").write_text("not a database, but long enough to be looked at")
    ended = house.run("device", "list")
    assert ended.exit_code == 3
    assert ended.stderr.startswith("acs: database: ")
    assert len(ended.stderr.splitlines()) == 1


def test_a_database_whose_key_is_gone_names_the_key(tmp_path: Path) -> None:
    house = House(tmp_path / "data")
    house.call()
    (tmp_path / "data" / "secrets.toml").unlink()
    key = "other:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    ended = house.run("device", "list", ACS_SECRETS_KEYS=key)
    assert ended.exit_code == 3
    assert "encryption key 'first' is missing" in ended.stderr
