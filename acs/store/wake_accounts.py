"""How we prove to devices that it is us who ask them to call; sealed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from acs.devices.effects import SaveWakeAccount
from acs.devices.house import WakeAccount
from acs.model import Secret
from acs.store.sealing import seal, unseal
from acs.store.tables import wake_accounts
from acs.store.upsert import upsert


def save_thd(conn: Connection, saves: Iterable[SaveWakeAccount]) -> None:
    """Keep accounts; of several of one device the last one counts."""
    last = {save.device_id: save for save in saves}
    rows = [
        {
            "device_id": device_id,
            "username": last[device_id].username,
            "password": seal(
                conn, wake_accounts.c.password, device_id, last[device_id].password.encode()
            ),
        }
        for device_id in sorted(last)
    ]
    upsert(conn, wake_accounts, rows, ("device_id",), ("username", "password"))


def load_thd(conn: Connection, device_ids: Sequence[int]) -> dict[int, WakeAccount]:
    """Load the accounts of devices; those without one are not in the answer."""
    query = select(wake_accounts).where(wake_accounts.c.device_id.in_(device_ids))
    return {
        row.device_id: WakeAccount(
            row.username,
            Secret(unseal(conn, wake_accounts.c.password, row.device_id, row.password).decode()),
        )
        for row in conn.execute(query)
    }
