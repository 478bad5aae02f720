"""What the words on a consent screen mean: accept, refuse, withdraw, settings, guilt, and so on, in fourteen languages.

Covers: finding phrases of `words/*.toml` in labels and texts, and double negatives. Not covered: irony, pictures, icons
without a name, languages without a file (there a label means `other`, and unknown is no).
A label is read in the language of its page and in English first, then in all others.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

UNSPACED = frozenset({"ja", "zh"})  # written without spaces: a phrase is found anywhere
WORD = r"[\w\u0900-\u0963\u0966-\u097f]"  # Devanagari's vowel signs are no \w; its full stop is no letter
# The first of these that a label matches is what it means: "do not accept" is no acceptance.
BUTTON_ORDER = ("withdraw", "refuse", "later", "save", "settings", "accept", "proceed", "close", "notice")
LINK_ORDER = ("notice", "withdraw", "refuse", "later", "save", "settings", "accept", "proceed", "close")
PARTICLE = re.compile(r"^\s*[^\s,，、。.!:;]+\s*[,，、.!:;–—-]\s*")  # the "No," before the sentence
LABEL_WORDS_MAX = 25  # a longer label is prose: what it means is not read from single words
LABEL_CHARS_MAX = 220


@dataclass(frozen=True)
class Lexicon:
    """Patterns by language and group."""

    patterns: Mapping[str, Mapping[str, re.Pattern[str]]]

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted(self.patterns))

    def order(self, language: str | None) -> list[str]:
        first = [name for name in (language, "en") if name in self.patterns]
        return [*dict.fromkeys(first), *(name for name in self.languages if name not in first)]

    def meaning(self, label: str, *, language: str | None, link: bool = False) -> str:
        """One of BUTTON_ORDER, or `other`. Two negations make a yes."""
        plain = normal(label)
        if not plain or len(plain) > LABEL_CHARS_MAX or len(plain.split()) > LABEL_WORDS_MAX:
            return "other"
        near = self.order(language)
        for names in (near[:2] if language in self.patterns else near[:1], near):
            for meaning in LINK_ORDER if link else BUTTON_ORDER:
                if any(self.patterns[name][meaning].search(plain) for name in names):
                    return self._unturned(meaning, label, language)
        return "other"

    def _unturned(self, meaning: str, label: str, language: str | None) -> str:
        if meaning not in {"refuse", "withdraw", "accept"} or not self.double_negative(label, language):
            return meaning
        return "accept" if self.negations(label, language) % 2 == 0 else "refuse"

    def negations(self, label: str, language: str | None) -> int:
        plain = PARTICLE.sub("", normal(label), count=1)
        name = self.order(language)[0]
        return len(self.patterns[name]["negation"].findall(plain))

    def double_negative(self, label: str, language: str | None) -> bool:
        return len(label.split()) <= LABEL_WORDS_MAX and self.negations(label, language) >= 2

    def found(self, group: str, text: str, language: str | None) -> list[str]:
        """The words of `group` that stand in `text`, as they stand there, each once; only in its own language."""
        if language not in self.patterns:
            return []
        hits = self.patterns[language][group].finditer(normal(text))
        return list(dict.fromkeys(hit.group(0).strip() for hit in hits))


@cache
def load_words() -> Lexicon:
    folder = files("witting.rights.page") / "words"
    tables = [
        tomllib.loads(path.read_text("utf-8")) for path in folder.iterdir() if path.name.endswith(".toml")
    ]
    return Lexicon({table["language"]: _patterns(table) for table in tables})


def normal(text: str) -> str:
    """Compatibility forms, case, apostrophes and white space made one."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'").replace("\u00ad", "")
    return re.sub(r"\s+", " ", plain).strip()


def _patterns(table: Mapping[str, Mapping[str, list[str]]]) -> dict[str, re.Pattern[str]]:
    spaced = table["language"] not in UNSPACED
    groups = {**table["label"], **table["text"]}
    groups["negation"] = [*table["text"]["negator"], *table["text"]["negative"]]
    groups |= {f"element.{name}": phrases for name, phrases in table["element"].items()}
    return {name: _pattern(phrases, spaced=spaced) for name, phrases in groups.items()}


def _pattern(phrases: list[str], *, spaced: bool) -> re.Pattern[str]:
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile("|".join(_phrase(phrase, spaced=spaced) for phrase in longest_first))


def _phrase(phrase: str, *, spaced: bool) -> str:
    whole, begins, open_end = phrase[0] == "=", phrase[0] == "^", phrase[-1] == "*"
    core = normal(phrase.strip("=^*"))
    before = r"^\W*" if whole or begins else rf"(?<!{WORD})" if spaced else ""
    if whole:
        return rf"{before}{re.escape(core)}\W*$"
    after = rf"(?!{WORD})" if spaced and re.match(WORD, core[-1]) else ""
    return before + re.escape(core).replace(r"\*", rf"{WORD}*") + (rf"{WORD}*" if open_end else after)
