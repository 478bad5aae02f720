"""What a stage is: a named, versioned function on tables that declares how much it must see at once.

Covered: the stage contract, its scopes, its fingerprint, and the one step that acts on verdicts.
Not covered: where a stage runs (`local.py`; Ray and Spark later).

The law (tests/laws): for every cut of the rows that respects the scope, stage(whole) equals the sorted
concatenation of stage(parts); order and retries never matter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa

from witting.errors import StageError

Transform = Callable[[pa.Table], pa.Table]


@dataclass(frozen=True)
class Row:
    """Each row is judged alone."""


@dataclass(frozen=True)
class Key:
    """All rows with equal `column` must be seen together."""

    column: str


Scope = Row | Key
ROW = Row()


@dataclass(frozen=True)
class Stage:
    """A function on tables, with everything that decides its result.

    `open` is called once in each worker and returns the function; it must be importable from a module
    (picklable), e.g. `functools.partial(open_tagger, threshold=0.5)`. Paths and keys go into `open`;
    whatever changes the *meaning* of the result goes into `settings` (JSON values), which are hashed.
    """

    name: str
    version: int
    reads: pa.Schema
    writes: pa.Schema
    scope: Scope
    open: Callable[[], Transform]
    settings: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON values, hashed as canonical JSON

    @property
    def fingerprint(self) -> str:
        """32 hex characters: equal exactly when name, version, columns, scope and settings are equal."""
        described = {
            "name": self.name,
            "version": self.version,
            "reads": [f"{f.name}:{f.type}" for f in self.reads],
            "writes": [f"{f.name}:{f.type}" for f in self.writes],
            "scope": self.scope.column if isinstance(self.scope, Key) else "row",
            "settings": dict(self.settings),
        }
        canonical = json.dumps(described, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def apply(stage: Stage, transform: Transform, table: pa.Table) -> pa.Table:
    """Run an opened stage on one part, holding it to its schemas: what it gets and what it gives. Raises StageError."""
    missing = [name for name in stage.reads.names if name not in table.column_names]
    if missing:
        raise StageError(
            f"stage {stage.name}: input lacks the columns {missing}; it reads {stage.reads.names}."
        )
    result = transform(_held_to(stage.reads, table.select(stage.reads.names), f"stage {stage.name}: input"))
    if result.schema.names != stage.writes.names:
        raise StageError(
            f"stage {stage.name}: wrote columns {result.schema.names}, declared {stage.writes.names}."
        )
    return _held_to(stage.writes, result, f"stage {stage.name}: result")


def _held_to(schema: pa.Schema, table: pa.Table, what: str) -> pa.Table:
    try:
        return table.cast(schema)
    except pa.ArrowException:
        differing = [
            f"{there.name} is {there.type}, declared {wanted.type}"
            for there, wanted in zip(table.schema, schema, strict=True)
            if there.type != wanted.type
        ]
    # Arrow's own message quotes the value that did not fit, which may be a person's: it is left behind.
    raise StageError(f"{what} does not fit its schema: {'; '.join(differing)}.")


def materialise(rows: pa.Table, verdicts: pa.Table) -> pa.Table:
    """The rows that every verdict keeps, in their order: the one place where a verdict acts.

    `verdicts` has `row_id` and `verdict`. Every row must have been judged at least once, else StageError:
    a row nobody judged is neither kept nor lost, it is our mistake.
    """
    judged = pl.DataFrame(verdicts.select(["row_id", "verdict"]))
    frame = pl.DataFrame(rows)
    unjudged = frame.join(judged, on="row_id", how="anti").height
    if unjudged:
        raise StageError(f"materialise: {unjudged} of {rows.num_rows} rows carry no verdict.")
    refused = judged.filter(pl.col("verdict") != "keep").select("row_id").unique()
    return frame.join(refused, on="row_id", how="anti", maintain_order="left").to_arrow().cast(rows.schema)


def digest(table: pa.Table) -> str:
    """SHA-256 over the sorted rows: equal for the same rows in any order or cut. For laws and manifests."""
    lines = sorted(json.dumps(row, sort_keys=True, default=str) for row in table.to_pylist())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
