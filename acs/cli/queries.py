"""Queries on the command line: which devices are meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from sqlalchemy import Connection

from acs.devices.query import Query
from acs.devices.query_text import QueryError, parse
from acs.store import groups

F = TypeVar("F", bound=Callable[..., Any])


def query_option(
    *, required: bool = False, help: str = "Only devices that fit."
) -> Callable[[F], F]:
    """Add ``--query`` to a command."""

    def add(command: F) -> F:
        kind: dict[str, Any] = (
            {"required": True, "callback": _not_blank} if required else {"default": ""}
        )
        return click.option("--query", "-q", help=help, **kind)(command)

    return add


def _not_blank(_context: click.Context, _option: click.Parameter, text: str) -> str:
    # A variable of a shell that was never set must not stand for the whole fleet.
    if not text.strip():
        raise click.BadParameter("says nothing; write key=* for all devices")
    return text


def read_query(conn: Connection, text: str) -> Query:
    """Read a query with the groups there are. Raises `click.UsageError` that points at the word."""
    try:
        return parse(text, groups.queries_thd(conn))
    except QueryError as error:
        mark = " " * (error.position - 1) + "^"
        raise click.UsageError(
            f"the query is not understood, {error}\n  {text}\n  {mark}"
        ) from None
