"""What jobs belong to, and the WAN that carries a device's sessions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("devices", sa.Column("wan", sa.Text(), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("campaign", _ROW_ID, nullable=False, server_default="0"))
    op.create_index(op.f("ix_jobs_campaign_state"), "jobs", ["campaign", "state"], unique=False)
