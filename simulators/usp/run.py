"""Runs a few agents and shows each message in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import click

from .life import Life
from .words import record_words


def watch(as_json: bool) -> Callable[[Life, str, dict[str, Any]], None]:
    """Return an observer that prints what happens, as lines for people or JSON objects."""

    def observe(life: Life, kind: str, fields: dict[str, Any]) -> None:
        octets = fields.pop("octets", None)
        words = record_words(octets) if octets is not None else []
        if as_json:
            told = {"event": kind, "endpoint": life.agent.endpoint, **fields}
            if octets is not None:
                told |= {"octets": len(octets), "message": words}
            click.echo(json.dumps(told, ensure_ascii=False))
            return
        for line in _lines(kind, fields, words):
            click.echo(f"{life.agent.endpoint}  {line}")

    return observe


def _lines(kind: str, fields: dict[str, Any], words: list[str]) -> Iterator[str]:
    match kind:
        case "connecting":
            yield f"connects over {fields['mtp']}"
        case "up":
            where = f", listens at {fields['topic']}" if fields["topic"] else ""
            yield f"is connected{where}"
        case "received" | "sent" | "unsent":
            arrow = {"received": "←", "sent": "→", "unsent": "✗"}[kind]
            yield f"{arrow} {words[0]}"
            yield from (f"    {line}" for line in words[1:])
        case "down":
            again = "" if fields["wait"] is None else f"; tries again in {fields['wait']:.1f} s"
            yield f"{fields['why']}{again}"
        case "off":
            yield f"goes off, back in {fields['seconds']:.1f} s"
        case "hung":
            yield "hangs: it stays connected and says nothing more"
        case _:
            yield kind
