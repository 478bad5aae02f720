"""OpenPipe's files: dataset entries with a rejected answer, and exported request logs.

Covered: {"messages": [...], "rejected_message": {...}} (the last message is preferred to it), request logs with
`reqPayload`/`respPayload` or `requestPayload`/`responsePayload`, `tags` and `metadata` (user_id, conversation_id).
Not covered: entries without a rejected answer, which are OpenAI's shape, and tools. A split or a criterion is no
person's feedback.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import content_id, fit_id
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import as_dict, first_text
from witting.intake.logs.exchange import Exchange
from witting.intake.logs.traces import Feedback, cell, messages_in, read_traces, unpacked
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.tables.rows import Row, columns

NAME = "openpipe"
REQUEST, RESPONSE = (
    ("reqPayload", "requestPayload", "req_payload"),
    ("respPayload", "responsePayload", "resp_payload"),
)


def claims(member: Member, head: bytes) -> bool:
    found = columns(member, head)
    return {"messages", "rejected_message"} <= found or any(
        request in found and response in found for request, response in zip(REQUEST, RESPONSE, strict=True)
    )


def read(export: Export) -> Iterator[Turn | Skipped]:
    return read_traces(export, source=NAME, gather=_nothing, understand=_understood, about=lambda value: None)


def _nothing(value: Mapping[str, Any], told: Feedback) -> None:  # Any: cells
    """Its feedback stands in the rows it is about."""


def _understood(row: Row, told: Feedback) -> Exchange | str:
    value = row.value
    metadata = {**as_dict(unpacked(value.get("metadata"))), **as_dict(unpacked(value.get("tags")))}
    if cell(value, *REQUEST) is not None:
        history = messages_in(as_dict(unpacked(cell(value, *REQUEST))).get("messages"), "user")
        answers = messages_in(as_dict(unpacked(cell(value, *RESPONSE))).get("choices"), "assistant")[:1]
    else:
        said = messages_in(value.get("messages"), "user")
        rejected = messages_in(value.get("rejected_message"), "assistant")[:1]
        history, answers = (said[:-1], [said[-1], *rejected]) if rejected and said else (said, [])
    if not history and not answers:
        return "no_messages"
    named = first_text(metadata.get("conversation_id"), metadata.get("session_id"), metadata.get("thread_id"))
    person = first_text(metadata.get("user_id"), metadata.get("user"), metadata.get("$user_id"))
    return Exchange(
        conversation=fit_id(named) if named else content_id(row.record),
        named=named is not None,
        speaker=fit_id(person or UNKNOWN_ACCOUNT),
        time=from_either(cell(value, "requestedAt", "requested_at", "createdAt", "created_at")),
        history=history,
        answers=answers,
        preferred=len(answers) == 2,
    )


SOURCE = Source(name=NAME, facts=family("logs")[NAME], claims=claims, read=read)
