"""What a refusal means for the rest of its conversation.

Covers: the assistant's answers to a refused turn are refused, down the chain of assistant turns, because an answer
repeats its question; a person who says once to be a child is one in the whole conversation. Not covered: later
turns of the person that quote the refused one in other words; those are judged by themselves.
"""

from __future__ import annotations

import pyarrow as pa

from witting.engine.stage import Key, Stage, Transform
from witting.schema import REDACTED

VERSION = 2
REPEATED = (
    "special_category",
    "child",
    "third_party_text",
    "confidential",
    "secret_only",
    "answers_refused_turn",
)


def conversation_stage() -> Stage:
    """Key("conversation_id"): REDACTED to REDACTED, more of it refused."""
    return Stage(
        name="redaction.refuse_answers",
        version=VERSION,
        reads=REDACTED,
        writes=REDACTED,
        scope=Key("conversation_id"),
        open=open_refuse_answers,
    )


def open_refuse_answers() -> Transform:
    """Nothing to hold open."""
    return refuse_answers


def refuse_answers(turns: pa.Table) -> pa.Table:
    """`turns` in their order; whole conversations. Never keeps what was refused."""
    rows = turns.select(
        ["row_id", "conversation_id", "parent_id", "subject_id", "role", "reason", "verdict"]
    ).to_pylist()
    reasons = {row["row_id"]: row["reason"] for row in rows}
    _spread_childhood(rows, reasons)
    _spread_to_answers(rows, reasons)
    refused = [reasons[row["row_id"]] != "" for row in rows]
    return _with_reasons(turns, [reasons[row["row_id"]] for row in rows], refused)


def _spread_childhood(rows: list[dict[str, str]], reasons: dict[str, str]) -> None:
    children = {(row["conversation_id"], row["subject_id"]) for row in rows if row["reason"] == "child"}
    for row in rows:
        if (row["conversation_id"], row["subject_id"]) in children and reasons[row["row_id"]] == "":
            reasons[row["row_id"]] = "child"


def _spread_to_answers(rows: list[dict[str, str]], reasons: dict[str, str]) -> None:
    answers: dict[str, list[str]] = {}
    for row in rows:
        if row["role"] == "assistant" and row["parent_id"] is not None:
            answers.setdefault(row["parent_id"], []).append(row["row_id"])
    pending = [row_id for row_id, reason in reasons.items() if reason in REPEATED]
    seen: set[str] = set()
    while pending:
        row_id = pending.pop()
        if row_id in seen:
            continue
        seen.add(row_id)
        for answer in answers.get(row_id, ()):
            if reasons[answer] == "":
                reasons[answer] = "answers_refused_turn"
            pending.append(answer)


def _with_reasons(turns: pa.Table, reasons: list[str], refused: list[bool]) -> pa.Table:
    columns = {name: turns[name] for name in turns.column_names}
    text, kinds = turns["text"].to_pylist(), turns["kinds"].to_pylist()
    columns["text"] = pa.array(
        [None if no else words for words, no in zip(text, refused, strict=True)], pa.string()
    )
    columns["kinds"] = pa.array(
        [[] if no else found for found, no in zip(kinds, refused, strict=True)], pa.list_(pa.string())
    )
    columns["verdict"] = pa.array(["refuse" if no else "keep" for no in refused], pa.string())
    columns["reason"] = pa.array(reasons, pa.string())
    return pa.table([columns[name] for name in REDACTED.names], schema=REDACTED)
