"""A TOML file of ``[[rule]]`` tables, and what is wrong with it as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from acs.profiles.blueprint_file import Issue
from acs.profiles.toml_lines import KeyPath, NotToml, key_lines, line_of, parse


class RuleTables(NamedTuple):
    """The tables in their order, as written."""

    tables: Sequence[Mapping[str, Any]]
    lines: Mapping[KeyPath, int]
    """Of each key; those of the first rule begin with ``("rule", "0")``."""
    issues: Sequence[Issue]


def rule_tables(text: str, file: str) -> RuleTables:
    """Read the text of ``file``; there are no tables when it cannot be read."""
    try:
        data = parse(text)
    except NotToml as error:
        return RuleTables((), {}, [Issue(error.line, str(error), file)])
    lines = key_lines(text)
    issues = [
        Issue(line_of(lines, (key,)), f"{key!r} is not known: write [[rule]]", file)
        for key in data
        if key != "rule"
    ]
    tables = data.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        line = line_of(lines, ("rule",))
        issues.append(Issue(line, "write each rule under a line [[rule]]", file))
        tables = []
    return RuleTables(tables, lines, issues)
