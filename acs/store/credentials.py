"""The CWMP account of each device: what is needed to check its password, and no more.

Kept are the HA1 digests of RFC 7616 3.4.2, sealed.  The password itself is kept, sealed, only
while the device may not have it yet; so long the digests of the password before hold as well, so
that nobody who claims a reset in a device's name can lock it out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, select, update

from acs.devices.effects import RestoreCredentials, SaveCredentials
from acs.store.codec import plain
from acs.store.engine import realm_of
from acs.store.sealing import seal, unseal
from acs.store.tables import credentials, devices
from acs.store.upsert import upsert

_digests = msgspec.json.Decoder(dict[str, str]).decode

_HA1 = (
    select(
        credentials.c.device_id,
        credentials.c.username,
        credentials.c.ha1,
        credentials.c.pending.is_not(None).label("is_pending"),
        credentials.c.earlier,
        devices.c.key.label("device_key"),
    )
    .join(devices, devices.c.id == credentials.c.device_id)
    .where(credentials.c.username.in_(bindparam("names", expanding=True)))
)


class Account(NamedTuple):
    """How to check the password of one device."""

    device_key: str
    ha1: Mapping[str, str]
    """Algorithm (``MD5``, ``SHA-256``) → HA1 in hex."""
    pending: bool
    """The device may not have the password yet."""
    earlier: Mapping[str, str] = {}
    """The same of the password before, while the device may not have the new one."""


def ha1(username: str, realm: str, password: str) -> dict[str, str]:
    """Compute H(username:realm:password) for the algorithms devices use."""
    secret = f"{username}:{realm}:{password}".encode()
    return {
        "MD5": hashlib.md5(secret, usedforsecurity=False).hexdigest(),
        "SHA-256": hashlib.sha256(secret).hexdigest(),
    }


def save_thd(conn: Connection, saves: Iterable[SaveCredentials | RestoreCredentials]) -> None:
    """Keep new passwords; forget those that the devices have used (``password`` None).

    `RestoreCredentials` brings the password before back into force.
    """
    new: dict[int, SaveCredentials] = {}
    used: set[int] = set()
    restored: set[int] = set()
    for save in saves:
        used.discard(save.device_id)
        restored.discard(save.device_id)
        match save:
            case RestoreCredentials(device_id):
                new.pop(device_id, None)
                restored.add(device_id)
            case SaveCredentials(device_id, _, None):
                used.add(device_id)
            case SaveCredentials(device_id):
                new[device_id] = save
    earlier = _in_use(conn, new)
    rows = [_row(conn, new[device_id], earlier.get(device_id)) for device_id in sorted(new)]
    upsert(conn, credentials, rows, ("device_id",), ("username", "ha1", "pending", "earlier"))
    if used:
        statement = update(credentials).where(credentials.c.device_id.in_(used))
        conn.execute(statement.values(pending=None, earlier=None))
    _restore(conn, restored)


def _in_use(conn: Connection, device_ids: Iterable[int]) -> dict[int, bytes]:
    """Digests of the password each device is known to use, in plain form."""
    wanted = list(device_ids)
    if not wanted:
        return {}
    query = select(credentials).where(credentials.c.device_id.in_(wanted))
    found: dict[int, bytes] = {}
    for row in conn.execute(query):
        if row.pending is None:
            found[row.device_id] = unseal(conn, credentials.c.ha1, row.device_id, row.ha1)
        elif row.earlier is not None:
            blob = row.earlier
            found[row.device_id] = unseal(conn, credentials.c.earlier, row.device_id, blob)
    return found


def _restore(conn: Connection, device_ids: Iterable[int]) -> None:
    wanted = list(device_ids)
    if not wanted:
        return
    query = select(credentials.c.device_id, credentials.c.earlier).where(
        credentials.c.device_id.in_(wanted), credentials.c.earlier.is_not(None)
    )
    for device_id, blob in conn.execute(query).all():
        digests = unseal(conn, credentials.c.earlier, device_id, blob)
        statement = update(credentials).where(credentials.c.device_id == device_id)
        again = seal(conn, credentials.c.ha1, device_id, digests)
        conn.execute(statement.values(ha1=again, pending=None, earlier=None))


def _row(conn: Connection, save: SaveCredentials, in_use: bytes | None) -> dict[str, object]:
    assert save.password is not None
    digests = ha1(save.username, realm_of(conn), save.password)
    return {
        "device_id": save.device_id,
        "username": save.username,
        "ha1": seal(conn, credentials.c.ha1, save.device_id, plain(digests)),
        "pending": seal(conn, credentials.c.pending, save.device_id, save.password.encode()),
        "earlier": in_use and seal(conn, credentials.c.earlier, save.device_id, in_use),
    }


def ha1_thd(conn: Connection, usernames: Iterable[str]) -> dict[str, Account]:
    """Look up accounts by user name; unknown names are not in the answer."""
    return {
        row.username: Account(
            row.device_key,
            _digests(unseal(conn, credentials.c.ha1, row.device_id, row.ha1)),
            row.is_pending,
            _digests(unseal(conn, credentials.c.earlier, row.device_id, row.earlier))
            if row.earlier is not None
            else {},
        )
        for row in conn.execute(_HA1, {"names": list(usernames)})
    }


def pending_passwords_thd(conn: Connection, device_ids: Iterable[int]) -> dict[int, str]:
    """Passwords that devices may not have yet, by device id."""
    query = select(credentials.c.device_id, credentials.c.pending).where(
        credentials.c.device_id.in_(list(device_ids)), credentials.c.pending.is_not(None)
    )
    return {
        device_id: unseal(conn, credentials.c.pending, device_id, blob).decode()
        for device_id, blob in conn.execute(query)
    }


def pending_password_thd(conn: Connection, device_id: int) -> str | None:
    """The password the device may not have yet, or None."""
    return pending_passwords_thd(conn, [device_id]).get(device_id)
