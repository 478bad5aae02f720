"""Policy packs: one jurisdiction's dated rules as data, and which of them apply to a place at a time.

Covers: reading and checking packs (TOML, `packs/*.toml` and the operator's own), from a place (ISO 3166-1 or -2) to its
pack, and from a time to the rules in force then. Not covered: what the rules are asked about (`decide.py`).
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
from datetime import UTC, date, datetime, time
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from witting.errors import PolicyError
from witting.rights.evidence import FLOOR, PROFILES
from witting.schema import AUDIENCES, PURPOSES

PACK_BYTES_MAX = 1 << 20
PACKS_MAX = 200
Words = tuple[str, ...]
OWN_TURNS = "own_turns"
ALL_PARTY = "all_party"
NEVER = "never"
Reach = Literal["own_turns", "all_party", "never"]
# Rules every pack must state, because decisions name them; legitimate_interest where it is allowed.
RULES_REQUIRED = ("consent", "withdrawal", "objection", "minor", "all_party", "as_of")


class Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Audiences(Closed):
    """Whose open door a turn needs, by who could see it: its subject's, every party's, or none opens it."""

    assistant: Reach
    direct: Reach
    closed_group: Reach
    public: Reach
    unknown: Reach

    def reach(self, audience: str | None) -> Reach:
        reach: Reach = getattr(self, audience) if audience in AUDIENCES else self.unknown
        return reach


class Age(Closed):
    minimum: Annotated[int, Field(ge=13, le=18)] = 18  # years; no door opens below
    consent: Mapping[
        str, Annotated[int, Field(ge=0, le=18)]
    ] = {}  # by place: age from which no parent is needed


class LegitimateInterest(Closed):
    allowed: bool = False
    audiences: tuple[Literal[AUDIENCES], ...] = ()  # type: ignore[valid-type]  # the list lives in schema.py, once
    purposes: tuple[Literal[PURPOSES], ...] = ()  # type: ignore[valid-type]  # the list lives in schema.py, once
    lead_days: Annotated[int, Field(ge=0, le=3650)] = 45  # between the person's notice and the first use
    safeguards: Words = ()  # each proven in the latest assessment

    @model_validator(mode="after")
    def _guarded(self) -> LegitimateInterest:
        if self.allowed and not self.safeguards:
            raise ValueError("where legitimate interest is allowed, at least one safeguard must be named")
        return self


class Parameters(Closed):
    """What a pack decides with, at one time."""

    profile: Literal[PROFILES]  # type: ignore[valid-type]  # the list lives in evidence.py, once
    consent_days_max: Annotated[int, Field(ge=1, le=3650)] = 365
    answer_days: Annotated[int, Field(ge=1, le=365)] = 10  # to answer a request
    special: Literal["explicit", "never"] = "never"  # may explicit consent open special categories?
    audiences: Audiences
    age: Age = Age()
    legitimate_interest: LegitimateInterest = LegitimateInterest()


class Rule(Closed):
    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]
    citation: Annotated[str, Field(min_length=1)]
    plain: Annotated[str, Field(min_length=1)]
    in_force_from: date
    in_force_to: date | None = None  # first day it no longer holds
    status: Literal["in_force", "pending", "annulled"]
    reviewed: bool
    case: str = ""  # a situation and what the rule answers
    sets: Mapping[str, Any] = {}  # Any: parameters, checked by merging them into the pack's

    def holds(self, at: datetime) -> bool:
        begun = _midnight(self.in_force_from) <= at
        return (
            self.status == "in_force"
            and begun
            and (self.in_force_to is None or at < _midnight(self.in_force_to))
        )


class PackFile(Closed):
    jurisdiction: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    title: str
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]  # of its rule ids
    version: Annotated[int, Field(ge=1)]
    reviewed: bool  # has a lawyer read the whole pack?
    places: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")], ...]
    parameters: Mapping[str, Any]  # Any: checked as Parameters once the rules of a time are merged in
    rule: tuple[Rule, ...]

    @model_validator(mode="after")
    def _complete(self) -> PackFile:
        named = [rule.id for rule in self.rule]
        if len(set(named)) != len(named):
            raise ValueError("two rules have the same id")
        if astray := [name for name in named if not name.startswith(f"{self.prefix}.")]:
            raise ValueError(f"rule {astray[0]} does not begin with the prefix {self.prefix}")
        if missing := [name for name in RULES_REQUIRED if f"{self.prefix}.{name}" not in named]:
            raise ValueError(f"the rule {self.prefix}.{missing[0]} is missing; decisions name it")
        return self


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
            parameters=_parameters(read, [rule for rule in read.rule if rule.holds(at)]),
            rules=read.rule,
        )

    def turning_points(self) -> list[datetime]:
        """The days on which some pack's parameters change, ascending."""
        changing = [rule for read in self.files.values() for rule in read.rule if rule.sets]
        days = {rule.in_force_from for rule in changing} | {rule.in_force_to for rule in changing}
        return sorted(_midnight(day) for day in days if day is not None)

    def sha256s(self) -> dict[str, str]:
        return dict(sorted(self.digests.items()))

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
        raise PolicyError(f"{name}: {_explain(error)}.") from error
    for rules in [
        [],
        *([rule] for rule in pack.rule),
        [rule for rule in pack.rule if rule.status == "in_force"],
    ]:
        try:
            parameters = _parameters(pack, rules)
        except ValidationError as error:
            of = f"rule {rules[0].id}, sets" if len(rules) == 1 else "parameters"
            raise PolicyError(f"{name}: {of}: {_explain(error)}.") from error
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


def _explain(error: ValidationError) -> str:
    found = [f"{'.'.join(map(str, e['loc'])) or 'pack'}: {e['msg'].rstrip('.')}" for e in error.errors()[:8]]
    return "; ".join(found)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
