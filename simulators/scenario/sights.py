"""Where a unit shows what was wished for it, whatever its server says."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files

from .wishes import Wish


@dataclass(frozen=True, slots=True)
class Sight:
    """Paths of (name, password) of the Wi-Fi of each band, and of the telephone's account."""

    networks: tuple[tuple[str, str], ...]
    telephone: tuple[str, str] | None = None

    def differences(self, wish: Wish, shown: Callable[[str], str]) -> tuple[str, ...]:
        """Return the paths whose value, as ``shown`` tells it, is not what is wished."""
        wanted = {}
        for name, password in self.networks:
            wanted[name] = wish.ssid
            wanted[password] = wish.passphrase
        if wish.telephone and self.telephone:
            wanted |= dict(zip(self.telephone, wish.telephone, strict=True))
        return tuple(path for path, text in wanted.items() if shown(path) != text)


@cache
def sight_of(model: str) -> Sight | None:
    """Return where units of ``model`` show it; None where that is not known."""
    text = (files(__package__) / "sights.toml").read_text("utf-8")
    networks: tuple[tuple[str, str], ...] = ()
    telephone = None
    for entry in tomllib.loads(text)["sight"]:
        if any(fnmatchcase(model, pattern) for pattern in entry["models"]):
            networks = tuple((n, p) for n, p in entry.get("networks", ())) or networks
            if "telephone" in entry:
                username, password = entry["telephone"]
                telephone = (username, password)
    return Sight(networks, telephone) if networks else None
