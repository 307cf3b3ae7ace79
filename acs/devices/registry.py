"""The live house: what visits need, on top of the store, the source and the blueprints."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from acs.devices.effects import Effect, ForgetMissing, SaveModelNames
from acs.devices.files import Offer, ReceivedFile, Refused
from acs.devices.house import Policy, WakeAccount
from acs.devices.layouts import Layouts
from acs.devices.record import Device, Job, Opened, Snapshot
from acs.devices.rules.book import Rulebook
from acs.devices.source import EquipmentSource
from acs.devices.vocabulary import Discovery, KnownNames
from acs.model import Contact, Secret
from acs.profiles import Blueprint, Facts, Library
from acs.store.errors import StoreError
from acs.store.files import received_thd
from acs.store.queues import Queues


class Registry:
    """Implements `acs.devices.house.House` for a running server."""

    def __init__(
        self,
        queues: Queues,
        source: EquipmentSource,
        library: Library,
        policy: Policy,
        *,
        key: bytes,
        missing: Mapping[str, frozenset[str]],
        names: KnownNames,
        layouts: Layouts,
        clock: Callable[[], float],
        password: Callable[[], str],
        unwritten: Callable[[StoreError], None],
        offer: Callable[[Job, Device], Awaitable[Offer | Refused]],
        rules: Rulebook | None = None,
    ) -> None:
        """Take the parts.

        ``missing``: optional names each model is known not to have; ``names`` knows what else
        follows from what models listed, ``layouts`` which rows they have. ``unwritten`` hears
        that a post was not taken because the store is full. ``offer``: what a job is told of
        its file.
        """
        self.policy = policy
        self.rules = rules or Rulebook()
        self.source = source
        self.key = key
        self._queues = queues
        self._clock = clock
        self._password = password
        self._unwritten = unwritten
        self._offer = offer
        self._missing = dict(missing)
        self._names = names
        self._layouts = layouts
        # A fleet has few kinds of devices and millions of sessions.
        self.blueprint: Callable[[Facts], Blueprint | None] = lru_cache(4096)(library.choose)

    async def open(self, contact: Contact) -> Opened:
        """Load the device's row, creating it at first contact."""
        return await self._queues.open(contact)

    async def snapshot(self, device_id: int) -> Snapshot:
        """Load what the device last reported."""
        return await self._queues.snapshot(device_id)

    async def holders(self, equipment: str) -> Sequence[Device]:
        """Devices that are matched to this equipment."""
        return await self._queues.holders(equipment)

    async def pending_password(self, device_id: int) -> Secret | None:
        """The generated password the device may not have yet."""
        found = await self._queues.pending_password(device_id)
        return Secret(found) if found else None

    async def wake_account(self, device_id: int) -> WakeAccount | None:
        """By what the device believes our connection requests."""
        return await self._queues.wake_account(device_id)

    async def offer(self, job: Job, device: Device) -> Offer | Refused:
        """Where the device fetches or puts the file of ``job``."""
        return await self._offer(job, device)

    async def received(self, job: Job) -> ReceivedFile | None:
        """The file that a device sent for ``job``, if it came."""
        return await self._queues.run("received", received_thd, job.device_id, job.id)

    async def commit(self, effects: Sequence[Effect]) -> None:
        """Write and wait until it is durable."""
        self._learn(effects)
        await self._queues.commit(effects)

    def post(self, effects: Sequence[Effect]) -> None:
        """Write with the next batch; nobody waits."""
        self._learn(effects)
        try:
            self._queues.post(effects)
        except StoreError as error:
            # Nobody waits for a post: the device is served, and says the same again next time.
            self._unwritten(error)

    def missing(self, model_key: str) -> frozenset[str]:
        """Optional names this model and firmware is known not to have."""
        return self._missing.get(model_key, frozenset()) | self._names.lacking(model_key)

    def layout(self, model_key: str) -> Mapping[str, tuple[str, ...]]:
        """Rows of tables that units of this model have in factory state."""
        return self._layouts.rows(model_key)

    def learn_layout(
        self, model_key: str, listed: Mapping[str, Iterable[str]]
    ) -> Mapping[str, tuple[str, ...]]:
        """Take the rows that a unit in factory state listed; return those to be kept."""
        return self._layouts.learn(model_key, listed)

    def discovery(self, model_key: str) -> Discovery:
        """How a device is to be asked for its model's names; the next one is asked no more."""
        return self._names.claim(model_key, self._clock())

    def new_password(self) -> Secret:
        """A fresh random password."""
        return Secret(self._password())

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock()

    def _learn(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, ForgetMissing):
                known = self._missing.get(effect.model_key, frozenset())
                self._missing[effect.model_key] = known | frozenset(effect.missing)
            elif isinstance(effect, SaveModelNames):
                self._names.learn(effect)
