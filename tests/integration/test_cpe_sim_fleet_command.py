"""`cpe-sim fleet` and `cpe-sim faults` as commands."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from simulators.cpe.cli import main
from simulators.cpe.hostile import DOCUMENTS
from simulators.cpe.repertoire import WRONGS

NOBODY = "http://127.0.0.1:9/"


def fleet(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from simulators.cpe.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, "fleet", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_idle_unit_takes_little_memory() -> None:
    done = fleet("--count", "2000", "--measure", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["units"]) == (0, 2000)
    assert 0 < found["kib_each"] < 60


def test_failures_are_counted_by_kind_and_the_exit_status_says_that_units_went_unanswered() -> None:
    share = ["--share", "1%:silent"]
    done = fleet(
        "--acs", NOBODY, "--count", "4", "--arrivals", "once", "--for", "1", "--json", *share
    )
    found = json.loads(done.stdout)
    assert done.returncode == 1
    assert found["failures"] == {"connection refused": 3}
    assert found["with_faults"] == {"connection refused": 1}
    assert (found["unanswered"], found["complete"], found["units_with_faults"]) == (3, 0, 1)
    assert "22275A700000" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "give --acs"),
        (["--acs", NOBODY, "--model", "toaster"], "toaster"),
        (["--acs", "acs.example.com"], "not an ACS URL, such as"),
        (["--acs", NOBODY, "--serial-template", "same"], "has no {:06d}"),
        (["--acs", NOBODY, "--arrivals", "tide"], "there are once"),
        (["--acs", NOBODY, "--share", "0.1:loud"], "no fault 'loud'"),
        (["--acs", NOBODY, "--share", "1:silent", "--share", "1:slow"], "not enough"),
        (["--acs", NOBODY, "--from-address", "home"], "127.1.0.0/16"),
        (["--acs", NOBODY, "--from-address", "192.0.2.0/24"], "cannot call from 192.0.2.1"),
        (["--acs", NOBODY, "--power-cut", "soon"], "SECONDS:CURVE"),
        (["--acs", NOBODY, "--power-cut", "\u00b2:once"], "SECONDS:CURVE"),
        (["--acs", NOBODY, "--habit", "rude"], "no habit 'rude'"),
        (["--acs", NOBODY, "--think", "fast"], "recorded or seconds"),
        (["--acs", NOBODY, "--listen", "192.0.2.1"], "address of this machine"),
        (["--acs", NOBODY, "--ca-file", __file__], "no certificate can be read"),
        (["--acs", NOBODY, "--certificate", __file__], "no certificate can be read"),
    ],
)
def test_an_option_that_cannot_be_used_says_why(arguments: list[str], reason: str) -> None:
    done = CliRunner().invoke(main, ["fleet", "--count", "3", *arguments])
    assert done.exit_code == 1
    assert reason in done.output


def test_all_faults_are_listed() -> None:
    text = CliRunner().invoke(main, ["faults"]).output
    assert all(f"\n{name}" in f"\n{text}" for name in (*WRONGS, *DOCUMENTS))
    found = json.loads(CliRunner().invoke(main, ["faults", "--json"]).output)
    assert set(found["faults"]) == set(WRONGS)
    help_text = CliRunner().invoke(main, ["run", "--help"], terminal_width=1000).output
    plain = "".join(help_text.split())
    assert all(name in plain for name in WRONGS)


def test_an_unknown_fault_of_run_names_what_there_is() -> None:
    unit = ["--model", "generic-tr098", "--serial", "1"]
    done = CliRunner().invoke(main, ["run", "--acs", NOBODY, *unit, "--misbehave", "loud"])
    assert done.exit_code == 1
    assert "there are slow, trickle" in done.output
