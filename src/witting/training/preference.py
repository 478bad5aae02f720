"""Preference pairs: of two answers to the same words, the one a person took.

Covered: rows of kind `preference` as two token sequences, and the DPO loss with the base as reference. Not covered:
KTO on single thumbs, other losses (later depth). Idea: Rafailov et al. 2023, "Direct Preference Optimization".

The reference is the same model with its adapter switched off, so no second copy is held. Each pair's loss depends on
that pair only; a batch's loss is the mean over its pairs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from witting.training.dialogue import Dialogue, Encoded
from witting.training.likelihood import likelihood

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor

ANSWER_SHARE = 0.75  # of the sequence, at most, where prompt and answer do not both fit


@dataclass(frozen=True, eq=False)
class Pair:
    """Two answers behind the same prompt tokens."""

    chosen: Encoded
    rejected: Encoded

    @property
    def learned_tokens(self) -> int:
        return self.chosen.learned_tokens + self.rejected.learned_tokens


def encode_pair(dialogue: Dialogue, row: Mapping[str, Any], *, tokens_max: int) -> Pair | None:
    """An EXAMPLE row of kind preference; None where the answers are missing or equal once cut.

    Unlike an SFT row, answers keep their start (where two answers to one prompt differ and are judged) and the
    prompt keeps its end, cut alike for both, so that the pair differs in the answer alone.
    """
    if not row["messages"] or not row["chosen"] or not row["rejected"]:
        return None
    prompt = np.array(dialogue.prompt(row["messages"]), np.int32)
    answers = [_answer(dialogue, row["messages"], row[side]) for side in ("chosen", "rejected")]
    room = max(tokens_max - len(prompt), int(tokens_max * ANSWER_SHARE))
    chosen, rejected = (answer[:room] for answer in answers)
    kept = tokens_max - max(len(chosen), len(rejected))
    prompt = prompt[len(prompt) - min(kept, len(prompt)) :]
    if len(prompt) == 0 or np.array_equal(chosen, rejected):
        return None
    return Pair(_behind(prompt, chosen), _behind(prompt, rejected))


def dpo_losses(model: PeftModel, batch: Sequence[Pair], *, beta: float) -> Tensor:
    """(pairs,) -log sigmoid(beta x (log-ratio of chosen - log-ratio of rejected)), reference = adapter off."""
    import torch
    from torch.nn import functional

    sequences = [pair.chosen for pair in batch] + [pair.rejected for pair in batch]
    with torch.no_grad(), model.disable_adapter():
        reference = likelihood(model, sequences).sums()
    policy = likelihood(model, sequences).sums()
    ratio = policy - reference  # (2 x pairs,)
    return -functional.logsigmoid(beta * (ratio[: len(batch)] - ratio[len(batch) :]))


def _answer(dialogue: Dialogue, messages: Sequence[Mapping[str, Any]], words: str) -> np.ndarray:
    """The answer's own tokens and the one that ends it."""
    told = [{"role": m["role"], "content": m["content"]} for m in messages]
    whole = dialogue.encode([*told, {"role": "assistant", "content": words, "learn": True}])
    return whole.tokens[whole.learned]


def _behind(prompt: np.ndarray, answer: np.ndarray) -> Encoded:
    marks = np.concatenate([np.zeros(len(prompt), np.bool_), np.ones(len(answer), np.bool_)])
    return Encoded(np.concatenate([prompt, answer]), marks)
