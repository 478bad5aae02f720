"""What a source is, and the values a reader yields.

Covers: the shapes between readers and the rest of intake. Not covered: reading (one file a source),
finding which source a file belongs to (`detect.py`), archives and their dangers (`archive.py`), sealing (`seal.py`).

A reader is two functions. `claims(member, head)` looks at a member's name and its first 64 KiB and says whether the
file is of this source: content decides, the name is a hint. `read(export)` yields turns and skipped records of all
members of one export that the source claimed, in file order, never raising for a bad record: bad input becomes a
`Skipped` with its reason, and only a file that cannot be read at all raises UnreadableFile.

What one of is made for every message read is a msgspec struct: as a frozen dataclass it takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec

from witting.intake.facts import Facts

HEAD_BYTES = 65_536


@dataclass(frozen=True)
class Member:
    """A file, or one file inside an archive. `open` may be called any number of times; close what it returns."""

    path: str  # relative to the export's root, with forward slashes
    size_bytes: int
    open: Callable[[], BinaryIO]

    def head(self) -> bytes:
        """The first 64 KiB."""
        with self.open() as stream:
            return stream.read(HEAD_BYTES)


@dataclass(frozen=True)
class Export:
    """What one source claimed in one file, folder or archive, and everything that lies beside it."""

    claimed: tuple[Member, ...]  # sorted by path, numbers as numbers
    beside: Mapping[str, Member]  # every member of the same root by path: profile files, feedback files
    sha256: str  # of the archive, of the single file, or of the sorted list of members' hashes


class Evidence(msgspec.Struct, frozen=True, gc=False):
    """Where the words lie that a signal was read from: code points of that turn's text."""

    turn: str  # native id, in the same conversation
    start: int
    end: int


class Signal(msgspec.Struct, frozen=True, gc=False):
    """Feedback on a turn. `kind` is one of schema.SIGNAL_KINDS; `value` is JSON and holds no one's words."""

    kind: str
    value: Any = None  # Any: JSON, by kind; turns inside it are native turn ids of the same conversation
    text: str | None = None  # a comment or correction in the person's words
    source_kind: str | None = None
    time: str | None = None
    by: str | None = None  # speaker who gave it; null = the person the turn answers
    rule: str = (
        "recorded/1"  # how it was read: what a product recorded, or a rule over words, with its version
    )
    confidence: float = 1.0  # that it means what `kind` says: 1 where a product recorded the act itself
    evidence: Evidence | None = None  # for what people imply in their words


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One message as the export has it; text is never changed on reading."""

    member: str  # path of the member it was read from
    conversation: str  # native key, unique within the source
    turn: str  # native id, or its position where the format has none; unique within the conversation
    parent: str | None
    speaker: str  # name or id in the export; the handle is f"{source}:{speaker}"
    role: str  # schema.ROLES
    time: str | None  # ISO 8601, with an offset only if the file has one
    time_precision: str | None  # schema.PRECISIONS
    text: str | None  # None where deleted or unsent
    audience: str  # schema.AUDIENCES
    source: str
    bytes: tuple[int, int]  # offsets in the member
    edited: bool = False
    deleted: bool = False
    on_active_path: bool = True
    owner: str | None = None  # whose data an assistant's turn is, where the source itself says so
    barred: tuple[str, ...] = ()  # schema.PURPOSES that the place it was published at refuses
    signals: tuple[Signal, ...] = ()


class Skipped(msgspec.Struct, frozen=True, gc=False):
    """A record that gave no turn. With `record` it was bad and goes to quarantine; without, it was skipped on purpose
    (a system line, media without words)."""

    member: str
    reason: (
        str  # snake_case, a closed list in each reader: system_line, media_omitted, no_text, broken_json, ...
    )
    bytes: tuple[int, int]
    record: bytes | None = None
    where: str = ""  # line and column, where the format has such: never a value


class Feedback(msgspec.Struct, frozen=True, gc=False):
    """Feedback on a turn that may stand in another file, or not have come yet. Counted as skipped, and as a signal."""

    member: str
    bytes: tuple[int, int]
    source: str
    conversation: str
    turn: str  # native id of the turn it is about
    id: str  # of the feedback: the same one told twice is one
    signal: Signal  # its `by` is set
    reason: str = "feedback_event"
    record: bytes | None = None


@dataclass(frozen=True)
class RightsRecord:
    """What a person said about their data, in a stream of events: recorded in the ledger before any turn beside it is
    committed. Counted as skipped. `event` has the fields of docs/formats/rights-events.md, `subject` a handle."""

    member: str
    bytes: tuple[int, int]
    event: Mapping[str, Any] = field(repr=False)  # Any: JSON
    reason: str = "rights_event"
    record: bytes | None = None


Record = Turn | Skipped | Feedback | RightsRecord


@dataclass(frozen=True)
class FileVerdict:
    """Closes each member: records = turns + skipped (by reason, quarantined ones included)."""

    path: str  # as the caller named it, then the member's path
    source: str | None
    verdict: str  # read | refused
    reason: str  # a key of REFUSALS; empty when read to the end
    sha256: str
    records: int
    turns: int
    signals: int
    skipped: Mapping[str, int]
    quarantined: int
    exporter: str | None = (
        None  # the speaker whose export it is: told only where asked for, never kept or printed
    )
    unnamed: int = (
        0  # of the turns, those of an account the export does not name: counted after reading (`owners.py`)
    )
    bad: tuple[str, ...] = ()  # of the first records set aside: the reason and where it stood


def nobody(export: Export) -> str | None:
    """Where nothing in an export says whose it is."""
    return None


@dataclass(frozen=True)
class Source:
    """One kind of export. `read` yields for each claimed member its records in order."""

    name: str
    facts: Facts  # of its folder's sources.toml
    claims: Callable[[Member, bytes], bool]
    read: Callable[[Export], Iterator[Record]]
    exporter: Callable[[Export], str | None] = nobody  # the speaker whose export it is, where it can be told
    companions: frozenset[str] = (
        frozenset()
    )  # names of files beside the chats that hold none: profile, settings; `*/name` where it lies in another folder
