"""Rewriting a person out of a snapshot: their shard's parts again without them, the old parts deleted.

Covers: one snapshot at a time, safe to repeat after a crash anywhere. Not covered: the key (`store.keys`), the corpus's
versions (`corpus`), parts that no snapshot ever named (`Snapshots.forget_unreferenced` of the whole store).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


Note = Callable[[Sequence[Rewritten]], None]


def unnoted(parts: Sequence[Rewritten]) -> None:
    """Keeps nothing."""


def rewrite(
    snapshots: Snapshots, objects: Objects, name: str, subject_id: str, *, shard: int, note: Note = unnoted
) -> list[Rewritten]:
    """Commit the snapshot without this person's rows, then delete the parts under its name that held them.

    `note` is told what will be replaced before it is: after a crash the parts are gone, and only what was noted can
    still say what they were. Again gives the same to `note` while nothing was committed, and nothing afterwards.
    """
    current = snapshots.current(name)
    if current is None:
        return []
    parts: list[Part] = []
    done: list[Rewritten] = []
    for part in current.parts:
        left, removed = _without(objects, name, part, subject_id) if part.shard == shard else (part, 0)
        parts += [left] if left is not None else []
        if removed:
            done.append(Rewritten(name, part.sha256, left.sha256 if left is not None else None, removed))
    if done:
        note(done)
        snapshots.commit(replace(current, parts=tuple(parts)), expected=current.id)
    snapshots.forget_unreferenced(prefixes=(f"{name}/",), keep=())
    return done


def _without(objects: Objects, name: str, part: Part, subject_id: str) -> tuple[Part | None, int]:
    """The part without the person and how many rows that took; the part itself where they have none."""
    table = read_part(objects, part)
    removed = count(table, subject_id)
    if not removed:
        return part, 0
    left = rows_without(table, subject_id)
    return (write_part(objects, left, folder=name, shard=part.shard) if left.num_rows else None), removed
