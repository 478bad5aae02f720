"""Small doors to two tables: which files were read with what result, and which runs are open or over.

Covered: artifacts by hash, runs that can be found again and gone on with after a crash. Not covered: what a run does.
An artifact has no path, because file names carry people's names; its hash tells whether the same file came again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from witting.errors import StoreError
from witting.store.database import begin_write
from witting.store.tables import artifacts, runs

ROWS_PER_BATCH = 1_000


@dataclass(frozen=True)
class Artifact:
    """What became of one file: records = turns + skipped, quarantined ones included."""

    sha256: str
    source: str | None
    verdict: str  # read | refused
    reason: str  # empty when read
    records: int
    turns: int
    signals: int
    skipped: Mapping[str, int]
    quarantined: int
    admitted_at: datetime
    account_mac: str | None = None  # of the account named for it, where it names none itself


@dataclass(frozen=True)
class Run:
    """One run of some kind (`walk`, `training`, `erasure`, ...), as of a time; `body` is what it needs to go on."""

    run_id: str
    kind: str
    as_of: datetime
    status: Literal["open", "done", "failed"]
    started_at: datetime  # by the database's clock, as ended_at
    ended_at: datetime | None
    body: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON; never a person's words


def artifact(database: sa.Engine, sha256: str) -> Artifact | None:
    """None if no file with this hash was seen."""
    with database.connect() as connection:
        row = connection.execute(sa.select(artifacts).where(artifacts.c.sha256 == sha256)).mappings().first()
    return None if row is None else _artifact(row)


def keep_artifact(database: sa.Engine, artifact: Artifact) -> None:
    """Keeps the verdict on a file; a newer one on the same file takes its place."""
    values = asdict(artifact) | {"skipped": json.dumps(dict(artifact.skipped), sort_keys=True)}
    with begin_write(database, lock="artifacts") as connection:
        connection.execute(sa.delete(artifacts).where(artifacts.c.sha256 == artifact.sha256))
        connection.execute(sa.insert(artifacts), values)


def all_artifacts(database: sa.Engine) -> Iterator[Artifact]:
    """Every artifact by hash."""
    query = sa.select(artifacts).order_by(artifacts.c.sha256).execution_options(yield_per=ROWS_PER_BATCH)
    with database.connect() as connection:
        for row in connection.execute(query).mappings():
            yield _artifact(row)


def open_run(
    database: sa.Engine, kind: str, as_of: datetime, *, body: Mapping[str, Any] | None = None
) -> Run:
    """A new run with a random id, open until `close_run`. Any: JSON."""
    run_id = secrets.token_hex(16)
    values = {
        "run_id": run_id,
        "kind": kind,
        "as_of": as_of,
        "status": "open",
        "body": json.dumps(dict(body or {})),
    }
    with begin_write(database, lock="runs") as connection:
        connection.execute(sa.insert(runs), values)
        return _one_run(connection, run_id)


def unfinished_run(database: sa.Engine, kind: str) -> Run | None:
    """The run of this kind that was opened last and not closed: what a crash or Ctrl-C left to go on with."""
    return next(iter(unfinished_runs(database, kind)), None)


def unfinished_runs(database: sa.Engine, kind: str) -> list[Run]:
    """Every run of this kind that was not closed, newest first."""
    query = sa.select(runs).where(runs.c.kind == kind, runs.c.status == "open").order_by(runs.c.opened.desc())
    with database.connect() as connection:
        return [_run(row) for row in connection.execute(query).mappings()]


def note_run(database: sa.Engine, run_id: str, body: Mapping[str, Any]) -> Run:
    """Replaces what an open run remembers. Any: JSON."""
    return _change_open(database, run_id, {"body": json.dumps(dict(body))})


def close_run(
    database: sa.Engine,
    run_id: str,
    *,
    status: Literal["done", "failed"] = "done",
    body: Mapping[str, Any] | None = None,
) -> Run:
    """Closes an open run, with a last `body` if one is given. Any: JSON. Raises StoreError if it is closed already."""
    values: dict[str, Any] = {"status": status, "ended_at": sa.func.now()}  # Any: column values
    if body is not None:
        values["body"] = json.dumps(dict(body))
    return _change_open(database, run_id, values)


def all_runs(database: sa.Engine, kind: str, *, newest: int = 100) -> list[Run]:
    """The newest runs of this kind, newest first."""
    query = sa.select(runs).where(runs.c.kind == kind).order_by(runs.c.opened.desc()).limit(newest)
    with database.connect() as connection:
        return [_run(row) for row in connection.execute(query).mappings()]


def _change_open(database: sa.Engine, run_id: str, values: Mapping[str, Any]) -> Run:  # Any: column values
    change = sa.update(runs).where(runs.c.run_id == run_id, runs.c.status == "open").values(**values)
    with begin_write(database, lock="runs") as connection:
        if connection.execute(change).rowcount != 1:
            raise StoreError(
                f"run {run_id} is not open: it was closed before, or never opened here. Open a new one."
            )
        return _one_run(connection, run_id)


def _one_run(connection: sa.Connection, run_id: str) -> Run:
    return _run(connection.execute(sa.select(runs).where(runs.c.run_id == run_id)).mappings().one())


def _run(row: sa.RowMapping) -> Run:
    return Run(
        run_id=row["run_id"],
        kind=row["kind"],
        as_of=row["as_of"],
        status=row["status"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        body=json.loads(row["body"]),
    )


def _artifact(row: sa.RowMapping) -> Artifact:
    return Artifact(
        sha256=row["sha256"],
        source=row["source"],
        verdict=row["verdict"],
        reason=row["reason"],
        records=row["records"],
        turns=row["turns"],
        signals=row["signals"],
        skipped=json.loads(row["skipped"]),
        quarantined=row["quarantined"],
        admitted_at=row["admitted_at"],
        account_mac=row["account_mac"],
    )
