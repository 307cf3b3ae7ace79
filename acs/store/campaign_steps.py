"""Campaigns move on: what servers do for them, one short transaction each.

Nothing is remembered but what the database holds, so a restart goes on where the last transaction
ended, and of several processes the one that moves ``released_at`` on first releases the jobs.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    delete,
    exists,
    not_,
    or_,
    select,
    tuple_,
    update,
)

from acs.devices.record import Job, JobState
from acs.store import jobs
from acs.store.campaigns import Campaign, CampaignState, Progress, change_thd, get_thd, progress_thd
from acs.store.tables import campaign_devices, campaigns
from acs.store.tables import jobs as jobs_table

ENOUGH_TO_JUDGE = 5
"""Jobs that must be over before the share of failed ones says something."""
MOST_AT_ONCE = 500
"""Jobs that one transaction makes: everybody else waits meanwhile."""
CATCH_UP = 15.0
"""Seconds of turns that are made up for after a pause, or while no server ran."""
_AT_IT = 2 * 86_400.0
"""Seconds past its expiry that a job which was sent is still waited for."""
_GIVEN = (
    update(campaign_devices)
    .where(
        campaign_devices.c.campaign_id == bindparam("of"),
        campaign_devices.c.device_id == bindparam("at"),
    )
    .values(job_id=bindparam("made"))
)


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did for a campaign."""

    name: str
    released: int = 0
    ended: CampaignState | None = None
    reason: str = ""


def running_thd(conn: Connection, now: float) -> list[int]:
    """Ids of the campaigns that are to be looked at."""
    query = select(campaigns.c.id).where(
        campaigns.c.state == CampaignState.RUNNING.value, campaigns.c.starts_at <= now
    )
    return list(conn.scalars(query.order_by(campaigns.c.id)))


def advance_thd(conn: Connection, campaign_id: int, now: float) -> Step | None:
    """End a campaign that is over or fails too often, else give the next devices their jobs.

    None: it does not run, or another process has just seen to it.
    """
    campaign = get_thd(conn, campaign_id)
    if campaign is None or campaign.state is not CampaignState.RUNNING:
        return None
    progress = progress_thd(conn, campaign_id)
    if reason := _fails(campaign, progress):
        return _end(conn, campaign, now, CampaignState.STOPPED, reason)
    if not progress.waiting:
        over = progress.open <= _expire(conn, campaign_id, now)
        return _end(conn, campaign, now, CampaignState.FINISHED, "") if over else None
    turns, until = _turns(campaign, now)
    if until == campaign.released_at or not _claim(conn, campaign, until):
        return None
    released = _release(conn, campaign, turns, now) if turns else 0
    return Step(campaign.name, released) if released else None


def forget_thd(conn: Connection, before: float, limit: int) -> int:
    """Delete what ended before then, at most ``limit`` places of devices at a time.

    Returns how many places went.
    """
    ended = campaigns.c.state.in_([CampaignState.STOPPED.value, CampaignState.FINISHED.value])
    old = select(campaigns.c.id).where(ended, campaigns.c.finished_at < before)
    ids = list(conn.scalars(old))
    if not ids:
        return 0
    places = tuple_(campaign_devices.c.campaign_id, campaign_devices.c.device_id)
    some = select(campaign_devices.c.campaign_id, campaign_devices.c.device_id)
    going = some.where(campaign_devices.c.campaign_id.in_(ids)).limit(limit)
    gone = conn.execute(delete(campaign_devices).where(places.in_(going))).rowcount
    left = exists().where(campaign_devices.c.campaign_id == campaigns.c.id).correlate(campaigns)
    conn.execute(delete(campaigns).where(campaigns.c.id.in_(ids), not_(left)))
    return gone


def _expire(conn: Connection, campaign_id: int, now: float) -> int:
    """Give up the jobs whose time has passed: their devices may never call again.

    What a device was given is let go on longer: it may be at it.
    """
    overdue = update(jobs_table).where(
        jobs_table.c.campaign == campaign_id,
        jobs_table.c.expires_at > 0,
        or_(
            and_(jobs_table.c.state == JobState.QUEUED.value, jobs_table.c.expires_at <= now),
            and_(
                jobs_table.c.state == JobState.SENT.value, jobs_table.c.expires_at <= now - _AT_IT
            ),
        ),
    )
    given_up = overdue.values(state=JobState.EXPIRED.value, finished_at=now)
    return conn.execute(given_up).rowcount


def _fails(campaign: Campaign, progress: Progress) -> str:
    share = progress.failed_share
    if not campaign.stop_share or progress.judged < ENOUGH_TO_JUDGE or share < campaign.stop_share:
        return ""
    return f"{progress.jobs[JobState.FAILED]} of {progress.judged} failed ({share:.0%})"


def _end(
    conn: Connection, campaign: Campaign, now: float, state: CampaignState, reason: str
) -> Step | None:
    changed = change_thd(conn, campaign.id, now, (CampaignState.RUNNING,), state, reason)
    return Step(campaign.name, ended=state, reason=reason) if changed else None


def _turns(campaign: Campaign, now: float) -> tuple[int, float]:
    """How many turns have come by ``now``, and the time up to which they count."""
    if not campaign.rate:
        return MOST_AT_ONCE, now
    each = 60.0 / campaign.rate
    if campaign.released_at > now + each:
        return 0, now  # a clock that was ahead must not hold it up
    since = max(campaign.released_at, now - max(CATCH_UP, each))
    turns = max(0, min(int((now - since) / each + 1e-6), MOST_AT_ONCE))
    return turns, since + turns * each


def _claim(conn: Connection, campaign: Campaign, until: float) -> bool:
    """Take the turns up to ``until``; False: another process was first."""
    same = and_(
        campaigns.c.id == campaign.id,
        campaigns.c.state == CampaignState.RUNNING.value,
        campaigns.c.released_at == campaign.released_at,
    )
    return conn.execute(update(campaigns).where(same).values(released_at=until)).rowcount > 0


def _release(conn: Connection, campaign: Campaign, turns: int, now: float) -> int:
    waiting = select(campaign_devices.c.device_id).where(
        campaign_devices.c.campaign_id == campaign.id, campaign_devices.c.job_id == 0
    )
    next_ones = conn.scalars(waiting.order_by(campaign_devices.c.device_id).limit(turns))
    made = jobs.enqueue_all_thd(
        conn,
        [
            Job(
                0,
                device_id,
                campaign.kind,
                campaign.payload,
                campaign.priority,
                created_at=now,
                created_by=f"bulk {campaign.name}",
                expires_at=now + campaign.lifetime if campaign.lifetime else 0.0,
                campaign=campaign.id,
            )
            for device_id in next_ones
        ],
    )
    if made:
        places = [{"of": campaign.id, "at": at, "made": job_id} for at, job_id in made.items()]
        conn.execute(_GIVEN, places)
    return len(made)
