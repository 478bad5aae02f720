"""Rewriting a person out of a snapshot: their shard's parts again without them, the old parts deleted.

Covers: one snapshot at a time, safe to repeat. Not covered: the key (`store.keys`), the corpus's versions (`corpus`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from witting.erasure.locate import count, rows_without
from witting.store.objects import Objects
from witting.store.parts import Part, Snapshots, read_part, write_part


@dataclass(frozen=True)
class Rewritten:
    """One part before and after: hashes only. `new_sha256` is None where nothing was left."""

    snapshot: str
    old_sha256: str
    new_sha256: str | None
    rows_removed: int


def rewrite(
    snapshots: Snapshots, objects: Objects, name: str, subject_id: str, *, shard: int
) -> list[Rewritten]:
    """Commit the snapshot without this person's rows, then delete the parts that held them."""
    current = snapshots.current(name)
    if current is None:
        return []
    done: list[Rewritten] = []
    parts: list[Part] = []
    old: list[Part] = []
    for part in current.parts:
        table = read_part(objects, part) if part.shard == shard else None
        removed = 0 if table is None else count(table, subject_id)
        if table is None or not removed:
            parts.append(part)
            continue
        left = rows_without(table, subject_id)
        new = write_part(objects, left, folder=name, shard=shard) if left.num_rows else None
        parts += [new] if new is not None else []
        old.append(part)
        done.append(Rewritten(name, part.sha256, new.sha256 if new is not None else None, removed))
    if done:
        snapshots.commit(replace(current, parts=tuple(parts)), expected=current.id)
    for part in old:
        objects.delete(part.key)
    return done
