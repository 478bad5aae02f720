"""Strings as numbers: a list of different words, each asked for many times over.

Covers: numbering words, finding the number of a word. Not covered: what the words are (`timeline.py` numbers people,
`talks.py` conversations). A join builds its table anew each time it is asked; this one is built once.

Words are found by a hash of 64 bits, in buckets by its leading bits, and then compared: two words of one hash stay two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from witting.rights.intervals import UNKNOWN, Ints, order_of

Hashes = npt.NDArray[np.uint64]
BUCKET_BITS_MAX = 28


@dataclass(frozen=True)
class Numbering:
    """Different words in ascending order of their hashes; a word's number is its place."""

    words: pl.Series
    hashes: Hashes  # (words,)
    firsts: Ints  # (buckets + 1,): the words of bucket b are firsts[b] to firsts[b + 1]

    @property
    def size(self) -> int:
        return len(self.words)

    def of(self, words: pl.Series) -> Ints:
        """Each word's number, -1 where it has none."""
        hashes = hashes_of(words)
        bucket = _buckets(hashes, self.firsts.size - 1)
        number, end = self.firsts[bucket], self.firsts[bucket + 1]
        found = np.full(hashes.size, UNKNOWN, dtype=np.int64)
        looking = np.flatnonzero(number < end)
        while looking.size:
            alike = looking[self.hashes[number[looking]] == hashes[looking]]
            same = alike[_equal(self.words, number[alike], words, alike)]
            found[same] = number[same]
            number[looking] += 1
            looking = looking[(number[looking] < end[looking]) & (found[looking] == UNKNOWN)]
        return found

    def only(self, kept: npt.NDArray[np.bool_]) -> Numbering:
        """Some of the words, numbered anew in the same order."""
        return _indexed(self.words.filter(pl.Series(kept)), self.hashes[kept])


def number(words: pl.Series) -> tuple[Numbering, Ints]:
    """The different words among these, none of them null, and the number of each. Their order does not matter."""
    hashes = hashes_of(words)
    order = order_of(hashes)
    ascending = hashes[order]
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = ascending[1:] != ascending[:-1]
    numbers = np.empty(order.size, dtype=np.int64)
    numbers[order] = np.cumsum(first) - 1
    numbering = _indexed(words[pl.Series(order[first])], ascending[first])
    if np.all(_equal(numbering.words, numbers, words, None)):
        return numbering, numbers
    numbering = _settled(words)
    return numbering, numbering.of(words)


def encoded(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def word_places(column: pa.DictionaryArray) -> npt.NDArray[np.integer]:
    """Places in the dictionary; one behind its end for null."""
    if not column.null_count:
        return column.indices.to_numpy()
    places = column.indices.cast(pa.int64())  # a narrow type may have no number left for behind the end
    return places.fill_null(len(column.dictionary)).to_numpy()


def hashes_of(words: pl.Series) -> Hashes:
    """64 bits a word, the same for the same word within one process."""
    return words.hash().to_numpy()


def _settled(words: pl.Series) -> Numbering:
    """The slow way, for when two different words have one hash: they stand together, in their own order."""
    distinct = words.unique().sort()
    hashes = hashes_of(distinct)
    order = np.argsort(hashes, kind="stable")
    return _indexed(distinct[pl.Series(order)], hashes[order])


def _indexed(words: pl.Series, hashes: Hashes) -> Numbering:
    buckets = 1 << min(max(hashes.size - 1, 1).bit_length(), BUCKET_BITS_MAX)
    counts = np.bincount(_buckets(hashes, buckets), minlength=buckets)
    return Numbering(words, hashes, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def _buckets(hashes: Hashes, buckets: int) -> Ints:
    """By the leading bits; `buckets` is a power of two, at least two."""
    return (hashes >> np.uint64(65 - buckets.bit_length())).astype(np.int64)


def _equal(ours: pl.Series, numbers: Ints, words: pl.Series, rows: Ints | None) -> npt.NDArray[np.bool_]:
    """Is ours[numbers] the same word as words[rows]? A null is none."""
    asked = words if rows is None else words[pl.Series(rows)]
    same = ours[pl.Series(numbers)] == asked
    return (same.fill_null(False) if same.null_count() else same).to_numpy()
