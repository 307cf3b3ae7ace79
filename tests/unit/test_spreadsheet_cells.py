"""No cell of a CSV file is a formula, and each is read again as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cli.spreadsheet import cell, text_of


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"),
        ("@SUM(1)", "'@SUM(1)"),
        ("+1+cmd", "'+1+cmd"),
        ("-2+3", "'-2+3"),
        ("\t=1", "'\t=1"),
        ("'=1", "''=1"),
        ("-18.5", "-18.5"),
        ("+15145551234", "+15145551234"),
        ("'quoted'", "'quoted'"),
        ("22275A7000001", "22275A7000001"),
        ("", ""),
    ],
)
def test_what_a_spreadsheet_would_calculate_is_a_text(text: str, written: str) -> None:
    assert cell(text) == written


@given(st.text(alphabet="'=+-@a1\t", max_size=6))
def test_each_cell_is_read_as_it_was(text: str) -> None:
    assert text_of(cell(text)) == text
