"""The guard's index: keyed hashes of runs of words that few people said.

Covers: building it from a corpus shard by shard, exempting what at least `people_min` people said, keeping it in files
that say nothing without the key. Not covered: filters smaller than exact sorted hashes; rewording, spelling with other
letters or digits, translation.

A run is `words` consecutive words, normalised, so that spacing, capitals, accents, punctuation and invisible characters do
not get around it. In scripts that write without spaces (Han, kana, Thai, Lao, Khmer, Burmese, Tibetan) each character
counts as a word. For each run its first words-1 are kept too: while nothing matches those, the guard has nothing to do.
Texts with removed secrets hold placeholders and confirm nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
import zipfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from witting.errors import ConfigError, ObjectDamaged

_UNSPACED = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"(?:(?![{_UNSPACED}])[^\W_])+|(?=[^\W_])[{_UNSPACED}]")
_ASCII_WORD = re.compile(r"[a-z0-9]+")
_UNSEEN = frozenset(
    {"Mn", "Mc", "Me", "Cf"}
)  # Unicode categories: accents, vowel signs, zero width and the like
_CHECKED = ("witting", "guard", "key")  # its hash tells whether an index and a key belong together


@dataclass(frozen=True, eq=False)
class GuardIndex:
    """Sorted 64-bit keyed hashes of runs and of their beginnings. Holds for one key and one length only."""

    words: int
    key_check: int
    runs: np.ndarray  # uint64, sorted
    beginnings: np.ndarray  # uint64, sorted

    def has_run(self, hashed: int) -> bool:
        return _has(self.runs, hashed)

    def has_beginning(self, hashed: int) -> bool:
        return _has(self.beginnings, hashed)

    def fits(self, key: bytes) -> bool:
        """Whether this is the key it was built with: with another, nothing would ever match."""
        return self.key_check == key_check(key)

    def save(self, path: Path) -> None:
        """Whole or not at all."""
        making = path.with_name(f".{path.name}.making")
        about = np.array([self.words, self.key_check], np.uint64)
        with making.open("wb") as stream:
            np.savez(stream, about=about, runs=self.runs, beginnings=self.beginnings)
            stream.flush()
            os.fsync(stream.fileno())
        making.replace(path)

    @classmethod
    def load(cls, paths: Iterable[Path], *, words: int) -> GuardIndex:
        """All shards' files as one index. Raises ObjectDamaged where one is damaged or none is there, ConfigError where
        one was built for another length: a guard that silently guards nothing would be worse than none."""
        found = [_read(path, words=words) for path in paths]
        if not found:
            raise ObjectDamaged(
                "there is no guard index beside the adapters. Run `witting release`: it makes one."
            )
        if len({one.key_check for one in found}) > 1:
            raise ObjectDamaged(
                "the guard's files were built with different keys. Run `witting release` again."
            )
        runs, beginnings = (
            np.unique(np.concatenate([getattr(one, name) for one in found]))
            for name in ("runs", "beginnings")
        )
        return cls(words, found[0].key_check, runs, beginnings)


def _read(path: Path, *, words: int) -> GuardIndex:
    try:
        with np.load(path) as kept:
            built_for, check = (int(number) for number in kept["about"])
            index = GuardIndex(built_for, check, kept["runs"], kept["beginnings"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ObjectDamaged(
            f"the guard's file {path.name} is damaged. Run `witting release` again."
        ) from error
    if index.words != words:
        raise ConfigError(
            f"guard.words is {words}, the guard was built for runs of {index.words}. Set it back, or run "
            "`witting release` again."
        )
    return index


def normalise(text: str) -> list[str]:
    """The words that are compared."""
    if text.isascii():
        return _ASCII_WORD.findall(text.lower())
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    seen = "".join(char for char in apart if unicodedata.category(char) not in _UNSEEN)
    return _WORD.findall(unicodedata.normalize("NFKC", seen))


def key_check(key: bytes) -> int:
    return hash_words(_CHECKED, key=key)


def hash_words(words: Sequence[str], *, key: bytes) -> int:
    """64 bits, keyed: without the key nobody can test whether a phrase is in the index."""
    joined = "\x1f".join(words).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(joined, digest_size=8, key=key).digest(), "big")


def hash_runs(tokens: Sequence[str], *, key: bytes, words: int) -> list[int]:
    """Every run of that many words, in order."""
    return [hash_words(tokens[i : i + words], key=key) for i in range(len(tokens) - words + 1)]


def build_index(
    shards: Mapping[int, Iterable[pa.Table]], *, key: bytes, words: int, people_min: int
) -> dict[int, GuardIndex]:
    """One index a shard from EXAMPLE tables. Memory: 24 bytes a word of the corpus, for all shards together, and one
    table."""
    said = {shard: _said(tables, key=key, words=words) for shard, tables in shards.items()}
    common = _common(said.values(), people_min)
    return {shard: _without(rows, common, words, key_check(key)) for shard, rows in said.items()}


def texts(row: Mapping[str, Any]) -> Iterator[str]:
    """Every text of an example that a model may have learned."""
    for message in row["messages"] or ():
        yield message["content"]
    for answer in (row["chosen"], row["rejected"]):
        if answer:
            yield answer


def _said(tables: Iterable[pa.Table], *, key: bytes, words: int) -> np.ndarray:
    """(rows, 3) uint64, each once: hash of a run, of its beginning, and of who said it."""
    said = np.empty((0, 3), np.uint64)
    for table in tables:
        said = np.unique(np.concatenate([said, _said_in(table, key=key, words=words)]), axis=0)
    return said


def _said_in(table: pa.Table, *, key: bytes, words: int) -> np.ndarray:
    found = array("Q")
    for example in table.to_pylist():
        person = int(example["subject_id"][:16], 16)
        for text in texts(example):
            tokens = normalise(text)
            for start in range(len(tokens) - words + 1):
                run = tokens[start : start + words]
                found.extend((hash_words(run, key=key), hash_words(run[:-1], key=key), person))
    return np.frombuffer(found, np.uint64).reshape(-1, 3)


def _common(said: Iterable[np.ndarray], people_min: int) -> np.ndarray:
    """Runs that at least `people_min` different people said: those are everybody's."""
    pairs = [np.unique(rows[:, [0, 2]], axis=0)[:, 0] for rows in said if len(rows)]
    runs, people = np.unique(np.concatenate([np.empty(0, np.uint64), *pairs]), return_counts=True)
    return runs[people >= people_min]


def _without(rows: np.ndarray, common: np.ndarray, words: int, check: int) -> GuardIndex:
    rare = rows[~np.isin(rows[:, 0], common)] if len(rows) else rows
    return GuardIndex(words, check, np.unique(rare[:, 0]), np.unique(rare[:, 1]))


def _has(sorted_hashes: np.ndarray, hashed: int) -> bool:
    wanted = np.uint64(hashed)
    place = int(np.searchsorted(sorted_hashes, wanted))
    return place < len(sorted_hashes) and bool(sorted_hashes[place] == wanted)
