"""Server Scripts for the ERPNext site, shipped as data: they run there, never here."""

from __future__ import annotations

from importlib.resources import files


def text(name: str) -> str:
    """Return the text of a Server Script, to be pasted into ERPNext.

    Raises `FileNotFoundError` for a script that is not shipped.
    """
    return (files(__package__) / f"{name}.py").read_text("utf-8")
