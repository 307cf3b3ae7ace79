"""A difference between what a site should have and what it has, and the writes that mend it."""

from __future__ import annotations

from collections.abc import Mapping as Row
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from acs.model import Secret
from erp_bridge.install.wanted import Grant, Schema


class Hidden(StrEnum):
    """What only a System Manager is shown, by its doctype."""

    ROLE = "Role"
    USER = "User"
    SCRIPT = "Server Script"
    WEBHOOK = "Webhook"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a site has, as far as the asking user is shown it (`Hidden`)."""

    schemas: Row[str, Schema]
    """Of the wanted doctypes, those that exist."""
    hidden: frozenset[Hidden] = frozenset()
    role_exists: bool = False
    user_roles: tuple[Row[str, Any], ...] = ()
    """Rows of the table as they are, each with its ``role``."""
    scripts: tuple[Row[str, Any], ...] = ()
    webhooks: tuple[Row[str, Any], ...] = ()
    """Whole documents; ``webhook_secret`` is a `Secret`, or None where it is not shown."""
    scripts_run: bool | None = None
    """Whether the bench allows Server Scripts; None: not known."""
    tried: str = ""
    """The script by which that was tried, if there is one to be tried."""

    @property
    def secret(self) -> Secret | None:
        """The secret that all our webhooks share, if they do."""
        found = {
            hook["webhook_secret"].reveal() for hook in self.webhooks if hook.get("webhook_secret")
        }
        return Secret(found.pop()) if len(found) == 1 else None


class Verb(StrEnum):
    """What is sent."""

    INSERT = "insert"
    UPDATE = "update"
    CALL = "call"


@dataclass(frozen=True, slots=True)
class Request:
    """One write. ``target`` is a doctype, or a method; a `Secret` in ``fields`` stays one."""

    verb: Verb
    target: str
    name: str
    fields: Row[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it should be. Without requests only a person can mend it."""

    what: str
    by_hand: str
    """What a site administrator does about it, to be copied."""
    doing: str = ""
    """What the requests do."""
    requests: tuple[Request, ...] = ()
    grant: Grant | None = None
    """What is granted by the requests."""
    matters: bool = True
    """False: the rest is of use without it."""
    needs_scripts: bool = False
    """To be done only on a site that runs Server Scripts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All differences, in the order in which they are mended; and what could not be looked at."""

    differences: tuple[Difference, ...]
    hidden: tuple[str, ...] = ()

    @property
    def steps(self) -> tuple[Difference, ...]:
        """Those that can be mended over REST."""
        return tuple(one for one in self.differences if one.requests)

    @property
    def by_hand(self) -> tuple[Difference, ...]:
        """Those that cannot."""
        return tuple(one for one in self.differences if not one.requests)


def is_same(found: object, wanted: object) -> bool:
    """Compare as Frappe stores: an empty field is no field, line ends may differ."""
    match wanted:
        case Secret():
            return isinstance(found, Secret) and found.reveal() == wanted.reveal()
        case list():
            rows = found if isinstance(found, list) else []
            return all(
                any(all(is_same(row.get(k), v) for k, v in one.items()) for row in rows)
                for one in wanted
            )
        case int():
            return int(str(found or 0)) == wanted
        case _:
            return _text(found) == _text(wanted)


def _text(value: object) -> str:
    return "\n".join(line.rstrip() for line in str(value or "").strip().splitlines())


def holds(document: Row[str, Any], fields: Row[str, Any]) -> bool:
    """Tell whether a document has what was written to it; secrets are shown to nobody."""
    shown = {key: value for key, value in fields.items() if not isinstance(value, Secret)}
    return all(is_same(document.get(key), value) for key, value in shown.items())
