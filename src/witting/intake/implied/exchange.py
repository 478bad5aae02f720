"""What a person's next words say about the answer before them.

Covers: objected, thanked, continued, rephrased, each once, with where the words lie. Not covered: whether the person is right;
irony; what is said later than in the first sentences. Precision before recall: whoever says nothing clear says nothing.

A plain "no" to an answer that asked something answers it. A sentence that asks objects to nothing ("is that wrong?").
Who objects does not thank, and does not go on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from witting.intake.implied.fold import Folded, fold
from witting.intake.implied.lexicon import Language, marks_rephrasing, may_object, spoken
from witting.intake.implied.same_ask import same_ask

READ_CHARS_MAX = 600  # of a turn: what is said about an answer is said first
SENTENCES_MAX = 3
BEFORE_MAX = 4  # words before an opening
_SENTENCE = re.compile(r"[^.!?。！？؟।\n]+[.!?。！？؟।\n]*")
_ASKS = re.compile(r"[?？؟]")
_PAUSE = re.compile(r"[\s,.;:!?،。、！？।…)*_~\U0001f300-\U0001faff\u2600-\u27bf-]*")


@dataclass(frozen=True, slots=True)
class Reading:
    """One kind, and where its words lie: code points of the person's turn."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    asks: bool


def read_exchange(prompt: str | None, answer: str | None, text: str) -> tuple[Reading, ...]:
    """What `text`, said next to `answer`, implies; `prompt` is what the person had asked before, where it is known."""
    cut = fold(text[:READ_CHARS_MAX])
    languages = spoken(cut.text)
    sentences = _sentences(cut.text)
    if not sentences or not languages:
        return ()
    heads = {language: _head(cut.text, language) for language in languages}
    objected = _objection(cut.text, sentences, heads, answers_question=_asks_at_end(answer))
    thanked = None if objected else _thanks(cut.text, sentences, heads)
    rephrased = _rephrased(prompt, text, cut, heads)
    continued = None if objected or rephrased else _continuation(cut.text, sentences, heads)
    found = {"objected": objected, "thanked": thanked, "rephrased": rephrased, "continued": continued}
    return tuple(_reading(kind, span, cut) for kind, span in found.items() if span is not None)


Span = tuple[int, int]
Heads = Mapping[Language, int]  # by each language that may be spoken, where its openings begin


def _reading(kind: str, span: Span, folded: Folded) -> Reading:
    return Reading(kind, *folded.original(*span))


def _sentences(text: str) -> list[_Sentence]:
    found = []
    for match in _SENTENCE.finditer(text):
        if match[0].strip():
            found.append(_Sentence(match.start(), match.end(), bool(_ASKS.search(match[0]))))
        if len(found) == SENTENCES_MAX:
            break
    return found


def _objection(
    text: str, sentences: Sequence[_Sentence], heads: Heads, *, answers_question: bool
) -> Span | None:
    never = [language.objected_never for language in heads]
    gate = may_object(tuple(heads))
    telling = [s for s in sentences if not s.asks and gate.search(text, s.start, s.end)]
    for language, head in heads.items():
        found = None if answers_question else language.objected_opening.match(text, head)
        if found and not _voided(never, text, sentences[0]):
            return found.span()
        for sentence in telling:
            if _begins_asking(text, sentence, language):
                continue
            found = language.objected_sentence.search(text, sentence.start, sentence.end)
            if found and not _voided(never, text, sentence):
                return found.span()
    return None


def _thanks(text: str, sentences: Sequence[_Sentence], heads: Heads) -> Span | None:
    never = [language.thanked_never for language in heads]
    for language, head in heads.items():
        found = language.thanked_opening.match(text, head)
        if found and not _voided(never, text, sentences[0]):
            return found.span()
    return None


def _continuation(text: str, sentences: Sequence[_Sentence], heads: Heads) -> Span | None:
    for language, head in heads.items():
        for start in _beginnings(text, sentences, language, head):
            if found := language.continued_opening.match(text, start):
                return found.span()
    return None


def _beginnings(text: str, sentences: Sequence[_Sentence], language: Language, start: int) -> Iterator[int]:
    """Where the turn begins ("yes, please"), past what may stand there, past its thanks; and where its second sentence
    begins, if the first gave thanks."""
    yield _past_pause(text, 0)
    yield start
    if thanks := language.thanked_opening.match(text, start):
        yield _head(text, language, thanks.end())
        if len(sentences) > 1:
            yield _head(text, language, sentences[1].start)


def _rephrased(prompt: str | None, text: str, cut: Folded, heads: Heads) -> Span | None:
    if prompt is None or len(text) > READ_CHARS_MAX:
        return None
    marked = marks_rephrasing(tuple(heads)).search(cut.text) is not None
    goes_on = any(language.continued_opening.match(cut.text, head) for language, head in heads.items())
    if not marked and goes_on:
        return None
    return (0, len(cut.text)) if same_ask(fold(prompt).text, cut.text, marked=marked) else None


def _head(text: str, language: Language, start: int = 0) -> int:
    """Past pauses and the words that may stand before an opening."""
    at = _past_pause(text, start)
    for _ in range(BEFORE_MAX):
        if not (found := language.before.match(text, at)):
            break
        at = _past_pause(text, found.end())
    return at


def _past_pause(text: str, at: int) -> int:
    found = _PAUSE.match(text, at)
    return at if found is None else found.end()


def _begins_asking(text: str, sentence: _Sentence, language: Language) -> bool:
    return language.asking.match(text, _head(text, language, sentence.start)) is not None


def _voided(never: Sequence[re.Pattern[str]], text: str, sentence: _Sentence) -> bool:
    """By the words of any language: which one is spoken is not known."""
    return any(pattern.search(text, sentence.start, sentence.end) for pattern in never)


def _asks_at_end(answer: str | None) -> bool:
    return answer is not None and answer.rstrip()[-1:] in ("?", "？", "؟")
