"""What changed between two versions.

Covers: numbers, parts, stages and packs from the manifests alone; examples and people that entered or left, from the
parts that differ. Not covered: why a person left (that is `explain`, turn by turn).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from witting.corpus.count import add
from witting.corpus.manifest import Manifest
from witting.store.objects import Objects
from witting.store.parts import Part, read_part


@dataclass(frozen=True)
class Diff:
    """From `before` to `after`."""

    before: str
    after: str
    counts: Mapping[str, Any]  # Any: JSON, after minus before, as in the manifest
    parts_kept: int
    parts_added: tuple[str, ...]  # SHA-256
    parts_gone: tuple[str, ...]
    stages: tuple[str, ...]  # names whose version or fingerprint differs, or that came or went
    packs: tuple[str, ...]
    removed: tuple[str, ...]  # requests of erasures in between

    def as_json(self) -> dict[str, Any]:
        return {
            "before": self.before,
            "after": self.after,
            "counts": dict(self.counts),
            "parts": {
                "kept": self.parts_kept,
                "added": list(self.parts_added),
                "gone": list(self.parts_gone),
            },
            "stages": list(self.stages),
            "packs": list(self.packs),
            "removed": list(self.removed),
        }


@dataclass(frozen=True)
class RowDiff:
    """Examples and people, by id. `unread`: parts of the older version that are gone, so their rows count as gone
    without being named."""

    entered: tuple[str, ...]
    left: tuple[str, ...]
    people_entered: tuple[str, ...]
    people_left: tuple[str, ...]
    unread: tuple[str, ...]


def diff(before: Manifest, after: Manifest) -> Diff:
    """From the manifests alone."""
    old, new = {part.sha256 for part in before.parts}, {part.sha256 for part in after.parts}
    earlier = set(before.removed)
    return Diff(
        before=before.id,
        after=after.id,
        counts=add(after.counts, before.counts, sign=-1),
        parts_kept=len(old & new),
        parts_added=tuple(sorted(new - old)),
        parts_gone=tuple(sorted(old - new)),
        stages=_changed(
            {stage.name: (stage.version, stage.fingerprint) for stage in before.stages},
            {stage.name: (stage.version, stage.fingerprint) for stage in after.stages},
        ),
        packs=_changed(before.packs, after.packs),
        removed=tuple(sorted({entry.request for entry in after.removed if entry not in earlier})),
    )


def diff_rows(before: Manifest, after: Manifest, objects: Objects) -> RowDiff:
    """Example by example; reads only parts that are not in both versions."""
    shared = {part.sha256 for part in before.parts} & {part.sha256 for part in after.parts}
    old = [part for part in before.parts if part.sha256 not in shared]
    readable = [part for part in old if objects.exists(part.key)]
    one = _ids(readable, objects)
    other = _ids((part for part in after.parts if part.sha256 not in shared), objects)
    people, more = {*one.values()}, {*other.values()}
    return RowDiff(
        entered=tuple(sorted(other.keys() - one.keys())),
        left=tuple(sorted(one.keys() - other.keys())),
        people_entered=tuple(sorted(more - people)),
        people_left=tuple(sorted(people - more)),
        unread=tuple(sorted(part.sha256 for part in old if part not in readable)),
    )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name in {*before, *after} if before.get(name) != after.get(name)))


def _ids(parts: Iterable[Part], objects: Objects) -> dict[str, str]:
    ids: dict[str, str] = {}
    for part in parts:
        rows = (
            pl.DataFrame(read_part(objects, part))
            .filter(~pl.col("canary"))
            .select("example_id", "subject_id")
        )
        ids.update(rows.iter_rows())
    return ids
