"""Listing the rows of a device's tables, level by level, and seeing which are not shown to us."""

from __future__ import annotations

from collections.abc import Mapping

from acs.model import DataModel, Fault
from acs.profiles.blueprint import ROW

MAX_ROWS = 64
"""Rows of one table that are looked at; a device that claims more is read no further."""


class Lists:
    """Lists rows level by level, each path once."""

    def __init__(self, device: DataModel) -> None:
        self._device = device
        self._listed: dict[str, list[str]] = {}
        self._unknown: dict[str, Fault] = {}

    async def rows(self, table: str) -> list[str] | Fault:
        """Return the paths of the rows of ``table``."""
        paths = [""]
        for step in table.split(ROW + ".")[:-1]:
            found: list[str] = []
            for path in paths:
                rows = await self._instances(path + step)
                if isinstance(rows, Fault):
                    return rows
                found.extend(rows)
            paths = found[:MAX_ROWS]
        return paths

    def unknown(self, table: str) -> bool:
        """Tell whether the device has no such table, rather than one without rows."""
        stem = table.partition(ROW)[0]
        return any(path.startswith(stem) for path in self._unknown)

    def empty(self) -> tuple[str, ...]:
        """Return the tables of which no row is shown: there is none, or none for us."""
        return tuple(path for path, rows in self._listed.items() if not rows)

    def counts(self) -> dict[str, str]:
        """Return each table that was listed by the leaf that tells how many rows it has."""
        return {f"{path.removesuffix('.')}NumberOfEntries": path for path in self._listed}

    def hidden(self, counts: Mapping[str, str]) -> tuple[str, ...]:
        """Return the tables that are not shown whole. ``counts``: number of rows as text."""
        return tuple(
            path
            for path, rows in self._listed.items()
            if (path in self._unknown and self._unknown[path].says_denied)
            or len(rows) < min(_number(counts.get(path, "")), MAX_ROWS)
        )

    async def _instances(self, path: str) -> list[str] | Fault:
        if path not in self._listed:
            names = await self._device.list(path, next_level=True)
            if isinstance(names, Fault):
                if not (names.says_absent or names.says_denied):
                    return names
                self._unknown[path] = names
                self._listed[path] = []
            else:
                rows = {
                    int(number): entry.path
                    for entry in names.entries
                    if (number := entry.path.removeprefix(path).removesuffix(".")).isdecimal()
                    and len(number) <= 10
                    and entry.path.endswith(".")
                }
                self._listed[path] = [rows[number] for number in sorted(rows)][:MAX_ROWS]
        return self._listed[path]


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else 0
