"""The rules' words, a file a language, compiled once.

Covers: reading `languages/*.toml`, one pattern a key and language. Not covered: what the keys decide (`exchange.py`).

In a pattern a space is any white space, letters are folded like the text. `edges` says where words end: `both` for
scripts that part words, `start` where endings are glued on, `none` where words are not parted. `script` says what letters a text
must hold for a language to be asked at all; the language of a text is not known and not guessed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from witting.intake.implied.fold import fold_pattern

LETTER = r"\w\u0900-\u0963\u064b-\u0652"
SCRIPTS = {
    "latin": re.compile("[a-z]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "devanagari": re.compile(r"[\u0900-\u097f]"),
    "arabic": re.compile(r"[\u0600-\u06ff]"),
    "hangul": re.compile(r"[\uac00-\ud7a3]"),
    "kana": re.compile(r"[\u3040-\u30ff]"),
    "han": re.compile(r"[\u4e00-\u9fff]"),
}
EDGE = rf"(?<![{LETTER}])"
NEVER_MATCHES = re.compile(r"(?!)")


@dataclass(frozen=True, eq=False)
class Language:
    """One language's patterns. `opening` ones are matched where a turn begins, the others searched."""

    name: str
    script: str
    before: re.Pattern[str]  # words that may stand before an opening
    asking: re.Pattern[str]  # a sentence that begins with one asks
    common: frozenset[str]  # words that any ask may hold
    objected_opening: re.Pattern[str]
    objected_sentence: re.Pattern[str]
    objected_never: re.Pattern[str]
    thanked_opening: re.Pattern[str]
    thanked_never: re.Pattern[str]
    rephrased_marker: re.Pattern[str]
    continued_opening: re.Pattern[str]


def spoken(text: str) -> tuple[Language, ...]:
    """The languages whose letters a folded text holds. Kana makes Han Japanese."""
    scripts = {name for name, letters in SCRIPTS.items() if letters.search(text)}
    if "kana" in scripts:
        scripts.discard("han")
    return _of_scripts(frozenset(scripts))


@cache
def languages() -> tuple[Language, ...]:
    """Every language there is, by name."""
    folder = resources.files("witting.intake.implied") / "languages"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda f: f.name)
    return tuple(
        _language(file.name.removesuffix(".toml"), tomllib.loads(file.read_text("utf-8"))) for file in files
    )


@cache
def may_object(spoken: tuple[Language, ...]) -> re.Pattern[str]:
    """One pattern over all these languages, for one search instead of many: where it finds nothing in a sentence, no
    `objected_sentence` does."""
    return _any_of([language.objected_sentence for language in spoken])


@cache
def marks_rephrasing(spoken: tuple[Language, ...]) -> re.Pattern[str]:
    """Any language's `rephrased_marker`."""
    return _any_of([language.rephrased_marker for language in spoken])


def _any_of(patterns: Sequence[re.Pattern[str]]) -> re.Pattern[str]:
    """Patterns that begin at an edge ask for the edge once: it is what a search asks at every letter."""
    rests = [pattern.pattern.removeprefix(EDGE) for pattern in patterns if pattern.pattern.startswith(EDGE)]
    whole = [pattern.pattern for pattern in patterns if not pattern.pattern.startswith(EDGE)]
    return re.compile("|".join([*([f"{EDGE}(?:{'|'.join(rests)})"] if rests else []), *whole]))


@cache
def _of_scripts(scripts: frozenset[str]) -> tuple[Language, ...]:
    return tuple(language for language in languages() if language.script in scripts)


def _language(name: str, data: dict[str, Any]) -> Language:  # Any: TOML
    edges, words = data["edges"], data["words"]
    before = _joined(words["before"], edges=edges)
    return Language(
        name=name,
        script=data["script"],
        before=re.compile(rf"(?:{before.pattern})(?:[^{LETTER}]+|$)") if words["before"] else NEVER_MATCHES,
        asking=_joined(words["asking"], edges=edges),
        common=frozenset(fold_pattern(word) for word in words["common"]),
        objected_opening=_joined(data["objected"]["opening"], edges=edges),
        objected_sentence=_joined(data["objected"]["sentence"], edges=edges),
        objected_never=_joined(data["objected"]["never"], edges=edges),
        thanked_opening=_joined(data["thanked"]["opening"], edges=edges),
        thanked_never=_joined(data["thanked"]["never"], edges=edges),
        rephrased_marker=_joined(data["rephrased"]["markers"], edges=edges),
        continued_opening=_joined(data["continued"]["opening"], edges=edges),
    )


def _joined(patterns: Sequence[str], *, edges: str) -> re.Pattern[str]:
    if not patterns:
        return NEVER_MATCHES
    either = "|".join(re.sub(" (?![*+?])", r"\\s+", fold_pattern(pattern)) for pattern in patterns)
    start = "" if edges == "none" else EDGE
    end = rf"(?![{LETTER}])" if edges == "both" else ""
    return re.compile(f"{start}(?:{either}){end}")
