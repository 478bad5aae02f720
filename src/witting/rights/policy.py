"""Policy packs: one jurisdiction's dated rules as data, and which of them apply to a place at a time.

Covers: reading packs (TOML, `packs/*.toml` and the operator's own), from a place (ISO 3166-1 or -2) to its pack, and from
a time to the rules in force then. Not covered: the form of a pack (`pack.py`), what the rules are asked (`decide.py`).
An unknown place has the pack `global_floor`. A rule that changes parameters carries them in `sets`: they count while
it is in force, never while it is pending or annulled, so a dated law changes decisions on its day.
`reviewed = false` says that the cited text was not checked by us against its source.
The idea of dated rules as data is OpenFisca's (parameters with dates); the word decision is XACML's.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from witting.errors import PolicyError
from witting.rights.evidence import FLOOR
from witting.rights.pack import (
    ALL_PARTY,
    NEVER,
    OWN_TURNS,
    RULES_REQUIRED,
    PackFile,
    Parameters,
    Rule,
    explain_fields,
    midnight,
)

__all__ = ["ALL_PARTY", "NEVER", "OWN_TURNS", "RULES_REQUIRED", "Pack", "Packs", "load_packs", "parse_pack"]

PACK_BYTES_MAX = 1 << 20
PACKS_MAX = 200
Cell = tuple[str, str | None]  # jurisdiction, and the place within it where one has an age of its own


@dataclass(frozen=True)
class Pack:
    """A jurisdiction's rules as they stand at one time."""

    jurisdiction: str
    title: str
    prefix: str
    version: int
    reviewed: bool
    sha256: str  # of the file
    parameters: Parameters
    rules: tuple[Rule, ...]  # all of the file, in force or not

    def rule_id(self, name: str) -> str:
        return f"{self.prefix}.{name}"

    def rule(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == rule_id), None)

    def age_min(self, place: str | None) -> int:
        """The pack's minimum, or the place's own age of consent (GDPR Art. 8) where that is higher."""
        age = self.parameters.age
        return max(age.minimum, age.consent.get(place or "", 0), age.consent.get(country(place) or "", 0))


@dataclass(frozen=True)
class Packs:
    """Every pack that was read, by jurisdiction."""

    files: Mapping[str, PackFile]
    digests: Mapping[str, str]

    def for_place(self, place: str | None, at: datetime) -> Pack:
        """The pack of the place, of its country, or the floor; with the rules in force at `at`."""
        return self.named(self.jurisdiction_of(place), at)

    def jurisdiction_of(self, place: str | None) -> str:
        known = place.upper() if place else ""
        return self._places.get(known) or self._places.get(country(known) or "") or FLOOR

    def named(self, jurisdiction: str, at: datetime) -> Pack:
        read = self.files[jurisdiction]
        return Pack(
            jurisdiction=read.jurisdiction,
            title=read.title,
            prefix=read.prefix,
            version=read.version,
            reviewed=read.reviewed,
            sha256=self.digests[jurisdiction],
            parameters=self._parameters_of(jurisdiction, at),
            rules=read.rule,
        )

    def turning_points(self) -> list[datetime]:
        """The days on which some pack's parameters change, ascending."""
        rules = [rule for read in self.files.values() for rule in read.rule]
        changing = [rule for rule in rules if rule.sets and rule.status == "in_force"]
        days = {rule.in_force_from for rule in changing} | {rule.in_force_to for rule in changing}
        return sorted(midnight(day) for day in days if day is not None)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Each jurisdiction, and each place in it that has, at some time, an age of consent of its own."""
        found: dict[Cell, None] = {}
        for jurisdiction, laws in self.laws.items():
            found[(jurisdiction, None)] = None
            found |= {(jurisdiction, place): None for law in laws for place in law.parameters.age.consent}
        return tuple(found)

    @cached_property
    def laws(self) -> Mapping[str, tuple[Pack, ...]]:
        """By jurisdiction, ascending: its pack in each era, the first before every turning point."""
        eras = [datetime(1970, 1, 1, tzinfo=UTC), *self.turning_points()]
        return {name: tuple(self.named(name, era) for era in eras) for name in sorted(self.files)}

    def cell(self, place: str | None) -> int:
        """Index into `cells` of the nearest that is known: the place, its country, its jurisdiction."""
        jurisdiction = self.jurisdiction_of(place)
        near = [(jurisdiction, one) for one in (place.upper() if place else None, country(place))]
        return self.cells.index(next((one for one in near if one in self.cells), (jurisdiction, None)))

    def sha256s(self) -> dict[str, str]:
        return dict(sorted(self.digests.items()))

    def _parameters_of(self, jurisdiction: str, at: datetime) -> Parameters:
        held = tuple(rule for rule in self.files[jurisdiction].rule if rule.sets and rule.holds(at))
        key = (jurisdiction, tuple(rule.id for rule in held))
        if key not in self._merged:
            self._merged[key] = _parameters(self.files[jurisdiction], held)
        return self._merged[key]

    @cached_property
    def _merged(self) -> dict[tuple[str, tuple[str, ...]], Parameters]:
        """Parameters by the rules that hold: checked once for each era, not once for each question."""
        return {}

    @cached_property
    def _places(self) -> dict[str, str]:
        return {place: name for name, read in self.files.items() for place in read.places}


def country(place: str | None) -> str | None:
    """The ISO 3166-1 part of a place."""
    return place.upper().split("-")[0] if place else None


def load_packs(extra: Sequence[Path] = ()) -> Packs:
    """Our packs, then the operator's: one with the same jurisdiction replaces ours. Raises PolicyError."""
    if len(extra) > PACKS_MAX:
        raise PolicyError(f"{len(extra)} policy packs were named; at most {PACKS_MAX} can be read.")
    ours = [entry for entry in (files("witting.rights") / "packs").iterdir() if entry.name.endswith(".toml")]
    sources = [(entry.name, entry.read_bytes()) for entry in sorted(ours, key=lambda entry: entry.name)]
    sources += [(str(path), _read(path)) for path in extra]
    read: dict[str, PackFile] = {}
    digests: dict[str, str] = {}
    for name, content in sources:
        pack = parse_pack(name, content)
        read[pack.jurisdiction] = pack
        digests[pack.jurisdiction] = hashlib.sha256(content).hexdigest()
    _refuse_two_packs_for_a_place(read.values())
    return Packs(read, digests)


def parse_pack(name: str, content: bytes) -> PackFile:
    """One pack file, checked whole: also the parameters of rules that are not yet, or no longer, in force."""
    try:
        pack = PackFile.model_validate(tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{name} is not TOML in UTF-8: {error}.") from error
    except ValidationError as error:
        raise PolicyError(f"{name}: {explain_fields(error, whole='pack')}.") from error
    for rules in [
        [],
        *([rule] for rule in pack.rule if rule.sets),
        [rule for rule in pack.rule if rule.status == "in_force"],
    ]:
        try:
            parameters = _parameters(pack, rules)
        except ValidationError as error:
            of = f"rule {rules[0].id}, sets" if len(rules) == 1 else "parameters"
            raise PolicyError(f"{name}: {of}: {explain_fields(error, whole='pack')}.") from error
        _require_interest_rule(name, pack, parameters)
    return pack


def _require_interest_rule(name: str, pack: PackFile, parameters: Parameters) -> None:
    wanted = f"{pack.prefix}.legitimate_interest"
    if parameters.legitimate_interest.allowed and wanted not in {rule.id for rule in pack.rule}:
        raise PolicyError(f"{name}: legitimate_interest.allowed is true, but the rule {wanted} is missing.")


def _parameters(pack: PackFile, rules: Iterable[Rule]) -> Parameters:
    merged: Mapping[str, Any] = pack.parameters
    for rule in rules:
        merged = _merge(merged, rule.sets)
    return Parameters.model_validate(merged)


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        inner = merged.get(name)
        both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        merged[name] = _merge(inner, value) if both else value
    return merged


def _refuse_two_packs_for_a_place(packs: Iterable[PackFile]) -> None:
    owner: dict[str, str] = {}
    for pack in packs:
        for place in pack.places:
            if place in owner:
                raise PolicyError(
                    f"places: {place} is claimed by the packs {owner[place]} and {pack.jurisdiction}; name it in one, "
                    f"or give your pack the jurisdiction {owner[place]!r} to replace ours."
                )
            owner[place] = pack.jurisdiction


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > PACK_BYTES_MAX:
            raise PolicyError(f"{path} is larger than {PACK_BYTES_MAX} bytes; a policy pack is a few pages.")
        return path.read_bytes()
    except OSError as error:
        raise PolicyError(f"{path} cannot be read as a policy pack: {error.strerror}.") from error
