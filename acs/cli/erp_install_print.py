"""What `acs erp install` and `acs erp check` print."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from acs.cli import render
from acs.model import Secret
from erp_bridge.install.apply import Outcome
from erp_bridge.install.difference import Difference, Plan, Request, Verb

_LINES = 3
"""Of a longer text only the first line is shown."""


def findings(plan: Plan, user: str, *, as_json: bool) -> None:
    """Print what `acs erp check` found."""
    if as_json:
        rows = [_document(one) for one in plan.differences]
        render.emit({"user": user, "differences": rows, "not_shown": list(plan.hidden)})
        return
    render.print_table(
        ("Difference", "What to do"),
        ((one.what, one.by_hand) for one in plan.differences),
        "The site has what this server needs of it.",
    )
    if any(one.requests for one in plan.differences):
        render.say("`acs erp install --url URL --apply` does what can be done over REST.")
    _hidden(plan)


def plan(plan: Plan, user: str, *, as_json: bool) -> None:
    """Print what `acs erp install --apply` would do."""
    if as_json:
        rows = [_document(one, with_requests=True) for one in plan.differences]
        render.emit({"user": user, "steps": rows, "not_shown": list(plan.hidden)})
        return
    for number, step in enumerate(plan.steps, 1):
        render.say(f"{number}. {step.doing}")
        for request in step.requests:
            render.say(f"     {_sent(request)}")
    _by_hand(plan.by_hand)
    if plan.steps:
        render.say(f"{len(plan.steps)} steps; --apply does them.")
    elif not plan.by_hand:
        render.say("There is nothing to do.")
    _hidden(plan)


def outcome(outcome: Outcome, number: int, of: int) -> None:
    """Print what came of a step."""
    if outcome.why:
        render.say(f"{number}/{of} refused: {outcome.step.doing}: {outcome.why}")
    else:
        render.say(f"{number}/{of} done: {outcome.step.doing}")


def applied(outcomes: Sequence[Outcome], left: Plan, *, as_json: bool) -> None:
    """Print what is left after the steps."""
    if as_json:
        done = [{"step": one.step.doing, "why": one.why or None} for one in outcomes]
        rows = [_document(one) for one in left.differences]
        render.emit({"steps": done, "left": rows, "not_shown": list(left.hidden)})
        return
    if outcomes and outcomes[-1].ends:
        render.say("Stopped there: without it the rest is of no use.")
    _by_hand(left.differences)
    if not outcomes and not left.differences:
        render.say("There was nothing to do.")
    elif not left.differences:
        render.say("The site has what this server needs of it.")
    _hidden(left)


def _by_hand(differences: Iterable[Difference]) -> None:
    listed = list(differences)
    if listed:
        render.say("A site administrator has to do by hand:")
        for one in listed:
            render.say(f"  - {one.what}")
            render.say(f"      {one.by_hand}")


def _hidden(plan: Plan) -> None:
    if plan.hidden:
        render.say(
            f"Not shown to this key, so not looked at: {', '.join(plan.hidden)}."
            " A System Manager's key shows it (--admin-key-file)."
        )


def _document(one: Difference, *, with_requests: bool = False) -> dict[str, Any]:
    document: dict[str, Any] = {"what": one.what, "by_hand": one.by_hand}
    document["step"] = one.doing if one.requests else None
    if with_requests:
        document["requests"] = [
            {
                "verb": request.verb.value,
                "target": request.target,
                "name": request.name or None,
                "fields": {key: _masked(value) for key, value in request.fields.items()},
            }
            for request in one.requests
        ]
    return document


def _masked(value: object) -> object:
    return str(value) if isinstance(value, Secret) else value


def _sent(request: Request) -> str:
    fields = {key: _short(value) for key, value in request.fields.items()}
    body = json.dumps(fields, ensure_ascii=False)
    match request.verb:
        case Verb.INSERT:
            return f"POST /api/resource/{request.target} {body}"
        case Verb.UPDATE:
            return f"PUT /api/resource/{request.target}/{request.name} {body}"
        case Verb.CALL:
            return f"POST /api/method/{request.target} {body}"


def _short(value: object) -> object:
    if isinstance(value, str) and value.count("\n") > _LINES:
        return f"({value.count(chr(10))} lines)"
    return _masked(value)
