"""Which reader a file belongs to, and the stream of turns, skipped records and verdicts of everything given.

Covered: every source by content, files that no source claims with the reason, exports put together from what lies in
one folder, one verdict a file with counts that add up. Not covered: the formats (one file a source), limits (`limits.py`),
opening (`archive.py`), sealing (`seal.py`).

An export here is what one source claims in one folder of one root; each WhatsApp text is its own. A file that cannot
be read refuses itself and nothing beside it: the rest of its folder is read again without it.

The first source that claims a file has it, so SOURCES goes from the most telling shape to the least.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from posixpath import basename, dirname

from witting.errors import InputError, UsageError
from witting.intake import assistants, google, live, logs, meta, sets, tables, web, whatsapp
from witting.intake.archive import Entry, Root, has_media_name, is_media, open_root, packed_kind
from witting.intake.count import Count
from witting.intake.json_stream import plain_head
from witting.intake.limits import Hear, kept
from witting.intake.metered import Meter, Progress
from witting.intake.refusals import CUT_OFF, reason_of
from witting.intake.source import (
    HEAD_BYTES,
    Export,
    FileVerdict,
    Member,
    Record,
    Source,
)
from witting.intake.tables.mapped import read_mapping, source_from
from witting.intake.tables.rows import PARQUET, columns
from witting.intake.whatsapp.chat import NAME as WHATSAPP
from witting.intake.whatsapp.chat import source_with

SOURCES: tuple[Source, ...] = (
    *tables.SOURCES,
    *live.SOURCES,
    *web.SOURCES,
    *meta.SOURCES,
    *google.SOURCES,
    *assistants.SOURCES,
    *sets.SOURCES,
    *logs.SOURCES,
    *whatsapp.SOURCES,
)
STANDALONE = frozenset({WHATSAPP})  # every file is an export of its own
BESIDE = "beside_the_chats"
ANYWHERE = "*/"  # before a companion's name: in any folder of the export
PEEK_BYTES = 16


def source_named(name: str, sources: Sequence[Source] | None = None) -> Source:
    """Raises UsageError, naming the sources there are."""
    known = SOURCES if sources is None else sources
    for source in known:
        if source.name == name:
            return source
    raise UsageError(f"{name} is no source; there are {', '.join(sorted(source.name for source in known))}.")


def with_mappings(maps: Sequence[Path], *, date_order: str | None = None) -> tuple[Source, ...]:
    """All sources, after those that column mappings make; WhatsApp's told which of day, month and year comes first where
    a file leaves it open. Raises UsageError, naming file and field of a faulty mapping."""
    told = SOURCES if date_order is None else tuple(_told(source, date_order) for source in SOURCES)
    return (*(source_from(read_mapping(path)) for path in maps), *told)


def _told(source: Source, date_order: str) -> Source:
    return source_with(date_order) if source.name == WHATSAPP else source


def admit(
    paths: Sequence[Path],
    *,
    source: str | None = None,
    text_chars_max: int,
    sources: Sequence[Source] | None = None,
    with_exporter: bool = False,
    progress: Progress | None = None,
    hear: Hear | None = None,
) -> Iterator[Record | FileVerdict]:
    """Every record of every file under `paths`, each file closed by its verdict: records = turns + skipped.

    `source` forces a reader on files named one by one, and limits folders and zips to what that reader claims.
    `sources` are asked instead of SOURCES: readers that were given a choice (a column mapping, a date order).
    `progress` is told the bytes read and the bytes on disk of all paths.
    `hear` judges what is said of rights, by the rules of the ledger, which are not known here: what it cannot hear is a bad record.
    `with_exporter` lets verdicts say whose export it is, which may cost a reading of its own.
    Content is never raised about. Raises UsageError before reading where a path or the source does not exist.
    """
    known = SOURCES if sources is None else tuple(sources)
    forced = None if source is None else source_named(source, known)
    how = _How(known, forced, text_chars_max, with_exporter, hear)
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist. Name a file, a folder or a zip.")
    meter = None if progress is None else Meter(paths, progress)
    for path in paths:
        with open_root(path) as root:
            if meter:
                meter.begin(path, [entry.member for entry in root.entries if entry.member])
            yield from _admit_root(root, how, meter)
        if meter:
            meter.end()


def admit_root(
    root: Root, source: Source, *, text_chars_max: int, hear: Hear | None = None
) -> Iterator[Record | FileVerdict]:
    """As `admit`, with that reader, of what did not come as a file."""
    how = _How((source,), source, text_chars_max, False, hear, judges_records=False)
    return _admit_root(root, how, None)


@dataclass(frozen=True)
class _How:
    """What the caller asked for."""

    sources: tuple[Source, ...]
    forced: Source | None
    text_chars_max: int
    with_exporter: bool
    hear: Hear | None
    judges_records: bool = True  # a file of which nothing but bad records came is not read; live events are


def _admit_root(root: Root, how: _How, meter: Meter | None) -> Iterator[Record | FileVerdict]:
    found = _with_companions([(entry, _find_source(root, entry, how)) for entry in root.entries])
    beside = {entry.member.path: entry.member for entry in root.entries if entry.member}
    exports: dict[str, list[Member]] = {}
    for entry, claimed in found:
        if isinstance(claimed, Source) and entry.member:
            exports.setdefault(_export_key(claimed, entry.path), []).append(entry.member)
    for entry, claimed in found:
        if (
            claimed == "nested_archive" and root.kind == "folder"
        ):  # beside others in a folder, it is an export
            with open_root(Path(root.shown_path(entry.path))) as inner:
                yield from _admit_root(inner, how, None)
        elif isinstance(claimed, str):
            yield _refused(root.shown_path(entry.path), claimed)
        elif members := exports.pop(_export_key(claimed, entry.path), None):
            yield from _Reading(root, claimed, tuple(members), beside, how, meter).run()
        if meter and entry.member:
            meter.close(entry.member)


def _with_companions(found: list[tuple[Entry, Source | str]]) -> list[tuple[Entry, Source | str]]:
    """A file that its export is known to carry beside the chats says so: nothing of it was left unread."""
    known = {
        (dirname(entry.path), name)
        for entry, claimed in found
        if isinstance(claimed, Source)
        for name in claimed.companions
    }
    anywhere = {name.removeprefix(ANYWHERE) for _, name in known if name.startswith(ANYWHERE)}
    return [
        (
            entry,
            BESIDE
            if claimed == "unknown_format"
            and (_split(entry.path) in known or basename(entry.path) in anywhere)
            else claimed,
        )
        for entry, claimed in found
    ]


def _split(path: str) -> tuple[str, str]:
    return dirname(path), basename(path)


def _export_key(source: Source, path: str) -> str:
    return f"{source.name}\n{path if source.name in STANDALONE else dirname(path)}"


def _refused(shown: str, reason: str) -> FileVerdict:
    return FileVerdict(shown, None, "refused", reason, "", 0, 0, 0, {}, 0)


# Finding the source


def _find_source(root: Root, entry: Entry, how: _How) -> Source | str:
    """The source of an entry, or the reason why it is not read."""
    if entry.member is None:
        return entry.reason
    try:
        with entry.member.open() as stream:
            head = stream.read(PEEK_BYTES)
            if is_media(head):
                return "media_not_read"
            head += stream.read(HEAD_BYTES - len(head))
    except InputError as error:
        return reason_of(error)
    if not head:
        return "empty"
    kind = packed_kind(head)
    if kind == "zip":
        return "nested_archive"
    if how.forced is not None and root.kind == "file":
        return how.forced
    member = replace(entry.member, path=entry.hint)
    for source in how.sources if how.forced is None else (how.forced,):
        if source.claims(member, head):
            return source
    if kind == "gzip" and packed_kind(plain_head(head)):
        return "nested_archive"
    return "archive_not_supported" if kind == "other" else _why_unclaimed(entry, head)


def _why_unclaimed(entry: Entry, head: bytes) -> str:
    if has_media_name(entry.path):
        return "media_not_read"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "not_utf8"
    if head.startswith(PARQUET) and entry.member and not columns(entry.member, head):
        return "unreadable"
    return (
        "broken_json" if entry.path.lower().endswith(".json") and _is_broken_json(head) else "unknown_format"
    )


def _is_broken_json(head: bytes) -> bool:
    """Only told of files that the head holds whole."""
    if len(head) >= HEAD_BYTES:
        return False
    try:
        json.loads(head)
    except (ValueError, RecursionError):
        return True
    return False


# Reading an export


@dataclass
class _Reading:
    """One export being read. Holds which files are closed, so that each ends with exactly one verdict."""

    root: Root
    source: Source
    members: tuple[Member, ...]
    beside: Mapping[str, Member]
    how: _How
    meter: Meter | None
    closed: set[str] = field(default_factory=set)
    hashes: dict[str, str] = field(default_factory=dict)
    count: Count = field(default_factory=Count)
    current: str | None = None  # path of the file whose records are passing
    exporter: str | None = None

    def run(self) -> Iterator[Record | FileVerdict]:
        yield from self._take_hashes()
        left = self._open_members()
        self.exporter = self._exporter(left) if self.how.with_exporter else None
        while left:
            try:
                yield from self._records(left)
                break
            except InputError as error:
                refused = self._unreadable(left, error)
            yield from self._close_current(refused)
            for member in left:
                if member.path in refused:
                    yield from self._close(member.path, refused[member.path])
            left = self._open_members()
        yield from self._close_current({})
        for member in left:
            yield from self._close(member.path, "")

    def _exporter(self, members: Sequence[Member]) -> str | None:
        try:
            return self.source.exporter(self._export(members))
        except InputError:
            return None  # told when its records are read

    def _take_hashes(self) -> Iterator[FileVerdict]:
        for member in self.members:
            try:
                self.hashes[member.path] = self.root.sha256(member)
            except InputError as error:
                yield from self._close(member.path, reason_of(error))

    def _open_members(self) -> list[Member]:
        return [member for member in self.members if member.path not in self.closed]

    def _export(self, members: Sequence[Member]) -> Export:
        hashes = sorted({self.hashes[member.path] for member in members})
        together = hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        told = tuple(map(self.meter.metered, members)) if self.meter else tuple(members)
        return Export(told, self.beside, together)

    def _records(self, members: Sequence[Member]) -> Iterator[Record | FileVerdict]:
        limit, hear, passed = (
            self.how.text_chars_max,
            self.how.hear,
            self.meter.passed if self.meter else None,
        )
        for record in self.source.read(self._export(members)):
            if record.member != self.current:
                came_back = f"{self.source.name} came back to a file it had left"
                assert record.member not in self.closed, came_back
                yield from self._close_current({})
                self.current = record.member
            for found in kept(record, text_chars_max=limit, hear=hear):
                self.count.add(found)
                yield found
            if passed:
                passed(record.member)

    def _unreadable(self, members: Sequence[Member], error: InputError) -> dict[str, str]:
        """Which files cannot be read, with the reason: those that fail alone; all that are left if none does."""
        waiting = [member for member in members if member.path not in self.closed]
        if len(waiting) == 1:
            return {waiting[0].path: reason_of(error)}
        failing = {member.path: reason for member in waiting if (reason := self._sound(member))}
        return failing or {member.path: reason_of(error) for member in waiting}

    def _sound(self, member: Member) -> str | None:
        try:
            for _ in self.source.read(self._export([member])):
                pass
        except InputError as error:
            return reason_of(error)
        return None

    def _close_current(self, refused: Mapping[str, str]) -> Iterator[FileVerdict]:
        """The file whose records just passed is closed before any other: a verdict follows its own records."""
        if self.current is not None:
            yield from self._close(self.current, refused.get(self.current, ""))

    def _close(self, path: str, reason: str) -> Iterator[FileVerdict]:
        if path in self.closed:
            return
        self.closed.add(path)
        count = self.count if path == self.current else Count()
        if path == self.current:
            self.count, self.current = Count(), None
        fault = reason or (count.fault() if self.how.judges_records else "")
        yield FileVerdict(
            path=self.root.shown_path(path),
            source=self.source.name,
            verdict="read" if fault in ("", CUT_OFF) else "refused",
            reason=fault,
            sha256=self.hashes.get(path, ""),
            records=count.turns + count.skipped.total(),
            turns=count.turns,
            signals=count.signals,
            skipped=dict(sorted(count.skipped.items())),
            quarantined=count.quarantined,
            bad=tuple(count.bad),
            exporter=self.exporter,
        )
