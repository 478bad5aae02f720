"""Replacement text: visibly a replacement, the same for the same thing within one scope, nothing like the original.

Covers: `<KIND_n>`, n a keyed BLAKE2b (RFC 7693) of scope, kind and canonical value, so that no order, count or
partition changes it and destroying the key destroys the link. Secrets are `<SECRET>`, never numbered: two people
with the same password must not be linkable. Not covered: natural-looking surrogates.
Collisions: n is one of 997, so two of k things in a conversation share a number with probability about k²/1994.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from witting.redaction.normalise import fold, plain
from witting.redaction.span import Span

NUMBERS = 997
KEY_BYTES_MIN = 16
NUMBERLESS = ("SECRET",)


def canonical(value: str) -> str:
    """Letters and digits only, case and accents folded: `Ana  SOUZA` and `ana souza` are one person."""
    folded = plain(fold(value))
    return "".join(c for c in folded if c.isalnum()) or folded.strip()


def surrogate(kind: str, value: str, *, key: bytes, scope: str) -> str:
    """`<KIND_n>` with n in 1..997; `key` is 16 to 64 bytes."""
    if not KEY_BYTES_MIN <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise ValueError(
            f"a surrogate key has {KEY_BYTES_MIN} to {hashlib.blake2b.MAX_KEY_SIZE} bytes, not {len(key)}"
        )
    family = kind.partition(".")[0]
    if family in NUMBERLESS:
        return f"<{family}>"
    parts = [part.encode("utf-8", "surrogatepass") for part in (scope, family, canonical(value))]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    number = int.from_bytes(hashlib.blake2b(message, key=key, digest_size=8).digest(), "big")
    return f"<{family}_{number % NUMBERS + 1}>"


def redact_text(text: str, *, spans: Sequence[Span], key: bytes, scope: str) -> str:
    """`text` with every span replaced. Spans are those of `scan`: within bounds and disjoint, else ValueError."""
    pieces: list[str] = []
    at = 0
    for span in sorted(spans, key=lambda s: s.start):
        if not at <= span.start < span.end <= len(text):
            raise ValueError(
                f"span [{span.start}, {span.end}) overlaps another or leaves a text of {len(text)}"
            )
        pieces += (
            text[at : span.start],
            surrogate(span.kind, text[span.start : span.end], key=key, scope=scope),
        )
        at = span.end
    return "".join([*pieces, text[at:]])
