"""Tags, what rules did, groups, and campaigns over many devices."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Table

from acs.store.tables.columns import ROW_ID, device, metadata, number, row_id, sealed, text, time

tags = Table("tags", metadata, device(primary_key=True), text("tag", primary_key=True, index=True))

rule_runs = Table(
    "rule_runs", metadata, device(primary_key=True), text("rule", primary_key=True), time("at")
)

groups = Table(
    "groups",
    metadata,
    text("name", primary_key=True),
    text("query"),
    time("created_at"),
    text("created_by"),
)

# ``rate``: jobs per minute, 0 for all at once. ``stop_share``: share of failed among the finished
# from which it stops. ``released_at``: the time up to which devices have had their turn; whoever
# moves it on releases the next ones.
campaigns = Table(
    "campaigns",
    metadata,
    row_id(),
    text("name", unique=True),
    text("kind"),
    sealed("payload", "name"),
    text("query"),
    number("priority"),
    Column("lifetime", Double, nullable=False),
    number("rate"),
    Column("stop_share", Double, nullable=False),
    text("state", index=True),
    text("reason"),
    time("starts_at"),
    time("released_at"),
    time("created_at"),
    text("created_by"),
    time("finished_at"),
    sqlite_autoincrement=True,
)

# The devices a campaign was made for; job_id 0: its turn has not come.
campaign_devices = Table(
    "campaign_devices",
    metadata,
    Column("campaign_id", ROW_ID, primary_key=True, autoincrement=False, nullable=False),
    device(primary_key=True),
    Column("job_id", ROW_ID, nullable=False),
    Index(None, "campaign_id", "job_id"),
)
