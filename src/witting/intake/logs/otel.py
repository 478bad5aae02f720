"""OpenTelemetry's spans of generative AI: OTLP as JSON, and flat spans, one a line.

Covered: `gen_ai.input.messages`, `gen_ai.output.messages`, `gen_ai.system_instructions` as attributes or in the event
`gen_ai.client.inference.operation.details`; the older events a role (`gen_ai.user.message`, `gen_ai.choice`) and indexed
attributes (`gen_ai.prompt.0.content`); the conversation by `gen_ai.conversation.id`, else the trace; the person by
`user.id` or `enduser.id`. Not covered: metrics, logs, tool spans (counted).

`gen_ai.evaluation.result` names no evaluator (semantic-conventions-genai#79), so nobody can say that a person judged:
counted as `judged_by_machine`. The conventions have nothing for consent; rights asks for it as always. All of them are
in development (facts), so what is not known is counted, not guessed. One line, or one file, is one place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import Seen, content_id, fit_id
from witting.intake.facts import family
from witting.intake.instant import from_either
from witting.intake.json_stream import BadRecord, as_dict, first_text, line_shapes, shape
from witting.intake.logs.exchange import Exchange, Given, turns_of
from witting.intake.logs.traces import DEPTH_MAX, messages_in, unpacked
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.tables.rows import Row, rows

NAME = "otel"
SPANS_MAX = 1_000_000  # in one record
_EVENT = re.compile(r"gen_ai\.(system|user|assistant|tool)\.message")
_INDEXED = re.compile(r"gen_ai\.(prompt|completion)\.(\d{1,4})\.(role|content)")
DETAILS, EVALUATED = "gen_ai.client.inference.operation.details", "gen_ai.evaluation.result"


def claims(member: Member, head: bytes) -> bool:
    shapes = (shape(head), *line_shapes(head))
    otlp = any("resourceSpans" in paths or "resource_spans" in paths for paths in shapes)
    flat = any({"attributes", "name"} <= paths and ("trace_id" in paths or "traceId" in paths or "context.trace_id" in paths) for paths in shapes)  # fmt: skip
    return otlp or (flat and b"gen_ai." in head)


def read(export: Export) -> Iterator[Turn | Skipped]:
    seen, given = Seen(), Given()
    for member in export.claimed:
        for row in rows(member):
            place = (row.start, row.end)
            if row.fault is not None:
                yield Skipped(member.path, row.fault, place, row.record)
                continue
            spans = list(_spans(row))
            if not spans:
                yield Skipped(member.path, "unknown_shape", place, row.record)
            for number, span in enumerate(spans):
                if number >= SPANS_MAX:
                    yield Skipped(member.path, "too_many_messages", place, row.record)
                    break
                try:
                    yield from _span(span, row, member.path, seen, given)
                except BadRecord as bad:
                    yield Skipped(member.path, bad.reason, place, row.record)


def _spans(row: Row) -> Iterator[Mapping[str, Any]]:  # Any: JSON
    """The spans of OTLP, or the one flat span."""
    value = row.value
    resources = value.get("resourceSpans", value.get("resource_spans"))
    if not isinstance(resources, list):
        if isinstance(value.get("attributes"), (dict, list)):
            yield value
        return
    for resource in map(as_dict, resources):
        for name in ("scopeSpans", "scope_spans", "instrumentationLibrarySpans"):
            for scope in map(as_dict, _list(resource.get(name))):
                yield from map(as_dict, _list(scope.get("spans")))


def _list(value: object) -> list[Any]:  # Any: JSON
    return value if isinstance(value, list) else []


def _span(
    span: Mapping[str, Any], row: Row, member: str, seen: Seen, given: Given
) -> Iterator[Turn | Skipped]:  # Any: JSON
    place, attributes = (row.start, row.end), _attributes(span.get("attributes"))
    events = [
        (str(event.get("name")), {**_attributes(event.get("attributes")), **as_dict(event.get("body"))})
        for event in map(as_dict, _list(span.get("events")))
    ]
    for name, fields in events:
        if name == DETAILS:
            attributes = {**fields, **attributes}
        elif name == EVALUATED:
            yield Skipped(member, "judged_by_machine", place)
    history, answers = _said(attributes, events)
    if not history and not answers:
        yield Skipped(member, "span_without_words", place)
        return
    trace = first_text(
        span.get("traceId"), span.get("trace_id"), as_dict(span.get("context")).get("trace_id")
    )
    named = first_text(attributes.get("gen_ai.conversation.id"), attributes.get("session.id"))
    key = named or trace
    person = first_text(attributes.get("user.id"), attributes.get("enduser.id"))
    stated = (span.get(n) for n in ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime"))
    yield from turns_of(
        Exchange(
            conversation=fit_id(key) if key else content_id(row.record),
            named=key is not None,
            speaker=fit_id(person or UNKNOWN_ACCOUNT),
            time=next((time for value in stated if (time := from_either(value)) is not None), None),
            history=history,
            answers=answers[:1],
        ),
        place,
        member,
        source=NAME,
        given=given,
        seen=seen,
    )


def _attributes(value: object, depth: int = 0) -> dict[str, Any]:  # Any: JSON
    """As a mapping; OTLP has a list of keys with typed values."""
    if isinstance(value, dict):
        return dict(value)
    pairs = map(as_dict, _list(value))
    return {str(pair.get("key")): _plain(pair.get("value"), depth) for pair in pairs}


def _plain(value: object, depth: int) -> Any:  # Any: JSON
    """OTLP's AnyValue as a plain one. Raises BadRecord where it holds too many of them inside each other."""
    if depth > DEPTH_MAX:
        raise BadRecord("nested_too_deep")
    fields = as_dict(value)
    for name in ("stringValue", "intValue", "doubleValue", "boolValue"):
        if name in fields:
            return fields[name]
    if "arrayValue" in fields:
        return [_plain(entry, depth + 1) for entry in _list(as_dict(fields["arrayValue"]).get("values"))]
    if "kvlistValue" in fields:
        return _attributes(as_dict(fields["kvlistValue"]).get("values"), depth + 1)
    return value


def _said(
    attributes: Mapping[str, Any], events: Sequence[tuple[str, Mapping[str, Any]]]
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:  # Any: JSON
    """What was said before, and what was answered."""
    system = messages_in(_parts(attributes.get("gen_ai.system_instructions")), "system")
    history = messages_in(attributes.get("gen_ai.input.messages"), "user")
    answers = messages_in(attributes.get("gen_ai.output.messages"), "assistant")
    if history or answers:
        return [*system, *history], answers
    told = [(found[1], fields) for name, fields in events if (found := _EVENT.fullmatch(name))]
    history = [
        m
        for role, fields in told
        for m in messages_in({"role": role, "content": fields.get("content")}, role)
    ]
    choices = [fields for name, fields in events if name == "gen_ai.choice"]
    answers = [
        m for fields in choices for m in messages_in(unpacked(fields.get("message", fields)), "assistant")
    ]
    if history or answers:
        return [*system, *history], answers
    return _indexed(attributes, "prompt", "user"), _indexed(attributes, "completion", "assistant")


def _parts(value: object) -> Any:  # Any: JSON
    """System instructions are a list of parts without a role."""
    value = unpacked(value)
    texts = [part.get("content", part.get("text")) for part in map(as_dict, _list(value))]
    return "\n".join(text for text in texts if isinstance(text, str)) if isinstance(value, list) else value


def _indexed(attributes: Mapping[str, Any], which: str, role: str) -> list[Mapping[str, Any]]:  # Any: JSON
    found: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        match = _INDEXED.fullmatch(name)
        if match and match[1] == which:
            found.setdefault(int(match[2]), {"role": role})[match[3]] = value
    return [found[number] for number in sorted(found)]


SOURCE = Source(name=NAME, facts=family("logs")[NAME], claims=claims, read=read)
