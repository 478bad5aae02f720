"""Langfuse's exports: traces, generations and scores, as JSON, JSON lines, CSV or Parquet, camel or snake case.

Covered: traces with input and output, generations of traces, scores of people joined by trace or observation: NUMERIC
as rating, BOOLEAN and thumbs as thumb, CATEGORICAL as reason tag, TEXT as comment, CORRECTION as the better answer.
Not covered: spans without words (counted), datasets, prompts.

Who scored: of source ANNOTATION somebody of the operator's (`authorUserId`), of API a program or the product, for the user
only where the score's metadata says so (`user_id`), of EVAL a machine: counted as `judged_by_machine`. A `userId` beside a
score is that of its trace and no witness.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import fit_id
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import as_dict, first_text
from witting.intake.logs.exchange import Exchange
from witting.intake.logs.traces import Feedback, cell, messages_in, read_traces, unpacked
from witting.intake.signals import SOMEBODY_ELSE, feedback, is_text, number, rating, thumb, thumb_in_words
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn
from witting.intake.tables.rows import Row, columns

NAME = "langfuse"
SCORE = ({"traceId", "dataType"}, {"trace_id", "data_type"}, {"traceId", "value", "name", "source"}, {"trace_id", "value", "name", "source"})  # fmt: skip
TRACE = ({"sessionId", "userId", "input", "output"}, {"session_id", "user_id", "input", "output"})
_TRUTH = {"1": 1, "1.0": 1, "true": 1, "0": -1, "0.0": -1, "false": -1}  # of a BOOLEAN score, as a thumb
OBSERVATION = ({"traceId", "type", "input", "output"}, {"trace_id", "type", "input", "output"})


def claims(member: Member, head: bytes) -> bool:
    found = columns(member, head)
    return any(needed <= found for needed in (*SCORE, *TRACE, *OBSERVATION)) and "id" in found


def read(export: Export) -> Iterator[Turn | Skipped]:
    sessions: dict[str, tuple[str, str]] = {}  # trace -> session, person: observations name neither

    def gather(value: Mapping[str, Any], told: Feedback) -> None:  # Any: cells
        trace = first_text(value.get("id"))
        if _is_score(value):
            if (target := _about(value)) and not _is_machines(value):
                told.add(target, *_signals(value))
        elif trace and not _trace_of(value):
            session, person = cell(value, "sessionId", "session_id"), cell(value, "userId", "user_id")
            sessions[trace] = (first_text(session) or trace, first_text(person) or UNKNOWN_ACCOUNT)

    def understand(row: Row, told: Feedback) -> Exchange | str:
        return _understood(row, told, sessions)

    return read_traces(export, source=NAME, gather=gather, understand=understand, about=_about)


def _is_score(value: Mapping[str, Any]) -> bool:  # Any: cells
    return "dataType" in value or "data_type" in value or ("value" in value and _trace_of(value) is not None)


def _trace_of(value: Mapping[str, Any]) -> str | None:  # Any: cells
    return first_text(cell(value, "traceId", "trace_id"))


def _about(value: Mapping[str, Any]) -> str | None:  # Any: cells
    return first_text(cell(value, "observationId", "observation_id")) or _trace_of(value)


def _is_machines(value: Mapping[str, Any]) -> bool:  # Any: cells
    return str(value.get("source")).upper() == "EVAL"


def _giver(value: Mapping[str, Any]) -> str:  # Any: cells
    """Who gave a score, as a speaker."""
    told = as_dict(unpacked(value.get("metadata")))
    named = first_text(cell(value, "authorUserId", "author_user_id"), told.get("user_id"), told.get("userId"))
    return SOMEBODY_ELSE if named is None else fit_id(named)


def _understood(row: Row, told: Feedback, sessions: Mapping[str, tuple[str, str]]) -> Exchange | str:
    value = row.value
    if _is_score(value):
        return "judged_by_machine" if _is_machines(value) else "feedback_joined"
    id, trace = first_text(value.get("id")), _trace_of(value)
    if id is None:
        return "unknown_shape"
    signals = told.of(id)
    history = messages_in(value.get("input"), "user")
    answers = messages_in(value.get("output"), "assistant")[:1]
    if not history and not answers:
        return "span_without_words"
    kind = str(value.get("type", "GENERATION")).upper()
    if trace is not None and kind != "GENERATION":
        return "span_without_words"  # a step: its words stand in the trace or in a generation
    session, person = sessions.get(trace or id, (trace or id, UNKNOWN_ACCOUNT))
    stated = cell(value, "timestamp", "startTime", "start_time")
    return Exchange(
        conversation=fit_id(session),
        named=True,
        speaker=fit_id(person),
        time=from_either(stated),
        history=history,
        answers=answers,
        signals=signals,
    )


def _signals(value: Mapping[str, Any]) -> tuple[Signal, ...]:  # Any: cells
    """What a score says."""
    kind = str(cell(value, "dataType", "data_type") or "NUMERIC").upper()
    words = first_text(cell(value, "stringValue", "string_value"))
    stated = cell(value, "timestamp", "createdAt", "created_at")
    time = from_either(stated)
    at, given = time.iso if time else None, value.get("value")
    name, comment = f"score:{first_text(value.get('name')) or '?'}"[:80], value.get("comment")
    by = _giver(value)
    if kind == "CORRECTION":
        better = words or first_text(value.get("value"))
        found = Signal("correction", text=better, source_kind=name, time=at, by=by)
        return (found,) if is_text(better) else ()
    if kind == "TEXT":
        comment = words or first_text(value.get("value"))
        return (
            (Signal("comment", text=comment, source_kind=name, time=at, by=by),) if is_text(comment) else ()
        )
    if kind == "BOOLEAN":
        known = _TRUTH.get(str(given).lower())
        return feedback(
            thumb(words) if known is None else known, comment=comment, source_kind=name, time=at, by=by
        )
    said = feedback(
        thumb_in_words(words),
        comment=comment,
        tags=[words] if words else None,
        source_kind=name,
        time=at,
        by=by,
    )
    return said + (rating(number(given), source_kind=name, time=at, by=by) if kind == "NUMERIC" else ())


SOURCE = Source(name=NAME, facts=family("logs")[NAME], claims=claims, read=read)
