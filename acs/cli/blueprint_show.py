"""`acs blueprint show` and `keys`: all that a blueprint manages, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any

import click

from acs.cli import render
from acs.cli.main import Context, pass_context
from acs.profiles import Blueprint, Doubt, Library
from acs.profiles.blueprint import Verify

# What is no setting of its own: who it is, whom it fits, and what the settings are made of.
_ELSEWHERE = ("blueprint", "match", "tables", "joins", "doubts")


@click.command()
@click.argument("name")
@click.option(
    "--protocol",
    type=click.Choice(("cwmp", "usp")),
    default="cwmp",
    show_default=True,
    help="What its devices speak: over USP, [usp] is laid over the rest.",
)
@render.json_option
@pass_context
def show(context: Context, name: str, protocol: str, as_json: bool) -> None:
    """Show all that the blueprint NAME manages, where, and how sure it is.

    A key without a word in the column "How sure" is from a standard, or from more than one source.

    \b
    Examples:
      acs blueprint show tplink-a
      acs blueprint show tplink-a --protocol usp
      acs blueprint show tplink-a --json | jq .settings
      acs blueprint show tplink-a --json | jq .doubts
    """
    library = Library.load(context.given.provisioning.blueprint_dir or None)
    found = library.get(name, protocol)
    if found is None:
        raise click.UsageError(f"no blueprint {name!r}; there are: {', '.join(library.names())}")
    if found.protocol != protocol:
        raise click.UsageError(f"{name} is for devices with {found.root}, which do not speak USP")
    if as_json:
        render.emit(_document(found))
    else:
        _print(found)


@click.command()
def keys() -> None:
    """Explain every key a blueprint may hold.

    \b
    Example:
      acs blueprint keys | less
    """
    text = resources.files("acs.profiles").joinpath("models", "tr181.toml").read_text("utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        click.echo(line.removeprefix("#").removeprefix(" "))


VERIFIED = {
    Verify.NOW: "at once",
    Verify.NEXT_SESSION: "in the next session",
    Verify.NOW_OR_LATER: "at once, or in the next session",
}


def patterns(blueprint: Blueprint) -> str:
    """Say whom a blueprint fits."""
    match = blueprint.match
    if match is None:
        return "only there to be extended"
    named = (f"{name} {' or '.join(words)}" for name, words in match.patterns.items())
    return ", ".join((match.root, *named))


def summary(blueprint: Blueprint) -> dict[str, Any]:
    """Return a blueprint in a few words, for JSON."""
    match = blueprint.match
    return {
        "name": blueprint.name,
        "title": blueprint.title,
        "match": {"root": match.root, **match.patterns} if match else None,
        "wifi": blueprint.wifi is not None,
        "voice": blueprint.voice is not None,
        "verify": blueprint.verify.value,
        "protocol": blueprint.protocol,
        "digest": blueprint.digest,
    }


def _document(blueprint: Blueprint) -> dict[str, Any]:
    return {
        **summary(blueprint),
        "sources": list(blueprint.sources),
        "settings": [
            {"setting": key, "places": places, "secret": secret, "doubts": _names(blueprint, key)}
            for key, places, secret in _settings(blueprint)
        ],
        "keys": [
            {"key": key, "value": value, "doubts": _names(blueprint, key)}
            for key, value in _others(blueprint)
        ],
        "tables": dict(blueprint.tables),
        "doubts": [_doubt(key, doubt) for key, doubt in blueprint.doubts.items()],
    }


def _doubt(key: str, doubt: Doubt) -> dict[str, str]:
    return {
        "key": key,
        "certainty": doubt.certainty.value,
        "note": doubt.note,
        "source": doubt.source,
    }


def _print(blueprint: Blueprint) -> None:
    render.print_facts(
        (
            ("Name", blueprint.name),
            ("Title", blueprint.title),
            ("Fits", patterns(blueprint)),
            ("Over", blueprint.protocol.upper()),
            ("Verified", VERIFIED[blueprint.verify]),
            ("Reset mark", blueprint.marker or "none"),
            ("MAC from", ", ".join(blueprint.mac_paths)),
            ("Known from", "; ".join(blueprint.sources)),
        )
    )
    render.heading("Settings")
    render.print_table(
        ("Setting", "How sure", "", "Written to"),
        (
            (key, _sure(blueprint, key), "secret" if secret else "", ", ".join(places))
            for key, places, secret in _settings(blueprint)
        ),
    )
    others = list(_others(blueprint))
    for part in dict.fromkeys(key.partition(".")[0] for key, _ in others):
        render.heading(f"[{part}]")
        render.print_table(
            ("Key", "How sure", "Value"),
            (
                (key, _sure(blueprint, key), value)
                for key, value in others
                if key.partition(".")[0] == part
            ),
        )
    render.heading("Tables")
    render.print_table(("Name", "Path"), blueprint.tables.items())
    if blueprint.doubts:
        render.heading("What is not sure")
        render.print_table(
            ("Key", "How sure", "Why", "Source"),
            (
                (key, doubt.certainty.value, doubt.note, doubt.source)
                for key, doubt in blueprint.doubts.items()
            ),
        )


def _sure(blueprint: Blueprint, key: str) -> str:
    return ", ".join(dict.fromkeys(d.certainty.value for _, d in blueprint.doubts_of(key)))


def _names(blueprint: Blueprint, key: str) -> list[str]:
    return [name for name, _ in blueprint.doubts_of(key)]


def _settings(blueprint: Blueprint) -> Iterator[tuple[str, list[str], bool]]:
    for key, setting in blueprint.settings:
        places = dict.fromkeys(
            (blueprint.tables[place.table] if place.table else "") + place.leaf
            for place in setting.places
        )
        yield key, list(places), setting.secret


def _others(blueprint: Blueprint) -> Iterator[tuple[str, str]]:
    """Yield all keys that are no setting with their values, from [behaviour] to [health]."""
    settings = tuple(f"{key}." for key, _ in blueprint.settings)
    for part, entries in blueprint.data.items():
        if part not in _ELSEWHERE:
            for key, value in _flat(entries, part):
                if not f"{key}.".startswith(settings):
                    yield key, value


def _flat(value: Any, key: str) -> Iterator[tuple[str, str]]:
    match value:
        case Mapping():
            for name, entry in value.items():
                yield from _flat(entry, f"{key}.{name}")
        case list() if any(isinstance(entry, Mapping) for entry in value):
            for number, entry in enumerate(value, 1):
                yield from _flat(entry, f"{key}.{number}")
        case list():
            yield key, ", ".join(map(str, value))
        case bool():
            yield key, "true" if value else "false"
        case _:
            yield key, str(value)
