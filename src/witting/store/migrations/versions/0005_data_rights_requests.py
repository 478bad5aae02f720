"""Requests that agents send for people, with the ledger entries they became."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "data_rights_requests",
        sa.Column("request_id", sa.Text, primary_key=True),
        sa.Column("agent_id", sa.Text, nullable=False),
        sa.Column("agent_request_id", sa.Text),
        sa.Column("exercise", sa.Text, nullable=False),
        sa.Column("content_mac", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entries", sa.Text, nullable=False),
        sa.Column("matched", sa.Boolean, nullable=False),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("settled", sa.Text),
    )
    op.create_index("ix_data_rights_requests_matched", "data_rights_requests", ["matched"])
