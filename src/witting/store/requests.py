"""Requests that an agent sent for a person: which, when, and the ledger entries they became.

Covered: keeping one in the transaction that appends its entries, finding it again, moving it to the person it is about once
that is known. Not covered: who the person is (the vault), what was asked and answered (the ledger), the message itself (sealed
as evidence). No column says whose a request is; after an erasure it leads to a random id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import sqlalchemy as sa

from witting.store.database import chunks
from witting.store.tables import data_rights_requests as table


@dataclass(frozen=True)
class Kept:
    """One request. `entries` are ledger indexes; `settled` is status and reason of what was answered at once."""

    request_id: str
    agent_id: str
    exercise: str
    content_mac: str
    received_at: datetime
    entries: tuple[int, ...] = ()
    matched: bool = False
    verified: bool = False
    settled: tuple[str, str | None] | None = None


def keep(connection: sa.Connection, kept: Kept) -> None:
    """Raises IntegrityError where the request is there already: who appends in the same transaction appends nothing then."""
    settled = None if kept.settled is None else json.dumps(kept.settled)
    row = asdict(kept) | {"entries": json.dumps(kept.entries), "settled": settled}
    connection.execute(sa.insert(table), [row])


def kept_request(database: sa.Engine, request_id: str) -> Kept | None:
    """None where there is none such."""
    with database.connect() as connection:
        query = sa.select(table).where(table.c.request_id == request_id)
        row = connection.execute(query).mappings().first()
    return None if row is None else _read(row)


def move(connection: sa.Connection, moved: Mapping[int, int], request_ids: Sequence[str]) -> None:
    """Of these requests, entries on the left are those on the right from now on, and their person is known."""
    for ids in chunks(request_ids):
        rows = connection.execute(sa.select(table).where(table.c.request_id.in_(ids))).mappings().all()
        for row in rows:
            new = json.dumps([moved.get(entry, entry) for entry in json.loads(row["entries"])])
            these = sa.update(table).where(table.c.request_id == row["request_id"])
            connection.execute(these.values(entries=new, matched=True))


def _read(row: sa.RowMapping) -> Kept:
    settled = None if row["settled"] is None else json.loads(row["settled"])
    return Kept(
        request_id=row["request_id"],
        agent_id=row["agent_id"],
        exercise=row["exercise"],
        content_mac=row["content_mac"],
        received_at=row["received_at"],
        entries=tuple(json.loads(row["entries"])),
        matched=row["matched"],
        verified=row["verified"],
        settled=None if settled is None else (settled[0], settled[1]),
    )
