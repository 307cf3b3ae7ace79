"""USP agents, what they reported, and what their models support."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, LargeBinary, Table, UniqueConstraint

from acs.store.tables.columns import ROW_ID, metadata, row_id, sealed, text, time

# Columns stand in the order of the fields of `acs.devices.agents.Agent`. An agent is known before
# its device is, so ``device_id`` may be 0 and is no foreign key.
usp_agents = Table(
    "usp_agents",
    metadata,
    text("endpoint", primary_key=True),
    Column("device_id", ROW_ID, nullable=False, index=True),
    text("oui"),
    text("product_class"),
    text("serial_number"),
    text("manufacturer"),
    text("model"),
    text("hardware"),
    text("software"),
    text("versions"),
    text("version"),
    text("mtp"),
    text("reply_to"),
    text("credential"),
    text("presence"),
    time("presence_at"),
    text("evidence"),
    text("controller"),
    text("settled"),
    time("first_seen"),
    time("last_seen"),
    postgresql_with={"fillfactor": 80},
)

# ``detail`` may hold whatever a device reports, passwords too. Ids grow with time, so what is too
# old is found without an index on ``at``.
usp_notifies = Table(
    "usp_notifies",
    metadata,
    row_id(),
    text("endpoint"),
    text("msg_id"),
    time("at"),
    text("kind"),
    text("subscription_id"),
    text("path"),
    text("key"),
    sealed("detail", "endpoint", nullable=True),
    Column("waiting", Boolean, nullable=False),
    UniqueConstraint("endpoint", "msg_id"),
)
# Hardly any Notify waits at a time.
Index(
    "ix_usp_notifies_waiting",
    usp_notifies.c.endpoint,
    usp_notifies.c.id,
    sqlite_where=usp_notifies.c.waiting,
    postgresql_where=usp_notifies.c.waiting,
)

# What a model and firmware supports, packed by `acs.usp.supported`.
usp_models = Table(
    "usp_models",
    metadata,
    text("model_key", primary_key=True),
    time("at"),
    text("uri"),
    Column("blob", LargeBinary, nullable=False),
)

# Only written where several servers share agents.
usp_claims = Table(
    "usp_claims",
    metadata,
    text("endpoint", primary_key=True),
    text("holder"),
    time("until"),
)
