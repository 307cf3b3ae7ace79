"""The rings of the house: who may import whom, as written in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from importlinter.api import read_configuration

ROOT = Path(__file__).parents[2]
CONFIGURATION = str(ROOT / "pyproject.toml")
EDGES = {
    "acs.cwmp.edge",
    "acs.cwmp.authenticate",
    "acs.cwmp.rivals",
    "acs.devices.mirror",
    "acs.devices.registry",
    "acs.usp.attending",
    "acs.usp.controller",
    "acs.usp.inbox",
    "acs.usp.keeping",
    "acs.usp.models",
    "acs.usp.peer",
    "acs.usp.roster",
    "acs.usp.speaking",
    "acs.usp.visits",
}


def test_every_contract_is_kept() -> None:
    # In a process of its own: it trips over modules that Twisted, once imported, has replaced.
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    linter = subprocess.run(
        [*command, "--config", CONFIGURATION], cwd=ROOT, capture_output=True, text=True
    )
    assert linter.returncode == 0, linter.stdout + linter.stderr
    assert "0 broken" in linter.stdout


@pytest.mark.parametrize("room", ["cwmp", "devices", "profiles", "usp"])
def test_every_module_of_the_room_is_pure_or_a_named_edge(room: str) -> None:
    contracts = {
        each["name"]: each for each in read_configuration(CONFIGURATION)["contracts_options"]
    }
    pure = set(contracts["The pure ring does no I/O"]["source_modules"])
    modules = {
        f"acs.{room}.{path.stem}"
        for path in (ROOT / "acs" / room).glob("*.py")
        if path.stem != "__init__"
    }
    assert modules
    unknown = {each for each in modules if each not in EDGES and f"acs.{room}" not in pure} - pure
    assert unknown == set(), "name them in the pure contract of pyproject.toml, or in EDGES"
