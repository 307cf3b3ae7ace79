"""Campaigns on SQLite and PostgreSQL: rate, stopping, restarts, several processes."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest
from sqlalchemy import select

from acs.api.metrics import Metrics
from acs.devices.effects import SaveJob
from acs.devices.record import Job, JobKind, JobState
from acs.model import Contact, DeviceId
from acs.server.campaigns import advance
from acs.store import Database, Vault, campaign_steps, campaigns, devices, jobs, sealing
from acs.store.apply import apply_thd
from acs.store.campaign_steps import Step
from acs.store.campaigns import Campaign, CampaignState, Progress
from acs.store.opening import open_thd
from acs.store.tables import campaign_devices
from acs.store.tables import campaigns as campaigns_table
from acs.store.tables import jobs as jobs_table

NOW = 1_000_000.0
READ = {"paths": ["Device.DeviceInfo.UpTime"], "token": "hunter2"}
RUNNING, PAUSED = CampaignState.RUNNING, CampaignState.PAUSED


def fleet(database: Database, size: int) -> list[int]:
    contacts = [
        Contact(DeviceId("00259E", "X", f"S{n}"), "TP-Link", "cwmp", "Device.", (), {}, NOW)
        for n in range(size)
    ]
    return [opened.device.id for opened in database.run("open", open_thd, contacts)]


def begin(database: Database, ids: list[int], **wanted: object) -> Campaign:
    blank = Campaign("spring", JobKind.READ, READ, created_at=NOW, created_by="acs me")
    made = database.run("add", campaigns.add_thd, replace(blank, **wanted), ids)  # type: ignore[arg-type]
    assert made is not None
    return made


def step(database: Database, campaign: Campaign, now: float) -> Step | None:
    return database.run("advance", campaign_steps.advance_thd, campaign.id, now)


def progress(database: Database, campaign: Campaign) -> Progress:
    return database.run("progress", campaigns.progress_thd, campaign.id)


def state(database: Database, campaign: Campaign) -> CampaignState:
    found = database.run("get", campaigns.get_thd, campaign.id)
    assert found is not None
    return found.state


def made_jobs(database: Database) -> list[Job]:
    with database.read() as conn:
        ids = list(conn.scalars(select(jobs_table.c.id).order_by(jobs_table.c.id)))
        found = [jobs.get_thd(conn, job_id) for job_id in ids]
    return [job for job in found if job is not None]


def end(database: Database, *ends: JobState, error: str = "fault 9001") -> None:
    """The first queued jobs end so."""
    queued = [job for job in made_jobs(database) if job.state is JobState.QUEUED]
    for job, state in zip(queued, ends, strict=False):
        result = {"error": error} if state is JobState.FAILED else {}
        database.run("end", apply_thd, [SaveJob(job.id, state, NOW, 1, result)])


def test_all_at_once_makes_a_job_for_each_and_ends_when_they_are_over(database: Database) -> None:
    ids = fleet(database, 3)
    campaign = begin(database, [*ids, 999], priority=4, lifetime=60.0)
    assert campaign.payload == READ
    assert progress(database, campaign).total == 3, "who is gone is passed over"
    assert step(database, campaign, NOW + 1) == Step("spring", released=3)
    made = made_jobs(database)
    assert [job.device_id for job in made] == ids
    assert {(j.payload["token"], j.priority, j.created_by, j.campaign) for j in made} == {
        ("hunter2", 4, "bulk spring", campaign.id)
    }
    assert {job.expires_at for job in made} == {NOW + 61}
    assert step(database, campaign, NOW + 2) is None
    end(database, JobState.DONE, JobState.DONE, JobState.FAILED)
    assert step(database, campaign, NOW + 3) == Step("spring", ended=CampaignState.FINISHED)
    assert database.run("running", campaign_steps.running_thd, NOW + 4) == []
    assert database.run("why", campaigns.failures_thd, campaign.id) == {"fault 9001": 1}
    assert step(database, campaign, NOW + 5) is None


def test_the_rate_is_kept_whatever_the_rhythm(database: Database) -> None:
    campaign = begin(database, fleet(database, 40), rate=30)
    released = []
    for now in (1.0, 2.0, 3.0, 7.0, 12.0, 12.0, 13.9, 14.0):
        done = step(database, campaign, NOW + now)
        released.append(done.released if done else 0)
    assert released == [0, 1, 0, 2, 3, 0, 0, 1]
    assert sum(released) == 7, "one each two seconds"


def test_a_rest_is_not_made_up_for(database: Database) -> None:
    campaign = begin(database, fleet(database, 40), rate=60)
    done = step(database, campaign, NOW + 3600)
    assert done is not None
    assert done.released == campaign_steps.CATCH_UP
    later = step(database, campaign, NOW + 3601)
    assert later is not None
    assert later.released == 1


def test_a_clock_that_was_ahead_holds_nothing_up(database: Database) -> None:
    campaign = begin(database, fleet(database, 3), rate=60, created_at=NOW + 9_999_999)
    assert step(database, campaign, NOW) is None
    assert step(database, campaign, NOW + 2) == Step("spring", released=2)


def test_it_begins_at_its_time(database: Database) -> None:
    campaign = begin(database, fleet(database, 2), starts_at=NOW + 100)
    assert database.run("running", campaign_steps.running_thd, NOW + 99) == []
    assert database.run("running", campaign_steps.running_thd, NOW + 100) == [campaign.id]


def test_it_stops_when_too_many_fail_and_takes_back_what_nobody_was_given(
    database: Database,
) -> None:
    campaign = begin(database, fleet(database, 12), rate=480, stop_share=0.25)
    assert step(database, campaign, NOW + 1) == Step("spring", released=8)
    end(database, JobState.DONE, JobState.FAILED, JobState.FAILED, JobState.DONE)
    assert step(database, campaign, NOW + 1) is None, "four say too little"
    end(database, JobState.DONE, JobState.SENT)
    stopped = Step("spring", ended=CampaignState.STOPPED, reason="2 of 5 failed (40%)")
    assert step(database, campaign, NOW + 2) == stopped
    at_end = progress(database, campaign)
    assert (at_end.waiting, at_end.jobs[JobState.CANCELLED], at_end.jobs[JobState.SENT]) == (
        4,
        2,
        1,
    )
    assert step(database, campaign, NOW + 60) is None
    assert len(made_jobs(database)) == 8


def test_how_campaigns_end_is_counted(database: Database) -> None:
    class Queues:
        async def run(self, name: str, function: Any, *arguments: Any) -> Any:
            return database.run(name, function, *arguments)

    begin(database, fleet(database, 5), stop_share=0.5)
    metrics = Metrics()
    for second in (1, 2):
        asyncio.run(advance(cast(Any, Queues()), NOW + second, metrics))
        end(database, *[JobState.FAILED] * 5)
    told = metrics.render().decode()
    assert 'acs_campaigns_ended_total{state="stopped"} 1.0' in told
    assert 'state="finished"' not in told


def test_without_a_share_it_goes_on_however_many_fail(database: Database) -> None:
    campaign = begin(database, fleet(database, 7), rate=360)
    step(database, campaign, NOW + 1)
    end(database, *[JobState.FAILED] * 6)
    assert step(database, campaign, NOW + 2) == Step("spring", released=1)


def test_pausing_makes_no_new_jobs_and_going_on_does(database: Database) -> None:
    campaign = begin(database, fleet(database, 5), rate=60)
    step(database, campaign, NOW + 2)

    def change(before: CampaignState, after: CampaignState, now: float) -> bool:
        return database.run("c", campaigns.change_thd, campaign.id, now, (before,), after)

    assert change(RUNNING, PAUSED, NOW + 2)
    assert not change(RUNNING, PAUSED, NOW + 2)
    assert step(database, campaign, NOW + 10) is None
    assert change(PAUSED, RUNNING, NOW + 20)
    assert step(database, campaign, NOW + 21) == Step("spring", released=1)
    assert {job.state for job in made_jobs(database)} == {JobState.QUEUED}


def test_jobs_of_devices_that_never_call_again_expire_and_it_ends(database: Database) -> None:
    campaign = begin(database, fleet(database, 2), lifetime=60.0)
    step(database, campaign, NOW + 1)
    assert step(database, campaign, NOW + 60) is None
    assert step(database, campaign, NOW + 61) == Step("spring", ended=CampaignState.FINISHED)
    assert {job.state for job in made_jobs(database)} == {JobState.EXPIRED}


def test_what_a_device_was_given_is_waited_for_longer(database: Database) -> None:
    campaign = begin(database, fleet(database, 1), lifetime=60.0)
    step(database, campaign, NOW + 1)
    end(database, JobState.SENT)
    assert step(database, campaign, NOW + 3600) is None
    week = step(database, campaign, NOW + 7 * 86_400)
    assert week == Step("spring", ended=CampaignState.FINISHED)


def test_a_device_that_is_forgotten_is_skipped(database: Database) -> None:
    ids = fleet(database, 3)
    campaign = begin(database, ids, rate=60)
    step(database, campaign, NOW + 1)
    for device_id in ids[:2]:
        database.run("forget", devices.delete_thd, device_id)
    assert progress(database, campaign).total == 1
    assert step(database, campaign, NOW + 2) == Step("spring", released=1)


def test_it_goes_on_after_a_restart_where_it_was(
    database: Database, database_url: str, vault: Vault
) -> None:
    campaign = begin(database, fleet(database, 6), rate=60)
    step(database, campaign, NOW + 3)
    after = Database(database_url, vault, realm="gigafibre-acs")
    assert after.run("running", campaign_steps.running_thd, NOW + 5) == [campaign.id]
    assert step(after, campaign, NOW + 5) == Step("spring", released=2)
    assert step(database, campaign, NOW + 5) is None
    assert len({job.device_id for job in made_jobs(after)}) == 5
    after.dispose()


def test_several_processes_release_no_device_twice(
    database: Database, database_url: str, vault: Vault
) -> None:
    size = 60
    campaign = begin(database, fleet(database, size), rate=600)
    processes = [Database(database_url, vault, realm="gigafibre-acs") for _ in range(3)]

    def work(own: Database) -> int:
        done = [step(own, campaign, NOW + tick / 4) for tick in range(24)]
        return sum(each.released for each in done if each)

    with ThreadPoolExecutor(len(processes)) as pool:
        released = list(pool.map(work, processes))
    for own in processes:
        own.dispose()
    assert sum(released) == len(made_jobs(database))
    assert len({job.device_id for job in made_jobs(database)}) == len(made_jobs(database))
    with database.read() as conn:
        given = conn.scalars(select(campaign_devices.c.job_id)).all()
    assert {job.id for job in made_jobs(database)} == {job_id for job_id in given if job_id}
    assert sum(released) <= size


def test_old_campaigns_are_forgotten_a_piece_at_a_time(database: Database) -> None:
    ids = fleet(database, 5)
    old, kept = begin(database, ids), begin(database, ids, name="kept")
    stop = (NOW + 10, (RUNNING,), CampaignState.STOPPED)
    database.run("stop", campaigns.change_thd, old.id, *stop)

    def forget(before: float) -> int:
        return database.run("forget", campaign_steps.forget_thd, before, 3)

    assert forget(NOW + 10) == 0
    assert [forget(NOW + 11) for _ in range(3)] == [3, 2, 0]
    assert [c.name for c in database.run("list", campaigns.list_thd)] == ["kept"]
    assert progress(database, kept).waiting == 5


def test_its_payload_is_sealed_and_sealed_anew_with_a_new_key(
    database: Database, database_url: str
) -> None:
    begin(database, [])
    with database.read() as conn:
        rows = conn.execute(select(campaigns_table)).all()
    assert "hunter2" not in repr(rows)
    keys = {"first": bytes(range(32)), "second": bytes(range(32, 64))}
    for vault in (Vault(keys, "second"), Vault({"second": keys["second"]}, "second")):
        again = Database(database_url, vault, realm="gigafibre-acs")
        sealing.rotate(again)
        found = again.run("find", campaigns.find_thd, "spring")
        again.dispose()
        assert found is not None
        assert found.payload == READ


def test_a_name_is_used_once(database: Database) -> None:
    begin(database, [])
    again = Campaign("spring", JobKind.READ, created_at=NOW)
    assert database.run("add", campaigns.add_thd, again, []) is None
    assert [c.name for c in database.run("list", campaigns.list_thd)] == ["spring"]


@pytest.mark.parametrize("rate", [0, 6000])
def test_one_step_is_short_however_many_wait(database: Database, rate: int) -> None:
    ids = fleet(database, campaign_steps.MOST_AT_ONCE + 5)
    campaign = begin(database, ids, rate=rate)
    first = step(database, campaign, NOW + 10)
    assert first == Step("spring", released=campaign_steps.MOST_AT_ONCE)
    assert step(database, campaign, NOW + 11) == Step("spring", released=5)
