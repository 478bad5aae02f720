"""The text as detectors read it, and the way back to the text as it was written.

Covers: NFKC, zero-width and bidirectional controls dropped, digits of every script as ASCII, dashes and quotes
unified, Cyrillic and Greek look-alikes folded inside words that also hold Latin letters (Unicode TR39), accents
folded, and placeholders of an earlier redaction (`<PERSON_12>`) collapsed to one character nothing matches.
Not covered: leetspeak, base64 or URL-encoded pieces.

A view has two strings of equal length, `folded` (case and accents kept) and `plain` (lower case, no accents), and
maps any range in them to the range of the original that produced it, combining marks included.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from witting.schema import REDACTION_KINDS

BARRIER = 0xE000  # private use: one character a kind, in the order of REDACTION_KINDS
BARRIERS = "".join(chr(BARRIER + n) for n in range(len(REDACTION_KINDS)))
PERSON_BARRIER = BARRIERS[REDACTION_KINDS.index("PERSON")]
PLACEHOLDER = re.compile(rf"<({'|'.join(REDACTION_KINDS)})(?:_[1-9]\d{{0,2}})?>")
# Words of every script: \w lacks the vowel signs of Indic scripts and Arabic marks.
WORD = re.compile(r"[\w\u0300-\u036f\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e31-\u0e4e]+")

_DROPPED = re.compile(
    r"[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]"
)
_CLUSTER = re.compile(
    r"[\u1100-\u115f][\u1160-\u11a7]?[\u11a8-\u11ff]?|[\s\S][\u0300-\u036f\u0653-\u0655\u093c\u09bc\u0a3c\u0b3c\u3099\u309a]*"
)
_LOOKALIKES: dict[str, str] = dict(
    zip(
        "аеорсухіјѕԁһкмтнвАВЕКМНОРСТУХІЈЅαοερικντυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
        "aeopcyxijsdhkmtnbABEKMHOPCTYXIJSaoepikvtuxABEZHIKMNOPTYX",
        strict=True,
    )
)
_LATIN = re.compile(r"[A-Za-z0-9@]")
_LOOKALIKE = re.compile(f"[{''.join(_LOOKALIKES)}]")
_NOT_FOLDABLE = re.compile(r"[а-яА-Яα-ωΑ-Ω]")


_BARE = {"ı": "i", "ł": "l", "ø": "o", "đ": "d", "ð": "d", "ß": "s", "æ": "a", "œ": "o", "þ": "t"}


class _OneToOne(dict[int, int]):
    """Digits, dashes and quotes by code point; grows as characters are met, at most one entry a code point."""

    def __missing__(self, code: int) -> int:
        char = chr(code)
        if unicodedata.category(char) == "Nd":
            folded = ord("0") + unicodedata.decimal(char)
        elif BARRIER <= code < BARRIER + len(REDACTION_KINDS):
            folded = 0xFFFD  # nobody may write our barriers
        elif char in "‐‑‒–—―−﹣－":
            folded = ord("-")
        elif char in "‘’‚‛ʼ´`′":
            folded = ord("'")
        elif char in "“”„‟″":
            folded = ord('"')
        else:
            folded = code
        self[code] = folded
        return folded


class _Plain(dict[int, int]):
    """Lower case without accents, one character for one; only for alphabets with case."""

    def __missing__(self, code: int) -> int:
        lower = "i" if code == 0x130 else chr(code).lower()
        base = unicodedata.normalize("NFD", lower)[0] if lower.isalpha() and not lower > "\u1fff" else lower
        folded = ord(_BARE.get(base, base)[0])
        self[code] = folded
        return folded


_ONE_TO_ONE = _OneToOne()
_PLAIN = _Plain()


@dataclass(frozen=True, slots=True)
class View:
    """`starts[i]`, `ends[i]`: the original range behind character i. None where the view is the original."""

    folded: str
    plain: str
    starts: Sequence[int] | None
    ends: Sequence[int] | None

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The range of the original text behind [start, end) of the view; start < end."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def plain(text: str) -> str:
    """Lower case, no accents, equal length. Lexicons and names are folded by this before comparing."""
    return text.lower() if text.isascii() else text.translate(_PLAIN)


def fold(text: str) -> str:
    """The folded form alone, for values that have no offsets to keep (names, lexicon terms)."""
    return view(text).folded


def placeholders(text: str) -> list[tuple[int, int, str]]:
    """Replacements an earlier redaction left: (start, end, family)."""
    if "<" not in text:
        return []
    return [(m.start(), m.end(), m.group(1)) for m in PLACEHOLDER.finditer(text)]


def view(text: str, protected: Sequence[tuple[int, int, str]] = ()) -> View:
    """`protected`: ascending, disjoint (start, end, family) that become one barrier character each."""
    if not protected:
        folded, starts, ends = _fold_piece(text, 0)
        return View(folded, plain(folded), starts, ends)
    texts: list[str] = []
    starts, ends = [], []
    at = 0
    for start, end, family in [*protected, (len(text), len(text), "")]:
        folded, s, e = _fold_piece(text[at:start], at)
        texts.append(folded)
        starts.extend(range(at, start) if s is None else s)
        ends.extend(range(at + 1, start + 1) if e is None else e)
        if family:
            texts.append(BARRIERS[REDACTION_KINDS.index(family)])
            starts.append(start)
            ends.append(end)
        at = end
    folded = "".join(texts)
    return View(folded, plain(folded), starts, ends)


def _fold_piece(piece: str, offset: int) -> tuple[str, list[int] | None, list[int] | None]:
    if piece.isascii():
        return piece, *_same(piece, offset)
    folded = piece.translate(_ONE_TO_ONE)
    if unicodedata.is_normalized("NFKC", folded) and not _DROPPED.search(folded):
        return _fold_lookalikes(folded), *_same(piece, offset)
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for cluster in _CLUSTER.finditer(folded):
        written = unicodedata.normalize("NFKC", _DROPPED.sub("", cluster.group())).translate(_ONE_TO_ONE)
        chars.append(written)
        starts.extend([offset + cluster.start()] * len(written))
        ends.extend([offset + cluster.end()] * len(written))
    return _fold_lookalikes("".join(chars)), starts, ends


def _same(piece: str, offset: int) -> tuple[list[int] | None, list[int] | None]:
    if offset == 0:
        return None, None
    end = offset + len(piece)
    return list(range(offset, end)), list(range(offset + 1, end + 1))


def _fold_lookalikes(text: str) -> str:
    """Only in words that hold Latin letters or digits too, and no letter that has no look-alike."""
    if not _LOOKALIKE.search(text):
        return text

    def folded(match: re.Match[str]) -> str:
        word = match.group()
        if not _LATIN.search(word):
            return word
        changed = "".join(_LOOKALIKES.get(c, c) for c in word)
        return word if _NOT_FOLDABLE.search(changed) else changed

    return re.sub(r"[\w@.\-]+", folded, text)
