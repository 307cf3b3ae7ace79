"""What commands print: tables for people, one JSON document for machines."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

# What JSON leaves as it is: DEL, C1 (a CSI among them), and marks that turn the direction of text.
_CONTROL = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

_WIDE = 10_000
"""Columns where no terminal sets a bound: what is piped is never cut."""

STYLES = {
    "quarantined": "yellow",
    "waiting": "cyan",
    "pending": "cyan",
    "verifying": "cyan",
    "live": "green",
    "drifted": "yellow",
    "faulted": "red",
    "held": "magenta",
    "queued": "cyan",
    "sent": "cyan",
    "done": "green",
    "failed": "red",
    "expired": "yellow",
    "proven": "green",
    "written": "green",
    "awaited": "cyan",
    "mismatch": "red",
    "ok": "green",
    "degraded": "yellow",
    "down": "bold red",
    "warning": "yellow",
    "error": "bold red",
    "good": "green",
    "weak": "yellow",
    "too strong": "yellow",
    "too weak": "red",
    "bad": "bold red",
    "note": "cyan",
}
"""How words that say how things are look, where there is colour."""


def json_option(command: F) -> F:
    """Add ``--json`` to a command."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document (times in UTC)."
    )(command)


def emit(document: object) -> None:
    """Print a JSON document on standard output, safe for a terminal too."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    click.echo(_CONTROL.sub(lambda sign: json.dumps(sign[0])[1:-1], text))


def plain(text: object) -> str:
    """Make a text of a device or a site safe for a terminal: no control characters."""
    return "".join(
        sign if unicodedata.category(sign)[0] != "C" else f"\\x{ord(sign):02x}"
        for sign in str(text)
    )


def say(text: str = "") -> None:
    """Print a line on standard output."""
    click.echo(plain(text))


def console(*, stderr: bool = False) -> Console:
    """Return a console on the stream as it is now; no colour when it is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Any:
    """Make a table; words of `STYLES` are coloured."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for heading in headings:
        made.add_column(heading, overflow="fold")
    for row in rows:
        texts = [plain("" if cell is None else cell) for cell in row]
        made.add_row(*(Text(text, style=STYLES.get(text, "")) for text in texts))
    return made


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], empty: str = "") -> None:
    """Print a table, or the sentence ``empty`` when it has no row."""
    kept = list(rows)
    if kept or not empty:
        console().print(table(headings, kept))
    else:
        click.echo(empty)


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names with their values below each other; those without a value are left out."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for name, value in facts:
        if value not in ("", None):
            text = plain(value)
            grid.add_row(Text(name, style="bold"), Text(text, style=STYLES.get(text, "")))
    console().print(grid)


def heading(text: str) -> None:
    """Print the heading of a part."""
    from rich.text import Text

    console().print(Text(f"\n{plain(text)}", style="bold"))


@contextmanager
def progress(text: str) -> Iterator[Callable[[str], None]]:
    """Show a line that can be changed, on standard error, while something takes time.

    Nothing is shown when standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    with console(stderr=True).status(plain(text)) as status:
        yield lambda changed: status.update(plain(changed))
