"""The language that says which devices are meant."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.devices.identity import Equipment, EquipmentStatus
from acs.devices.query_text import QueryError, parse
from acs.devices.record import Device, Standing

NOW = 1_790_000_000.0
DAY = 86_400.0
DEVICE = Device(
    7,
    "1C61B4-Device2-22275A7000001",
    "1C61B4",
    "Device2",
    "22275A7000001",
    manufacturer="TP-Link",
    protocol="cwmp",
    root="Device.",
    model="XX230v",
    software="0.8.0 v6066 Build 2311",
    mac="1C61B4FA11C8",
    address="192.0.2.7",
    standing=Standing.LIVE,
    equipment="EQP-00001",
    failures=2,
    first_seen=NOW - 30 * DAY,
    last_seen=NOW - 3600,
)
BOX = Equipment("EQP-00001", status=EquipmentStatus.ACTIVE, customer="Jean Tremblay, fils")
TAGS = frozenset({"beta", "north-1"})
GROUPS = {"beta": "tag=beta", "wide": "group=beta last_seen<1d", "other": "model=EX*"}


def means(text: str, device: Device = DEVICE, box: Equipment | None = BOX) -> bool:
    return parse(text, GROUPS).matches(device, TAGS, box, NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model=xx230V",
        "MODEL=XX*v",
        "model=ex220,XX230v",
        "software!=*v9999*",
        "software=*v6066*",
        "standing=live,drifted",
        "standing!=faulted",
        "mac=1c:61:b4:*",
        "serial=22275A7??????",
        "equipment!=",
        "suggestion=",
        'suggestion=""',
        "equipment.status=active",
        'equipment.customer="Jean Tremblay, fils"',
        "equipment.customer=*tremblay*",
        "tag=beta",
        "tag=north-*",
        "tag=old,beta",
        "tag!=old",
        "tag!=",
        "last_seen<2h",
        "last_seen>30m",
        "last_seen<7d first_seen>7d",
        "last_boot>9999d",
        "last_boot=never",
        "last_seen!=never",
        "last_seen>2026-09-01 last_seen<2026-12-31T10:00",
        "failures=2",
        "failures>1 failures<3",
        "failures!=0,1",
        "id=7",
        "own_credentials=no",
        "group=beta",
        "group=wide",
        "group=other,wide",
        "group!=other",
        "22275",
        "1c-61-b4-fa",
        "eqp-0000?",
        '"XX230"',
    ],
)
def test_what_holds(text: str) -> None:
    assert means(text)


@pytest.mark.parametrize(
    "text",
    [
        "model=XX230",
        'model="XX*"',
        "standing!=live",
        "model=XX* standing=faulted",
        "equipment=",
        "tag=",
        "tag=bet",
        "tag!=beta",
        "tag!=old,beta",
        "last_seen>2h",
        "last_seen<30m",
        "last_boot<9999d",
        "last_boot!=never",
        "last_seen<2026-01-31",
        "failures>2",
        "failures!=1,2",
        "own_credentials=yes",
        "group!=beta",
        "group=other",
        "nowhere",
    ],
)
def test_what_does_not_hold(text: str) -> None:
    assert not means(text)


def test_no_text_of_a_device_keeps_a_pattern_busy() -> None:
    # Tried in every way there is, this would not end before the sun.
    device = replace(DEVICE, software="a" * 256)
    assert not means("software=" + "*a" * 100 + "*b", device)
    assert means("software=" + "*a" * 100 + "*", device)


@given(st.text("ab*?", max_size=7), st.text("abc", max_size=9))
def test_a_pattern_means_what_a_shell_would_say(pattern: str, text: str) -> None:
    device = replace(DEVICE, software=text)
    assert means(f"software={pattern}", device) == fnmatchcase(text, pattern)


def test_of_equipment_that_is_not_known_every_field_is_empty() -> None:
    assert means("equipment.status= equipment.customer!=*a*", box=None)
    assert not means("equipment.status=active", box=None)


def test_letters_beyond_a_to_z_keep_their_case() -> None:
    box = Equipment("E", customer="Été")
    assert means("equipment.customer=ÉTé", box=box)
    assert not means("equipment.customer=été", box=box)


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("modle=XX", 1, "'modle' is no field (did you mean model?)"),
        ("tag=beta stading=live", 10, "did you mean standing?"),
        ("standing=lvie", 10, "did you mean live?"),
        ("equipment.status=broken", 18, "it is one of active, defective"),
        ("last_seen<sometimes", 11, "write an age (90s, 15m, 24h, 7d) or a date"),
        ("last_seen=7d", 1, "write last_seen<7d"),
        ("last_seen<7d,8d", 1, "compares with one value"),
        ("failures=many", 10, "no whole number"),
        ("failures>=3", 1, "write >"),
        ("model<XX", 1, "model has no order"),
        ("own_credentials=maybe", 17, "neither yes nor no"),
        ("group=gamma", 7, "there is no group 'gamma'"),
        ("group=bta", 7, "did you mean beta?"),
        ('model="XX 230', 7, "do not end"),
        ("model=\x07", 7, "cannot be printed"),
        ("x" * 2001, 2000, "at most 2000"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, position: int, says: str) -> None:
    with pytest.raises(QueryError) as raised:
        parse(text, GROUPS)
    assert raised.value.position == position
    assert says in str(raised.value)


def test_a_group_that_is_a_part_of_itself_is_refused() -> None:
    with pytest.raises(QueryError, match="'a' is a part of itself: a → b → a"):
        parse("tag=x group=a", {"a": "group=b", "b": "tag=y group=a"})


def test_groups_of_groups_end_somewhere() -> None:
    doubling = {f"g{n}": f"group=g{n + 1},g{n + 1}" for n in range(40)} | {"g40": "tag=x"}
    with pytest.raises(QueryError, match="at most 200 words"):
        parse("group=g0", doubling)


@pytest.mark.parametrize("text", ["a " * 201, "model=" + "a," * 200, "group=many tag=x"])
def test_a_query_has_so_many_words_and_alternatives(text: str) -> None:
    with pytest.raises(QueryError, match="at most 200 words and alternatives"):
        parse(text, {"many": "a " * 199})


def test_it_says_whether_it_asks_for_the_equipment() -> None:
    groups = {"paying": "equipment.status=active"}
    assert parse("tag=x group!=paying", groups).asks_equipment
    assert not parse("equipment=EQP* tag=x").asks_equipment
