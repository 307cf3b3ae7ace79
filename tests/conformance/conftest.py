"""The running program, for the tables that are about it."""

from acs_fixtures import (
    acs,
    certificates,
    erpnext,
    home,
    live_acs,
    make_home,
    new_cpe,
    start_acs,
)

__all__ = [
    "acs",
    "certificates",
    "erpnext",
    "home",
    "live_acs",
    "make_home",
    "new_cpe",
    "start_acs",
]
