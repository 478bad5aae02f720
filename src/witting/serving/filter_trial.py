"""The guard's index put to the test: the words a model was trained on, run by run, against what serving would stop.

Covers: every run of words of a sample of training texts. Not covered: the sampler around the index (`guard.py`), rewording,
runs that many people said, which nobody is guarded from (`index.py`).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa

from witting.serving.index import GuardIndex, hash_runs, normalise, texts


@dataclass(frozen=True)
class FilterTest:
    """Runs of words of the sampled texts: tried = stopped + common + missed."""

    texts: int
    tried: int
    stopped: int
    common: int  # of people_min people or more: let through on purpose
    missed: int


def try_filter(
    index: GuardIndex,
    read: Callable[[], Iterable[pa.Table]],
    *,
    key: bytes,
    people_min: int,
    texts_max: int,
) -> FilterTest:
    """`read` gives the EXAMPLE tables of the corpus, as often as it is called. Sampled are the texts of the lowest example
    ids: hashes, so nobody's choice. Cost: one pass over the corpus, a second one only where a run is let through."""
    sampled = heapq.nsmallest(texts_max, _examples(read()))
    runs = [run for _, text in sampled for run in hash_runs(normalise(text), key=key, words=index.words)]
    through = [run for run in runs if not index.has_run(run)]
    said_by: dict[int, set[str]] = defaultdict(set)
    if through:
        wanted = set(through)
        for table in read():
            for example in table.to_pylist():
                for text in texts(example):
                    for run in wanted.intersection(hash_runs(normalise(text), key=key, words=index.words)):
                        said_by[run].add(example["subject_id"])
    common = sum(len(said_by[run]) >= people_min for run in through)
    return FilterTest(len(sampled), len(runs), len(runs) - len(through), common, len(through) - common)


def _examples(tables: Iterable[pa.Table]) -> Iterable[tuple[str, str]]:
    for table in tables:
        for example in table.to_pylist():
            for number, text in enumerate(texts(example)):
                yield f"{example['example_id']}/{number}", text
