"""Kinds of look-ups that are done for many callers at once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from acs.devices.agents import Holder, KnownAgent
from acs.devices.effects import (
    Effect,
    RestoreCredentials,
    SaveAgent,
    SaveCredentials,
    SaveDevice,
    SaveNotify,
    SaveSnapshot,
    SaveSupportedModel,
    SaveWakeAccount,
    SettleNotifies,
)
from acs.devices.house import WakeAccount
from acs.devices.identity import Terms
from acs.devices.record import Device, Snapshot
from acs.devices.source import MirrorRow
from acs.store import (
    credentials,
    devices,
    equipment,
    snapshots,
    usp_agents,
    usp_models,
    wake_accounts,
)
from acs.store.credentials import Account

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True, eq=False)
class Lookup(Generic[K, V]):
    """How to find values for many keys with a few statements.

    ``fetch_thd`` is given distinct keys and leaves out those it does not find. ``reads`` names the
    effects whose posts must be written before.
    """

    name: str
    fetch_thd: Callable[[Connection, Sequence[K]], Mapping[K, V]]
    reads: frozenset[type[Effect]] = frozenset()


def _find(conn: Connection, terms: Sequence[Terms]) -> dict[Terms, tuple[MirrorRow, ...]]:
    return dict(zip(terms, equipment.find_thd(conn, terms), strict=True))


ACCOUNTS: frozenset[type[Effect]] = frozenset({SaveCredentials, RestoreCredentials})
ACCOUNT: Lookup[str, Account] = Lookup("account", credentials.ha1_thd, ACCOUNTS)
"""By user name."""
PENDING_PASSWORD: Lookup[int, str] = Lookup(
    "pending password", credentials.pending_passwords_thd, ACCOUNTS
)
"""By device id."""
SNAPSHOT: Lookup[int, Snapshot] = Lookup("snapshot", snapshots.load_thd, frozenset({SaveSnapshot}))
"""By device id."""
EQUIPMENT: Lookup[Terms, tuple[MirrorRow, ...]] = Lookup("equipment", _find)
"""By what a device can be recognised by."""
HOLDERS: Lookup[str, list[Device]] = Lookup(
    "holders", devices.by_equipment_thd, frozenset({SaveDevice})
)
"""Devices matched to an equipment, by its name."""
WISH: Lookup[str, MirrorRow] = Lookup("wish", equipment.wish_thd)
"""By the name of the equipment."""
WAKE_ACCOUNT: Lookup[int, WakeAccount] = Lookup(
    "wake account", wake_accounts.load_thd, frozenset({SaveWakeAccount})
)
"""By device id."""
AGENT: Lookup[str, KnownAgent] = Lookup(
    "agent", usp_agents.load_thd, frozenset({SaveAgent, SaveNotify, SettleNotifies})
)
"""By endpoint id."""
PROVEN: Lookup[tuple[str, str], tuple[Holder, ...]] = Lookup(
    "proven", usp_agents.holders_thd, frozenset({SaveAgent, SaveDevice, *ACCOUNTS})
)
"""Who proved to be a unit, by its OUI and serial number."""
SUPPORTED: Lookup[str, bytes] = Lookup(
    "supported model", usp_models.blobs_thd, frozenset({SaveSupportedModel})
)
"""By the key of a model and firmware."""
