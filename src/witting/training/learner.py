"""The steps that teach one adapter, and the state they go on from.

Covered: which examples each step sees, gradient steps on SFT examples and preference pairs, saving and restoring the
optimiser. Not covered: files and shards (`shards.py`), the losses themselves (`sft.py`, `preference.py`).

Supervised steps come first, then preference steps, as DPO asks of its policy. The state is the adapter's factors,
AdamW's two moments and the number of steps: nothing here draws random numbers, so there is no generator to save.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from witting.errors import TrainingError
from witting.training.dialogue import Encoded
from witting.training.preference import Pair, dpo_losses
from witting.training.recipe import Recipe, allot
from witting.training.sft import sft_losses

if TYPE_CHECKING:
    from peft import PeftModel
    from torch import Tensor

MICRO_TOKENS = 16_384  # padded tokens in one forward pass; a larger batch is summed from several

Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Taught:
    """What one shard's rows became, by example id. `digest` is over ids, tokens and marks."""

    examples: tuple[tuple[str, Encoded], ...]
    pairs: tuple[tuple[str, Pair], ...]
    digest: str

    @property
    def example_tokens(self) -> int:
        return sum(example.learned_tokens for _, example in self.examples)

    @property
    def pair_tokens(self) -> int:
        return sum(pair.learned_tokens for _, pair in self.pairs)


Batch = tuple[Encoded, ...] | tuple[Pair, ...]


def batches(taught: Taught, *, steps: int, recipe: Recipe, seed: int) -> Iterator[Batch]:
    """What each of `steps` steps sees. A batch holds no example twice and at most as many sequences as the recipe
    says; a pair is two."""
    supervised = _supervised_steps(taught, steps)
    yield from _batches(taught.examples, steps=supervised, size=recipe.batch_sequences, seed=seed)
    yield from _batches(
        taught.pairs, steps=steps - supervised, size=max(1, recipe.batch_sequences // 2), seed=seed
    )


def training_order(items: Sequence[tuple[str, Item]], *, seed: int) -> Iterator[Item]:
    """Endless passes over the items, each in an order of its own, by a hash of (seed, pass, id): it depends neither
    on how the rows lay nor on any random state."""
    epoch = 0
    while items:
        yield from (
            item for _, item in sorted(items, key=lambda pair: (_rank(seed, epoch, pair[0]), pair[0]))
        )
        epoch += 1


class Learner:
    """Holds an adapter's optimiser."""

    def __init__(self, model: PeftModel, recipe: Recipe) -> None:
        import torch

        self._model = model
        self._recipe = recipe
        self._factors = {name: p for name, p in sorted(model.named_parameters()) if "lora_" in name}
        for factor in self._factors.values():
            factor.requires_grad_(True)
        self._optimiser = torch.optim.AdamW(
            self._factors.values(), lr=recipe.learning_rate, weight_decay=0.0, foreach=False, fused=False
        )

    def step(self, batch: Batch) -> float:
        """One optimiser step; the batch's loss before it, in nats: the mean over its examples."""
        self._optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for part in self._parts(batch):
            loss = self._losses(part).sum() / len(batch)
            loss.backward()
            total += float(loss.detach())
        self._optimiser.step()
        return total

    def state(self, *, step: int, key: str) -> bytes:
        """Everything the next step depends on, as a safetensors file."""
        from safetensors.torch import save

        tensors: dict[str, Tensor] = {}
        for name, factor in self._factors.items():
            moments = self._optimiser.state[factor]
            tensors[f"factor/{name}"] = factor.detach().cpu().contiguous()
            tensors[f"first/{name}"] = moments["exp_avg"].cpu().contiguous()
            tensors[f"second/{name}"] = moments["exp_avg_sq"].cpu().contiguous()
        return save(tensors, metadata={"step": str(step), "key": key})

    def restore(self, tensors: dict[str, Tensor], *, step: int) -> None:
        """Go on from `state`: as if never interrupted."""
        import torch

        if sorted(tensors) != sorted(
            f"{part}/{n}" for part in ("factor", "first", "second") for n in self._factors
        ):
            raise TrainingError("the checkpoint's factors are not this adapter's. Delete the checkpoint.")
        with torch.no_grad():
            for name, factor in self._factors.items():
                factor.copy_(tensors[f"factor/{name}"])
                self._optimiser.state[factor] = {
                    "step": torch.tensor(float(step)),
                    "exp_avg": tensors[f"first/{name}"].to(factor.device),
                    "exp_avg_sq": tensors[f"second/{name}"].to(factor.device),
                }

    def _losses(self, part: Batch) -> Tensor:
        if isinstance(part[0], Pair):
            return dpo_losses(self._model, part, beta=self._recipe.dpo_beta)  # type: ignore[bad-argument-type]
        return sft_losses(self._model, part)  # type: ignore[bad-argument-type]  # a batch is all of one kind

    def _parts(self, batch: Batch) -> Iterator[Batch]:
        sequences = 2 if isinstance(batch[0], Pair) else 1
        size = max(1, MICRO_TOKENS // (self._recipe.sequence_tokens * sequences))
        for start in range(0, len(batch), size):
            yield batch[start : start + size]


def _supervised_steps(taught: Taught, steps: int) -> int:
    """Steps are shared between examples and pairs by their tokens, one at least for each where there are two."""
    shares = {0: taught.example_tokens, 1: taught.pair_tokens}
    if steps == 1:
        return 1 if shares[0] >= shares[1] else 0
    return allot(steps, shares)[0]


def _batches(
    items: Sequence[tuple[str, Item]], *, steps: int, size: int, seed: int
) -> Iterator[tuple[Item, ...]]:
    order = training_order(items, seed=seed)
    size = min(size, len(items))
    for _ in range(steps):
        yield tuple(islice(order, size))


def _rank(seed: int, epoch: int, example_id: str) -> bytes:
    return hashlib.blake2b(f"{seed}/{epoch}/{example_id}".encode(), digest_size=16).digest()
