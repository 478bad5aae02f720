"""Special categories of data (GDPR Art. 9(1), Art. 10) and children, told apart by whom the words are about.

Covers: lexicons of nine kinds in en de fr es pt it nl pl tr hi, Hinglish, ko, ar (data/special.toml); each hit classed
as about oneself, another person, nobody (topic), figurative or negated, by the nearest cue of its sentence
(data/cues.toml): "my diabetes" against "an essay on diabetes" against "I don't have diabetes" against "addicted to
this song". Self-stated age under 18 (Art. 8). Only hits linked to a person become spans; topics stay as they are.
Not covered: what is only implied ("my appointment at the clinic on 5th street"), sarcasm, cues across sentences
other than from a sentence to a fragment after it, public figures by name. Rules in the spirit of NegEx (Chapman 2001).
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from witting.redaction.lexicon import Found, Lexicon, Phrase, Token, phrase, read_toml, read_words
from witting.redaction.normalise import PERSON_BARRIER, View
from witting.redaction.span import SPECIAL_KINDS, Span

WINDOW_WORDS = 30  # what lies further from a hit is not looked at
CUE_WORDS_MAX = 10  # a cue further away says nothing
WEAK_WORDS_MAX = 3
NEGATION_WORDS_MAX = 4
AFTER_PENALTY = 2  # a cue after its hit counts as this much further away
FRAGMENT_WORDS_MAX = 8
SHORT_WORD_CHARS = 4  # so short words count only in their own language
ADULT_AGE = 18  # GDPR Art. 8 asks 13 to 16; UNCRC Art. 1, taken as the floor

_CUES = ("mine", "yours", "weak", "other", "topic", "no", "not_after", "still", "common")


@dataclass(frozen=True, slots=True)
class Mention:
    """One hit in the view: `about` is self, other, you, topic, figurative or negated."""

    start: int
    end: int
    kind: str
    about: str


@cache
def _special() -> Lexicon:
    return Lexicon(_phrases(read_toml("special.toml"), SPECIAL_KINDS))


def _phrases(data: dict[str, dict[str, dict[str, str]]], kinds: Sequence[str]) -> Iterator[Phrase]:
    for kind in kinds:
        for language, lists in data[kind].items():
            for strength, text in lists.items():
                for entry in text.split("|"):
                    yield phrase(entry, f"{kind} {strength}", language)


@cache
def _cues() -> Lexicon:
    return Lexicon(
        phrase(entry, label, language)
        for language, lists in read_toml("cues.toml").items()
        for label in _CUES
        for entry in lists.get(label, "").split("|")
    )


@cache
def _figurative() -> re.Pattern[str]:
    lines = read_toml("special.toml")["figurative"]["patterns"].split("\n")
    return re.compile(rf"(?<!\w)(?:{'|'.join(f'(?:{line})' for line in lines if line)})(?!\w)")


def touches(word: str) -> bool:
    """Whether a text with this plain word can hold a special category at all."""
    return _special().touches(word)


def mentions(view: View, words: list[Token]) -> list[Mention]:
    """Every hit, classed. At most one kind a place: the longest phrase, then the first kind in SPECIAL_KINDS."""
    touched = _special().find(words)
    if not touched:
        return []
    cues = _cues().find(words)
    active = _languages(cues, view)
    hits = _strongest([hit for hit in touched if _in_its_language(hit, active)])
    if not hits:
        return []
    cues = [cue for cue in cues if cue.phrase.language in active]
    firsts = [cue.first for cue in cues]
    idioms = [(m.start(), m.end()) for m in _figurative().finditer(view.plain)]
    found: list[Mention] = []
    for hit in hits:
        start, end = words[hit.first].start, words[hit.last - 1].end
        kind = hit.phrase.label.partition(" ")[0]
        at = bisect_left(
            idioms, (end, 0)
        )  # idioms are disjoint: only the last that starts before the end can overlap
        if at and idioms[at - 1][1] > start:
            found.append(Mention(start, end, kind, "figurative"))
        elif about := _about(view, words, hit, _around(cues, firsts, hit), active):
            found.append(Mention(start, end, kind, about))
    return found


def _around(cues: list[Found], firsts: list[int], hit: Found) -> list[Found]:
    """The cues near enough to matter, so that a long text costs no more a hit than a short one."""
    low = bisect_left(firsts, hit.first - WINDOW_WORDS)
    return cues[low : bisect_left(firsts, hit.last + WINDOW_WORDS)]


def _in_its_language(hit: Found, active: frozenset[str]) -> bool:
    """Short words, open endings and everyday words of another language are other words in this one: fr "noir*"."""
    entry = hit.phrase
    if entry.language in active:
        return True
    if entry.label.endswith(" weak") or any(word.endswith("*") for word in entry.words):
        return entry.language == "en" and not entry.label.endswith(" weak")
    return entry.language == "en" or max(map(len, entry.words)) > SHORT_WORD_CHARS


def _strongest(hits: list[Found]) -> list[Found]:
    """Disjoint hits: phrases that carry their own person first, then the longest, then by kind."""
    order = {"self": 0, "terms": 1, "weak": 2}
    ranked = sorted(
        hits,
        key=lambda h: (
            order[h.phrase.label.partition(" ")[2]],
            h.first - h.last,
            SPECIAL_KINDS.index(h.phrase.label.partition(" ")[0]),
            h.first,
            h.phrase.language != "en",
            h.phrase.language,
        ),
    )
    kept: list[Found] = []
    taken: set[int] = set()
    for hit in ranked:
        if taken.isdisjoint(range(hit.first, hit.last)):
            taken.update(range(hit.first, hit.last))
            kept.append(hit)
    return sorted(kept, key=lambda h: h.first)


def _languages(cues: list[Found], view: View) -> frozenset[str]:
    """Languages whose frequent words are there, at least half as often as those of the most frequent one."""
    seen: dict[str, set[int]] = {}
    for cue in cues:
        if cue.phrase.label == "common":
            seen.setdefault(cue.phrase.language, set()).add(cue.first)
    counts = Counter({language: len(places) for language, places in seen.items()})
    if not counts:
        return frozenset(read_toml_languages())
    floor = max(1.0, max(counts.values()) * 0.6)
    active = {language for language, count in counts.items() if count >= floor}
    # Scripts that only these languages use need no count.
    scripts = (("hi", "\u0900", "\u097f"), ("ko", "가", "힣"), ("ar", "\u0600", "\u06ff"))
    active |= {language for language, low, high in scripts if any(low <= c <= high for c in view.plain)}
    return frozenset(active)


@cache
def read_toml_languages() -> tuple[str, ...]:
    """The languages of data/cues.toml."""
    return tuple(read_toml("cues.toml"))


def _about(
    view: View, words: list[Token], hit: Found, cues: list[Found], active: frozenset[str]
) -> str | None:
    """None for a weak word that nothing links to a person."""
    strength = hit.phrase.label.partition(" ")[2]
    sentence = [cue for cue in cues if words[cue.first].sentence == words[hit.first].sentence]
    if strength == "self":
        return "self"
    nearest = _nearest(sentence, hit)
    if _negated(view, words, sentence, hit, nearest):
        return "negated"
    if _inflected_first_person(words, hit, active):
        return "self"
    if strength == "weak" and not _close(nearest):
        return None
    if nearest is not None:
        return {"mine": "self", "yours": "you", "other": "other", "topic": "topic"}[nearest[1].phrase.label]
    if _person_named(view, words, hit):
        return "other"
    if any(cue.phrase.label == "weak" for cue in sentence):
        return "self"
    return "self" if _fragment_of_self(words, hit, cues) else "topic"


def _close(nearest: tuple[int, Found] | None) -> bool:
    """Near enough for an everyday word; "your" is too often anybody's."""
    if nearest is None or nearest[1].phrase.label == "yours":
        return False
    return nearest[1].phrase.label == "topic" or nearest[0] <= WEAK_WORDS_MAX


def _nearest(sentence: list[Found], hit: Found) -> tuple[int, Found] | None:
    """The cue that governs the hit: the nearest; at equal distance the longest, a person before a topic."""
    best: tuple[tuple[int, int, int, int], Found] | None = None
    for cue in sentence:
        label = cue.phrase.label
        if label not in ("mine", "yours", "other", "topic"):
            continue
        if cue.last <= hit.first:
            distance = hit.first - cue.last
        elif cue.first >= hit.last:
            distance = cue.first - hit.last + AFTER_PENALTY
        elif cue.first <= hit.first and cue.last >= hit.last and label == "topic":
            distance = 0  # "symptoms of" around the hit itself
        else:
            continue
        key = (distance, cue.first - cue.last, ("other", "mine", "yours", "topic").index(label), cue.first)
        if distance <= CUE_WORDS_MAX and (best is None or key < best[0]):
            best = (key, cue)
    return None if best is None else (best[0][0], best[1])


def _negated(
    view: View, words: list[Token], sentence: list[Found], hit: Found, nearest: tuple[int, Found] | None
) -> bool:
    """A negation between the governing cue and the hit, right before that cue ("no tengo"), or right after the hit,
    with no "any more" near."""
    if any(cue.phrase.label == "still" and _near(cue, hit) for cue in sentence):
        return False
    governing = nearest[1] if nearest is not None and nearest[1].phrase.label != "topic" else None
    for cue in sentence:
        if cue.phrase.label == "no" and _denies(view, words, cue, hit, governing):
            return True
        follows = cue.phrase.label == "not_after" and 0 <= cue.first - hit.last < WEAK_WORDS_MAX
        if follows and not _comma(view, words, hit.last, cue.first):
            return True
    return False


def _near(cue: Found, hit: Found) -> bool:
    return -NEGATION_WORDS_MAX <= cue.first - hit.last <= NEGATION_WORDS_MAX


def _denies(view: View, words: list[Token], cue: Found, hit: Found, governing: Found | None) -> bool:
    if cue.last > hit.first:
        return False
    if governing is not None and governing.last <= hit.first and cue.last <= governing.last:
        return cue.last == governing.first and not _comma(view, words, cue.last, governing.first)
    return hit.first - cue.last < NEGATION_WORDS_MAX


def _comma(view: View, words: list[Token], first: int, last: int) -> bool:
    """A comma between the word before `first` and the word `last`."""
    return "," in view.plain[words[first - 1].end : words[last].start]


def _inflected_first_person(words: list[Token], hit: Found, active: frozenset[str]) -> bool:
    """Turkish says "I am" with an ending: depresyondayım, tansiyon hastasıyım."""
    last = words[hit.last - 1].text
    return (
        "tr" in active
        and hit.phrase.language == "tr"
        and last.endswith(("yim", "yum", "im", "um", "dayim", "siyim"))
    )


def _person_named(view: View, words: list[Token], hit: Found) -> bool:
    """A replaced name earlier in the sentence."""
    first = hit.first
    while (
        first > 0
        and words[first - 1].sentence == words[hit.first].sentence
        and hit.first - first < CUE_WORDS_MAX
    ):
        first -= 1
    before = words[first - 1].end if first else 0
    return PERSON_BARRIER in view.plain[before : words[hit.first].start]


def _fragment_of_self(words: list[Token], hit: Found, cues: list[Found]) -> bool:
    """A short sentence without a cue is about the speaker of the one beside it: "Pregnant! I just found out." """
    sentence = words[hit.first].sentence
    beside_hit = words[max(0, hit.first - FRAGMENT_WORDS_MAX) : hit.last + FRAGMENT_WORDS_MAX]
    size = sum(1 for word in beside_hit if word.sentence == sentence)
    if size > FRAGMENT_WORDS_MAX:
        return False
    for beside in (sentence - 1, sentence + 1):
        said = [cue.phrase.label for cue in cues if words[cue.first].sentence == beside]
        if "topic" not in said and ("mine" in said or "weak" in said):
            return True
    return False


def spans(found: Sequence[Mention]) -> Iterator[Span]:
    """Those linked to a person. One's own come back as `self`, of the person spoken to as `you`."""
    for mention in found:
        if mention.about in ("self", "other", "you"):
            yield Span(mention.start, mention.end, mention.kind, 0.8, "special.lexicon", mention.about)


_WORDED = {
    word: age
    for age, forms in {
        8: "eight acht huit ocho oito otto", 9: "nine neun neuf nueve nove negen", 10: "ten zehn dix diez dez dieci tien", 11: "eleven elf onze once undici",
        12: "twelve zwolf douze doce doze dodici twaalf", 13: "thirteen dreizehn treize trece treze tredici dertien", 14: "fourteen vierzehn quatorze catorce quattordici veertien",
        15: "fifteen funfzehn quinze quince quindici vijftien", 16: "sixteen sechzehn seize dieciseis dezesseis sedici zestien", 17: "seventeen siebzehn dix-sept diecisiete dezessete diciassette zeventien",
    }.items()
    for word in forms.split()
}  # fmt: skip
_AGE_WORD = "|".join(sorted(_WORDED, key=lambda word: (-len(word), word)))
_YEARS = rf"(?P<{{0}}>\d{{{{1,2}}}}|{_AGE_WORD})"
_ENDS = r"(?=\s*(?:$|[.,!;?)\n/]|years?\b|yrs?\b|yo\b|y/o|jahre?\b|jaar\b|and\b|but\b|so\b|und\b|aber\b|en\b|maar\b|girl\b|boy\b|now\b|too\b|lol\b|f\b|m\b|\())(?!\s*[.,/:]\d)"
_SELF_AGE = re.compile(
    "|".join(
        pattern.replace("AGE", _YEARS.format(f"a{n}")).replace("ENDS", _ENDS)
        for n, pattern in enumerate(
            (
                r"(?<!\w)i(?:'?m| am|'?ve just turned| just turned| turned| turn|'?m turning|'ll be)(?: only| just| still| almost| about| like| literally| actually)? (?:turning )?AGEENDS(?! (?:years? (?:into|in|sober|clean|older|younger|ago|since|married|of)|and a half (?:hours|minutes)))",
                r"(?<!\w)(?:i'?m|i am|as|im) (?:just |only )?an? AGE[ -](?:years?|yrs?|yr|yo|y/o)",
                r"(?<!\w)my age(?: is|:|'s) AGE(?!\w)",
                r"(?<!\w)ich (?:bin|werde)(?: erst| gerade| ja| schon| noch| bald)? AGEENDS",
                r"(?<!\w)j'(?:ai|aurai|viens d'avoir)(?: seulement| que| bientot)? AGE ans(?! d'|\s+de\b)",
                r"(?<!\w)(?:tengo|cumplo|cumpli)(?: solo| apenas| casi)? AGE anos(?! (?:de|trabajando|viviendo|en))",
                r"(?<!\w)(?:tenho|faco|fiz)(?: so| apenas| quase)? AGE anos(?! (?:de|trabalhando|morando|em))",
                r"(?<!\w)(?:ho|compio)(?: solo| appena| quasi)? AGE anni(?! di)",
                r"(?<!\w)ik (?:ben|word)(?: pas| net| nog maar| bijna)? AGEENDS",
                r"(?<!\w)mam(?: dopiero| tylko| prawie)? AGE lat(?!\w| doswiad)",
                r"(?<!\d)AGE yasindayim",
                r"(?:मैं|मेरी उम्र|हूं|हूँ)\s*(?:सिर्फ |केवल )?AGE साल(?! (?:से|पहले|तक))",
                r"(?<!\w)(?:main|mai|meri umar|meri age|umar|hu)\s(?:sirf |abhi )?AGE (?:saal|sal|years?)(?! (?:se|pehle|tak)\b)",
                r"(?:저는|나는|전|난|제가|내가|나|저)\s?(?:이제 |아직 |올해 |만 )?AGE ?(?:살|세)(?!기)",
                r"(?:^|[.!?\n] ?)(?:만 )?AGE ?살(?:이에요|입니다|이야|인데|이고|이라)",
                r"عمري AGE",
            )
        )
    )
)  # fmt: skip
_SCHOOL = re.compile(
    r"(?<!\w)(?:i'?m|i am|im) (?:in|a) (?:the )?(?:(?:1st|2nd|3rd|[4-9]th|1[0-1]th|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh) (?:grade|grader)|middle school|elementary school|primary school|year (?:[1-9]|1[0-2])\b|grade (?:[1-9]|1[0-1])\b)"
    r"|(?<!\w)ich (?:bin|gehe) in (?:der|die) (?:[1-9]|10)\. ?klasse|(?<!\w)je suis en (?:6e|5e|4e|3e|sixieme|cinquieme|quatrieme|troisieme|cm1|cm2|primaire)(?!\w)|(?<!\w)estoy en (?:primaria|la secundaria|[1-6]o de primaria)"
    r"|(?<!\w)(?:estou|to|tou) no (?:[1-9]º|[1-9]o|[1-9]°) ano(?! d[ao] (?:faculdade|curso))|(?<!\w)faccio la (?:prima|seconda|terza) media|(?<!\w)ik zit in groep [1-8](?!\d)|(?<!\w)chodze do (?:podstawowki|[1-8] klasy)"
    r"|(?:저는|나는|전|난) ?(?:초등학생|중학생|초등학교 \d학년|중학교 \d학년|중\d(?!\d)|초\d(?!\d)|고등학생|고[1-3](?!\d))|(?<!\w)(?:main|mai) (?:[1-9]|1[01])(?:th|vi|vin)? (?:class|kaksha) (?:me|mein)"
)
AGE_TRIGGERS = frozenset(_WORDED) | read_words("age_triggers")
AGE_STEMS = ("초등학", "중학", "고등학")


def child_spans(view: View) -> Iterator[Span]:
    """Places where the speaker says to be under 18."""
    for match in _SELF_AGE.finditer(view.plain):
        written = next(value for value in match.groupdict().values() if value is not None)
        age = int(written) if written.isdigit() else _WORDED[written]
        if 4 <= age < ADULT_AGE:
            yield Span(match.start(), match.end(), "CHILD", 0.9, "child.age", "self")
    for match in _SCHOOL.finditer(view.plain):
        yield Span(match.start(), match.end(), "CHILD", 0.85, "child.school", "self")
