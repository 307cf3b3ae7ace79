"""Load that is shared by processes, and how a storm arrives."""

from __future__ import annotations

import msgspec
import pytest

from bench.calls import Connections
from bench.orders import Load, Login, Open, Order, Play, Storm, Tally
from bench.players import share, together
from bench.storming import arrival_times, mixed
from bench.template import Template

LOAD = Load(port=1, scripts=[], first=10, units=7, connections=5)


def test_processes_share_devices_and_connections_without_overlap() -> None:
    shares = [share(LOAD, number, 3) for number in range(3)]
    units = [n for each in shares for n in range(each.first, each.first + each.units)]
    assert units == list(range(10, 17))
    assert sum(each.connections for each in shares) == 5


def test_strangers_of_two_processes_are_never_the_same() -> None:
    strangers = msgspec.structs.replace(LOAD, first=1_000_000, units=0)
    first, second = (share(strangers, number, 2) for number in range(2))
    assert second.first - first.first >= 100_000
    assert (first.units, second.units) == (0, 0)


def test_what_processes_found_is_added_up_and_the_longest_counts() -> None:
    whole = together(
        [
            Tally(sessions=2, seconds=1.0, cpu=0.5, durations=[0.1]),
            Tally(sessions=3, seconds=2.0, cpu=0.25, refused=1, durations=[0.2], error="no"),
        ]
    )
    assert (whole.sessions, whole.seconds, whole.cpu, whole.refused) == (5, 2.0, 0.75, 1)
    assert whole.durations == [0.1, 0.2]
    assert whole.error == "no"


@pytest.mark.parametrize("order", [Play(0.5), Open(7), Storm(3.0)])
def test_an_order_survives_the_way_to_its_process(order: Order) -> None:
    assert msgspec.json.decode(msgspec.json.encode(order), type=Order) == order


def test_a_load_survives_the_way_to_its_process() -> None:
    load = msgspec.structs.replace(LOAD, use=Connections.REQUEST, login=Login.BOOTSTRAP)
    assert msgspec.json.decode(msgspec.json.encode(load), type=Load) == load


def test_a_storm_arrives_within_its_time_most_of_it_in_the_middle() -> None:
    times = list(arrival_times(1000, 60.0))
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 60
    assert sum(20 <= at <= 40 for at in times) > 600


@pytest.mark.parametrize("count", [1, 2, 7919, 20_000])
def test_houses_come_back_out_of_order_and_each_of_them_once(count: int) -> None:
    numbers = mixed(range(5, 5 + count))
    assert sorted(numbers) == list(range(5, 5 + count))
    assert count < 3 or numbers != sorted(numbers)


def test_a_template_is_filled_with_what_is_a_units_own() -> None:
    template = Template(b"a SN-1 b SN-12 c", [b"SN-1", b"SN-12", b""])
    assert template.fill([b"x", b"yy", b"never"]) == b"a x b yy c"
    assert template.fits(b"a x b yy c", [b"x", b"yy", b""])
    for other in (b"a x b zz c", b"a x b yy", b"a x b yy c and more", b""):
        assert not template.fits(other, [b"x", b"yy", b""])
