"""One span a character: which of several findings stands.

Covers: overlaps, by strength, then length, then score, then place; the order of detectors never matters.
Not covered: thresholds a kind (a policy document, later).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from witting.redaction.span import Span

STRONG = 0.8


def arbitrate(found: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order of start. A strong finding beats any weak one; among equals the longer wins."""
    ranked = sorted(
        set(found),
        key=lambda s: (s.score < STRONG, s.start - s.end, -s.score, s.start, s.kind, s.detector, s.whose),
    )
    kept: list[Span] = []  # ascending and disjoint
    starts: list[int] = []
    for span in ranked:
        at = bisect_left(starts, span.end)  # spans before `at` start before this one ends
        if at and kept[at - 1].end > span.start:
            continue
        kept.insert(at, span)
        starts.insert(at, span.start)
    return kept
