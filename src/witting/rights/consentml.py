"""Taking over a consentml store: who revoked, and which models were trained on how many people.

Covers: the SQLite file of consentml 0.1 and 0.2 (schema versions 0 to 2), read-only: its hash chain and lineage checked, its
revocations as withdrawals. Not covered: Snowflake stores; consents, because consentml records none: that somebody's rows
were trained on is no consent and opens nothing here.

A revocation names a person by the unsalted SHA-256 of their id. It is matched with the ids that somebody gives, those that
the store holds in the clear, and the people known here under the same source. One that matches nobody is recorded all the
same, under its hash, and counted: a no is never lost, nor by a chain that is broken. Of a run goes into the ledger what is a
hash, a count or a time, and nothing that only stands where one should: it is left out and counted.
From: consentml 0.2.0, store.py, verify.py, hashing.py (MIT).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785

from witting.errors import UnreadableFile
from witting.ledger.entry import WHOLE_NUMBER_MAX
from witting.rights.event import RightsEvent, said_at

GENESIS_HASH = "0" * 64
SCHEMA_VERSIONS = (0, 1, 2)
SQLITE_HEADER = b"SQLite format 3\x00"
FINDINGS_MAX = 20  # named; the rest are counted
RUNS_MAX = (
    200  # named in the ledger entry, at most 300 bytes each; more are in the object it gives the hash of
)
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class ConsentmlStore:
    """What a store holds. `findings` say where its log contradicts itself or its tables; none: the chain is whole."""

    sha256: str  # of the file
    schema_version: int
    entries: int
    head_hash: str | None  # None: what stands there is no hash
    findings: tuple[str, ...]
    runs: tuple[dict[str, Any], ...]  # JSON: hashes, counts and times, no names
    fields_left_out: int  # of runs, because they are no hash, count or time
    lineage_rows: int
    subjects: int
    revocations: tuple[tuple[str, str], ...]  # subject key (SHA-256, hex) and time
    unreadable_revocations: int  # that name nobody
    clear_ids: tuple[str, ...]  # where a run kept ids unhashed

    def as_entry(self) -> dict[str, Any]:
        """For the ledger: whose history was taken over, and in which state it was. No names, no subject keys, and small enough
        for an entry, however many runs there are."""
        return {
            "format": "consentml",
            "sha256": self.sha256,
            "schema_version": self.schema_version,
            "entries": self.entries,
            "head_hash": self.head_hash,
            "chain": self.chain,
            "findings": len(self.findings),
            "runs": list(self.runs[:RUNS_MAX]),
            "runs_in_all": len(self.runs),
            "runs_sha256": hashlib.sha256(self.runs_kept()).hexdigest(),
            "fields_left_out": self.fields_left_out,
            "lineage_rows": self.lineage_rows,
            "subjects": self.subjects,
            "revocations": len(self.revocations),
            "unreadable_revocations": self.unreadable_revocations,
        }

    def runs_kept(self) -> bytes:
        """All of them, a canonical JSON array (RFC 8785)."""
        return rfc8785.dumps([dict(run) for run in self.runs])

    @property
    def chain(self) -> str:
        return "broken" if self.findings else "whole"


def read_store(path: Path) -> ConsentmlStore:
    """The whole store, into memory: about 500 bytes an entry of its log. Raises UnreadableFile."""
    try:
        with path.open("rb") as stream:
            if stream.read(len(SQLITE_HEADER)) != SQLITE_HEADER:
                raise UnreadableFile(f"{path} is not a SQLite file; consentml keeps its store in one.")
            stream.seek(0)
            digest = hashlib.sha256()
            while block := stream.read(READ_BYTES):
                digest.update(block)
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            return _read(database, digest.hexdigest())
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise UnreadableFile(
            f"{path} is not a store of consentml, or is damaged: {type(error).__name__}."
        ) from error


def withdrawals(
    store: ConsentmlStore, *, source: str, ids: Iterable[str], now: datetime
) -> tuple[list[RightsEvent], int]:
    """A withdrawal a revocation, of `source:id`; and how many match no id and are of `source:sha256:KEY`."""
    handles = {hash_id(name): f"{source}:{name}" for name in (*store.clear_ids, *ids)}
    events = [
        RightsEvent("withdrawal", handles.get(key, f"{source}:sha256:{key}"), said_at(at, now=now))
        for key, at in store.revocations
    ]
    return events, sum(key not in handles for key, _ in store.revocations)


def hash_id(subject_id: str) -> str:
    return hashlib.sha256(subject_id.encode("utf-8", "replace")).hexdigest()  # consentml, hashing.py


def _read(database: sqlite3.Connection, sha256: str) -> ConsentmlStore:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version not in SCHEMA_VERSIONS:
        raise sqlite3.DatabaseError("an unknown schema")
    rows = database.execute(
        "SELECT id, timestamp, event_type, payload, prev_hash, entry_hash FROM audit_log ORDER BY id"
    ).fetchall()
    payloads = [_payload(row[3]) for row in rows]
    runs = {str(run["run_id"]): run for run in _runs(database, version)}
    revoked = [
        (payload.get("subject_key"), str(row[1]))
        for row, payload in zip(rows, payloads, strict=True)
        if row[2] == "revocation"
    ]
    known = [(str(key), at) for key, at in revoked if _is_key(key)]
    findings = [*_broken(rows), *_contradicted(rows, payloads, runs)]
    named = [_named(run) for run in runs.values()]
    keys = "subject_id_hash" if version == 0 else "subject_key"
    table = "subject_index" if version == 0 else "subjects"
    people = [str(row[0]) for row in database.execute(f"SELECT DISTINCT {keys} FROM {table}")]  # noqa: S608  # our own names
    return ConsentmlStore(
        sha256=sha256,
        schema_version=version,
        entries=len(rows),
        head_hash=(rows[-1][5] if _is_key(rows[-1][5]) else None) if rows else GENESIS_HASH,
        findings=tuple(findings),
        runs=tuple(named),
        fields_left_out=sum(len(run) - 1 for run in runs.values()) - sum(map(len, named)),
        lineage_rows=sum(run["lineage_rows"] for run in runs.values()),
        subjects=len(people),
        revocations=tuple(known),
        unreadable_revocations=len(revoked) - len(known),
        clear_ids=tuple(name for name in people if not _is_key(name)),
    )


def _runs(database: sqlite3.Connection, version: int) -> Iterator[dict[str, Any]]:
    """Of each training run what identifies it and how many people it is said to hold, and how many it does."""
    key = "run_id" if version == 0 else "run_pk"
    counted = dict(database.execute(f"SELECT {key}, count(*) FROM subject_index GROUP BY 1"))  # noqa: S608  # our own names
    query = f"SELECT {key}, run_id, model_hash, n_subjects, started_at, finished_at FROM training_runs ORDER BY started_at"  # noqa: S608
    for place, run_id, model_hash, people, started_at, finished_at in database.execute(query):
        yield {
            "run_id": run_id,
            "model_hash": str(model_hash),
            "subjects": people if isinstance(people, int) else None,
            "lineage_rows": counted.get(place, 0),
            "started_at": started_at,
            "finished_at": finished_at,
        }


def _named(run: dict[str, Any]) -> dict[str, Any]:
    """Of a run what may stand in the ledger for good: only what is the hash, count or time it should be."""
    known: dict[str, Any] = {
        "model_hash": run["model_hash"] if _is_key(run["model_hash"]) else None,
        **{name: _count(run[name]) for name in ("subjects", "lineage_rows")},
        **{name: _time(run[name]) for name in ("started_at", "finished_at")},
    }
    return {name: value for name, value in known.items() if value is not None}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= WHOLE_NUMBER_MAX else None


def _time(value: object) -> str | None:
    """ISO 8601, written anew."""
    try:
        return datetime.fromisoformat(value).isoformat() if isinstance(value, str) else None
    except ValueError:
        return None


def _payload(text: object) -> dict[str, Any]:
    try:
        payload = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        payload = None
    return payload if isinstance(payload, dict) else {}


def _is_key(value: object) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def _broken(rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """Each entry by its own fields, each link by the entry before (consentml, verify.py)."""
    before = GENESIS_HASH
    for number, at, kind, payload, previous, hashed in rows:
        said = f"{previous}{at}{kind}{payload}".encode("utf-8", "replace")
        if hashlib.sha256(said).hexdigest() != hashed:
            yield f"entry {number}: its hash does not fit its contents"
        if previous != before:
            yield f"entry {number}: it does not follow the entry before"
        before = hashed


def _contradicted(
    rows: list[tuple[Any, ...]], payloads: list[dict[str, Any]], runs: dict[str, dict[str, Any]]
) -> Iterator[str]:
    """Where the log and the tables say different things of a run."""
    logged = set()
    for row, payload in zip(rows, payloads, strict=True):
        if row[2] != "training_run":
            continue
        run = runs.get(str(payload.get("run_id")))
        logged.add(str(payload.get("run_id")))
        if run is None:
            yield f"entry {row[0]}: the run it tells of is gone"
        elif not payload.get("n_subjects") == run["lineage_rows"] == run["subjects"]:
            yield f"entry {row[0]}: the run has another number of people than was logged"
        elif payload.get("model_hash") != run["model_hash"]:
            yield f"entry {row[0]}: the run has another model than was logged"
    for _ in runs.keys() - logged:
        yield "a run that no entry tells of"
