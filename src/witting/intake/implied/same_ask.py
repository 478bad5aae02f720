"""Whether somebody asks the same again in other words, told by the words the two asks share.

Covers: words without their endings where a script parts words, pairs of letters where it does not. Not covered: meaning:
a synonym for every word goes unseen, and so do asks of one or two words.

Two asks that differ in one place only are not the same: "how do I grow basil indoors", "how do I grow mint indoors".
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from witting.intake.implied.lexicon import LETTER, spoken

ASK_CHARS_MAX = 400  # longer texts are material, not asks
STEM_CHARS = 5  # endings differ from ask to ask
SHARED_MIN = 3
SHARED_MIN_MARKED = 2
SHARE_MIN = (
    0.5  # of the words of both together; half of the shorter ask's only: none right of 11 on real turns
)
SHARE_MIN_MARKED = 0.2  # where the person says that it is the same question
PAIRS_SHARE_MIN = 0.25  # of pairs of letters, which overlap less
_WORD = re.compile(rf"[{LETTER}]+")
_UNPARTED = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")


def same_ask(first: str, second: str, *, marked: bool) -> bool:
    """Both folded. `marked`: the person says so ("I mean", "in other words")."""
    if not 0 < len(first) <= ASK_CHARS_MAX or not 0 < len(second) <= ASK_CHARS_MAX:
        return False
    unparted = bool(_UNPARTED.search(first) and _UNPARTED.search(second))
    one, other = _content(first, unparted), _content(second, unparted)
    shared, either = len(one & other), len(one | other)
    needed = SHARE_MIN_MARKED if marked else PAIRS_SHARE_MIN if unparted else SHARE_MIN
    if shared < (SHARED_MIN_MARKED if marked else SHARED_MIN) or shared < needed * either:
        return False
    return marked or not _one_change(_units(first, unparted), _units(second, unparted))


def _units(text: str, unparted: bool) -> list[str]:
    return _WORD.findall(text) if not unparted else [char for char in text if char.isalnum()]


def _content(text: str, unparted: bool) -> set[str]:
    common = frozenset().union(*(language.common for language in spoken(text)))
    if unparted:
        joined = "".join(_units(text, unparted))
        pairs = {joined[at : at + 2] for at in range(len(joined) - 1)}
        return pairs - {word[at : at + 2] for word in common for at in range(len(word) - 1)}
    words = {word for word in _WORD.findall(text) if word not in common}
    if not _HANGUL.search(text):
        return {word[:STEM_CHARS] for word in words if len(word) > 2}
    return {_stem(word) for word in words if len(word) > 2 or _HANGUL.search(word)}


def _stem(word: str) -> str:
    return word[:2] if _HANGUL.search(word) else word[:STEM_CHARS]


def _one_change(first: list[str], second: list[str]) -> bool:
    """The same words but for one place, or not at all different."""
    changes = [
        code
        for code in SequenceMatcher(None, first, second, autojunk=False).get_opcodes()
        if code[0] != "equal"
    ]
    if len(changes) != 1:
        return not changes
    _, start, end, other_start, other_end = changes[0]
    return max(end - start, other_end - other_start) <= max(3, len(second) // 3)
