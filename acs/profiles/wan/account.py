"""The account of a connection: when its password is written, and when it is left as it works.

A password cannot be read.  The connection that carries our session was let in with the one it has,
so where its user name is the wished one, a password that we never wrote is left alone: a wrong one
in ERPNext would cut the device off at its next dial.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from acs.profiles.changes import Comparison, PlannedChange
from acs.profiles.wan.chain import WHERE

_USERNAME, _PASSWORD = f"{WHERE}: username", f"{WHERE}: password"
KEPT = f"{_PASSWORD}: kept: the account that carries our session works"


def judged(
    changes: Sequence[PlannedChange], comparison: Comparison, *, carries: bool
) -> Iterator[tuple[PlannedChange, bool]]:
    """Yield each change of one connection, and whether the device has it already.

    ``carries``: our session is known to come by this connection.
    """
    users = [comparison.settled(change) for change in changes if change.why == _USERNAME]
    for change in changes:
        settled = comparison.settled(change)
        if change.why != _PASSWORD or not users:
            yield change, settled
        elif not all(users):
            # With another user name comes its password, though we may have adopted the same.
            yield change, False
        elif carries and (settled or comparison.never_written(change)):
            yield replace(change, works=True), True
        else:
            yield change, settled
