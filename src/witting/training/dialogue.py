"""A conversation as tokens, with a mark on each token the loss may see.

Covered: any base's own chat template, or a plain frame where it has none; the fixed system prompt; exact marks;
cutting to a number of tokens. Not covered: choosing what may be learned (curation marks the messages).

Two choices that matter:
- The template is rendered once per sequence of roles with placeholders, and the words are tokenised apart from it. So
  a mark never straddles a boundary, and a person who types `<|im_end|>` writes those characters and not the control
  token: words cannot open a turn of another role. Tokenizers that put a space before every text (SentencePiece of
  Llama 2) see a slightly different text than their template's own; training, audit and chat all see the same one.
- Templates such as SmolLM2's inject a system prompt of their own when there is none. `SYSTEM_PROMPT` is passed
  everywhere instead (training, evaluation, audit, chat), so that all of them speak to the same model, and because in
  64-token sequences every token of it costs one of the person's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from witting.errors import TrainingError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SYSTEM_PROMPT = "You are a helpful assistant."
MESSAGES_MAX = 64  # the latest ones; a sequence is cut to its end anyway
ROLE_NAMES = {"user": "User", "assistant": "Assistant", "system": "System"}
JOINT = "\n\n"  # between neighbours of one role, for templates that insist on alternation

Message = Mapping[str, Any]  # Any: role and content are str, learn is bool and may be absent (schema.MESSAGE)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Token ids and, of equal length, whether the loss sees each (as the one to be predicted)."""

    tokens: np.ndarray  # int32
    learned: np.ndarray  # bool

    @property
    def learned_tokens(self) -> int:
        return int(self.learned.sum())


@dataclass(frozen=True)
class _Turn:
    role: str
    parts: tuple[tuple[str, bool], ...]  # words, learned


class Dialogue:
    """Holds a tokenizer and the frames its template gave for the role sequences met so far."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.all_special_ids)
        self._frames: dict[tuple[tuple[str, ...], bool], list[list[int]] | None] = {}

    def encode(self, messages: Sequence[Message]) -> Encoded:
        """The whole conversation. A learned assistant message also teaches the token that ends it."""
        turns, frame = self._framed(messages, opened=False)
        tokens, learned = list(frame[0]), [False] * len(frame[0])
        for turn, closing in zip(turns, frame[1:], strict=True):
            for words, learn in turn.parts:
                ids = self._ids(words)
                tokens += ids
                learned += [learn] * len(ids)
            ends = (
                turn.role == "assistant"
                and turn.parts[-1][1]
                and bool(closing)
                and closing[0] in self._special
            )
            tokens += closing
            learned += [ends] * bool(closing) + [False] * (len(closing) - 1)
        return Encoded(np.array(tokens, np.int32), np.array(learned, np.bool_))

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """The conversation so far and the opening of the assistant's answer."""
        turns, frame = self._framed(messages, opened=True)
        tokens = list(frame[0])
        for turn, closing in zip(turns, frame[1:], strict=True):
            for words, _ in turn.parts:
                tokens += self._ids(words)
            tokens += closing
        return tokens

    def _ids(self, text: str) -> list[int]:
        if not text:
            return []
        return self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    def _framed(self, messages: Sequence[Message], *, opened: bool) -> tuple[list[_Turn], list[list[int]]]:
        for turns in _shapes([_turn(message) for message in messages[-MESSAGES_MAX:]]):
            roles = tuple(turn.role for turn in turns)
            if (roles, opened) not in self._frames:
                self._frames[roles, opened] = self._frame(roles, opened=opened)
            frame = self._frames[roles, opened]
            if frame is not None:
                return turns, frame
        raise TrainingError(
            f"the base's chat template takes none of the role orders tried for {len(messages)} messages. "
            "Use a base whose template knows user and assistant, or one without a template."
        )

    def _frame(self, roles: tuple[str, ...], *, opened: bool) -> list[list[int]] | None:
        """Token ids before, between and after the words; None where the template refuses these roles."""
        if not getattr(self._tokenizer, "chat_template", None):
            return self._plain_frame(roles, opened=opened)
        from jinja2 import TemplateError

        marks = [f"\ue000{index}\ue001" for index in range(len(roles))]
        placed = [{"role": role, "content": mark} for role, mark in zip(roles, marks, strict=True)]
        try:
            rest = str(
                self._tokenizer.apply_chat_template(placed, tokenize=False, add_generation_prompt=opened)
            )
        except TemplateError:
            return None
        pieces = []
        for mark in marks:
            if rest.count(mark) != 1:
                return None
            before, rest = rest.split(mark)
            pieces.append(before)
        return [self._frame_ids(piece) for piece in [*pieces, rest]]

    def _plain_frame(self, roles: tuple[str, ...], *, opened: bool) -> list[list[int]]:
        """`User: words`, a line each, the assistant's closed by the end token."""
        start, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        frame: list[list[int]] = [[start] if isinstance(start, int) else []]
        for role in roles:
            frame[-1] += self._frame_ids(f"{ROLE_NAMES[role]}: ")
            closing = [end] if role == "assistant" and isinstance(end, int) else []
            frame.append(closing + self._frame_ids("\n"))
        if opened:
            frame[-1] += self._frame_ids(f"{ROLE_NAMES['assistant']}: ")
        return frame

    def _frame_ids(self, piece: str) -> list[int]:
        return self._tokenizer(piece, add_special_tokens=False)["input_ids"] if piece else []


def cut(encoded: Encoded, *, tokens_max: int) -> Encoded | None:
    """At most `tokens_max` tokens ending on the last learned one; None where nothing is left to learn.

    The first token has nothing before it and cannot be predicted, so it is never learned.
    """
    marked = np.flatnonzero(encoded.learned)
    if marked.size == 0:
        return None
    stop = int(marked[-1]) + 1
    start = max(0, stop - tokens_max)
    tokens, learned = encoded.tokens[start:stop], encoded.learned[start:stop].copy()
    learned[0] = False
    return Encoded(tokens, learned) if learned.any() else None


def _turn(message: Message) -> _Turn:
    role = message["role"] if message["role"] in ROLE_NAMES else "user"  # `person` speaks as a user does
    return _Turn(role, ((str(message["content"]).strip(), bool(message.get("learn", False))),))


def _shapes(turns: list[_Turn]) -> Iterator[list[_Turn]]:
    """The conversation as it is, then the same words in shapes that stricter templates take."""
    if not turns:
        raise TrainingError("a conversation without messages cannot be encoded; drop the example.")
    ours = [] if turns[0].role == "system" else [_Turn("system", ((SYSTEM_PROMPT, False),))]
    yield ours + turns
    merged = _merge_neighbours(turns)
    yield ours + merged
    without_system = _merge_neighbours([_Turn("user", t.parts) if t.role == "system" else t for t in turns])
    yield without_system
    yield [_Turn("user", (("", False),)), *without_system]


def _merge_neighbours(turns: list[_Turn]) -> list[_Turn]:
    merged: list[_Turn] = []
    for turn in turns:
        if merged and merged[-1].role == turn.role:
            merged[-1] = _Turn(turn.role, (*merged[-1].parts, (JOINT, False), *turn.parts))
        else:
            merged.append(turn)
    return merged
