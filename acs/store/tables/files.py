"""Files that devices fetch, and files they sent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, LargeBinary, Table

from acs.store.tables.columns import ROW_ID, device, metadata, row_id, sealed, text, time

# ``fits``: patterns of the devices it is made for. ``sha256``: also its name in the folder.
files = Table(
    "files",
    metadata,
    text("name", primary_key=True),
    text("file_type"),
    text("version"),
    Column("size", BigInteger, nullable=False),
    text("sha256", unique=True),
    Column("fits", LargeBinary, nullable=False),
    text("note"),
    time("added_at"),
    text("added_by"),
)

# Where a device may put one file, once.
upload_slots = Table(
    "upload_slots",
    metadata,
    text("username", primary_key=True),
    device(),
    Column("job_id", ROW_ID, nullable=False),
    sealed("password", "username"),
    text("file_type"),
    time("expires_at"),
    Column("used", Boolean, nullable=False),
)

# ``key``: what the file is encrypted with. ``stored``: its name in the folder.
uploads = Table(
    "uploads",
    metadata,
    row_id(),
    device(),
    Column("job_id", ROW_ID, nullable=False),
    text("file_type"),
    Column("size", BigInteger, nullable=False),
    text("sha256"),
    text("stored", unique=True),
    sealed("key", "stored"),
    time("at"),
    sqlite_autoincrement=True,
)
