"""The tagger's arithmetic: whole numbers only, so that spans are the same bit for bit everywhere.

Covers: six hashed tables summed, a window of five words, a window of three, nine scores a word; 8-bit weights.
Activations are whole numbers up to 127 and every sum of products stays below 2^24, which 32-bit floats hold
exactly: the order in which a linear algebra library adds, its threads, and how a text is cut cannot change a bit.
Not covered: training (`train/tagger.py`).

From: Jacob et al. 2018 (integer-arithmetic-only inference).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from witting.redaction.normalise import View
from witting.redaction.span import Span
from witting.redaction.tagger import decode
from witting.redaction.tagger.features import TABLES, Words, words

LEVELS = 127
BLOCK_WORDS = 4096  # that are multiplied at once: bounds the memory of a long text to about 10 MB
REACH = 3  # words to either side that a word's scores depend on
SCORE_MIN, SCORE_MAX = 0.5, 0.79  # below arbitrate.STRONG: a rule with a check beats the tagger
_LETTERS, _DIGITS, _SIGN = 1, 2, 3  # of Words.kinds
NEVER = 2**40
_CODE_BEFORE = frozenset("@_/\\$`<{=#")
_CODE_AFTER = frozenset("_/\\`>}=@(")


@dataclass(frozen=True, slots=True)
class Model:
    """`tables` hold whole numbers, as do the weights; each `*_scale` brings a sum back to -127..127."""

    classes: NDArray[np.uint8]
    listed: NDArray[np.uint32]
    lists: NDArray[np.uint8]
    tables: tuple[NDArray[np.int8], ...]
    sum_scale: np.float32
    wide: NDArray[np.float32]  # (5 * width, hidden)
    wide_bias: NDArray[np.float32]
    wide_scale: NDArray[np.float32]
    near: NDArray[np.float32]  # (3 * hidden, hidden)
    near_bias: NDArray[np.float32]
    near_scale: NDArray[np.float32]
    out: NDArray[np.float32]  # (2 * hidden, LABELS)
    out_bias: NDArray[np.float32]
    nats: float  # of one unit of a score
    offsets: NDArray[np.int64]  # (2, LABELS): the thresholds of words without and with a capital letter

    def words(self, view: View) -> Words:
        return words(view.folded, view.plain, classes=self.classes, listed=self.listed, lists=self.lists)

    def scores(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """(words, LABELS), whole numbers."""
        blocks = [
            self._block(rows[max(0, at - REACH) : at + BLOCK_WORDS + REACH])[
                min(at, REACH) : min(at, REACH) + BLOCK_WORDS
            ]
            for at in range(0, len(rows), BLOCK_WORDS)
        ]
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def _block(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        summed = self.tables[0][rows[:, 0]].astype(np.int16)
        for n in range(1, len(TABLES)):
            summed += self.tables[n][rows[:, n]]
        words = np.clip(np.rint(summed.astype(np.float32) * self.sum_scale), -LEVELS, LEVELS)
        wide = _layer(_windows(words, 2), self.wide, self.wide_bias, self.wide_scale)
        near = _layer(_windows(wide, 1), self.near, self.near_bias, self.near_scale)
        return (np.concatenate([wide, near], axis=1) @ self.out + self.out_bias).astype(np.int64)


def _windows(rows: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Each row beside its neighbours; zeros beyond the text."""
    count, width = rows.shape
    padded = np.zeros((count + 2 * reach, width), np.float32)
    padded[reach : reach + count] = rows
    side = 2 * reach + 1
    seen = np.lib.stride_tricks.as_strided(padded, (count, side * width), padded.strides, writeable=False)
    return np.ascontiguousarray(seen)


def _layer(
    rows: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    scale: NDArray[np.float32],
) -> NDArray[np.float32]:
    return np.clip(np.rint((rows @ weights + bias) * scale), 0, LEVELS)


@cache
def model() -> Model:
    """The shipped weights, read once."""
    with as_file(files("witting.redaction.tagger").joinpath("weights.npz")) as path:
        return read(path)


def read(path: Path) -> Model:
    """A weights file as `train/tagger.py` writes it."""
    with np.load(path, allow_pickle=False) as held:
        stored = {name: held[name] for name in held.files}
    real = {name: stored[name].astype(np.float32) for name in ("wide", "near", "out")}
    return Model(
        classes=stored["classes"],
        listed=stored["listed"],
        lists=stored["lists"],
        tables=tuple(stored[f"table_{name}"] for name in TABLES),
        sum_scale=np.float32(stored["sum_scale"]),
        **real,
        **{name: stored[name] for name in ("wide_bias", "wide_scale", "near_bias", "near_scale", "out_bias")},
        nats=float(stored["nats"]),
        offsets=stored["offsets"],
    )


def find(view: View, *, tagger: Model | None = None) -> list[Span]:
    """Names, places, organisations and addresses of one view, in its offsets."""
    tagger = tagger or model()
    scored = score(view, tagger)
    return found(view, *scored, tagger) if scored else []


def score(view: View, tagger: Model) -> tuple[Words, NDArray[np.int64]] | None:
    """The view's words and their scores. None where no letter is."""
    if not view.plain or view.plain.isspace():
        return None
    cut = tagger.words(view)
    if not (cut.kinds == _LETTERS).any():
        return None
    scores = tagger.scores(cut.rows)
    scores[cut.kinds > _SIGN, 1:] = -NEVER  # a line's end and what was already replaced belong to no span
    return cut, scores


def found(view: View, cut: Words, scores: NDArray[np.int64], tagger: Model) -> list[Span]:
    """Spans by the tagger's thresholds."""
    spans = [
        _span(view, cut, first, after, kind, lead * tagger.nats)
        for first, after, kind, lead in decode.spans(scores, tagger.offsets[cut.capitals])
    ]
    return [span for span in spans if span]


def _span(view: View, cut: Words, first: int, after: int, kind: str, lead_nats: float) -> Span | None:
    """None for what is code, holds no word of two letters, or is an address without a number."""
    lettered = [n for n in range(first, after) if cut.kinds[n] == _LETTERS]
    if not any(cut.ends[n] - cut.starts[n] > 1 for n in lettered):
        return None
    if kind == "ADDRESS":
        if not (cut.kinds[first:after] == _DIGITS).any():
            return None
    else:
        first, after = lettered[0], lettered[-1] + 1
    start, end = int(cut.starts[first]), int(cut.ends[after - 1])
    if view.folded[start - 1 : start] in _CODE_BEFORE or view.folded[end : end + 1] in _CODE_AFTER:
        return None
    sure = 1 / (1 + np.exp(-max(-30.0, min(30.0, lead_nats))))
    return Span(start, end, kind, round(SCORE_MIN + (SCORE_MAX - SCORE_MIN) * float(sure), 2), "tagger")
