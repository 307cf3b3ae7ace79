"""What a subscription that fires does besides telling: TriggerAction (TR-181 Subscription, 2.16).

TriggerConfigSettings is a comma-separated list of ``<parameter>=<value>``, the value written as its
type asks for: a string is quoted, a number or a boolean is not.  TR-181 2.16 names the parameter
read-only, which would leave nobody to fill it in; like other agents we let a controller write it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from .errors import INVALID_VALUE, Refusal

SETTINGS = "Device.LocalAgent.Subscription.{i}.TriggerConfigSettings"
MOST_SETTINGS = 16
_SETTING = re.compile(r'\s*([^=,\s"\[\]]+\.[A-Za-z_]\w*)=("[^"]*"|[^",]*?)\s*(?:,|$)', re.ASCII)


class Action(StrEnum):
    """TriggerAction."""

    NOTIFY = "Notify"
    CONFIG = "Config"
    NOTIFY_AND_CONFIG = "NotifyAndConfig"


class Setting(NamedTuple):
    """A parameter that is set when a subscription fires."""

    object: str
    """Path of the object it is in, with its final dot."""
    name: str
    value: str


def read_settings(text: str) -> tuple[Setting, ...]:
    """Read TriggerConfigSettings. Raises `Refusal` 7012 for what is no such list."""
    found: list[Setting] = []
    at = 0
    while at < len(text):
        match = _SETTING.match(text, at)
        if match is None:
            raise Refusal(INVALID_VALUE, f"no <parameter>=<value>: {text[at:]!r:.60}")
        above, _, name = match[1].rpartition(".")
        value = match[2]
        quoted = len(value) > 1 and value.startswith('"')
        found.append(Setting(above + ".", name, value[1:-1] if quoted else value))
        at = match.end()
    if len(found) > MOST_SETTINGS:
        raise Refusal(INVALID_VALUE, f"more than {MOST_SETTINGS} settings")
    return tuple(found)
