"""A fresh LoRA adapter over a base, and its weights as bytes.

Covered: laying a seeded adapter on and taking it off, the PEFT file format. Not covered: training it (`shards.py`),
joining several (`merge.py`). Idea: Hu et al. 2021, "LoRA". Format and layers: the peft library.

Factors start as PEFT's do (A uniform as in Kaiming with a = sqrt 5, B zero), but from the shard's own generator:
neither the process's global random state nor the order of shards reaches them. There is no dropout, in the adapter or
(evaluation mode) in the base, so that training reads no random state at all after the start.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from witting.errors import TrainingError
from witting.training.base import Base, take_off

if TYPE_CHECKING:
    from peft import LoraConfig, PeftModel
    from torch import Tensor

TARGETS_SHOWN_MAX = 12


@contextmanager
def fresh_adapter(
    base: Base, *, rank: int, alpha: int, target_modules: Sequence[str], seed: int
) -> Iterator[PeftModel]:
    """`base.model` under a new adapter for the length of the block; the base comes back untouched."""
    import torch
    from peft import get_peft_model

    take_off(base)
    settings = lora_config(base, rank=rank, alpha=alpha, target_modules=target_modules)
    try:
        with torch.random.fork_rng():  # peft draws factors of its own, which `_start_factors` replaces
            model = get_peft_model(base.model, settings)
    except ValueError as error:
        raise TrainingError(
            f"base {base.name} has no layer named {', '.join(target_modules)}. Set training.target_modules to some "
            f"of its linear layers: {', '.join(_linear_names(base)[:TARGETS_SHOWN_MAX])}."
        ) from error
    try:
        model.eval()
        _start_factors(model, seed)
        yield model
    finally:
        take_off(base)


def lora_config(base: Base, *, rank: int, alpha: int, target_modules: Sequence[str]) -> LoraConfig:
    from peft import LoraConfig

    return LoraConfig(
        r=rank,
        lora_alpha=alpha,
        target_modules=list(target_modules),
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        base_model_name_or_path=base.name,
        inference_mode=True,
    )


def adapter_tensors(model: PeftModel) -> dict[str, Tensor]:
    """The adapter's factors under the names that PEFT's files use, on the CPU, sorted."""
    from peft import get_peft_model_state_dict

    state = get_peft_model_state_dict(model, save_embedding_layers=False)  # "auto" asks the hub
    return {name: state[name].detach().cpu().contiguous() for name in sorted(state)}


def adapter_bytes(tensors: Mapping[str, Tensor]) -> bytes:
    """A safetensors file: the same factors always give the same bytes."""
    from safetensors.torch import save

    return save(dict(tensors), metadata={"format": "pt"})


def config_json(config: LoraConfig) -> dict[str, Any]:  # Any: JSON values
    """As PEFT writes it, with sets in a fixed order. The path it was loaded from is never in it."""
    plain = {k: sorted(v) if isinstance(v, set) else v for k, v in config.to_dict().items()}
    return json.loads(json.dumps(plain, default=str))


def _start_factors(model: PeftModel, seed: int) -> None:
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, factor in sorted(model.named_parameters()):
            if "lora_A" in name:
                bound = factor.shape[1] ** -0.5  # Kaiming uniform with a = sqrt 5 over the layer's inputs
                start = torch.empty(factor.shape).uniform_(-bound, bound, generator=generator)
                factor.copy_(start)
            elif "lora_B" in name:
                factor.zero_()


def _linear_names(base: Base) -> list[str]:
    from torch import nn

    linear = (nn.Linear,)
    return sorted({n.rpartition(".")[2] for n, m in base.model.named_modules() if isinstance(m, linear)})
