"""A query means the same devices in SQL as in Python; tags, rule runs and groups are kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, event, insert

from acs.devices.effects import SaveDevice, SaveRuleRun, SaveTags
from acs.devices.identity import Equipment, EquipmentStatus
from acs.devices.query import EVERYTHING
from acs.devices.query_text import parse
from acs.devices.record import Device, Standing
from acs.devices.source import MirrorRow
from acs.model import Contact, DeviceId
from acs.profiles.intent import Intent
from acs.store import Database, devices, equipment, groups, selection, tags
from acs.store.apply import apply_thd
from acs.store.opening import open_thd
from acs.store.tables import devices as devices_table
from acs.store.tables import tags as tags_table

NOW = 1_000_000.0
TEXTS = ["", "XX230v", "xx230V", "EX220", "a_b", "a%b", "a\\b", "Été", "été", "EQP-1", "EQP-2"]
TIMES = [0.0, NOW - 86_400.0, NOW - 3600.0, NOW - 10.0, NOW + 5.0]
TAGS = ["alpha", "beta", "b_ta"]
BOXES = {
    "EQP-1": Equipment("EQP-1", status=EquipmentStatus.ACTIVE, customer="Jean Été"),
    "EQP-2": Equipment("EQP-2", status=EquipmentStatus.RETURNED, customer=""),
}

some_devices = st.lists(
    st.tuples(
        st.fixed_dictionaries(
            {
                "model": st.sampled_from(TEXTS),
                "software": st.sampled_from(TEXTS),
                "equipment": st.sampled_from(TEXTS),
                "mac": st.sampled_from(["", "1C61B4FA11C8", "98254A000001"]),
                "standing": st.sampled_from([s.value for s in Standing]),
                "failures": st.integers(0, 3),
                "last_boot": st.sampled_from(TIMES),
                "last_seen": st.sampled_from(TIMES),
                "own_credentials": st.booleans(),
            }
        ),
        st.frozensets(st.sampled_from(TAGS)),
    ),
    min_size=1,
    max_size=6,
)
patterns = st.sampled_from(
    [*TEXTS, "*", "?", "xx*", "*230*", "a?b", '"a_b"', "*_*", "*%*", "*\\*", "É*", "?t?", '"x*"']
)
alternatives = st.lists(patterns, min_size=1, max_size=3).map(",".join)
equals = st.sampled_from(["=", "!="])
terms = st.one_of(
    st.builds(
        "{}{}{}".format,
        st.sampled_from(
            ["model", "software", "equipment", "tag", "equipment.customer", "mac", "key"]
        ),
        equals,
        alternatives,
    ),
    st.builds("mac{}{}".format, equals, st.sampled_from(["1c:61:b4*", "*0001", "98-25*,", ""])),
    st.builds("tag{}{}".format, equals, st.sampled_from(["beta", "b?ta", "b*,alpha", ""])),
    st.builds("standing{}{}".format, equals, st.sampled_from(["live", "live,held", "f*"])),
    st.builds("equipment.status{}{}".format, equals, st.sampled_from(["active", "returned,", "*"])),
    st.builds(
        "{}{}{}".format,
        st.sampled_from(["last_boot", "last_seen"]),
        st.sampled_from("<>"),
        st.sampled_from(["1h", "10s", "1d", "1.5d", "1970-01-12", "1970-01-12T13:46:40"]),
    ),
    st.builds("last_boot{}never".format, equals),
    st.builds("failures{}{}".format, st.sampled_from(["=", "!=", "<", ">"]), st.integers(0, 3)),
    st.sampled_from(["failures=1,2", "own_credentials=yes", "own_credentials!=yes"]),
    st.sampled_from(["xx23", "*30v", "1c-61-b4", "a_b", "%", "ÉT", "SERIAL-0", "group=g"]),
    st.sampled_from(["group!=g", "group=g,h"]),
)
queries = st.lists(terms, max_size=4).map(" ".join)
GROUPS = {"g": "model=XX* tag!=beta", "h": "group=g last_boot=never"}


def refill(conn: Connection, wanted: list[tuple[dict[str, object], frozenset[str]]]) -> None:
    conn.execute(delete(devices_table))
    for number, (values, own) in enumerate(wanted, 1):
        blank = Device(number, f"OUI-SERIAL-{number}", "OUI", "", f"SERIAL-{number}")
        row = {name: getattr(blank, name) for name in devices.FIELDS} | values
        row["standing"] = str(row["standing"])
        conn.execute(insert(devices_table), row)
        for tag in own:
            conn.execute(insert(tags_table), {"device_id": number, "tag": tag})


@pytest.fixture
def mirrored(database: Database) -> Database:
    rows = [MirrorRow(box, Intent(), "d", NOW) for box in BOXES.values()]
    database.run("mirror", equipment.store_thd, rows)
    return database


@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=some_devices, texts=st.lists(queries, min_size=5, max_size=12))
def test_sql_and_python_agree(
    mirrored: Database,
    wanted: list[tuple[dict[str, object], frozenset[str]]],
    texts: list[str],
) -> None:
    mirrored.run("refill", refill, wanted)
    everything = mirrored.run("all", selection.list_thd, EVERYTHING, NOW)
    own = mirrored.run("tags", tags.of_thd, [device.id for device in everything])
    assert len(everything) == len(wanted)
    for text in texts:
        query = parse(text, GROUPS)
        expected = [
            device.id
            for device in everything
            if query.matches(
                device, own.get(device.id, frozenset()), BOXES.get(device.equipment), NOW
            )
        ]
        found = mirrored.run("list", selection.list_thd, query, NOW)
        assert [device.id for device in found] == expected, text
        assert mirrored.run("count", selection.count_thd, query, NOW) == len(expected)


def test_pages_follow_each_other(mirrored: Database) -> None:
    mirrored.run("refill", refill, [({"model": "X"}, frozenset())] * 5)
    query = parse("model=x")
    first = mirrored.run("list", selection.list_thd, query, NOW, limit=2)
    rest = mirrored.run("list", selection.list_thd, query, NOW, after=first[-1].id, limit=None)
    assert [device.id for device in (*first, *rest)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("text", ["a " * 200, "model=" + ",".join(["*a"] * 200), "group=g"])
def test_the_longest_query_is_not_too_deep(database: Database, text: str) -> None:
    query = parse(text, {"g": "group=h tag=x," + "x," * 99, "h": "k " * 97})
    assert database.run("count", selection.count_thd, query, NOW) == 0


# --- tags and runs --------------------------------------------------------------------------


def contact(serial: str) -> Contact:
    return Contact(DeviceId("00259E", "X", serial), "TP-Link", "cwmp", "Device.", (), {}, NOW)


def new_device(database: Database, serial: str = "S1") -> int:
    return database.run("open", open_thd, [contact(serial)])[0].device.id


def test_tags_and_runs_come_back_when_the_device_calls(database: Database) -> None:
    first, second = new_device(database, "S1"), new_device(database, "S2")
    database.run(
        "apply",
        apply_thd,
        [
            SaveTags(first, frozenset({"beta", "old"})),
            SaveTags(first, frozenset({"north"}), frozenset({"old", "never-had"})),
            SaveRuleRun(first, "r", 5.0),
            SaveRuleRun(first, "r", 7.0),
        ],
    )
    database.run("apply", apply_thd, [SaveTags(first, frozenset({"beta"}))])
    opened = database.run("open", open_thd, [contact("S2"), contact("S1")])
    assert [o.tags for o in opened] == [frozenset(), {"beta", "north"}]
    assert [dict(o.ran) for o in opened] == [{}, {"r": 7.0}]
    assert database.run("tags", tags.of_thd, [first, second]) == {first: {"beta", "north"}}
    assert database.run("counts", tags.counts_thd) == {"beta": 1, "north": 1}
    assert database.run("runs", tags.latest_runs_thd) == {"r": (1, 7.0)}


def test_tags_go_with_their_device(database: Database) -> None:
    device_id = new_device(database)
    database.run("apply", apply_thd, [SaveTags(device_id, frozenset({"beta"}))])
    database.run("delete", devices.delete_thd, device_id)
    assert database.run("counts", tags.counts_thd) == {}


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """The statements that reach the database."""
    seen: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    engine = database.run("engine", lambda conn: conn.engine)
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def test_a_fleet_without_tags_and_rules_is_opened_with_one_statement(
    database: Database, statements: list[str]
) -> None:
    ids = [new_device(database, f"S{n}") for n in range(20)]
    calls = [contact(f"S{n}") for n in range(20)]
    statements.clear()
    database.run("open", open_thd, calls)
    assert len([s for s in statements if s.startswith("SELECT")]) == 1
    database.run("apply", apply_thd, [SaveTags(i, frozenset({"beta"})) for i in ids])
    statements.clear()
    opened = database.run("open", open_thd, calls)
    assert {o.tags for o in opened} == {frozenset({"beta"})}
    assert len([s for s in statements if s.startswith("SELECT")]) == 1, "tags come with the row"
    database.run("apply", apply_thd, [SaveRuleRun(i, "r", NOW) for i in ids])
    statements.clear()
    database.run("open", open_thd, calls)
    assert len([s for s in statements if s.startswith("SELECT")]) == 2


# --- groups ---------------------------------------------------------------------------------


def test_a_group_is_kept_replaced_and_removed(database: Database) -> None:
    first = groups.Group("north", "tag=north", NOW, "acs me")
    second = groups.Group("north", "tag=north,polar", NOW + 1, "acs you")
    database.run("put", groups.put_thd, first)
    database.run("put", groups.put_thd, second)
    assert database.run("list", groups.list_thd) == [second]
    assert database.run("queries", groups.queries_thd) == {"north": "tag=north,polar"}
    assert database.run("remove", groups.remove_thd, "north")
    assert not database.run("remove", groups.remove_thd, "north")


def test_what_no_longer_is_mirrored_counts_as_unknown(mirrored: Database) -> None:
    device_id = new_device(mirrored)
    mirrored.run("apply", apply_thd, [SaveDevice(device_id, {"equipment": "EQP-1"})])
    query = parse("equipment.status=active")
    assert mirrored.run("count", selection.count_thd, query, NOW) == 1
    mirrored.run("forget", equipment.forget_thd, ["EQP-1"])
    assert mirrored.run("count", selection.count_thd, query, NOW) == 0
