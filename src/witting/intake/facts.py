"""What every source says of itself: who could see its talk, who speaks, its clock, and what its platform lets it feed.

Covered: the records of `*/sources.toml`, one table a source, read once and checked: a record that lacks a field or
names an unknown purpose is our mistake and does not load. Not covered: reading (one file a source), deciding (rights).

Platform terms bind before privacy law: a term in force bars a purpose however clearly a person agreed to it. Terms are
dated; the one in force on a day is the one with the latest `from` that is not after it. Before the first: the first,
because the narrowest thing known is the safe one. `reviewed = false` marks terms that nobody of us has read.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from witting.schema import PURPOSES


@dataclass(frozen=True)
class PermittedUse:
    """What a platform's own terms let its data be used for, from a day on."""

    from_day: date
    purposes: tuple[str, ...]  # schema.PURPOSES the terms do not bar
    condition: str  # what the operator must see to besides; empty where nothing
    citation: str
    reviewed: bool  # were the terms themselves read?


@dataclass(frozen=True)
class Facts:
    """One source in plain words, for people who must decide about it."""

    title: str
    reads: str
    audience: str  # the rule by which a turn's audience is known
    speakers: str  # whose names or ids stand in it
    exporter: str  # how the person whose export it is can be told
    clock: str  # time zone and precision
    terms: tuple[PermittedUse, ...]  # oldest first, never empty

    def permitted(self, day: date) -> PermittedUse:
        """The terms in force on `day`."""
        in_force = [term for term in self.terms if term.from_day <= day]
        return in_force[-1] if in_force else self.terms[0]


@cache
def family(name: str) -> dict[str, Facts]:
    """The sources of one folder of intake by name."""
    # By path, not by the folder's own name: that would import its readers.
    text = files("witting.intake").joinpath(name, "sources.toml").read_text("utf-8")
    return {source: _facts(source, table) for source, table in tomllib.loads(text).items()}


def _facts(source: str, table: dict[str, object]) -> Facts:
    terms = table.pop("terms")
    assert isinstance(terms, list), f"{source} states no terms"
    says = {key: value for key, value in table.items() if isinstance(value, str) and value}
    dated = sorted((_term(source, dict(term)) for term in terms), key=lambda term: term.from_day)
    return Facts(**says, terms=tuple(dated))


def _term(source: str, table: dict[str, object]) -> PermittedUse:
    day, purposes, condition, citation, reviewed = (
        table.pop(key) for key in ("from", "purposes", "condition", "citation", "reviewed")
    )
    assert not table, f"{source}: unknown fields {sorted(table)}"
    assert isinstance(day, date), f"{source}: from is no date"
    assert isinstance(purposes, list), f"{source}: purposes is no list"
    assert isinstance(reviewed, bool), f"{source}: reviewed is neither true nor false"
    assert set(purposes) <= set(PURPOSES), f"{source} names an unknown purpose"
    return PermittedUse(day, tuple(purposes), str(condition), str(citation), reviewed)


@cache
def all_facts() -> dict[str, Facts]:
    """Every source there is, by name."""
    folders = sorted(entry.name for entry in files("witting.intake").iterdir() if entry.is_dir())
    named = [name for name in folders if files("witting.intake").joinpath(name, "sources.toml").is_file()]
    return {source: facts for name in named for source, facts in family(name).items()}
