"""What the server kept of the ONTs that speak USP, for the end of the demonstration."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from simulators.demo.cast import MOVING, Part
from simulators.demo.play import Play

_CHAPTERS = frozenset(("first contact", "matched", "verifying", "live", "protocol"))
"""Kinds of a timeline that tell of a move; the rest is there too, for who asks."""


def story(play: Play) -> Iterator[str]:
    """Yield lines on each agent's presence, plan and proof, and on the move of one ONT."""
    agents = {agent["endpoint"]: agent for agent in play.ask("usp", "agents")["agents"]}
    for part in play.cast:
        if part.endpoint in agents and part.serial in play.devices:
            yield from _agent(play, part, agents[part.endpoint])
    if MOVING.serial in play.live_after:
        yield f"{MOVING.serial} changed its protocol and stayed one device:"
        timeline = play.ask("device", "timeline", MOVING.serial)["timeline"]
        for entry in reversed(timeline):
            if entry["kind"] in _CHAPTERS:
                yield f"  {entry['at'][11:19]}  {entry['kind']:<14} {entry['text']}"


def _agent(play: Play, part: Part, agent: dict[str, Any]) -> Iterator[str]:
    yield f"{part.serial} speaks {agent['mtp']} as {part.endpoint}"
    yield f"  presence  {agent['presence']}, by evidence: {agent['evidence']}"
    changes = len(play.ask("plan", part.serial)["changes"])
    yield f"  plan      {f'{changes} changes' if changes else 'nothing to change'}"
    for proof in play.ask("device", "proof", part.serial)["proofs"][:1]:
        lines = Counter(line["verdict"] for line in proof["lines"])
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(lines.items()))
        yield f"  proof     {'complete' if proof['complete'] else 'open'}: {counts}"
