"""What a corpus holds, in numbers.

Covers: people, examples, canaries and words, by kind, split, language, surface and place; adding and subtracting the
numbers of a shard, which is exact because no person lies in two. Not covered: tokens, which only a tokenizer knows:
`words_estimate` counts runs of non-spaces in what is learned, too few for scripts that write without spaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

GROUPS = {
    "by_kind": "kind",
    "by_split": "split",
    "by_language": "language",
    "by_surface": "surface",
    "by_place": "place",
}
UNKNOWN = "unknown"
WORD = r"\S+"


def count_shard(tables: Iterable[pa.Table]) -> dict[str, Any]:
    """Counts (JSON) of all tables of one shard. Canaries are counted apart and in nothing else."""
    total, people = zero(), set()
    for table in tables:
        rows = pl.DataFrame(table)
        ours = rows.filter(~pl.col("canary"))
        people |= set(ours["subject_id"].unique())
        total = add(total, _count(ours, canaries=rows.height - ours.height))
    return {**total, "people": len(people)}


def zero() -> dict[str, Any]:
    return {"people": 0, "examples": 0, "canaries": 0, "words_estimate": 0, **{group: {} for group in GROUPS}}


def add(one: Mapping[str, Any], other: Mapping[str, Any], *, sign: int = 1) -> dict[str, Any]:
    """one + sign * other, field by field; groups that come to nothing go."""
    total: dict[str, Any] = {}
    for name, value in one.items():
        if isinstance(value, Mapping):
            names = sorted({*value, *other[name]})
            sums = {key: value.get(key, 0) + sign * other[name].get(key, 0) for key in names}
            total[name] = {key: number for key, number in sums.items() if number}
        else:
            total[name] = value + sign * other[name]
    return total


def learned_words(rows: pl.DataFrame) -> pl.Series:
    """How many words of each example the loss sees: what is learned of its messages, and the better answer of a pair."""
    learned = pl.col("messages").list.eval(
        pl.when(pl.element().struct.field("learn"))
        .then(pl.element().struct.field("content").str.count_matches(WORD))
        .otherwise(0)
    )
    chosen = pl.col("chosen").str.count_matches(WORD).fill_null(0)
    words = (learned.list.sum().fill_null(0) + chosen).cast(pl.Int64).alias("words")
    return rows.select(words).to_series() if rows.height else pl.Series("words", [], dtype=pl.Int64)


def _count(rows: pl.DataFrame, *, canaries: int) -> dict[str, Any]:
    words = learned_words(rows).sum()
    return {
        "people": 0,
        "examples": rows.height,
        "canaries": canaries,
        "words_estimate": int(words),
        **{group: _by(rows, column) for group, column in GROUPS.items()},
    }


def _by(rows: pl.DataFrame, column: str) -> dict[str, int]:
    counted = rows.group_by(pl.col(column).fill_null(UNKNOWN)).len().sort(column)
    return dict(counted.iter_rows())
