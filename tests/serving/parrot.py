"""A model that says what it was told to say, token by token: the worst case of memorisation."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

LIKED = 10.0  # the score of the token it wants to say; the others have small scores of their own


class Parrot(torch.nn.Module):
    """Behaves to `training.generate` like a causal model whose greedy answer is `text`."""

    def __init__(self, tokenizer: Any, text: str) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.config = SimpleNamespace(eos_token_id=tokenizer.eos_token_id, max_position_embeddings=4_096)
        self.script = [*tokenizer(text, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        self.size = len(tokenizer)

    def forward(self, input_ids: torch.Tensor, past_key_values: int | None, **asked: Any) -> Any:
        said = past_key_values or 0
        scores = torch.linspace(1, 0, self.size)
        scores[self.script[min(said, len(self.script) - 1)]] = LIKED
        return SimpleNamespace(past_key_values=said + 1, logits=scores[None, None])
