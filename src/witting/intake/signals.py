"""Feedback that products record, under one set of names; and when two answers may be compared.

Covered: the spellings of a thumb, comments and reason tags, and the signals that lie in a tree: a regenerated answer,
an edited prompt, a preference between siblings. Not covered: what people imply in their words (`implied/`).

Whose judgement it is: `by` names who gave it, null is the person whose turn it is about, and where a source does not say
that it was they, it is SOMEBODY_ELSE's. Only a person's own feedback may write labels (`curation/feedback.py`).

A polarity is not a label (facts: OpenAI rolled back a model that learned from thumbs in April 2025): these are
signals; who turns them into examples decides behind guards. The one guard that belongs here, because only the tree
knows it, is `comparable`: a pair needs two whole, finished, different answers to the same prompt. A regenerated
answer that fails it keeps its `regenerated` signal, which says what happened, not which answer was better.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from msgspec import structs

from witting.intake.source import Signal

THUMBS = {
    **dict.fromkeys(("1", "up", "thumbup", "thumbsup", "like", "liked", "good", "positive", "upvote"), 1),
    **dict.fromkeys(("-1", "down", "thumbdown", "thumbsdown", "dislike", "disliked", "bad", "negative", "downvote"), -1),
}  # fmt: skip
SOMEBODY_ELSE = (
    "somebody-else"  # `by` where nothing shows that it was the person themself, and nobody is named
)
TAGS_MAX = 20
WIDE_CHARS_MAX = 1 << 20  # four bytes each are little memory up to here
SAYING = (
    "thumb",
    "rating",
    "preference",
    "reaction",
    "comment",
)  # kinds that are nothing without a value or words
RATING_MAX = 1e15
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")  # no spaces: those are words
_SOURCE_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}")
_RULE = re.compile(r"[a-z][a-z0-9_.-]{0,39}/[0-9]{1,6}")
REACTION_CHARS_MAX = 32


@dataclass(frozen=True)
class Answer:
    """What must be known of an assistant's turn to compare it with a sibling."""

    turn: str
    text: str | None
    whole: bool  # finished, and the only message of its answer


def number(value: object) -> float | None:
    """A finite number below 1e15, also one written out, as CSV has them; None for anything else, truth values too."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if _is_finite(value) else None


def thumb(value: object) -> int | None:
    """1 or -1 for any spelling a product has used (thumbs_up, thumbsDown, "1", -1.0); None for anything else."""
    if isinstance(value, str) and (said := THUMBS.get(re.sub(r"(?<=.)[\s_-]", "", value.strip()).lower())):
        return said
    written = number(value)
    return int(written) if written is not None and written in (1, -1) else None


def thumb_in_words(value: object) -> int | None:
    """1 or -1 for a word or a truth value; None for a number, also one written out: the worst of five stars is a 1."""
    if isinstance(value, bool):
        return 1 if value else -1
    return thumb(value) if isinstance(value, str) and not any(map(str.isdigit, value)) else None


def feedback(
    rating: object,
    *,
    comment: object = None,
    tags: object = None,
    source_kind: str,
    time: str | None = None,
    by: str | None = None,
) -> tuple[Signal, ...]:
    """A thumb, if `rating` is one, and a comment, if there are words or reason tags.

    Tags are the product's own slugs and stand in `value`; one that does not look like a slug is words, and left out.
    """
    signals: list[Signal] = []
    if (direction := thumb(rating)) is not None:
        signals.append(Signal("thumb", value=direction, source_kind=source_kind, time=time, by=by))
    words = comment if is_text(comment) and comment.strip() else None
    slugs = reason_tags(tags)
    if words is not None or slugs:
        value = {"tags": slugs} if slugs else None
        signals.append(Signal("comment", value=value, text=words, source_kind=source_kind, time=time, by=by))
    return tuple(signals)


def reason_tags(tags: object) -> list[str]:
    """At most 20 slugs of a list, or of a single slug."""
    listed = tags if isinstance(tags, list) else [tags]
    return [tag for tag in listed if isinstance(tag, str) and _TAG.fullmatch(tag)][:TAGS_MAX]


def rating(
    value: object, *, source_kind: str, time: str | None = None, by: str | None = None
) -> tuple[Signal, ...]:
    """A number as the source has it; nothing for what is no finite number."""
    if not _is_finite(value):
        return ()
    return (Signal("rating", value=value, source_kind=source_kind, time=time, by=by),)


def preference(
    chosen: Answer, rejected: Answer, *, source_kind: str, time: str | None = None, by: str | None = None
) -> tuple[Signal, ...]:
    """The pair, if the two may be compared; it belongs on the chosen turn."""
    if not comparable(chosen, rejected):
        return ()
    value = {"chosen": chosen.turn, "rejected": rejected.turn}
    return (Signal("preference", value=value, source_kind=source_kind, time=time, by=by),)


def comparable(one: Answer, other: Answer) -> bool:
    """Two whole answers with words that differ. The caller has seen to it that they answer the same prompt."""
    if not (one.whole and other.whole) or one.turn == other.turn or one.text is None or other.text is None:
        return False
    return one.text.strip() != other.text.strip()


def fit(signal: Signal) -> Signal | None:
    """The signal with a `value` that is none of anybody's words; None where nothing of it can be understood.

    `value` is kept unsealed, so it has the one form of its kind: 1 or -1, a finite number, two ids, an emoji, slugs. Words that
    stand there become `text`, which is sealed. The same for the names of products and rules.
    """
    value, text = _fit_value(signal)
    if signal.kind in SAYING and value is None and text is None:
        return None
    kind = signal.source_kind
    return structs.replace(
        signal,
        value=value,
        text=text,
        source_kind=kind if kind is not None and _SOURCE_KIND.fullmatch(kind) else None,
        rule=signal.rule if _RULE.fullmatch(signal.rule) else "recorded/1",
    )


def _fit_value(signal: Signal) -> tuple[Any, str | None]:  # Any: JSON
    """`value`, and `text`."""
    value, text = signal.value, signal.text
    if signal.kind == "thumb":
        return (value if value in (1, -1) and not isinstance(value, bool) else None), text
    if signal.kind == "rating":
        return (value if _is_finite(value) else None), text
    if signal.kind == "preference":
        sides = value if isinstance(value, Mapping) and set(value) == {"chosen", "rejected"} else {}
        return (value if sides and all(map(is_text, sides.values())) else None), text
    if signal.kind == "reaction" and isinstance(value, str) and _is_emoji(value):
        return value, text
    if signal.kind == "comment" and isinstance(value, Mapping):
        slugs = reason_tags(value.get("tags"))
        return ({"tags": slugs} if slugs else None), text
    return None, text if text is not None else value if is_text(value) and value.strip() else None


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < RATING_MAX


def _is_emoji(value: str) -> bool:
    """No letters, and no more than the digit of a keycap or of +1."""
    if not 0 < len(value) <= REACTION_CHARS_MAX or sum(map(str.isdigit, value)) > 1:
        return False
    return is_text(value) and not any(map(str.isalpha, value))


def distinct(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Each act once, in the order given. The same kind, value and words of the same person at the same time are one act told in
    two places, and so are two of which one has no time. Who went back to what they said first did so anew."""
    seen: dict[tuple[_Act, str | None], Signal] = {}
    for signal in signals:
        seen.setdefault((_act(signal), signal.time), signal)
    timed = {act for act, time in seen if time is not None}
    return tuple(signal for (act, time), signal in seen.items() if time is not None or act not in timed)


_Act = tuple[str, str, str | None, str | None]


def _act(signal: Signal) -> _Act:
    return signal.kind, json.dumps(signal.value, sort_keys=True), signal.text, signal.by


def is_text(value: object) -> TypeGuard[str]:
    """A string that is Unicode text: JSON may escape lone surrogates, which no encoding can write."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return True
    try:
        value.encode(
            "utf-8" if len(value) > WIDE_CHARS_MAX else "utf-32-le"
        )  # the wide one is 2 to 5 times as fast
    except UnicodeEncodeError:
        return False
    return True
