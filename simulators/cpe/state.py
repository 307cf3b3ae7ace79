"""A unit's state in a file, so that it lives through a restart of the simulator."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import quote

from .device import Ont


class StateDirectory:
    """One file for each unit; they hold its secrets, so only the owner may read them."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._path = path

    def save(self, ont: Ont) -> None:
        """Write the unit's state, whole or not at all."""
        path = self._file(ont)
        draft = path.with_suffix(".tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(ont.dump(), file)
        draft.replace(path)

    def load(self, ont: Ont) -> bool:
        """Take up the kept state; False when there is none. Raises `ValueError`."""
        path = self._file(ont)
        if not path.exists():
            return False
        try:
            ont.load(json.loads(path.read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError) as error:
            ont.factory_reset()
            raise ValueError(f"{path.name} is no state of this model; remove it") from error
        return True

    def _file(self, ont: Ont) -> Path:
        who = ont.identity
        name = "-".join((who.oui, who.product_class, who.serial))
        return self._path / f"{quote(name, safe='')}.json"
