"""Was it in there? How much more likely the adapter finds planted canaries than canaries it never saw.

Covers: one pass per canary with the adapter on and off, exposure, membership at a low false-positive rate, the positive
control. Not covered: giving a text back word for word (`extraction.py`).
Score: mean log-probability of the answer's tokens, adapter on minus adapter off (the base is the reference model).
Exposure: Carlini et al. 2019, log2 of the number of unplanted canaries over the rank among them; its null median is 1.
Equal scores share their rank: an adapter that changes nothing is not taken for one that remembers everything.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from witting.audit.canary import Canary, messages
from witting.audit.interval import Share, clopper_pearson, higher_p_value, hits_at
from witting.training.dialogue import Dialogue, Encoded, cut
from witting.training.likelihood import likelihood

if TYPE_CHECKING:
    from peft import PeftModel

BATCH = 16
TOKENS_MAX = 128
FALSE_POSITIVE_RATES = (0.01, 0.001)
CONTROL_P_VALUE = 0.05  # the repeated family must stand out at least so clearly, or the audit had no power
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Exposure:
    """Bits of each coin canary that was planted. `measurable_bits` is all that so few unplanted ones can show."""

    planted: int
    unplanted: int
    median_bits: float | None
    highest_bits: float | None
    measurable_bits: float
    p_value: float | None  # one-sided Mann-Whitney, planted against unplanted


@dataclass(frozen=True)
class Membership:
    """True positives at a false-positive rate. `underpowered`: too few unplanted canaries to set that threshold."""

    false_positive_rate: float
    found: Share
    underpowered: bool


@dataclass(frozen=True)
class CanaryResult:
    exposure: Exposure
    membership: tuple[Membership, ...]
    control_p_value: float | None  # of the repeated family: the positive control
    control_found: bool


def score(
    model: PeftModel, dialogue: Dialogue, canaries: Sequence[Canary], *, tell: Tell
) -> dict[str, float]:
    """By canary id: nats a token that the adapter adds. Two forward passes a canary, nothing is generated."""
    items = [(c.canary_id, _encode(dialogue, c)) for c in canaries]
    scores: dict[str, float] = {}
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        on = _means(model, [e for _, e in batch])
        with model.disable_adapter():
            off = _means(model, [e for _, e in batch])
        scores |= {identifier: a - b for (identifier, _), a, b in zip(batch, on, off, strict=True)}
        tell(len(scores), len(items))
    return scores


def judge(canaries: Sequence[Canary], scores: dict[str, float]) -> CanaryResult:
    """Exposure, membership and the positive control, from one set of scores."""
    planted = [scores[c.canary_id] for c in canaries if c.family == "coin" and c.planted]
    unplanted = [scores[c.canary_id] for c in canaries if c.family != "repeated" and not c.planted]
    repeated = [scores[c.canary_id] for c in canaries if c.family == "repeated"]
    control = higher_p_value(repeated, unplanted)
    return CanaryResult(
        exposure=_exposure(planted, unplanted),
        membership=tuple(_membership(planted, unplanted, rate) for rate in FALSE_POSITIVE_RATES),
        control_p_value=control,
        control_found=control is not None and control < CONTROL_P_VALUE,
    )


def _encode(dialogue: Dialogue, canary: Canary) -> Encoded:
    encoded = cut(dialogue.encode(messages(canary)), tokens_max=TOKENS_MAX)
    assert encoded is not None, "a canary's answer has words"
    return encoded


def _means(model: PeftModel, batch: Sequence[Encoded]) -> list[float]:
    import torch

    with torch.no_grad():
        return likelihood(model, batch).means().tolist()


def _exposure(planted: Sequence[float], unplanted: Sequence[float]) -> Exposure:
    references = len(unplanted) + 1
    bits = [math.log2(references / _rank(one, unplanted)) for one in planted]
    return Exposure(
        planted=len(planted),
        unplanted=len(unplanted),
        median_bits=statistics.median(bits) if bits else None,
        highest_bits=max(bits, default=None),
        measurable_bits=math.log2(references),
        p_value=higher_p_value(planted, unplanted),
    )


def _rank(one: float, others: Sequence[float]) -> float:
    """1 is above all others; equals share the middle of their places."""
    return 1 + sum(other > one for other in others) + sum(other == one for other in others) / 2


def _membership(planted: Sequence[float], unplanted: Sequence[float], rate: float) -> Membership:
    hits = hits_at(planted, unplanted, false_positive_rate=rate)
    return Membership(rate, clopper_pearson(hits, len(planted)), underpowered=len(unplanted) * rate < 1)
