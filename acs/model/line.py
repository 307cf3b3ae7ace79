"""The device on the line, as a flow sees it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from acs.model.operations import (
    Accept,
    Add,
    Change,
    Command,
    CommandName,
    Delete,
    Get,
    List,
    Operation,
    Refuse,
    Set,
)
from acs.model.outcomes import Added, Fault, Names, Started, Values, Written, YourTurn
from acs.model.procedures import Procedure, ProcedureOutcome
from acs.model.values import Secret


class SessionLost(Exception):  # noqa: N818 - an event of the line, not a mistake
    """The device went away, or the session's bounds were reached, while a flow waited for it."""


class DataModel:
    """The data model of the device that is on the line.

    Each method is awaited by a flow and returns the outcome of one operation.  It raises
    `SessionLost` when the session ends before the outcome came.
    """

    __slots__ = ()

    async def get(self, *paths: str) -> Values | Fault:
        """Read ``paths``; names the device does not know come back in ``missing``."""
        outcome: Values | Fault = await _Perform(Get(paths))
        return outcome

    async def set(self, *changes: Change) -> Written | Fault:
        """Write ``changes``, all or nothing, in this order; a fault quotes no secret of them."""
        outcome: Written | Fault = await _Perform(Set(changes))
        return _masked(outcome, changes) if isinstance(outcome, Fault) else outcome

    async def add(self, table: str, *given: Change) -> Added | Fault:
        """Create a row in ``table``; ``given``, relative to the row, goes with it over USP."""
        outcome: Added | Fault = await _Perform(Add(table, given))
        return outcome

    async def delete(self, row: str) -> Written | Fault:
        """Delete ``row``."""
        outcome: Written | Fault = await _Perform(Delete(row))
        return outcome

    async def list(self, path: str, *, next_level: bool = True) -> Names | Fault:
        """Ask for the names below ``path``."""
        outcome: Names | Fault = await _Perform(List(path, next_level))
        return outcome

    async def command(self, name: CommandName, key: str = "") -> Started | Fault:
        """Run a command."""
        outcome: Started | Fault = await _Perform(Command(name, key))
        return outcome

    async def ask(self, procedure: Procedure) -> ProcedureOutcome | Fault:
        """Carry out one of the rarer procedures: transfers, attributes, software, lists."""
        outcome: ProcedureOutcome | Fault = await _Perform(procedure)
        return outcome

    async def accept(self) -> YourTurn:
        """Acknowledge what the device announced, and wait until it has nothing more to say."""
        outcome: YourTurn = await _Perform(Accept())
        return outcome

    async def refuse(self, reason: str) -> None:
        """Refuse what the device announced."""
        await _Perform(Refuse(reason))


def _masked(fault: Fault, changes: tuple[Change, ...]) -> Fault:
    """Mask the secrets among ``changes`` where a device quotes what it refuses."""
    secrets = {change.value.text for change in changes if change.secret and change.value.text}

    def mask(text: str) -> str:
        for secret in sorted(secrets, key=len, reverse=True):
            text = text.replace(secret, str(Secret(secret)))
        return text

    parameters = tuple(replace(p, text=mask(p.text)) for p in fault.parameters)
    return replace(fault, text=mask(fault.text), parameters=parameters)


class _Perform:
    """Awaitable that hands its operation to whoever drives the coroutine."""

    __slots__ = ("operation",)

    def __init__(self, operation: Operation) -> None:
        self.operation = operation

    def __await__(self) -> Generator[Operation, Any, Any]:
        return (yield self.operation)
