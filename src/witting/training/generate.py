"""An answer, piece by piece.

Covered: one conversation, greedy or sampled with a seed, through any `transformers` logits processors (the guard is
one), as text that is final when it is yielded. Not covered: batches, beams, serving (`serving/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from witting.training.base import causal
from witting.training.dialogue import Dialogue, Message

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from transformers import PreTrainedTokenizerBase

PROMPT_TOKENS_MAX = 4_096  # the latest ones; less where the model's own window is smaller
UNFINISHED = "\ufffd"  # a character whose bytes are not all there yet

Processor = Callable[["Tensor", "Tensor"], "Tensor"]  # (1, time) token ids, (1, vocabulary) scores → scores


def generate(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Message],
    *,
    max_new_tokens: int,
    logits_processors: Sequence[Processor] = (),
    seed: int = 0,
    temperature: float = 0.0,
) -> Iterator[str]:
    """Pieces of the assistant's answer to `messages`. Temperature 0 is greedy; same seed, same answer."""
    spoken: list[int] = []
    told = ""
    for token in _tokens(
        model,
        tokenizer,
        Dialogue(tokenizer).prompt(messages),
        max_new_tokens=max_new_tokens,
        processors=logits_processors,
        seed=seed,
        temperature=temperature,
    ):
        spoken.append(token)
        text = str(tokenizer.decode(spoken, skip_special_tokens=True))
        if len(text) > len(told) and not text.endswith(UNFINISHED):
            yield text[len(told) :]
            told = text
    text = str(tokenizer.decode(spoken, skip_special_tokens=True))
    if len(text) > len(told):
        yield text[len(told) :]


def _tokens(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    prompt: list[int],
    *,
    max_new_tokens: int,
    processors: Sequence[Processor],
    seed: int,
    temperature: float,
) -> Iterator[int]:
    """Token ids of the answer, without the one that ends it. The key-value cache makes each cost one position."""
    import torch

    lm = causal(model)
    device = next(lm.parameters()).device
    window = int(getattr(lm.config, "max_position_embeddings", PROMPT_TOKENS_MAX))
    prompt = prompt[-max(1, min(PROMPT_TOKENS_MAX, window - max_new_tokens)) :]
    seen = torch.tensor([prompt], device=device)
    fed, cache = seen, None
    generator = torch.Generator().manual_seed(seed)
    ends = _ends(lm.config.eos_token_id, tokenizer.eos_token_id)
    for _ in range(max_new_tokens):
        with torch.no_grad():
            out = lm(input_ids=fed, past_key_values=cache, use_cache=True, logits_to_keep=1)
        cache, scores = out.past_key_values, out.logits[:, -1].float()
        for process in processors:
            scores = process(seen, scores)
        token = _pick(scores[0], temperature=temperature, generator=generator)
        if token in ends:
            return
        yield token
        fed = torch.tensor([[token]], device=device)
        seen = torch.cat([seen, fed], dim=1)


def _pick(scores: Tensor, *, temperature: float, generator: torch.Generator) -> int:
    import torch

    if temperature <= 0:
        return int(scores.argmax())
    chances = torch.softmax(scores.cpu().double() / temperature, dim=-1)
    return int(torch.multinomial(chances, 1, generator=generator))


def _ends(*ids: int | list[int] | None) -> frozenset[int]:
    flat = [i for one in ids for i in (one if isinstance(one, list) else [one])]
    return frozenset(i for i in flat if i is not None)
