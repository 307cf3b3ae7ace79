"""Posts: how long they wait, and what they are about."""

from __future__ import annotations

import math

from acs.devices.effects import (
    AddTimeline,
    ClearFault,
    EnqueueJob,
    RaiseFault,
    SaveAgent,
    SaveDevice,
    SaveJob,
    SaveSnapshot,
)
from acs.devices.record import FaultRecord, Job, JobKind, JobState, Snapshot, TimelineEntry
from acs.store.posts import ANY, Posts

SAVE = SaveDevice(7, {"last_seen": 1.0})


def test_the_first_post_sets_the_time_for_all() -> None:
    posts = Posts(delay=0.2, enough=10)
    assert posts.due == math.inf
    posts.add([SAVE], now=100.0)
    posts.add([SAVE], now=100.1)
    assert posts.due == 100.2
    assert posts.take() == [[SAVE], [SAVE]]
    assert (posts.due, posts.effects, len(posts)) == (math.inf, 0, 0)


def test_enough_effects_wait_no_longer() -> None:
    posts = Posts(delay=0.2, enough=3)
    posts.add([SAVE, SAVE], now=100.0)
    assert posts.due == 100.2
    posts.add([SAVE], now=100.1)
    assert posts.due == 100.1


def test_groups_put_back_come_first_and_later() -> None:
    posts = Posts(delay=0.2, enough=10)
    posts.add([SAVE], now=1.0)
    taken = posts.take()
    other = SaveDevice(8, {})
    posts.add([other], now=1.1)
    posts.put_back(taken, due=5.0)
    assert posts.due == 5.0
    assert posts.devices == {7, 8}
    assert posts.take() == [[SAVE], [other]]


def test_it_knows_whose_opening_would_change() -> None:
    posts = Posts(delay=0.2, enough=100)
    posts.add([AddTimeline(TimelineEntry(1, 0.0, "k", "t")), SaveSnapshot(2, Snapshot())], 0.0)
    assert posts.devices == frozenset()
    posts.add([SaveDevice(3, {}), ClearFault(4, "s")], 0.0)
    posts.add(
        [RaiseFault(FaultRecord(5, "s", 0.0, 1, "")), EnqueueJob(Job(0, 6, JobKind.READ))], 0.0
    )
    assert posts.devices == {3, 4, 5, 6}
    posts.add([SaveJob(1, JobState.DONE, 0.0, 1, {})], 0.0)
    assert ANY in posts.devices


def test_an_agent_whose_device_is_told_may_change_any_opening() -> None:
    posts = Posts(delay=0.2, enough=100)
    posts.add([SaveAgent("os::1", {"last_seen": 1.0})], 0.0)
    assert posts.devices == frozenset()
    posts.add([SaveAgent("os::1", {"device_id": 7})], 0.0)
    assert posts.devices == {ANY}


def test_it_knows_which_kinds_of_effects_wait() -> None:
    posts = Posts(delay=0.2, enough=100)
    posts.add([SaveSnapshot(2, Snapshot())], 0.0)
    assert posts.hold({SaveSnapshot, SaveJob})
    assert not posts.hold({SaveJob})
    posts.take()
    assert not posts.hold({SaveSnapshot})
