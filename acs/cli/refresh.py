"""Reading the wish of one device from ERPNext again, into the mirror the server uses."""

from __future__ import annotations

import time
from functools import partial

from acs.cli.failures import Amiss, Failure
from acs.devices.identity import Hints, terms
from acs.devices.record import Device
from acs.devices.source import MirrorRow
from acs.server.bridge import load_mapping, make_client
from acs.settings import ErpSettings
from acs.store import Database, equipment
from erp_bridge.lookup import Lookup, Read, Unread
from erp_bridge.source import mirror_row


def refresh(settings: ErpSettings, database: Database, device: Device) -> None:
    """Read what ERPNext wants of ``device`` now. Blocking.

    Raises `Failure` when no ERPNext is configured, `Amiss` when the wish cannot be read whole,
    and `erp_bridge.errors.ErpError`.
    """
    if not settings.url:
        raise Failure("settings: --refresh asks ERPNext, but erp.url is empty")
    client = make_client(settings)
    lookup = Lookup(client, load_mapping(settings), digest=partial(_digest, database))
    try:
        if device.equipment:
            found = lookup.by_name({device.equipment: ""})
        else:
            found = [*lookup.search([terms(Hints(device.device_id, device.mac))])]
    finally:
        client.close()
    unread = [each for each in found if isinstance(each, Unread)]
    if unread:
        raise Amiss(f"ERPNext: {unread[0].equipment.name}: {unread[0].reason}")
    rows = [_row(database, each) for each in found if isinstance(each, Read)]
    database.run("mirror", equipment.store_thd, rows)
    if device.equipment and not rows:
        database.run("mirror", equipment.forget_thd, [device.equipment])


def _row(database: Database, read: Read) -> MirrorRow:
    return mirror_row(read, partial(_digest, database), time.time())


def _digest(database: Database, text: bytes) -> str:
    # That of the server's own mirror: another one would look like a new wish.
    return database.vault.digest(text, "wish")
