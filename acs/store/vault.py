"""Encryption at rest: AES-256-GCM with named keys, and keyed digests that outlive rotation.

A blob says which key sealed it, so that old and new keys live side by side while rows are sealed
anew.  The additional data of GCM binds each blob to its place (table, column, row): a blob copied
into another row does not open.

Layout of a blob: format (1 octet, 1), length of the key id (1 octet), key id (ASCII), nonce
(12 octets), ciphertext with tag (NIST SP 800-38D).  Nonces are random, so a key is good for 2**32
blobs; rotate it before.

Digests are made with a root of their own, random, made once per database and itself sealed there
(`acs.store.sealing`): rotating the encryption keys changes no digest.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from acs.store.errors import MissingKey, VaultError

KEY_OCTETS = 32
_FORMAT = 1
_NONCE_OCTETS = 12


def decode_key(text: str) -> bytes:
    """Read a 256-bit key written as base64 (``openssl rand -base64 32``) or as 64 hex digits.

    Raises `VaultError`, which never shows the text.
    """
    plain = text.strip()
    try:
        key = bytes.fromhex(plain) if len(plain) == 2 * KEY_OCTETS else _base64(plain)
    except (ValueError, binascii.Error):
        raise VaultError("an encryption key must be base64 or hex of 32 octets") from None
    if len(key) != KEY_OCTETS:
        raise VaultError(f"an encryption key must have 32 octets, this one has {len(key)}")
    return key


def _base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


@final
class Vault:
    """Seals and opens blobs, and makes keyed digests.

    ``keys`` maps key ids (1 to 32 ASCII characters) to keys of 32 octets; ``current`` names the
    one that seals. ``entropy`` gives that many random octets. Raises `VaultError`.
    """

    def __init__(
        self,
        keys: Mapping[str, bytes],
        current: str,
        *,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        for key_id, key in keys.items():
            if not (key_id.isascii() and 0 < len(key_id) <= 32):
                raise VaultError(f"key id {key_id!r} must be 1 to 32 ASCII characters")
            if len(key) != KEY_OCTETS:
                raise VaultError(f"key {key_id!r} must have 32 octets, it has {len(key)}")
        if current not in keys:
            raise MissingKey(current)
        self.current = current
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._header = _header(current)
        self._entropy = entropy
        self._digest_root = b""
        self._digest_keys: dict[str, bytes] = {}

    def __repr__(self) -> str:
        return f"Vault(keys={sorted(self._ciphers)}, current={self.current!r})"

    def random(self, octets: int) -> bytes:
        """Random octets, such as a new key is made of."""
        return self._entropy(octets)

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt ``plaintext`` for the place ``context`` with the current key."""
        nonce = self._entropy(_NONCE_OCTETS)
        aad = self._header + context
        return self._header + nonce + self._ciphers[self.current].encrypt(nonce, plaintext, aad)

    def open(self, blob: bytes, context: bytes) -> bytes:
        """Decrypt what `seal` made for the same ``context``.

        Raises `MissingKey` for a key that is not there, `VaultError` for a blob that was changed,
        belongs elsewhere or is no blob.
        """
        key_id, header = _split(blob)
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise MissingKey(key_id)
        body = len(header) + _NONCE_OCTETS
        try:
            return cipher.decrypt(blob[len(header) : body], blob[body:], header + context)
        except InvalidTag:
            where = context.decode(errors="replace")
            raise VaultError(
                f"sealed data of {where} does not open with key {key_id!r}: "
                "it was changed, belongs to another row, or the key's value is not the one it had"
            ) from None

    def reseal(self, blob: bytes, context: bytes) -> bytes:
        """Seal a blob anew with the current key; one that already is comes back unchanged."""
        key_id, _ = _split(blob)
        return blob if key_id == self.current else self.seal(self.open(blob, context), context)

    def use_digest_root(self, root: bytes) -> None:
        """Take the root of all digests, as kept in the database (see `acs.store.sealing`)."""
        if len(root) < KEY_OCTETS:
            raise VaultError("the digest root must have at least 32 octets")
        self._digest_root = root
        self._digest_keys = {}

    def digest(self, text: bytes, purpose: str) -> str:
        """Keyed digest (HMAC-SHA-256, hex) of ``text``; every purpose has a key of its own.

        Nobody without the root can test guesses against it, and it stays the same when the
        encryption keys are rotated. Raises `VaultError` before `use_digest_root`.
        """
        key = self._digest_keys.get(purpose) or self._digest_key(purpose)
        return hmac.new(key, text, sha256).hexdigest()

    def _digest_key(self, purpose: str) -> bytes:
        if not self._digest_root:
            raise VaultError("digests need the database's digest root: prepare the database first")
        info = b"acs digest " + purpose.encode()
        key = HKDF(SHA256(), KEY_OCTETS, salt=None, info=info).derive(self._digest_root)
        self._digest_keys[purpose] = key
        return key


def _header(key_id: str) -> bytes:
    return bytes((_FORMAT, len(key_id))) + key_id.encode("ascii")


def _split(blob: bytes) -> tuple[str, bytes]:
    """Return the key id and the header of a blob."""
    if len(blob) < 2 or blob[0] != _FORMAT or len(blob) < 2 + blob[1] + _NONCE_OCTETS:
        raise VaultError("this is no sealed data of a known format")
    header = blob[: 2 + blob[1]]
    return header[2:].decode("ascii", errors="replace"), header
