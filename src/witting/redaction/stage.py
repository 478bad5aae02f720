"""The redaction stage: permitted turns in, their words redacted or refused out.

Covers: opening the sealed words inside the worker, one turn at a time, judging them, and nothing else; words leave
the worker only redacted. Scope: ROW. Not covered: what a refusal means for the answer to it: run
`conversation_stage` on the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from witting import config
from witting.engine.stage import ROW, Stage, Transform, digest
from witting.redaction.judge import Judgement, judge
from witting.redaction.names import FullNames
from witting.schema import REDACTED, TIMESTAMP
from witting.store.keys import KeyStore

VERSION = 2
NAMES = pa.schema([("conversation_id", pa.string()), ("name", pa.list_(pa.string()))])
REDACT_INPUT = pa.schema(
    [
        ("row_id", pa.string()),
        ("conversation_id", pa.string()),
        ("parent_id", pa.string()),
        ("position", pa.int32()),
        ("subject_id", pa.string()),
        ("speaker_id", pa.string()),
        ("role", pa.string()),
        ("occurred_at", TIMESTAMP),
        ("surface", pa.string()),
        ("audience", pa.string()),
        ("place", pa.string()),  # from DECISION
        ("on_active_path", pa.bool_()),
        ("text_sealed", pa.binary()),
        ("special", pa.list_(pa.string())),  # from DECISION: Art. 9 kinds explicitly agreed to
        ("shard", pa.int16()),
    ]
)
_CARRIED = [name for name in REDACTED.names if name in REDACT_INPUT.names]


def stage(
    keys_folder: Path,
    names: pa.Table,
    *,
    settings: config.Redaction,
    shards: int,
    everywhere: Sequence[str] = (),
) -> Stage:
    """`names`: NAMES, at most a row a conversation; `everywhere`: names for every text. Its digest is part of the fingerprint: other names, other text."""
    return Stage(
        name="redaction.redact",
        version=VERSION,
        reads=REDACT_INPUT,
        writes=REDACTED,
        scope=ROW,
        open=partial(
            open_redaction, keys_folder, names.select(NAMES.names), settings.keep_dates, tuple(everywhere)
        ),
        settings={
            "keep_dates": settings.keep_dates,
            "shards": shards,
            "names": digest(names.select(NAMES.names)),
            **({"everywhere": digest(_as_names(everywhere))} if everywhere else {}),
        },
    )


def _as_names(everywhere: Sequence[str]) -> pa.Table:
    row = {"conversation_id": None, "name": sorted(set(everywhere))}
    return pa.Table.from_pylist([row], schema=NAMES)


def open_redaction(
    keys_folder: Path, names: pa.Table, keep_dates: bool, everywhere: tuple[str, ...] = ()
) -> Transform:
    """Opens the key store once a worker."""
    keys = KeyStore(keys_folder)
    people = names_by_conversation(names)
    full = FullNames(everywhere)
    surrogate_key = lru_cache(maxsize=10_000)(keys.surrogate_key)

    def redact(turns: pa.Table) -> pa.Table:
        rows = turns.to_pylist()
        texts = keys.open(
            [row["subject_id"] for row in rows],
            [row["row_id"] for row in rows],
            [row["text_sealed"] for row in rows],
        )
        judged = [
            judge(
                text,
                key=partial(surrogate_key, row["subject_id"]),
                scope=row["conversation_id"],
                special=row["special"] or (),
                answering=row["role"] == "assistant",
                known_names=people.get(row["conversation_id"], ()),
                everywhere=full,
                keep_dates=keep_dates,
            )
            for row, text in zip(rows, texts, strict=True)
        ]
        return redacted_table(turns, judged)

    return redact


def names_by_conversation(names: pa.Table) -> Mapping[str, tuple[str, ...]]:
    """Names of each conversation, sorted and distinct; rows of the same conversation are joined."""
    gathered: dict[str, set[str]] = {}
    for row in names.to_pylist():
        gathered.setdefault(row["conversation_id"], set()).update(name for name in row["name"] or () if name)
    return {conversation: tuple(sorted(people)) for conversation, people in gathered.items()}


def redacted_table(turns: pa.Table, judged: Sequence[Judgement]) -> pa.Table:
    """REDACTED from the turns and what was said of each, in their order."""
    columns: dict[str, Any] = {name: turns[name] for name in _CARRIED}  # Any: arrays of several types
    columns["text"] = pa.array([j.text for j in judged], pa.string())
    columns["kinds"] = pa.array([list(j.kinds) for j in judged], pa.list_(pa.string()))
    columns["verdict"] = pa.array([j.verdict for j in judged], pa.string())
    columns["reason"] = pa.array([j.reason for j in judged], pa.string())
    return pa.table([columns[name] for name in REDACTED.names], schema=REDACTED)
