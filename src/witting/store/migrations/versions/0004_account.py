"""Under whose account a file was read, where it does not name one itself: a keyed hash."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("artifacts", sa.Column("account_mac", sa.Text))
