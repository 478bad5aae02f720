"""The guard's index: keyed hashes of runs of words that few people said.

Covers: building it from a corpus shard by shard, exempting what at least `people_min` people said, keeping it in files
that say nothing without the key. Not covered: filters smaller than exact sorted hashes.

A run is `words` consecutive words, normalised (NFKC, case folded, punctuation and invisible characters off), so that
spacing, capitals and zero-width tricks do not get around it. For each run its first words-1 are kept too: while nothing
matches those, the guard has nothing to do. Texts with removed secrets hold placeholders and confirm nothing.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_WORD = re.compile(r"\w+", re.UNICODE)


@dataclass(frozen=True, eq=False)
class GuardIndex:
    """Sorted 64-bit keyed hashes of runs and of their beginnings. Holds for one key and one length only."""

    words: int
    runs: np.ndarray  # uint64, sorted
    beginnings: np.ndarray  # uint64, sorted

    def has_run(self, hashed: int) -> bool:
        return _has(self.runs, hashed)

    def has_beginning(self, hashed: int) -> bool:
        return _has(self.beginnings, hashed)

    def save(self, path: Path) -> None:
        with path.open("wb") as stream:
            np.savez(stream, words=np.array(self.words), runs=self.runs, beginnings=self.beginnings)

    @classmethod
    def load(cls, paths: Iterable[Path], *, words: int) -> GuardIndex:
        """All shards' files as one index. Raises ValueError where a file was built for another length."""
        runs, beginnings = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)]
        for path in paths:
            with np.load(path) as kept:
                if int(kept["words"]) != words:
                    raise ValueError(
                        f"{path.name} was built for runs of {int(kept['words'])} words, not {words}."
                    )
                runs.append(kept["runs"])
                beginnings.append(kept["beginnings"])
        return cls(words, np.unique(np.concatenate(runs)), np.unique(np.concatenate(beginnings)))


def normalise(text: str) -> list[str]:
    """The words that are compared."""
    return _WORD.findall(unicodedata.normalize("NFKC", text.translate(INVISIBLE)).casefold())


def hash_words(words: Sequence[str], *, key: bytes) -> int:
    """64 bits, keyed: without the key nobody can test whether a phrase is in the index."""
    joined = "\x1f".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8, key=key).digest(), "big")


def build_index(
    shards: Mapping[int, Iterable[pa.Table]], *, key: bytes, words: int, people_min: int
) -> dict[int, GuardIndex]:
    """One index a shard from EXAMPLE tables. Memory: 16 bytes a word of the corpus, for all shards together."""
    said = {shard: _said(tables, key=key, words=words) for shard, tables in shards.items()}
    common = _common(said.values(), people_min)
    return {shard: _without(rows, common, words) for shard, rows in said.items()}


def texts(row: Mapping[str, Any]) -> Iterator[str]:
    """Every text of an example that a model may have learned."""
    for message in row["messages"] or ():
        yield message["content"]
    for answer in (row["chosen"], row["rejected"]):
        if answer:
            yield answer


def _said(tables: Iterable[pa.Table], *, key: bytes, words: int) -> np.ndarray:
    """(rows, 3) uint64: hash of a run, of its beginning, and of who said it."""
    rows = set()
    for table in tables:
        for example in table.to_pylist():
            person = int(example["subject_id"][:16], 16)
            for text in texts(example):
                tokens = normalise(text)
                for start in range(len(tokens) - words + 1):
                    run = tokens[start : start + words]
                    rows.add((hash_words(run, key=key), hash_words(run[:-1], key=key), person))
    return np.array(sorted(rows), np.uint64).reshape(-1, 3)


def _common(said: Iterable[np.ndarray], people_min: int) -> np.ndarray:
    """Runs that at least `people_min` different people said: those are everybody's."""
    pairs = [np.unique(rows[:, [0, 2]], axis=0)[:, 0] for rows in said if len(rows)]
    runs, people = np.unique(np.concatenate([np.empty(0, np.uint64), *pairs]), return_counts=True)
    return runs[people >= people_min]


def _without(rows: np.ndarray, common: np.ndarray, words: int) -> GuardIndex:
    rare = rows[~np.isin(rows[:, 0], common)] if len(rows) else rows
    return GuardIndex(words, np.unique(rare[:, 0]), np.unique(rare[:, 1]))


def _has(sorted_hashes: np.ndarray, hashed: int) -> bool:
    wanted = np.uint64(hashed)
    place = int(np.searchsorted(sorted_hashes, wanted))
    return place < len(sorted_hashes) and bool(sorted_hashes[place] == wanted)
