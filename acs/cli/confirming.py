"""Asks before something is done that cannot be taken back."""

from __future__ import annotations

import sys

import click

from acs.cli.failures import Amiss


def confirm(question: str) -> None:
    """Go on when a person says yes. Raises `click.Abort`, or `Amiss` where nobody can be asked."""
    try:
        click.confirm(question, abort=True, err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise Amiss("nothing was done: nobody said yes; without a terminal add --yes") from None
