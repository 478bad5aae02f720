"""The database tables of the store, as SQLAlchemy Core metadata, for SQLite and PostgreSQL alike.

Covered: pointers to snapshots, the vault (handles, subjects, evidence), artifacts, runs, live events that wait for the
walk, the projection of rights events. Not covered: the ledger's own tables (`witting.ledger.tables`); how a database gets these
(`migrations/`, which a test holds equal to this page).

No column holds a person's words, name or handle in the clear: `sealed` and `sealed_handle` are AES-GCM under
that person's key, `handle_mac` is a keyed hash. Times are UTC; `*_us` are microseconds since 1970. Times that
default to the database's clock are for operators; the times that count are in the ledger.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator


class UtcTime(TypeDecorator[datetime]):
    """A time with its zone, UTC on the way out. SQLite keeps none, so it is taken off and put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored; pass an aware datetime.")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = sa.MetaData()

# What each name points at now; moved by compare-and-swap (`parts.Snapshots`).
pointers = sa.Table(
    "pointers",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("snapshot_id", sa.Text, nullable=False),
    sa.Column("snapshot", sa.Text, nullable=False),  # canonical JSON (RFC 8785)
    sa.Column("moved_at", UtcTime, nullable=False, server_default=sa.func.now()),
)

# Everything a name ever pointed at: hashes and counts, never rows.
pointer_history = sa.Table(
    "pointer_history",
    metadata,
    sa.Column("move", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("name", sa.Text, nullable=False, index=True),
    sa.Column("snapshot_id", sa.Text, nullable=False),
    sa.Column("snapshot", sa.Text, nullable=False),
    sa.Column("moved_at", UtcTime, nullable=False, server_default=sa.func.now()),
)

subjects = sa.Table(
    "subjects",
    metadata,
    sa.Column("subject_id", sa.Text, primary_key=True),  # 32 hex, random
    sa.Column("created_at", UtcTime, nullable=False, server_default=sa.func.now()),
    sa.Column("erased_at", UtcTime),
)

handles = sa.Table(
    "handles",
    metadata,
    sa.Column("handle_mac", sa.Text, primary_key=True),  # stays after an erasure, to refuse a late batch
    sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.subject_id"), nullable=False, index=True),
    sa.Column("sealed_handle", sa.LargeBinary),  # null once erased
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("commitment", sa.Text, primary_key=True),  # salted, as in the ledger entry
    sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.subject_id"), nullable=False, index=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)

# What was read from one file. No path: file names carry people's names.
artifacts = sa.Table(
    "artifacts",
    metadata,
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("source", sa.Text),  # null where no reader claimed it
    sa.Column("verdict", sa.Text, nullable=False),  # read | refused
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("records", sa.BigInteger, nullable=False),
    sa.Column("turns", sa.BigInteger, nullable=False),
    sa.Column("signals", sa.BigInteger, nullable=False),
    sa.Column("skipped", sa.Text, nullable=False),  # JSON: reason to count
    sa.Column("quarantined", sa.BigInteger, nullable=False),
    sa.Column("admitted_at", UtcTime, nullable=False),
    sa.Column("account_mac", sa.Text),  # keyed hash of the account it was read under, where one was named
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("opened", sa.Integer, primary_key=True, autoincrement=True),  # order of opening
    sa.Column("run_id", sa.Text, nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False, index=True),
    sa.Column("as_of", UtcTime, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # open | done | failed
    sa.Column("body", sa.Text, nullable=False),  # JSON
    sa.Column("started_at", UtcTime, nullable=False, server_default=sa.func.now()),
    sa.Column("ended_at", UtcTime),
)

# Live events (`spool.py`) by a keyed hash of source and id: what was taken once is not taken again.
known_events = sa.Table(
    "known_events",
    metadata,
    sa.Column("event_mac", sa.Text, primary_key=True),
    sa.Column("received_at", UtcTime, nullable=False, index=True),
)

# Those that wait for the walk, in the order they came.
spool = sa.Table(
    "spool",
    metadata,
    sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("event_mac", sa.Text, sa.ForeignKey("known_events.event_mac"), nullable=False, unique=True),
    sa.Column("subject_id", sa.Text, sa.ForeignKey("subjects.subject_id")),  # null of a bad message
    sa.Column("about_rights", sa.Boolean, nullable=False),  # a consent, a no, or an erasure request
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("batch", sa.Text, index=True),  # what is read together; null until a walk takes it up
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("reason", sa.Text),  # why no event could be read from it; sealed under the quarantine key then
)

# Requests that an agent sent for a person (`requests.py`), with the ledger entries they became. No column says who.
data_rights_requests = sa.Table(
    "data_rights_requests",
    metadata,
    sa.Column("request_id", sa.Text, primary_key=True),  # a UUID, the same for the same request
    sa.Column("agent_id", sa.Text, nullable=False),
    sa.Column("exercise", sa.Text, nullable=False),
    sa.Column("content_mac", sa.Text, nullable=False),  # keyed hash of what was asked and of whom
    sa.Column("received_at", UtcTime, nullable=False),
    sa.Column("entries", sa.Text, nullable=False),  # JSON list of ledger indexes
    sa.Column("matched", sa.Boolean, nullable=False, index=True),  # whether the person is one we know
    sa.Column("verified", sa.Boolean, nullable=False),
    sa.Column("settled", sa.Text),  # JSON [status, reason]: answered at once, without an entry
)

# schema.EVENT, folded from the ledger's rights.* entries; may be lost and replayed.
events = sa.Table(
    "events",
    metadata,
    sa.Column("entry", sa.BigInteger, primary_key=True, autoincrement=False),  # ledger index
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, index=True),
    sa.Column("purposes", sa.Text, nullable=False),  # JSON list
    sa.Column("occurred_at_us", sa.BigInteger, nullable=False),
    sa.Column("verdict", sa.Text),
    sa.Column("valid_from_us", sa.BigInteger),
    sa.Column("expires_at_us", sa.BigInteger),
    sa.Column("place", sa.Text),
    sa.Column("age", sa.SmallInteger),
    sa.Column("special", sa.Text),  # JSON list
    sa.Column("safeguards", sa.Text),  # JSON list
)

# One row: the last ledger entry the projections have seen; -1 before the first.
projection_state = sa.Table(
    "projection_state",
    metadata,
    sa.Column("id", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("applied_index", sa.BigInteger, nullable=False),
)
