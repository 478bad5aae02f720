"""How likely a model finds the marked tokens of a batch, without making logits nobody asked for.

Covered: log-probabilities of the learned tokens, one example at a time or in a padded batch; sums and means for each
example. Not covered: what is done with them (`sft.py`, `preference.py`, `evaluate.py`, the audit).

The head is a fifth of SmolLM2 and, in float32, its logits for 2,048 tokens are 403 MB. So the body runs on everything
and the head only on positions whose next token is learned, in chunks; above one chunk the logits are recomputed in the
backward pass instead of kept. Bodies and heads are joined by hand for that, which is only right where the model does
nothing else between them: `check_head` compares with the model's own logits once, before training starts.

Each example is normalised by its *own* number of tokens and by nothing else in the batch: no example's gradient
depends on who else is in it. Person-level privacy and exact unlearning both need that (facts: batch-token
normalisation silently breaks it).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from witting.errors import TrainingError
from witting.training.base import causal
from witting.training.dialogue import Encoded

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from transformers import PreTrainedModel

HEAD_TOKENS = 1_024  # positions whose logits exist at once
HEAD_TOLERANCE = 1e-3  # of the largest own logit; bfloat16 heads differ by less than 2e-2, see below
HEAD_TOLERANCE_BFLOAT16 = 3e-2


@dataclass(frozen=True, eq=False)
class Likelihood:
    """For every learned token of a batch, in order: its log-probability in nats and the example it belongs to."""

    log_probs: Tensor  # (learned,)
    example: Tensor  # (learned,) index into the batch
    examples: int

    def sums(self) -> Tensor:
        """(examples,) log-probability of all learned tokens of each."""
        return self.log_probs.new_zeros(self.examples).index_add(0, self.example, self.log_probs)

    def means(self) -> Tensor:
        """(examples,) log-probability a learned token, averaged over each example's own tokens."""
        ones = self.log_probs.new_ones(self.log_probs.shape)
        counts = self.log_probs.new_zeros(self.examples).index_add(0, self.example, ones)
        return self.sums() / counts


def likelihood(model: nn.Module, batch: Sequence[Encoded]) -> Likelihood:
    """One forward pass over `batch`, padded on the right. Every example must have something learned."""
    import torch

    lm = causal(model)
    device = next(lm.parameters()).device
    tokens, attention, learned = (part.to(device) for part in _pad(batch))
    hidden = getattr(lm, lm.base_model_prefix)(
        input_ids=tokens, attention_mask=attention, use_cache=False
    ).last_hidden_state  # (batch, time, width)
    asked = learned[:, 1:]  # the position before a learned token predicts it
    example = asked.nonzero()[:, 0]
    log_probs = _log_probs(lm, hidden[:, :-1][asked], tokens[:, 1:][asked])
    if not torch.isfinite(log_probs).all():
        raise TrainingError(
            f"the model's output for a batch of {len(batch)} sequences is not finite. "
            "Lower training.learning_rate or training.merge_scale, or use another base."
        )
    return Likelihood(log_probs, example, len(batch))


def check_head(model: nn.Module, example: Encoded) -> None:
    """Raises TrainingError where our head and the model's own logits differ: an architecture we do not know."""
    import torch

    lm = causal(model)
    device = next(lm.parameters()).device
    tokens = torch.from_numpy(example.tokens.astype(np.int64))[None].to(device)
    with torch.no_grad():
        body = getattr(lm, lm.base_model_prefix)(input_ids=tokens, use_cache=False)
        ours = _logits(lm, body.last_hidden_state[0])
        own = lm(input_ids=tokens, use_cache=False).logits[0].float()
    tolerance = HEAD_TOLERANCE if lm.dtype == torch.float32 else HEAD_TOLERANCE_BFLOAT16
    error = float((ours - own).abs().max() / own.abs().max().clamp_min(1e-6))
    if not error <= tolerance:
        raise TrainingError(
            f"{type(lm).__name__} does something between its body and its logits that is not known here "
            f"(relative difference {error:.2g}, allowed {tolerance:g}). Use a Llama, Qwen, Mistral, Gemma, GPT-2 "
            "or similar base."
        )


def _pad(batch: Sequence[Encoded]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    import torch

    longest = max(len(encoded.tokens) for encoded in batch)
    tokens = np.zeros((len(batch), longest), np.int64)  # any id: attention and marks leave the padding out
    attention = np.zeros((len(batch), longest), np.int64)
    learned = np.zeros((len(batch), longest), np.bool_)
    for row, encoded in enumerate(batch):
        length = len(encoded.tokens)
        tokens[row, :length] = encoded.tokens
        attention[row, :length] = 1
        learned[row, :length] = encoded.learned
    return torch.from_numpy(tokens), torch.from_numpy(attention), torch.from_numpy(learned)


def _log_probs(lm: PreTrainedModel, hidden: Tensor, targets: Tensor) -> Tensor:
    import torch
    from torch.utils.checkpoint import checkpoint

    if len(targets) <= HEAD_TOKENS:
        return _chunk_log_probs(lm, hidden, targets)
    chunks = [
        checkpoint(_chunk_log_probs, lm, part, wanted, use_reentrant=False)
        for part, wanted in zip(hidden.split(HEAD_TOKENS), targets.split(HEAD_TOKENS), strict=True)
    ]
    return torch.cat(chunks)


def _chunk_log_probs(lm: PreTrainedModel, hidden: Tensor, targets: Tensor) -> Tensor:
    from torch.nn import functional

    return -functional.cross_entropy(_logits(lm, hidden), targets, reduction="none")


def _logits(lm: PreTrainedModel, hidden: Tensor) -> Tensor:
    """(positions, vocabulary) in float32, with the scalings that some families put after the head."""
    import torch

    head = lm.get_output_embeddings()
    if head is None:
        raise TrainingError(f"{type(lm).__name__} has no output head; it is not a causal language model.")
    logits = head(hidden).float()
    logits = logits * (getattr(lm.config, "logit_scale", None) or 1.0)  # Cohere
    logits = logits / (getattr(lm.config, "logits_scaling", None) or 1.0)  # Granite
    cap = getattr(lm.config, "final_logit_softcapping", None)  # Gemma 2 and later
    return torch.tanh(logits / cap) * cap if cap else logits
