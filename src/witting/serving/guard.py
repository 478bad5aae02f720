"""The guard: a logits processor that keeps a model from finishing a run of training words.

Covers: one conversation, any tokenizer, silent resampling (the word that would complete the run is made impossible, and
the model goes on with another). What the person wrote in this conversation may be repeated to them: its runs are exempt
before the index is asked, so that quoting works and the exemption tells nothing about the index.
Cost: one hash a token while nothing matches; up to `CANDIDATES` more where a beginning does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from witting.serving.index import GuardIndex, hash_words, normalise

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

CANDIDATES = 50  # the most likely next tokens; what lies below is not spoken by greedy or usual sampling
RECENT_TOKENS = 256  # decoded each step; longer than any run


class Guard:
    """Holds what one answer's guarding needs: the index, and the words of the prompt. Use a new one an answer."""

    def __init__(
        self, index: GuardIndex, *, key: bytes, tokenizer: PreTrainedTokenizerBase, prompt: Sequence[str]
    ) -> None:
        self._index = index
        self._key = key
        self._tokenizer = tokenizer
        self._spoken_from: int | None = None  # where the answer begins in the ids
        self._own = {run for text in prompt for run in self._runs(normalise(text))}
        self.stopped = 0  # how often it stepped in: a count for the operator, never shown to the person

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """(1, time) ids so far, (1, vocabulary) scores: the scores, with the tokens that would finish a run at -inf."""
        if self._spoken_from is None:
            self._spoken_from = ids.shape[1]
        spoken = ids[0, max(self._spoken_from, ids.shape[1] - RECENT_TOKENS) :].tolist()
        said = str(self._tokenizer.decode(spoken, skip_special_tokens=True))
        if not self._near(normalise(said)):
            return scores
        forbidden = [
            token for token in scores[0].topk(CANDIDATES).indices.tolist() if self._finishes(spoken, token)
        ]
        if forbidden:
            self.stopped += 1
            scores = scores.clone()
            scores[0, forbidden] = float("-inf")
        return scores

    def _near(self, words: list[str]) -> bool:
        """Whether the last words begin a run: with the last word finished, or still being spoken."""
        need = self._index.words - 1
        ends = (words[-need:], words[-need - 1 : -1])
        return any(
            len(end) == need and self._index.has_beginning(hash_words(end, key=self._key)) for end in ends
        )

    def _finishes(self, spoken: list[int], token: int) -> bool:
        words = normalise(str(self._tokenizer.decode([*spoken, token], skip_special_tokens=True)))
        if len(words) < self._index.words:
            return False
        run = hash_words(words[-self._index.words :], key=self._key)
        return run not in self._own and self._index.has_run(run)

    def _runs(self, words: list[str]) -> list[int]:
        length = self._index.words
        return [hash_words(words[i : i + length], key=self._key) for i in range(len(words) - length + 1)]
