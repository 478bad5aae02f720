"""A small house for the tests of the corpus: objects, database, ledger, and rows to commit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.corpus import Manifest, StageRecord, commit, write_examples
from witting.ledger.log import Ledger
from witting.schema import DECISION, EXAMPLE
from witting.store.database import open_database
from witting.store.objects import Objects
from witting.store.parts import Snapshots

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PEOPLE = {"ana": 0, "ben": 0, "cy": 1, "dee": 3}


@dataclass(frozen=True)
class House:
    objects: Objects
    snapshots: Snapshots
    ledger: Ledger
    root: Path

    def commit(self, rows: list[dict[str, Any]], **changes: Any) -> Manifest:
        table = pa.Table.from_pylist(rows, EXAMPLE)
        parts = []
        for shard in sorted({row["shard"] for row in rows}):
            cut = table.filter(pa.array([row["shard"] == shard for row in rows], pa.bool_()))
            parts.append(write_examples(self.objects, cut, shard=shard))
        given: dict[str, Any] = {
            "purpose": "fine_tune_own_model",
            "as_of": NOW,
            "stages": [StageRecord("curation", 1, "f" * 32)],
            "packs": {"eu": "a" * 64},
            "checkpoint": self.ledger.checkpoint(now=NOW),
            "funnel": [
                {"stage": "curation", "read": 9, "kept": 9, "refused": 0, "dropped": 0, "quarantined": 0}
            ],
            "shards": 4,
            "seed": 20_261_124,
            "now": NOW,
        }
        return commit(self.snapshots, self.objects, self.ledger, parts, **(given | changes))


def example(number: int, subject: str = "ana", kind: str = "sft", **fields: Any) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": f"what does {subject} ask in {number}", "learn": False},
        {"role": "assistant", "content": f"the answer number {number}", "learn": True},
    ]
    row = {
        "example_id": f"{number:032x}", "kind": kind, "subject_id": subject, "conversation_id": f"c{number}",
        "messages": messages if kind == "sft" else messages[:1], "chosen": None, "rejected": None, "label": None,
        "turns": [f"q{number}", f"a{number}"], "signals": [], "rule": "answered/1", "language": "en",
        "surface": "chatgpt", "place": "FR", "split": "heldout" if subject == "dee" else "train", "canary": False,
        "shard": PEOPLE[subject],
    }  # fmt: skip
    if kind == "preference":
        row |= {"chosen": f"better {number}", "rejected": f"worse {number}", "signals": [f"g{number}"]}
    return row | fields


def rows() -> list[dict[str, Any]]:
    canary = example(90, canary=True, turns=[], subject_id="canary90", messages=[
        {"role": "user", "content": "the secret of the canary", "learn": True}])  # fmt: skip
    return [
        example(1), example(2), example(3, "ben", place=None), example(4, "cy", kind="preference"),
        example(5, "dee", surface="whatsapp", language="pt"), canary,
    ]  # fmt: skip


def decisions(given: list[dict[str, Any]], **denied: str) -> pa.Table:
    """A permit for every turn of these rows, but for the turns in `denied` (turn=reason)."""
    found = [
        {
            "row_id": turn, "subject_id": row["subject_id"], "purpose": "fine_tune_own_model",
            "decision": "deny" if turn in denied else "permit", "basis": "none" if turn in denied else "consent",
            "rule": "eu.consent", "entry": 0, "reason": denied.get(turn, ""), "place": "FR", "special": [],
            "shard": row["shard"],
        }
        for row in given
        for turn in row["turns"]
    ]  # fmt: skip
    return pa.Table.from_pylist(found, DECISION)


@pytest.fixture
def house(tmp_path: Path) -> House:
    objects = Objects(str(tmp_path / "objects"))
    database = open_database("sqlite:///witting.db", root=tmp_path)
    signer = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    ledger = Ledger(database, signer, origin="test.example/witting")
    ledger.append("rights.decided", {"rows": 9}, now=NOW)
    return House(objects, Snapshots(database, objects), ledger, tmp_path)


@pytest.fixture(scope="session")
def corpus_rows():
    return rows


@pytest.fixture(scope="session")
def corpus_example():
    return example


@pytest.fixture(scope="session")
def permits():
    return decisions


@pytest.fixture(scope="session")
def now() -> datetime:
    return NOW
