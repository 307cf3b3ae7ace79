"""Names of models, trees of devices and requests for recordings, on SQLite and PostgreSQL."""

from __future__ import annotations

from sqlalchemy import select

from acs.devices.effects import Effect, SaveLayout, SaveModelNames, SaveTree
from acs.model import Contact, DeviceId, Value, ValueType
from acs.store import Database, devices, layouts, recordings, trees
from acs.store.apply import apply_thd
from acs.store.opening import open_thd
from acs.store.recordings import RecordingRequest
from acs.store.tables import trees as table


def known(database: Database, serial: str = "S1") -> int:
    device = DeviceId("1C61B4", "Device2", serial)
    contact = Contact(device, "TP-Link", "cwmp", "Device.", (), {}, 1000.0)
    opened = database.run("open", open_thd, [contact])
    return opened[0].device.id


def apply(database: Database, *effects: Effect) -> None:
    database.run("apply", apply_thd, effects)


WHOLE = {
    "Device.A.1.X": Value("1", ValueType.UNSIGNED_INT),
    "Device.A.2.X": Value("2", ValueType.UNSIGNED_INT),
    "Device.B.Y": Value("b"),
}


def test_a_whole_tree_is_kept_as_it_was_read(database: Database) -> None:
    device = known(database)
    with database.read() as conn:
        assert trees.latest_thd(conn, device) is None
    apply(database, SaveTree(device, 2000.0, WHOLE))
    with database.read() as conn:
        assert trees.latest_thd(conn, device) == (2000.0, WHOLE)


def test_a_part_is_laid_over_what_was_read_before(database: Database) -> None:
    device = known(database)
    apply(database, SaveTree(device, 2000.0, WHOLE))
    part = {"Device.A.3.X": Value("3", ValueType.UNSIGNED_INT)}
    apply(database, SaveTree(device, 3000.0, part, "Device.A."))
    with database.read() as conn:
        kept = trees.kept_thd(conn, device)
    assert kept is not None
    assert set(kept.values) == {"Device.A.3.X", "Device.B.Y"}, "rows that are gone are gone"
    assert kept.read_at("Device.A.3.X") == 3000.0
    assert kept.read_at("Device.B.Y") == 2000.0


def test_a_parameter_that_was_read_leaves_those_that_begin_alike(database: Database) -> None:
    device = known(database)
    whole = {"Device.S.SSID": Value("a"), "Device.S.SSIDAdvertisementEnabled": Value("1")}
    apply(database, SaveTree(device, 2000.0, whole))
    apply(database, SaveTree(device, 3000.0, {"Device.S.SSID": Value("b")}, "Device.S.SSID"))
    with database.read() as conn:
        kept = trees.kept_thd(conn, device)
    assert kept is not None
    assert kept.values == {**whole, "Device.S.SSID": Value("b")}
    assert kept.read_at("Device.S.SSIDAdvertisementEnabled") == 2000.0
    assert kept.whole_at == 2000.0


def test_a_listing_that_broke_off_leaves_the_names_that_are_known(database: Database) -> None:
    lost = SaveModelNames("m", 2000.0, {}, ("",))
    apply(database, lost)
    apply(database, SaveModelNames("m", 3000.0, {"Device.A": True}), lost)
    apply(database, lost)
    with database.read() as conn:
        names = trees.names_thd(conn, "m")
    assert names is not None
    assert names.names == {"Device.A": True}


def test_older_trees_are_the_past_of_a_device(database: Database) -> None:
    device = known(database)
    for at in (2000.0, 3000.0, 4000.0):
        apply(database, SaveTree(device, at, {"Device.At": Value(str(at))}))
    with database.read() as conn:
        times = [at for _, at in trees.history_thd(conn, device)]
        back = trees.kept_thd(conn, device, back=1)
        then = trees.kept_thd(conn, device, until=3500.0)
        assert trees.kept_thd(conn, device, until=100.0) is None
        assert trees.kept_thd(conn, device, back=3) is None
    assert times == [4000.0, 3000.0, 2000.0]
    assert back is not None and back.at == 3000.0
    assert then is not None and then.at == 3000.0


def test_the_oldest_trees_go_first(database: Database) -> None:
    one, other = known(database), known(database, "S2")
    for at in (2000.0, 3000.0, 4000.0):
        apply(database, SaveTree(one, at, WHOLE))
    apply(database, SaveTree(other, 1.0, WHOLE))
    assert database.run("prune", trees.prune_thd, 2) == 1
    assert database.run("prune", trees.prune_thd, 2) == 0
    with database.read() as conn:
        assert [at for _, at in trees.history_thd(conn, one)] == [4000.0, 3000.0]
        assert len(trees.history_thd(conn, other)) == 1


def test_values_are_sealed_and_go_with_their_device(database: Database) -> None:
    device = known(database)
    apply(database, SaveTree(device, 2000.0, {"Device.P": Value("motdepasse" * 10)}))
    with database.read() as conn:
        body = conn.scalar(select(table.c.body))
    assert b"motdepasse" not in body
    database.run("forget", devices.delete_thd, device)
    with database.read() as conn:
        assert conn.scalar(select(table.c.id)) is None


def test_a_full_export_of_thousands_of_values_is_small(database: Database) -> None:
    device = known(database)
    values = {
        f"Device.WiFi.AccessPoint.{row}.AssociatedDevice.{client}.Leaf{leaf}": Value(
            f"{row * client * leaf}", ValueType.UNSIGNED_INT
        )
        for row in range(1, 11)
        for client in range(1, 33)
        for leaf in range(20)
    }
    apply(database, SaveTree(device, 2000.0, values))
    with database.read() as conn:
        assert trees.latest_thd(conn, device) == (2000.0, values)
        body = conn.scalar(select(table.c.body))
    assert len(values) == 6400
    assert len(body) < 100_000


def test_the_latest_names_of_a_model_stand(database: Database) -> None:
    apply(database, SaveModelNames("m", 1.0, {"Device.A": True}, ("Device.B.",)))
    apply(
        database,
        SaveModelNames("m", 2.0, {"Device.A": False}),
        SaveModelNames("n", 3.0, {"Device.{i}.C": True}),
    )
    with database.read() as conn:
        assert trees.names_thd(conn, "m") == trees.ModelNames(2.0, {"Device.A": False}, ())
        assert set(trees.all_names_thd(conn)) == {"m", "n"}
        assert trees.names_thd(conn, "unknown") is None


def test_requests_for_recordings_run_out(database: Database) -> None:
    for key, until in (("a", 50.0), ("b", 200.0)):
        database.run("ask", recordings.ask_thd, RecordingRequest(key, until, "me", 1.0))
    with database.read() as conn:
        assert [each.device_key for each in recordings.wanted_thd(conn, 100.0)] == ["b"]
    database.run("ask", recordings.ask_thd, RecordingRequest("b", 300.0, "you", 2.0))
    with database.read() as conn:
        [wanted] = recordings.wanted_thd(conn, 100.0)
    assert (wanted.until, wanted.asked_by) == (300.0, "you")
    database.run("expire", recordings.expire_thd, 100.0)
    assert database.run("stop", recordings.stop_thd, "a") is False
    assert database.run("stop", recordings.stop_thd, "b") is True


def test_layouts_of_models_are_kept_and_given_up(database: Database) -> None:
    wifi, voice = "Device.WiFi.SSID.{i}.", "Device.Services.VoiceService.{i}."
    rows = {wifi: ("Device.WiFi.SSID.1.", "Device.WiFi.SSID.2."), voice: ("Device.V.1.",)}
    told = [SaveLayout("m", rows), SaveLayout("n", rows), SaveLayout("n", {wifi: ()})]
    apply(database, *told)
    assert database.run("all", layouts.all_thd) == {"m": rows, "n": {voice: rows[voice]}}
    apply(database, SaveLayout("m", {wifi: rows[wifi][:1]}))
    assert database.run("all", layouts.all_thd)["m"][wifi] == rows[wifi][:1]
