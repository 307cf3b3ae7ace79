"""What each unit of a town should have, where that is seen, and what ERPNext is told."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import replace

import pytest
from twisted.internet.testing import MemoryReactorClock

from simulators.cpe.modelfile import model_names
from simulators.cpe.repertoire import WrongError
from simulators.erpnext.seeding import read_documents
from simulators.scenario.evidence import Ending
from simulators.scenario.measures import measure
from simulators.scenario.reading import read
from simulators.scenario.scenario import Member, Profile
from simulators.scenario.sights import sight_of
from simulators.scenario.town import Town
from simulators.scenario.wishes import (
    LONGEST_ACCOUNT,
    fields_of,
    seed_file,
    unit_of,
    wish_for,
)
from simulators.scenario.wrongs import misbehaviour_of


def member(number: int, model: str, profile: Profile = Profile.WIFI) -> Member:
    return Member(number, 0, model, profile, (), "a")


@pytest.mark.parametrize("model", model_names())
def test_of_each_model_it_is_known_where_a_customer_sees_it(model: str) -> None:
    sight = sight_of(model)
    assert sight is not None
    ont = unit_of(member(1, model), "http://127.0.0.1/", ("", "")).build()
    paths = [path for network in sight.networks for path in network] + [*(sight.telephone or ())]
    assert len(paths) >= 4
    assert [path for path in paths if path not in ont.tree] == []


def test_a_unit_is_right_once_it_has_every_value() -> None:
    sight = sight_of("tplink-a-xx230v")
    wish = wish_for(3, Profile.TELEPHONE)
    assert sight is not None and sight.telephone is not None and wish is not None
    ont = unit_of(member(3, "tplink-a-xx230v"), "http://127.0.0.1/", ("", "")).build()
    assert len(sight.differences(wish, ont.tree.find)) == 6
    for name, password in sight.networks:
        ont.tree.put(name, wish.ssid)
        ont.tree.put(password, wish.passphrase)
    assert sight.differences(wish, ont.tree.find) == sight.telephone
    assert wish.telephone is not None
    for path, text in zip(sight.telephone, wish.telephone, strict=True):
        ont.tree.put(path, text)
    assert sight.differences(wish, ont.tree.find) == ()


def test_wishes_differ_from_unit_to_unit_and_from_time_to_time() -> None:
    wishes = {wish_for(number, Profile.WIFI, turn) for number in range(50) for turn in range(3)}
    assert len(wishes) == 150
    assert wish_for(1, Profile.UNKNOWN) is None


def test_the_refused_account_fits_erpnext_and_no_device() -> None:
    wish = wish_for(7, Profile.REFUSED)
    assert wish is not None and wish.telephone is not None
    assert 128 < len(wish.telephone[0]) == LONGEST_ACCOUNT <= 140
    assert fields_of(wish)["sip_username"] == wish.telephone[0]


def test_erpnext_is_seeded_with_all_it_knows() -> None:
    town = [
        member(0, "tplink-a-xx230v", Profile.TELEPHONE),
        member(1, "tplink-a-ex220"),
        member(2, "tplink-a-ex220", Profile.UNKNOWN),
        replace(member(3, "tplink-a-ex220"), recorded="later"),
    ]
    text = seed_file(iter(town))
    assert len(tomllib.loads(text)["document"]) == 2
    first, second = read_documents(text)
    unit = unit_of(town[0], "", ("", ""))
    assert (first["serial_number"], first["mac_address"]) == (unit.serial, unit.mac)
    assert first["sip_username"] == "4500000000"
    assert "sip_username" not in second


def test_units_have_names_of_their_own() -> None:
    units = [unit_of(member(n, "tplink-a-ex220"), "", ("", "")) for n in (0, 1, 255, 256, 70_000)]
    for names in ({u.serial for u in units}, {u.mac for u in units}, {u.ip for u in units}):
        assert len(names) == len(units)


def test_a_unit_that_erpnext_does_not_know_is_never_right() -> None:
    scenario = read("""
        name = "t"
        about = "t"
        [[units]]
        model = "tplink-a-ex220"
        count = 1
        profile = "unknown"
        [[phase]]
        name = "a"
        seconds = 1
        [expect]
        wrong_states = 0
    """)
    reactor = MemoryReactorClock()
    town = Town(
        scenario,
        acs="http://127.0.0.1:1/",
        account=("", ""),
        own_server=True,
        reactor=reactor,
        clock=reactor.seconds,
    )
    town.begin(scenario.phase[0])
    serial = town.serial(town.members[0])
    for standing, wrong in (("live", 1), ("quarantined", 0)):
        town.seen.ending = Ending(town.stands({serial: (standing, "", 0)}))
        assert measure("wrong_states").find(town.seen) == wrong
    town.stop()


def test_who_is_recorded_later_is_listened_for_from_the_start() -> None:
    scenario = read("""
        name = "t"
        about = "t"
        [[units]]
        model = "tplink-a-ex220"
        count = 2
        listen = true
        recorded = "b"
        [[phase]]
        name = "a"
        seconds = 1
        [[phase]]
        name = "b"
        seconds = 1
        [expect]
        wrong_states = 0
    """)
    reactor = MemoryReactorClock()
    town = Town(
        scenario,
        acs="http://127.0.0.1:1/",
        account=("", ""),
        own_server=True,
        reactor=reactor,
        clock=reactor.seconds,
    )
    town.begin(scenario.phase[0])
    assert [port for port, *_ in reactor.tcpServers] == [0, 0]
    assert len({server[3] for server in reactor.tcpServers}) == (
        2 if sys.platform == "linux" else 1
    )
    assert town.recorded(scenario.phase[0]) == []
    recorded = town.recorded(scenario.phase[1])
    assert [(each.number, wish.ssid) for each, wish in recorded] == [
        (0, "Maison 0"),
        (1, "Maison 1"),
    ]
    town.stop()


def test_words_of_faults_become_misbehaviour() -> None:
    wrong = misbehaviour_of(["slow=2", "draw:Reboot=9002@once"])
    assert wrong.slow == 2
    assert [(draw.method, draw.code, draw.nth) for draw in wrong.faults] == [("Reboot", 9002, 1)]
    assert misbehaviour_of([]) == misbehaviour_of(())
    for words in (["slwo=2"], ["draw:Reboot"], ["slow=never"]):
        with pytest.raises(WrongError):
            misbehaviour_of(words)
