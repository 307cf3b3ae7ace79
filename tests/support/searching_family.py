"""A family of an operator's own, whose places over USP are search paths."""

from __future__ import annotations

from pathlib import Path

from acs.profiles import Library

OWN = """
[blueprint]
name = "mine"
extends = "tr181"

[match]
root = "Device."
manufacturer = ["Acme"]

[usp.wifi.set.ssid]
write = ["accesspoint:SSIDReference+.SSID"]

[usp.admin.password]
replace = true
write = ['Device.Users.User.[Username=="admin"].Password']
secret = true
"""


def searching_family(folder: Path) -> Library:
    """The blueprints with one more called ``mine``, which is put into ``folder``."""
    (folder / "mine.toml").write_text(OWN)
    return Library.load(str(folder))
