"""Whether an answer flatters the person it answers, by a small lexicon.

Covers: praise of the question or the person, and eager agreement, in the first words of an answer, in the languages of
`flattery.toml`. Not covered: flattery in other words, agreement that is wrong. A measure of label sets, never a reason to
drop a row: what counts is whether the wanted answers flatter more often than the unwanted ones.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources

from witting.intake.implied.fold import fold, fold_pattern

OPENING_CHARS = 200


def flatters(answer: str) -> bool:
    return _lexicon().search(fold(answer[:OPENING_CHARS]).text) is not None


@cache
def _lexicon() -> re.Pattern[str]:
    text = (resources.files("witting.curation") / "flattery.toml").read_text("utf-8")
    phrases = [phrase for language in tomllib.loads(text).values() for phrase in language["phrases"]]
    return re.compile("|".join(sorted(fold_pattern(re.escape(phrase)) for phrase in phrases)))
