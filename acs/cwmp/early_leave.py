"""CPEs that leave right after our InformResponse, and the other form their next answers take.

Two public clients (netcwmp, Orange tr069agent) refuse any body that begins with an XML
declaration, and say nothing: they close, and come back with the next Inform.  Others are said
to need the declaration.
"""

from __future__ import annotations

from collections import OrderedDict

LIMIT = 2
"""Sessions a CPE may leave early before the form of its answers changes."""
REMEMBERED = 10_000


class EarlyLeave:
    """Which CPEs want the other form than their dialect says; bounded, newest remembered."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[bool, int]] = OrderedDict()

    def wants_other(self, key: str) -> bool:
        """Tell whether device ``key`` is to be answered in the other form."""
        return self._known.get(key, (False, 0))[0]

    def left(self, key: str) -> None:
        """Note a session that ``key`` left after the InformResponse."""
        other, times = self._known.pop(key, (False, 0))
        times += 1
        self._known[key] = (not other, 0) if times == LIMIT else (other, times)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def stayed(self, key: str) -> None:
        """Note that ``key`` went on after the InformResponse: the form suits it."""
        other, _ = self._known.pop(key, (False, 0))
        if other:
            self._known[key] = (True, 0)
