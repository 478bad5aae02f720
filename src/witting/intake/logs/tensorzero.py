"""TensorZero's tables: chat inferences and the feedback on them, for those who need a home since it was archived.

Covered: ChatInference, BooleanMetricFeedback, FloatMetricFeedback, CommentFeedback, DemonstrationFeedback, as JSON lines,
CSV or Parquet of their columns; times from the UUIDv7 where no column has one; `tags.user_id` as the speaker, the
episode as the conversation. Feedback on an episode stands on its last answer. Whose feedback it is says its own
`tags.user_id`, and without it nobody: programs and developers give feedback as users do. One with the tag of an evaluator is
`judged_by_machine`. Not covered: JsonInference, tool calls.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import fit_id
from witting.intake.facts import family
from witting.intake.instant import Instant, from_either, from_epoch
from witting.intake.json_stream import as_dict, first_text
from witting.intake.logs.exchange import Exchange
from witting.intake.logs.traces import Feedback, messages_in, read_traces, unpacked
from witting.intake.signals import SOMEBODY_ELSE, is_text, number, rating
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn
from witting.intake.tables.rows import Row, columns

NAME = "tensorzero"
EVALUATOR = "tensorzero::evaluator_inference_id"  # a tag that the gateway sets on what a model judged
INFERENCE = frozenset(("id", "episode_id", "function_name", "input", "output"))
FEEDBACK = (
    frozenset(("target_id", "metric_name", "value")),
    frozenset(("target_id", "target_type", "value")),
    frozenset(("inference_id", "value")),
)


def claims(member: Member, head: bytes) -> bool:
    found = columns(member, head)
    return found >= INFERENCE or ("id" in found and any(found >= needed for needed in FEEDBACK))


def read(export: Export) -> Iterator[Turn | Skipped]:
    last: dict[str, str] = {}  # episode -> its last inference

    def gather(value: Mapping[str, Any], told: Feedback) -> None:  # Any: cells
        id, episode = first_text(value.get("id")), first_text(value.get("episode_id"))
        if "input" in value and id and episode:
            last[episode] = max(last.get(episode, ""), id)  # UUIDv7 sorts by time
        elif (target := _about(value)) and not _is_machines(value):
            told.add(target, *_signals(value))

    def understand(row: Row, told: Feedback) -> Exchange | str:
        return _understood(row, told, last)

    return read_traces(export, source=NAME, gather=gather, understand=understand, about=_about)


def _about(value: Mapping[str, Any]) -> str | None:  # Any: cells
    return first_text(value.get("target_id"), value.get("inference_id"))


def _understood(row: Row, told: Feedback, last: Mapping[str, str]) -> Exchange | str:
    value = row.value
    if "input" not in value and _is_machines(value):
        return "judged_by_machine"
    if "input" not in value:
        return "feedback_joined" if _about(value) else "unknown_shape"
    id, episode = first_text(value.get("id")), first_text(value.get("episode_id"))
    if id is None or episode is None:
        return "unknown_shape"
    asked = as_dict(unpacked(value.get("input")))
    system = messages_in(asked.get("system"), "system")
    history = [*system, *messages_in(asked.get("messages"), "user")]
    return Exchange(
        conversation=fit_id(episode),
        named=True,
        speaker=fit_id(_person(value) or UNKNOWN_ACCOUNT),
        time=from_either(value.get("timestamp")) or _time_in(id),
        history=history,
        answers=_one(messages_in(value.get("output"), "assistant")),
        signals=told.of(id, episode if last.get(episode) == id else None),
    )


def _person(value: Mapping[str, Any]) -> str | None:  # Any: cells
    """Whom a row's tags name."""
    tags = as_dict(unpacked(value.get("tags")))
    return first_text(tags.get("user_id"), tags.get("user"))


def _is_machines(value: Mapping[str, Any]) -> bool:  # Any: cells
    return EVALUATOR in as_dict(unpacked(value.get("tags")))


def _one(messages: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:  # Any: JSON
    """An output is a list of blocks: together they are one answer."""
    texts = [message["content"] for message in messages if isinstance(message.get("content"), str)]
    return [{"role": "assistant", "content": "\n".join(texts)}] if texts else []


def _time_in(id: str) -> Instant | None:
    """The moment a UUIDv7 was made (RFC 9562 §5.7: its first 48 bits are milliseconds)."""
    try:
        made = uuid.UUID(id)
    except ValueError:
        return None
    return from_epoch(made.int >> 80) if made.version == 7 else None


def _signals(value: Mapping[str, Any]) -> tuple[Signal, ...]:  # Any: cells
    id = first_text(value.get("id"))
    time = _time_in(id) if id else None
    at, given = time.iso if time else None, value.get("value")
    by = fit_id(_person(value) or SOMEBODY_ELSE)
    if "inference_id" in value:
        better = _one(messages_in(given, "assistant"))
        return (
            (Signal("correction", text=better[0]["content"], source_kind="demonstration", time=at, by=by),)
            if better
            else ()
        )
    name = f"metric:{first_text(value.get('metric_name')) or '?'}"[:80]
    if "metric_name" not in value:
        said = Signal("comment", text=given, source_kind="comment", time=at, by=by)
        return (said,) if is_text(given) else ()
    if isinstance(given, bool) or str(given).lower() in ("true", "false"):
        direction = 1 if str(given).lower() == "true" else -1
        return (Signal("thumb", value=direction, source_kind=name, time=at, by=by),)
    return rating(number(given), source_kind=name, time=at, by=by)


SOURCE = Source(name=NAME, facts=family("logs")[NAME], claims=claims, read=read)
