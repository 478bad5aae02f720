"""A view's words as rows of hashed tables.

Covers: cutting a view into words, numbers and signs, and for each its rows in six tables: the whole word, its first
three letters, its last three and four, its shape and place, and three bits that say whether it is in a list of first
names, surnames or places. All of it by whole arrays; nothing is asked of a single character in Python.
Not covered: scripts written without spaces are one word a run, so little is found in them.

From: Weinberger et al. 2009 (the hashing trick); Collobert et al. 2011 (word, suffix and capital features in windows).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SPACE, LOWER, UPPER, DIGIT, SIGN, LINE, REPLACED = range(7)  # what a character is
CLASSED = 0x10000  # code points from here on (emoji, rare letters) are signs
WORD_ROWS, PIECE_ROWS, SHAPE_ROWS, LISTED_ROWS = 2**15, 2**14, 512, 32
TABLES = ("word", "prefix3", "suffix3", "suffix4", "shape", "listed")
ROWS = (WORD_ROWS, PIECE_ROWS, PIECE_ROWS, PIECE_ROWS, SHAPE_ROWS, LISTED_ROWS)
HASHED_CHARS_MAX = 64  # of a word; later characters share one power

_KIND = np.array([0, 1, 1, 2, 3, 4, 5], np.uint8)  # the two cases of a letter are one kind of run
_LENGTHS = np.array([0, 0, 1, 2, 3, 3, 4, 4, 4, 5], np.uint16)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_POWERS = np.cumprod(np.full(HASHED_CHARS_MAX, 0x100000001B3, np.uint64))
_SECOND, _THIRD, _FOURTH = (np.uint64(n) for n in (0x1F3D5B79, 0x2545F4914F6CDD1D, 0x6A09E667F3BCC909))
_HALF = np.uint64(32)
_ENDS = np.zeros(CLASSED, bool)
_ENDS[[ord(c) for c in ".!?:\n;*•"]] = True  # a capital letter after these says little


@dataclass(frozen=True, slots=True)
class Words:
    """`starts`, `ends`: offsets in the view. `rows`: (words, TABLES) rows of the tables. `kinds`: 1 letters, 2 digits, 3 sign, 4 line end, 5 replacement."""

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    rows: NDArray[np.int64]
    kinds: NDArray[np.uint8]

    @property
    def capitals(self) -> NDArray[np.int64]:
        """1 for a word with a capital letter, else 0."""
        return np.minimum(self.rows[:, 5] >> 3, 1)


def code_points(text: str) -> NDArray[np.uint32]:
    """Lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def hashes(
    codes: NDArray[np.uint32], starts: NDArray[np.int64], run: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """One hash a run; `starts` ascending, `run` the number of each character's run."""
    place = np.minimum(np.arange(len(codes)) - starts[run], HASHED_CHARS_MAX - 1)
    return _mixed(np.add.reduceat(codes.astype(np.uint64) * _POWERS[place], starts))


def _mixed(sums: NDArray[np.uint64]) -> NDArray[np.uint32]:
    return (((sums ^ (sums >> _HALF)) * _MIX) >> _HALF).astype(np.uint32)


def word_hash(word: str) -> int:
    """The hash of a word of the plain text, as `words` computes it."""
    codes = code_points(word)
    return int(hashes(codes, np.zeros(1, np.int64), np.zeros(len(codes), np.int64))[0])


def words(
    folded: str,
    plain: str,
    *,
    classes: NDArray[np.uint8],
    listed: NDArray[np.uint32],
    lists: NDArray[np.uint8],
) -> Words:
    """`folded` and `plain` of one view. `classes`: what each code point below CLASSED is; `listed`: ascending hashes of
    listed words; `lists`: bits of the lists each is in."""
    cased, codes = code_points(folded), code_points(plain)
    known = np.minimum(cased, CLASSED - 1)
    what = classes[known]
    kind = _KIND[what]
    begins = np.empty(len(kind), bool)
    begins[:1] = True
    np.not_equal(kind[1:], kind[:-1], out=begins[1:])
    begins |= kind >= 3
    bounds = np.flatnonzero(begins)
    run = np.cumsum(begins) - 1
    whole = hashes(codes, bounds, run)
    capitals = np.add.reduceat((what == UPPER).astype(np.int64), bounds)
    ends = np.append(bounds[1:], len(codes))
    kept = np.flatnonzero(kind[bounds])
    starts, ends, whole, capitals = bounds[kept], ends[kept], whole[kept], capitals[kept]
    spaced = np.ones(len(kept), bool)
    spaced[1:] = starts[1:] > ends[:-1]
    opens = np.ones(len(kept), bool)
    opens[1:] = _ENDS[known[starts[:-1]]]
    rows = np.empty((len(kept), len(TABLES)), np.int64)
    rows[:, 0] = whole & np.uint32(WORD_ROWS - 1)
    _pieces(codes, starts, ends, rows)
    capital = _capital(what[starts] == UPPER, capitals, ends - starts)
    length = _LENGTHS[np.minimum(ends - starts, 9)]
    rows[:, 4] = (((kind[starts] - 1) * 4 + capital) * 6 + length) * 4 + opens * 2 + spaced
    rows[:, 5] = capital * 8 + _lists(whole, listed, lists)
    return Words(starts, ends, rows, kind[starts])


def _pieces(
    codes: NDArray[np.uint32], starts: NDArray[np.int64], ends: NDArray[np.int64], rows: NDArray[np.int64]
) -> None:
    """Prefix and suffixes; a character a short word lacks is 0."""
    padded = np.concatenate([codes, np.zeros(4, np.uint32)]).astype(np.uint64)
    size = ends - starts
    longer = [size > n for n in range(4)]
    head = (
        padded[starts]
        + (padded[starts + 1] * longer[1]) * _SECOND
        + (padded[starts + 2] * longer[2]) * _THIRD
    )
    tail = (
        padded[ends - 1] + (padded[ends - 2] * longer[1]) * _SECOND + (padded[ends - 3] * longer[2]) * _THIRD
    )
    mask = np.uint32(PIECE_ROWS - 1)
    rows[:, 1] = _mixed(head) & mask
    rows[:, 2] = _mixed(tail) & mask
    rows[:, 3] = _mixed(tail + (padded[ends - 4] * longer[3]) * _FOURTH) & mask


def _capital(
    first: NDArray[np.bool_], capitals: NDArray[np.int64], size: NDArray[np.int64]
) -> NDArray[np.int64]:
    """0 none, 1 the first letter, 2 all of several, 3 others."""
    some = (capitals > 0).astype(np.int64)
    return np.where((capitals == size) & (size > 1), 2, np.where(first & (capitals == 1), 1, some * 3))


def _lists(
    whole: NDArray[np.uint32], listed: NDArray[np.uint32], lists: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    at = np.minimum(np.searchsorted(listed, whole), len(listed) - 1)
    return np.where(listed[at] == whole, lists[at], 0)
