"""What every step of the walk is given, and what it gives back.

Covers: the run (its moment and id, kept so that a killed walk goes on as the same walk), the funnel row.
Not covered: the steps, one file each, named by their room's verb.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from witting.engine import Stage
from witting.engine.local import LocalEngine
from witting.intake.source import FileVerdict
from witting.store.parts import Part, Snapshot, read_part
from witting.workspace import Workspace

Tell = Callable[[str, int, int], None]  # what is being done, done so far, in all
Note = Callable[[FileVerdict, bool], None]  # a file not read to its end; whether it still lies where it lay


def unheard(verdict: FileVerdict, is_kept: bool) -> None:
    """Where nobody asked what was not read. Names of files are said, never kept: they may be people's."""


@dataclass(frozen=True)
class Step:
    """One room's turn: the workspace, the engine, the moment this walk decides as of, the clock when this process began,
    the results so far by room."""

    workspace: Workspace
    engine: LocalEngine
    run_id: str
    as_of: datetime
    now: datetime
    tell: Tell
    results: dict[str, Any]  # Any: the JSON each earlier room gave back
    note: Note = unheard

    def scratch(self, room: str) -> str:
        """Where this walk keeps parts that are not a snapshot yet; removed when the walk ends."""
        return f"scratch/{self.run_id}/{room}"

    def told(self, what: str) -> Callable[[int, int], None]:
        return lambda done, total: self.tell(what, done, total)

    def funnel(self) -> list[dict[str, Any]]:
        """The funnel so far, a row a stage."""
        return [room["funnel"] for room in self.results.values() if "funnel" in room]

    def parts(self, snapshot: str) -> tuple[Part, ...]:
        """The parts of a named snapshot, none where nothing was committed yet."""
        current = self.workspace.snapshots.current(snapshot)
        return () if current is None else current.parts

    def tables(self, parts: Iterable[Part]) -> Iterable[pa.Table]:
        return (read_part(self.workspace.objects, part) for part in parts)

    def commit(
        self, name: str, parts: Iterable[Part], *, detail: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Move the named snapshot to these parts; the same parts again move nothing. Without `detail` it stays as it was."""
        current = self.workspace.snapshots.current(name)
        kept = {} if current is None else current.detail
        snapshot = Snapshot(
            name=name, made_by="walk", parts=tuple(parts), detail=dict(kept if detail is None else detail)
        )
        if current is not None and current.parts == snapshot.parts and current.detail == snapshot.detail:
            return current
        self.workspace.snapshots.commit(snapshot, expected=None if current is None else current.id)
        return snapshot


SWEPT = (
    "intake/",
    "rights/",
    "redaction/",
    "curation/",
)  # where parts that no snapshot names any more are deleted
BESIDE = (
    "as_of",
    "events",
    "nameless",
    "names",
    "everywhere",
    "beside",
)  # digests of what a stage was given, not of what it means


def described(stage: Stage) -> dict[str, Any]:
    """A stage for the manifest. Its fingerprint covers what it means; what it was given stands in the manifest itself
    (moment, ledger mark), so that the same rules on the same rows are the same corpus."""
    meaning = {name: value for name, value in stage.settings.items() if name not in BESIDE}
    kept = replace(stage, settings=meaning)
    return {"name": kept.name, "version": kept.version, "fingerprint": kept.fingerprint}


@dataclass(frozen=True)
class FunnelRow:
    """What one stage did with what it read: read = kept + refused + dropped + quarantined, always."""

    stage: str
    unit: str  # records or turns
    read: int
    kept: int
    refused: int = 0
    dropped: int = 0
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)  # of what was not kept

    def __post_init__(self) -> None:
        if self.read != self.kept + self.refused + self.dropped + self.quarantined:
            raise AssertionError(f"the funnel of {self.stage} does not add up: {self}")
        if sum(self.reasons.values()) != self.read - self.kept:
            raise AssertionError(f"the reasons of {self.stage} do not add up: {self}")

    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "unit": self.unit,
            "read": self.read,
            "kept": self.kept,
            "refused": self.refused,
            "dropped": self.dropped,
            "quarantined": self.quarantined,
            "reasons": dict(sorted(self.reasons.items())),
        }
