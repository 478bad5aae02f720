"""What stands between a signal and a label.

Covers: a rule over words must be shown to be right often enough; nobody recorded under 18 makes labels; no person's share of a
label set is large; what a label set would teach beyond its point is counted: length and flattery of the wanted and the
unwanted, before and after the guards. Not covered: whether a person was right.

A label set is the examples that rest on feedback: `preference`, `kto`, and `corrected` (supervised, from better answers).
Guards take labels away, never add any: an answer called bad by a child is still not learned.
From: the share of one person, because a model learns to please the few who can be won (arXiv 2411.02306); length and
flattery, because learning from thumbs made a product's model flatter in April 2025.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import polars as pl

from witting.config import Curation
from witting.curation.flattery import flatters
from witting.intake.implied import Measured, measured

PRECISION_MIN = 0.9
RECORDED = "recorded/1"
LABEL_SETS = ("preference", "kto", "corrected")


@dataclass(frozen=True)
class Guards:
    """Who makes no labels, and how many of a set one person may make."""

    minors: frozenset[str] = frozenset()  # subjects ever recorded under 18
    adults: frozenset[str] | None = None  # where only people recorded as adults may; None: not asked
    per_subject_max: Mapping[str, int] = field(default_factory=dict)  # by label set; absent: no limit

    def bars(self, subject_id: str) -> bool:
        return subject_id in self.minors or (self.adults is not None and subject_id not in self.adults)


@cache
def trusted_rules() -> frozenset[str]:
    """The rules whose signals may write labels."""
    return frozenset((RECORDED, *(rule for rule, sets in measured().items() if _is_trusted(sets))))


def _is_trusted(sets: Mapping[str, Measured]) -> bool:
    """By the lower end of the interval on the held-out people, so that few findings show nothing: 36 of 36 would be enough, 30
    of 30 are not. On the sets together by the plain share: `real` is too small for an interval, and asks other words."""
    together = Measured(sum(one.right for one in sets.values()), sum(one.said for one in sets.values()))
    return sets["held_out"].precision_low >= PRECISION_MIN and together.precision >= PRECISION_MIN


def caps(counts: Mapping[tuple[str, str], int], *, settings: Curation) -> dict[str, int]:
    """Labels one person may make, by label set, from labels by set and subject over all shards."""
    by_set: dict[str, list[int]] = {}
    for (label_set, _), count in counts.items():
        by_set.setdefault(label_set, []).append(count)
    return {label_set: cap(found, settings=settings) for label_set, found in sorted(by_set.items())}


def cap(counts: Sequence[int], *, settings: Curation) -> int:
    """The largest number that keeps everybody's share of what is left at or below the limit, at most
    `labels_per_subject_max`. Among few people nobody's share can be small: then `labels_per_subject_min`."""
    largest = settings.labels_per_subject_max
    least = min(settings.labels_per_subject_min, largest)
    # the share of whoever is capped grows with the cap: the first cap that is too large is found by halving
    too_large = bisect_left(
        range(least + 1, largest + 1), True, key=lambda cap: _over_share(counts, cap, settings=settings)
    )
    return least + too_large


def _over_share(counts: Sequence[int], cap: int, *, settings: Curation) -> bool:
    left = [min(count, cap) for count in counts]
    return 100 * max(left, default=0) > settings.labels_share_percent_max * sum(left)


def label_set(examples: pl.DataFrame) -> pl.DataFrame:
    """`examples` with `label_set`, null where they rest on no feedback."""
    found = (
        pl.when(pl.col("kind").is_in(["preference", "kto"]))
        .then(pl.col("kind"))
        .when(pl.col("rule").str.starts_with("corrected"))
        .then(pl.lit("corrected"))
    )
    return examples.with_columns(found.alias("label_set"))


def counted(examples: pl.DataFrame) -> Counter[tuple[str, str]]:
    """Labels by label set and subject."""
    labels = label_set(examples).drop_nulls("label_set")
    return Counter(
        {
            (name, subject): count
            for name, subject, count in labels.group_by("label_set", "subject_id").len().iter_rows()
        }
    )


def without_barred(examples: pl.DataFrame, guards: Guards) -> pl.DataFrame:
    """`examples` without the labels of people who make none."""
    barred = [person for person in examples["subject_id"].unique().to_list() if guards.bars(person)]
    labels = label_set(examples)
    out = pl.col("label_set").is_not_null() & pl.col("subject_id").is_in(barred)
    return labels.filter(~out).drop("label_set")


def within_caps(examples: pl.DataFrame, guards: Guards) -> pl.DataFrame:
    """`examples` with at most so many labels of a set a person: the first by example_id, a keyed hash."""
    labels = label_set(examples).sort("example_id")
    place = pl.int_range(pl.len()).over("label_set", "subject_id")
    limits = {name: guards.per_subject_max.get(name, len(examples)) for name in LABEL_SETS}
    limit = pl.col("label_set").replace_strict(limits, default=None, return_dtype=pl.Int64)
    kept = pl.col("label_set").is_null() | (place < limit)
    return labels.filter(kept).drop("label_set")


def tally(examples: pl.DataFrame, when: str) -> Counter[tuple[str, str, str, str]]:
    """What these labels hold up as wanted and unwanted: answers, characters, answers that flatter, by label set. Sums, so
    that shards add up; `summary` makes shares of them."""
    counts: Counter[tuple[str, str, str, str]] = Counter()
    for row in label_set(examples).drop_nulls("label_set").iter_rows(named=True):
        for side, text in _sides(row["kind"], row["messages"], row["chosen"], row["rejected"], row["label"]):
            place = (row["label_set"], when, side)
            counts[*place, "answers"] += 1
            counts[*place, "chars"] += len(text)
            counts[*place, "flattering"] += flatters(text)
    return counts


def _sides(
    kind: str, messages: Sequence[Mapping[str, str]], chosen: str, rejected: str, label: bool | None
) -> Iterable[tuple[str, str]]:
    if kind == "preference":
        return (("wanted", chosen), ("unwanted", rejected))
    return (("unwanted" if label is False else "wanted", messages[-1]["content"]),)


def summary(
    counts: Mapping[tuple[str, str, str, str], int], labels: Mapping[tuple[str, str], int]
) -> dict[str, dict[str, object]]:
    """JSON, by label set: labels, people and the largest share of one person; and of the wanted and the unwanted, before and
    after the guards, how many answers, their mean length and the share that flatters. `labels`: by set and subject."""
    said: dict[str, dict[str, object]] = {}
    for name in sorted({key[0] for key in counts}):
        own = [count for (label, _), count in labels.items() if label == name]
        share = round(max(own) / sum(own), 4) if own else None
        said[name] = {"labels": sum(own), "people": len(own), "largest_share": share}
        for when in ("before", "after"):
            said[name][when] = {side: _means(counts, (name, when, side)) for side in ("wanted", "unwanted")}
    return said


def _means(counts: Mapping[tuple[str, str, str, str], int], place: tuple[str, str, str]) -> dict[str, object]:
    answers = counts.get((*place, "answers"), 0)
    if not answers:
        return {"answers": 0, "chars_mean": None, "flattering_share": None}
    chars, flattering = counts.get((*place, "chars"), 0), counts.get((*place, "flattering"), 0)
    return {
        "answers": answers,
        "chars_mean": round(chars / answers, 1),
        "flattering_share": round(flattering / answers, 4),
    }
