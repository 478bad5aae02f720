"""Would it give it back? Greedy extraction, decided by teacher forcing: one pass, nothing is generated.

Covers: one learned text of each sampled person, and every planted canary; with the adapter on and off. Not covered:
sampling attacks ((n, p)-discoverable, Hayes et al. 2024), near-verbatim copies, targeted prompts.
A text counts as extracted when every token of its end is the model's first choice given the true beginning: then greedy
decoding from that beginning writes it out word for word (Carlini et al. 2023). The token that ends an answer is not asked
for: words that come back are a leak even if the model goes on. One text a person, because several texts of one person are
not independent; hits of the base model are taken off, because those were not learned here.
Control: the same of people held out. An assistant's set phrases come back for them too, though nothing of theirs was
learned; only what comes back more often for people who were trained on is memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from witting.audit.canary import Canary, messages
from witting.audit.interval import Share, clopper_pearson, more_often_p_value, upper_bound
from witting.schema import SPLITS
from witting.training.dialogue import Dialogue, Encoded, Message, cut

if TYPE_CHECKING:
    from peft import PeftModel

BATCH = 8
TOKENS_MAX = 128
END_TOKENS = 32  # at most so many tokens must be given back
END_TOKENS_MIN = 8  # shorter ends are guessed too easily to say anything
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Extraction:
    """People whose sampled text came back with the adapter on and not with it off."""

    people: int
    extracted: Share
    upper_bound: float  # one-sided 95 %
    control: Share  # the same of held-out people
    p_value: float  # one-sided Fisher: more often than of held-out people, by chance
    by_base: int  # texts that the base alone gives back
    subjects: tuple[str, ...]  # random ids of those extracted
    canaries: int
    canaries_extracted: int


@dataclass(frozen=True)
class Probe:
    """How texts become tokens here, and which tokens are no words."""

    dialogue: Dialogue
    special: frozenset[int]

    def words(self, messages: Sequence[Message]) -> Encoded:
        """The conversation with its learned words marked, and nothing else."""
        encoded = self.dialogue.encode(messages)
        return Encoded(encoded.tokens, encoded.learned & ~np.isin(encoded.tokens, list(self.special)))

    def end(self, messages: Sequence[Message]) -> Encoded | None:
        """Only the last learned words marked, at most `END_TOKENS` of them and at most half; None where it has few."""
        encoded = cut(self.words(messages), tokens_max=TOKENS_MAX)
        marked = encoded.learned.nonzero()[0] if encoded is not None else np.empty(0, np.int64)
        if encoded is None or len(marked) < 2 * END_TOKENS_MIN:
            return None
        learned = np.zeros_like(encoded.learned)
        learned[marked[-min(END_TOKENS, len(marked) // 2) :]] = True
        return Encoded(encoded.tokens, learned)


def sample(
    rows: Iterable[pa.Table], probe: Probe, *, seed: int, people_max: int
) -> tuple[dict[str, Encoded], dict[str, Encoded]]:
    """One text of each sampled person, trained on and held out. One pass; people and texts in a keyed order.
    Memory: a part and twice `people_max` texts a split."""
    drawn = {split: _Drawn(seed, people_max) for split in SPLITS}
    for table in rows:
        for row in table.to_pylist():
            if _counts(row) and drawn[row["split"]].wants(row):
                end = probe.end(row["messages"])
                if end is not None:
                    drawn[row["split"]].take(row, end)
    trained, heldout = (drawn[split].people() for split in SPLITS)
    return trained, heldout


@dataclass
class _Drawn:
    """The people of one split drawn so far: those whose rank is lowest, each with their text of lowest rank."""

    seed: int
    people_max: int
    texts: dict[str, tuple[bytes, Encoded]] = field(default_factory=dict)
    last: bytes | None = None  # rank of the last person drawn, once there are enough

    def wants(self, row: Mapping[str, Any]) -> bool:
        known = self.texts.get(row["subject_id"])
        if known is not None:
            return self._rank(row["example_id"]) < known[0]
        return self.last is None or self._rank(row["subject_id"]) < self.last

    def take(self, row: Mapping[str, Any], end: Encoded) -> None:
        self.texts[row["subject_id"]] = (self._rank(row["example_id"]), end)
        if len(self.texts) >= 2 * self.people_max:
            self.texts = {subject: self.texts[subject] for subject in self._first()}
            self.last = self._rank(list(self.texts)[-1])

    def people(self) -> dict[str, Encoded]:
        return {subject: self.texts[subject][1] for subject in self._first()}

    def _first(self) -> list[str]:
        return sorted(self.texts, key=self._rank)[: self.people_max]

    def _rank(self, of: str) -> bytes:
        return hashlib.blake2b(f"extraction/{self.seed}/{of}".encode(), digest_size=16).digest()


def extract(
    model: PeftModel,
    probe: Probe,
    texts: dict[str, Encoded],
    controls: dict[str, Encoded],
    canaries: Sequence[Canary],
    *,
    tell: Tell,
) -> Extraction:
    """Which texts come back: of trained people, of held-out people, of planted canaries. Two forward passes a text."""
    planted = [c for c in canaries if c.planted]
    ends = texts | controls
    ends |= {c.canary_id: e for c in planted if (e := cut(probe.words(messages(c)), tokens_max=TOKENS_MAX))}
    on = _given_back(model, ends, tell)
    with model.disable_adapter():
        off = _given_back(model, ends, lambda done, total: None)
    learned = on - off
    subjects = tuple(sorted(learned & texts.keys()))
    extracted = clopper_pearson(len(subjects), len(texts))
    control = clopper_pearson(len(learned & controls.keys()), len(controls))
    return Extraction(
        people=len(texts),
        extracted=extracted,
        control=control,
        p_value=more_often_p_value(extracted, control),
        upper_bound=upper_bound(len(subjects), len(texts)) if texts else 1.0,
        by_base=len(off & texts.keys()),
        subjects=subjects,
        canaries=len(planted),
        canaries_extracted=len(learned & {c.canary_id for c in planted}),
    )


def _counts(row: Mapping[str, Any]) -> bool:  # Any: Arrow values
    return not row["canary"] and row["kind"] in ("sft", "text") and bool(row["messages"])


def _given_back(model: PeftModel, ends: dict[str, Encoded], tell: Tell) -> set[str]:
    items, found = list(ends.items()), set()
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        verdicts = _all_first_choice(model, [e for _, e in batch])
        found |= {identifier for (identifier, _), whole in zip(batch, verdicts, strict=True) if whole}
        tell(start + len(batch), len(items))
    return found


def _all_first_choice(model: PeftModel, batch: Sequence[Encoded]) -> list[bool]:
    import torch

    longest = max(len(e.tokens) for e in batch)
    tokens = torch.zeros((len(batch), longest), dtype=torch.long)
    attention = torch.zeros_like(tokens)
    for row, e in enumerate(batch):
        tokens[row, : len(e.tokens)] = torch.from_numpy(e.tokens.astype("int64"))
        attention[row, : len(e.tokens)] = 1
    device = next(model.parameters()).device
    with torch.no_grad():
        logits = model(input_ids=tokens.to(device), attention_mask=attention.to(device)).logits
    choice = logits.argmax(-1).cpu()  # (batch, time)
    verdicts = []
    for row, e in enumerate(batch):
        positions = torch.from_numpy(e.learned.nonzero()[0])
        verdicts.append(bool((choice[row, positions - 1] == tokens[row, positions]).all()))
    return verdicts
