"""What a session costs follows from what is said in it, not from what is stored of the device."""

from __future__ import annotations

import time

from acs_fixtures import NewHome
from homes import Home
from running_acs import RunningAcs
from sqlalchemy import Connection, select, update

from acs.devices.effects import SaveSnapshot
from acs.devices.record import Snapshot, Standing
from acs.model import Value
from acs.store import apply
from acs.store.tables import snapshots


def kept(acs: RunningAcs, home: Home) -> tuple[float, bytes]:
    """The stored snapshot as it lies in the database."""
    with acs.database.read() as connection:
        wanted = select(snapshots.c.at, snapshots.c.body)
        row = connection.execute(wanted.where(snapshots.c.device_id == home.device.id)).one()
    return row.at, row.body


def spoil(connection: Connection, device_id: int) -> None:
    """Make the stored snapshot one that fails whoever reads it."""
    connection.execute(
        update(snapshots).where(snapshots.c.device_id == device_id).values(body=b"unreadable")
    )


def test_a_session_without_news_neither_reads_nor_writes_what_is_stored(
    live_acs: RunningAcs, home: Home
) -> None:
    home.scan()
    home.settle_in()
    live_acs.database.run("spoil", spoil, home.device.id)
    before = kept(live_acs, home)
    for _ in range(3):
        assert home.call("2 PERIODIC").rpcs == []
    assert home.device.standing is Standing.LIVE
    assert kept(live_acs, home) == before


def test_a_look_that_finds_all_in_order_rewrites_nothing(live_acs: RunningAcs, home: Home) -> None:
    home.scan()
    home.settle_in()
    home.call("1 BOOT")
    before, proof = kept(live_acs, home), live_acs.proof(home.device)
    assert home.call("1 BOOT").named("GetParameterValues")
    assert kept(live_acs, home) == before
    assert live_acs.proof(home.device) == proof


def test_five_thousand_stored_values_cost_no_request_and_no_name_more(
    live_acs: RunningAcs, make_home: NewHome
) -> None:
    asked = []
    for number in (0, 5000):
        home = make_home()
        home.scan()
        home.settle_in()
        more = {f"Device.X_Stored.{i}.Value": Value(f"value {i}") for i in range(number)}
        values = {path: Value(text) for path, text in live_acs.values(home.device).items()}
        large = Snapshot(time.time(), values | more, {})
        live_acs.database.run("fill", apply.apply_thd, [SaveSnapshot(home.device.id, large)])
        looked = home.call("1 BOOT")
        asked.append([(rpc.method, len(rpc.names)) for rpc in looked.rpcs])
    assert asked[0] == asked[1]
