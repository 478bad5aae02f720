"""`witting.toml` as typed values: every setting, its default, its limits.

Covers: reading and checking the file. Not covered: opening what it names (`workspace.py`).
A field that is not known is an error that names it and the nearest field that exists.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from witting.errors import ConfigError, NotAWorkspace
from witting.schema import PURPOSES

CONFIG_NAME = "witting.toml"
CONFIG_BYTES_MAX = 1 << 20

Purpose = Literal[PURPOSES]  # type: ignore[valid-type]  # the closed list lives in schema.py, once
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of the file: frozen, and closed to names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Intake(Section):
    sources: tuple[str, ...] = ("inbox",)  # files or folders, relative to the workspace
    consume_inbox: bool = True  # a file under inbox/ is deleted once its words are sealed and committed
    time_zone: str = "UTC"  # IANA name, for exports that carry no offset
    text_chars_max: Count = 100_000  # longer messages are quarantined
    retention_days: Count = 30  # words no door opens to are deleted after this
    part_rows: Count = 50_000


class Rights(Section):
    log: str | None = None  # a rights log (JSONL) to record before deciding, relative to the workspace
    purpose: Purpose = "fine_tune_own_model"
    packs: tuple[str, ...] = ()  # further policy packs (TOML), relative to the workspace
    consent_days_max: Count = 365  # a consent without its own end is taken to end after this


class Redaction(Section):
    keep_dates: bool = False  # replace exact dates unless true


class Curation(Section):
    examples_per_subject_max: Count = 50
    turn_chars_min: Count = 2
    heldout_percent: Annotated[int, Field(ge=0, le=50)] = 20  # of people, not of rows
    language_score_min_percent: Annotated[int, Field(ge=0, le=100)] = 50


class Corpus(Section):
    shards: Annotated[int, Field(ge=1, le=4096)] = 16  # a part and an adapter each


class Training(Section):
    base: str = "smollm2-135m-instruct"  # that name, a local folder, or a Hugging Face hub id
    steps: Count = 40  # optimiser steps in all, shared among the shards by their tokens
    batch_sequences: Count = 4
    sequence_tokens: Annotated[int, Field(ge=16, le=8192)] = 64
    rank: Count = 8
    alpha: Count = 16
    learning_rate: Annotated[float, Field(gt=0, lt=1)] = 1e-3
    target_modules: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj")
    dpo_beta: Annotated[float, Field(gt=0)] = 0.1
    merge_scale: Annotated[float, Field(gt=0)] = 1.0  # applied to the mean of the shards' updates
    threads: Count = 2


class Audit(Section):
    canaries: Annotated[int, Field(ge=4)] = 64  # a coin decides for each whether it is planted
    controls: Annotated[int, Field(ge=0)] = (
        64  # canaries that are never planted, beside those the coin leaves out
    )
    repeated: Annotated[int, Field(ge=1)] = 4  # planted several times: the positive control
    repeats: Annotated[int, Field(ge=2)] = 8
    extraction_people_max: Count = 300


class Gate(Section):
    profile: Literal["strict", "routine", "trial"] = "routine"


class Guard(Section):
    words: Annotated[int, Field(ge=4, le=64)] = 12  # a run of this many words is not repeated
    people_min: Count = 10  # unless at least so many people said it


class Settings(Section):
    """The whole file. Every table and field is optional."""

    database: str = "sqlite:///witting.db"  # or postgresql://...; a sqlite path is relative to the workspace
    objects: str = "objects"  # a folder in the workspace, or s3://bucket/prefix
    controller: str = "(not stated)"  # who answers for the processing; printed on certificates
    engine: Literal["local"] = "local"
    workers: Annotated[int, Field(ge=1, le=256)] = 2
    seed: int = 20_261_124

    intake: Intake = Intake()
    rights: Rights = Rights()
    redaction: Redaction = Redaction()
    curation: Curation = Curation()
    corpus: Corpus = Corpus()
    training: Training = Training()
    audit: Audit = Audit()
    gate: Gate = Gate()
    guard: Guard = Guard()


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
        raise ConfigError(f"{path}: {'; '.join(_explain(e) for e in error.errors())}") from error


def _explain(error: ErrorDetails) -> str:
    where = [str(part) for part in error["loc"]]
    field = ".".join(where)
    if error["type"] == "extra_forbidden":
        known = _fields_beside(where)
        near = difflib.get_close_matches(where[-1], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"fields there: {', '.join(sorted(known))}."
        return f"the field {field} is not known; {hint}"
    return f"{field}: {error['msg'].rstrip('.')}."


def _fields_beside(where: list[str]) -> list[str]:
    if len(where) == 1:
        return list(Settings.model_fields)
    section = Settings.model_fields[where[0]].annotation  # two levels: a field of a table
    return list(section.model_fields) if isinstance(section, type) and issubclass(section, BaseModel) else []
