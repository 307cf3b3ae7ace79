"""What every test gets."""

from __future__ import annotations

import gc
import itertools
import os

import pytest
from hypothesis import settings

settings.register_profile("default", deadline=None)
settings.load_profile("default")


_NUMBERS = itertools.count(1)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no collection of garbage need look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test reads the settings, or writes to the data directory, of the person who runs it."""
    for name in [name for name in os.environ if name.startswith("ACS_")]:
        monkeypatch.delenv(name)
    # Each test has another, made only where something is written: nearly all write nothing.
    unused = tmp_path_factory.getbasetemp() / f"xdg-data-{next(_NUMBERS)}"
    monkeypatch.setenv("XDG_DATA_HOME", str(unused))
