"""The evidence record of one consent: 34 things a controller must be able to show about how it was given.

Covers: the fields, their types and limits, and reading them from JSON values. Not covered: what they are worth
(`gates.py`, `evidence.py`). Every field may be absent, because absence is a finding and not a crash: GDPR Art. 7(1)
puts the burden of proof on the controller. A field we do not know, or a value of another type, is refused by name:
a misspelt field would otherwise be a silent "missing".

Times are ISO 8601; without an offset they are read as UTC. Values of closed lists (`action`, `surface`, ...) stay
plain strings here: one we do not know fails its rule instead of the reading.
Source: the fields follow ISO/IEC TS 27560 and add what it lacks, the quality of the capture.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from witting.errors import InvalidEvent

NOTICE_CHARS_MAX = 100_000
WORD_CHARS_MAX = 2_000
LIST_ITEMS_MAX = 200
SIGNAL_CHARS_MAX = 20_000


def parse_time(value: object) -> datetime:
    """ISO 8601 to UTC; a time without an offset is read as UTC. Raises ValueError."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        moment = datetime.fromisoformat(value)
    else:
        raise ValueError("not a time")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time(value: object) -> object:
    if value is None:
        return None
    try:
        return parse_time(value)
    except (ValueError, OverflowError):
        raise PydanticCustomError(
            "time", "should be a time in ISO 8601, such as 2026-03-02T09:30:00Z"
        ) from None


Time = Annotated[datetime, BeforeValidator(_time)]
Word = Annotated[str, Field(max_length=WORD_CHARS_MAX)]
Words = Annotated[list[Word], Field(max_length=LIST_ITEMS_MAX)]
Count = Annotated[int, Field(ge=0, le=10**12)]
# Text, a flag, or the records of an account; the signal's own reader checks them.
SignalValue = (
    Annotated[str, Field(max_length=SIGNAL_CHARS_MAX)] | bool | int | dict[str, Any] | list[Any] | None
)
Ratio = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]


class Record(BaseModel):
    """Part of the record: frozen, strict in types, closed to names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Readability(Record):
    grade: Ratio | None = None  # school grade of the first layer
    words: Count | None = None  # on the first layer


class Notice(Record):
    version: Word | int | None = None
    sha256: Word | None = None  # of the text shown, UTF-8, 64 hex
    text: Annotated[str, Field(max_length=NOTICE_CHARS_MAX)] | None = None
    lang: Word | None = None  # BCP 47
    shown_at: Time | None = None
    elements: Words | None = None
    readability: Readability | None = None


class Ui(Record):
    lang: Word | None = None  # BCP 47


class Prominence(Record):
    """Ratios refuse : accept; 1 is equal."""

    contrast: Ratio | None = None
    size: Ratio | None = None
    colour: Ratio | None = None


class AgeAssurance(Record):
    method: Word | None = None
    result: Word | bool | int | None = None  # pass, adult, over_18, true, or an age in years
    min_age: Annotated[int, Field(ge=0, le=150)] | None = None  # the age that was checked for


class ParentalConsent(Record):
    method: Word | None = None
    verifier: Word | None = None
    ts: Time | None = None


class PreferenceSignal(Record):
    """A preference the person's browser, platform or account sent, as it came (`signals/`)."""

    kind: Word | None = None
    value: SignalValue = None
    at: Time | None = None
    overridden_at: Time | None = None  # when the person said otherwise, in words


class CapturedBy(Record):
    app: Word | None = None
    build: Word | int | None = None
    ui_test_id: Word | int | None = None  # names a stored screenshot or page hash


class EvidenceSignature(Record):
    signature: Word | None = None
    log_index: Count | None = None


class Incentive(Record):
    amount: Word | Ratio | None = None
    currency: Word | None = None
    disclosed: bool | None = None
    coercive: bool | None = None


class DataWindow(Record):
    start: Time | None = Field(default=None, alias="from")
    end: Time | None = Field(default=None, alias="to")


class Evidence(Record):
    """One record, in the order of `docs/formats/evidence.md`."""

    action: Word | None = None
    default_state: Word | None = None
    purposes: Words | None = None
    bundled_with: Words | None = None
    conditional_service: bool | None = None
    refuse_present_same_layer: bool | None = None
    steps_accept: Count | None = None
    steps_refuse: Count | None = None
    steps_withdraw: Count | None = None
    withdraw_channels: Words | None = None
    withdraw_tested_at: Time | None = None
    notice: Notice | None = None
    ui: Ui | None = None
    surface: Word | None = None
    depth: Count | None = None
    prominence: Prominence | None = None
    wording_lint: Words | None = None
    prompt_count_after_refusal: Count | None = None
    dwell_ms: Count | None = None
    age_assurance: AgeAssurance | None = None
    parental_consent: ParentalConsent | bool | None = None
    imbalance: Word | None = None
    explicit_for_special: Annotated[dict[Word, bool], Field(max_length=LIST_ITEMS_MAX)] | None = None
    subject_scope: Word | None = None
    jurisdiction: Word | None = None
    jurisdiction_evidence: Word | None = None
    controller: Word | None = None
    recipients: Words | None = None
    model_family: Word | None = None
    valid_from: Time | None = None
    expires_at: Time | None = None
    signals: Annotated[list[PreferenceSignal], Field(max_length=LIST_ITEMS_MAX)] | None = None
    status: Word | None = None
    subject_ref: Word | None = None
    captured_by: CapturedBy | None = None
    evidence_sig: EvidenceSignature | None = None
    incentive: Word | Ratio | Incentive | None = None
    data_window: DataWindow | None = None


def read_evidence(values: Mapping[str, Any]) -> Evidence:  # Any: JSON values from outside, checked here
    """The typed record. Raises InvalidEvent that names the first few fields that are unknown or ill-typed."""
    try:
        return Evidence.model_validate(dict(values))
    except ValidationError as error:
        found = dict.fromkeys(_explain(detail) for detail in error.errors(include_input=False)[:8])
        raise InvalidEvent(f"evidence: {'; '.join(found)}.") from error


def _explain(detail: ErrorDetails) -> str:
    where = _field_names(detail["loc"])
    field = ".".join(where)
    if detail["type"] == "extra_forbidden":
        known = _fields_beside(where)
        near = difflib.get_close_matches(where[-1], known, n=1)
        hint = f"did you mean {near[0]}" if near else f"fields there are {', '.join(known)}"
        return f"the field {field} is not known; {hint}"
    return f"{field}: {detail['msg']}"


def _field_names(location: tuple[int | str, ...]) -> list[str]:
    """The path without list positions and without the names pydantic gives to the arms of a union."""
    arms = {
        "constrained-str",
        "str",
        "bool",
        "int",
        "float",
        "constrained-float",
        "dict[str,any]",
        "list[any]",
    }
    models = {model.__name__ for model in Record.__subclasses__()}
    return [str(part) for part in location if isinstance(part, str) and part not in arms | models]


def _fields_beside(where: list[str]) -> list[str]:
    model: type[BaseModel] = Evidence
    for name in where[:-1]:
        model = _inner_model(model, name)
    return [field.alias or name for name, field in model.model_fields.items()]


def _inner_model(model: type[BaseModel], name: str) -> type[BaseModel]:
    if name not in model.model_fields:
        return model
    waiting = [model.model_fields[name].annotation]
    while waiting:
        candidate = waiting.pop()
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
        waiting.extend(get_args(candidate))
    return model
