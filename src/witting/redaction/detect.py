"""From a text to its spans and labels.

Covers: the cheap gates (a text without digits, @, keywords or names costs one pass over its words), every detector,
arbitration, and the rounds that make redaction idempotent: what was found is collapsed to a barrier and the rest is
read again until nothing new is found, which is exactly what a second redaction of the result would read.
Not covered: replacing (`surrogate.py`), judging a turn (`judge.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from witting.errors import UsageError
from witting.redaction import confidential, names, special_category
from witting.redaction.arbitrate import arbitrate
from witting.redaction.lexicon import tokens
from witting.redaction.normalise import WORD, View, placeholders, view
from witting.redaction.patterns import addresses, contact, dates, identifiers, secrets
from witting.redaction.span import ABOUT, Labels, Span

TEXT_CHARS_MAX = 1_000_000
ROUNDS_MAX = 12  # each later round holds at least one new span; more than three were never seen
REMEMBERED_WORDS_MAX = 200_000

SPECIAL, CONFIDENTIAL, SECRET, PERSON, MONTH, CHILD, NAMED_ID = 1, 2, 4, 8, 16, 32, 64

_DIGIT = re.compile(r"[0-9]")
_HEX_GROUPS = re.compile(r"[0-9a-f]:|\d\.\d", re.I)
_PHONE_SIZED = re.compile(r"\d(?:[^\w\n]{0,2}\d){5}")
_LETTERED = re.compile(r"[A-Za-z]{4,6}\d{2}")  # codice fiscale, PAN, CURP
_DOTTED = re.compile(r"\w\.[a-z]{2}|://")


class _Gate(dict[str, int]):
    """Which detectors a word calls for. Remembered, forgotten all at once when there are too many."""

    def __missing__(self, word: str) -> int:
        if len(self) >= REMEMBERED_WORDS_MAX:
            self.clear()
        flags = (
            (SPECIAL if special_category.touches(word) else 0)
            | (CONFIDENTIAL if confidential.touches(word) else 0)
            | (SECRET if word in secrets.KEYWORD_TRIGGERS or word.startswith(secrets.KEYWORD_STEMS) else 0)
            | (
                PERSON
                if word in names.TRIGGERS
                or word.startswith(names.TRIGGER_STEMS)
                or word in names.first_names()
                else 0
            )
            | (MONTH if word in dates.TRIGGERS else 0)
            | (
                CHILD
                if word in special_category.AGE_TRIGGERS or word.startswith(special_category.AGE_STEMS)
                else 0
            )
            | (NAMED_ID if word in identifiers.TRIGGERS or word.startswith(identifiers.TRIGGER_STEMS) else 0)
        )
        self[word] = flags
        return flags


_GATE = _Gate()


def scan(
    text: str,
    *,
    known_names: Sequence[str] = (),
    everywhere: names.FullNames | None = None,
    keep_dates: bool = False,
) -> tuple[list[Span], Labels]:
    """Disjoint spans in order, in code points of `text`, and what the text says as a whole.

    `known_names` are of the conversation, `everywhere` of whoever asked for it. Nothing is found inside placeholders of an earlier redaction. Raises UsageError above TEXT_CHARS_MAX.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise UsageError(
            f"a text of {len(text)} characters cannot be scanned; at most {TEXT_CHARS_MAX} are allowed. Split it first."
        )
    known = names.known_names(tuple(sorted(set(known_names))))
    protected = placeholders(text)
    spans: list[Span] = []
    abouts: set[str] = set()
    for _ in range(ROUNDS_MAX):
        seen = view(text, protected)
        found, said = _read(seen, known, everywhere, keep_dates=keep_dates)
        abouts |= said
        new = [_located(seen, span) for span in arbitrate(found)]
        if not new:
            break
        spans += new
        protected = sorted([*protected, *((span.start, span.end, span.family) for span in new)])
    return sorted(spans, key=lambda s: s.start), _labels(spans, abouts)


def _located(seen: View, span: Span) -> Span:
    start, end = seen.original(span.start, span.end)
    return Span(start, end, span.kind, span.score, span.detector, span.whose)


def _labels(spans: Sequence[Span], abouts: set[str]) -> Labels:
    linked = {span.family for span in spans if span.family in special_category.SPECIAL_KINDS}
    return Labels(
        art9=tuple(sorted(linked)),
        about=next(about for about in ABOUT if about in abouts or about == "none"),
        minor=any(span.family == "CHILD" for span in spans),
        secret=any(span.family == "SECRET" for span in spans),
        confidential=any(span.family == "CONFIDENTIAL" for span in spans),
    )


def _read(
    seen: View, known: names.KnownNames, everywhere: names.FullNames | None, *, keep_dates: bool
) -> tuple[list[Span], set[str]]:
    """One round over a view: findings in the view's offsets, overlapping, and whom its mentions are about."""
    flags = 0
    for word in set(WORD.findall(seen.plain)):
        flags |= _GATE[word]
    has_digit = _DIGIT.search(seen.folded) is not None
    found = list(_patterns(seen, flags, has_digit=has_digit, keep_dates=keep_dates))
    if known:
        found += names.find_known(seen, known)
    if everywhere:
        found += names.find_full(seen, everywhere)
    if flags & PERSON:
        found += names.find_introduced(seen)
        found += names.find_titled(seen)
        found += names.find_listed(seen)
    words = tokens(seen) if flags & (CONFIDENTIAL | SPECIAL) else []
    if flags & CONFIDENTIAL:
        found += confidential.find_marks(words)
    mentions = special_category.mentions(seen, words) if flags & SPECIAL else []
    found += special_category.spans(mentions)
    return found, {"other" if mention.about == "you" else mention.about for mention in mentions}


def _patterns(seen: View, flags: int, *, has_digit: bool, keep_dates: bool) -> Iterator[Span]:
    folded = seen.folded
    yield from secrets.find_formats(seen)
    if flags & SECRET:
        yield from secrets.find_named(seen)
    if "@" in folded:
        yield from contact.find_at_signs(seen)
    yield from contact.find_spelled(seen)
    if _DOTTED.search(seen.plain):
        yield from contact.find_urls(seen)
        yield from confidential.find_hosts(seen)
    elif "confidential" in seen.plain or "proprietary" in seen.plain:
        yield from confidential.find_hosts(seen)
    if flags & PERSON:
        yield from contact.find_accounts(seen)
    if has_digit or flags & CHILD:
        yield from special_category.child_spans(seen)
    if has_digit:
        yield from dates.find_ages(seen)
        phone_sized = _PHONE_SIZED.search(folded) is not None
        if phone_sized or _LETTERED.search(folded):
            yield from identifiers.find(seen)
        if phone_sized:
            yield from contact.find_phones(seen)
        if _HEX_GROUPS.search(folded):
            yield from contact.find_hosts(seen)
        yield from addresses.find(seen)
        if flags & NAMED_ID:
            yield from identifiers.find_named(seen)
            yield from addresses.find_named(seen)
        if not keep_dates:
            yield from dates.find_dates(seen, has_month=bool(flags & MONTH))
