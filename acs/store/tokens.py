"""Tokens of the REST interface. Only keyed digests are kept: a token can be checked, not shown."""

from __future__ import annotations

import base64
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from acs.store.engine import vault_of
from acs.store.lookups import Lookup
from acs.store.tables import api_tokens
from acs.store.upsert import insert

PREFIX = "acs_"
"""How every token begins, so that one in a log or a repository is known for what it is."""
_OCTETS = 32
_PURPOSE = "acs.api.token"


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token; times are epoch seconds, 0: never."""

    id: int
    name: str
    scopes: frozenset[str]
    created_at: float
    expires_at: float
    last_used_at: float
    created_by: str

    def is_good(self, now: float) -> bool:
        """Whether its time has not passed."""
        return not 0 < self.expires_at <= now


def create_thd(
    conn: Connection,
    name: str,
    scopes: Collection[str],
    now: float,
    *,
    expires_at: float = 0.0,
    created_by: str = "",
) -> str | None:
    """Make a token and return it, this once; None: there is one of this name."""
    vault = vault_of(conn)
    text = PREFIX + base64.urlsafe_b64encode(vault.random(_OCTETS)).rstrip(b"=").decode()
    row = {
        "name": name,
        "digest": vault.digest(text.encode(), _PURPOSE),
        "scopes": " ".join(sorted(scopes)),
        "created_at": now,
        "expires_at": expires_at,
        "last_used_at": 0.0,
        "created_by": created_by,
    }
    add = insert(conn.dialect.name, api_tokens).on_conflict_do_nothing()
    made = conn.execute(add.returning(api_tokens.c.id), row).scalar()
    return None if made is None else text


def find_thd(conn: Connection, texts: Sequence[str]) -> dict[str, Token]:
    """Find tokens by what their bearers show; expired ones too.

    They are looked up by digest, so how long it takes tells nothing of a token.
    """
    vault = vault_of(conn)
    digests = {vault.digest(text.encode(), _PURPOSE): text for text in texts}
    query = select(api_tokens).where(api_tokens.c.digest.in_(digests))
    return {digests[row.digest]: _token(row) for row in conn.execute(query)}


TOKEN: Lookup[str, Token] = Lookup("token", find_thd)
"""By what its bearer shows."""


def list_thd(conn: Connection) -> list[Token]:
    """List all tokens by name."""
    return [_token(row) for row in conn.execute(select(api_tokens).order_by(api_tokens.c.name))]


def used_thd(conn: Connection, token_id: int, now: float) -> None:
    """Note that a token was used."""
    used = update(api_tokens).where(api_tokens.c.id == token_id)
    conn.execute(used.values(last_used_at=now))


def revoke_thd(conn: Connection, name: str) -> bool:
    """Delete a token; false: there is none of this name."""
    return conn.execute(delete(api_tokens).where(api_tokens.c.name == name)).rowcount > 0


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        scopes=frozenset(row.scopes.split()),
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        created_by=row.created_by,
    )
