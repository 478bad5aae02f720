"""The words WhatsApp itself writes into an export, read from `words.toml` once.

Covered: comparing them without marks, case and full stops. Not covered: deciding what a message is (`whatsapp.py`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

MARK = "[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
_MARKS = re.compile(MARK)
_SPACES = re.compile(r"[\u00a0\u202f\u2009]")
_MARKS_OR_SPACES = re.compile(f"{MARK}|{_SPACES.pattern}")
START_CHARS = 8


@dataclass(frozen=True)
class Words:
    """Phrases in the form `plain` gives; `orders` names the date orders of the languages a phrase belongs to."""

    media: frozenset[str]
    deleted: frozenset[str]
    edited: frozenset[str]
    attached: frozenset[str]
    system: tuple[str, ...]
    events: re.Pattern[str]
    group: re.Pattern[str]
    omitted_inside: re.Pattern[str]
    deleted_inside: re.Pattern[str]
    meridiem: Mapping[str, str]  # word -> am | pm | noon | clock
    exporter: frozenset[str]
    title_prefixes: tuple[str, ...]
    orders: Mapping[str, frozenset[str]]
    starts: frozenset[str]  # the first START_CHARS characters of `system`, or all of a shorter phrase


def plain(text: str) -> str:
    """For comparing only: no direction marks, plain spaces, no case, no full stop at the end."""
    bare = text
    if not text.isascii() and _MARKS_OR_SPACES.search(text):
        bare = _SPACES.sub(" ", _MARKS.sub("", text))
    return bare.strip().rstrip(".。").casefold()


def unmarked(text: str) -> str:
    return text if text.isascii() else _MARKS.sub("", text)


def half_day(word: str) -> str:
    """A half-day word as the table spells it: p. m., P.M. and pm are one."""
    return re.sub(r"[.\s\"'״׳’]", "", unmarked(word)).casefold()


@cache
def words() -> Words:
    table = tomllib.loads(files("witting.intake.whatsapp").joinpath("words.toml").read_text("utf-8"))
    languages = table["language"].values()
    orders: dict[str, set[str]] = {}
    for language in languages:
        for phrase in _phrases(language):
            orders.setdefault(phrase, set()).add(language["order"])
    return Words(
        media=frozenset(_all(languages, "media")),
        deleted=frozenset(_all(languages, "deleted")),
        edited=frozenset(_all(languages, "edited")),
        attached=frozenset(_all(languages, "attached")),
        system=tuple(_all(languages, "system")),
        events=_inside(phrase for language in languages for phrase in language["events"]),
        group=_inside(phrase for language in languages for phrase in language["group"]),
        omitted_inside=_inside(table["generated"]["omitted"]),
        deleted_inside=_inside(table["generated"]["deleted"]),
        meridiem={half_day(word): kind for kind, found in table["meridiem"].items() for word in found},
        exporter=frozenset(table["exporter"]["names"]),
        title_prefixes=tuple(table["title"]["prefixes"]),
        orders={phrase: frozenset(found) for phrase, found in orders.items()},
        starts=frozenset(phrase[:START_CHARS] for phrase in _all(languages, "system")),
    )


def _phrases(
    language: Mapping[str, Any],
) -> Iterable[str]:  # Any: a language's table: lists of strings, and order
    for kind in ("media", "deleted", "edited", "attached", "system"):
        yield from (plain(phrase) for phrase in language[kind])


def _all(languages: Iterable[Mapping[str, Any]], kind: str) -> list[str]:  # Any: as above
    return sorted({plain(phrase) for language in languages for phrase in language[kind]})


def _inside(phrases: Iterable[str]) -> re.Pattern[str]:
    """Any of the phrases, anywhere in casefolded text."""
    return re.compile(
        "|".join(re.escape(phrase) for phrase in sorted({phrase.casefold() for phrase in phrases}))
    )
