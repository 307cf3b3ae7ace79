"""TOML that somebody else wrote, read without surprises."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


class TomlError(ValueError):
    """A file is missing or no TOML; the text says why, not which."""


def read_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file says. Raises `TomlError`."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TomlError(error.strerror or type(error).__name__) from None
    except UnicodeDecodeError:
        raise TomlError("it is not UTF-8") from None
    except RecursionError:
        raise TomlError("it is nested too deeply") from None
    except ValueError as error:  # tomllib's own, and a number of too many digits
        raise TomlError(str(error)) from None
