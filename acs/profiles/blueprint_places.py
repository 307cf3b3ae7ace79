"""The pieces every part of a blueprint file is made of: places, constants, settings.

What does not hold together is complained of with its key path, and reading goes on, so that all
mistakes of a file are named at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from acs.model import ValueType
from acs.profiles.blueprint import Constant, Join, Place, Setting
from acs.profiles.blueprint_schema import Path, nearest

_ROOTS = ("Device.", "InternetGatewayDevice.")
_SEARCHING = re.compile(r"[\[*+]")
_STEP = r"(?:[A-Za-z_][\w-]*(?:(?:#(?:[1-9][0-9]*|\*))?\+)?|[1-9][0-9]*|\*|\[[^\[\]]+\])"
_SEARCH = re.compile(rf"{_STEP}(?:\.{_STEP})*", re.ASCII)
"""A path with wildcards, expressions and references to follow (TR-369, Path Names)."""

Complain = Callable[[Path, str], None]


class PlaceReader:
    """Reads places against the tables and joins of a blueprint."""

    def __init__(
        self,
        tables: Mapping[str, str],
        joins: Mapping[str, Join],
        complain: Complain,
        *,
        searches: bool = False,
    ) -> None:
        """``searches``: a place may be a search path, as devices understand over USP."""
        self.tables = tables
        self.joins = joins
        self.complain = complain
        self._searches = searches

    def word(self, word: str, known: Iterable[str], path: Path) -> bool:
        """Tell whether ``word`` is one of ``known``, and complain if not."""
        names = [str(name) for name in known]
        if word in names:
            return True
        self.complain(
            path, f"{'.'.join(path)}: {word!r} is none of {', '.join(names)}{nearest(word, names)}"
        )
        return False

    def place(self, text: str, path: Path, base: str) -> Place:
        """Read ``table:Leaf``, with the table to be found from ``base``, or a full path."""
        self._check_search(text, path)
        table, colon, leaf = text.partition(":")
        if not colon or text.startswith(_ROOTS):
            if not text.startswith(_ROOTS) or text.endswith("."):
                self.complain(
                    path, f"{'.'.join(path)}: {text!r} is neither table:Leaf nor a full path"
                )
            return Place("", text)
        self.word(table, self.tables, path)
        if table in self.tables and not self._reachable(table, base):
            self.complain(path, f"{'.'.join(path)}: no join leads from {base!r} to {table!r}")
        return Place(table, leaf)

    def places(self, texts: Iterable[str], path: Path, base: str) -> tuple[Place, ...]:
        """Read a list of places."""
        return tuple(self.place(text, path, base) for text in texts)

    def constants(self, also: Mapping[str, Any], path: Path, base: str) -> tuple[Constant, ...]:
        """Read a table of place = value."""
        return tuple(
            Constant(self.place(text, (*path, text), base), value) for text, value in also.items()
        )

    def setting(self, data: Mapping[str, Any], path: Path, base: str) -> Setting:
        """Read a setting whose places are seen from a row of ``base`` (empty: from the device)."""
        kind = data.get("type")
        if kind is not None:
            self.word(kind, ValueType, (*path, "type"))
        supported = data.get("supported")
        words = data.get("words", {})
        if data.get("closed") and not words:
            self.complain((*path, "closed"), f"{'.'.join(path)}: is closed and has no words")
        write, first_of, if_present = (
            self.places(data.get(name, ()), (*path, name), base)
            for name in ("write", "first_of", "if_present")
        )
        return Setting(
            write,
            first_of,
            if_present,
            also=self.constants(data.get("also", {}), (*path, "also"), base),
            words=words,
            type=ValueType(kind) if kind in list(ValueType) else None,
            invert=data.get("invert", False),
            secret=data.get("secret", False),
            fold=data.get("fold", False),
            reference=data.get("reference", False),
            supported=self.place(supported, (*path, "supported"), base) if supported else None,
            closed=data.get("closed", False),
        )

    def settings(self, data: Mapping[str, Any], path: Path, base: str) -> dict[str, Setting]:
        """Read a table of settings; an empty one stands for none."""
        return {
            name: self.setting(setting, (*path, name), base)
            for name, setting in data.items()
            if setting
        }

    def _check_search(self, text: str, path: Path) -> None:
        if not _SEARCHING.search(text):
            return
        if not self._searches:
            reason = "is a search path, which devices understand over USP only: write it in [usp]"
            self.complain(path, f"{'.'.join(path)}: {text!r} {reason}")
        elif not _SEARCH.fullmatch(text if text.startswith(_ROOTS) else text.partition(":")[2]):
            self.complain(path, f"{'.'.join(path)}: {text!r} is no search path")

    def _reachable(self, table: str, base: str) -> bool:
        seen = set()
        while table != base:
            if table not in self.tables or base not in self.tables or table in seen:
                return False
            if self.tables[base].startswith(self.tables[table]):
                return True
            join = self.joins.get(table)
            if join is None:
                return False
            seen.add(table)
            table = join.start
        return True
