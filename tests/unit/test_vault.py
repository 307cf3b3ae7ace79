"""Encryption at rest."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.store.errors import MissingKey, VaultError
from acs.store.vault import Vault, decode_key

OLD, NEW = bytes(range(32)), bytes(range(100, 132))


@given(text=st.binary(max_size=200), context=st.binary(max_size=50))
def test_what_was_sealed_opens(text: bytes, context: bytes) -> None:
    vault = Vault({"a": OLD}, "a")
    blob = vault.seal(text, context)
    assert vault.open(blob, context) == text
    assert len(text) < 8 or text not in blob


def test_the_same_text_never_seals_to_the_same_blob() -> None:
    vault = Vault({"a": OLD}, "a")
    assert vault.seal(b"wifi", b"c") != vault.seal(b"wifi", b"c")


def test_the_layout_of_a_blob_is_the_documented_one() -> None:
    vault = Vault({"k1": OLD}, "k1", entropy=bytes)  # a nonce of zeros
    blob = vault.seal(b"abc", b"")
    assert blob[:4] == b"\x01\x02k1"
    assert blob[4:16] == bytes(12)
    assert len(blob) == 16 + 3 + 16


def test_a_blob_opens_in_its_own_place_only() -> None:
    vault = Vault({"a": OLD}, "a")
    with pytest.raises(VaultError, match=r"jobs\.payload/2.*another row"):
        vault.open(vault.seal(b"x", b"jobs.payload/1"), b"jobs.payload/2")


def test_any_changed_octet_is_noticed() -> None:
    vault = Vault({"a": OLD, "b": NEW}, "a")
    blob = vault.seal(b"secret", b"c")
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        with pytest.raises(VaultError):
            vault.open(bytes(changed), b"c")


@pytest.mark.parametrize("blob", [b"", b"\x01", b"\x02\x01a", b"\x01\x05a", b"plain text"])
def test_what_is_no_blob_is_refused(blob: bytes) -> None:
    with pytest.raises(VaultError, match="no sealed data"):
        Vault({"a": OLD}, "a").open(blob, b"")


def test_a_missing_key_is_named_with_the_fix() -> None:
    blob = Vault({"2024": OLD}, "2024").seal(b"x", b"")
    with pytest.raises(MissingKey, match="'2024' is missing: put it back") as caught:
        Vault({"2025": NEW}, "2025").open(blob, b"")
    assert caught.value.key_id == "2024"


def test_resealing_moves_to_the_current_key_and_only_once() -> None:
    blob = Vault({"old": OLD}, "old").seal(b"x", b"c")
    both = Vault({"old": OLD, "new": NEW}, "new")
    moved = both.reseal(blob, b"c")
    assert Vault({"new": NEW}, "new").open(moved, b"c") == b"x"
    assert both.reseal(moved, b"c") is moved


def test_digests_depend_on_root_purpose_and_text_but_not_on_the_keys() -> None:
    def digest(keys: dict[str, bytes], root: bytes, text: bytes, purpose: str) -> str:
        vault = Vault(keys, next(iter(keys)))
        vault.use_digest_root(root)
        return vault.digest(text, purpose)

    first = digest({"a": OLD}, OLD, b"t", "wish")
    assert first == digest({"b": NEW}, OLD, b"t", "wish")
    others = [(NEW, b"t", "wish"), (OLD, b"u", "wish"), (OLD, b"t", "written")]
    digests = {first, *itertools.starmap(lambda *a: digest({"a": OLD}, *a), others)}
    assert len(digests) == 4


def test_digests_before_the_database_was_prepared_are_refused() -> None:
    with pytest.raises(VaultError, match="prepare the database"):
        Vault({"a": OLD}, "a").digest(b"x", "wish")


def test_keys_never_show() -> None:
    vault = Vault({"a": OLD}, "a")
    assert repr(vault) == "Vault(keys=['a'], current='a')"


@pytest.mark.parametrize(
    ("keys", "current"),
    [
        ({"a": b"short"}, "a"),
        ({"": OLD}, ""),
        ({"é": OLD}, "é"),
        ({"a" * 33: OLD}, "a" * 33),
        ({}, "a"),
    ],
)
def test_impossible_keys_are_refused(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(VaultError):
        Vault(keys, current)


@pytest.mark.parametrize(
    "text", [base64.b64encode(OLD).decode(), OLD.hex(), OLD.hex().upper(), f" {OLD.hex()}\n"]
)
def test_keys_are_read_from_base64_and_hex(text: str) -> None:
    assert decode_key(text) == OLD


@pytest.mark.parametrize("text", ["", "hunter2", "not/base64!", OLD.hex()[:-2], "g" * 64])
def test_texts_that_are_no_keys_are_refused_without_showing_them(text: str) -> None:
    with pytest.raises(VaultError, match="32 octets") as caught:
        decode_key(text)
    assert not text or text not in str(caught.value)
