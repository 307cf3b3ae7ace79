"""Subscriptions of controllers, and what they are on (TR-369, R-NOT.0; TR-181 Subscription)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .data import Data
from .errors import Refusal
from .paths import Every, Follow, Instance, Name, Path, Search, parse
from .permissions import Permissions
from .search import places
from .triggers import Action, Setting, read_settings

_TABLE = "Device.LocalAgent.Subscription."


class Kind(StrEnum):
    """NotifType."""

    VALUE_CHANGE = "ValueChange"
    OBJECT_CREATION = "ObjectCreation"
    OBJECT_DELETION = "ObjectDeletion"
    OPERATION_COMPLETE = "OperationComplete"
    EVENT = "Event"


@dataclass(frozen=True, slots=True)
class Subscription:
    """A row of the Subscription table that is enabled."""

    id: str
    kind: Kind
    recipient: str
    """Row of the Controller table."""
    references: tuple[Path, ...]
    retry: bool
    expiration: int
    """Seconds; 0: for ever."""
    action: Action
    settings: tuple[Setting, ...]
    """What is set when it fires, where its action says so."""

    def covers(self, data: Data, rights: Permissions, path: str) -> bool:
        """Tell whether a parameter, row, command or event is what it is on."""
        return any(_covers(data, rights, self.kind, each, path) for each in self.references)


def read_subscriptions(data: Data) -> tuple[Subscription, ...]:
    """Read the table; rows without a recipient or anything they are on are left out."""
    return tuple(_read(data))


def _read(data: Data) -> Iterator[Subscription]:
    for row in data.rows(_TABLE):
        kind, listed = data.value(row + "NotifType"), data.value(row + "ReferenceList")
        recipient = data.value(row + "Recipient").removesuffix(".") + "."
        if data.is_on(row + "Enable") and kind and listed and data.thing(recipient):
            yield Subscription(
                data.value(row + "ID"),
                Kind(kind),
                recipient,
                tuple(parse(each.strip()) for each in listed.split(",")),
                data.is_on(row + "NotifRetry"),
                int(data.value(row + "NotifExpiration") or 0),
                Action(data.value(row + "TriggerAction") or Action.NOTIFY),
                read_settings(data.value(row + "TriggerConfigSettings")),
            )


def _covers(data: Data, rights: Permissions, kind: Kind, reference: Path, path: str) -> bool:
    *parts, leaf = path.split(".")
    if any(isinstance(step, Follow) for step in reference.steps):
        return _follows(data, rights, reference, path)
    steps = len(reference.steps)
    match kind:
        case Kind.OBJECT_CREATION:
            fits = steps == len(parts) - 1
        case Kind.OBJECT_DELETION:
            fits = steps == len(parts)
        case _ if reference.leaf:
            fits = steps == len(parts) and reference.leaf == leaf
        case _:
            fits = steps <= len(parts)
    return fits and _along(data, rights, reference, parts)


def _along(data: Data, rights: Permissions, reference: Path, parts: list[str]) -> bool:
    """Tell whether the steps of a reference lead along the steps of a path."""
    for number, (step, part) in enumerate(zip(reference.steps, parts, strict=False)):
        match step:
            case Name(name):
                there = part == name
            case Instance(wanted):
                there = part == str(wanted)
            case Every():
                there = part.isdigit()
            case _:
                there = part.isdigit() and _found(data, rights, step, parts[: number + 1])
        if not there:
            return False
    return True


def _found(data: Data, rights: Permissions, step: object, parts: list[str]) -> bool:
    if not isinstance(step, Search):
        return False
    *table, number = parts
    steps = tuple(Instance(int(part)) if part.isdigit() else Name(part) for part in table)
    try:
        rows = places(data, rights, Path((*steps, step), "", is_search=True))
    except Refusal:
        return False
    return f"{'.'.join(table)}.{number}." in dict(rows)


def _follows(data: Data, rights: Permissions, reference: Path, path: str) -> bool:
    try:
        found = places(data, rights, reference)
    except Refusal:
        return False
    if reference.leaf:
        return any(path == at + reference.leaf for at, _ in found)
    return any(path.startswith(at) for at, _ in found)
