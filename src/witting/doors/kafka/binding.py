"""CloudEvents over Kafka: from a message to its event, not checked yet.

Covered: structured mode (`content-type` begins with application/cloudevents) and binary mode (attributes in `ce_` headers)
in JSON. Not covered: other formats (Avro, Protobuf, XML), a batch in one message, which Kafka's binding does not define; what
an event says (`doors/cloud_events.py`). The key of a message is not read.
From: CloudEvents 1.0.2, Kafka Protocol Binding §3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from witting.doors.cloud_events import EVENT_BYTES_MAX, JSON, STRUCTURED, NotJson, Wrong, parsed

PREFIX, CONTENT_TYPE, STRUCTURED_PREFIX = "ce_", "content-type", "application/cloudevents"
Headers = Sequence[tuple[str, bytes | None]]


def event_in(headers: Headers, value: bytes | None) -> Any:  # Any: JSON, checked next
    """The event of a message, not checked yet. Raises Wrong."""
    if value is not None and len(value) > EVENT_BYTES_MAX:
        raise Wrong("value", f"is larger than {EVENT_BYTES_MAX:,} bytes", "too_large")
    content_type = _content_type(headers)
    if not content_type.startswith(STRUCTURED_PREFIX):  # §3: everything else is in binary mode
        return _attributes(headers) | _data(content_type, value)
    media, _, parameters = content_type.partition(";")
    if media.strip() != STRUCTURED or not _is_utf8(parameters):
        raise Wrong(CONTENT_TYPE, f"must be {STRUCTURED} in UTF-8: one event a message", "broken_event")
    return _json(value or b"")


def message_bytes(headers: Headers, value: bytes | None) -> bytes:
    """The whole message to be kept: a line a header, an empty line, the value."""
    lines = [name.encode("utf-8", "surrogatepass") + b": " + (given or b"") for name, given in headers]
    return b"\n".join([*lines, b"", value or b""])


def _content_type(headers: Headers) -> str:
    found = [value or b"" for name, value in headers if name.lower() == CONTENT_TYPE]
    if len(found) > 1:
        raise Wrong(CONTENT_TYPE, "stands twice")
    return found[0].decode("utf-8", "replace").strip().lower() if found else ""


def _attributes(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        attribute = name.removeprefix(PREFIX)
        if attribute == name or value is None or attribute == "data":
            continue
        if attribute in found:
            raise Wrong(attribute, "stands twice in the headers")
        try:
            found[attribute] = value.decode("utf-8")  # §3.2.3
        except UnicodeDecodeError:
            raise Wrong(attribute, "must be UTF-8", "broken_utf8") from None
    return found


def _data(content_type: str, value: bytes | None) -> dict[str, Any]:  # Any: JSON
    if value is None:
        return {}  # §3.2.2: an event without data
    media, _, parameters = content_type.partition(";")
    if not (media.strip() or JSON).endswith(("/json", "+json")) or not _is_utf8(parameters):
        raise Wrong(CONTENT_TYPE, "must be a JSON media type in UTF-8")
    return {"data": _json(value)}


def _is_utf8(parameters: str) -> bool:
    plain = parameters.replace(" ", "").replace('"', "")
    return "charset=" not in plain or "charset=utf-8" in plain


def _json(value: bytes) -> Any:  # Any: JSON
    try:
        return parsed(value)
    except NotJson as error:
        raise Wrong("value", error.why, "broken_json") from None
