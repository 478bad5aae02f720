"""The whole kit: every language written, measured, checked, and laid down as files.

Covers: readability by the measures of `page/measure.py` (none exists for Japanese, Korean and Hindi, and that is said),
the wording lint, the required elements of the profile, hashes, the folder. Not covered: keeping a version (`record.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from witting.errors import UsageError
from witting.rights.evidence import load_profile
from witting.rights.gates import Limits
from witting.rights.notice.facts import Facts
from witting.rights.notice.page import page_of
from witting.rights.notice.texts import Texts, load_texts
from witting.rights.notice.write import Written, write
from witting.rights.page.measure import UNGRADED, grade, words_in
from witting.rights.page.words import load_words

FORMAT = "witting.notice/1"
LINTED = ("guilt", "vague")


@dataclass(frozen=True)
class Notice:
    """One language, with its figures."""

    texts: Texts
    written: Written
    html: str
    words: int
    grade: float | None
    problems: tuple[str, ...]  # what would cost the consent something; empty is good

    @property
    def html_sha256(self) -> str:
        return hashlib.sha256(self.html.encode()).hexdigest()

    @property
    def measure(self) -> str | None:
        """By which measure the grade was found."""
        if self.texts.language in UNGRADED:
            return None
        return "Flesch-Kincaid" if self.texts.language == "en" else "RIX"

    @property
    def hashes(self) -> dict[str, str]:
        return {
            "short": self.written.short_sha256,
            "full": self.written.full_sha256,
            "html": self.html_sha256,
        }


@dataclass(frozen=True)
class Kit:
    facts: Facts
    facts_sha256: str
    notices: tuple[Notice, ...]

    @property
    def sha256(self) -> str:
        """Of the version: over the hashes of every text in it."""
        return hashlib.sha256(rfc8785.dumps({n.texts.language: n.hashes for n in self.notices})).hexdigest()

    @property
    def problems(self) -> dict[str, tuple[str, ...]]:
        return {n.texts.language: n.problems for n in self.notices if n.problems}

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """`notice.json`, and what the command prints with --json."""
        return {
            "format": FORMAT,
            "version": self.facts.version,
            "sha256": self.sha256,
            "facts_sha256": self.facts_sha256,
            "purpose": self.facts.purpose,
            "profile": self.facts.law.profile,
            "languages": {n.texts.language: _summary(n) for n in self.notices},
        }


def make_kit(facts: Facts) -> Kit:
    """Raises PolicyError where our own sentences do not hold together."""
    limits = load_profile(facts.law.profile).limits
    notices = tuple(_notice(facts, load_texts(language), limits) for language in sorted(facts.languages))
    return Kit(facts, hashlib.sha256(canonical_facts(facts).encode()).hexdigest(), notices)


def canonical_facts(facts: Facts) -> str:
    """The facts as canonical JSON (RFC 8785), whose hash is `facts_sha256`."""
    return rfc8785.dumps(facts.model_dump(mode="json", exclude_none=True)).decode()


def _notice(facts: Facts, texts: Texts, limits: Limits) -> Notice:
    written = write(facts, texts)
    words, school = words_in(written.prose), grade(written.prose, texts.language)
    problems = _problems(written, texts.language, limits, words=words, school=school)
    return Notice(texts, written, page_of(facts, texts, written), words, school, tuple(problems))


def _problems(
    written: Written, language: str, limits: Limits, *, words: int, school: float | None
) -> list[str]:
    found = []
    if missing := limits.notice_elements - set(written.short_elements):
        found.append(f"the first layer lacks {', '.join(sorted(missing))}")
    if words > limits.words_max:
        found.append(f"{words} words on the first layer; {limits.words_max} are the most")
    if school is not None and school > limits.grade_max:
        found.append(f"grade {school}; {limits.grade_max:g} is the most")
    return found + _linted(written, language)


def _linted(written: Written, language: str) -> list[str]:
    """Words that `judge --page` would hold against the screen. They can only come from a name in the facts."""
    text = f"{written.prose}\n{written.full}"
    hits = {group: load_words().found(group, text, language) for group in LINTED}
    return [f"wording, {group}: {', '.join(words)}" for group, words in hits.items() if words]


def _summary(notice: Notice) -> dict[str, Any]:  # Any: JSON
    return {
        "reviewed": notice.texts.reviewed,
        "texts_sha256": notice.texts.sha256,
        "sha256": notice.hashes,
        "readability": {"words": notice.words, "grade": notice.grade, "measure": notice.measure},
        "problems": list(notice.problems),
    }


def _own_json(kit: Kit, notice: Notice) -> dict[str, Any]:  # Any: JSON
    """`<language>.json`: the texts in parts, for a screen of one's own, and what to put into the evidence record."""
    written, texts = notice.written, notice.texts
    readability = {"grade": notice.grade, "words": notice.words}
    return {
        "format": FORMAT,
        "language": texts.language,
        "reviewed": texts.reviewed,
        "version": kit.facts.version,
        "purpose": kit.facts.purpose,
        "labels": dict(texts.label),
        "short": {
            "question": written.question,
            "paragraphs": list(written.paragraphs),
            "elements": dict(written.short_elements),
            "sha256": written.short_sha256,
        },
        "full": {
            "sections": [{"heading": s.heading, "sentences": list(s.sentences)} for s in written.sections],
            "elements": dict(written.full_elements),
            "sha256": written.full_sha256,
        },
        "evidence": {
            "version": kit.facts.version,
            "sha256": written.short_sha256,
            "lang": texts.language,
            "elements": sorted(written.short_elements),
            "readability": {name: value for name, value in readability.items() if value is not None},
        },
    }


def write_kit(kit: Kit, out: Path) -> None:
    """Four files a language and `notice.json`. Raises UsageError: the folder holds something already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already and not an empty folder; a version is never overwritten.")
    out.mkdir(parents=True, exist_ok=True)
    for notice in kit.notices:
        name = notice.texts.language
        files: Mapping[str, str] = {
            f"{name}.short.txt": notice.written.short,
            f"{name}.full.txt": notice.written.full,
            f"{name}.json": _json(_own_json(kit, notice)),
            f"{name}.html": notice.html,
        }
        for file, text in files.items():
            (out / file).write_bytes(text.encode())
    (out / "notice.json").write_bytes(_json(kit.as_json()).encode())


def _json(value: Mapping[str, Any]) -> str:  # Any: JSON
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
