"""The guard: a logits processor that keeps a model from finishing a run of training words.

Covers: one conversation, any tokenizer, silent resampling (the word that would complete the run is made impossible, and
the model goes on with another). What the person wrote in this conversation may be repeated to them: its runs are exempt
before the index is asked, so that quoting works and the exemption tells nothing about the index.
Not covered: runs that begin in the person's words and end in the answer.
Cost: while nothing matches, decoding the last words and two hashes a token; where a beginning matches, `CANDIDATES` more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from witting.errors import ConfigError
from witting.serving.index import GuardIndex, hash_runs, hash_words, normalise

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

CANDIDATES = 50  # tokens looked at in one go, the most likely first
TOKENS_A_WORD = (
    8  # of the answer's end so many a word of a run are decoded each step, more where words are longer
)


class Guard:
    """Holds what one answer's guarding needs: the index, and the words of the prompt. Use a new one an answer."""

    def __init__(
        self, index: GuardIndex, *, key: bytes, tokenizer: PreTrainedTokenizerBase, prompt: Sequence[str]
    ) -> None:
        if not index.fits(key):
            raise ConfigError("the guard's index was built with another key. Run `witting release` again.")
        self._index = index
        self._key = key
        self._tokenizer = tokenizer
        self._spoken_from: int | None = None  # where the answer begins in the ids
        self._own = {run for text in prompt for run in self._runs(normalise(text))}
        self.stopped = 0  # how often it stepped in: a count for the operator, never shown to the person

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """(1, time) ids so far, (1, vocabulary) scores: the scores, with the tokens that would finish a run at -inf.

        Behind a run's beginning, tokens that were not looked at are at -inf too: sampling cannot slip by. Everywhere
        else the scores are given back as they came.
        """
        if ids.shape[0] != 1:
            raise ValueError(f"the guard follows one answer at a time, not {ids.shape[0]}.")
        if self._spoken_from is None:
            self._spoken_from = ids.shape[1]
        spoken, words = self._end_of(ids[0, self._spoken_from :].tolist())
        if not self._near(words):
            return scores
        allowed, forbidden = self._judged(spoken, len(words), scores)
        self.stopped += bool(forbidden)
        left = scores.new_full(scores.shape, float("-inf"))
        left[0, allowed] = scores[0, allowed]
        return left

    def _end_of(self, answer: list[int]) -> tuple[list[int], list[str]]:
        """The last tokens of the answer and their words: the whole answer, or more words than any run has."""
        size = self._index.words * TOKENS_A_WORD
        while True:
            spoken = answer[-size:]
            words = self._words(spoken)
            if len(words) > self._index.words + 1 or size >= len(answer):
                return spoken, words
            size *= 2

    def _judged(self, spoken: list[int], count: int, scores: Tensor) -> tuple[list[int], list[int]]:
        """The likeliest tokens, those that may follow and those that would finish a run: as many as it takes until one
        may, at least `CANDIDATES`."""
        allowed: list[int] = []
        forbidden: list[int] = []
        ranked = scores[0].argsort(descending=True).tolist()
        for start in range(0, len(ranked), CANDIDATES):
            for token in ranked[start : start + CANDIDATES]:
                (forbidden if self._finishes(spoken, token, count) else allowed).append(token)
            if allowed:
                break
        return allowed, forbidden

    def _near(self, words: list[str]) -> bool:
        """Whether the last words begin a run: with the last word finished, or still being spoken."""
        need = self._index.words - 1
        ends = (words[-need:], words[-need - 1 : -1])
        return any(
            len(end) == need and self._index.has_beginning(hash_words(end, key=self._key)) for end in ends
        )

    def _finishes(self, spoken: list[int], token: int, count: int) -> bool:
        """Whether a run ends in what this token adds: the word being spoken (the last of `count`), or words after it."""
        words, length = self._words([*spoken, token]), self._index.words
        first = max(length, count)
        added = [hash_words(words[end - length : end], key=self._key) for end in range(first, len(words) + 1)]
        return any(run not in self._own and self._index.has_run(run) for run in added)

    def _words(self, tokens: list[int]) -> list[str]:
        return normalise(str(self._tokenizer.decode(tokens, skip_special_tokens=True)))

    def _runs(self, words: list[str]) -> list[int]:
        return hash_runs(words, key=self._key, words=self._index.words)
