"""Look at a site: what an installation would have to add to. Blocking; changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from acs.model import Secret
from erp_bridge.client import ErpClient
from erp_bridge.errors import ErpForbidden, ErpNotFound, ErpRejected
from erp_bridge.install.difference import Hidden, Seen
from erp_bridge.install.fields import fields
from erp_bridge.install.scripts import NORMALISER, ORDER, wanted_scripts
from erp_bridge.install.wanted import PATH, ROLE, Places, Schema, Wanted, grants, hooks
from erp_bridge.mapping import Mapping
from erp_bridge.passwords import GET_PASSWORD

_OFF = "ServerScriptNotEnabled"
_SCRIPT = ("name", "script_type", "api_method", "reference_doctype", "doctype_event")
_SHOWN = (*_SCRIPT, "allow_guest", "disabled", "script")


def look(client: ErpClient, mapping: Mapping, *, user: str, role: str = ROLE) -> Seen:
    """Return what the site has of all that is wanted, as far as the client's user is shown it.

    ``user`` is the one of this server. Raises `ErpError` when the site does not answer.
    """
    equipment = _schema(client, mapping.equipment.doctype)
    # Its links lead to doctypes that only the site knows.
    doctypes = Places.of(mapping, equipment or Schema({})).all
    found = {name: _schema(client, name) for name in doctypes if name != mapping.equipment.doctype}
    found[mapping.equipment.doctype] = equipment
    schemas = {name: schema for name, schema in found.items() if schema is not None}
    hidden: set[Hidden] = set()

    def shown(kind: Hidden, ask: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        try:
            return ask()
        except ErpForbidden:
            hidden.add(kind)
            return []

    names = [mapping.passwords.script, mapping.write_back.script, ORDER, NORMALISER]
    roles = shown(
        Hidden.ROLE, lambda: client.get_list("Role", ["name"], [["name", "=", role]], limit=1)
    )
    user_rows = shown(Hidden.USER, lambda: client.read("User", user).get("roles", []))
    scripts = shown(
        Hidden.SCRIPT,
        lambda: client.get_list(
            Hidden.SCRIPT,
            _SHOWN,
            or_filters=[["api_method", "in", names], ["name", "in", names]],
            limit=0,
        ),
    )
    webhooks = shown(Hidden.WEBHOOK, lambda: _webhooks(client, list(schemas)))
    if not user_rows and Hidden.SCRIPT in hidden:
        # Who may read himself is not shown his roles.
        hidden.add(Hidden.USER)
    return Seen(
        schemas=schemas,
        role_exists=bool(roles),
        user_roles=tuple(user_rows),
        scripts=tuple(scripts),
        webhooks=tuple(webhooks),
        scripts_run=scripts_run(client, mapping),
        tried=_to_try(mapping),
        hidden=frozenset(hidden),
    )


def wanted(
    mapping: Mapping, seen: Seen, *, user: str, role: str = ROLE, url: str, secret: Secret | None
) -> Wanted:
    """Say what the site should have, given its doctypes; see `hooks` for ``url``.

    ``secret`` signs webhooks; None: whichever they have.
    """
    equipment = seen.schemas.get(mapping.equipment.doctype, Schema({}))
    places = Places.of(mapping, equipment)
    return Wanted(
        role=role,
        user=user,
        equipment=places.equipment,
        doctypes=places.all,
        grants=tuple(grants(mapping, places)),
        fields=tuple(fields(mapping, places)),
        scripts=tuple(wanted_scripts(mapping, places, seen.schemas))
        if places.equipment in seen.schemas
        else (),
        hooks=tuple(hooks(mapping, places, user=user, url=url, secret=secret)),
    )


def scripts_run(client: ErpClient, mapping: Mapping) -> bool | None:
    """Tell whether the bench runs Server Scripts; None when there is none to try it with."""
    if not (script := _to_try(mapping)):
        return None
    try:
        client.ask(script, names=[])
    except ErpForbidden as error:
        return False if error.exc_type == _OFF else None
    except ErpRejected:
        return None
    return True


def _to_try(mapping: Mapping) -> str:
    """Return the script that answers to anybody who may write equipment, and writes nothing."""
    script = mapping.passwords.script
    return "" if "." in script else script


def _schema(client: ErpClient, doctype: str) -> Schema | None:
    try:
        return Schema.of(client.meta(doctype))
    except (ErpNotFound, ErpRejected):
        return None


def _webhooks(client: ErpClient, doctypes: list[str]) -> list[dict[str, Any]]:
    """Read those that may be ours, whole: a list has no headers."""
    rows = client.get_list(
        Hidden.WEBHOOK,
        ["name", "request_url"],
        [["webhook_doctype", "in", doctypes]],
        limit=0,
    )
    ours = [row for row in rows if PATH in urlsplit(str(row.get("request_url"))).path]
    return [
        {**client.read(Hidden.WEBHOOK, name), "webhook_secret": _secret(client, name)}
        for name in (str(row["name"]) for row in ours)
    ]


def _secret(client: ErpClient, name: str) -> Secret | None:
    try:
        asked = {"doctype": Hidden.WEBHOOK.value, "name": name, "fieldname": "webhook_secret"}
        return Secret(str(client.ask(GET_PASSWORD, **asked)))
    except ErpForbidden:
        return None
    except ErpRejected:
        return Secret("")  # it has none
