"""How a model is trained, as one value: what decides an adapter's bytes besides the base and the rows.

Covered: the recipe, its fingerprints, the seed of a shard, how many steps each shard gets.
Not covered: the rows (corpus), the base (`base.py`), the arithmetic (`sft.py`, `preference.py`).

`threads` is part of the recipe because the order in which a processor adds floats depends on it: bytes are promised
for the same machine, the same library versions and the same number of threads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from witting import config

SEED_BITS = 53  # a seed is exact in canonical JSON (RFC 8785)


@dataclass(frozen=True)
class Recipe:
    """The settings of `[training]` and the workspace's seed. AdamW, no weight decay, no dropout, constant rate."""

    steps: int
    batch_sequences: int
    sequence_tokens: int
    rank: int
    alpha: int
    learning_rate: float
    target_modules: tuple[str, ...]
    dpo_beta: float
    merge_scale: float
    threads: int
    seed: int

    @classmethod
    def from_settings(cls, settings: config.Training, *, seed: int) -> Recipe:
        """The recipe `witting.toml` describes."""
        shared = {field.name: getattr(settings, field.name) for field in fields(cls) if field.name != "seed"}
        return cls(seed=seed, **shared)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Recipe:  # Any: JSON, checked by the field names
        values: dict[str, Any] = {**value, "target_modules": tuple(value["target_modules"])}  # Any: as above
        return cls(**values)

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        return {**asdict(self), "target_modules": list(self.target_modules)}

    @property
    def fingerprint(self) -> str:
        """32 hex characters: equal exactly when every setting is equal."""
        return _fingerprint(self.as_json())

    @property
    def shard_fingerprint(self) -> str:
        """As `fingerprint`, without what only decides how shards are joined."""
        return _fingerprint({k: v for k, v in self.as_json().items() if k != "merge_scale"})

    def shard_seed(self, shard: int) -> int:
        """The seed of one shard's adapter: a hash, so that shards share nothing."""
        digest = hashlib.blake2b(f"{self.seed}/{shard}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") >> (64 - SEED_BITS)

    def describe(self) -> str:
        """One sentence for a report."""
        return (
            f"LoRA of rank {self.rank} (alpha {self.alpha}) on {', '.join(self.target_modules)}; "
            f"{self.steps} steps of {self.batch_sequences} sequences of at most {self.sequence_tokens} tokens, "
            f"AdamW at {self.learning_rate:g}, DPO beta {self.dpo_beta:g}; "
            f"the mean of the shards' updates times {self.merge_scale:g}; seed {self.seed}."
        )


def allot(steps: int, tokens: Mapping[int, int]) -> dict[int, int]:
    """Steps for each shard: one where there is anything to learn, the rest by tokens (largest remainder).

    They sum to `steps`, or to the number of shards with data where that is more. Ties go to the lower shard.
    """
    taught = {shard: count for shard, count in sorted(tokens.items()) if count > 0}
    if not taught:
        return dict.fromkeys(tokens, 0)
    spare, total = max(0, steps - len(taught)), sum(taught.values())
    given = {shard: 1 + spare * count // total for shard, count in taught.items()}
    left = spare - sum(spare * count // total for count in taught.values())
    by_remainder = sorted(taught, key=lambda shard: (-(spare * taught[shard] % total), shard))
    for shard in by_remainder[:left]:
        given[shard] += 1
    return {shard: given.get(shard, 0) for shard in tokens}


def _fingerprint(value: Mapping[str, Any]) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()
