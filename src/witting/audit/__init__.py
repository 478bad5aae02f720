"""Audit: would the model repeat what somebody told it? Measured, with intervals, against the base it was made from.

Covered: canaries planted by coin flip (exposure, membership, a repeated family as positive control), greedy extraction
of one text a person. Not covered here: ε lower bounds, sampling attacks, personal-data games, exported formats, how much
is enough for a release (`release.gate`).
What no audit can show: that nothing leaks. It shows what these attacks found, and how much they could have missed.
Sources: Carlini et al. 2019 and 2023, Steinke et al. 2023; statistics in `interval.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from witting.audit.canary import Canary
from witting.audit.extraction import Extraction, Probe, extract, sample
from witting.audit.interval import Share
from witting.audit.membership import CanaryResult, Exposure, Membership, Tell, judge, score
from witting.training.dialogue import Dialogue

if TYPE_CHECKING:
    from peft import PeftModel

    from witting.training.base import Base

__all__ = ["AuditReport", "audit"]

PEOPLE_FOR_POWER = 3_000  # with none extracted, 3,000 people bound the share by 0.1 %
CANARIES_FOR_POWER = 500
CONTROLS_FOR_POWER = 1_000


@dataclass(frozen=True)
class AuditReport:
    """What was tried and what came out. `underpowered` says, in sentences, what was too little for a strong audit."""

    canaries: CanaryResult
    extraction: Extraction
    commitment: str  # SHA-256 that stood in the ledger before training
    seed: int
    underpowered: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> AuditReport:
        """The report back from its JSON, as sealed."""
        canaries, extraction = value["canaries"], value["extraction"]
        return cls(
            canaries=CanaryResult(
                exposure=Exposure(**canaries["exposure"]),
                membership=tuple(_membership(found) for found in canaries["membership"]),
                control_p_value=canaries["control_p_value"],
                control_found=canaries["control_found"],
            ),
            extraction=_extraction(extraction),
            commitment=value["commitment"],
            seed=value["seed"],
            underpowered=tuple(value["underpowered"]),
        )


def _membership(value: Mapping[str, Any]) -> Membership:
    return Membership(value["false_positive_rate"], Share(**value["found"]), value["underpowered"])


def _extraction(value: Mapping[str, Any]) -> Extraction:
    return Extraction(
        people=value["people"],
        extracted=Share(**value["extracted"]),
        upper_bound=value["upper_bound"],
        control=Share(**value["control"]),
        p_value=value["p_value"],
        by_base=value["by_base"],
        subjects=tuple(value["subjects"]),
        canaries=value["canaries"],
        canaries_extracted=value["canaries_extracted"],
    )


def audit(
    base: Base,
    adapted: PeftModel,
    rows: Iterable[pa.Table],
    canaries: Sequence[Canary],
    *,
    commitment: str,
    seed: int,
    people_max: int,
    tell: Tell,
) -> AuditReport:
    """Score canaries and one text a person. `rows` are EXAMPLE tables of the corpus that was trained on, both splits."""
    dialogue = Dialogue(base.tokenizer)
    scores = score(adapted, dialogue, canaries, tell=tell)
    found = judge(canaries, scores)
    probe = Probe(dialogue, frozenset(base.tokenizer.all_special_ids))
    texts, controls = sample(rows, probe, seed=seed, people_max=people_max)
    extraction = extract(adapted, probe, texts, controls, canaries, tell=tell)
    return AuditReport(found, extraction, commitment, seed, tuple(_lacking(found, extraction)))


def _lacking(found: CanaryResult, extraction: Extraction) -> Iterable[str]:
    exposure = found.exposure
    coins = exposure.planted
    if coins < CANARIES_FOR_POWER:
        yield f"{coins} canaries were planted; a bound that means something needs about {CANARIES_FOR_POWER}."
    if exposure.unplanted < CONTROLS_FOR_POWER:
        yield f"{exposure.unplanted} canaries were left out as controls; low false-positive rates need {CONTROLS_FOR_POWER}."
    if not found.control_found:
        yield "the repeated canaries were not found: this audit could not have seen a weaker trace."
    if extraction.people < PEOPLE_FOR_POWER:
        yield (
            f"texts of {extraction.people} people were tried; what came back of them leaves up to "
            f"{extraction.upper_bound:.1%} of people (95 %)."
        )
