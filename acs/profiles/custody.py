"""Whose settings are these? Tell a device that somebody else set up from one fresh from factory.

What counts is what would be overwritten: a telephone account, or a Wi-Fi name that is none of the
factory's.  What is already as wanted is nobody else's.  An account of the connection tells nothing:
units are delivered with one by which they first reach us.
"""

from __future__ import annotations

import re

from acs.profiles.blueprint import Blueprint
from acs.profiles.changes import PlannedChange
from acs.profiles.plan import Plan

_ACCOUNTS = ("username", "auth_username", "uri")


def foreign(plan: Plan, blueprint: Blueprint) -> PlannedChange | None:
    """Return the first change that would overwrite what somebody else set up; None: there is none.

    Wi-Fi names count only where the blueprint says how those of the factory look
    (``factory_ssid``).
    """
    return next((change for change in plan.writes if _is_foreign(change, blueprint)), None)


def _is_foreign(change: PlannedChange, blueprint: Blueprint) -> bool:
    held = change.current.text.strip() if change.current and not change.secret else ""
    if not held:
        return False
    where, _, setting = change.why.partition(": ")
    if where.startswith("voice"):
        return setting in _ACCOUNTS
    if where.startswith("wifi") and setting == "ssid" and blueprint.factory_ssid:
        return re.match(blueprint.factory_ssid, held) is None
    return False
