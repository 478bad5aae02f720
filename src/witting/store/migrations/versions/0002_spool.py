"""Live events that were received and wait for the walk, and which of them were taken before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from witting.store.tables import UtcTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "known_events",
        sa.Column("event_mac", sa.Text, primary_key=True),
        sa.Column("received_at", UtcTime, nullable=False, index=True),
    )
    op.create_table(
        "spool",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("event_mac", sa.Text, sa.ForeignKey("known_events.event_mac"), nullable=False, unique=True),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.subject_id"), nullable=False),
        sa.Column("about_rights", sa.Boolean, nullable=False),
        sa.Column("received_at", UtcTime, nullable=False),
        sa.Column("batch", sa.Text, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
    )
