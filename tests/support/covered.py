"""Rows of a table that tests elsewhere cover, as a module's docstring names them."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent.parent
_ROW = re.compile(r"^ *\d+ [^\n]*?\n? *(\w+\.py)::(test_\w+(?:\.\.\.)?)", re.MULTILINE)


def named(docstring: str | None) -> list[tuple[str, str]]:
    """File and test of each row ``NUMBER what file.py::test``; ``...`` ends a long name."""
    return _ROW.findall(docstring or "")


def exists(file: str, test: str) -> bool:
    """Whether there is such a test."""
    start = f"def {test.removesuffix('...')}" + ("" if test.endswith("...") else "(")
    return any(start in path.read_text("utf-8") for path in TESTS.glob(f"*/{file}"))
