"""Carry out a plan on a site, step by step. Blocking.

Each write is read back before the next one. What nobody knows to be saved is read back as well,
never sent again: a second run finds out what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Row
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from acs.model import Secret
from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpForbidden, ErpNotFound, ErpRejected, ErpTaken, ErpUnknown
from erp_bridge.install.difference import Difference, Request, Verb, holds
from erp_bridge.install.script_plan import SWITCH_ON
from erp_bridge.install.wanted import Grant, Schema


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a step. ``why`` "": it is done, and was read back."""

    step: Difference
    why: str = ""
    ends: bool = False
    """Nothing after it was tried."""


def apply(
    client: ErpClient,
    steps: Iterable[Difference],
    *,
    role: str,
    scripts_run: Callable[[], bool | None],
) -> Iterator[Outcome]:
    """Do ``steps``, and yield what came of each; ends after a refusal that matters.

    ``scripts_run`` tells whether the bench runs Server Scripts. Raises `ErpError` when the site
    is away; what was done by then is done.
    """
    for step in steps:
        if step.needs_scripts and scripts_run() is not True:
            yield Outcome(step, f"the bench runs no Server Scripts: {SWITCH_ON}")
            continue
        try:
            why = _done(client, step, role)
        except (ErpForbidden, ErpRejected, ErpNotFound) as error:
            why = error.text
        yield Outcome(step, why, ends=bool(why) and step.matters)
        if why and step.matters:
            return


def _done(client: ErpClient, step: Difference, role: str) -> str:
    """Do it and read it back; return what is wrong, or ""."""
    for request in step.requests:
        name = request.name
        # What is taken, or of which nobody knows, may be there all the same.
        with suppress(ErpUnknown, ErpTaken):
            name = str(_sent(client, request).get("name") or name)
        if request.verb is Verb.CALL:
            continue
        try:
            document = client.read(request.target, name)
        except ErpNotFound:
            return f"{request.target} {name} was not saved"
        if not holds(document, request.fields):
            return f"{request.target} {name} was saved otherwise than it was sent"
    return _missing(client, step.grant, role) if step.grant else ""


def _sent(client: ErpClient, request: Request) -> Row[str, Any]:
    fields = {
        key: value.reveal() if isinstance(value, Secret) else value
        for key, value in request.fields.items()
    }
    match request.verb:
        case Verb.INSERT:
            return client.insert(request.target, {"name": request.name, **fields})
        case Verb.UPDATE:
            return client.update(request.target, request.name, fields)
        case Verb.CALL:
            client.call(request.target, **fields)
            return {}


def _missing(client: ErpClient, grant: Grant, role: str) -> str:
    has = Schema.of(client.meta(grant.doctype)).rights.get(role, frozenset())
    lacking = [right.value for right in grant.rights if right not in has]
    return f"{role} still may not {', '.join(lacking)} {grant.doctype}" if lacking else ""
