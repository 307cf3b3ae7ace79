"""What happened, in order: written with what it tells of, read by consumers at their own pace."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, func, insert

from acs.devices.news import News
from acs.store.tables import news

_IN_TURN = func.pg_advisory_xact_lock(0x6E657773)


def add_thd(conn: Connection, some: Sequence[News]) -> None:
    """Add news.

    It comes to be seen in the order of its ids, so that who has read up to one has missed none.
    """
    if not some:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(_IN_TURN.select())
    rows = [
        {
            "at": each.at,
            "kind": each.kind.value,
            "device_id": each.device_id,
            "subject": each.subject,
            "equipment": each.equipment,
            "text": each.text,
            "detail": msgspec.json.encode(each.detail),
        }
        for each in some
    ]
    conn.execute(insert(news), rows)
