"""What models and devices have: names per model, whole trees per device; and recordings."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table

from acs.store.tables.columns import device, metadata, row_id, sealed, text, time

# The names a model and firmware has, with {i} for instance numbers.
model_names = Table(
    "model_names",
    metadata,
    text("model_key", primary_key=True),
    time("at"),
    Column("body", LargeBinary, nullable=False),
)

# Rows of the tables of a model in factory state: paths, one to a line.
model_layouts = Table(
    "model_layouts",
    metadata,
    text("model_key", primary_key=True),
    text("path", primary_key=True),
    text("rows"),
)

# Trees of a device, each whole, the latest last; older ones are its past.
trees = Table(
    "trees",
    metadata,
    row_id(),
    device(),
    time("at"),
    sealed("body", "device_id"),
    Index(None, "device_id", "id"),
    sqlite_autoincrement=True,
)

# Whose sessions are recorded, by the key a device announces: it need not have called yet.
recordings = Table(
    "recordings",
    metadata,
    text("device_key", primary_key=True),
    time("until"),
    text("asked_by"),
    time("asked_at"),
)
