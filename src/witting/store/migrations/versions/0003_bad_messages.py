"""Messages no event could be read from wait in the spool, too: of nobody that is known, with the reason."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("spool") as spool:  # SQLite cannot change a column: the table is written anew
        spool.alter_column("subject_id", existing_type=sa.Text(), nullable=True)
        spool.add_column(sa.Column("reason", sa.Text))
