"""What a run shows while it goes: one live block in a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self, TypeAlias

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from simulators.page.figures import shown

from .measures import MIB
from .progress import Progress

Traceback: TypeAlias = TracebackType | None
PLAIN_EVERY = 10.0
"""Seconds between two plain lines."""


class Display(Protocol):
    """Is told how a run goes; a context manager."""

    def tell(self, progress: Progress) -> None:
        """Show how it goes."""

    def note(self, at: float, text: str) -> None:
        """Show what is done."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None: ...


def display(console: Console) -> Display:
    """Return the display that suits the terminal, or the lack of one."""
    return _Block(console) if console.is_terminal else _Lines()


class _Lines:
    """A line every ten seconds, and one for each note, on standard error."""

    def __init__(self) -> None:
        self._last = -PLAIN_EVERY

    def tell(self, progress: Progress) -> None:
        if progress.at - self._last >= PLAIN_EVERY:
            self._last = progress.at
            facts = "; ".join(f"{name} {value}" for name, value in _facts(progress))
            click.echo(f"{progress.at:7.1f} s  {facts}", err=True)

    def note(self, at: float, text: str) -> None:
        click.echo(f"{at:7.1f} s  {text}", err=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class _Block:
    """A block that is drawn anew, notes above it."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=2, transient=True)

    def tell(self, progress: Progress) -> None:
        table = Table.grid(padding=(0, 2))
        for name, value in _facts(progress):
            table.add_row(Text(name, style="dim"), Text(value))
        self._live.update(table)

    def note(self, at: float, text: str) -> None:
        self._live.console.print(Text(f"{at:7.1f} s  {text}"))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()


def _facts(now: Progress) -> list[tuple[str, str]]:
    failures = ", ".join(f"{count} {kind}" for kind, count in sorted(now.failures.items()))
    facts = [
        ("phase", f"{now.phase} (at most {now.left:.0f} s more)"),
        ("served", f"{now.served} of {now.good}"),
        ("sessions", f"{now.sessions} ({shown(now.per_second)}/s, {now.open_sessions} open)"),
        ("failures", failures or "none"),
    ]
    if now.p50 is not None and now.p95 is not None:
        facts.append(("seconds", f"p50 {shown(now.p50)} p95 {shown(now.p95)}"))
    if now.disk:
        facts.append(
            (
                "server",
                f"{now.rss / MIB:.0f} MiB, log {now.log / MIB:.1f} MiB,"
                f" disk {now.disk / MIB:.1f} MiB",
            )
        )
    return facts
