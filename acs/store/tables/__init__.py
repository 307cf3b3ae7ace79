"""The tables, as SQLAlchemy sees them. What the database has is made by the migrations.

What is searched has a column of its own; what is only kept whole is bytes (msgspec), never a JSON
type of the database.  Times are epoch seconds.  A column with ``info["sealed_by"]`` holds blobs of
the vault, bound to the table, the column and the row's value in the named column.
"""

from acs.store.tables.business import (
    api_tokens,
    event_deliveries,
    event_subscribers,
    idempotency,
    inbox,
    news,
    outbox,
    wake_accounts,
    wakes,
)
from acs.store.tables.columns import metadata
from acs.store.tables.core import (
    credentials,
    devices,
    equipment,
    faults,
    jobs,
    meta,
    model_facts,
    proofs,
    snapshots,
    timeline,
)
from acs.store.tables.files import files, upload_slots, uploads
from acs.store.tables.fleet import campaign_devices, campaigns, groups, rule_runs, tags
from acs.store.tables.trees import model_layouts, model_names, recordings, trees
from acs.store.tables.usp import usp_agents, usp_claims, usp_models, usp_notifies

__all__ = [
    "api_tokens",
    "campaign_devices",
    "campaigns",
    "credentials",
    "devices",
    "equipment",
    "event_deliveries",
    "event_subscribers",
    "faults",
    "files",
    "groups",
    "idempotency",
    "inbox",
    "jobs",
    "meta",
    "metadata",
    "model_facts",
    "model_layouts",
    "model_names",
    "news",
    "outbox",
    "proofs",
    "recordings",
    "rule_runs",
    "snapshots",
    "tags",
    "timeline",
    "trees",
    "upload_slots",
    "uploads",
    "usp_agents",
    "usp_claims",
    "usp_models",
    "usp_notifies",
    "wake_accounts",
    "wakes",
]
