"""Ask a device which names its model has: once per model and firmware, when nobody waits.

A flow like any other: it awaits operations and hands over what it learned as an effect.
"""

from __future__ import annotations

from collections import Counter, deque

from acs.devices.effects import SaveModelNames
from acs.devices.ledger import Ledger
from acs.devices.record import Standing
from acs.devices.vocabulary import ROOT, Discovery, general, model_key
from acs.model import DataModel, Fault, ListedName, Names

ROWS = 2
"""Rows of one table that are listed: they differ little, and a table may have hundreds."""
MAX_NAMES = 50_000
"""Names of one model that are kept."""
LONGEST_NAME = 256
"""Characters of a parameter's name (TR-069 A.3.2.1)."""


async def discover(ledger: Ledger, line: DataModel) -> None:
    """Learn the names of the device's model, if they are not known and nothing else is to do.

    What was learned is kept when the session is lost on the way, and so is that it was: the next
    device of the model is then asked object by object.
    """
    device, policy = ledger.device, ledger.house.policy
    at_rest = device.standing is Standing.LIVE and not ledger.opened.jobs
    if not (policy.discover and at_rest and device.model and device.software):
        return
    how = ledger.house.discovery(model_key(device))
    if how is not Discovery.NONE:
        # What the visit has learned so far must not hang on this.
        await ledger.keep()
        await learn_names(ledger, line, how)


async def learn_names(ledger: Ledger, line: DataModel, how: Discovery) -> int:
    """Ask for the names of the device's model now, and return how many there are.

    Over USP that is the supported model, whatever our role may see; while that is not known,
    nothing is learned.
    """
    device = ledger.device
    if not ledger.contact.shows_all:
        return await _learn_supported(ledger, line)
    listing = _Listing(line, device.root, ledger.house.policy.discovery_rpcs)
    lost = True
    try:
        if how is not Discovery.WHOLE or not await listing.whole():
            await listing.by_level()
        lost = False
    finally:
        names, unlisted = listing.names, listing.unlisted(lost=lost, how=how)
        at = ledger.contact.at
        ledger.learn(SaveModelNames(model_key(device), at, names, unlisted))
        unsaid = f", {len(unlisted)} objects not" if unlisted else ""
        ledger.say("discovery", f"{len(names)} names of {device.model} listed{unsaid}")
    return len(names)


async def _learn_supported(ledger: Ledger, line: DataModel) -> int:
    device = ledger.device
    listing = _Listing(line, device.root, 1)
    if not await listing.whole():
        return 0
    names = listing.names
    unlisted = listing.unlisted(lost=False, how=Discovery.WHOLE)
    ledger.learn(SaveModelNames(model_key(device), ledger.contact.at, names, unlisted))
    ledger.say("discovery", f"{len(names)} names of the supported model of {device.model} kept")
    return len(names)


class _Listing:
    """What was listed so far."""

    def __init__(self, line: DataModel, root: str, rpcs: int) -> None:
        self.names: dict[str, bool] = {}
        self._line = line
        self._root = root
        self._rpcs = rpcs
        self._waiting: deque[str] = deque([root])
        self._listed: Counter[str] = Counter()
        self._refused: set[str] = set()
        self._is_cut = False
        """The device told more than is kept, so nothing follows from a name's absence."""

    async def whole(self) -> bool:
        """List everything with one request; False: the device does not do that."""
        # Some devices do not know the empty path that stands for the root (TR-069 A.3.2.3).
        for path in (ROOT, self._root):
            answer = await self._line.list(path, next_level=False)
            self._rpcs -= 1
            if isinstance(answer, Names) and answer.entries:
                self._take(answer.entries)
                self._waiting.clear()
                return True
            if isinstance(answer, Fault) and not answer.says_absent:
                return False
        return False

    async def by_level(self) -> None:
        """List object by object, as far as the bound on requests allows."""
        while self._waiting and self._rpcs > 0 and len(self.names) < MAX_NAMES:
            path = self._waiting[0]
            name = general(path)
            if self._listed[name] < ROWS:
                answer = await self._line.list(path, next_level=True)
                self._rpcs -= 1
                if isinstance(answer, Fault):
                    self._refused.add(name)
                else:
                    self._listed[name] += 1
                    self._take(answer.entries)
                    self._wait_for(path, answer.entries)
            self._waiting.popleft()

    def unlisted(self, *, lost: bool, how: Discovery) -> tuple[str, ...]:
        """Objects that were never listed; the root alone when everything was asked for in vain."""
        if lost and how is Discovery.WHOLE and not self.names:
            return (ROOT,)
        if self._is_cut:
            return (ROOT,)
        waiting = {general(path) for path in self._waiting}
        return tuple(sorted((waiting | self._refused) - self._listed.keys()))

    def _wait_for(self, listed: str, entries: tuple[ListedName, ...]) -> None:
        """List the objects below one, too; some devices name it among its own."""
        for path, _ in entries:
            is_below = path.startswith(listed) and path.endswith(".") and path != listed
            if not is_below or len(path) > LONGEST_NAME:
                continue
            if len(self._waiting) < MAX_NAMES:
                self._waiting.append(path)
            else:
                self._is_cut = True

    def _take(self, entries: tuple[ListedName, ...]) -> None:
        for path, writable in entries:
            name = general(path)
            is_kept = name in self.names or len(self.names) < MAX_NAMES
            if len(path) > LONGEST_NAME or not is_kept:
                self._is_cut = True
            else:
                self.names[name] = self.names.get(name, False) or writable
