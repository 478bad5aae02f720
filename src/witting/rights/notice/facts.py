"""The facts of a notice: who asks, what for, which data, for how long, and what a no and a withdrawal do.

Covers: the fields, their closed lists, and reading them from TOML. Not covered: their words (`texts/`). Every fact is
needed, because a notice with a gap is no notice: a missing, unknown or empty one is an error that names it.
A fact in free words is a name, the same in all languages, or a table of languages (`SPOKEN`).
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from witting.errors import InputError, UsageError

FACTS_BYTES_MAX = 1 << 16
LINE_CHARS_MAX = 160
NAMES_MAX = 20
ERRORS_SAID_MAX = 8
AT_ONCE = "0 days"
PERIOD = re.compile(r"([1-9]\d{0,2}) (day|month|year)s?")
Language = Literal["de", "en", "es", "fr", "hi", "it", "ja", "ko", "nl", "pl", "pt", "tr"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def _line(value: str) -> str:
    if not value.strip() or value != value.strip() or not value.isprintable():
        raise PydanticCustomError(
            "line", "should be one line of visible characters, without blanks around it"
        )
    return value


def _period(value: str) -> str:
    if not PERIOD.fullmatch(value):
        raise PydanticCustomError("period", 'should be a time such as "30 days", "12 months" or "2 years"')
    return value


def _period_or_none(value: str) -> str:
    return value if value == AT_ONCE else _period(value)


def _once(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("once", "names something twice")
    return values


Line = Annotated[str, Field(max_length=LINE_CHARS_MAX), AfterValidator(_line)]
Spoken = Line | dict[Language, Line]  # a name, or its words by language
Period = Annotated[str, AfterValidator(_period)]
PeriodOrAtOnce = Annotated[str, AfterValidator(_period_or_none)]
Names = Annotated[list[Line], Field(max_length=NAMES_MAX), AfterValidator(_once)]
Kind = Literal["messages", "answers", "ratings", "corrections"]
Where = Literal["page", "settings", "message"]
Right = Literal["access", "correct", "delete", "object", "restrict", "portability"]
Place = Literal["EU", "GB", "CH", "BR", "KR", "IN", "JP", "CA", "TR", "SG", "US"]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Controller(Part):
    name: Line
    contact: Line


class Model(Part):
    name: Line
    task: Literal["conversation", "writing", "code", "search", "support"]


class Data(Part):
    kinds: Annotated[list[Kind], Field(min_length=1), AfterValidator(_once)]
    scope: Literal["own_turns", "all_party"]
    only_after_yes: Literal[True]
    redacted: bool
    human_review: bool
    recipients: Names
    kept: Period
    stored_in: Annotated[list[Place], Field(min_length=1), AfterValidator(_once)]


class Withdrawal(Part):
    where: Annotated[list[Where], Field(min_length=1), AfterValidator(_once)]
    stop_within: PeriodOrAtOnce
    model: Literal["retrain", "filter", "stays"]
    model_within: Period | None = None

    @model_validator(mode="after")
    def _model_has_a_time(self) -> Withdrawal:
        if (self.model == "stays") != (self.model_within is None):
            raise PydanticCustomError(
                "model_within", "model_within is needed for retrain and filter, and said of nothing else"
            )
        return self


class Choice(Part):
    lasts: Period
    age_min: Annotated[int, Field(ge=13, le=25)]
    service_unchanged: Literal[True]


class Law(Part):
    profile: Literal["gdpr", "ccpa", "dpdp", "coppa", "global_floor"]
    basis: Spoken
    rights: Annotated[list[Right], Field(min_length=1), AfterValidator(_once)]
    authority: Spoken


class Facts(Part):
    """In the order of docs/notices.md."""

    version: Line
    purpose: Literal["fine_tune_own_model", "train_general_model"]
    languages: Annotated[list[Language], Field(min_length=1), AfterValidator(_once)] = list(LANGUAGES)
    controller: Controller
    model: Model
    data: Data
    withdrawal: Withdrawal
    choice: Choice
    law: Law

    @model_validator(mode="after")
    def _spoken_everywhere(self) -> Facts:
        for field, spoken in (("law.basis", self.law.basis), ("law.authority", self.law.authority)):
            missing = [] if isinstance(spoken, str) else [x for x in self.languages if x not in spoken]
            if missing:
                raise PydanticCustomError(
                    "spoken",
                    "{field} has no words in {languages}",
                    {"field": field, "languages": ", ".join(missing)},
                )
        return self


def read_facts(path: Path) -> Facts:
    """The facts in a TOML file. Raises UsageError (no file), InputError that names the fields that are wrong."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}.")
    if path.stat().st_size > FACTS_BYTES_MAX:
        raise InputError(f"{path} is larger than {FACTS_BYTES_MAX} bytes; the facts of a notice are a page.")
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML in UTF-8: {error}.") from error
    return facts_of(values, where=path.name)


def facts_of(values: dict[str, Any], *, where: str) -> Facts:  # Any: TOML values from outside, checked here
    """Raises InputError that names the first few fields that are missing, unknown or wrong."""
    try:
        return Facts.model_validate(values)
    except ValidationError as error:
        said = dict.fromkeys(
            _explain(detail) for detail in error.errors(include_input=False)[:ERRORS_SAID_MAX]
        )
        raise InputError(f"{where}: {'; '.join(said)}. docs/notices.md says what each fact is.") from error


def _explain(detail: ErrorDetails) -> str:
    arms = ("str", "constrained", "function", "dict", "[")  # names pydantic gives to the arms of a union
    where = [part for part in detail["loc"] if isinstance(part, str) and not part.startswith(arms)]
    field = ".".join(where)
    if detail["type"] == "missing":
        return f"the fact {field} is missing"
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(where[-1], _fields_beside(where), n=1)
        return f"the fact {field} is not known" + (f"; did you mean {near[0]}" if near else "")
    if field in {"choice.service_unchanged", "data.only_after_yes"}:
        return f"{field}: must be true, for a consent asked otherwise is invalid under every profile"
    return f"{field}: {detail['msg']}" if field else detail["msg"]


def _fields_beside(where: list[str]) -> list[str]:
    model: Any = Facts  # Any: pydantic gives a field's type as a plain annotation
    for name in where[:-1]:
        model = model.model_fields[name].annotation
    return list(model.model_fields)
