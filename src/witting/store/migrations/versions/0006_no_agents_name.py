"""An agent's own id of a request may name a person: it lies sealed with the message alone."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.drop_column("data_rights_requests", "agent_request_id")
