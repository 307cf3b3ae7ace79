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
    """Yield lines on each agent's presence and proof, and on the move of one ONT."""
    parts = [part for part in play.cast if play.devices.get(part.serial, {}).get("presence")]
    move = [MOVING] if MOVING.serial in play.live_after else []
    listed, *told = play.programs.ask_all(
        ("usp", "agents"),
        *(("device", "proof", part.serial) for part in parts),
        *(("device", "timeline", part.serial) for part in move),
    )
    agents = {agent["endpoint"]: agent for agent in listed["agents"]}
    for part, proofs in zip(parts, told, strict=False):
        yield from _agent(part, agents[part.endpoint], proofs["proofs"])
    for timeline in told[len(parts) :]:
        yield f"{MOVING.serial} changed its protocol and stayed one device:"
        for entry in reversed(timeline["timeline"]):
            if entry["kind"] in _CHAPTERS:
                yield f"  {entry['at'][11:19]}  {entry['kind']:<14} {entry['text']}"


def _agent(part: Part, agent: dict[str, Any], proofs: list[dict[str, Any]]) -> Iterator[str]:
    yield f"{part.serial} speaks {agent['mtp']} as {part.endpoint}"
    yield f"  presence  {agent['presence']}, by evidence: {agent['evidence']}"
    for proof in proofs[:1]:
        lines = Counter(line["verdict"] for line in proof["lines"])
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(lines.items()))
        yield f"  proof     {'complete' if proof['complete'] else 'open'}: {counts}"
