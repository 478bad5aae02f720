"""CloudEvents over HTTP: from a request to its events, not checked yet.

Covered: the structured, batched and binary modes in JSON. Not covered: other formats (Avro, Protobuf, XML); what an event
says (`doors/cloud_events.py`). From: CloudEvents 1.0.2, HTTP Protocol Binding §3 and JSON Event Format §4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from witting.doors.cloud_events import JSON, STRUCTURED, NotJson, parsed
from witting.doors.http.problem import Problem

BATCH = "application/cloudevents-batch+json"
EVENTS_MAX = 1_000  # in one request


def events_in(
    content_type: str, headers: Mapping[str, str], body: bytes
) -> list[Any]:  # Any: JSON, checked next
    """The events of a request, not checked yet. Raises Problem (400, 413, 415)."""
    media, _, parameters = content_type.lower().partition(";")
    media, charset = media.strip(), parameters.replace(" ", "").replace('"', "")
    if "charset=" in charset and "charset=utf-8" not in charset:
        raise Problem(415, "media-type", "Content-Type: the charset must be utf-8.")
    if media not in (STRUCTURED, BATCH, JSON):
        raise Problem(415, "media-type", f"Content-Type must be {STRUCTURED}, {BATCH} or {JSON}.")
    value = _json(body)
    if media == JSON and is_binary(content_type, headers):
        return [_from_headers(headers) | {"data": value}]
    if isinstance(value, list) != (media == BATCH) and media != JSON:
        wanted = "an array of events" if media == BATCH else "one event, an object"
        raise Problem(400, "not-an-event", f"the body must be {wanted}, as its Content-Type says.")
    found = value if isinstance(value, list) else [value]
    if len(found) > EVENTS_MAX:
        raise Problem(413, "too-many-events", f"at most {EVENTS_MAX:,} events in one request; cut the batch.")
    return found


def is_binary(content_type: str, headers: Mapping[str, str]) -> bool:
    """Whether the event's attributes stand in headers."""
    return not content_type.lower().startswith("application/cloudevents") and any(
        name.startswith("ce-") for name in headers
    )


def _json(body: bytes) -> Any:  # Any: JSON
    try:
        return parsed(body)
    except NotJson as error:
        raise Problem(400, "not-json", f"the body {error.why}.") from None


def _from_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in headers.items():
        if name.startswith("ce-"):
            try:
                found[name[3:]] = unquote(value, errors="strict")  # HTTP binding §3.1.3.2
            except UnicodeDecodeError:
                raise Problem(
                    400, "not-an-event", f"header {name[:64]} is not UTF-8 in percent-encoding."
                ) from None
    return found
