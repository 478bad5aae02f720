"""Many shards' adapters as one: the mean of their updates, times a scale.

Covered: joining every adapter of a run, or all but some (a shard under an erasure is left out at once, in seconds);
the joined adapter as a PEFT folder. Not covered: ensembles of probabilities, routing (later depth).

The mean of S updates B_s A_s is exactly one adapter whose factors are theirs laid side by side, of rank r x S: no
weights of the base's size are made. Where that rank exceeds the layer's narrower side, the sum is multiplied out and
paired with an identity of that side: the same update, smaller, still an adapter PEFT can load and switch off.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from witting.errors import ObjectDamaged, TrainingError
from witting.training.base import Base, sha256_of
from witting.training.lora import adapter_bytes, config_json, lora_config
from witting.training.recipe import Recipe
from witting.training.run import (
    ADAPTER_CONFIG_NAME,
    ADAPTER_NAME,
    MERGED,
    RUN_NAME,
    Run,
    finished_shards,
    read_run,
    shard_folder,
    write_json,
    write_whole,
)

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Joined:
    """Which shards went in, and the hash of what came out; None where no shard has an adapter."""

    shards: tuple[int, ...]
    sha256: str | None


def merge(out: Path, base: Base, *, scale: float | None = None, without: Collection[int] = ()) -> Run:
    """Join the run's adapters anew, leaving some shards out or with another scale, and record it. No training."""
    run = read_run(out)
    recipe = run.recipe if scale is None else replace(run.recipe, merge_scale=scale)
    forget_joined(out)
    joined = join(out, recipe, base, without=without)
    merged = replace(run, recipe=recipe, merged_from=joined.shards, merged_sha256=joined.sha256)
    write_json(out / RUN_NAME, merged.as_json())
    return merged


def join(out: Path, recipe: Recipe, base: Base, *, without: Collection[int] = ()) -> Joined:
    """Write `out/merged` from the finished shards. Raises ObjectDamaged where an adapter is not what was recorded."""
    records = [
        r for n, r in sorted(finished_shards(out).items()) if r.adapter_sha256 and n not in set(without)
    ]
    if not records:
        return Joined((), None)
    for record in records:
        if sha256_of(shard_folder(out, record.shard) / ADAPTER_NAME) != record.adapter_sha256:
            raise ObjectDamaged(
                f"the adapter of shard {record.shard} differs from its recorded hash. "
                "Delete that shard's folder and train again."
            )
    files = [shard_folder(out, record.shard) / ADAPTER_NAME for record in records]
    tensors, ranks = _joined_factors(
        files, scaling=recipe.alpha / recipe.rank * recipe.merge_scale / len(files)
    )
    folder = out / MERGED
    folder.mkdir(exist_ok=True)
    rank = max(ranks.values())
    settings = lora_config(base, rank=rank, alpha=rank, target_modules=recipe.target_modules)  # scaling 1
    uneven = {name: r for name, r in sorted(ranks.items()) if r != rank}
    settings.rank_pattern, settings.alpha_pattern = uneven, dict(uneven)
    data = adapter_bytes(tensors)
    write_json(folder / ADAPTER_CONFIG_NAME, config_json(settings))
    write_whole(folder / ADAPTER_NAME, data)
    return Joined(tuple(record.shard for record in records), hashlib.sha256(data).hexdigest())


def forget_joined(out: Path) -> None:
    """Delete the run record and the merged adapter: what they were made from is about to change."""
    (out / RUN_NAME).unlink(missing_ok=True)
    if (out / MERGED).is_dir():
        shutil.rmtree(out / MERGED)


def _joined_factors(files: Sequence[Path], *, scaling: float) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Factors of the scaled sum, and the rank of each layer by the name PEFT's patterns use."""
    import torch
    from safetensors import safe_open

    with safe_open(str(files[0]), framework="pt") as first:
        names = sorted(name for name in first.keys() if ".lora_A." in name)  # noqa: SIM118  # not a dict
    tensors: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    for name in names:
        pairs = [_factors(path, name) for path in files]
        down = torch.cat([a for a, _ in pairs])  # (rank x shards, inputs)
        up = torch.cat([b for _, b in pairs], dim=1) * scaling  # (outputs, rank x shards)
        if down.shape[0] > min(down.shape[1], up.shape[0]):
            down, up = _without_excess_rank(down, up)
        tensors[name], tensors[name.replace(".lora_A.", ".lora_B.")] = down.contiguous(), up.contiguous()
        ranks[name.removeprefix("base_model.model.").split(".lora_A.")[0]] = down.shape[0]
    if not names:
        raise TrainingError(f"{files[0].parent.name}/{ADAPTER_NAME} holds no LoRA factors. Train again.")
    return tensors, ranks


def _factors(path: Path, name: str) -> tuple[Tensor, Tensor]:
    from safetensors import safe_open

    with safe_open(str(path), framework="pt") as stored:
        return stored.get_tensor(name).float(), stored.get_tensor(
            name.replace(".lora_A.", ".lora_B.")
        ).float()


def _without_excess_rank(down: Tensor, up: Tensor) -> tuple[Tensor, Tensor]:
    """The same product through an identity on the narrower side."""
    import torch

    update = up @ down  # (outputs, inputs)
    if update.shape[1] <= update.shape[0]:
        return torch.eye(update.shape[1]), update
    return update, torch.eye(update.shape[0])
