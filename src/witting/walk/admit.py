"""intake: files and live events in, sealed parts out. Commits in batches; what was read is consumed only when all of it
is committed. Live events that came over a door are read first: what they say of rights is heard before anything else."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from witting.errors import ConfigError
from witting.intake.apart import admit_apart
from witting.intake.detect import with_mappings
from witting.intake.seal import ERASED, Sealed, all_parties, parties, seal
from witting.intake.source import FileVerdict, Record, RightsRecord, Source
from witting.rights.event import hear, make_event
from witting.rights.record import record
from witting.schema import QUARANTINE, SIGNAL, TURN, empty
from witting.store.parts import Part, read_part, write_part, write_parts
from witting.store.records import Artifact, all_artifacts, artifact, keep_artifact
from witting.walk.accounts import account_mac, accounts_of, configured_accounts, is_read, refuse_anothers
from witting.walk.consume import KEPT, consume, file_sha256, known_verdict, settle, unread_of, why_partly
from witting.walk.drain import Arrived, arrived
from witting.walk.known import Known
from witting.walk.reading import Told
from witting.walk.step import FunnelRow, Step
from witting.workspace import Workspace

GARBAGE_THRESHOLDS = (50_000, 20, 50)  # measured on 100,000 log turns: 7.7 s of processor time become 5.9
COMMITTED = "intake.committed"
# What a record that we did not foresee raises. Not what a disk, a database or a key store does: that is nobody's record.
OF_ONE_RECORD = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
TURNS, SIGNALS, BAD, PEOPLE = "intake/turns", "intake/signals", "intake/quarantine", "intake/parties"


@dataclass(frozen=True)
class _Read:
    """A file, or a batch of live events, read to its end."""

    sha256: str
    verdicts: list[FileVerdict]  # of its members
    consume: Callable[[list[FileVerdict]], None]  # once committed
    account_mac: str | None = None


@dataclass
class _Pending:
    """Sealed batches and the files they end, until the next commit."""

    batches: list[Sealed] = field(default_factory=list)
    files: list[_Read] = field(default_factory=list)

    def rows(self) -> int:
        return sum(batch.turns.num_rows for batch in self.batches)


@dataclass(frozen=True)
class _KnownRows:
    turns: Known
    signals: Known
    quarantine: Known
    told: set[tuple[str, str, str]]  # what the ledger says of files

    @classmethod
    def of(cls, step: Step) -> _KnownRows:
        return cls(
            Known(step, TURNS, "row_id"),
            Known(step, SIGNALS, "signal_id"),
            Known(step, BAD, "quarantine_id"),
            _told(step),
        )


def admit(step: Step) -> dict[str, Any]:
    """Read what came live and every source not read before. Returns what was read, by source, and the funnel row of
    intake."""
    check_shards(step.workspace)
    known, sources = _KnownRows.of(step), step.workspace.sources()
    accounts = configured_accounts(step.workspace, sources)
    with _collecting_seldom():
        live = _drained(step, known)
        files = _admitted(step, sources, None, configured_readers(step.workspace), known, accounts.of)
    return {
        "funnel": funnel(step).as_json(),
        "sources": _by_source(step),
        "files_read_now": len(files),
        "live_events_read_now": live,
        "turns_unnamed_now": sum(verdict.unnamed for verdict in files),
        "accounts_unmatched": list(accounts.unmatched),
    }


def admit_paths(
    step: Step,
    paths: Sequence[Path],
    *,
    source: str | None = None,
    readers: Sequence[Source] | None = None,
    account: str | None = None,
) -> list[FileVerdict]:
    """Seal and commit what these files hold; files read before give nothing again. Returns a verdict a file. `readers`:
    instead of all sources with the configured mappings. `account`: whose they are where they do not say it; else
    `intake.accounts` says it of those in the inbox. Raises UsageError where their turns are here as somebody else's."""
    check_shards(step.workspace)
    with _collecting_seldom():
        chosen = readers or configured_readers(step.workspace)
        accounts = accounts_of(step.workspace, paths, account=account)
        return _admitted(step, paths, source, chosen, _KnownRows.of(step), accounts)


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Rows hold no circles: looking for garbage among them as often as Python does costs a fifth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def configured_readers(workspace: Workspace) -> tuple[Source, ...]:
    """All sources, after those that the workspace's column mappings make. Raises UsageError for a faulty mapping."""
    return with_mappings([workspace.path(name) for name in workspace.settings.intake.maps])


def _drained(step: Step, known: _KnownRows) -> int:
    """Seal and commit the live events that wait, a batch at a time. Returns how many were read."""
    read = 0
    for batch in arrived(step):
        before = artifact(step.workspace.database, batch.artifact)
        settle_batch = partial(step.workspace.spool.settle, batch.batch, now=step.now)
        if before is not None:  # committed, then killed before it was settled
            settle_batch()
            continue
        pending = _Pending()
        pending.batches += _sealed_events(step, batch)
        verdicts = [verdict for sealed in pending.batches for verdict in sealed.verdicts]
        pending.files.append(_Read(batch.artifact, verdicts, lambda _, done=settle_batch: done()))
        _commit(step, pending, known)
        read += batch.size
    return read


def _sealed_events(step: Step, batch: Arrived) -> list[Sealed]:
    """A batch; an event that we fail on is set aside, because no event may keep its neighbours from being heard."""
    try:
        return list(_sealed(step, batch.records(), batch.artifact))
    except OF_ONE_RECORD:
        broken = frozenset(place for place in range(len(batch.batch.events)) if _breaks(step, batch, place))
        if not broken:
            raise
        return list(_sealed(step, batch.records(broken), batch.artifact))


def _breaks(step: Step, batch: Arrived, place: int) -> bool:
    try:
        for _ in _sealed(step, batch.alone(place), batch.artifact):
            pass
    except OF_ONE_RECORD:
        return True
    return False


def _admitted(
    step: Step,
    sources: Sequence[Path],
    source: str | None,
    readers: Sequence[Source],
    known: _KnownRows,
    accounts: Mapping[Path, str],
) -> list[FileVerdict]:
    settings, keys = step.workspace.settings, step.workspace.keys
    pending = _Pending()
    said: list[FileVerdict] = []
    reading = Told(step, sources)
    for path in reading.one_by_one():
        if not path.exists():
            continue  # a configured file that is not there (yet): doctor says so
        sha256, account = file_sha256(path), accounts.get(path)
        before = artifact(step.workspace.database, sha256)
        if before is not None and is_read(before, keys, account):
            if before.reason in KEPT:
                step.note(known_verdict(path, before), True)
            consume(step, path, sha256, before.reason)
            continue
        verdicts: list[FileVerdict] = []
        records = admit_apart(
            path,
            source=source,
            text_chars_max=settings.intake.text_chars_max,
            sources=readers,
            progress=reading.progress,
            hear=partial(hear, now=step.now),
        )
        for batch in _sealed(step, records, sha256, account):
            if account is not None:
                refuse_anothers(batch.turns, known.turns, path)
            verdicts += batch.verdicts
            pending.batches.append(batch)
            if pending.rows() >= settings.intake.part_rows:
                _commit(step, pending, known)
        mac = None if account is None else account_mac(keys, account)
        pending.files.append(_Read(sha256, verdicts, partial(settle, step, path, sha256), mac))
        said += verdicts
    _commit(step, pending, known)
    return said


def _sealed(
    step: Step, records: Iterator[Record | FileVerdict], sha256: str, account: str | None = None
) -> Iterator[Sealed]:
    settings = step.workspace.settings
    return seal(
        records,
        artifact=sha256,
        keys=step.workspace.keys,
        vault=step.workspace.vault,
        shards=settings.corpus.shards,
        time_zone=settings.intake.time_zone,
        part_rows=settings.intake.part_rows,
        now=step.now,
        account=account,
    )


def _commit(step: Step, pending: _Pending, known: _KnownRows) -> None:
    turns = [known.turns.new_rows(batch.turns) for batch in pending.batches]
    signals = [known.signals.new_rows(batch.signals) for batch in pending.batches]
    bad = [known.quarantine.new_rows(batch.quarantine) for batch in pending.batches]
    _hear(step, [said for batch in pending.batches for said in batch.told])
    people = _written(step, PEOPLE, [parties(turns)], shard_column=None)
    before = step.parts(PEOPLE)
    step.commit(PEOPLE, (*before, *(part for part in people if part not in before)))
    if any(table.num_rows for table in turns + signals + bad):
        _add(step, TURNS, _once(turns, "row_id", TURN), shard_column="shard")
        _add(step, SIGNALS, _once(signals, "signal_id", SIGNAL), shard_column="shard")
        _add(step, BAD, _once(bad, "quarantine_id", QUARANTINE), shard_column=None)
    for read in pending.files:
        _record(step, read, known.told)
        read.consume(read.verdicts)
    pending.batches.clear()
    pending.files.clear()


def _hear(step: Step, told: Sequence[RightsRecord]) -> None:
    """What people said about their data goes into the ledger before a word beside it is committed. Saying it again adds
    nothing."""
    if not told:
        return
    events = [make_event(said.event, where="a live event", now=step.now) for said in told]
    workspace = step.workspace
    record(
        events,
        vault=workspace.vault,
        ledger=workspace.ledger,
        packs=workspace.packs,
        now=step.now,
        notices=workspace.notices.holds,
    )


def _once(tables: Sequence[pa.Table], key: str, schema: pa.Schema) -> pa.Table:
    """The same record read twice in one batch is one row: the first stands."""
    together = pa.concat_tables([empty(schema), *tables])
    return (
        pl.DataFrame(together).unique(subset=[key], keep="first", maintain_order=True).to_arrow().cast(schema)
    )


def _add(step: Step, name: str, table: pa.Table, *, shard_column: str | None) -> None:
    detail = {"shards": step.workspace.settings.corpus.shards} if shard_column else {}
    step.commit(
        name, (*step.parts(name), *_written(step, name, [table], shard_column=shard_column)), detail=detail
    )


def people_of(step: Step) -> pa.Table:
    """PARTIES of every conversation read so far."""
    return all_parties(step.tables(step.parts(PEOPLE)))


def check_shards(workspace: Workspace) -> None:
    """A person's rows are found by their shard: the number of shards is fixed once words are in. Raises ConfigError."""
    current = workspace.snapshots.current(TURNS)
    pinned = None if current is None else current.detail.get("shards")
    if pinned is not None and pinned != workspace.settings.corpus.shards:
        raise ConfigError(
            f"corpus.shards is {workspace.settings.corpus.shards}, but this workspace was filled with {pinned}; "
            f"set it back to {pinned}, or start a new workspace."
        )


def _written(step: Step, name: str, tables: Sequence[pa.Table], *, shard_column: str | None) -> list[Part]:
    """Parts by shard, or, of what belongs to no one person, parts of bounded rows."""
    objects, rows_max = step.workspace.objects, step.workspace.settings.intake.part_rows
    if shard_column is not None:
        return write_parts(objects, tables, folder=name, shard_column=shard_column, rows_max=rows_max)
    return [
        write_part(objects, table.slice(start, rows_max), folder=name, shard=None)
        for table in tables
        for start in range(0, table.num_rows, rows_max)
    ]


def _record(step: Step, read: _Read, told: set[tuple[str, str, str]]) -> None:
    """The artifact's counts, in the database and in the ledger: never its name, which may be a person's."""
    seen = replace(_artifact(read.sha256, read.verdicts, step.now), account_mac=read.account_mac)
    before = artifact(step.workspace.database, read.sha256)
    if before is not None and replace(before, admitted_at=seen.admitted_at) == seen:
        return  # a file that was refused before, and is refused for the same reason now
    body = asdict(seen) | {"files": len(read.verdicts), "admitted_at": seen.admitted_at.isoformat()}
    del body["account_mac"]  # nothing that a name could be tested against leaves the database
    said = (seen.sha256, seen.verdict, seen.reason)
    if said not in told:
        step.workspace.ledger.append(COMMITTED, body, now=step.now)
        told.add(said)
    keep_artifact(step.workspace.database, seen)


def _told(step: Step) -> set[tuple[str, str, str]]:
    """What the ledger says of files already: a kill may have come between telling it and keeping the artifact."""
    entries = step.workspace.ledger.entries(kind=COMMITTED)
    return {(entry.body["sha256"], entry.body["verdict"], entry.body["reason"]) for entry in entries}


def _artifact(sha256: str, verdicts: Sequence[FileVerdict], now: datetime) -> Artifact:
    skipped: Counter[str] = Counter()
    for verdict in verdicts:
        skipped.update(verdict.skipped)
    read = [verdict for verdict in verdicts if verdict.verdict == "read"]
    unread = unread_of(verdicts)
    reason = why_partly(unread) if read else (unread[0].reason if unread else "nothing_to_read")
    return Artifact(
        sha256=sha256,
        source=",".join(sorted({verdict.source for verdict in read if verdict.source})) or None,
        verdict="read" if read else "refused",
        reason=reason,
        records=sum(verdict.records for verdict in verdicts),
        turns=sum(verdict.turns for verdict in verdicts),
        signals=sum(verdict.signals for verdict in verdicts),
        skipped=dict(sorted(skipped.items())),
        quarantined=sum(verdict.quarantined for verdict in verdicts),
        admitted_at=now,
    )


def funnel(step: Step) -> FunnelRow:
    """Everything ever read into this workspace: what became turns, and why the rest did not."""
    kept = sum(part.rows for part in step.parts(TURNS))
    erased = sum(entry.body["turns"] for entry in step.workspace.ledger.entries(kind="erasure.purged"))
    skipped: Counter[str] = Counter()
    read = turns = quarantined = 0
    for seen in all_artifacts(step.workspace.database):
        skipped.update(seen.skipped)
        read, turns, quarantined = read + seen.records, turns + seen.turns, quarantined + seen.quarantined
    again = turns - kept - erased  # turns that an earlier file had given already
    if again < 0:  # turns of an erased account, read once more from the same file as another's
        read, again = read - again, 0
    reasons = skipped + Counter({"erased": erased, "already_known": again})
    refused = skipped[ERASED] + erased
    dropped = read - kept - refused - quarantined
    return FunnelRow(
        "intake", "records", read=read, kept=kept, refused=refused, dropped=dropped, quarantined=quarantined,
        reasons=reasons,
    )  # fmt: skip


def _by_source(step: Step) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for part in step.parts(TURNS):
        surfaces = read_part(step.workspace.objects, part, columns=["surface"]).column("surface")
        counts.update({count["values"]: count["counts"] for count in surfaces.value_counts().to_pylist()})
    return dict(sorted(counts.items()))
