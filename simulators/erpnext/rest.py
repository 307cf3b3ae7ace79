"""The routes under ``/api``: documents (v1 and v2), methods, meta."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from simulators.erpnext.call import Call
from simulators.erpnext.errors import FRAPPE, Refusal, missing
from simulators.erpnext.filters import decode_json
from simulators.erpnext.methods import Method, find_method
from simulators.erpnext.query import DEFAULT_PAGE, Query, count_rows, list_rows, whole
from simulators.erpnext.schema import describe
from simulators.erpnext.users import forbidden

Answer = tuple[int, dict[str, Any]]
Scripts = Callable[[str], Method | None]
"""Finds the API script of a method name."""


def run_v1(segments: Sequence[str], call: Call, scripts: Scripts) -> Answer:
    """Run a call of version 1; ``segments`` is the path after ``/api`` or ``/api/v1``."""
    match segments:
        case ["method", name]:
            return _method(name, call, scripts, "message")
        case ["resource", doctype]:
            match call.verb:
                case "GET":
                    return _ok(_list(call, doctype, "limit_start", ("limit", "limit_page_length")))
                case "POST":
                    row = call.documents.insert(call.arguments, call.work, doctype=doctype)
                    return _ok(call.documents.shown(doctype, row, nulls=False))
        case ["resource", doctype, *parts]:
            match call.verb:
                case "GET":
                    return _read(call, doctype, "/".join(parts))
                case "PUT":
                    return _update(call, doctype, "/".join(parts))
                case "DELETE":
                    return _delete(call, doctype, "/".join(parts))
    raise _no_route()


def run_v2(segments: Sequence[str], call: Call, scripts: Scripts) -> Answer:
    """Run a call of version 2; ``segments`` is the path after ``/api/v2``."""
    match segments:
        case ["method", name]:
            key = "message" if scripts(name) else "data"
            return _method(name, call, scripts, key)
        case ["doctype", doctype, "meta"] if call.verb == "GET":
            if call.user.name == "Guest":
                raise forbidden()
            if doctype not in call.documents.doctypes:
                raise missing("DocType", doctype)
            return _ok(describe(call.documents.doctypes[doctype]))
        case ["doctype", doctype, "count"] if call.verb == "GET":
            filters = call.arguments.get("filters")
            return _ok(count_rows(call.documents, doctype, filters, call.user))
        case ["document", doctype]:
            match call.verb:
                case "GET":
                    return _ok(_list(call, doctype, "start", ("limit",)))
                case "POST":
                    wanted = str(call.arguments.get("name") or "") or None
                    row = call.documents.insert(
                        call.arguments, call.work, doctype=doctype, forced_name=wanted
                    )
                    return _ok(call.documents.shown(doctype, row, nulls=False))
        case ["document", doctype, *parts]:
            match call.verb:
                case "GET":
                    return _read(call, doctype, "/".join(parts))
                case "PUT" | "PATCH":
                    return _update(call, doctype, "/".join(parts))
                case "DELETE":
                    return _delete(call, doctype, "/".join(parts))
    raise _no_route()


def _ok(value: Any) -> Answer:
    return HTTPStatus.OK, {"data": value}


def _no_route() -> Refusal:
    return Refusal(FRAPPE + "DoesNotExistError", traced=False)


def _method(name: str, call: Call, scripts: Scripts, key: str) -> Answer:
    value = find_method(name, call, scripts).run(call)
    return HTTPStatus.OK, {} if value is None else {key: value}


def _list(call: Call, doctype: str, start: str, lengths: tuple[str, ...]) -> list[dict[str, Any]]:
    arguments = call.arguments
    length = next((arguments[key] for key in lengths if arguments.get(key)), None)
    query = Query(
        fields=arguments.get("fields"),
        filters=arguments.get("filters"),
        or_filters=arguments.get("or_filters"),
        order_by=arguments.get("order_by"),
        start=whole(arguments.get(start), 0),
        length=whole(length, DEFAULT_PAGE),
        expand=arguments.get("expand"),
    )
    return list_rows(call.documents, doctype, query, call.user)


def _read(call: Call, doctype: str, name: str) -> Answer:
    documents = call.documents
    values = documents.shown(doctype, documents.read(doctype, name, call.work), nulls=False)
    if call.arguments.get("expand_links") and decode_json(
        str(call.arguments["expand_links"]).lower()
    ):
        for link in documents.doctypes[doctype].links:
            target = documents.db.table(link.target or "").get(str(values.get(link.name) or ""))
            if target is not None:
                values[link.name] = documents.shown(link.target or "", target, nulls=False)
    return _ok(values)


def _update(call: Call, doctype: str, name: str) -> Answer:
    row = call.documents.update(doctype, name, call.arguments, call.work)
    return _ok(call.documents.shown(doctype, row, nulls=False))


def _delete(call: Call, doctype: str, name: str) -> Answer:
    call.documents.delete(doctype, name, call.work)
    return HTTPStatus.ACCEPTED, {"data": "ok"}
