"""Supervised examples: answers people were content with, and words of their own.

Covered: rows of kind `sft` and `text` (schema.EXAMPLE) as tokens, and their loss. Not covered: preference pairs
(`preference.py`). A `text` row is a person's own message in the user's turn of the template with only its words
marked: continued pre-training in the place where such words will stand.

Loss: the mean over each example's own learned tokens, in nats; a batch's loss is the mean over its examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from witting.training.dialogue import Dialogue, Encoded, cut
from witting.training.likelihood import likelihood

if TYPE_CHECKING:
    from torch import Tensor, nn

SUPERVISED = ("sft", "text")


def encode_example(dialogue: Dialogue, row: Mapping[str, Any], *, tokens_max: int) -> Encoded | None:
    """An EXAMPLE row of kind sft or text, cut to its end; None where nothing in it is learned."""  # Any: Arrow
    return cut(dialogue.encode(row["messages"]), tokens_max=tokens_max) if row["messages"] else None


def sft_losses(model: nn.Module, batch: Sequence[Encoded]) -> Tensor:
    """(examples,) nats a learned token. Removing an example changes no other entry's gradient."""
    return -likelihood(model, batch).means()
