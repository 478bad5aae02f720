"""What the readers of tables of traces share: cells that hold JSON, messages in many wrappings, feedback joined by id.

Covered: the loop of two readings (feedback first, then what it is about), inputs and outputs as products log them.
Not covered: any product's own columns (one file a source).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from witting.intake.assistants.tree import Seen
from witting.intake.json_stream import BadRecord, as_dict
from witting.intake.logs.exchange import Exchange, Given, turns_of
from witting.intake.source import Export, Signal, Skipped, Turn
from witting.intake.tables.rows import Row, rows

CELL_CHARS_MAX = 8 << 20  # of JSON inside a cell
DEPTH_MAX = 100  # of what is wrapped around a message
WRAPPERS = (
    "messages",
    "message",
    "choices",
    "output",
    "content",
    "text",
    "query",
    "question",
    "answer",
    "response",
)


@dataclass
class Feedback:
    """Signals by the id of what they are about, gathered in the first reading, and which of them met something."""

    signals: dict[str, list[Signal]] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)

    def add(self, about: str, *signals: Signal) -> None:
        self.signals.setdefault(about, []).extend(signals)

    def of(self, *ids: str | None) -> tuple[Signal, ...]:
        """Signals about any of these ids; each id counts as met."""
        self.met.update(id for id in ids if id)
        return tuple(signal for id in dict.fromkeys(ids) if id for signal in self.signals.get(id, ()))


def read_traces(
    export: Export,
    *,
    source: str,
    gather: Callable[[Mapping[str, Any], Feedback], None],  # Any: cells
    understand: Callable[[Row, Feedback], Exchange | str],
    about: Callable[[Mapping[str, Any]], str | None],  # Any: cells; the id a row of feedback is about
) -> Iterator[Turn | Skipped]:
    """`understand` gives a call, or why the row is none: `feedback_joined` where it is feedback, counted as unmatched
    where nothing in the export has the id. Both may raise BadRecord. Memory: the feedback of the export."""
    told = Feedback()
    for row in (row for member in export.claimed for row in rows(member) if row.fault is None):
        with suppress(BadRecord):
            gather(row.value, told)
    for row in (row for member in export.claimed for row in rows(member) if row.fault is None):
        with suppress(BadRecord):
            understand(row, told)  # marks what is met
    seen, given = Seen(), Given()
    for member in export.claimed:
        for row in rows(member):
            place = (row.start, row.end)
            found = row.fault or _understood(row, told, understand)
            if isinstance(found, Exchange):
                yield from turns_of(found, place, member.path, source=source, given=given, seen=seen)
                continue
            if found == "feedback_joined" and about(row.value) not in told.met:
                found = "feedback_unmatched"
            on_purpose = found in ("feedback_joined", "judged_by_machine", "span_without_words")
            yield Skipped(member.path, found, place, None if on_purpose else row.record)


def _understood(
    row: Row, told: Feedback, understand: Callable[[Row, Feedback], Exchange | str]
) -> Exchange | str:
    try:
        return understand(row, told)
    except BadRecord as bad:
        return bad.reason


def unpacked(value: object) -> Any:  # Any: JSON
    """The value; a string that holds a JSON object or list is opened, as CSV and some databases have it."""
    if isinstance(value, str) and value[:1] in ("{", "[") and len(value) <= CELL_CHARS_MAX:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def messages_in(value: object, role: str, *, depth: int = 0) -> list[Mapping[str, Any]]:  # Any: JSON
    """The messages of an input or output, however it is wrapped; a bare text is one message of `role`.

    Raises BadRecord where more than DEPTH_MAX wrappings lie around each other.
    """
    if depth > DEPTH_MAX:
        raise BadRecord("nested_too_deep")
    value = unpacked(value)
    if isinstance(value, str):
        return [{"role": role, "content": value}] if value.strip() else []
    if isinstance(value, list):
        return [message for entry in value for message in messages_in(entry, role, depth=depth + 1)]
    fields = as_dict(value)
    if isinstance(fields.get("role"), str):
        return [{**fields, "content": _content(fields)}]
    for name in WRAPPERS:
        if fields.get(name):
            return messages_in(fields[name], role, depth=depth + 1)
    return []


def _content(message: Mapping[str, Any]) -> Any:  # Any: JSON
    """Text, or a list of parts with `text` (OpenTelemetry's parts have it under `content`)."""
    content = message.get("content", message.get("parts"))
    if not isinstance(content, list):
        return content
    return [
        {**part, "text": part.get("text", part.get("content"))}
        if part.get("type") in ("text", None)
        else {"type": part.get("type")}
        for part in map(_as_part, content)
    ]


def _as_part(part: object) -> Mapping[str, Any]:  # Any: JSON
    return {"type": "text", "text": part} if isinstance(part, str) else as_dict(part)


def cell(value: Mapping[str, Any], *names: str) -> Any:  # Any: cells
    """The first of these columns that holds something."""
    return next((value[name] for name in names if value.get(name) not in (None, "", [])), None)
