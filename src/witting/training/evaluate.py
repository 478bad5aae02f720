"""Does it help? The base against the adapted model on people whose words neither was taught.

Covered: loss on held-out people's own examples and accuracy on their preference pairs, base and adapter in one model
object, with intervals by person. Not covered: win rates by a judge, drift, regression sets (later depth).

The unit is the person, not the row: one who wrote fifty messages counts once, and the bootstrap draws people (Efron
1979, percentile interval). With the base as reference a negative difference is a gain. Where nobody was held out the
answer is that there is none: every number is None.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from witting.training.base import Base
from witting.training.dialogue import Dialogue, Encoded
from witting.training.likelihood import likelihood
from witting.training.preference import Pair, encode_pair
from witting.training.sft import SUPERVISED, encode_example

if TYPE_CHECKING:
    from peft import PeftModel

BATCH_SEQUENCES = 8
RESAMPLES = 2_000
LEVEL_PERCENT = 95
PEOPLE_MIN = 2  # fewer give no interval
EXAMPLES_PER_PERSON_MAX = 8
PEOPLE_MAX = 2_000


@dataclass(frozen=True)
class PersonLoss:
    """One held-out person: means over their examples, in nats a learned token. The id is random."""

    subject_id: str
    examples: int
    base_loss_nats: float
    adapted_loss_nats: float


@dataclass(frozen=True)
class Evaluation:
    """Means over people. None where there was nothing to measure; `interval` is of the difference, 95 %."""

    people: int
    examples: int
    tokens: int
    base_loss_nats: float | None
    adapted_loss_nats: float | None
    difference: float | None  # adapted - base: below zero is better
    interval: tuple[float, float] | None
    improved: bool | None  # the whole interval lies below zero
    pairs: int
    pair_people: int
    base_preference_accuracy: float | None
    adapted_preference_accuracy: float | None
    per_person: tuple[PersonLoss, ...]
    note: str

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        value = asdict(self)
        return {
            **value,
            "interval": list(self.interval) if self.interval else None,
            "per_person": [*value["per_person"]],
        }


@dataclass(frozen=True, eq=False)
class _Held:
    examples: dict[str, list[Encoded]]  # by person
    pairs: dict[str, list[Pair]]


def evaluate(
    base: Base,
    adapted: PeftModel,
    rows: Iterable[pa.Table],
    *,
    seed: int,
    sequence_tokens: int,
    examples_per_person_max: int = EXAMPLES_PER_PERSON_MAX,
) -> Evaluation:
    """`rows` are EXAMPLE tables; only split `heldout`, and no canary, is used. Two forward passes over what is kept.

    Of each person at most so many examples, and at most `PEOPLE_MAX` people, are drawn by a hash of (seed, id).
    """
    held = _hold(
        rows, Dialogue(base.tokenizer), seed=seed, tokens_max=sequence_tokens, each=examples_per_person_max
    )
    examples = [(person, e) for person, own in sorted(held.examples.items()) for e in own]
    pairs = [(person, p) for person, own in sorted(held.pairs.items()) for p in own]
    with adapted.disable_adapter():
        base_losses, base_right = _losses(adapted, examples), _right(adapted, pairs)
    adapted_losses, adapted_right = _losses(adapted, examples), _right(adapted, pairs)
    people = _per_person(examples, base_losses, adapted_losses)
    differences = np.array([p.adapted_loss_nats - p.base_loss_nats for p in people])
    interval = bootstrap_interval(differences, seed=seed)
    return Evaluation(
        people=len(people),
        examples=len(examples),
        tokens=sum(e.learned_tokens for _, e in examples),
        base_loss_nats=_mean([p.base_loss_nats for p in people]),
        adapted_loss_nats=_mean([p.adapted_loss_nats for p in people]),
        difference=_mean(differences.tolist()),
        interval=interval,
        improved=None if interval is None else interval[1] < 0,
        pairs=len(pairs),
        pair_people=len(held.pairs),
        base_preference_accuracy=_mean_by_person(pairs, base_right),
        adapted_preference_accuracy=_mean_by_person(pairs, adapted_right),
        per_person=tuple(people),
        note=_note(len(people)),
    )


def bootstrap_interval(values: np.ndarray, *, seed: int) -> tuple[float, float] | None:
    """Percentile bootstrap of the mean, one value a person; None below two people."""
    if len(values) < PEOPLE_MIN:
        return None
    rng = np.random.default_rng(seed)
    means = [values[rng.integers(0, len(values), len(values))].mean() for _ in range(RESAMPLES)]
    tail = (100 - LEVEL_PERCENT) / 2
    low, high = np.percentile(means, [tail, 100 - tail])
    return float(low), float(high)


def _hold(rows: Iterable[pa.Table], dialogue: Dialogue, *, seed: int, tokens_max: int, each: int) -> _Held:
    examples: dict[str, list[Encoded]] = defaultdict(list)
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for row in _chosen_rows(rows, seed=seed, each=each):
        if row["kind"] == "preference":
            if pair := encode_pair(dialogue, row, tokens_max=tokens_max):
                pairs[row["subject_id"]].append(pair)
        elif example := encode_example(dialogue, row, tokens_max=tokens_max):
            examples[row["subject_id"]].append(example)
    return _Held(dict(examples), dict(pairs))


def _chosen_rows(
    rows: Iterable[pa.Table], *, seed: int, each: int
) -> list[Mapping[str, Any]]:  # Any: Arrow values
    """At most `each` rows of a kind and person and at most PEOPLE_MAX people: the lowest hashes of (seed, id). Bounded
    memory: what is out of the running is dropped part by part."""
    best: dict[tuple[str, bool], dict[bytes, Mapping[str, Any]]] = {}
    for table in rows:
        learned = pl.col("kind").is_in((*SUPERVISED, "preference"))
        wanted = (pl.col("split") == "heldout") & ~pl.col("canary") & learned
        for row in pl.DataFrame(table).filter(wanted).iter_rows(named=True):
            own = best.setdefault((row["subject_id"], row["kind"] == "preference"), {})
            own[_draw(seed, row["example_id"])] = row
            if len(own) > each:
                del own[max(own)]
        people = sorted({person for person, _ in best}, key=lambda person: _draw(seed, person))
        dropped = set(people[PEOPLE_MAX:])
        best = {key: own for key, own in best.items() if key[0] not in dropped}
    return [own[draw] for _, own in sorted(best.items()) for draw in sorted(own)]


def _draw(seed: int, of: str) -> bytes:
    return hashlib.blake2b(f"{seed}/evaluate/{of}".encode(), digest_size=16).digest()


def _losses(model: PeftModel, examples: Sequence[tuple[str, Encoded]]) -> list[float]:
    """Nats a learned token of each example, with the adapter as it is now."""
    import torch

    losses: list[float] = []
    with torch.no_grad():
        for start in range(0, len(examples), BATCH_SEQUENCES):
            batch = [encoded for _, encoded in examples[start : start + BATCH_SEQUENCES]]
            losses += (-likelihood(model, batch).means()).tolist()
    return losses


def _right(model: PeftModel, pairs: Sequence[tuple[str, Pair]]) -> list[float]:
    """1.0 where the chosen answer is likelier a token than the rejected one, so that length decides nothing."""
    chosen = _losses(model, [(person, pair.chosen) for person, pair in pairs])
    rejected = _losses(model, [(person, pair.rejected) for person, pair in pairs])
    return [float(c < r) for c, r in zip(chosen, rejected, strict=True)]


def _per_person(
    examples: Sequence[tuple[str, Encoded]], base: Sequence[float], adapted: Sequence[float]
) -> list[PersonLoss]:
    own: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (person, _), before, after in zip(examples, base, adapted, strict=True):
        own[person].append((before, after))
    return [
        PersonLoss(
            subject_id=person,
            examples=len(values),
            base_loss_nats=float(np.mean([before for before, _ in values])),
            adapted_loss_nats=float(np.mean([after for _, after in values])),
        )
        for person, values in sorted(own.items())
    ]


def _mean_by_person(pairs: Sequence[tuple[str, Pair]], right: Sequence[float]) -> float | None:
    own: dict[str, list[float]] = defaultdict(list)
    for (person, _), value in zip(pairs, right, strict=True):
        own[person].append(value)
    return _mean([float(np.mean(values)) for values in own.values()])


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _note(people: int) -> str:
    if people == 0:
        return "No person was held out with anything to measure: whether the adapter helps is not known."
    if people < PEOPLE_MIN:
        return "One held-out person: no interval can be given, and nothing is concluded."
    return f"{LEVEL_PERCENT} % percentile bootstrap over {people} people, {RESAMPLES} resamples."
