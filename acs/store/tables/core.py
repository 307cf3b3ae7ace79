"""Devices and what is kept of each, the equipment mirror, what is known of models."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, LargeBinary, Table

from acs.store.tables.columns import ROW_ID, device, metadata, number, row_id, sealed, text, time

# Columns stand in the order of the fields of `acs.devices.record.Device`.
# last_seen and address have no index on purpose: they change at every contact, and PostgreSQL
# then rewrites the row in place (heap-only tuples), in the room that the fill factor leaves.
devices = Table(
    "devices",
    metadata,
    row_id(),
    text("key", unique=True),
    text("oui"),
    text("product_class"),
    text("serial_number", index=True),
    text("manufacturer"),
    text("protocol"),
    text("root"),
    text("model"),
    text("hardware"),
    text("software"),
    text("mac", index=True),
    text("address"),
    text("connection_request_url"),
    text("standing", index=True),
    text("reason"),
    text("equipment", index=True),
    text("matched_by"),
    text("suggestion"),
    text("blueprint"),
    text("fingerprint"),
    text("wish"),
    text("marker"),
    text("plan"),
    text("wan"),
    time("checked_at"),
    number("failures"),
    time("retry_at"),
    time("first_seen"),
    time("last_seen"),
    time("last_boot"),
    time("last_bootstrap"),
    Column("own_credentials", Boolean, nullable=False),
    text("custody"),
    text("udp_address"),
    text("lost"),
    postgresql_with={"fillfactor": 80},
    sqlite_autoincrement=True,
)

snapshots = Table(
    "snapshots",
    metadata,
    device(primary_key=True),
    time("at"),
    sealed("body", "device_id"),
)

proofs = Table(
    "proofs",
    metadata,
    row_id(),
    device(),
    time("at"),
    text("session"),
    text("plan"),
    text("fingerprint"),
    Column("complete", Boolean, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    Index(None, "device_id", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    row_id(),
    device(),
    text("kind"),
    sealed("payload", "device_id"),
    number("priority"),
    text("state"),
    number("attempts"),
    time("created_at"),
    text("created_by"),
    time("expires_at"),
    time("finished_at"),
    sealed("result", "id", nullable=True),
    Column("campaign", ROW_ID, nullable=False),
    Index(None, "device_id", "state"),
    Index(None, "state", "finished_at"),
    Index(None, "campaign", "state"),
    sqlite_autoincrement=True,
)

timeline = Table(
    "timeline",
    metadata,
    row_id(),
    device(),
    time("at"),
    text("kind"),
    text("text"),
    text("session"),
    Column("detail", LargeBinary, nullable=False),
    Index(None, "device_id", "id"),
)

faults = Table(
    "faults",
    metadata,
    device(primary_key=True),
    text("subject", primary_key=True),
    time("at"),
    number("code"),
    text("text"),
    Column("parameters", LargeBinary, nullable=False),
    number("count"),
    time("retry_at"),
)

credentials = Table(
    "credentials",
    metadata,
    device(primary_key=True),
    text("username", unique=True),
    sealed("ha1", "device_id"),
    sealed("pending", "device_id", nullable=True),
    sealed("earlier", "device_id", nullable=True),
)

equipment = Table(
    "equipment",
    metadata,
    text("name", primary_key=True),
    text("serial_number", index=True),
    text("cwmp_serial", index=True),
    text("barcode", index=True),
    text("gpon_serial", index=True),
    text("mac", index=True),
    text("status"),
    text("treatment"),
    text("services"),
    text("customer"),
    text("service_location"),
    text("service_subscription"),
    text("modified"),
    text("digest"),
    sealed("intent", "name"),
    Column("fetched_at", Double, nullable=False, index=True),
    Column("present", Boolean, nullable=False),
)

# One row per name: merging what several processes learn is then an insert that may find it there.
model_facts = Table(
    "model_facts",
    metadata,
    text("model_key", primary_key=True),
    text("missing", primary_key=True),
)

meta = Table(
    "meta",
    metadata,
    text("key", primary_key=True),
    sealed("value", "key"),
)
