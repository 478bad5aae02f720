"""From whole-number scores of words to spans.

Covers: one offset a kind, for words with a capital letter and without (its measured thresholds), then the best allowed run of labels (Viterbi 1967) in which no
span goes on that did not begin; ties go to the earlier label. Scores are whole numbers, so the answer is exact.
Not covered: which of two detectors is believed (`arbitrate.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

KINDS = ("PERSON", "LOCATION", "ORG", "ADDRESS")
LABELS = ("O", *(f"{place}-{kind}" for kind in KINDS for place in "BI"))


def spans(scores: NDArray[np.int64], offsets: NDArray[np.int64]) -> Iterator[tuple[int, int, str, int]]:
    """`scores`: (words, LABELS). Yields (first word, word after the last, kind, mean lead over O); `offsets`, of the
    same shape, are added before comparing."""
    raised = scores + offsets
    likely = np.flatnonzero(raised[:, 1:].max(axis=1, initial=-(2**62)) > raised[:, 0])
    if not len(likely):
        return
    for run in np.split(likely, np.flatnonzero(np.diff(likely) > 1) + 1):
        first = int(run[0])
        labels = best(raised[first : first + len(run)].tolist())
        yield from _joined(labels, first, scores)


def best(scores: Sequence[Sequence[int]]) -> list[int]:
    """The highest-scoring labels of neighbouring words, of those where I follows B or I of its kind."""
    total = [score if label == 0 or label % 2 else -(2**60) for label, score in enumerate(scores[0])]
    back: list[list[int]] = []
    for row in scores[1:]:
        top = max(range(len(total)), key=lambda label: (total[label], -label))
        before = [
            top if label == 0 or label % 2 else (label - 1 if total[label - 1] >= total[label] else label)
            for label in range(len(total))
        ]
        total = [total[before[label]] + row[label] for label in range(len(total))]
        back.append(before)
    labels = [max(range(len(total)), key=lambda label: (total[label], -label))]
    for before in reversed(back):
        labels.append(before[labels[-1]])
    return labels[::-1]


def _joined(
    labels: Sequence[int], first: int, scores: NDArray[np.int64]
) -> Iterator[tuple[int, int, str, int]]:
    at = 0
    while at < len(labels):
        begin = at
        at += 1
        if labels[begin] == 0:
            continue
        while at < len(labels) and labels[at] == labels[begin] + 1:
            at += 1
        chosen = [int(scores[first + n, labels[n]] - scores[first + n, 0]) for n in range(begin, at)]
        yield first + begin, first + at, KINDS[(labels[begin] - 1) // 2], sum(chosen) // len(chosen)
