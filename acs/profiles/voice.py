"""What a wanted telephone line means for the device's leaves."""

from __future__ import annotations

from collections.abc import Iterator

from acs.model import Secret
from acs.profiles.blueprint import Blueprint
from acs.profiles.blueprint_schema import VOICE_SETTINGS
from acs.profiles.dial_plans import emergency_waits
from acs.profiles.intent import Problem, VoiceLine, where_voice
from acs.profiles.tree import Tree
from acs.profiles.wants import Spot, Want, want_constants, want_setting


def want_voice(
    lines: tuple[VoiceLine, ...], blueprint: Blueprint, tree: Tree
) -> Iterator[Want | Problem]:
    """Say what each line means for the device's leaves; line n is the n-th row it has."""
    voice = blueprint.voice
    if voice is None:
        for line in lines:
            yield Problem(where_voice(line), "line", "this blueprint knows no telephone service")
        return
    rows = tree.rows(voice.line)
    for line in lines:
        where = where_voice(line)
        if not rows:
            yield Problem(where, "line", "the device has no telephone service")
        elif line.line > len(rows):
            yield Problem(where, "line", f"the device has {_lines(len(rows))}")
        else:
            spot = Spot(blueprint, tree, voice.line, rows[line.line - 1])
            if line.enabled is not False:
                yield from want_constants(voice.also, spot, where, "line")
            for name in VOICE_SETTINGS:
                wish = voice_wish(line, name)
                setting = voice.settings.get(name)
                if name == "line_enabled" and setting is None:
                    continue
                if wish is not None and name not in voice.ignore:
                    yield from want_setting(wish, setting, spot, where, name)


def voice_wish(line: VoiceLine, name: str) -> bool | int | str | Secret | None:
    """Return what ``line`` wants of the blueprint's setting ``name``; None: nothing.

    The user name for authentication is the user name unless told otherwise; ``line_enabled``
    is a second switch of some families, with words of its own.
    """
    match name:
        case "line_enabled":
            return line.enabled
        case "digit_map":
            return line.wanted_digit_map
        case "auth_username" if line.auth_username is None:
            return line.username
        case _:
            wish: bool | int | str | Secret | None = getattr(line, name)
            return wish


def voice_notes(lines: tuple[VoiceLine, ...], blueprint: Blueprint) -> Iterator[str]:
    """Say which settings the family has no use for, and what is unwise."""
    ignored = blueprint.voice.ignore if blueprint.voice else ()
    for line in lines:
        digits = line.wanted_digit_map
        if digits and "digit_map" not in ignored and emergency_waits(digits):
            yield (
                f"{where_voice(line)}: digit_map: 911 waits for a timer or is not let through; "
                "put 911| at its beginning"
            )
        for name in ignored:
            if voice_wish(line, name) is not None:
                yield f"{where_voice(line)}: {name} is not used by this family"


def _lines(count: int) -> str:
    return "1 telephone line" if count == 1 else f"{count} telephone lines"
