"""What all tables share: their metadata, and the makers of columns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
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
ROW_ID = BigInteger().with_variant(Integer, "sqlite")


def row_id() -> Column[Any]:
    """A number the database gives."""
    return Column("id", ROW_ID, primary_key=True, autoincrement=True)


def device(*, primary_key: bool = False) -> Column[Any]:
    """The device a row belongs to; it goes with it."""
    return Column(
        "device_id",
        ROW_ID,
        ForeignKey("devices.id", ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )


def text(name: str, **options: Any) -> Column[Any]:
    """A text, never null."""
    return Column(name, Text, nullable=False, **options)


def time(name: str) -> Column[Any]:
    """Epoch seconds; 0: never."""
    return Column(name, Double, nullable=False)


def number(name: str) -> Column[Any]:
    """A whole number."""
    return Column(name, Integer, nullable=False)


def sealed(name: str, by: str, *, nullable: bool = False) -> Column[Any]:
    """A blob of the vault, bound to the value of the column ``by``."""
    return Column(name, LargeBinary, nullable=nullable, info={"sealed_by": by})
