"""What setup.cfg asks for is in the lock, so that a fresh checkout has it."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]
NAME = re.compile(r"^[A-Za-z0-9._-]+", re.MULTILINE)


def _names(text: str) -> set[str]:
    """Names of requirements, one to a line, in the one spelling of PEP 503."""
    return {re.sub(r"[-_.]+", "-", name).lower() for name in NAME.findall(text)}


def test_every_requirement_is_locked() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"].values()
    asked = _names("\n".join([setup["options"]["install_requires"], *extras]))
    locked = _names((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    assert "twisted" in asked
    assert not asked - locked, "run `make lock`"
