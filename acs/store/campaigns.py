"""Campaigns: one job for many devices, given to them at a bounded rate.

A campaign and the devices it is for are kept at once; their jobs are made later, some at a time,
by whichever server process moves ``released_at`` on first.  Nothing is remembered elsewhere, so a
restart goes on where the last transaction ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from acs.devices.record import Job, JobKind, JobState
from acs.store import jobs
from acs.store.codec import mapping, revealing
from acs.store.sealing import seal, unseal
from acs.store.tables import campaign_devices, campaigns, devices
from acs.store.tables import jobs as jobs_table

ENOUGH_TO_JUDGE = 5
"""Jobs that must be over before the share of failed ones says something."""
MOST_AT_ONCE = 500
"""Jobs that one transaction makes: everybody else waits meanwhile."""
CATCH_UP = 15.0
"""Seconds of turns that are made up for after a pause, or while no server ran."""
_AT_IT = 2 * 86_400.0
"""Seconds past its expiry that a job which was sent is still waited for."""
_CHUNK = 500
_GIVEN = (
    update(campaign_devices)
    .where(
        campaign_devices.c.campaign_id == bindparam("of"),
        campaign_devices.c.device_id == bindparam("at"),
    )
    .values(job_id=bindparam("made"))
)
_LOOKED_AT = 2000
"""Failed jobs whose reasons are counted."""


class CampaignState(StrEnum):
    """Life of a campaign; the last two are final."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A job for many devices."""

    name: str
    kind: JobKind
    payload: Mapping[str, object] = field(default_factory=dict, repr=False)
    query: str = ""
    """For people: which devices were chosen when it began."""
    priority: int = 0
    lifetime: float = 0.0
    """Seconds from a job's release until it expires; 0: never."""
    rate: int = 0
    """Jobs per minute; 0: all at once."""
    stop_share: float = 0.0
    """Share of failed jobs among those that are over, from which it stops; 0: never."""
    starts_at: float = 0.0
    created_at: float = 0.0
    created_by: str = ""
    id: int = 0
    state: CampaignState = CampaignState.RUNNING
    reason: str = ""
    released_at: float = 0.0
    finished_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of its devices are where."""

    waiting: int
    """Their turn has not come."""
    jobs: Mapping[JobState, int]
    gone: int
    """Their jobs are over and no longer remembered."""

    @property
    def total(self) -> int:
        """All of them; those that were forgotten meanwhile do not count."""
        return self.waiting + sum(self.jobs.values()) + self.gone

    @property
    def open(self) -> int:
        """Jobs that are not over yet."""
        return sum(self.jobs[state] for state in jobs.OPEN)

    @property
    def failed_share(self) -> float:
        """Share of failed jobs among those done or failed."""
        failed, done = self.jobs[JobState.FAILED], self.jobs[JobState.DONE]
        return failed / (failed + done) if failed + done else 0.0

    @property
    def judged(self) -> int:
        """Jobs that were done or failed."""
        return self.jobs[JobState.FAILED] + self.jobs[JobState.DONE]


# --- made by people ---------------------------------------------------------------------


def add_thd(conn: Connection, campaign: Campaign, device_ids: Sequence[int]) -> Campaign | None:
    """Keep a new campaign for these devices; those that are gone are passed over.

    None: there is one of this name already.
    """
    if find_thd(conn, campaign.name) is not None:
        return None
    row = {name: getattr(campaign, name) for name in _PLAIN}
    row["kind"], row["state"] = campaign.kind.value, campaign.state.value
    row["payload"] = seal(conn, campaigns.c.payload, campaign.name, revealing(campaign.payload))
    row["released_at"] = max(campaign.starts_at, campaign.created_at)
    made = conn.execute(insert(campaigns).returning(campaigns.c.id), row).scalar_one()
    for start in range(0, len(device_ids), _CHUNK):
        wanted = select(literal(made), devices.c.id, literal(0)).where(
            devices.c.id.in_(device_ids[start : start + _CHUNK])
        )
        columns = ("campaign_id", "device_id", "job_id")
        conn.execute(insert(campaign_devices).from_select(columns, wanted))
    return get_thd(conn, made)


def find_thd(conn: Connection, name: str) -> Campaign | None:
    """The campaign of this name."""
    row = conn.execute(select(campaigns).where(campaigns.c.name == name)).first()
    return None if row is None else _campaign(conn, row)


def get_thd(conn: Connection, campaign_id: int) -> Campaign | None:
    """The campaign with this id."""
    row = conn.execute(select(campaigns).where(campaigns.c.id == campaign_id)).first()
    return None if row is None else _campaign(conn, row)


def list_thd(conn: Connection, limit: int = 100) -> list[Campaign]:
    """List campaigns, newest first."""
    rows = conn.execute(select(campaigns).order_by(campaigns.c.id.desc()).limit(limit))
    return [_campaign(conn, row) for row in rows]


def change_thd(
    conn: Connection,
    campaign_id: int,
    now: float,
    before: Sequence[CampaignState],
    after: CampaignState,
    reason: str = "",
) -> bool:
    """Move a campaign from one of the states ``before`` to ``after``; False: it is in no such.

    One that goes on makes up for nothing. One that stops takes back the jobs that no device has
    been given yet.
    """
    final = after in (CampaignState.STOPPED, CampaignState.FINISHED)
    states = [state.value for state in before]
    changed = conn.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign_id, campaigns.c.state.in_(states))
        .values(
            state=after.value,
            reason=reason,
            finished_at=now if final else 0.0,
            released_at=_later(now) if after is CampaignState.RUNNING else campaigns.c.released_at,
        )
    )
    if not changed.rowcount:
        return False
    if after is CampaignState.STOPPED:
        withdrawn = update(jobs_table).where(
            jobs_table.c.campaign == campaign_id, jobs_table.c.state == JobState.QUEUED.value
        )
        conn.execute(withdrawn.values(state=JobState.CANCELLED.value, finished_at=now))
    return True


def progress_thd(conn: Connection, campaign_id: int) -> Progress:
    """Count the devices of a campaign by how far they are."""
    joined = campaign_devices.outerjoin(jobs_table, jobs_table.c.id == campaign_devices.c.job_id)
    # Not a parameter: PostgreSQL would take the two for different ones.
    is_waiting = campaign_devices.c.job_id == literal_column("0")
    counted = (
        select(is_waiting, jobs_table.c.state, func.count())
        .select_from(joined)
        .where(campaign_devices.c.campaign_id == campaign_id)
        .group_by(is_waiting, jobs_table.c.state)
    )
    waiting = gone = 0
    states = dict.fromkeys(JobState, 0)
    for not_yet, state, count in conn.execute(counted):
        if not_yet:
            waiting += count
        elif state is None:
            gone += count
        else:
            states[JobState(state)] += count
    return Progress(waiting, states, gone)


def failures_thd(conn: Connection, campaign_id: int) -> Counter[str]:
    """Count why jobs failed, by the words of the devices; of many, the latest are looked at."""
    query = select(jobs_table.c.id, jobs_table.c.result).where(
        jobs_table.c.campaign == campaign_id, jobs_table.c.state == JobState.FAILED.value
    )
    found: Counter[str] = Counter()
    for job_id, result in conn.execute(query.order_by(jobs_table.c.id.desc()).limit(_LOOKED_AT)):
        known = {} if result is None else mapping(unseal(conn, jobs_table.c.result, job_id, result))
        found[str(known.get("error", "")) or "no reason given"] += 1
    return found


# --- done by servers --------------------------------------------------------------------


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


def _later(now: float) -> Any:
    """The later of ``now`` and the time a campaign starts at."""
    return case((campaigns.c.starts_at > now, campaigns.c.starts_at), else_=now)


_PLAIN = tuple(
    column.name for column in campaigns.c if column.name not in ("id", "kind", "payload", "state")
)


def _campaign(conn: Connection, row: Row[Any]) -> Campaign:
    plain = {name: getattr(row, name) for name in (*_PLAIN, "id")}
    payload = mapping(unseal(conn, campaigns.c.payload, row.name, row.payload))
    return Campaign(
        kind=JobKind(row.kind), payload=payload, state=CampaignState(row.state), **plain
    )
