"""Webhooks in, writes and events out, wake-ups; whose settings a device shows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _id() -> sa.Column[int]:
    return sa.Column("id", _ROW_ID, autoincrement=True, nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _time(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _blob(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*(columns or ("id",)), name=op.f(f"pk_{table}"))


def _unique(table: str, *columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns), unique=False)


def _device(table: str) -> tuple[sa.Column[int], sa.ForeignKeyConstraint]:
    return (
        sa.Column("device_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices.id"],
            name=op.f(f"fk_{table}_device_id_devices"),
            ondelete="CASCADE",
        ),
    )


def upgrade() -> None:
    _add_columns()
    op.create_table(
        "inbox",
        _id(),
        *map(_text, ("source", "key", "doctype", "name", "modified", "state")),
        _number("attempts"),
        *map(_time, ("received_at", "next_at", "ended_at")),
        _text("error"),
        _key("inbox"),
        _unique("inbox", "source", "key"),
        sqlite_autoincrement=True,
    )
    _index("inbox", "state", "next_at")
    _index("inbox", "name", "doctype")
    op.create_table(
        "outbox",
        _id(),
        *map(_text, ("key", "kind", "doctype", "name")),
        _blob("body"),
        _text("state"),
        _number("attempts"),
        *map(_time, ("created_at", "changed_at", "next_at", "ended_at")),
        _text("error"),
        _key("outbox"),
        _unique("outbox", "key"),
        sqlite_autoincrement=True,
    )
    _index("outbox", "state", "next_at")
    op.create_table(
        "news",
        _id(),
        _time("at"),
        _text("kind"),
        sa.Column("device_id", _ROW_ID, nullable=False),
        *map(_text, ("subject", "equipment", "text")),
        _blob("detail"),
        _key("news"),
        sqlite_autoincrement=True,
    )
    _create_event_tables()
    _create_api_tables()
    op.create_table(
        "wakes",
        *_device("wakes"),
        *map(_text, ("reason", "state", "way", "detail")),
        _number("attempts"),
        *map(_time, ("asked_at", "sent_at", "next_at", "ended_at")),
        _key("wakes", "device_id"),
    )
    _index("wakes", "state", "next_at")
    op.create_table(
        "wake_accounts",
        *_device("wake_accounts"),
        _text("username"),
        _blob("password"),
        _key("wake_accounts", "device_id"),
    )


def _add_columns() -> None:
    # What is there already was set up by this server, or is looked at as if it were.
    for table, column, default in (
        ("devices", "custody", "ours"),
        ("devices", "udp_address", ""),
        ("devices", "lost", ""),
        ("equipment", "treatment", "provision"),
        ("equipment", "services", ""),
    ):
        op.add_column(table, sa.Column(column, sa.Text(), nullable=False, server_default=default))


def _create_event_tables() -> None:
    op.create_table(
        "event_subscribers",
        _id(),
        _text("url"),
        _blob("secret"),
        _text("kinds"),
        _flag("enabled"),
        _text("reason"),
        _flag("allow_http"),
        _time("created_at"),
        _text("created_by"),
        _key("event_subscribers"),
        _unique("event_subscribers", "url"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "event_deliveries",
        _id(),
        sa.Column("subscriber_id", _ROW_ID, nullable=False),
        sa.Column("news_id", _ROW_ID, nullable=False),
        _text("state"),
        _number("attempts"),
        *map(_time, ("created_at", "next_at", "ended_at")),
        _text("error"),
        _key("event_deliveries"),
        _unique("event_deliveries", "subscriber_id", "news_id"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["event_subscribers.id"],
            name=op.f("fk_event_deliveries_subscriber_id_event_subscribers"),
            ondelete="CASCADE",
        ),
        sqlite_autoincrement=True,
    )
    _index("event_deliveries", "subscriber_id", "state", "news_id")


def _create_api_tables() -> None:
    op.create_table(
        "api_tokens",
        _id(),
        *map(_text, ("name", "digest", "scopes")),
        *map(_time, ("created_at", "expires_at", "last_used_at")),
        _text("created_by"),
        _key("api_tokens"),
        _unique("api_tokens", "name"),
        _unique("api_tokens", "digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "idempotency",
        *map(_text, ("scope", "key", "digest")),
        _time("at"),
        _number("status"),
        _blob("answer", nullable=True),
        _key("idempotency", "scope", "key"),
    )
