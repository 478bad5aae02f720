"""May this turn's words be kept, once redacted? One closed reason for each no.

Covers: one turn alone. A special category is kept only where its own explicit consent names the kind (GDPR
Art. 9(2)(a)) and the words are about the person who gave it; nobody consents for somebody else. Not covered: what a
refusal means for the turns around it (`conversation.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from witting.redaction.detect import TEXT_CHARS_MAX, scan
from witting.redaction.names import FullNames
from witting.redaction.normalise import PLACEHOLDER
from witting.redaction.pasted import is_pasted
from witting.redaction.span import SPECIAL_KINDS, Labels, Span
from witting.redaction.surrogate import redact_text

REASONS = {
    "no_text": "There are no words to keep: the message was deleted, held only media, or its key is gone.",
    "too_long": f"The message is longer than {TEXT_CHARS_MAX} characters, too long to be checked as a whole.",
    "child": "The person says to be under 18. Nothing a child says is used.",
    "special_category": "It tells something of a person's health, sex life, faith, politics, union, origin, genes, body or "
    "offences, and that person has not explicitly agreed to the use of that.",
    "third_party_text": "It holds what somebody else wrote, a pasted mail or chat, and nobody asked them.",
    "confidential": "It holds what a business keeps to itself: plans, figures, code or an idea that is not public.",
    "secret_only": "Most of it is a key, password or other secret.",
    "nothing_left": "Once what identifies people is replaced, nothing is left to learn from.",
    "answers_refused_turn": "It answers a message that was refused, and would repeat what that message said.",
}
SECRET_SHARE_MAX = 0.5
_LEARNABLE = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, slots=True)
class Judgement:
    """`text` is None exactly where refused; `kinds` has one entry a replaced span."""

    verdict: str
    reason: str
    text: str | None
    kinds: tuple[str, ...]


def judge(
    text: str | None,
    *,
    key: Callable[[], bytes],
    scope: str,
    special: Sequence[str] = (),
    answering: bool = False,
    known_names: Sequence[str] = (),
    everywhere: FullNames | None = None,
    keep_dates: bool = False,
) -> Judgement:
    """`special`: kinds explicitly agreed to. `answering`: the assistant speaks, so "your" is the subject's own.

    `key` is asked for only where something is replaced: an erased person has none.
    """
    if text is None or not text.strip():
        return _refuse("no_text")
    if len(text) > TEXT_CHARS_MAX:
        return _refuse("too_long")
    spans, labels = scan(text, known_names=known_names, everywhere=everywhere, keep_dates=keep_dates)
    reason = _reason(text, spans, labels, special=frozenset(special), answering=answering)
    if reason:
        return _refuse(reason)
    replaced = [span for span in spans if span.family not in SPECIAL_KINDS]
    redacted = redact_text(text, spans=replaced, key=key(), scope=scope) if replaced else text
    if replaced and not _LEARNABLE.search(PLACEHOLDER.sub("", redacted)):
        return _refuse("nothing_left")
    return Judgement("keep", "", redacted, tuple(span.kind for span in replaced))


def _refuse(reason: str) -> Judgement:
    return Judgement("refuse", reason, None, ())


def _reason(
    text: str, spans: Sequence[Span], labels: Labels, *, special: frozenset[str], answering: bool
) -> str:
    """The first reason that holds, gravest first; empty for none."""
    if labels.minor:
        return "child"
    if any(
        span.family in SPECIAL_KINDS and not _agreed(span, special, answering=answering) for span in spans
    ):
        return "special_category"
    if is_pasted(text):
        return "third_party_text"
    if labels.confidential:
        return "confidential"
    secret_chars = sum(span.end - span.start for span in spans if span.family == "SECRET")
    if secret_chars > SECRET_SHARE_MAX * len(text.strip()):
        return "secret_only"
    return ""


def _agreed(span: Span, special: frozenset[str], *, answering: bool) -> bool:
    own = span.whose == "self" or (answering and span.whose == "you")
    return own and span.family in special
