"""The rings of the house: who may import whom, as written in pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest
from importlinter.api import read_configuration
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]
CONFIGURATION = str(ROOT / "pyproject.toml")


def test_every_contract_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    status = lint_imports(config_filename=CONFIGURATION, no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_every_module_of_the_protocol_rooms_is_pure_or_a_named_edge() -> None:
    contracts = {
        each["name"]: each for each in read_configuration(CONFIGURATION)["contracts_options"]
    }
    pure = set(contracts["The pure ring does no I/O"]["source_modules"])
