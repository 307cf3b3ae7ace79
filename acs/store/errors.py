"""What can go wrong in the store, each with the way out in its message."""

# ruff: noqa: N818 - all are StoreErrors; a name says what happened
from __future__ import annotations


class StoreError(Exception):
    """Base of all errors of the store."""


class StoreUnavailable(StoreError):
    """The database was locked, restarting, full or out of reach for all tries of a transaction."""


class StoreHindered(StoreUnavailable):
    """The database is there and can be read, but cannot write: full, broken or read only."""


class Overloaded(StoreError):
    """A queue is full: the caller is refused at once, and may come back later."""


class Closed(StoreError):
    """The queues are closing; nothing new is taken."""


class BadEffect(StoreError, ValueError):
    """An effect names a column that does not exist or must not change."""


class BadDatabaseUrl(StoreError, ValueError):
    """The database URL cannot be used."""


class SchemaOutdated(StoreError):
    """The database's schema is older than this release needs."""


class SchemaTooNew(StoreError):
    """The database's schema was written by a later release."""


class VaultError(StoreError):
    """A secret cannot be sealed or opened."""


class MissingKey(VaultError):
    """A blob was sealed with a key that the settings no longer have."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"encryption key {key_id!r} is missing: put it back into the settings, "
            "and remove it only after all rows were sealed anew with the current key"
        )
        self.key_id = key_id
