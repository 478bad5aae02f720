"""One policy pack as it is written: places, parameters, and dated rules that each carry the cases they answer.

Covers: the form of a pack file and its checks. Not covered: which pack a place has and what holds on a day
(`policy.py`), running the cases (`cases.py`). A field we do not know is refused by name, here as everywhere: a misspelt
`sets` would otherwise be a law that never comes into force.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from witting.rights.evidence import PROFILES
from witting.rights.reasons import NAMES
from witting.schema import AUDIENCES, CONSENT_VERDICTS, EVENT_KINDS, PURPOSES, REDACTION_KINDS

Words = tuple[str, ...]
OWN_TURNS = "own_turns"
ALL_PARTY = "all_party"
NEVER = "never"
Reach = Literal["own_turns", "all_party", "never"]
# The lists live in schema.py and its like, once.
Profile = Literal[PROFILES]  # type: ignore[valid-type]
Purpose = Literal[PURPOSES]  # type: ignore[valid-type]
Audience = Literal[AUDIENCES]  # type: ignore[valid-type]
Kind = Literal[REDACTION_KINDS]  # type: ignore[valid-type]
PLACE = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"
FIELDS_SAID_MAX = 8  # of an error
PLAINER = {"extra_forbidden": "is not known", "missing": "is missing", "too_short": "must not be empty"}
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
    audiences: tuple[Audience, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    lead_days: Annotated[int, Field(ge=0, le=3650)] = 45  # between the person's notice and the first use
    safeguards: Words = ()  # each proven in the latest assessment

    @model_validator(mode="after")
    def _guarded(self) -> LegitimateInterest:
        if self.allowed and not self.safeguards:
            raise ValueError("where legitimate interest is allowed, at least one safeguard must be named")
        return self


class Parameters(Closed):
    """What a pack decides with, at one time."""

    profile: Profile
    consent_days_max: Annotated[int, Field(ge=1, le=3650)] = 365
    answer_days: Annotated[int, Field(ge=1, le=365)] = 10  # to answer a request
    answer_months: Annotated[int, Field(ge=1, le=12)] | None = (
        None  # where the law counts months: the shorter
    )
    opt_out_business_days: Annotated[int, Field(ge=1, le=365)] | None = (
        None  # to honour a no, where it is less
    )
    complaint_days: Annotated[int, Field(ge=1, le=365)] | None = (
        None  # to acknowledge a complaint, where the law asks for that
    )
    special: Literal["explicit", "never"] = "never"  # may explicit consent open special categories?
    special_never: Mapping[Kind, tuple[Purpose, ...]] = {}  # and for which purposes it may not, by category
    audiences: Audiences
    age: Age = Age()
    legitimate_interest: LegitimateInterest = LegitimateInterest()


class Said(Closed):
    """A rights event of a case, at midnight UTC. Left out: the case's person, its purpose, a valid consent."""

    kind: Literal[EVENT_KINDS]  # type: ignore[valid-type]
    on: date
    who: str = "ana"
    purposes: tuple[Purpose, ...] | None = None
    verdict: Literal[CONSENT_VERDICTS] = "valid"  # type: ignore[valid-type]
    age: int | None = None
    special: tuple[Kind, ...] = ()
    safeguards: Words | Literal["all"] = ()


class Case(Closed):
    """A situation, and what the pack answers. One with `says` alone is prose: nothing of it is run."""

    says: Annotated[str, Field(min_length=1)]
    events: tuple[Said, ...] = ()
    said: date | None = None  # the turn, at midnight UTC; None: it has no time
    asked: date | None = None  # as of this day; None: prose
    purpose: Purpose = "fine_tune_own_model"
    audience: Audience = "assistant"
    others: Words = ()  # who took part beside ana
    surface: str = "example"
    barred: tuple[Purpose, ...] = ()
    place: Annotated[str, Field(pattern=PLACE)] | None = None  # None: the pack's first
    answer: Literal[NAMES] | None = None  # type: ignore[valid-type]  # the reason
    special: tuple[Kind, ...] | None = None  # what the consent opens of special categories
    profile: Profile | None = None  # the rules by which a consent of that day is judged

    @model_validator(mode="after")
    def _runnable(self) -> Case:
        if (self.asked is None) != (self.answer is None and self.profile is None):
            raise ValueError(
                "a case that is run has `asked` and `answer` (or `profile`); one of them is missing"
            )
        return self


class Rule(Closed):
    id: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]
    citation: Annotated[str, Field(min_length=1)]
    plain: Annotated[str, Field(min_length=1)]
    in_force_from: date | None = None  # None: pending, and nobody knows the day
    in_force_to: date | None = None  # first day it no longer holds
    status: Literal["in_force", "pending", "annulled"]
    reviewed: bool
    case: tuple[Case, ...] = ()
    sets: Mapping[str, Any] = {}  # Any: parameters, checked by merging them into the pack's

    @field_validator("case", mode="before")
    @classmethod
    def _prose(cls, value: object) -> object:
        """A case may be one sentence, as packs first had it."""
        return ({"says": value},) if isinstance(value, str) and value else value or ()

    @model_validator(mode="after")
    def _dated(self) -> Rule:
        if self.in_force_from is None and self.status != "pending":
            raise ValueError("in_force_from: only a pending rule may leave out its day")
        return self

    def holds(self, at: datetime) -> bool:
        if self.status != "in_force" or self.in_force_from is None or at < midnight(self.in_force_from):
            return False
        return self.in_force_to is None or at < midnight(self.in_force_to)


class PackFile(Closed):
    jurisdiction: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    title: str
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]  # of its rule ids
    version: Annotated[int, Field(ge=1)]
    reviewed: bool  # has a lawyer read the whole pack?
    note: str = ""  # what is left to the strictest rules, and why
    places: tuple[Annotated[str, Field(pattern=PLACE)], ...]
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


def explain_fields(error: ValidationError, *, whole: str) -> str:
    """What is wrong with an operator's file, field by field; `whole` names it where no field is to blame. Never a value."""
    found = []
    for detail in error.errors()[:FIELDS_SAID_MAX]:
        problem = PLAINER.get(detail["type"], detail["msg"].removeprefix("Value error, ").rstrip("."))
        found.append(f"{'.'.join(map(str, detail['loc'])) or whole}: {problem}")
    return "; ".join(found)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
