"""Keeping state: SQLite or PostgreSQL, group commit, secrets encrypted at rest.

A server does ``Database(url, vault, realm=…)``, `upgrade`, `prepare`, and hands everyone
`acs.store.queues.Queues`.  Functions named ``…_thd`` take a connection and run in its thread, by
`Queues.run` or, in commands, by `Database.run`; they stand in one module per aggregate
(`devices`, `jobs`, `timeline`, `equipment`, …).
"""

from __future__ import annotations

from acs.store.engine import Database
from acs.store.errors import (
    BadDatabaseUrl,
    BadEffect,
    Closed,
    MissingKey,
    Overloaded,
    SchemaOutdated,
    SchemaTooNew,
    StoreError,
    StoreUnavailable,
    VaultError,
)
from acs.store.schema import current, pending, prepare, upgrade
from acs.store.vault import Vault, decode_key

__all__ = [
    "BadDatabaseUrl",
    "BadEffect",
    "Closed",
    "Database",
    "MissingKey",
    "Overloaded",
    "SchemaOutdated",
    "SchemaTooNew",
    "StoreError",
    "StoreUnavailable",
    "Vault",
    "VaultError",
    "current",
    "decode_key",
    "pending",
    "prepare",
    "upgrade",
]
