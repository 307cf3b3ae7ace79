"""`cpe-sim scenario`: what it lists, shows and refuses."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from simulators.cpe.cli import main
from simulators.scenario.cli import _ending_in_order
from simulators.scenario.reading import find, library


def scenario(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["scenario", *arguments])


def test_the_library_is_listed_with_its_size() -> None:
    told = json.loads(scenario("list", "--json").stdout)["scenarios"]
    assert [each["name"] for each in told] == library()
    assert all(each["units"] > 0 and each["seconds"] > 0 and each["about"] for each in told)
    assert "first-boot" in scenario("list").stdout


def test_a_scenario_is_shown_as_it_is_written() -> None:
    assert scenario("show", "attack").stdout == find("attack")[1]


def test_all_of_the_library_passes_its_check() -> None:
    assert scenario("check", *library()).exit_code == 0


def test_what_is_wrong_is_told_before_anything_is_started(tmp_path: Path) -> None:
    file = tmp_path / "town.toml"
    file.write_text(find("first-boot")[1].replace("periodic", "perodic"), encoding="utf-8")
    for command in ("check", "run"):
        refused = scenario(command, str(file))
        assert refused.exit_code == 2
        assert "did you mean periodic?" in refused.stderr


def test_a_directory_that_is_there_is_left_alone(tmp_path: Path) -> None:
    refused = scenario("run", "first-boot", "--keep", str(tmp_path))
    assert refused.exit_code == 2
    assert "is there already" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    refused = scenario("run", "first-boot", "--html", str(tmp_path / "there" / "report.html"))
    assert refused.exit_code == 2
    assert "there is no directory" in refused.stderr


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a defect")])
def test_what_is_no_verdict_ends_with_2(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("simulators.scenario.cli._played", fail)
    assert scenario("run", "first-boot").exit_code == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_programs_start_ends_them_in_order(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), _ending_in_order():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before
