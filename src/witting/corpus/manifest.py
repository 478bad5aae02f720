"""The manifest: everything that made a corpus, and the hashes of what it is made of.

Covers: the value, its canonical JSON (RFC 8785), its id. Not covered: writing it down (`commit.py`), proving it
(`verify.py`). The format, field by field: docs/formats/corpus.md.

The id is a hash of the whole: change a byte of a part, a stage's version, a policy pack or a count, and it is another
corpus. A manifest holds no column statistics and no one's words; formats that keep minima and maxima kept an erased
person's words in them (measured, docs/corpus.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import rfc8785

from witting.errors import CorpusError
from witting.store.parts import Part

FORMAT = "witting.corpus/1"
MANIFEST_BYTES_MAX = 64 << 20
ID_HEX = 32


@dataclass(frozen=True)
class StageRecord:
    """A stage that had a hand in it; `fingerprint` covers its settings and columns."""

    name: str
    version: int
    fingerprint: str


@dataclass(frozen=True)
class LedgerMark:
    """The ledger this corpus was built under: its size and root, and the entry of the decision it stands on."""

    size: int
    root: str  # hex
    entry: int | None


@dataclass(frozen=True)
class Removed:
    """A part that an earlier version had and an erasure rewrote."""

    part: str  # the SHA-256 it had
    shard: int
    request: str  # names the erasure's ledger entry
    at: str  # ISO 8601, UTC


@dataclass(frozen=True)
class Manifest:
    """An immutable version of a corpus."""

    name: str
    purpose: str
    as_of: datetime  # the moment the decisions were made for
    parent: str | None  # id of the version before
    parts: tuple[Part, ...]
    stages: tuple[StageRecord, ...]
    packs: Mapping[str, str]  # policy pack → SHA-256
    ledger: LedgerMark
    funnel: tuple[Mapping[str, Any], ...]  # Any: JSON rows: stage, read, kept, refused, dropped, quarantined
    counts: Mapping[str, Any]  # Any: JSON, see count.py
    shards: int
    seed: int
    removed: tuple[Removed, ...] = field(default=())

    @cached_property
    def canonical(self) -> bytes:
        return rfc8785.dumps(self.as_json())

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.canonical).hexdigest()

    @property
    def id(self) -> str:
        """First 32 hex characters of the SHA-256 of the canonical JSON."""
        return self.sha256[:ID_HEX]

    @property
    def key(self) -> str:
        """The object it lies in."""
        return manifest_key(self.id)

    def as_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "name": self.name,
            "purpose": self.purpose,
            "as_of": self.as_of.astimezone(UTC).isoformat(),
            "parent": self.parent,
            "parts": [asdict(part) for part in self.parts],
            "stages": [asdict(stage) for stage in self.stages],
            "packs": dict(self.packs),
            "ledger": asdict(self.ledger),
            "funnel": [dict(row) for row in self.funnel],
            "counts": dict(self.counts),
            "shards": self.shards,
            "seed": self.seed,
            "removed": [asdict(entry) for entry in self.removed],
        }

    def same_content(self, other: Manifest) -> bool:
        """Whether only moment and place in history differ: as_of, parent and ledger mark."""
        moved = replace(self, as_of=other.as_of, parent=other.parent, ledger=other.ledger)
        return moved.sha256 == other.sha256


def manifest_key(corpus_id: str) -> str:
    return f"corpora/{corpus_id}/manifest.json"


def from_json(value: Mapping[str, Any]) -> Manifest:
    """The manifest in this JSON. Raises CorpusError for another format or a missing field."""
    if value.get("format") != FORMAT:
        raise CorpusError(
            f"this is not a manifest of format {FORMAT}; it says {str(value.get('format'))[:40]!r}."
        )
    try:
        return Manifest(
            name=value["name"],
            purpose=value["purpose"],
            as_of=datetime.fromisoformat(value["as_of"]),
            parent=value["parent"],
            parts=tuple(Part(**part) for part in value["parts"]),
            stages=tuple(StageRecord(**stage) for stage in value["stages"]),
            packs=value["packs"],
            ledger=LedgerMark(**value["ledger"]),
            funnel=tuple(value["funnel"]),
            counts=value["counts"],
            shards=value["shards"],
            seed=value["seed"],
            removed=tuple(Removed(**entry) for entry in value["removed"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CorpusError(f"the manifest lacks a field or has one of another type: {error}.") from error


def from_bytes(data: bytes, *, corpus_id: str) -> Manifest:
    """The manifest in these bytes, checked against its id. Raises CorpusError."""
    if len(data) > MANIFEST_BYTES_MAX:
        raise CorpusError(
            f"corpus {corpus_id}: a manifest has at most {MANIFEST_BYTES_MAX} bytes; this one has more."
        )
    found = hashlib.sha256(data).hexdigest()[:ID_HEX]
    if found != corpus_id:
        raise CorpusError(
            f"corpus {corpus_id}: the manifest's bytes hash to {found}. They were changed; restore the object."
        )
    return from_json(json.loads(data))
