"""What a family of devices cannot stand in our requests, as switches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to speak to one model. The defaults suit a CPE that follows TR-069."""

    xml_declaration: bool = True
    """Begin envelopes with an XML declaration; some clients refuse it, some want it."""
    booleans: Literal["true", "1"] = "true"
    """Write booleans as ``true``/``false`` or as ``1``/``0``. NextLevel is always 1 or 0."""
    get_batch: int = 32
    """Most names in one GetParameterValues."""
    set_batch: int = 0
    """Most parameters in one SetParameterValues; 0 means no splitting."""
    cookie_path: str = "/"
    """Path attribute of the session cookie."""
