"""The sentences of a notice as data, a file a language, and what each of them may hold.

Covers: reading `texts/*.toml` and holding every file to the same keys and placeholders. Not covered: choosing
sentences (`write.py`). A language that lacks a sentence would give a notice that lacks a fact, so it is refused whole.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import get_args

from witting.errors import PolicyError
from witting.rights.notice.facts import Kind, Language, Place, Right, Where

LABELS = ("yes", "no", "later", "withdraw", "full", "again")
STATES = ("yes", "no", "open", "unreviewed")
SECTIONS = ("who", "why", "data", "people", "keeping", "permanence", "choice", "rights")
HEADS = ("page", "question", *SECTIONS)
TASKS = ("conversation", "writing", "code", "search", "support")
# Sentence to the facts that stand in it. A language may leave out the one that is OPTIONAL.
SENTENCES: Mapping[str, str | None] = {
    "purpose.fine_tune_own_model": "model",
    "purpose.train_general_model": "model",
    "controller": "controller",
    "contact": "contact",
    "task": "task",
    "basis": "basis",
    "data": "kinds",
    "scope.own_turns": None,
    "scope.all_party": None,
    "from_now": None,
    "redacted.yes": None,
    "redacted.no": None,
    "human_review.yes": None,
    "human_review.no": None,
    "recipients.none": "controller",
    "recipients.some": "recipients",
    "kept": "kept",
    "stored_in": "stored_in",
    "permanence": None,
    "model.retrain": "model_within",
    "model.filter": "model_within",
    "model.stays": None,
    "withdrawal": "where",
    "stop.at_once": None,
    "stop.within": "stop_within",
    "unchanged": None,
    "lasts": "lasts",
    "age": "age_min",
    "rights": "rights",
    "authority": "authority",
}
OPTIONAL = frozenset({"recipients.none"})
PLURALS = {"pl": 3, "tr": 1, "hi": 1, "ja": 1, "ko": 1}  # forms of a unit; two elsewhere


@dataclass(frozen=True)
class Texts:
    """One language, its tables flat: `say["scope.own_turns"]`."""

    language: Language
    name: str
    reviewed: bool
    separator: str
    label: Mapping[str, str]
    head: Mapping[str, str]
    state: Mapping[str, str]
    say: Mapping[str, str]
    words: Mapping[str, str]  # of the closed lists: "kind.messages", "place.EU"
    unit: Mapping[str, list[str]]
    sha256: str


@cache
def load_texts(language: Language) -> Texts:
    """Raises PolicyError: a sentence is missing, unknown, or holds another fact than it should."""
    raw = (files("witting.rights.notice") / "texts" / f"{language}.toml").read_bytes()
    table = tomllib.loads(raw.decode())
    lists = {"kind": get_args(Kind), "task": TASKS, "where": get_args(Where), "right": get_args(Right),
             "place": get_args(Place)}  # fmt: skip
    words = {f"{name}.{key}": text for name in lists for key, text in table[name].items()}
    texts = Texts(
        language=table["language"],
        name=table["name"],
        reviewed=table["reviewed"],
        separator=table["separator"],
        label=table["label"],
        head=table["head"],
        state=table["state"],
        say=_flat(table["say"]),
        words=words,
        unit=table["unit"],
        sha256=hashlib.sha256(raw).hexdigest(),
    )
    _hold(language, "language", [texts.language], [language])
    _hold(language, "label", texts.label, LABELS)
    _hold(language, "head", texts.head, HEADS)
    _hold(language, "state", texts.state, (*STATES, "version"))
    _hold(language, "say", texts.say, SENTENCES)
    _hold(language, "lists", words, [f"{name}.{key}" for name, keys in lists.items() for key in keys])
    _hold(language, "unit", texts.unit, ("day", "month", "year"))
    _hold_placeholders(texts)
    return texts


def _flat(table: Mapping[str, str | Mapping[str, str]]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        flat |= (
            {key: value}
            if isinstance(value, str)
            else {f"{key}.{name}": text for name, text in value.items()}
        )
    return flat


def _hold(language: str, table: str, found: Mapping[str, object] | list[str], wanted: object) -> None:
    if differ := set(found) ^ set(wanted):  # type: ignore[call-overload]
        raise PolicyError(
            f"notice/texts/{language}.toml, {table}: differs from the other languages on {sorted(differ)}."
        )


def _hold_placeholders(texts: Texts) -> None:
    for key, fact in SENTENCES.items():
        found = set(placeholders(texts.say[key]))
        wanted = {fact} if fact else set()
        if found != wanted and not (key in OPTIONAL and not found):
            raise PolicyError(
                f"notice/texts/{texts.language}.toml, say.{key}: must hold exactly {sorted(wanted)}."
            )
    for unit, forms in texts.unit.items():
        if len(forms) != PLURALS.get(texts.language, 2):
            raise PolicyError(f"notice/texts/{texts.language}.toml, unit.{unit}: wrong number of forms.")


def placeholders(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name is not None]


def period(texts: Texts, value: str) -> str:
    """ "12 months" in the language's words; the plural by CLDR's rules for whole numbers in our twelve languages."""
    count, unit = value.split(" ")
    number, forms = int(count), texts.unit[unit.removesuffix("s")]
    if number == 1 or len(forms) == 1:
        form = 0
    elif texts.language == "pl":
        form = 1 if 2 <= number % 10 <= 4 and not 12 <= number % 100 <= 14 else 2
    else:
        form = 1
    return forms[form].format(n=number)
