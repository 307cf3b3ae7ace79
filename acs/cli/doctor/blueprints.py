"""Blueprints: mistakes in the operator's own files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from acs.profiles import Library
from acs.settings import Settings
from erp_bridge.schema import Finding, Level


def check(settings: Settings) -> Iterator[Finding]:
    """Load all blueprints as a server does."""
    own = settings.provisioning.blueprint_dir
    if own and not Path(own).is_dir():
        yield Finding(
            Level.ERROR,
            f"provisioning.blueprint_dir is no directory: {own}",
            "Make it, or name another one",
        )
    library = Library.load(own or None)
    for issue in library.issues:
        yield Finding(
            Level.ERROR,
            f"A blueprint is left out: {issue}",
            f"Correct that line; acs blueprint check {Path(own) / issue.file}",
        )
    yield Finding(Level.OK, f"{len(library.names())} blueprints are in use")
