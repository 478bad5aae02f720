"""Names of people.

Covers: the known names of a conversation (full, each part, handles; case, accents, possessives, common case endings
and one typing error folded); people who introduce themselves or are greeted, titled, or named with a surname in
en de fr es pt it nl pl tr hi ko; a small list of first names, believed only with a capital letter and context.
Not covered: names nobody introduced outside that list (a trained tagger comes later), names in running lower case
unless known or introduced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

from witting.errors import UsageError
from witting.redaction.lexicon import read_words
from witting.redaction.normalise import PERSON_BARRIER, WORD, View, fold, plain
from witting.redaction.span import Span

KNOWN_NAMES_MAX = 2_000  # of one conversation; further ones are ignored in sorted order
EVERYWHERE_MAX = 200_000  # names that count in every text
HANDLE_CHARS_MIN = 5
PART_CHARS_MIN = 3
TYPO_CHARS_MIN = 6
SEEN_WORDS_MAX = 5_000  # a conversation's words remembered with their answer
NO, SURELY, CAPITALISED = 0, 1, 2

_PARTICLES = read_words("name_particles")
# Words that are also names: matched only with a capital letter within a sentence, or beside another part of the name.
_ALSO_WORDS = read_words("names_also_words")
_ENDINGS = read_words("name_endings")
_HANGUL = re.compile(r"[가-힣]+")
_CAP = r"[A-ZÀ-ÖØ-ÞĀ-ŽА-ЯΑ-ΩİŞĞŁŚŻŹĆ]"
_CAPITALISED = rf"{_CAP}[\w'\-]*[\w]"
_SURNAMES = rf"(?: (?:(?:van|von|de|da|do|dos|das|del|della|di|bin|al|el|der|den|le|la|zu)[ ']){{0,2}}{_CAPITALISED}){{0,3}}"
_FULL = re.compile(rf"{_CAPITALISED}{_SURNAMES}")

_INTRODUCED = re.compile(
    r"(?<![^\W\d_])(?:my (?:full |first |last |real |maiden |middle )?name(?:'s| is|:)|(?:his|her|their|whose|friend's|partner's|wife's|husband's|boss's) (?:full |first |last |real |maiden )?name(?:'s| is|:)|my names|the name's|calls? me|named|name ?:|ich heisse|ich heise|mein (?:voller )?name(?: ist|:)|"
    r"je m'appelle|je me nomme|mon nom(?: est|:| c'est)|moi c'est|mon prenom(?: est|:| c'est)|me llamo|mi nombre(?: completo)?(?: es|:)|"
    r"meu nome(?: completo)?(?: e|:)|me chamo|chamo-me|mi chiamo|il mio nome(?: e|:)|ik heet|mijn naam(?: is|:)|nazywam sie|mam na imie|moje imie(?: to|:)|"
    r"(?:benim )?(?:adim|ismim)|नाम[: ]|मेरा नाम|mera naam|mera nam|제 이름은|내 이름은|저는 이름이|이름은|меня зовут|اسمي|私の名前は|我叫)[ :,]{0,2}"
)
_I_AM = re.compile(
    r"(?<![^\W\d_])(?:i'm|i am|im|it's|its|this is|ich bin|hier ist|je suis|c'est|ici|soy|aqui|sou(?: o| a)?|eu sou(?: o| a)?|aqui e(?: o| a)?|sono|ik ben|met|jestem|tu|ben|main|저는|나는|전|난) "
)
_GREETED = re.compile(
    r"(?<![^\W\d_])(?:hi|hello|hey|dear|thanks|thank you|cheers|regards|best|love|sincerely|yours|hallo|liebe[rs]?|lieber|grusse?|gruss|vg|lg|mfg|sehr geehrte[r]?|bonjour|salut|cher|chere|cordialement|bises|merci|hola|querid[oa]|estimad[oa]|saludos|gracias|"
    r"oi|ola|car[oa]|prezad[oa]|abracos?|beijos?|obrigad[oa]|ciao|gentile|saluti|grazie|hoi|beste|groet(?:en|jes)?|czesc|drog[ia]|pozdrawiam|dziekuje|merhaba|selam|sevgili|namaste|नमस्ते)[ ,!.]{1,3}\n?"
)
_TITLED = re.compile(
    r"(?<![^\W_])(?:(?:mr|mrs|ms|mx|miss|dr|prof|professor|doctor|herr|herrn|frau|monsieur|madame|mme|mlle|senor|senora|sr|sra|srta|don|dona|senhor|senhora|signor|signora|sig|dott|dott\.ssa|dhr|mevr|meneer|mevrouw|pan|pana|panu|pani|sayin|dra|ing|avv|sir|lady|capt|sgt|lt|judge|officer|nurse|coach|pastor|father|imam|rabbi|uncle|aunt|auntie|tio|tia|onkel|tante|oncle|zio|zia)\.? +|"
    r"(?:श्री|श्रीमती|सुश्री|डॉ|सौ|sri|shri|smt)\.? +)"
)
_AFTER_HONORIFIC = re.compile(
    rf"(?<!\w)({_CAPITALISED}(?: {_CAPITALISED})?) (?:Bey|Hanım|Hanim|Abi|Abla|Hoca|ji|bhai|didi|sir|madam)(?!\w)"
)
_KOREAN = re.compile(
    r"(?<![가-힣])([김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노하곽성차주우구민류나진지엄채원천방공현함변염여추][가-힣]{1,2})(?= ?(?:씨|님|군|양|선생님|교수님|부장님|과장님|대리님|팀장님|사장님|환자)(?![가-힣]{3}))"
)
_KOREAN_SAID = re.compile(r"([가-힣]{2,4}?)(?=이?(?:라고|이에요|예요|이야|입니다|야|임)(?![가-힣]{2}))")
_NOT_NAMES = read_words("not_names")
_BEFORE_NAME = read_words("before_name")
_AFTER_NAME = read_words("after_name")
_SAINTS = ("san ", "santa ", "saint ", "st ", "st. ", "sao ", "sankt ")
_COMMON = _ALSO_WORDS | _NOT_NAMES | _BEFORE_NAME | _AFTER_NAME
# Words without which no rule below can match, first names aside.
TRIGGERS = read_words("name_triggers")
TRIGGER_STEMS = (
    "私の名前は",
    "我叫",
    "김",
    "이",
    "박",
    "최",
    "정",
    "강",
    "조",
    "윤",
    "장",
    "임",
    "한",
    "오",
    "서",
    "신",
    "권",
    "황",
    "안",
    "송",
    "류",
    "홍",
)


@cache
def first_names() -> frozenset[str]:
    """The shipped list: about 1,100 forms."""
    text = files("witting.redaction").joinpath("data/first_names.txt").read_text("utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


class KnownNames:
    """The names of one conversation, ready to be found. Equal for the same names in any order."""

    def __init__(self, names: Sequence[str]) -> None:
        self.parts: set[str] = set()
        self.handles: set[str] = set()
        for name in sorted(set(names))[:KNOWN_NAMES_MAX]:
            self._add(plain(fold(name)))
        self._by_start: dict[str, list[str]] = {}
        for part in sorted(self.parts):
            self._by_start.setdefault(part[:2], []).append(part)
        self._seen: dict[str, int] = {}

    def _add(self, name: str) -> None:
        words = WORD.findall(name)
        if len(words) == 1 and (any(not c.isalpha() for c in words[0]) and not words[0].isdigit()):
            self.handles.add(words[0])
        for word in words:
            if _HANGUL.fullmatch(word):
                self.parts.add(word)
                if len(word) == 3:
                    self.parts.add(word[1:])
            elif (
                len(word) >= (PART_CHARS_MIN if word.isascii() else 2)
                and word not in _PARTICLES
                and not word.isdigit()
            ):
                self.parts.add(word)
                self.parts.update(piece for piece in re.split(r"[_\d]+", word) if len(piece) > PART_CHARS_MIN)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def matches(self, word: str) -> int:
        """Whether a word of the plain text is one of the names, inflected or with one typing error: NO, SURELY,
        or CAPITALISED where it is only believed with a capital letter inside a sentence."""
        known = self._seen.get(word)
        if known is None:
            if len(self._seen) > SEEN_WORDS_MAX:
                self._seen.clear()
            known = self._seen[word] = self._compare(word)
        return known

    def _compare(self, word: str) -> int:
        if word in self.parts:
            return CAPITALISED if word in _COMMON else SURELY
        for part in self._by_start.get(word[:2], ()):
            # Slavic and Turkish stems lose or change their last vowel: Anna, Annie; Marek, Markowi.
            stem = part[:-1] if len(part) > 3 and part[-1] in "aeo" else part
            if (word.startswith(part) and word[len(part) :] in _ENDINGS) or (
                word.startswith(stem) and word[len(stem) :] in _ENDINGS
            ):
                hangul = word[0] >= "가"
                return (
                    SURELY
                    if hangul or (len(part) > 4 and part not in _COMMON and word not in _COMMON)
                    else CAPITALISED
                )
        typo = (
            len(word) >= TYPO_CHARS_MIN - 1
            and word not in _COMMON
            and any(
                len(part) >= TYPO_CHARS_MIN and part not in _COMMON and one_edit_apart(part, word)
                for part in self.parts
            )
        )
        return SURELY if typo else NO


def one_edit_apart(a: str, b: str) -> bool:
    """Damerau-Levenshtein distance of at most one (Damerau 1964): one letter more, less, other, or two swapped."""
    if a == b:
        return True
    if abs(len(a) - len(b)) > 1 or (a[0] != b[0] and a[-1] != b[-1]):
        return False
    at = 0
    while at < min(len(a), len(b)) and a[at] == b[at]:
        at += 1
    if len(a) == len(b):
        return a[at + 1 :] == b[at + 1 :] or (
            a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :]
        )
    longer, shorter = (a, b) if len(a) > len(b) else (b, a)
    return longer[at + 1 :] == shorter[at:]


@lru_cache(maxsize=128)
def known_names(names: tuple[str, ...]) -> KnownNames:
    """The same names are prepared once."""
    return KnownNames(names)


class FullNames:
    """Names that count in every text, because their people asked for it: word for word and whole, since a part of a name
    is other people's, too. A name of one word counts only where it is a user name. Equal for the same names in any order."""

    def __init__(self, names: Sequence[str]) -> None:
        """Raises UsageError for more than EVERYWHERE_MAX."""
        whole = {tuple(WORD.findall(plain(fold(name)))) for name in names}
        if len(whole) > EVERYWHERE_MAX:
            raise UsageError(
                f"{len(whole):,} names for every text; at most {EVERYWHERE_MAX:,} are looked for."
            )
        self.whole = frozenset(
            words for words in whole if len(words) > 1 or (words and _is_user_name(words[0]))
        )
        lengths: dict[str, set[int]] = {}
        for words in self.whole:
            lengths.setdefault(words[0], set()).add(len(words))
        self._lengths = {word: tuple(sorted(found, reverse=True)) for word, found in lengths.items()}

    def __bool__(self) -> bool:
        return bool(self.whole)

    def lengths(self, word: str) -> Sequence[int]:
        """In words, of the names that begin with this word; the longest first."""
        return self._lengths.get(word, ())


def _is_user_name(word: str) -> bool:
    return len(word) >= HANDLE_CHARS_MIN and not word.isdigit() and not word.isalpha()


def reads_as_name(text: str) -> bool:
    """Whether what somebody gave as a name may count in every text: two words or more, of letters, not all of them everyday
    words of the list `not_names`. Other everyday words, and places, read as names."""
    words = WORD.findall(plain(fold(text)))
    letters = not any(char.isdigit() or char == "_" for word in words for char in word)
    return len(words) > 1 and letters and not _NOT_NAMES.issuperset(words)


def find_full(view: View, names: FullNames) -> Iterator[Span]:
    """Each place where one of the names stands whole. Its cost does not grow with how many names begin alike."""
    words = list(WORD.finditer(view.plain))
    for at, word in enumerate(words):
        for length in names.lengths(word.group()):
            there = words[at : at + length]
            name = tuple(one.group() for one in there)
            if name in names.whole and all(
                _joined(view.plain[left.end() : right.start()]) for left, right in pairwise(there)
            ):
                kind = "PERSON" if length > 1 else "USERNAME"
                yield Span(word.start(), there[-1].end(), kind, 0.97, "name.objected")
                break


def find_known(view: View, known: KnownNames) -> Iterator[Span]:
    """Known names; neighbouring parts become one span."""
    matched: list[tuple[int, int, bool]] = []
    for word in WORD.finditer(view.plain):
        text = word.group()
        if answer := known.matches(text):
            matched.append((word.start(), word.end(), answer == CAPITALISED))
    for group in _neighbours(view, matched):
        start, end = group[0][0], group[-1][1]
        if all(word[2] for word in group) and not _capitalised(view, group):
            continue
        kind = "USERNAME" if view.plain[start:end] in known.handles else "PERSON"
        yield Span(start, end, kind, 0.97, "name.known")


def _capitalised(view: View, group: list[tuple[int, int, bool]]) -> bool:
    """One word: a capital letter within a sentence. Several: each with a capital letter."""
    if len(group) == 1:
        return _inner_capital(view, group[0][0])
    return all(view.folded[word[0]].isupper() for word in group)


def _neighbours(view: View, matched: list[tuple[int, int, bool]]) -> Iterator[list[tuple[int, int, bool]]]:
    group: list[tuple[int, int, bool]] = []
    for word in matched:
        if group and not _joined(view.plain[group[-1][1] : word[0]]):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _joined(between: str) -> bool:
    return between in (" ", "-", ".", "_", "'") or (
        len(between) < 12
        and between[:1] == " "
        and between[-1:] == " "
        and all(
            w in _PARTICLES or w in ("de", "da", "do", "di", "e", "y", "la", "le", "el", "al")
            for w in between.split()
        )
        and bool(between.strip())
    )


def _inner_capital(view: View, start: int) -> bool:
    """A capital letter that the start of a sentence does not explain."""
    if not view.folded[start].isupper():
        return False
    before = view.folded[:start].rstrip(" ")[-1:]
    return bool(before) and before not in ".!?\n:;\"'-*•(" and not view.folded[start : start + 3].isupper()


def find_introduced(view: View) -> Iterator[Span]:
    """Names after "my name is" in any case; after "I'm" only with a capital letter and in the list of first names."""
    for match in _INTRODUCED.finditer(view.plain):
        yield from _named_after(
            view, match.end(), any_case=not match.group().startswith(("call", "name", "his", "her", "their"))
        )
    for match in _I_AM.finditer(view.plain):
        yield from _listed_after(view, match.end())


def find_titled(view: View) -> Iterator[Span]:
    """Names after a title or a greeting, before an honorific, and of a first name from the list with context."""
    for match in _TITLED.finditer(view.plain):
        full = _FULL.match(view.folded, match.end())
        if (
            full
            and view.plain[full.start() : full.end()] not in _NOT_NAMES
            and view.folded[match.start()] != PERSON_BARRIER
        ):
            yield Span(full.start(), full.end(), "PERSON", 0.85, "name.titled")
        elif not full and view.plain[match.start()] > "\u0900":
            yield from _named_after(view, match.end(), any_case=True)
    for match in _AFTER_HONORIFIC.finditer(view.folded):
        if plain(match.group(1)) not in _NOT_NAMES:
            yield Span(match.start(1), match.end(1), "PERSON", 0.82, "name.honorific")
    for match in _KOREAN.finditer(view.folded):
        yield Span(match.start(1), match.end(1), "PERSON", 0.82, "name.korean")
    for match in _GREETED.finditer(view.plain):
        yield from _listed_after(view, match.end())


def _named_after(view: View, at: int, *, any_case: bool) -> Iterator[Span]:
    while view.folded[at : at + 1] in ("*", "_", '"', "'", " ") and at < len(view.folded):
        at += 1
    full = _FULL.match(view.folded, at)
    if full:
        first = WORD.match(view.plain, at)
        if first and first.group() not in _NOT_NAMES:
            yield Span(full.start(), full.end(), "PERSON", 0.9, "name.introduced")
        return
    said = _KOREAN_SAID.match(view.folded, at)
    if said:
        yield Span(said.start(1), said.end(1), "PERSON", 0.88, "name.introduced")
        return
    if any_case:
        yield from _lower_case_after(view, at)


def _lower_case_after(view: View, at: int) -> Iterator[Span]:
    """Up to two words, until one that is no name: "my name is ana souza and i"."""
    end = at
    for count, word in enumerate(WORD.finditer(view.plain, at)):
        between = view.plain[end : word.start()]
        ends = (
            count == 2
            or word.group() in _NOT_NAMES
            or word.group() in _AFTER_NAME
            or word.group()[0].isdigit()
        )
        if ends or (between not in ("", " ")) or (count and len(word.group()) < 3) or len(word.group()) < 2:
            break
        end = word.end()
    if end > at:
        yield Span(at, end, "PERSON", 0.85, "name.introduced")


def _listed_after(view: View, at: int) -> Iterator[Span]:
    full = _FULL.match(view.folded, at)
    if not full:
        return
    first = WORD.match(view.plain, at)
    if first and first.group() in first_names() and first.group() not in _NOT_NAMES:
        yield Span(full.start(), full.end(), "PERSON", 0.85, "name.introduced")


def find_listed(view: View) -> Iterator[Span]:
    """First names of the list with a capital letter and context: kin, preposition, surname, possessive, verb."""
    listed = first_names()
    end = 0
    for word in WORD.finditer(view.plain):
        start = word.start()
        if start < end or word.group() not in listed or not view.folded[start].isupper():
            continue
        if view.plain[max(0, start - 6) : start].endswith(_SAINTS):  # San Antonio, Santa Monica
            continue
        full = _FULL.match(view.folded, start)
        ambiguous = word.group() in _ALSO_WORDS
        surname = full is not None and full.end() > word.end() and not ambiguous
        if surname or _in_context(view, start, word.end(), ambiguous=ambiguous):
            end = full.end() if full else word.end()
            yield Span(start, end, "PERSON", 0.82 if surname else 0.8, "name.listed")


def _in_context(view: View, start: int, end: int, *, ambiguous: bool) -> bool:
    if view.folded[start:end].isupper() and end - start > 1:
        return False
    before = WORD.findall(view.plain, max(0, start - 24), start)
    after = WORD.match(view.plain, end + 1)
    if before and view.plain[:start].endswith(" ") and before[-1] in _BEFORE_NAME:
        return not ambiguous or _inner_capital(view, start)
    if ambiguous:
        return False
    if view.plain[end : end + 2] in ("'s", ", ") or view.plain[end : end + 1] == ":":
        return True
    return after is not None and after.group() in _AFTER_NAME
