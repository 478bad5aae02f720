"""What of a record is kept as it is, and what goes to quarantine though its reader made sense of it.

Covered: texts longer than allowed or no Unicode, feedback that is none, what people said of their rights and nobody can
record. Not covered: limits of a format (its reader), of a file (`archive.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from msgspec import structs

from witting.intake.signals import fit, is_text
from witting.intake.source import Feedback, Record, RightsRecord, Signal, Skipped, Turn

Hear = Callable[[RightsRecord], RightsRecord | None]  # as it will be recorded; None where it cannot be
BROKEN_EVENT, UNKNOWN_FEEDBACK = "broken_event", "unknown_feedback"
RECORD_BYTES_MAX = 1 << 20  # of a quarantined record


def kept(record: Record, *, text_chars_max: int, hear: Hear | None) -> tuple[Record, ...]:
    """The record, fit to be kept; or, quarantined, one that cannot be heard, is too long or no Unicode (half a surrogate pair).
    Behind a turn, quarantined, what of its feedback is none."""
    if isinstance(record, Turn):
        return _turn_within(record, text_chars_max)
    if isinstance(record, Feedback):
        return (_feedback_within(record, text_chars_max),)
    if isinstance(record, RightsRecord) and hear is not None:
        said = json.dumps(record.event, default=str).encode()[:RECORD_BYTES_MAX]
        return (hear(record) or Skipped(record.member, BROKEN_EVENT, record.bytes, record=said),)
    return (record,)


def _turn_within(turn: Turn, text_chars_max: int) -> tuple[Record, ...]:
    text = turn.text or ""
    ids = f"{turn.speaker}{turn.conversation}{turn.turn}{turn.parent or ''}"
    if not turn.signals and len(text) + len(ids) <= text_chars_max and is_text(text) and is_text(ids):
        return (turn,)  # nearly every one; the rest of this is what takes time
    reason = _why_beyond(turn, text_chars_max)
    if reason is not None:
        begun = text.encode("utf-8", "surrogatepass")[:RECORD_BYTES_MAX]
        return (Skipped(turn.member, reason, turn.bytes, record=begun),)
    fitting = [(signal, fit(signal)) for signal in turn.signals]
    none = [_set_aside(turn, signal, UNKNOWN_FEEDBACK) for signal, found in fitting if found is None]
    whole = tuple(found for _, found in fitting if found is not None)
    return (structs.replace(turn, signals=whole), *none)


def _feedback_within(record: Feedback, text_chars_max: int) -> Record:
    signal = fit(record.signal)
    texts = [record.conversation, record.turn, record.signal.text or "", record.signal.by or ""]
    reason = UNKNOWN_FEEDBACK if signal is None else ""
    if max(map(len, texts)) > text_chars_max:
        reason = "text_too_long"
    elif not all(map(is_text, texts)):
        reason = "broken_unicode"
    if signal is None or reason:
        return _set_aside(record, record.signal, reason)
    return structs.replace(record, signal=signal)


def _set_aside(record: Turn | Feedback, signal: Signal, reason: str) -> Skipped:
    said = json.dumps([signal.kind, signal.value, signal.text], default=str).encode()[:RECORD_BYTES_MAX]
    return Skipped(record.member, reason, record.bytes, record=said)


def _why_beyond(turn: Turn, text_chars_max: int) -> str | None:
    texts = [turn.text or "", turn.speaker, turn.conversation, turn.turn, turn.parent or ""]
    for signal in turn.signals:
        texts += [signal.text or "", signal.by or "", *_ids_in(signal)]
    if max(map(len, texts)) > text_chars_max:
        return "text_too_long"
    return None if all(map(is_text, texts)) else "broken_unicode"


def _ids_in(signal: Signal) -> list[str]:
    evidence = [signal.evidence.turn] if signal.evidence else []
    sides = signal.value.values() if isinstance(signal.value, Mapping) else ()
    return [*evidence, *map(str, sides)] if signal.kind == "preference" else evidence
