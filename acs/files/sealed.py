"""Files of devices, encrypted on disk: they may hold passwords.

Each has a key of its own, which the database keeps sealed.  So new encryption keys (`acs db
rotate`) leave the files alone, and a file whose row is gone can be read by nobody.
"""

from __future__ import annotations

from acs.store.vault import Vault

_KEY_ID = "file"


def seal_file(key: bytes, stored: str, content: bytes) -> bytes:
    """Encrypt the content of the file that is called ``stored`` in the folder.

    ``key``: 32 random octets, used for this file alone.
    """
    return Vault({_KEY_ID: key}, _KEY_ID).seal(content, stored.encode())


def open_file(key: bytes, stored: str, blob: bytes) -> bytes:
    """Decrypt it. Raises `acs.store.errors.VaultError` for one that was changed."""
    return Vault({_KEY_ID: key}, _KEY_ID).open(blob, stored.encode())
