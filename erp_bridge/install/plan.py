"""Compare what a site should have with what it has, and say what to do, in order.

Rights come first, then fields, scripts, and webhooks last: events flow once all else is right. A
field that exists is never changed in its type, and nothing is ever taken away.
"""

from __future__ import annotations

from collections.abc import Iterator

from erp_bridge.install.difference import Difference, Hidden, Plan, Request, Seen, Verb
from erp_bridge.install.field_plan import differing_fields
from erp_bridge.install.script_plan import differing_hooks, differing_scripts
from erp_bridge.install.wanted import Grant, Wanted

_MANAGER = "frappe.core.page.permission_manager.permission_manager."
ADD, UPDATE = f"{_MANAGER}add", f"{_MANAGER}update"


def compare(wanted: Wanted, seen: Seen) -> Plan:
    """Say what is to be done on a site."""
    if wanted.equipment not in seen.schemas:
        return Plan((_no_doctype(wanted.equipment),), _unseen(seen))
    found = [
        *(_no_doctype(name) for name in wanted.doctypes if name not in seen.schemas),
        *_role(wanted, seen),
        *(each for grant in wanted.grants for each in _grant(grant, wanted.role, seen)),
        *differing_fields(wanted.fields, seen),
        *differing_scripts(wanted.scripts, seen),
        *differing_hooks(wanted.hooks, seen),
    ]
    return Plan(tuple(found), _unseen(seen))


def _unseen(seen: Seen) -> tuple[str, ...]:
    return tuple(kind.value for kind in Hidden if kind in seen.hidden)


def _no_doctype(name: str) -> Difference:
    return Difference(
        f"The site has no doctype {name!r}",
        f'Name the right one in the mapping instead of {name!r}, or write "" where the mapping'
        " allows it; if it is to be made, make it on the site (DocType, New)",
        matters=False,
    )


# --- who may do what ------------------------------------------------------------------------


def _role(wanted: Wanted, seen: Seen) -> Iterator[Difference]:
    role = wanted.role
    if Hidden.ROLE not in seen.hidden and not seen.role_exists:
        yield Difference(
            f"There is no role {role}",
            f"Role, New: {role}",
            f"Make the role {role}",
            (Request(Verb.INSERT, "Role", role, {"role_name": role}),),
        )
    if Hidden.USER in seen.hidden:
        return
    roles = [str(row.get("role")) for row in seen.user_roles]
    if role not in roles:
        rows = [*map(dict, seen.user_roles), {"role": role}]
        yield Difference(
            f"{wanted.user} has not the role {role}",
            f"User {wanted.user}, Roles: tick {role}",
            f"Give {wanted.user} the role {role}",
            (Request(Verb.UPDATE, "User", wanted.user, {"roles": rows}),),
        )
    if "System Manager" in roles:
        yield Difference(
            f"{wanted.user} is a System Manager, who may change the site itself",
            f"User {wanted.user}, Roles: take System Manager away",
            matters=False,
        )


def _grant(grant: Grant, role: str, seen: Seen) -> Iterator[Difference]:
    schema = seen.schemas.get(grant.doctype)
    if schema is None:
        return
    has = schema.rights.get(role, frozenset())
    missing = [right for right in grant.rights if right not in has]
    if missing:
        doctype = grant.doctype
        by_hand = (
            f"Role Permission Manager, {doctype}: role {role}, level 0: {', '.join(grant.rights)}"
        )
        # Adding a row copies the standard ones first, which would count no more.
        row = {"parent": doctype, "role": role, "permlevel": 0}
        requests = [] if has else [Request(Verb.CALL, ADD, "", row)]
        for right in missing:
            change = {"doctype": doctype, "role": role, "permlevel": 0, "ptype": right.value}
            requests.append(Request(Verb.CALL, UPDATE, "", {**change, "value": 1}))
        yield Difference(
            f"{role} may not {', '.join(missing)} {doctype}",
            by_hand,
            f"Let {role} {', '.join(missing)} {doctype}",
            tuple(requests),
            grant,
        )
    if "delete" in has:
        yield Difference(
            f"{role} may delete {grant.doctype}, which this server never does",
            f"Role Permission Manager, {grant.doctype}: role {role}: untick Delete",
            matters=False,
        )
