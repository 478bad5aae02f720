"""Words and phrases of many languages, found in one pass over the words of a text.

Covers: phrases as sequences of plain words; a trailing `*` matches any ending (inflection, particles), a leading
Arabic article is taken off. Not covered: misspellings. Cost: one dictionary look-up a word; a text without any first
word of a phrase costs nothing more.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from witting.redaction.normalise import WORD, View, fold, plain

REMEMBERED_WORDS_MAX = 200_000  # distinct words whose look-up is kept; then forgotten all at once
STEM_CHARS_MIN = 2
_SENTENCE_END = re.compile(r"[!?\n;।؟…。]|\.[ \t.]")
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
    text = view.plain
    for match in WORD.finditer(text):
        start = match.start()
        if start - end != 1 or text[end] != " ":
            sentence += found != [] and _SENTENCE_END.search(text, end, start) is not None
        end = match.end()
        found.append(Token(match.group(), start, end, sentence))
    return found


class Lexicon:
    """Phrases by their first word. Immutable once built, but for its memory of words."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._exact: dict[str, list[Phrase]] = {}
        self._stems: dict[str, list[Phrase]] = {}
        self._telling: set[str] = set()  # the longest word of each phrase
        self._telling_stems: set[str] = set()
        for entry in phrases:
            if not entry.words:
                continue
            first = entry.words[0]
            table, key = (self._stems, first[:-1]) if first.endswith("*") else (self._exact, first)
            table.setdefault(key, []).append(entry)
            longest = max(entry.words, key=len)
            if longest.endswith("*"):
                self._telling_stems.add(longest[:-1])
            else:
                self._telling.add(longest)
        self._sizes = sorted({len(stem) for stem in self._stems})
        self._telling_sizes = sorted({len(stem) for stem in self._telling_stems})
        self._memory: dict[str, tuple[Phrase, ...]] = {}

    def starting(self, word: str) -> tuple[Phrase, ...]:
        """Phrases that begin with this word."""
        known = self._memory.get(word)
        if known is None:
            if len(self._memory) >= REMEMBERED_WORDS_MAX:
                self._memory.clear()
            known = self._memory[word] = tuple(self._lookup(word))
        return known

    def touches(self, word: str) -> bool:
        """Whether the word is the longest of any phrase: a text without such a word holds no phrase."""
        return any(
            form in self._telling or any(form[:size] in self._telling_stems for size in self._telling_sizes)
            for form in [word, *_without_article(word)]
        )

    def find(self, words: Sequence[Token]) -> list[Found]:
        """All matches within one sentence each; of matches from one word, every one is given."""
        found: list[Found] = []
        memory = self._memory
        total = len(words)
        for at, token in enumerate(words):
            entries = memory.get(token.text)
            for entry in self.starting(token.text) if entries is None else entries:
                last = at + len(entry.words)
                if last == at + 1 or (last <= total and _continues(words, at, last, entry)):
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
    for wanted, token in zip(entry.words[1:], words[first + 1 : last], strict=True):
        if wanted != token.text and not (wanted[-1] == "*" and token.text.startswith(wanted[:-1])):
            return False
    return words[last - 1].sentence == words[first].sentence
