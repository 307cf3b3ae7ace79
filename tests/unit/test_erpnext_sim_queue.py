"""The queue of webhooks: when they leave, in which order, and how they are lost."""

import pytest

from simulators.erpnext.queueing import QueueUnavailable, Twist, WebhookFault, WebhookQueue
from simulators.erpnext.webhooks import Delivery


class World:
    def __init__(self, **options):
        self.time = 0.0
        self.queue = WebhookQueue(lambda: self.time, **options)

    def put(self, *names):
        self.queue.put(
            Delivery("W", "POST", "http://a.test", {}, b"{}", 5.0, "Issue", name) for name in names
        )

    def order(self, kind, **fault):
        self.queue.order(WebhookFault(kind=Twist(kind), **fault))

    def taken(self):
        return [delivery.name for delivery in iter(self.queue.take, None)]

    def fates(self):
        return [(done["name"], done["fate"]) for done in self.queue.shown()["done"]]


def test_one_worker_keeps_the_order():
    world = World()
    world.put("a", "b")
    world.put("c")
    assert world.taken() == ["a", "b", "c"]


def test_several_workers_mix_it_the_same_way_each_time():
    def order():
        world = World(workers=3)
        world.put(*"abcdefgh")
        return world.taken()

    assert order() == order()
    assert sorted(order()) == list("abcdefgh") != order()


def test_a_worker_comes_late():
    world = World(delay=1.0)
    world.put("a")
    assert world.taken() == []
    world.time = 1.0
    assert world.taken() == ["a"]


def test_a_stopped_worker_leaves_them_waiting():
    world = World()
    world.queue.set(stopped=True)
    world.put("a")
    assert world.taken() == []
    assert [one["name"] for one in world.queue.shown()["waiting"]] == ["a"]
    world.queue.set(stopped=False)
    assert world.taken() == ["a"]


def test_a_queue_that_is_down_loses_what_comes_and_keeps_what_it_has():
    world = World()
    world.put("a")
    world.queue.set(down=True)
    with pytest.raises(QueueUnavailable):
        world.put("b", "c")
    world.queue.set(down=False)
    assert world.taken() == ["a"]
    assert world.fates() == [("b", "lost: no queue"), ("c", "lost: no queue")]


def test_a_full_queue_takes_as_many_as_it_can():
    world = World(limit=2)
    with pytest.raises(QueueUnavailable):
        world.put("a", "b", "c")
    assert world.taken() == ["a", "b"]
    assert world.fates() == [("c", "lost: no queue")]


def test_a_flush_loses_what_waits():
    world = World()
    world.put("a")
    world.queue.flush()
    assert world.taken() == []
    assert world.fates() == [("a", "lost in the queue")]


def test_lost_on_demand_by_number_and_by_match():
    world = World()
    world.order("lose", count=2, match="Issue/a")
    world.put("a", "b", "a", "a")
    assert world.taken() == ["b", "a"]


def test_duplicates():
    world = World()
    world.order("duplicate", copies=3)
    world.put("a", "b")
    assert world.taken() == ["a", "a", "a", "b"]


def test_late_is_overtaken():
    world = World()
    world.order("late", seconds=5)
    world.put("older", "newer")
    assert world.taken() == ["newer"]
    world.time = 5.0
    assert world.taken() == ["older"]


def test_reordered_when_all_are_there_or_when_let_go():
    world = World()
    world.order("reorder", count=3)
    world.put("a", "b")
    assert world.taken() == []
    world.put("c")
    assert world.taken() == ["c", "b", "a"]
    world.order("reorder", count=3)
    world.put("a", "b")
    world.queue.clear_faults()
    assert world.taken() == ["b", "a"]
