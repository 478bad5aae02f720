"""Words and phrases of many languages, found in one pass over the words of a text.

Covers: phrases as sequences of plain words; a trailing `*` matches any ending (inflection, particles), a leading
Arabic article is taken off. Not covered: misspellings. Cost: one dictionary look-up a word; a text without any first
word of a phrase costs nothing more.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from witting.redaction.normalise import WORD, View, fold, plain

REMEMBERED_WORDS_MAX = 200_000  # distinct words whose look-up is kept; then forgotten all at once
STEM_CHARS_MIN = 2
_ARABIC_PREFIXES = ("وال", "بال", "لل", "ال", "و", "ب")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of the plain text. `sentence` counts sentences from 0."""

    text: str
    start: int
    end: int
    sentence: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """`words` after folding, each with a trailing * where any ending will do."""

    words: tuple[str, ...]
    label: str
    language: str


@dataclass(frozen=True, slots=True)
class Found:
    """Tokens [first, last) matched `phrase`."""

    first: int
    last: int
    phrase: Phrase


def read_toml(name: str) -> dict[str, Any]:  # Any: TOML values
    """A data file of this room."""
    return tomllib.loads(files("witting.redaction").joinpath("data", name).read_text("utf-8"))


def read_words(name: str) -> frozenset[str]:
    """A word list of data/words.toml."""
    return frozenset(_words()[name].split())


@cache
def _words() -> dict[str, str]:
    return read_toml("words.toml")


def phrase(text: str, label: str, language: str) -> Phrase:
    """A phrase as it is written in a data file."""
    words: list[str] = []
    for match in WORD.finditer(folded := plain(fold(text))):
        words.append(match.group() + ("*" if folded[match.end() : match.end() + 1] == "*" else ""))
    return Phrase(tuple(words), label, language)


def tokens(view: View) -> list[Token]:
    """The words with their sentence; `.` inside a number or word ends none."""
    found: list[Token] = []
    sentence = end = 0
    for match in WORD.finditer(view.plain):
        between = view.plain[end : match.start()]
        if found and _ends_sentence(between):
            sentence += 1
        end = match.end()
        found.append(Token(match.group(), match.start(), end, sentence))
    return found


def _ends_sentence(between: str) -> bool:
    return (
        any(mark in between for mark in "!?\n;।؟…")
        or ". " in between
        or ".." in between
        or ".\t" in between
        or "。" in between
    )


class Lexicon:
    """Phrases by their first word. Immutable once built, but for its memory of words."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._exact: dict[str, list[Phrase]] = {}
        self._stems: dict[str, list[Phrase]] = {}
        for entry in phrases:
            if not entry.words:
                continue
            first = entry.words[0]
            table, key = (self._stems, first[:-1]) if first.endswith("*") else (self._exact, first)
            table.setdefault(key, []).append(entry)
        self._sizes = sorted({len(stem) for stem in self._stems})
        self._memory: dict[str, tuple[Phrase, ...]] = {}

    def starting(self, word: str) -> tuple[Phrase, ...]:
        """Phrases that begin with this word."""
        known = self._memory.get(word)
        if known is None:
            if len(self._memory) >= REMEMBERED_WORDS_MAX:
                self._memory.clear()
            known = self._memory[word] = tuple(self._lookup(word))
        return known

    def touches(self, words: Iterable[str]) -> bool:
        """Whether any phrase begins with one of the words."""
        return any(self.starting(word) for word in words)

    def find(self, words: Sequence[Token]) -> list[Found]:
        """All matches within one sentence each; of matches from one word, every one is given."""
        found: list[Found] = []
        for at, token in enumerate(words):
            for entry in self.starting(token.text):
                last = at + len(entry.words)
                if _continues(words, at, last, entry):
                    found.append(Found(at, last, entry))
        return found

    def _lookup(self, word: str) -> list[Phrase]:
        found = [*self._exact.get(word, ())]
        for form in [word, *_without_article(word)]:
            if form != word:
                found += self._exact.get(form, ())
            for size in self._sizes:
                if size > len(form):
                    break
                found += self._stems.get(form[:size], ())
        return found


def _without_article(word: str) -> list[str]:
    if not "\u0600" <= word[:1] <= "\u06ff":
        return []
    return [
        word[len(prefix) :]
        for prefix in _ARABIC_PREFIXES
        if word.startswith(prefix) and len(word) - len(prefix) > 2
    ]


def _continues(words: Sequence[Token], first: int, last: int, entry: Phrase) -> bool:
    if last > len(words) or words[last - 1].sentence != words[first].sentence:
        return False
    for wanted, token in zip(entry.words[1:], words[first + 1 : last], strict=True):
        if wanted.endswith("*"):
            if not token.text.startswith(wanted[:-1]):
                return False
        elif wanted != token.text:
            return False
    return True
