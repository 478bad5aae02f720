"""The ledger's tables with their append-only triggers, and the store's first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from witting.ledger import tables as ledger_tables
from witting.store.tables import UtcTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    _ledger()
    _pointers()
    _vault()
    _work()
    _projections()


def _ledger() -> None:
    connection = op.get_bind()
    ledger_tables.metadata.create_all(connection)
    for statement in ledger_tables.append_only_triggers(connection.dialect.name):
        connection.exec_driver_sql(statement)


def _pointers() -> None:
    op.create_table(
        "pointers",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("snapshot_id", sa.Text, nullable=False),
        sa.Column("snapshot", sa.Text, nullable=False),
        sa.Column("moved_at", UtcTime, nullable=False, server_default=sa.func.now()),
    )
    op.create_table(
        "pointer_history",
        sa.Column("move", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False, index=True),
        sa.Column("snapshot_id", sa.Text, nullable=False),
        sa.Column("snapshot", sa.Text, nullable=False),
        sa.Column("moved_at", UtcTime, nullable=False, server_default=sa.func.now()),
    )


def _vault() -> None:
    op.create_table(
        "subjects",
        sa.Column("subject_id", sa.Text, primary_key=True),
        sa.Column("created_at", UtcTime, nullable=False, server_default=sa.func.now()),
        sa.Column("erased_at", UtcTime),
    )
    op.create_table(
        "handles",
        sa.Column("handle_mac", sa.Text, primary_key=True),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.subject_id"), nullable=False, index=True),
        sa.Column("sealed_handle", sa.LargeBinary),
    )
    op.create_table(
        "evidence",
        sa.Column("commitment", sa.Text, primary_key=True),
        sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.subject_id"), nullable=False, index=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )


def _work() -> None:
    op.create_table(
        "artifacts",
        sa.Column("sha256", sa.Text, primary_key=True),
        sa.Column("source", sa.Text),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("turns", sa.BigInteger, nullable=False),
        sa.Column("signals", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.Text, nullable=False),
        sa.Column("quarantined", sa.BigInteger, nullable=False),
        sa.Column("admitted_at", UtcTime, nullable=False),
    )
    op.create_table(
        "runs",
        sa.Column("opened", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False, index=True),
        sa.Column("as_of", UtcTime, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("started_at", UtcTime, nullable=False, server_default=sa.func.now()),
        sa.Column("ended_at", UtcTime),
    )


def _projections() -> None:
    op.create_table(
        "events",
        sa.Column("entry", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, index=True),
        sa.Column("purposes", sa.Text, nullable=False),
        sa.Column("occurred_at_us", sa.BigInteger, nullable=False),
        sa.Column("verdict", sa.Text),
        sa.Column("valid_from_us", sa.BigInteger),
        sa.Column("expires_at_us", sa.BigInteger),
        sa.Column("place", sa.Text),
        sa.Column("age", sa.SmallInteger),
        sa.Column("special", sa.Text),
        sa.Column("safeguards", sa.Text),
    )
    state = op.create_table(
        "projection_state",
        sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
        sa.Column("applied_index", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(state, [{"id": 1, "applied_index": -1}])
