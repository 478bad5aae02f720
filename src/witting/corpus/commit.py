"""Committing a corpus, and replacing a shard of it for an erasure.

Covers: the order of writing (parts, manifest, ledger entry, pointer), so that a crash at any point leaves the last
version current and the next run finishes the same one; a run that changes nothing commits nothing.
Not covered: deleting an erased shard's older parts, which needs all versions (`erasure`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import pyarrow as pa

from witting.corpus.count import add, count_shard, zero
from witting.corpus.manifest import LedgerMark, Manifest, Removed, StageRecord, from_bytes, manifest_key
from witting.corpus.read import DEFAULT_NAME, current, of_snapshot, snapshot_name, to_snapshot
from witting.engine.stage import Stage
from witting.errors import CorpusError
from witting.ledger.checkpoint import open_checkpoint
from witting.ledger.log import Ledger
from witting.schema import EXAMPLE, PURPOSES, conform
from witting.store.objects import Objects
from witting.store.parts import Part, Snapshots, read_part, write_part

PARTS_FOLDER = "corpora/parts"
COMMITTED = "corpus.committed"


def write_examples(objects: Objects, examples: pa.Table, *, shard: int) -> Part | None:
    """One shard's EXAMPLE rows as a part, in the order of their ids; None where there are none. Raises CorpusError
    for rows of another shard: an erasure would miss them."""
    table = conform(examples, EXAMPLE).sort_by("example_id")
    if set(table["shard"].unique().to_pylist()) - {shard}:
        raise CorpusError(
            f"a part of shard {shard} was given rows of other shards; cut the rows by shard first."
        )
    return write_part(objects, table, folder=PARTS_FOLDER, shard=shard) if table.num_rows else None


def commit(
    snapshots: Snapshots,
    objects: Objects,
    ledger: Ledger,
    parts: Sequence[Part],
    *,
    purpose: str,
    as_of: datetime,
    stages: Iterable[Stage | StageRecord],
    packs: Mapping[str, str],
    checkpoint: str,
    funnel: Sequence[Mapping[str, Any]],  # Any: JSON rows
    shards: int,
    seed: int,
    now: datetime,
    decided: int | None = None,
    name: str = DEFAULT_NAME,
) -> Manifest:
    """The committed version. `checkpoint`: the ledger's signed note at the time of the decisions; `decided`: the
    entry that records them. The same content again, at a later moment, gives the version that is there. What erasures
    removed stays listed in every later version."""
    before = current(snapshots, name=name)
    signed = open_checkpoint(checkpoint, ledger.verifier_key)
    ordered = tuple(sorted(parts, key=lambda part: (_shard(part, shards), part.key)))
    manifest = Manifest(
        name=name,
        purpose=_known(purpose),
        as_of=as_of,
        parent=None if before is None else before.id,
        parts=ordered,
        stages=tuple(_record(stage) for stage in stages),
        packs=dict(sorted(packs.items())),
        ledger=LedgerMark(signed.size, signed.root.hex(), decided),
        funnel=tuple(funnel),
        counts=count_parts(objects, ordered),
        shards=shards,
        seed=seed,
        removed=() if before is None else _still_gone(before.removed, ordered),
    )
    if before is not None and before.same_content(manifest):
        return before
    return publish(
        _unfinished(manifest, objects=objects, ledger=ledger) or manifest, snapshots, objects, ledger, now=now
    )


def publish(
    manifest: Manifest, snapshots: Snapshots, objects: Objects, ledger: Ledger, *, now: datetime
) -> Manifest:
    """Writes the manifest down, records it in the ledger and moves the name to it. Raises CommitRaced if somebody
    else moved the name since the manifest's parent."""
    held = snapshots.current(snapshot_name(manifest.name))
    before = None if held is None else of_snapshot(held).id
    if before == manifest.id:
        return manifest
    objects.create(manifest.key, manifest.canonical)
    if entry_of(manifest, ledger) is None:
        ledger.append(COMMITTED, _body(manifest), now=now)
    expected = held.id if held is not None and before == manifest.parent else None
    snapshots.commit(to_snapshot(manifest), expected=expected)
    return manifest


def replace_part(
    manifest: Manifest,
    objects: Objects,
    shard: int,
    table: pa.Table,
    *,
    request: str,
    now: datetime,
    older: Sequence[Part] = (),
) -> Manifest:
    """The next version, in which `table` is all that shard holds. Writes the part; `publish` makes it current.
    `older`: parts of earlier versions that the erasure deletes as well; they are listed as removed, so that those
    versions still verify but for them. Counts change by that shard alone, so one part is read and one written.
    Nothing is deleted here."""
    old = tuple(part for part in manifest.parts if part.shard == shard)
    if not old:
        raise CorpusError(f"corpus {manifest.id} has no part of shard {shard}; there is nothing to replace.")
    new = write_examples(objects, table, shard=shard)
    kept = [part for part in manifest.parts if part.shard != shard] + ([new] if new else [])
    without = add(manifest.counts, count_shard(read_part(objects, part) for part in old), sign=-1)
    at = now.astimezone(UTC).isoformat()
    gone = {part.sha256 for part in (*old, *older)} - {part.sha256 for part in kept}
    return replace(
        manifest,
        parent=manifest.id,
        parts=tuple(sorted(kept, key=lambda part: (_shard(part, manifest.shards), part.key))),
        counts=add(without, count_shard([table])),
        removed=(*manifest.removed, *(Removed(sha256, shard, request, at) for sha256 in sorted(gone))),
    )


def count_parts(objects: Objects, parts: Sequence[Part]) -> dict[str, Any]:
    """Counts of parts that are sorted by shard; one part in memory at a time."""
    total = zero()
    for _, group in groupby(parts, key=lambda part: part.shard):
        total = add(total, count_shard(read_part(objects, part) for part in group))
    return total


def entry_of(manifest: Manifest, ledger: Ledger) -> int | None:
    """The index of the ledger entry that records this version; None if there is none."""
    for entry in ledger.entries(kind=COMMITTED):
        if entry.body["manifest_sha256"] == manifest.sha256:
            return entry.index
    return None


def _body(manifest: Manifest) -> dict[str, Any]:
    return {
        "corpus": manifest.id,
        "manifest_sha256": manifest.sha256,
        "name": manifest.name,
        "purpose": manifest.purpose,
        "parent": manifest.parent,
        "parts": len(manifest.parts),
        "people": manifest.counts["people"],
        "examples": manifest.counts["examples"],
        "removed": len(manifest.removed),
    }


def _unfinished(manifest: Manifest, *, objects: Objects, ledger: Ledger) -> Manifest | None:
    """A version of the same content and parent that a killed run recorded but never made current."""
    for entry in ledger.entries(kind=COMMITTED):
        if entry.body["parent"] != manifest.parent or entry.body["name"] != manifest.name:
            continue
        key = manifest_key(entry.body["corpus"])
        if objects.exists(key):
            recorded = from_bytes(objects.read(key), corpus_id=entry.body["corpus"])
            if recorded.same_content(manifest):
                return recorded
    return None


def _still_gone(removed: Sequence[Removed], parts: Sequence[Part]) -> tuple[Removed, ...]:
    """Removed parts, but for those whose very bytes are part of the corpus again: these must be there."""
    present = {part.sha256 for part in parts}
    return tuple(entry for entry in removed if entry.part not in present)


def _record(stage: Stage | StageRecord) -> StageRecord:
    return StageRecord(stage.name, stage.version, stage.fingerprint)


def _shard(part: Part, shards: int) -> int:
    if part.shard is None or not 0 <= part.shard < shards:
        raise CorpusError(
            f"part {part.key} belongs to shard {part.shard}; this corpus has shards 0 to {shards - 1}."
        )
    return part.shard


def _known(purpose: str) -> str:
    if purpose not in PURPOSES:
        raise CorpusError(f"a corpus is built for one of {', '.join(PURPOSES)}; not for {purpose[:40]!r}.")
    return purpose
