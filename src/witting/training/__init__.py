"""Teach a model from a corpus: one LoRA adapter a shard, joined into one, so that a shard can be taught again alone.

Covered: the packaged SmolLM2, local and hub causal models; supervised examples, words of one's own, DPO on preference
pairs; shards, resuming to the byte, joining; base against adapter on held-out people; answering, piece by piece.
Not covered: person-level differential privacy, slices, KTO, several GPUs (later depth).
Ideas: LoRA (Hu et al. 2021), SISA (Bourtoule et al. 2021), DPO (Rafailov et al. 2023).

Importing this room imports neither torch nor transformers; using it without them raises MissingExtra.
"""

from witting.training.base import Base, load_adapted, load_base, take_off
from witting.training.dialogue import SYSTEM_PROMPT, Dialogue, Encoded, cut
from witting.training.evaluate import Evaluation, evaluate
from witting.training.generate import generate
from witting.training.likelihood import likelihood
from witting.training.merge import merge
from witting.training.recipe import Recipe
from witting.training.run import Run, ShardRun, read_run
from witting.training.shards import read_losses, train

__all__ = [
    "SYSTEM_PROMPT",
    "Base",
    "Dialogue",
    "Encoded",
    "Evaluation",
    "Recipe",
    "Run",
    "ShardRun",
    "cut",
    "evaluate",
    "generate",
    "likelihood",
    "load_adapted",
    "load_base",
    "merge",
    "read_losses",
    "read_run",
    "take_off",
    "train",
]
