"""What the tagger is trained on: labelled sentences, each told whether it is kept aside.

Covers: Broad Twitter, WNUT-17, xLiMe, presidio-research, pl-pii-bench, OpenMed and DataFog negatives as their
repositories hold them, chat that names nobody, and sentences of our own (`carriers.toml`) filled with names from
Faker. Kept aside by template, by person, or by a hash of the words, never by row: the same name or carrier is not on both sides.
Not covered: the sets others measure with; they are not read here. Licences: docs/tagger.md.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
KINDS = {
    "PER": "PERSON", "person": "PERSON", "PERSON": "PERSON",
    "LOC": "LOCATION", "location": "LOCATION", "LOCATION": "LOCATION",
    "ORG": "ORG", "corporation": "ORG", "group": "ORG", "ORGANIZATION": "ORG",
    "ADDRESS": "ADDRESS",
}  # fmt: skip
OLD = ("given-m", "surname-m-adj")


@dataclass(frozen=True, slots=True)
class Sentence:
    """`spans`: (start, end, kind) in code points. `aside`: measured with, never trained on."""

    text: str
    spans: tuple[tuple[int, int, str], ...]
    language: str
    source: str
    aside: bool


def one_in(text: str, parts: int) -> bool:
    """Whether a value falls into the first of so many parts, the same in every run."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") % parts == 0


def _joined(words: list[tuple[str, str]]) -> tuple[str, tuple[tuple[int, int, str], ...]]:
    """Words with labels as a sentence: signs close up as they are written."""
    text = ""
    spans: list[tuple[int, int, str]] = []
    last = ""
    for word, label in words:
        place, _, name = label.partition("-") if label[:2] in ("B-", "I-") else ("", "", label)
        kind = "" if word.startswith("@") else KINDS.get(name, "")
        close = re.fullmatch(r"[.,!?:;)%…]+|'\w{1,2}|n't", word) or text.endswith(("(", "#")) or not text
        begin = len(text) + (0 if close else 1)
        text += ("" if close else " ") + word
        if kind and kind == last and place != "B":
            spans[-1] = (spans[-1][0], len(text), kind)
        elif kind:
            spans.append((begin, len(text), kind))
        last = kind
    return text, tuple(spans)


def _columns(path: Path) -> Iterator[list[tuple[str, str]]]:
    words: list[tuple[str, str]] = []
    for line in path.read_text("utf-8").splitlines():
        pair = line.replace("\t", " ").rsplit(" ", 1)
        if len(pair) == 2 and pair[0].strip():
            words.append((pair[0].strip(), pair[1].strip()))
        elif words:
            yield words
            words = []
    if words:
        yield words


def tweets(folder: Path) -> Iterator[Sentence]:
    """Every tenth by its words; emerging.dev whole."""
    files = [("en", "broad-twitter", folder / f"broad-twitter-corpus/{part}.conll") for part in "abeg"]
    files += [
        ("en", "wnut17", folder / f"wnut17/{name}") for name in ("wnut17train.conll", "emerging.dev.conll")
    ]
    files += [(name[:2], "xlime", folder / f"xlime/{name}_ner.txt") for name in ("german", "italian")]
    for language, source, path in files:
        for words in _columns(path):
            text, spans = _joined(words)
            said = " ".join(
                word
                for word in re.findall(r"[^\W\d_]{3,}", text.lower())
                if word not in ("turlurl", "tuseruser")
            )
            aside = path.name == "emerging.dev.conll" or one_in(said[-40:], 10)
            if source == "xlime" and language == "it" and not one_in(said, 2):
                continue  # as many as of German
            yield Sentence(text, spans, {"ge": "de"}.get(language, language), source, aside)


def templates(folder: Path) -> Iterator[Sentence]:
    """presidio-research: every fifth template is kept aside."""
    for name in ("generated_large.json", "generated_small.json"):
        for one in json.loads((folder / "presidio-research" / name).read_text("utf-8")):
            spans = sorted(
                (span["start_position"], span["end_position"], KINDS[span["entity_type"]])
                for span in one["spans"]
                if span["entity_type"] in KINDS
            )
            template = re.sub(r"\W+", " ", one["masked"].lower())
            yield Sentence(one["full_text"], tuple(spans), "en", "presidio", one_in(template, 5))


def declined(folder: Path) -> Iterator[Sentence]:
    """pl-pii-bench: every fourth person is kept aside."""
    for line in (folder / "pl-pii-bench/inflection/inflection.jsonl").read_text("utf-8").splitlines():
        one = json.loads(line)
        yield Sentence(
            one["text"],
            ((one["start"], one["end"], "PERSON"),),
            "pl",
            "pl-pii-bench",
            one_in(one["lemma"], 4),
        )


def nobody(folder: Path, chats: Path | None) -> Iterator[Sentence]:
    """Texts that name nobody: the negatives, and lines of chat without a capital letter that a sentence's start does not
    explain. Every fourth conversation is kept aside."""
    for path in sorted((folder / "pl-pii-bench/negative").glob("*.json")):
        for line in json.loads(path.read_text("utf-8"))["text"].splitlines():
            yield Sentence(line, (), "pl", "negative", False)
    for one in json.loads((folder / "openmed-fixtures/hard_negatives.json").read_text("utf-8"))["fixtures"]:
        yield Sentence(one["text"], (), one["language"], "negative", False)
    for one in json.loads((folder / "datafog/negative_cases.json").read_text("utf-8")):
        yield Sentence(one["input"], (), "en", "negative", False)
    if chats is None:
        return
    for path in sorted((chats / "chatterbot-multilingual").glob("*/*.yml")):
        language = {"english": "en", "spanish": "es", "italian": "it", "hindi": "hi", "turkish": "tr"}.get(
            path.parent.name
        )
        for line in path.read_text("utf-8").splitlines() if language else ():
            said = re.sub(r"^[\s-]+|['\"]", "", line)
            if said and not re.search(r"[\w,'] (?!I\b)[A-ZÀ-Þ]|\d{3}|^\w+:", said):
                yield Sentence(said, (), language or "", "chat", one_in(said, 4))
    with gzip.open(chats / "hh-rlhf/harmless-base-test.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            for turn in json.loads(line)["chosen"].split("\n\n"):
                said = turn.partition(": ")[2].strip()
                if 20 < len(said) < 300 and not re.search(r"[\w,'] (?!I\b)[A-Z]|\d{3}", said):
                    yield Sentence(said, (), "en", "chat", one_in(line[:200], 4))


LOREM = {
    "en": "en_US",
    "de": "de_DE",
    "es": "es_ES",
    "fr": "fr_FR",
    "it": "it_IT",
    "nl": "nl_NL",
    "pl": "pl_PL",
    "pt": "pt_PT",
    "tr": "tr_TR",
}


def vocabulary(language: str) -> list[str]:
    """Our own common words twice, and Faker's of three letters or more where it has the language and not only Latin."""
    import importlib
    import importlib.util

    own = tomllib.loads((HERE / "words.toml").read_text("utf-8"))[language].split()
    name = f"faker.providers.lorem.{LOREM.get(language, '')}"
    if language not in LOREM or importlib.util.find_spec(name) is None:
        return own
    provider = importlib.import_module(name).Provider
    latin = "voluptatem" in provider.word_list
    return own * 2 + (
        [] if latin else sorted({w.lower() for w in provider.word_list if len(w) > 2 and w.isalpha()})
    )


def word_salad(rng: random.Random, each: int) -> Iterator[Sentence]:
    """Common words in the shapes of lists, headings and sentences: a capital letter alone makes no name."""
    for language in (*LOREM, "hi"):
        words = vocabulary(language)
        for _ in range(each if words else 0):
            some = rng.choices(words, k=rng.randint(3, 9))
            shape = rng.randrange(6)
            joint = {0: ", ", 1: "\n- "}.get(shape, " ")
            text = joint.join(w.capitalize() if shape in (1, 2) or rng.random() < 0.08 else w for w in some)
            if shape == 5:  # a line of a recipe, an order, a list to do
                text = f"{rng.randint(1, 500)} {rng.choice(('g', 'ml', 'x', '', 'cups', 'EL', 'c.'))} {text}"
            yield Sentence(text if shape != 1 else f"- {text}", (), language, "salad", False)


def code(folder: Path, rng: random.Random, count: int) -> Iterator[Sentence]:
    """Lines of this project's own code."""
    lines = [
        line.strip()
        for path in sorted(folder.rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if re.search(r"[=(]", line) and len(line) < 120 and '"' not in line
    ]
    for line in rng.sample(lines, min(count, len(lines))):
        yield Sentence(line, (), "en", "code", False)


def _lists(locale: str) -> dict[str, list[str]]:
    from faker import Faker

    fake = Faker(locale)
    fake.seed_instance(7)
    asked = {"f": fake.first_name, "l": fake.last_name, "c": fake.city, "o": fake.company}
    found = {}
    for slot, ask in asked.items():
        found[slot] = sorted({re.sub(r"\s+", " ", ask()).strip() for _ in range(1500)})
    found["a"] = sorted({re.sub(r"\s+", " ", fake.street_address()).strip() for _ in range(400)})
    return found


def decline(name: str, case: str) -> str:
    """Polish, the commonest endings: genitive and accusative (2), dative (3), instrumental (5)."""
    last = {"2": 0, "3": 1, "5": 2}[case]
    for ending, cases in (
        ("ska", ("skiej", "skiej", "ską")), ("cka", ("ckiej", "ckiej", "cką")),
        ("ski", ("skiego", "skiemu", "skim")), ("cki", ("ckiego", "ckiemu", "ckim")),
        ("ia", ("ii", "ii", "ią")), ("ka", ("ki", "ce", "ką")), ("ga", ("gi", "dze", "gą")), ("ra", ("ry", "rze", "rą")),
        ("ta", ("ty", "cie", "tą")), ("a", ("y", "ie", "ą")), ("ek", ("ka", "kowi", "kiem")), ("eł", ("ła", "łowi", "łem")),
        ("k", ("ka", "kowi", "kiem")), ("y", ("ego", "emu", "ym")), ("i", ("iego", "iemu", "im")), ("o", ("a", "owi", "em")),
        ("e", ("ego", "emu", "em")),
    ):  # fmt: skip
        if name.endswith(ending):
            return name[: -len(ending)] + cases[last]
    return name + ("a", "owi", "em")[last]


def _pick(names: list[str], rng: random.Random, *, aside: bool) -> str:
    while True:
        name = rng.choice(names)
        if one_in(name, 10) == aside:
            return name


def filled(
    template: str, lists: dict[str, list[str]], rng: random.Random, *, aside: bool
) -> tuple[str, tuple]:
    """A carrier with names. Kept-aside carriers get kept-aside names."""
    text, spans = "", []
    for piece in re.split(r"(\{[nflcoa][235]?\})", template):
        slot = re.fullmatch(r"\{([nflcoa])([235]?)\}", piece)
        if not slot:
            text += piece
            continue
        letter, case = slot.groups()
        words = [_pick(lists[part], rng, aside=aside) for part in {"n": "fl"}.get(letter, letter)]
        value = " ".join(decline(word, case) if case else word for word in words)
        kind = {"c": "LOCATION", "o": "ORG", "a": "ADDRESS"}.get(letter, "PERSON")
        spans.append((len(text), len(text) + len(value), kind))
        text += value
    return text, tuple(spans)


def carriers(rng: random.Random, each: int) -> Iterator[Sentence]:
    """`each` sentences a language; every fifth carrier is kept aside."""
    languages = tomllib.loads((HERE / "carriers.toml").read_text("utf-8"))
    for language, held in languages.items():
        lists = [_lists(locale) for locale in held["locales"]]
        lists = [one for one in lists if all(any(one_in(v, 10) for v in values) for values in one.values())]
        some = [(one, one_in(one, 5)) for one in held["some"]]
        none = [(one, one_in(one, 5)) for one in held["none"]]
        for number in range(each):
            template, aside = rng.choice(some)
            text, spans = filled(template, rng.choice(lists), rng, aside=aside)
            if rng.random() < 0.35:
                other, its_side = rng.choice(none)
                if its_side == aside:
                    text = f"{text}{rng.choice(('. ', ' ', chr(10), ', '))}{other}"
            yield Sentence(text, spans, language[:2], "carriers", aside)
            if number % 2 == 0:
                text, aside = rng.choice(none)
                yield Sentence(text, (), language[:2], "carriers-none", aside)


def sentences(folder: Path, chats: Path | None, *, seed: int, each: int) -> list[Sentence]:
    """Everything, in a fixed order."""
    rng = random.Random(seed)
    return [
        *tweets(folder), *templates(folder), *declined(folder), *nobody(folder, chats), *carriers(rng, each),
        *word_salad(rng, each), *code(HERE.parent / "src", rng, 700),
    ]  # fmt: skip


def changed(one: Sentence, rng: random.Random, *, lowered: float) -> Sentence:
    """For training: sometimes in lower case, seldom in capitals; some values already replaced, as a second reading sees."""
    text = one.text
    spans = list(one.spans)
    if one.source in ("chat", "carriers-none") and rng.random() < 0.25:  # headings and stress
        share = rng.choice((0.1, 0.3, 1.0))
        text = re.sub(
            r"[^\W\d_]+",
            lambda word: word.group().capitalize() if rng.random() < share else word.group(),
            text,
        )
    if spans and rng.random() < 0.15:
        start, end, kind = spans.pop(rng.randrange(len(spans)))
        mark = f"<{kind}_7>"
        shift = len(mark) - (end - start)
        text = text[:start] + mark + text[end:]
        spans = [(s + shift, e + shift, k) if s >= end else (s, e, k) for s, e, k in spans]
    chance = rng.random()
    if "<" not in text and len(text.lower()) == len(text) and len(text.upper()) == len(text):
        text = text.lower() if chance < lowered else text.upper() if chance < lowered + 0.02 else text
    return replace(one, text=text, spans=tuple(spans))


def listed_words() -> dict[str, int]:
    """Words of Faker's name and place lists for all locales: 1 first names, 2 surnames, 4 places. As they are written."""
    import importlib
    import pkgutil

    import faker.providers.address
    import faker.providers.person

    common = {word for language in (*LOREM, "hi") for word in vocabulary(language)}
    found: dict[str, int] = {}
    for package, bits in (
        (faker.providers.person, {"first_name": 1, "last_name": 2}),
        (faker.providers.address, {"city": 4, "cities": 4, "countries": 4, "states": 4}),
    ):
        for module in sorted(one.name for one in pkgutil.iter_modules(package.__path__)):
            provider = importlib.import_module(f"{package.__name__}.{module}").Provider
            for name in sorted(vars(provider)):
                bit = next((bit for start, bit in bits.items() if name.startswith(start)), 0)
                values = getattr(provider, name)
                if (
                    not bit
                    or not isinstance(values, (tuple, list, dict))
                    or "format" in name
                    or "suffix" in name
                    or "prefix" in name
                ):
                    continue
                for value in values:
                    for word in re.findall(r"[^\W\d_]{3,}", value if isinstance(value, str) else ""):
                        if word.lower() in common:
                            continue
                        found[word] = found.get(word, 0) | bit
    return found
