"""Server Scripts and webhooks that a site lacks, or has otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Row
from typing import Any
from urllib.parse import urlsplit

from erp_bridge.install.difference import Difference, Hidden, Request, Seen, Verb, is_same
from erp_bridge.install.wanted import Hook, Script

SWITCH_ON = "bench set-config -g server_script_enabled 1"


def differing_scripts(wanted: Sequence[Script], seen: Seen) -> Iterator[Difference]:
    """Yield what is not as it should be with the scripts."""
    if seen.scripts_run is False:
        yield Difference("The bench does not run Server Scripts", f"On the bench: {SWITCH_ON}")
    if Hidden.SCRIPT not in seen.hidden:
        for script in wanted:
            yield from _script(script, seen)
    elif seen.tried and seen.scripts_run is None:
        yield Difference(
            f"The Server Script {seen.tried} does not answer this server's user",
            "It is missing, or the user may not write equipment: acs erp install --url URL --apply",
        )


def _script(script: Script, seen: Seen) -> Iterator[Difference]:
    fields: dict[str, Any] = {"disabled": 0, "script": script.text}
    if script.doctype:
        kind = f"DocType Event, {script.doctype}, {script.event}"
        fields |= {"script_type": "DocType Event", "reference_doctype": script.doctype}
        fields |= {"doctype_event": script.event}
        rows = [row for row in seen.scripts if row.get("name") == script.name]
    else:
        kind = f"API, API Method {script.name}, Allow Guest off"
        fields |= {"script_type": "API", "api_method": script.name, "allow_guest": 0}
        rows = [row for row in seen.scripts if row.get("api_method") == script.name]
        rows = rows or [row for row in seen.scripts if row.get("name") == script.name]
    by_hand = (
        f"Server Script {script.name} ({kind}): the text of `acs erp install --script"
        f" {script.name}`. Who saves it needs the role Script Manager, too"
    )
    # An event's script on a bench that runs none would refuse every save of the doctype.
    event = bool(script.doctype)
    blocked = event and seen.scripts_run is False
    if not rows:
        request = Request(Verb.INSERT, "Server Script", script.name, fields)
        yield Difference(
            f"There is no Server Script {script.name}",
            f"First {SWITCH_ON}; then: {by_hand}" if blocked else by_hand,
            f"Install the Server Script {script.name}",
            () if blocked else (request,),
            needs_scripts=event,
        )
    elif changed := {
        key: value for key, value in fields.items() if not is_same(rows[0].get(key), value)
    }:
        name = str(rows[0]["name"])
        yield Difference(
            f"The Server Script {name} is not as it should be ({', '.join(changed)})",
            by_hand,
            f"Bring the Server Script {name} up to date",
            (Request(Verb.UPDATE, "Server Script", name, changed),),
            needs_scripts=event,
        )


# --- webhooks -------------------------------------------------------------------------------


def differing_hooks(hooks: Sequence[Hook], seen: Seen) -> Iterator[Difference]:
    """Yield what is not as it should be with the webhooks."""
    if Hidden.WEBHOOK in seen.hidden:
        return
    for hook in hooks:
        if hook.doctype in seen.schemas:
            yield from _hook(hook, seen)


def _hook(hook: Hook, seen: Seen) -> Iterator[Difference]:
    fields: dict[str, Any] = {
        "enabled": 1,
        "condition": hook.condition,
        "request_method": "POST",
        "is_dynamic_url": 0,
        "request_structure": "JSON",
        "webhook_json": hook.body,
        # Frappe names no type by itself.
        "webhook_headers": [{"key": "Content-Type", "value": "application/json"}],
        "enable_security": 1,
        "timeout": 5,
    }
    # Without an address of ours only the path can be compared.
    if urlsplit(hook.url).netloc:
        fields["request_url"] = hook.url
    if hook.secret is not None:
        fields["webhook_secret"] = hook.secret
    shown = (
        f"Webhook {hook.name}: {hook.doctype}, {hook.event}, condition `{hook.condition}`, POST to"
        f" {hook.url}, header Content-Type: application/json, JSON body `{hook.body}`, Enable"
        " Security with the secret of erp.webhook_secret, timeout 5"
    )
    row = next((row for row in seen.webhooks if _is_ours(row, hook)), None)
    if row is None:
        constant = {"webhook_doctype": hook.doctype, "webhook_docevent": hook.event}
        yield Difference(
            f"No webhook tells of {hook.doctype} ({hook.event})",
            shown,
            f"Make the webhook {hook.name}",
            (
                Request(
                    Verb.INSERT, "Webhook", hook.name, {"name": hook.name, **constant, **fields}
                ),
            ),
        )
        return
    changed = {key: value for key, value in fields.items() if not is_same(row.get(key), value)}
    if row.get("webhook_secret") is None:
        changed.pop("webhook_secret", None)  # not shown
    if changed:
        yield Difference(
            f"The webhook {row['name']} is not as it should be ({', '.join(changed)})",
            shown,
            f"Put the webhook {row['name']} right",
            (Request(Verb.UPDATE, "Webhook", str(row["name"]), changed),),
        )


def _is_ours(row: Row[str, Any], hook: Hook) -> bool:
    """Tell a webhook of ours by what it does: some sites give names by a rule of their own."""
    if (row.get("webhook_doctype"), row.get("webhook_docevent")) != (hook.doctype, hook.event):
        return False
    path = urlsplit(str(row.get("request_url"))).path
    return row.get("name") == hook.name or path.endswith(urlsplit(hook.url).path)
