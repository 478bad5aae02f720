"""From facts and sentences to the two layers of a notice. Pure functions: the same in gives the same bytes out.

Covers: which sentence a fact calls for, the order of paragraphs and sections, the element of the evidence record that
each sentence is. Not covered: figures (`kit.py`), markup (`page.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from witting.rights.notice.facts import AT_ONCE, Facts, Spoken
from witting.rights.notice.texts import Texts, period

# The first layer: one screen. Paragraphs of parts; a part is one sentence.
SHORT = (
    ("purpose", "controller"),
    ("data", "scope"),
    ("human_review", "recipients", "kept"),
    ("permanence", "model"),
    ("withdrawal", "stop", "unchanged"),
)
FULL: Mapping[str, tuple[str, ...]] = {
    "who": ("controller", "contact"),
    "why": ("purpose", "task", "basis"),
    "data": ("data", "scope", "from_now", "redacted"),
    "people": ("human_review", "recipients"),
    "keeping": ("kept", "stored_in"),
    "permanence": ("permanence", "model"),
    "choice": ("unchanged", "withdrawal", "stop", "lasts", "age"),
    "rights": ("rights", "authority"),
}
# Elements of the evidence record (capture.Notice.elements) to the part that says them.
ELEMENTS: Mapping[str, str] = {
    "controller": "controller",
    "purpose": "purpose",
    "data_types": "data",
    "training_named": "purpose",
    "human_review": "human_review",
    "recipients": "recipients",
    "retention": "kept",
    "model_permanence": "permanence",
    "withdrawal": "withdrawal",
    "rights": "rights",
    "authority": "authority",
    "transfers": "stored_in",
}


@dataclass(frozen=True)
class Section:
    heading: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Written:
    """A notice in one language."""

    question: str
    paragraphs: tuple[str, ...]  # the first layer without labels
    short: str  # exactly what the first layer shows, labels and all
    full: str
    sections: tuple[Section, ...]
    version: str
    short_elements: Mapping[str, str]  # element to its sentence
    full_elements: Mapping[str, str]

    @property
    def short_sha256(self) -> str:
        return hashlib.sha256(self.short.encode()).hexdigest()

    @property
    def full_sha256(self) -> str:
        return hashlib.sha256(self.full.encode()).hexdigest()

    @property
    def prose(self) -> str:
        """What readability is measured on, as of a screen: the first layer without the labels of its controls."""
        return "\n".join([self.question, *self.paragraphs])


def write(facts: Facts, texts: Texts) -> Written:
    said = sentences(facts, texts)
    joint = "" if texts.language == "ja" else " "
    paragraphs = tuple(joint.join(said[part] for part in parts) for parts in SHORT)
    sections = tuple(
        Section(texts.head[name], tuple(said[part] for part in parts)) for name, parts in FULL.items()
    )
    version = texts.state["version"].format(version=facts.version)
    labels = "\n".join(texts.label[name] for name in ("yes", "no", "later"))
    short = "\n\n".join([texts.head["question"], *paragraphs, texts.label["full"], labels])
    blocks = [f"{section.heading}\n\n{joint.join(section.sentences)}" for section in sections]
    return Written(
        question=texts.head["question"],
        paragraphs=paragraphs,
        short=short,
        full="\n\n".join([*blocks, version]),
        sections=sections,
        version=version,
        short_elements=_elements(said, {part for parts in SHORT for part in parts}),
        full_elements=_elements(said, {part for parts in FULL.values() for part in parts}),
    )


def _elements(said: Mapping[str, str], parts: set[str]) -> dict[str, str]:
    return {element: said[part] for element, part in ELEMENTS.items() if part in parts}


def sentences(facts: Facts, texts: Texts) -> dict[str, str]:
    """Part to its sentence: the one the facts call for, with the facts in it."""
    values = _values(facts, texts)
    return {part: texts.say[key].format_map(values) for part, key in keys_of(facts).items()}


def keys_of(facts: Facts) -> dict[str, str]:
    """Part to the key of its sentence."""
    chosen = {
        "purpose": facts.purpose,
        "scope": facts.data.scope,
        "redacted": "yes" if facts.data.redacted else "no",
        "human_review": "yes" if facts.data.human_review else "no",
        "recipients": "some" if facts.data.recipients else "none",
        "model": facts.withdrawal.model,
        "stop": "at_once" if facts.withdrawal.stop_within == AT_ONCE else "within",
    }
    parts = dict.fromkeys(part for row in (*SHORT, *FULL.values()) for part in row)
    return {part: f"{part}.{chosen[part]}" if part in chosen else part for part in parts}


def _values(facts: Facts, texts: Texts) -> dict[str, str]:
    def listed(table: str, names: list[str]) -> str:
        words = [texts.words[f"{table}.{name}"].format(contact=facts.controller.contact) for name in names]
        return texts.separator.join(words)

    def spoken(words: Spoken) -> str:
        return words if isinstance(words, str) else words[texts.language]

    within, stop = facts.withdrawal.model_within, facts.withdrawal.stop_within
    return {
        "controller": facts.controller.name,
        "contact": facts.controller.contact,
        "model": facts.model.name,
        "task": texts.words[f"task.{facts.model.task}"],
        "basis": spoken(facts.law.basis),
        "kinds": listed("kind", list(facts.data.kinds)),
        "recipients": "; ".join(facts.data.recipients),
        "kept": period(texts, facts.data.kept),
        "stored_in": listed("place", list(facts.data.stored_in)),
        "model_within": period(texts, within) if within else "",
        "where": listed("where", list(facts.withdrawal.where)),
        "stop_within": "" if stop == AT_ONCE else period(texts, stop),
        "lasts": period(texts, facts.choice.lasts),
        "age_min": str(facts.choice.age_min),
        "rights": listed("right", list(facts.law.rights)),
        "authority": spoken(facts.law.authority),
    }
