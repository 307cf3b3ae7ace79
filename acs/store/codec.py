"""Values to bytes and back, by msgspec."""

from __future__ import annotations

from typing import Any

import msgspec

from acs.model import Secret


def _masked(value: object) -> object:
    if isinstance(value, Secret):
        return "***"
    raise NotImplementedError(f"{type(value).__name__} cannot be stored")


def _revealed(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"{type(value).__name__} cannot be stored")


def _hidden(kind: type, value: Any) -> object:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"{kind.__name__} cannot be read")


plain = msgspec.json.Encoder(enc_hook=_masked).encode
"""Encode for a column that is not sealed: secrets are masked."""

revealing = msgspec.json.Encoder(enc_hook=_revealed).encode
"""Encode what will be sealed: secrets are kept."""

mapping = msgspec.json.Decoder(dict[str, Any]).decode
"""Decode an object."""


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """Make a decoder for values of the type ``kind``, which may hold secrets."""
    return msgspec.json.Decoder(kind, dec_hook=_hidden)
