"""A table of any columns, read by a mapping that says what each of them means.

Covered: one turn a row (conversation, speaker, role, time, text, feedback in columns), from JSON lines, JSON arrays, CSV
and Parquet; the mapping as TOML, checked whole before a file is read. Not covered: several turns in one row (name its
shape instead: the readers of logs and sets know the common ones).

    source = "support_chat"             # the surface; handles become support_chat:SPEAKER
    audience = "assistant"              # or audience_column
    time_zone = "Europe/Berlin"         # of times without an offset; left out: the workspace's
    [columns]                           # ours = theirs; text and speaker are needed
    conversation = "ticket"
    speaker = "customer_id"
    role = "author"
    text = "body"
    time = "sent_at"
    [roles]                             # theirs = ours; a value that is not here makes a bad record
    customer = "user"
    bot = "assistant"

The operator's own data: what its platform's terms bar is the operator's to state, so the mapping may say
`permitted = [...]` (purposes); left out, all but advertising. Turns carry what is not permitted as barred purposes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from witting.errors import UsageError
from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.assistants.tree import fit_id
from witting.intake.facts import PermittedUse, all_facts, family
from witting.intake.instant import Instant, from_either, from_epoch
from witting.intake.signals import feedback, is_text, number, rating
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn
from witting.intake.tables.rows import Row, columns, rows
from witting.schema import AUDIENCES, PURPOSES

NAME = "table"
Column = Literal[
    "conversation", "turn", "parent", "speaker", "role", "text", "time",
    "thumb", "rating", "comment", "correction", "deleted", "edited",
]  # fmt: skip
_YES, _NO = ("true", "1", "1.0", "yes", "y", "t"), ("", "false", "0", "0.0", "no", "n", "f")
OUR_ROLES = ("user", "assistant", "system", "person")


class Mapped(BaseModel):
    """The mapping, as its TOML says it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    columns: dict[Column, str]
    audience: Literal["assistant", "direct", "closed_group", "public", "unknown"] = "unknown"
    audience_column: str | None = None
    audiences: dict[str, Literal["assistant", "direct", "closed_group", "public", "unknown"]] = {}
    roles: dict[str, Literal["user", "assistant", "system", "person"]] = {}
    time_format: str | None = None  # strptime; left out: ISO 8601, or numbers since 1970
    time_zone: str | None = None
    permitted: list[str] = [purpose for purpose in PURPOSES if purpose != "personalise_ads"]
    terms: str = "The operator's own data; its terms are the operator's to state."

    @field_validator("columns")
    @classmethod
    def _needed(cls, value: dict[Column, str]) -> dict[Column, str]:
        if missing := {"text", "speaker"} - set(value):
            raise ValueError(f"no column for {', '.join(sorted(missing))}")
        return value

    @field_validator("source")
    @classmethod
    def _new(cls, value: str) -> str:
        if value in all_facts():
            raise ValueError(f"{value} is a source already; choose another name")
        return value

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str | None) -> str | None:
        if value is not None and value not in available_timezones():
            raise ValueError("no such time zone; names are like Europe/Berlin")
        return value

    @field_validator("permitted")
    @classmethod
    def _purposes(cls, value: list[str]) -> list[str]:
        if unknown := set(value) - set(PURPOSES):
            raise ValueError(f"{sorted(unknown)[0]} is no purpose; there are {', '.join(PURPOSES)}")
        return value


def read_mapping(path: Path) -> Mapped:
    """Raises UsageError, naming the file and the field."""
    try:
        return Mapped.model_validate(tomllib.loads(path.read_text("utf-8")))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        said, place = first["msg"].removeprefix("Value error, "), list(map(str, first["loc"]))
        if place[-1:] == ["[key]"]:
            said = f"no column of ours; there are {', '.join(get_args(Column))}"
        field = ".".join(part for part in place if part != "[key]") or "the mapping"
        raise UsageError(f"{path}: {field}: {said}.") from error


def source_from(mapping: Mapped) -> Source:
    """A source that claims tables holding all the mapping's columns, and reads them by it."""
    known = family("tables")[NAME]
    term = PermittedUse(known.terms[0].from_day, tuple(mapping.permitted), "", mapping.terms, False)
    return Source(
        name=mapping.source,
        facts=replace(known, title=f"Table: {mapping.source}", terms=(term,)),
        claims=partial(_claims, mapping),
        read=partial(_read, mapping),
    )


def wanted_columns(mapping: Mapped) -> set[str]:
    """The columns, by their own names, that a table must have to be read by it."""
    return set(mapping.columns.values()) | ({mapping.audience_column} if mapping.audience_column else set())


def _claims(mapping: Mapped, member: Member, head: bytes) -> bool:
    return wanted_columns(mapping) <= columns(member, head)


@dataclass
class _Last:
    """The last turn of each conversation: the parent of the next where no column names one."""

    turn: dict[str, str]
    count: dict[str, int]


def _read(mapping: Mapped, export: Export) -> Iterator[Turn | Skipped]:
    last = _Last({}, {})
    for member in export.claimed:
        for row in rows(member):
            found = _Bad(row.fault) if row.fault else _turn(mapping, row, member.path, last)
            if isinstance(found, Turn):
                yield found
                continue
            record = row.record if found.reason != "no_text" else None
            where = _where(row, mapping.columns.get(found.column) if found.column else None)
            yield Skipped(member.path, found.reason, (row.start, row.end), record, where)


@dataclass(frozen=True)
class _Bad:
    """Why a row gave no turn, and our name of the column it lies in."""

    reason: str
    column: Column | None = None


def _where(row: Row, column: str | None) -> str:
    """Line and column, as far as the format and the fault have them."""
    line = f"line {row.line}" if row.line else f"bytes {row.start}-{row.end}"
    return f"{line}, column {column}" if column else line


def _turn(mapping: Mapped, row: Row, member: str, last: _Last) -> Turn | _Bad:
    """The turn, or why the row is none."""
    cell = partial(_cell, mapping, row)
    text, deleted, edited = cell("text"), _flag(cell("deleted")), _flag(cell("edited"))
    if deleted is None or edited is None:
        return _Bad("unknown_shape", "deleted" if deleted is None else "edited")
    if text is not None and not is_text(text):
        return _Bad("lone_surrogate" if isinstance(text, str) else "unknown_shape", "text")
    if not deleted and (text is None or not text.strip()):
        return _Bad("no_text")
    role = mapping.roles.get(str(cell("role")), str(cell("role"))) if "role" in mapping.columns else "user"
    audience = _audience(mapping, row)
    if role not in OUR_ROLES or audience is None:
        return _Bad("unknown_role", "role") if role not in OUR_ROLES else _Bad("unknown_audience")
    time = _time(mapping, cell("time"))
    if time is None and cell("time") is not None:
        return _Bad("unknown_time", "time")
    conversation = _id(cell("conversation")) or f"row-{row.start}"
    last.count[conversation] = last.count.get(conversation, 0) + 1
    turn = _id(cell("turn")) or str(last.count[conversation])
    parent = _id(cell("parent")) if "parent" in mapping.columns else last.turn.get(conversation)
    last.turn[conversation] = turn
    return Turn(
        member=member,
        conversation=conversation,
        turn=turn,
        parent=parent,
        speaker=_id(cell("speaker")) or UNKNOWN_ACCOUNT if role in ("user", "person") else role,
        role=role,
        time=time.iso if time else None,
        time_precision="s" if time else None,
        text=None if deleted else text,
        audience=audience,
        source=mapping.source,
        bytes=(row.start, row.end),
        edited=edited,
        deleted=deleted,
        barred=tuple(purpose for purpose in PURPOSES if purpose not in mapping.permitted),
        signals=_signals(cell),
    )


def _cell(mapping: Mapped, row: Row, name: Column) -> Any:  # Any: cells as the format has them
    column = mapping.columns.get(name)
    value = None if column is None else row.value.get(column)
    return None if value == "" else value


def _id(value: object) -> str | None:
    """Ids are strings or whole numbers."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    return fit_id(str(value))


def _flag(value: object) -> bool | None:
    """No where nothing stands; None where something stands that is neither yes nor no, such as the time of a deletion."""
    said = "" if value is None else str(value).strip().lower()
    return said in _YES if said in _YES or said in _NO else None


def _audience(mapping: Mapped, row: Row) -> str | None:
    if mapping.audience_column is None:
        return mapping.audience
    value = str(row.value.get(mapping.audience_column))
    said = mapping.audiences.get(value, value)
    return said if said in AUDIENCES else None


def _time(mapping: Mapped, value: object) -> Instant | None:
    if isinstance(value, datetime):
        return _zoned(mapping, value)
    if mapping.time_format is not None:
        try:
            return _zoned(mapping, datetime.strptime(str(value), mapping.time_format))
        except (ValueError, OverflowError):
            return None
    if isinstance(value, str) and (epoch := from_epoch(value)) is not None:
        return epoch
    found = from_either(value.replace(" ", "T", 1) if isinstance(value, str) else value)
    if found is None or mapping.time_zone is None:
        return found
    return _zoned(mapping, datetime.fromisoformat(found.iso))


def _zoned(mapping: Mapped, moment: datetime) -> Instant | None:
    if moment.tzinfo is None and mapping.time_zone is not None:
        moment = moment.replace(tzinfo=ZoneInfo(mapping.time_zone))
    try:
        return Instant(moment.isoformat(), 0.0)
    except (ValueError, OverflowError):
        return None


def _signals(cell: Any) -> tuple[Signal, ...]:  # Any: a function of a column
    found = feedback(cell("thumb"), comment=cell("comment"), source_kind="column")
    found += rating(number(cell("rating")), source_kind="column")
    correction = cell("correction")
    if is_text(correction) and correction.strip():
        found += (Signal("correction", text=correction, source_kind="column"),)
    return found
