"""Read the password fields of equipment. A mask of asterisks is never taken for a password.

Lists and reads show passwords as asterisks. The text itself comes from the
API Server Script shipped in `erp_bridge.scripts`, many at a time; where the mapping says so,
from one call per equipment, or from ``frappe.client.get_password``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from acs.model import Secret
from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpMisconfigured, ErpNotFound, ErpRejected
from erp_bridge.mapping import Mapping, site_fields

BATCH = 500
"""Names the script takes at a time."""

BATCH_BEFORE = 200
"""Names it took in its earlier form, which a site may still have."""

GET_PASSWORD = "frappe.client.get_password"  # noqa: S105 - the name of a method


@dataclass(frozen=True, slots=True)
class Wanted:
    """The passwords to read of an equipment, by our field names, as of its ``modified``."""

    name: str
    fields: tuple[str, ...]
    """Set, as the list shows."""
    unsure: tuple[str, ...]
    """Maybe set: the site does not show these in a list."""
    modified: str


@dataclass(slots=True)
class Passwords:
    """What could be read, by equipment name. A name in neither is gone from the site."""

    found: dict[str, dict[str, Secret]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Why not: half a profile must not reach a device."""
    batch: int = BATCH
    """Names that the site's script takes at a time, as far as is known."""


class _Unreadable(Exception):  # noqa: N818 - a state of the equipment
    """A password that the list shows as set cannot be had."""


def read_passwords(
    client: ErpClient, mapping: Mapping, wanted: Sequence[Wanted], *, batch: int = BATCH
) -> Passwords:
    """Read the ``wanted`` passwords, ``batch`` at a time or fewer where the script refuses that.

    Raises `ErpError`; `ErpMisconfigured` when there is no way to read any.
    """
    if not wanted:
        return Passwords(batch=batch)
    rules = mapping.passwords
    if not rules.script:
        if rules.system_manager:
            return _by_get_password(client, mapping, wanted)
        raise ErpMisconfigured(
            "The site has passwords for equipment, and the mapping names no way to read them",
            "Install the Server Script acs_equipment_secrets and set passwords.script",
        )
    names = [one.name for one in wanted]
    try:
        try:
            rows = _script_rows(client, mapping, names, batch)
        except ErpRejected:
            if min(batch, len(names)) <= BATCH_BEFORE:
                raise
            batch = BATCH_BEFORE
            rows = _script_rows(client, mapping, names, batch)
    except ErpRejected as error:
        if rules.system_manager:
            return _by_get_password(client, mapping, wanted)
        raise ErpMisconfigured(
            f"The Server Script {rules.script} is missing or fails: {error.text}",
            "Install the text of erp_bridge/scripts/acs_equipment_secrets.py as an API Server"
            " Script of that name; server scripts must be enabled on the bench",
            exc_type=error.exc_type,
        ) from None
    passwords = _picked(rows, wanted, mapping)
    passwords.batch = batch
    return passwords


def _script_rows(
    client: ErpClient, mapping: Mapping, names: list[str], batch: int
) -> Iterable[dict[str, Any]]:
    script = mapping.passwords.script
    answers: list[object] = []
    if mapping.passwords.bulk:
        for start in range(0, len(names), batch):
            answer = client.ask(script, names=names[start : start + batch])
            if not isinstance(answer, list):
                raise ErpMisconfigured(
                    f"The Server Script {script} does not answer a list",
                    "Install its current text, or set passwords.bulk = false in the mapping",
                )
            answers += answer
    else:
        for name in names:
            try:
                answers.append(client.ask(script, name=name))
            except ErpNotFound:
                continue
    return [row for row in answers if isinstance(row, dict)]


def _picked(
    rows: Iterable[dict[str, Any]], wanted: Sequence[Wanted], mapping: Mapping
) -> Passwords:
    by_name = {one.name: one for one in wanted}
    names = site_fields(mapping)
    passwords = Passwords()
    for row in rows:
        one = by_name.get(str(row.get("name")))
        if one is None:
            continue
        try:
            found = {ours: _secret(row.get(names[ours]), names[ours]) for ours in one.fields}
            for ours in one.unsure:
                if value := row.get(names[ours]):
                    found[ours] = _secret(value, names[ours])
        except _Unreadable as problem:
            # Changed since the list was read: the next look will see both alike.
            changed = str(row.get("modified") or one.modified) != one.modified
            why = "it was changed while it was read" if changed else str(problem)
            passwords.unreadable[one.name] = why
        else:
            passwords.found[one.name] = found
    return passwords


def _by_get_password(client: ErpClient, mapping: Mapping, wanted: Sequence[Wanted]) -> Passwords:
    names = site_fields(mapping)
    passwords = Passwords()
    for one in wanted:
        found: dict[str, Secret] = {}
        try:
            for ours in (*one.fields, *one.unsure):
                asked = {"doctype": mapping.equipment.doctype, "name": one.name}
                try:
                    text = client.ask(GET_PASSWORD, fieldname=names[ours], **asked)
                except ErpRejected:
                    # "Password not found": no fault where it was only maybe set.
                    if ours in one.fields:
                        raise
                else:
                    found[ours] = _secret(text, names[ours])
        except ErpNotFound:
            continue
        except (_Unreadable, ErpRejected) as problem:
            passwords.unreadable[one.name] = str(problem)
        else:
            passwords.found[one.name] = found
    return passwords


def _secret(value: object, name: str) -> Secret:
    if not isinstance(value, str) or not value:
        raise _Unreadable(
            f"{name} is set but cannot be read: add it to FIELDS of the Server Script, or, if it"
            " is there, enter the password again (the site's encryption key may have changed)"
        )
    if not value.strip("*"):
        raise _Unreadable(
            f"{name} was answered as a mask of asterisks: the Server Script must use get_password"
        )
    return Secret(value)
