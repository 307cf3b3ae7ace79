"""The tables, as SQLAlchemy sees them. What the database has is made by the migrations.

What is searched has a column of its own; what is only kept whole is bytes (msgspec), never a JSON
type of the database.  Times are epoch seconds.  A column with ``info["sealed_by"]`` holds blobs of
the vault, bound to the table, the column and the row's value in the named column.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite numbers rows by itself only where the type is INTEGER, and gives a number again after its
# row was deleted unless told otherwise (sqlite_autoincrement).
_RowId = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[Any]:
    return Column("id", _RowId, primary_key=True, autoincrement=True)


def _device(*, primary_key: bool = False) -> Column[Any]:
    return Column(
        "device_id",
        _RowId,
        ForeignKey("devices.id", ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )


def _text(name: str, **options: Any) -> Column[Any]:
    return Column(name, Text, nullable=False, **options)


def _time(name: str) -> Column[Any]:
    return Column(name, Double, nullable=False)


def _number(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False)


def _sealed(name: str, by: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, LargeBinary, nullable=nullable, info={"sealed_by": by})


# Columns stand in the order of the fields of `acs.devices.record.Device`.
# last_seen and address have no index on purpose: they change at every contact, and PostgreSQL
# then rewrites the row in place (heap-only tuples), in the room that the fill factor leaves.
devices = Table(
    "devices",
    metadata,
    _id(),
    _text("key", unique=True),
    _text("oui"),
    _text("product_class"),
    _text("serial_number", index=True),
    _text("manufacturer"),
    _text("protocol"),
    _text("root"),
    _text("model"),
    _text("hardware"),
    _text("software"),
    _text("mac", index=True),
    _text("address"),
    _text("connection_request_url"),
    _text("standing", index=True),
    _text("reason"),
    _text("equipment", index=True),
    _text("matched_by"),
    _text("suggestion"),
    _text("blueprint"),
    _text("fingerprint"),
    _text("wish"),
    _text("marker"),
    _text("plan"),
    _time("checked_at"),
    _number("failures"),
    _time("retry_at"),
    _time("first_seen"),
    _time("last_seen"),
    _time("last_boot"),
    _time("last_bootstrap"),
    Column("own_credentials", Boolean, nullable=False),
    postgresql_with={"fillfactor": 80},
    sqlite_autoincrement=True,
)

snapshots = Table(
    "snapshots",
    metadata,
    _device(primary_key=True),
    _time("at"),
    _sealed("body", "device_id"),
)

proofs = Table(
    "proofs",
    metadata,
    _id(),
    _device(),
    _time("at"),
    _text("session"),
    _text("plan"),
    _text("fingerprint"),
    Column("complete", Boolean, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    Index(None, "device_id", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    _id(),
    _device(),
    _text("kind"),
    _sealed("payload", "device_id"),
    _number("priority"),
    _text("state"),
    _number("attempts"),
    _time("created_at"),
    _text("created_by"),
    _time("expires_at"),
    _time("finished_at"),
    _sealed("result", "id", nullable=True),
    Index(None, "device_id", "state"),
    Index(None, "state", "finished_at"),
    sqlite_autoincrement=True,
)

timeline = Table(
    "timeline",
    metadata,
    _id(),
    _device(),
    _time("at"),
    _text("kind"),
    _text("text"),
    _text("session"),
    Column("detail", LargeBinary, nullable=False),
    Index(None, "device_id", "id"),
)

faults = Table(
    "faults",
    metadata,
    _device(primary_key=True),
    _text("subject", primary_key=True),
    _time("at"),
    _number("code"),
    _text("text"),
    Column("parameters", LargeBinary, nullable=False),
    _number("count"),
    _time("retry_at"),
)

credentials = Table(
    "credentials",
    metadata,
    _device(primary_key=True),
    _text("username", unique=True),
    _sealed("ha1", "device_id"),
    _sealed("pending", "device_id", nullable=True),
    _sealed("earlier", "device_id", nullable=True),
)

equipment = Table(
    "equipment",
    metadata,
    _text("name", primary_key=True),
    _text("serial_number", index=True),
    _text("cwmp_serial", index=True),
    _text("barcode", index=True),
    _text("gpon_serial", index=True),
    _text("mac", index=True),
    _text("status"),
    _text("customer"),
    _text("service_location"),
    _text("service_subscription"),
    _text("modified"),
    _text("digest"),
    _sealed("intent", "name"),
    Column("fetched_at", Double, nullable=False, index=True),
    Column("present", Boolean, nullable=False),
)

# One row per name: merging what several processes learn is then an insert that may find it there.
model_facts = Table(
    "model_facts",
    metadata,
    _text("model_key", primary_key=True),
    _text("missing", primary_key=True),
)

meta = Table(
    "meta",
    metadata,
    _text("key", primary_key=True),
    _sealed("value", "key"),
)
