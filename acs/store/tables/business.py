"""What goes between this server and other systems: webhooks in, writes and events out, wake-ups."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, LargeBinary, Table, UniqueConstraint

from acs.store.tables.columns import (
    ROW_ID,
    device,
    metadata,
    number,
    row_id,
    sealed,
    text,
    time,
)

# Webhooks that were taken and are worked off; ``key`` is that of the event, so that one that is
# delivered again is the same row. The document is read again, so its body is not kept.
inbox = Table(
    "inbox",
    metadata,
    row_id(),
    text("source"),
    text("key"),
    text("doctype"),
    text("name"),
    text("modified"),
    text("state"),
    number("attempts"),
    time("received_at"),
    time("next_at"),
    time("ended_at"),
    text("error"),
    UniqueConstraint("source", "key"),
    Index(None, "state", "next_at"),
    Index(None, "name", "doctype"),
    sqlite_autoincrement=True,
)

# Writes to the business system. One row per ``key``: what is newer takes the place of what still
# waits, so that a site that is away gets the last word only.
outbox = Table(
    "outbox",
    metadata,
    row_id(),
    text("key", unique=True),
    text("kind"),
    text("doctype"),
    text("name"),
    sealed("body", "key"),
    text("state"),
    number("attempts"),
    time("created_at"),
    time("changed_at"),
    time("next_at"),
    time("ended_at"),
    text("error"),
    Index(None, "state", "next_at"),
    sqlite_autoincrement=True,
)

# What happened, in order, for whoever wants to know: consumers keep how far they have read.
# A device may be gone when its news is read, so ``device_id`` is no foreign key.
news = Table(
    "news",
    metadata,
    row_id(),
    time("at"),
    text("kind"),
    Column("device_id", ROW_ID, nullable=False),
    text("subject"),
    text("equipment"),
    text("text"),
    Column("detail", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)

# Systems that are told of news; ``reason`` says why one is paused.
event_subscribers = Table(
    "event_subscribers",
    metadata,
    row_id(),
    text("url", unique=True),
    sealed("secret", "url"),
    text("kinds"),
    Column("enabled", Boolean, nullable=False),
    text("reason"),
    Column("allow_http", Boolean, nullable=False),
    time("created_at"),
    text("created_by"),
    sqlite_autoincrement=True,
)

event_deliveries = Table(
    "event_deliveries",
    metadata,
    row_id(),
    Column(
        "subscriber_id",
        ROW_ID,
        ForeignKey("event_subscribers.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("news_id", ROW_ID, nullable=False),
    text("state"),
    number("attempts"),
    time("created_at"),
    time("next_at"),
    time("ended_at"),
    text("error"),
    UniqueConstraint("subscriber_id", "news_id"),
    Index(None, "subscriber_id", "state", "news_id"),
    sqlite_autoincrement=True,
)

# Tokens of the REST interface; only a keyed digest is kept, so they can only be checked.
api_tokens = Table(
    "api_tokens",
    metadata,
    row_id(),
    text("name", unique=True),
    text("digest", unique=True),
    text("scopes"),
    time("created_at"),
    time("expires_at"),
    time("last_used_at"),
    text("created_by"),
    sqlite_autoincrement=True,
)

# Answers to requests that must not be carried out twice (the Idempotency-Key header).
idempotency = Table(
    "idempotency",
    metadata,
    text("scope", primary_key=True),
    text("key", primary_key=True),
    text("digest"),
    time("at"),
    number("status"),
    sealed("answer", "key", nullable=True),
)

# Devices that are to be called; one row each, gone over anew when it is asked for again.
wakes = Table(
    "wakes",
    metadata,
    device(primary_key=True),
    text("reason"),
    text("state"),
    text("way"),
    text("detail"),
    number("attempts"),
    time("asked_at"),
    time("sent_at"),
    time("next_at"),
    time("ended_at"),
    Index(None, "state", "next_at"),
)

# How we prove to a device that it is us who ask it to call (TR-069 ConnectionRequestUsername).
wake_accounts = Table(
    "wake_accounts",
    metadata,
    device(primary_key=True),
    text("username"),
    sealed("password", "device_id"),
)
