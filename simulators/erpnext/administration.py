"""Methods of Frappe by which a System Manager hands out keys and permissions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from simulators.erpnext.call import Call
from simulators.erpnext.database import Row
from simulators.erpnext.errors import missing
from simulators.erpnext.schema import Right
from simulators.erpnext.users import require_system_manager

_PERMISSION = "Custom DocPerm"


def generate_keys(call: Call) -> dict[str, str]:
    """Give a ``user`` a new secret, and a key if there is none; the old secret dies at once."""
    require_system_manager(call.user)
    documents, name = call.documents, call.text("user")
    row = documents.db.table("User").get(name)
    if row is None:
        raise missing("User", name)
    number = documents.db.next_number("keys")
    fresh = sha256(f"{row.name} {number}".encode()).hexdigest()
    key = str(row.values.get("api_key") or fresh[:15])
    secret = fresh[-15:]
    values = {"api_key": key, "api_secret": secret}
    documents.set_values("User", row.name, values, call.work, touch=True)
    return values


def add_permission(call: Call) -> None:
    """Let a ``role`` read the doctype ``parent``; its own permissions are copied first."""
    require_system_manager(call.user)
    parent, role = call.text("parent"), call.text("role")
    _make_custom(call, parent)
    level = call.arguments.get("permlevel") or 0
    values = {"parent": parent, "role": role, "permlevel": level, "read": 1}
    call.documents.insert(values, call.work, doctype=_PERMISSION)


def update_permission(call: Call) -> str | None:
    """Set one right (``ptype``) of a ``role`` on a ``doctype`` to ``value``."""
    require_system_manager(call.user)
    doctype, role = call.text("doctype"), call.text("role")
    made = _make_custom(call, doctype)
    for row in _custom(call, doctype):
        if row.values["role"] == role:
            change = {call.text("ptype"): call.arguments.get("value") or 0}
            call.documents.update(_PERMISSION, row.name, change, call.work)
    return "refresh" if made else None


def get_permissions(call: Call) -> list[dict[str, Any]]:
    """List the permissions that count for a ``doctype``, all or those of a ``role``."""
    require_system_manager(call.user)
    doctype, role = call.text("doctype"), call.arguments.get("role")
    kind = call.documents.doctype(doctype)
    return [
        {"parent": doctype, "role": name, "permlevel": 0}
        | {right.value: int(right in rights) for right in Right}
        for name, rights in kind.permissions.items()
        if role in (None, "", name)
    ]


def _custom(call: Call, doctype: str) -> list[Row]:
    return list(call.documents.db.table(_PERMISSION).find("parent", [doctype]))


def _make_custom(call: Call, doctype: str) -> bool:
    """Copy a doctype's own permissions, unless it has custom ones; return whether it had none."""
    if _custom(call, doctype):
        return False
    for role, rights in call.documents.doctype(doctype).permissions.items():
        values: dict[str, Any] = {"parent": doctype, "role": role}
        values |= {right.value: int(right in rights) for right in Right}
        call.documents.insert(values, call.work, doctype=_PERMISSION)
    return True


_MANAGER = "frappe.core.page.permission_manager.permission_manager."
ADMINISTRATION: Mapping[str, Callable[[Call], Any]] = {
    "frappe.core.doctype.user.user.generate_keys": generate_keys,
    f"{_MANAGER}add": add_permission,
    f"{_MANAGER}update": update_permission,
    f"{_MANAGER}get_permissions": get_permissions,
}
"""By name; all of them are for a System Manager."""
