"""Cells of a CSV file that people open with a spreadsheet, which takes some texts for formulas.

What devices and other systems say may be meant for that: ``=cmd|'/C …'!A0``.  Such a cell begins
with an apostrophe, as a spreadsheet itself would write it.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=@+\-\t\r]", re.ASCII)
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?", re.ASCII)


def cell(text: str) -> str:
    """Return ``text`` as a cell that is no formula; numbers stay as they are."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def text_of(written: str) -> str:
    """Return the text that `cell` was given."""
    return written[1:] if written.startswith("'") and cell(written[1:]) == written else written
