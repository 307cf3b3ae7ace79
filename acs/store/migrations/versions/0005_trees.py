"""Names of models, trees of devices, recordings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "model_names",
        sa.Column("model_key", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("model_key", name=op.f("pk_model_names")),
    )
    op.create_table(
        "recordings",
        sa.Column("device_key", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("device_key", name=op.f("pk_recordings")),
    )
    op.create_table(
        "trees",
        sa.Column("id", _ROW_ID, autoincrement=True, nullable=False),
        sa.Column("device_id", _ROW_ID, autoincrement=False, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"],
            ["devices.id"],
            name=op.f("fk_trees_device_id_devices"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trees")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_trees_device_id_id"), "trees", ["device_id", "id"], unique=False)
