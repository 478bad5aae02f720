"""Why is my message in there, and why is it not: from a turn to its examples and back to the ledger.

Covers: turn → decision → verdicts → examples; example → turns → subject → decisions; the examples of a person.
Not covered: handles (the vault knows them), the words themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from witting.corpus.manifest import Manifest
from witting.corpus.read import read
from witting.curation.reasons import REASONS
from witting.errors import CorpusError
from witting.schema import DECISION, VERDICT
from witting.store.objects import Objects

_USE = ("example_id", "kind", "rule", "split", "subject_id", "turns", "signals", "shard")


@dataclass(frozen=True)
class Use:
    """An example that a turn is in."""

    example_id: str
    kind: str
    rule: str
    split: str
    subject_id: str
    turns: tuple[str, ...]
    signals: tuple[str, ...]
    shard: int


@dataclass(frozen=True)
class Explanation:
    """Everything known of one turn. `decision` and `verdicts` are rows of DECISION and VERDICT."""

    row_id: str
    decision: dict[str, Any] | None  # Any: a table's row
    verdicts: tuple[dict[str, Any], ...]
    uses: tuple[Use, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "turn": self.row_id,
            "decision": self.decision,
            "verdicts": list(self.verdicts),
            "examples": [
                {**use.__dict__, "turns": list(use.turns), "signals": list(use.signals)} for use in self.uses
            ],
            "sentences": self.sentences(),
        }

    def sentences(self) -> list[str]:
        """What happened to it, in order, for people."""
        said = [_of_decision(self.decision)]
        said += [_of_verdict(verdict) for verdict in self.verdicts if verdict["verdict"] != "keep"]
        said += [
            f"It is in example {use.example_id} ({use.kind}, {use.split}), by rule {use.rule}."
            for use in self.uses
        ]
        return said if self.uses else [*said, "It is in no example of this corpus."]


def explain(
    manifest: Manifest, objects: Objects, row_id: str, *, decisions: pa.Table, verdicts: Iterable[pa.Table]
) -> Explanation:
    """A turn's way to or past this corpus. Reads the parts of its person's shard only. Raises CorpusError where
    neither decision nor example knows it."""
    decided = pl.DataFrame(decisions.select(DECISION.names)).filter(pl.col("row_id") == row_id)
    if decided.is_empty():
        raise CorpusError(
            f"no turn {row_id[:64]!r} was ever decided on; `witting corpus explain` takes a turn's id."
        )
    decision = decided.row(0, named=True)
    judged = [
        row
        for table in verdicts
        for row in pl.DataFrame(table.select(VERDICT.names)).filter(pl.col("row_id") == row_id).to_dicts()
    ]
    uses = tuple(use for use in _uses(manifest, objects, shard=decision["shard"]) if row_id in use.turns)
    return Explanation(row_id, decision, tuple(judged), uses)


def explain_example(
    manifest: Manifest, objects: Objects, example_id: str, *, decisions: pa.Table
) -> list[Explanation]:
    """Each turn of an example with the decision it stands on. Raises CorpusError for an unknown example."""
    found = [use for use in _uses(manifest, objects, shard=None) if use.example_id == example_id]
    if not found:
        raise CorpusError(
            f"corpus {manifest.id} has no example {example_id[:64]!r}; `corpus show` lists its numbers."
        )
    (use,) = found
    asked = pl.DataFrame({"row_id": use.turns})
    rows = pl.DataFrame(decisions.select(DECISION.names)).join(asked, on="row_id", how="semi").to_dicts()
    known = {row["row_id"]: row for row in rows}
    return [Explanation(turn, known.get(turn), (), (use,)) for turn in use.turns]


def examples_of(
    manifest: Manifest, objects: Objects, subject_id: str, *, shard: int | None = None
) -> list[Use]:
    """A person's examples. With their shard, one part is read."""
    return [use for use in _uses(manifest, objects, shard=shard) if use.subject_id == subject_id]


def _uses(manifest: Manifest, objects: Objects, *, shard: int | None) -> Iterator[Use]:
    for table in read(objects, manifest, shard=shard):
        ours = pl.DataFrame(table).filter(~pl.col("canary")).select(_USE)
        for row in ours.iter_rows(named=True):
            yield _use(row)


def _use(row: dict[str, Any]) -> Use:
    return Use(
        example_id=row["example_id"],
        kind=row["kind"],
        rule=row["rule"],
        split=row["split"],
        subject_id=row["subject_id"],
        turns=tuple(row["turns"]),
        signals=tuple(row["signals"]),
        shard=row["shard"],
    )


def _of_decision(decision: dict[str, Any] | None) -> str:
    if decision is None:
        return "No decision about it is known now."
    entry = "" if decision["entry"] is None else f", ledger entry {decision['entry']}"
    if decision["decision"] == "permit":
        return f"It may be used for {decision['purpose']}: {decision['basis']} by rule {decision['rule']}{entry}."
    return f"It may not be used for {decision['purpose']}: {decision['reason']} by rule {decision['rule']}{entry}."


def _of_verdict(verdict: dict[str, Any]) -> str:
    sentence = REASONS.get(verdict["reason"], "") if verdict["stage"] == "curation" else ""
    return f"{verdict['stage']} left it out: {verdict['reason']}. {sentence}".strip()
