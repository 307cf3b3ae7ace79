"""The ``[wifi]`` and ``[wifi_inner]`` tables of a blueprint, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from acs.profiles.blueprint import SecurityRule, Wifi
from acs.profiles.blueprint_places import PlaceReader
from acs.profiles.blueprint_schema import Path
from acs.profiles.intent import Band, Role, Security


def read_wifi(reader: PlaceReader, data: Mapping[str, Any] | None, key: str) -> Wifi | None:
    """Make the rules of a table of the right shape; None when there is none, or it is wrong."""
    if not data:
        return None
    base = data.get("network", "")
    if not reader.word(base, reader.tables, (key, "network")):
        return None
    band, role = data.get("band", {}), data.get("role", {})
    role_words = {word: _roles(roles) for word, roles in role.get("words", {}).items()}
    told = (
        *_words(band.get("words", {}), (key, "band", "words")),
        *_words(band.get("numbers", {}), (key, "band", "numbers")),
    )
    sound = [reader.word(word, Band, path) for word, path in told]
    told = (
        *_words(role_words, (key, "role", "words")),
        *_words(role.get("numbers", {}), (key, "role", "numbers")),
        *((word, (key, "role", "order")) for word in role.get("order", ())),
    )
    sound += [reader.word(word, Role, path) for word, path in told]
    for group in ("band", "role"):
        numbers = data.get(group, {}).get("numbers", {})
        sound += [_number(reader, number, (key, group, "numbers", number)) for number in numbers]
    settings = reader.settings(data.get("set", {}), (key, "set"), base)
    if not all(sound):
        return None
    return Wifi(
        network=base,
        band=reader.places(band.get("from", ()), (key, "band", "from"), base),
        band_words={word: Band(name) for word, name in band.get("words", {}).items()},
        channel=reader.places(band.get("channel", ()), (key, "band", "channel"), base),
        band_of_number={int(n): Band(name) for n, name in band.get("numbers", {}).items()},
        role=reader.places(role.get("from", ()), (key, "role", "from"), base),
        role_words={word: tuple(map(Role, roles)) for word, roles in role_words.items()},
        role_of_number={int(n): Role(name) for n, name in role.get("numbers", {}).items()},
        role_order=tuple(Role(name) for name in role.get("order", ())),
        also=reader.constants(data.get("also", {}), (key, "also"), base),
        steering=_steering(reader, data.get("steering", ""), key),
        hex_key=settings.pop("hex_key", None),
        sae=settings.pop("sae", None),
        settings=settings,
        radio=reader.settings(data.get("radio", {}), (key, "radio"), base),
        security=_security(reader, data.get("security"), key, base),
    )


def _roles(roles: str | list[str]) -> list[str]:
    return [roles] if isinstance(roles, str) else roles


def _words(words: Mapping[str, str | list[str]], path: Path) -> Iterable[tuple[str, Path]]:
    for key, named in words.items():
        for word in _roles(named):
            yield word, (*path, key)


def _number(reader: PlaceReader, number: str, path: Path) -> bool:
    if number.isdecimal():
        return True
    reader.complain(path, f"{'.'.join(path[:3])}: {number!r} is not an instance number")
    return False


def _steering(reader: PlaceReader, path: str, key: str) -> str:
    return reader.place(path, (key, "steering"), "").leaf if path else ""


def _security(
    reader: PlaceReader, data: Mapping[str, Any] | None, key: str, base: str
) -> SecurityRule | None:
    if not data:
        return None
    path = (key, "security")
    if "mode" not in data:
        reader.complain(path, f"{key}.security.mode is missing")
        return None
    supported = data.get("supported")
    return SecurityRule(
        mode=reader.place(data["mode"], (*path, "mode"), base),
        supported=reader.place(supported, (*path, "supported"), base) if supported else None,
        words={Security(wish): tuple(w) for wish, w in data.get("words", {}).items()},
        also={
            Security(wish): reader.constants(also, (*path, "also", wish), base)
            for wish, also in data.get("also", {}).items()
        },
    )
