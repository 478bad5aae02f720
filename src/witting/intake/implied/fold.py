"""Words as the rules read them, and the way back to the words as they were written.

Covers: lower case, no accents, one form for the letters people write in several (Arabic alefs, full width, nukta),
straight quotes; what is quoted or is code becomes a barrier that no pattern matches: other people's words and programs
say nothing about the answer. Not covered: spelling mistakes, romanised scripts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

BARRIER = "\ufffc"
_DROPPED = re.compile(r"[\u0300-\u036f\u0640\u064b-\u0652\u093c\u200b-\u200f\u2060\ufe0f\ufeff]")
_QUOTED = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|^>[^\n]*|\"[^\"\n]{1,300}\"|«[^»\n]{1,300}»|„[^\"\n]{1,300}\"|[「『][^」』\n]{1,300}[」』]",
    re.DOTALL | re.MULTILINE,
)
_ONE_FORM = {
    **dict.fromkeys("أإآٱ", "ا"), "ى": "ي", "ة": "ه",
    **dict.fromkeys("’‘ʼ´`′＇", "'"), **dict.fromkeys("“”‟＂", '"'), **dict.fromkeys("‐‑‒–—―", "-"), "ı": "i",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Folded:
    """`text` is what patterns match; `starts[i]` is where its character i came from."""

    text: str
    starts: Sequence[int]
    chars: int  # of the original

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original behind [start, end) of `text`; start < end."""
        return self.starts[start], self.starts[end] if end < len(self.starts) else self.chars


class _Folding(dict[str, str]):
    """By character; grows as characters are met, at most one entry each."""

    def __missing__(self, char: str) -> str:
        folded = "" if _DROPPED.match(char) else _ONE_FORM.get(char) or _without_accents(char)
        self[char] = folded
        return folded


_FOLDING = _Folding()


def fold_pattern(pattern: str) -> str:
    """A pattern in the same letters as the text it is to match."""
    return "".join(_FOLDING[char] for char in pattern)


def fold(text: str) -> Folded:
    """`text` with its quotes and code barred; at least one character for each that is not dropped."""
    if text.isascii():
        return Folded(_barred(text.lower()), range(len(text)), len(text))
    pieces = [_FOLDING[char] for char in text]
    starts = [at for at, piece in enumerate(pieces) for _ in piece]
    return Folded(_barred("".join(pieces)), starts, len(text))


def _barred(text: str) -> str:
    if not any(mark in text for mark in '"`>«„「『'):
        return text
    return _QUOTED.sub(lambda found: BARRIER * len(found[0]), text)


def _without_accents(char: str) -> str:
    if "\uff00" <= char <= "\uffef":
        return unicodedata.normalize("NFKC", char).lower()
    lower = char.lower()
    if "\u3040" <= char <= "\ud7ff":
        return lower  # kana and hangul are not letters with accents
    return _DROPPED.sub("", unicodedata.normalize("NFD", lower))
