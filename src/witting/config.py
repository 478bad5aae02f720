"""`witting.toml` as typed values: every setting, its default, its limits.

Covers: reading and checking the file. Not covered: opening what it names (`workspace.py`).
A field that is not known is an error that names it and the nearest field that exists.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from witting.errors import ConfigError, NotAWorkspace
from witting.schema import PURPOSES

CONFIG_NAME = "witting.toml"
CONFIG_BYTES_MAX = 1 << 20

SEED_MAX = 2**53 - 1  # the largest whole number that canonical JSON (RFC 8785) holds exactly
SHOWN_CHARS_MAX = 60  # of a wrong value in an error
PLAINER = {"tuple_type": 'a list is needed, such as ["one", "two"]', "model_type": "a table is needed"}

Purpose = Literal[PURPOSES]  # type: ignore[valid-type]  # the closed list lives in schema.py, once
Switch = Annotated[bool, Field(strict=True)]  # strict: "no" or 1 is a mistake to name and not a yes
Whole = Annotated[int, Field(strict=True)]
Count = Annotated[Whole, Field(ge=1, le=1_000_000)]
Days = Annotated[Whole, Field(ge=1, le=36_500)]
Positive = Annotated[float, Field(gt=0, le=1_000, strict=True)]


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("an IANA time zone is needed, such as UTC or Europe/Berlin") from error
    return name


class Section(BaseModel):
    """A table of the file: frozen, and closed to names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Intake(Section):
    sources: tuple[str, ...] = ("inbox",)  # files or folders, relative to the workspace
    consume_inbox: Switch = True  # a file under inbox/ is deleted once its words are sealed and committed
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"  # for exports that carry no offset
    text_chars_max: Annotated[Whole, Field(ge=1, le=10_000_000)] = 100_000  # longer messages are quarantined
    retention_days: Days = 30  # words no door opens to are deleted after this
    part_rows: Count = 50_000  # bounds memory
    maps: tuple[str, ...] = ()  # column mappings of tables (TOML), relative to the workspace
    accounts: Mapping[str, str] = {}  # whose an export is that does not say it, by its name in the inbox


class Rights(Section):
    log: str | None = None  # a rights log (JSONL) to record before deciding, relative to the workspace
    purpose: Purpose = "fine_tune_own_model"
    packs: tuple[str, ...] = ()  # further policy packs (TOML), relative to the workspace
    consent_days_max: Days = 365  # a consent without its own end is taken to end after this


Said = Annotated[str, Field(min_length=1, max_length=500)]
Address = Annotated[str, Field(max_length=500, pattern=r"^(https?://|mailto:)\S+$")]


class Receipts(Section):
    """What a receipt says of who answers, beside ledger, evidence and notice. What nobody stated is listed on it as missing."""

    controller_id: Said | None = (
        None  # a register number or address by which the controller is told from others
    )
    controller_address: Said | None = None  # street and town, in one line
    controller_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = None  # ISO 3166-1
    controller_contact: Said | None = None  # whom to turn to: a person or an office
    controller_email: Annotated[str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    controller_phone: Annotated[str, Field(max_length=40, pattern=r"^\+?[0-9][0-9 ()./-]+$")] | None = None
    controller_url: Address | None = None
    privacy_notice_url: Address | None = None  # of the version that is shown now
    withdrawal_url: Address | None = None  # where a consent is withdrawn
    service: Said | None = None  # what people use, by the name they know


class Requests(Section):
    """Data Rights Protocol."""

    business_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = None  # in its directory
    verification_url: Annotated[str, Field(pattern=r"^https://[^\s]{1,500}$")] | None = (
        None  # where a person shows who they are
    )


class Redaction(Section):
    keep_dates: Switch = False  # replace exact dates unless true


class Curation(Section):
    examples_per_subject_max: Count = 50
    turn_chars_min: Count = 2
    labels_per_subject_max: Count = 20  # of one label set: preference, kto, corrected
    labels_per_subject_min: Count = 2  # so many are always taken: among few people no share is small
    labels_share_percent_max: Annotated[Whole, Field(ge=1, le=100)] = 5  # of a label set, one person's
    labels_need_age: Switch = False  # only people recorded as adults make labels
    heldout_percent: Annotated[Whole, Field(ge=0, le=50)] = 20  # of people, not of rows
    language_score_min_percent: Annotated[Whole, Field(ge=0, le=100)] = 50


class Corpus(Section):
    shards: Annotated[Whole, Field(ge=1, le=4096)] = 16  # a part and an adapter each


class Training(Section):
    base: str = "smollm2-135m-instruct"  # that name, a local folder, or a Hugging Face hub id
    steps: Count = 40  # optimiser steps in all, shared among the shards by their tokens
    batch_sequences: Annotated[Whole, Field(ge=1, le=4096)] = 4
    sequence_tokens: Annotated[Whole, Field(ge=16, le=8192)] = 64
    rank: Annotated[Whole, Field(ge=1, le=1024)] = 8
    alpha: Annotated[Whole, Field(ge=1, le=4096)] = 16
    learning_rate: Annotated[float, Field(gt=0, lt=1, strict=True)] = 1e-3
    target_modules: Annotated[tuple[str, ...], Field(min_length=1)] = ("q_proj", "k_proj", "v_proj", "o_proj")
    dpo_beta: Positive = 0.1
    merge_scale: Positive = 1.0  # applied to the mean of the shards' updates
    threads: Annotated[Whole, Field(ge=1, le=256)] = 2


class Audit(Section):
    canaries: Annotated[Whole, Field(ge=4, le=100_000)] = 64  # a coin decides for each whether it is planted
    controls: Annotated[Whole, Field(ge=0, le=100_000)] = (
        64  # never planted, beside those the coin leaves out
    )
    repeated: Annotated[Whole, Field(ge=1, le=1_000)] = 4  # planted several times: the positive control
    repeats: Annotated[Whole, Field(ge=2, le=1_000)] = 8
    extraction_people_max: Count = 300


class Gate(Section):
    profile: Literal["strict", "routine", "trial"] = "routine"


class Guard(Section):
    words: Annotated[Whole, Field(ge=4, le=64)] = 12  # a run of this many words is not repeated
    people_min: Count = 10  # unless at least so many people said it


class LedgerTiles(Section):
    tiles: Annotated[str, Field(min_length=1)] | None = None  # a folder, relative to the workspace
    tiles_entries: Switch = False  # publish the entries too, not only their hashes


class Settings(Section):
    """The whole file. Every table and field is optional."""

    database: str = "sqlite:///witting.db"  # or postgresql://...; a sqlite path is relative to the workspace
    objects: str = "objects"  # a folder in the workspace, or s3://bucket/prefix
    controller: Annotated[str, Field(min_length=1, max_length=500)] = (
        "(not stated)"  # who answers for the processing
    )
    engine: Literal["local"] = "local"
    workers: Annotated[Whole, Field(ge=1, le=256)] = 2
    seed: Annotated[Whole, Field(ge=0, le=SEED_MAX)] = 20_261_124

    intake: Intake = Intake()
    rights: Rights = Rights()
    receipts: Receipts = Receipts()
    requests: Requests = Requests()
    redaction: Redaction = Redaction()
    curation: Curation = Curation()
    corpus: Corpus = Corpus()
    training: Training = Training()
    audit: Audit = Audit()
    gate: Gate = Gate()
    guard: Guard = Guard()
    ledger: LedgerTiles = LedgerTiles()


def read_settings(root: Path) -> Settings:
    """The settings of the workspace at `root`. Raises NotAWorkspace, ConfigError."""
    path = root / CONFIG_NAME
    if not path.is_file():
        raise NotAWorkspace(
            f"{path} does not exist. Make a workspace with `witting init {root}`, or name one with --workspace."
        )
    if path.stat().st_size > CONFIG_BYTES_MAX:
        raise ConfigError(f"{path} is larger than {CONFIG_BYTES_MAX} bytes; it should be a page of settings.")
    try:
        return Settings.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML in UTF-8: {error}.") from error
    except ValidationError as error:
        raise ConfigError(f"{path}: {' '.join(_explain(e) for e in error.errors())}") from None


def _explain(error: ErrorDetails) -> str:
    where = [str(part) for part in error["loc"]]
    field = ".".join(where)
    if error["type"] == "extra_forbidden":
        known = _fields_beside(where)
        near = difflib.get_close_matches(where[-1], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"fields there: {', '.join(sorted(known))}."
        return f"the field {field} is not known; {hint}"
    wanted = PLAINER.get(error["type"], error["msg"].removeprefix("Value error, ").rstrip("."))
    return f"{field}: {wanted}; it is {_shown(where, error['input'])}."


def _shown(where: list[str], value: object) -> str:
    """The wrong value, cut; a database URL may hold a password and is never shown."""
    if where[0] in ("database", "objects"):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= SHOWN_CHARS_MAX else f"{text[:SHOWN_CHARS_MAX]}…"


def _fields_beside(where: list[str]) -> list[str]:
    if len(where) == 1:
        return list(Settings.model_fields)
    section = Settings.model_fields[where[0]].annotation  # two levels: a field of a table
    return list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []
