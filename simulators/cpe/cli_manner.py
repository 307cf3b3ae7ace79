"""Options of how simulated units speak and how long they think, and `cpe-sim habits`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from .connreq import Quirk
from .dialect import DIALECTS
from .flags import json_option, together
from .fleet import FleetError, Unit
from .habits import HABITS, UnknownHabitError, compose
from .pace import parse_think


@dataclass(frozen=True, slots=True)
class Manner:
    """What the options say of all units of a command."""

    dialect: str = ""
    habits: str = ""
    think: str = ""
    quirks: frozenset[Quirk] = frozenset()
    certificate: str | None = None
    key: str | None = None

    @classmethod
    def take(cls, given: dict[str, Any]) -> Manner:
        """Take the options of `manner_options` out of ``given``. Raises `FleetError`."""
        names = list(given.pop("habit"))
        if given.pop("use_gzip"):
            names.append("gzip")
        manner = cls(
            given.pop("dialect") or "",
            ",".join(names),
            given.pop("think"),
            frozenset(map(Quirk, given.pop("connection_request_quirk"))),
            given.pop("certificate"),
            given.pop("key"),
        )
        if manner.key and not manner.certificate:
            raise FleetError("--key goes with --certificate")
        try:
            compose(manner.dialect or "generic", tuple(names))
            parse_think(manner.think or "none", "")
        except UnknownHabitError as error:
            raise FleetError(f"--habit: {error}") from None
        except ValueError as error:
            raise FleetError(f"--think: {error}") from None
        return manner

    def of(self, units: Sequence[Unit]) -> list[Unit]:
        """Give units this manner where the options say something."""
        return [
            replace(
                unit,
                dialect=self.dialect or unit.dialect,
                habits=self.habits or unit.habits,
                think=self.think or unit.think,
            )
            for unit in units
        ]


manner_options = together(
    click.option(
        "--dialect",
        type=click.Choice(list(DIALECTS)),
        help="Speak as this kind of client does, instead of as the model does.",
    ),
    click.option(
        "--habit",
        multiple=True,
        metavar="NAME",
        help="Have this habit too (`cpe-sim habits` lists them); may be repeated.",
    ),
    click.option("--gzip", "use_gzip", is_flag=True, help="Compress bodies: --habit gzip."),
    click.option(
        "--think",
        default="",
        metavar="recorded|none|SECONDS",
        help="How long an answer takes, before --time-scale: as real units were seen "
        "to, not at all (default), or so long.",
    ),
    click.option(
        "--certificate",
        type=click.Path(exists=True, dir_okay=False),
        help="Client certificate for https (PEM), with its key or beside --key.",
    ),
    click.option("--key", type=click.Path(exists=True, dir_okay=False), help="Its key (PEM)."),
    click.option(
        "--connection-request-quirk",
        multiple=True,
        type=click.Choice([quirk.value for quirk in Quirk]),
        help="With --listen: answer connection requests in this way; may be repeated.",
    ),
)
"""The options that `Manner.take` reads."""


@click.command()
@json_option("One JSON object.")
def habits(as_json: bool) -> None:
    """List the dialects and the single habits units can have.

    \b
    cpe-sim run --acs http://127.0.0.1:7547/ --model generic-tr181 --serial X1 \\
        --dialect netcwmp --habit gzip --habit cookie-never
    """
    if as_json:
        document = {
            "dialects": list(DIALECTS),
            "habits": {habit.name: habit.about for habit in HABITS.values()},
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(f"Dialects: {', '.join(DIALECTS)}\n")
    for habit in HABITS.values():
        click.echo(f"{habit.name:24}{habit.about}")
