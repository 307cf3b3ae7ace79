"""The `acs` command."""

from acs.cli.main import main

__all__ = ["main"]
