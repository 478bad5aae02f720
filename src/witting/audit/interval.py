"""Intervals and tests for what an audit counts: exact where an exact one exists.

Covers: Clopper-Pearson for shares, one-sided Mann-Whitney for ranks, the share of an event at a false-positive rate.
Not covered: what is counted (`canary.py`, `extraction.py`, `membership.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """`hits` of `trials`, with its exact two-sided 95 % interval."""

    hits: int
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """None where nothing was tried."""
        return self.hits / self.trials if self.trials else None


def clopper_pearson(hits: int, trials: int, *, confidence: float = CONFIDENCE) -> Share:
    """Clopper and Pearson 1934. No trials: the interval is everything, 0 to 1."""
    from scipy.stats import beta

    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits of {trials} trials: hits lie between 0 and trials.")
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, hits, trials - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, trials - hits)) if hits < trials else 1.0
    return Share(hits, trials, low, high)


def upper_bound(hits: int, trials: int, *, confidence: float = CONFIDENCE) -> float:
    """One-sided Clopper-Pearson upper bound: 0 of 300 gives 0.0099."""
    return clopper_pearson(hits, trials, confidence=2 * confidence - 1).high


def higher_p_value(inside: Sequence[float], outside: Sequence[float]) -> float | None:
    """One-sided Mann-Whitney: how surprising it is that `inside` scores higher by chance. None where one is empty."""
    from scipy.stats import mannwhitneyu

    if not inside or not outside:
        return None
    return float(mannwhitneyu(inside, outside, alternative="greater").pvalue)


def more_often_p_value(one: Share, other: Share) -> float:
    """One-sided Fisher's exact test: how surprising it is that `one` hits more often than `other` by chance. 1 where
    either was not tried."""
    from scipy.stats import fisher_exact

    if not one.trials or not other.trials:
        return 1.0
    table = [[one.hits, one.trials - one.hits], [other.hits, other.trials - other.hits]]
    return float(fisher_exact(table, alternative="greater").pvalue)


def hits_at(inside: Sequence[float], outside: Sequence[float], *, false_positive_rate: float) -> int:
    """How many of `inside` score above the threshold that at most that share of `outside` exceeds."""
    allowed = int(false_positive_rate * len(outside))
    threshold = sorted(outside, reverse=True)[allowed] if len(outside) > allowed else float("-inf")
    return sum(score > threshold for score in inside)
