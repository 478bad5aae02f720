"""One turn of a chat with an adapter, guarded.

Covers: the answer as it is spoken, what was said at the end, and how often the guard stepped in. Not covered: keeping
the conversation (the caller has it), a network door. Personal data by pattern is replaced sentence by sentence: an
answer is held back no longer than that. A sentence ends at white space, so that no address or number is cut in two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from witting.redaction import redact_text, scan
from witting.serving.guard import Guard
from witting.serving.index import GuardIndex
from witting.training.dialogue import Message
from witting.training.generate import generate

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedTokenizerBase

ANSWER_TOKENS_MAX = 256
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？।])\s*|\n\s*")
PATTERN_KINDS = ("EMAIL", "PHONE", "CARD", "IBAN", "ACCOUNT", "NATIONAL_ID", "SECRET", "IP", "DEVICE_ID")


@dataclass(frozen=True)
class Reply:
    """What was said. The counts are for the operator's log."""

    text: str
    runs_stopped: int
    identifiers_replaced: int


def reply(
    model: nn.Module,
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[Message],
    index: GuardIndex,
    *,
    key: bytes,
    speak: Callable[[str], None],
    max_new_tokens: int = ANSWER_TOKENS_MAX,
    seed: int = 0,
    temperature: float = 0.0,
) -> Reply:
    """Answer the last message, giving each finished sentence to `speak`."""
    prompt = [str(message["content"]) for message in messages if message["role"] != "assistant"]
    guard = Guard(index, key=key, tokenizer=tokenizer, prompt=prompt)
    pieces = generate(
        model,
        tokenizer,
        messages,
        max_new_tokens=max_new_tokens,
        logits_processors=[guard],
        seed=seed,
        temperature=temperature,
    )
    said, replaced = [], 0
    for sentence in sentences(pieces):
        clean, count = _without_identifiers(sentence, key, prompt)
        speak(clean)
        said.append(clean)
        replaced += count
    return Reply("".join(said), guard.stopped, replaced)


def sentences(pieces: Iterable[str]) -> Iterator[str]:
    """The same text, cut after each sentence or line."""
    held = ""
    for piece in pieces:
        *finished, held = _cut(held + piece)
        yield from finished
    if held:
        yield held


def _cut(text: str) -> list[str]:
    ends = [match.end() for match in _SENTENCE_END.finditer(text) if 0 < match.end() < len(text)]
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def _without_identifiers(sentence: str, key: bytes, prompt: Sequence[str]) -> tuple[str, int]:
    """Identifiers by pattern replaced, unless the person wrote them in this conversation."""
    found, _ = scan(sentence)
    spans = [
        span
        for span in found
        if span.kind.partition(".")[0] in PATTERN_KINDS
        and not any(sentence[span.start : span.end] in own for own in prompt)
    ]
    return (redact_text(sentence, spans=spans, key=key, scope="chat"), len(spans)) if spans else (sentence, 0)
