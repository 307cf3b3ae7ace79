"""Which parameters of a device hold secrets: their values are never shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from acs.profiles import message_secrets
from acs.profiles.blueprint import Blueprint

MASK = message_secrets.MASK

# Leaves of TR-098, TR-104, TR-181 and of vendors that hold a secret whatever the blueprint says.
_NAMED = re.compile(
    r"passw(or)?d|pwd|passphrase|secret|token|credential|pre_?shared|wep_?key|private_?key|psk|pin\Z"
    r"|(?<!command)key\Z",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\.\d+(?=\.)")


@dataclass(frozen=True, slots=True)
class Masks:
    """Knows secrets by the names data models use and by what a blueprint says."""

    names: frozenset[str] = frozenset()
    """Full names, with ``{i}`` for instance numbers."""

    @classmethod
    def of(cls, blueprint: Blueprint | None) -> Masks:
        """Take what ``blueprint`` calls secret."""
        return cls(frozenset(_secret_names(blueprint)) if blueprint else frozenset())

    def hides(self, path: str) -> bool:
        """Tell whether the value of ``path`` must not be shown."""
        return bool(_NAMED.search(path.rpartition(".")[2])) or (
            _NUMBER.sub(".{i}", path) in self.names
        )

    def shown(self, path: str, value: object) -> object:
        """Return the value as it may be shown; an empty one says that nothing is told."""
        return MASK if value not in ("", None) and self.hides(path) else value

    def payload(self, payload: Mapping[str, object]) -> dict[str, Any]:
        """Return what a job asks for, without secrets."""
        masked: dict[str, Any] = dict(payload)
        changes = payload.get("changes")
        if isinstance(changes, list):
            masked["changes"] = [
                self._change(row) for row in changes if isinstance(row, Mapping) and row.get("path")
            ]
        operations = payload.get("operations")
        if isinstance(operations, list):
            masked["operations"] = [
                _without(row, "password") for row in operations if isinstance(row, Mapping)
            ]
        arguments, secret = payload.get("arguments"), payload.get("secret")
        if isinstance(arguments, Mapping):
            named = secret if isinstance(secret, list | tuple) else ()
            shown = {name: self.shown(str(name), value) for name, value in arguments.items()}
            masked["arguments"] = _without(shown, *map(str, named))
        return self._with_values(_without(masked, "password", "vouchers"))

    def _change(self, row: Mapping[str, object]) -> dict[str, object]:
        if "value" not in row:
            return dict(row)
        shown = MASK if row.get("secret") else self.shown(str(row["path"]), row["value"])
        return {**row, "value": shown}

    def result(self, result: Mapping[str, object]) -> dict[str, Any]:
        """Return what came of a job, without secrets."""
        return self._with_values(dict(result))

    def _with_values(self, masked: dict[str, Any]) -> dict[str, Any]:
        for told in ("values", "outputs"):
            values = masked.get(told)
            if isinstance(values, Mapping):
                masked[told] = {path: self.shown(path, text) for path, text in values.items()}
        for told in ("request", "answer"):
            message = masked.get(told)
            if isinstance(message, Mapping):
                masked[told] = message_secrets.masked(message, self.hides)
        return masked


def _without(told: Mapping[str, object], *names: str) -> dict[str, Any]:
    return {name: MASK if name in names and value else value for name, value in told.items()}


def _secret_names(blueprint: Blueprint) -> Iterator[str]:
    for _, setting in blueprint.settings:
        if setting.secret:
            for place in (*setting.write, *setting.first_of, *setting.if_present):
                table = blueprint.tables[place.table] if place.table else ""
                yield _NUMBER.sub(".{i}", table + place.leaf)
