"""What a business must keep: plans, figures and code that are not public.

Covers: marks of confidence and non-disclosure, business ideas, unreleased figures beside the words of one's own
company, internal hosts, proprietary licence headers; in en de fr es pt it nl pl tr hi, Hinglish, ko, ar
(data/confidential.toml). Not covered: what is confidential only to those who know; customers' and code names.
Trade secrets: Directive (EU) 2016/943 Art. 2(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from witting.redaction.lexicon import Found, Lexicon, Token, phrase, read_toml
from witting.redaction.normalise import View
from witting.redaction.span import Span

TOPIC_WORDS_MAX = 6  # a question this near before a mark asks about confidentiality in general
QUESTION_WORDS_MAX = 20
_LABELS = ("strong", "asks", "company", "secret_of_company", "topic")
_HOST = re.compile(
    r"(?<![\w.\-@])(?:https?://)?(?:(?:[a-z0-9][a-z0-9\-]{0,40}\.){1,5}(?:corp|internal|intranet|intra|lan)(?![\w\-]|\.\w)|(?:intranet|jira|confluence|jenkins|vpn|grafana|kibana|staging|git)\.[a-z0-9\-]{2,40}\.[a-z0-9\-]{2,40}(?:\.[a-z]{2,10})?(?![\w\-]))(?::\d{2,5})?(?:/[^\s\ue000-\ue0ff]{0,200})?"
)
_HOST_GATE = re.compile(
    r"\.(?:corp|internal|intra|lan)|(?:intranet|jira|confluence|jenkins|vpn|grafana|kibana|staging|git)\."
)
_LICENCE = re.compile(
    r"(?:proprietary (?:and confidential|software|source|code|information)|unauthori[sz]ed (?:copying|use|distribution)|all rights reserved\W{1,20}(?:confidential|proprietary)|copyright[^\n]{0,80}\n[^\n]{0,80}(?:proprietary|confidential)|confidential (?:property|information) of|company confidential)"
)
_LICENCE_GATE = re.compile(r"proprietary|unauthori[sz]ed|confidential")


@cache
def _lexicon() -> Lexicon:
    return Lexicon(
        phrase(entry, label, language)
        for language, lists in read_toml("confidential.toml").items()
        for label in _LABELS
        for entry in lists[label].split("|")
    )


@cache
def _marks() -> Lexicon:
    """The phrases that can make a text confidential: what the gate asks for."""
    return Lexicon(
        phrase(entry, label, language)
        for language, lists in read_toml("confidential.toml").items()
        for label in ("strong", "asks", "secret_of_company")
        for entry in lists[label].split("|")
    )


def touches(word: str) -> bool:
    """Whether a text with this plain word can hold a mark."""
    return _marks().touches(word)


def find_marks(words: Sequence[Token]) -> Iterator[Span]:
    """Marks of confidence. A company word is needed where the mark alone is an everyday word."""
    found = _lexicon().find(words)
    company = any(f.phrase.label == "company" for f in found)
    topics = {f.last: f for f in found if f.phrase.label == "topic"}  # by the word after it
    for hit in found:
        label = hit.phrase.label
        if not _marks_something(words, hit, company=company):
            continue
        if not _in_general(words, hit, topics) or (company and label != "secret_of_company"):
            score = 0.85 if label == "strong" else 0.8
            yield Span(
                words[hit.first].start,
                words[hit.last - 1].end,
                "CONFIDENTIAL",
                score,
                f"confidential.{label}",
            )


def _marks_something(words: Sequence[Token], hit: Found, *, company: bool) -> bool:
    label = hit.phrase.label
    if label == "asks":
        return not _is_question(words, hit)
    return label == "strong" or (label == "secret_of_company" and company)


def _in_general(words: Sequence[Token], hit: Found, topics: Mapping[int, Found]) -> bool:
    near = (topics.get(hit.first - distance) for distance in range(TOPIC_WORDS_MAX + 1))
    return any(t is not None and words[t.first].sentence == words[hit.first].sentence for t in near)


def _is_question(words: Sequence[Token], hit: Found) -> bool:
    """ "Is this confidential?" asks; it marks nothing."""
    first = hit.first
    while (
        hit.first - first < QUESTION_WORDS_MAX
        and first
        and words[first - 1].sentence == words[hit.first].sentence
    ):
        first -= 1
    return words[first].text in ("is", "are", "can", "does", "ist")


def find_hosts(view: View) -> Iterator[Span]:
    """Hosts of an internal network and proprietary notices."""
    if _HOST_GATE.search(view.plain):
        for match in _HOST.finditer(view.plain):
            yield Span(match.start(), match.end(), "CONFIDENTIAL", 0.97, "confidential.host")
    if _LICENCE_GATE.search(view.plain):
        for match in _LICENCE.finditer(view.plain):
            yield Span(match.start(), match.end(), "CONFIDENTIAL", 0.9, "confidential.licence")
