"""Types of files as people name them, and as TR-069 A.3.2.8 spells them."""

from __future__ import annotations

import re
from typing import Any

import click

from acs.devices.files import FIRMWARE, STORED_FIRMWARE

WORDS = {
    "firmware": FIRMWARE,
    "web": "2 Web Content",
    "config": "3 Vendor Configuration File",
    "tone": "4 Tone File",
    "ringer": "5 Ringer File",
    "stored-firmware": STORED_FIRMWARE,
}
_VENDOR = re.compile(r"X [0-9A-Za-z]\S* \S.*\Z")
_LONGEST = 64


class FileType(click.ParamType):  # type: ignore[type-arg] # not generic before click 8.2
    """A type of file: one of `WORDS`, a text of TR-069, or a vendor's (``X TP-LINK …``)."""

    name = "type"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as TR-069 spells it."""
        text = " ".join(str(value).split())
        if text.casefold() in WORDS:
            return WORDS[text.casefold()]
        if not (text in WORDS.values() or (_VENDOR.match(text) and len(text) <= _LONGEST)):
            self.fail(f'{value!r}: write {", ".join(WORDS)}, or "X VENDOR TEXT"', param, ctx)
        return text
