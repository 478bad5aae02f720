"""What the decisions come to, in numbers: turns and people by outcome, by place, surface and lawful basis.

Covers: counting one walk's decisions beside the turns they are about. Not covered: deciding (`decide.py`).
An outcome is `permit`, or the reason of a deny. Memory: two parts, and one shard's people: no person lies in two
shards, so that the numbers of people by shard add up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
import pyarrow as pa

from witting.store.parts import Part

UNKNOWN = "unknown"
EVERYBODY = "all"
Read = Callable[[Part], pa.Table]


@dataclass(frozen=True)
class Tally:
    """Turns by outcome, in all and by place and surface; permitted turns by basis; people by outcome. A person whose
    turns have several outcomes counts once in each, and once in `all`."""

    turns: Counter[str] = field(default_factory=Counter)
    places: dict[str, Counter[str]] = field(default_factory=dict)
    surfaces: dict[str, Counter[str]] = field(default_factory=dict)
    bases: Counter[str] = field(default_factory=Counter)
    people: Counter[str] = field(default_factory=Counter)


def tally(asked: Sequence[Part], decided: Sequence[Part], *, read: Read) -> Tally:
    """`asked` and `decided`: the turns' metadata and the decisions on them, part by part in the same order."""
    said = Tally()
    pairs = list(zip((part for part in asked if part.rows), decided, strict=True))
    for shard in sorted({part.shard for part in decided}, key=str):
        people = [
            _add(said, read(turns), read(decisions)) for turns, decisions in pairs if decisions.shard == shard
        ]
        _add_people(said, pl.concat(people).unique())
    return said


def plain(groups: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    """JSON, sorted."""
    return {name: dict(sorted(counts.items())) for name, counts in sorted(groups.items())}


def _add(said: Tally, turns: pa.Table, decisions: pa.Table) -> pl.DataFrame:
    """Adds one part's turns; returns its people by outcome."""
    outcome = pl.when(pl.col("decision") == "permit").then(pl.lit("permit")).otherwise(pl.col("reason"))
    rows = (
        pl.DataFrame(decisions.select(["row_id", "subject_id", "decision", "basis", "reason", "place"]))
        .join(pl.DataFrame(turns.select(["row_id", "surface"])), on="row_id", how="left")
        .with_columns(outcome.alias("outcome"), pl.col("place", "surface").fill_null(UNKNOWN))
    )
    _count(said.turns, rows.group_by("outcome").len().iter_rows())
    _count(said.bases, rows.filter(pl.col("outcome") == "permit").group_by("basis").len().iter_rows())
    for group, column in ((said.places, "place"), (said.surfaces, "surface")):
        for name, result, count in rows.group_by(column, "outcome").len().iter_rows():
            group.setdefault(name, Counter())[result] += count
    return rows.select("subject_id", "outcome").unique()


def _add_people(said: Tally, people: pl.DataFrame) -> None:
    known = people.filter(pl.col("subject_id").is_not_null())
    said.people[EVERYBODY] += known.get_column("subject_id").n_unique()
    _count(said.people, known.group_by("outcome").len().iter_rows())


def _count(counts: Counter[str], rows: Iterable[tuple[str, int]]) -> None:
    for name, count in rows:
        counts[name] += count
