"""Campaigns: one job for many devices, given to them at a bounded rate.

A campaign and the devices it is for are kept at once; `acs.store.campaign_steps` makes their jobs
later, some at a time.
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
    case,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)

from acs.devices.record import JobKind, JobState
from acs.store import jobs
from acs.store.codec import mapping, revealing
from acs.store.sealing import seal, unseal
from acs.store.tables import campaign_devices, campaigns, devices
from acs.store.tables import jobs as jobs_table

_CHUNK = 500
_LOOKED_AT = 2000
"""Failed jobs whose reasons are counted."""


class CampaignState(StrEnum):
    """Life of a campaign; one that stopped may be resumed."""

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
