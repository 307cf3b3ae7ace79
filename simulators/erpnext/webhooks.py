"""Webhooks out: which committed changes are told to whom, and with which body.

`Webhook` documents hold a condition (a small Python expression on ``doc``) and a JSON
template.  Of both the parts that a bridge needs are understood: ``doc.field``,
``doc.get("field")``, ``doc.has_value_changed("field")``, comparison, ``and``, ``or``, ``not``;
``{{ doc.field }}`` and ``{{ doc.field|tojson }}``.
"""

from __future__ import annotations

import ast
import base64
import hmac
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from simulators.erpnext.collation import fold
from simulators.erpnext.database import Change, Database, Row
from simulators.erpnext.schema import Values

SIGNATURE_HEADER = "X-Frappe-Webhook-Signature"


class WebhookError(ValueError):
    """A condition or template that cannot be understood, or a body that is not JSON."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request to send; tried again as it is.  ``timeout`` is in seconds.

    It tells of the document ``name`` of a ``doctype``.
    """

    webhook: str
    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    timeout: float
    doctype: str = ""
    name: str = ""


class BodyForm(StrEnum):
    """How a version of Frappe writes the JSON of a webhook; the signature is over its bytes."""

    V15 = "v15"
    """One line, in the order of the template."""
    INDENTED = "indented"
    """Newer versions: indented by one blank, keys sorted."""

    def write(self, value: Any) -> bytes:
        """Return a body."""
        if self is BodyForm.V15:
            return json.dumps(value).encode()
        return json.dumps(value, indent=1, sort_keys=True).encode()


def deliveries(
    db: Database,
    changes: Iterable[Change],
    failed: Callable[[str, WebhookError], None],
    form: BodyForm = BodyForm.V15,
) -> tuple[Delivery, ...]:
    """Return what a transaction tells the outside.

    One event per document and webhook, with the last state; rows that were changed behind
    the documents' back tell nothing.  ``failed`` hears of each webhook that could not be
    rendered: nothing is sent for it.
    """
    due: list[Delivery] = []
    for change in _merged(change for change in changes if not change.silent):
        for hook in db.table("Webhook").find("webhook_doctype", [change.doctype]):
            try:
                if _fires(hook.values, change):
                    due.append(_delivery(hook, change, form))
            except WebhookError as error:
                failed(hook.name, error)
    return tuple(due)


def signature(secret: str, body: bytes) -> str:
    """Return the signature header's value: Base64 of HMAC-SHA256 over the raw body."""
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def _merged(changes: Iterable[Change]) -> Iterable[Change]:
    documents: dict[tuple[str, str], Change] = {}
    for change in changes:
        row = change.after or change.before
        key = (change.doctype, fold(row.name if row else ""))
        first = documents.get(key, change)
        documents[key] = Change(change.doctype, first.before, change.after)
    return [c for c in documents.values() if c.before is not None or c.after is not None]


def _events(change: Change) -> tuple[str, ...]:
    if change.after is None:
        return ("on_trash",)
    if change.before is None:
        return ("after_insert", "on_update", "on_change")
    return ("on_update", "on_change")


def _fires(hook: Values, change: Change) -> bool:
    if not hook.get("enabled") or hook.get("webhook_docevent") not in _events(change):
        return False
    condition = str(hook.get("condition") or "").strip()
    return not condition or bool(evaluate(condition, change))


def _delivery(hook: Row, change: Change, form: BodyForm) -> Delivery:
    row = change.after or change.before
    document = dict(row.values) | {"doctype": change.doctype} if row else {}
    body = form.write(_body(hook.values, document))
    listed = hook.values.get("webhook_headers")
    headers = {
        str(header.get("key")): str(header.get("value"))
        for header in (listed if isinstance(listed, list) else ())
    }
    if hook.values.get("enable_security"):
        headers[SIGNATURE_HEADER] = signature(hook.secrets.get("webhook_secret", ""), body)
    return Delivery(
        webhook=hook.name,
        method=str(hook.values.get("request_method") or "POST"),
        url=str(hook.values["request_url"]),
        headers=headers,
        body=body,
        timeout=float(str(hook.values.get("timeout") or 5)),
        doctype=change.doctype,
        name=row.name if row else "",
    )


def _body(hook: Values, document: Mapping[str, Any]) -> Any:
    if hook.get("request_structure") != "JSON":  # a form goes out as JSON all the same
        listed = hook.get("webhook_data")
        rows = listed if isinstance(listed, list) else ()
        return {str(row.get("key")): document.get(str(row.get("fieldname"))) for row in rows}
    rendered = _PLACEHOLDER.sub(
        lambda found: _placeholder(found["inside"], document), str(hook.get("webhook_json") or "")
    )
    try:
        return json.loads(rendered)
    except json.JSONDecodeError as error:
        raise WebhookError(f"the template gives no JSON: {error}") from None


_PLACEHOLDER = re.compile(r"\{\{(?P<inside>.*?)\}\}", re.DOTALL)
_FIELD = re.compile(r"\s*doc\.(?P<name>\w+)\s*(?P<tojson>\|\s*tojson\s*)?")


def _placeholder(inside: str, document: Mapping[str, Any]) -> str:
    field = _FIELD.fullmatch(inside)
    if field is None:
        raise WebhookError(f"template expression not understood: {inside.strip()}")
    value = document.get(field["name"])
    return json.dumps(value) if field["tojson"] else str(value)


def check_template(template: str) -> None:
    """Raise `WebhookError` for a template with an expression that is not understood."""
    for found in _PLACEHOLDER.finditer(template):
        _placeholder(found["inside"], {})


_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, group: item in group,
    ast.NotIn: lambda item, group: item not in group,
}


def evaluate(condition: str, change: Change) -> Any:
    """Return the value of a condition on a change.

    Raises `WebhookError` for anything but the expressions named above.
    """
    try:
        return _value(ast.parse(condition, mode="eval").body, change)
    except (SyntaxError, TypeError) as error:
        raise WebhookError(f"condition {condition!r}: {error}") from None


def _value(node: ast.expr, change: Change) -> Any:
    row = change.after or change.before
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return [_value(item, change) for item in items]
        case ast.Attribute(value=ast.Name(id="doc"), attr=name):
            return row.values.get(name) if row else None
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, change) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, change) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=part):
            return not _value(part, change)
        case ast.Compare(left=left, ops=hows, comparators=others):
            values = [_value(part, change) for part in (left, *others)]
            pairs = zip(hows, values, values[1:], strict=False)
            return all(_COMPARE[type(how)](one, other) for how, one, other in pairs)
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="doc"), attr="get"),
            args=[ast.Constant(value=str(name)), *otherwise],
        ) if len(otherwise) < 2:
            held = row.values.get(name) if row else None
            return _value(otherwise[0], change) if held is None and otherwise else held
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="doc"), attr="has_value_changed"),
            args=[ast.Constant(value=str(name))],
        ):
            return _changed(name, change)
        case _:
            raise WebhookError(f"condition not understood: {ast.unparse(node)}")


def _changed(name: str, change: Change) -> bool:
    if change.before is None or change.after is None:
        return True
    return change.before.values.get(name) != change.after.values.get(name)
