"""Messenger's JSON download, and the same format as Instagram writes it (`instagram.py`).

Covered: all root folders and boxes (shape decides, not names); threads in numbered files that repeat the participants,
in any order of time; the store of end-to-end encrypted chats with its own spelling of the keys; mojibake, per file;
reactions as signals; unsent and taken-down messages as turns without text; calls, shares, media, group events and
pseudo-reactions skipped by reason. Turns come out oldest first. Not covered: the HTML variant (ask for JSON), posts,
comments and groups, media beside the text; IP addresses and links to files are never kept.

Audience: `assistant` where Meta AI is the only other party; `direct` for two participants, `closed_group` for more,
`unknown` where the file does not say. Times are milliseconds since 1970, so UTC. Names are all there is: two people of
one name are one speaker.

Where the ideas come from: kenn-io/msgvault (its reader and fixtures), chat-miner#56, Chatistics#65, msgvault#280.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, pairwise
from posixpath import basename, dirname
from typing import Any

from witting.errors import UnreadableFile
from witting.intake.facts import family
from witting.intake.json_stream import BadRecord, Item, Piece, read_record, shape, split
from witting.intake.meta import page
from witting.intake.meta.mojibake import is_mojibake, repaired
from witting.intake.meta.rules import THREAD_FILE, audience_of, conversation_of, generated, key, role_of
from witting.intake.refusals import unreadable
from witting.intake.source import Export, Member, Signal, Skipped, Source, Turn

NAME = "messenger"
EPOCH_MS_MAX = 4_102_444_800_000  # the year 2100
PARTICIPANTS_MAX = 5_000
REACTIONS_MAX = 1_000

_MEDIA_KEYS = ("photos", "videos", "audio_files", "gifs", "files", "sticker", "media")


# One file


@dataclass(frozen=True)
class Thread:
    """One file as it was meant: strings repaired where the whole file proves mojibake."""

    member: Member
    piece: Piece
    head: Mapping[str, Any]  # Any: JSON
    items: tuple[Item, ...]
    clean: Callable[[Any], Any]  # Any: JSON

    def message(self, index: int) -> Any:  # Any: JSON
        return self.clean(self.items[index].value)


def _load(member: Member) -> Thread:
    """The whole file, at most 64 MiB (about 10,000 messages are some 5). Raises UnreadableFile."""
    pieces = list(islice(split(member), 2))
    if len(pieces) != 1:
        raise unreadable("broken_json")
    try:
        record = read_record(pieces[0], ("messages",))
    except BadRecord as bad:
        raise unreadable(
            {"record_too_large": "too_large", "not_utf8": "not_utf8"}.get(bad.reason, "broken_json")
        ) from bad
    if not isinstance(record.value, dict) or record.items is None:
        raise unreadable("broken_json", "no list of messages")
    faulty = is_mojibake([record.value, *(item.value for item in record.items)])
    clean = repaired if faulty else _same
    return Thread(member, pieces[0], clean(record.value), record.items, clean)


def _same(value: Any) -> Any:  # Any: JSON
    return value


def _participants(head: Mapping[str, Any]) -> list[str]:  # Any: JSON
    listed = head.get("participants")
    found = [
        entry if isinstance(entry, str) else entry.get("name") if isinstance(entry, dict) else None
        for entry in (listed[:PARTICIPANTS_MAX] if isinstance(listed, list) else ())
    ]
    return [name for name in found if isinstance(name, str) and name]


# One message


@dataclass(frozen=True)
class Message:
    """What a message is: a turn, deleted or with text, or why it gives none."""

    sender: str | None
    at_ms: int | None
    text: str | None
    reason: str | None = None
    deleted: bool = False
    signals: tuple[Signal, ...] = ()

    @property
    def is_turn(self) -> bool:
        return self.reason is None


def understand(value: Any) -> Message:  # Any: JSON
    """A message of either spelling (thread files; the end-to-end store). Never raises."""
    if not isinstance(value, dict):
        return Message(None, None, None, reason="broken_record")
    sender = value.get("sender_name", value.get("senderName"))
    at_ms = _milliseconds(value.get("timestamp_ms", value.get("timestamp")))
    if not isinstance(sender, str) or not sender:
        return Message(None, at_ms, None, reason="broken_record")
    if any(value.get(key) is True for key in ("is_unsent", "isUnsent", "is_taken_down")):
        return Message(sender, at_ms, None, deleted=True)
    text = value.get("content", value.get("text"))
    if reason := _why_no_words(value, text, sender):
        return Message(sender, at_ms, None, reason=reason)
    return Message(sender, at_ms, text, signals=tuple(_reactions(value.get("reactions"))))


def _milliseconds(value: Any) -> int | None:  # Any: JSON
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 < value < EPOCH_MS_MAX else None


def _why_no_words(value: Mapping[str, Any], text: Any, sender: str) -> str | None:  # Any: JSON
    kind = str(value.get("type", "")).casefold()
    if kind == "call" or "call_duration" in value:
        return "call"
    if kind in ("subscribe", "unsubscribe"):
        return "system_line"
    if text is not None and not isinstance(text, str):
        return "broken_record"
    if not text or not text.strip():
        if any(value.get(key) for key in _MEDIA_KEYS):
            return "media_omitted"
        return "share" if value.get("share") else "no_text"
    return generated(text.strip(), sender)


def _reactions(listed: Any) -> Iterator[Signal]:  # Any: JSON
    for entry in listed[:REACTIONS_MAX] if isinstance(listed, list) else ():
        if not isinstance(entry, dict):
            continue
        emoji, actor = entry.get("reaction"), entry.get("actor")
        if isinstance(emoji, str) and emoji and isinstance(actor, str) and actor:
            seconds = entry.get("timestamp")
            is_time = isinstance(seconds, int) and not isinstance(seconds, bool)
            at_ms = _milliseconds(seconds * 1000) if is_time else None
            yield Signal("reaction", value=emoji, source_kind="reaction", time=_iso(at_ms), by=actor)


def _iso(at_ms: int | None) -> str | None:
    if at_ms is None:
        return None
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).isoformat(
        timespec="milliseconds"
    )


# One thread, which may be several files


@dataclass(frozen=True)
class Place:
    """A message's place in its thread."""

    at_ms: int  # of the message before it in the file where it has none of its own
    file: int
    index: int
    sender: str
    is_turn: bool


@dataclass(frozen=True)
class Plan:
    """For each file, oldest first: its messages in order of time, each with its id and the turn before it."""

    files: tuple[tuple[int, tuple[tuple[int, str, str | None], ...]], ...]
    conversation: str
    audience: str


def _places(thread: Thread, file: int) -> list[Place]:
    places, at_ms = [], 0
    for index in range(len(thread.items)):
        message = understand(thread.message(index))
        at_ms = at_ms if message.at_ms is None else message.at_ms
        places.append(Place(at_ms, file, index, message.sender or "", message.is_turn))
    steps = [later.at_ms - earlier.at_ms for earlier, later in pairwise(places)]
    newest_first = sum(step < 0 for step in steps) > sum(step > 0 for step in steps)
    return places[::-1] if newest_first else places


def _plan(threads: Iterator[Thread], source: str) -> Plan:
    places: list[Place] = []
    participants: set[str] = set()
    head: Mapping[str, Any] = {}  # Any: JSON
    path = ""
    for file, thread in enumerate(threads):
        places = (
            _places(thread, file) + places
        )  # message_2 is older than message_1: among equal times it goes first
        participants |= set(_participants(thread.head))
        head, path = head or thread.head, path or thread.member.path
    places.sort(key=lambda place: place.at_ms)
    senders = {place.sender for place in places if place.sender}
    audience = audience_of(participants, senders, head)
    return Plan(
        files=_by_file(places),
        conversation=conversation_of(source, head, path, participants or senders),
        audience=audience,
    )


def _by_file(places: Sequence[Place]) -> tuple[tuple[int, tuple[tuple[int, str, str | None], ...]], ...]:
    """`places` in order of time."""
    seen: Counter[tuple[int, str]] = Counter()
    by_file: dict[int, list[tuple[int, str, str | None]]] = defaultdict(
        list
    )  # in order of each file's oldest message
    parent: str | None = None
    for place in places:
        seen[place.at_ms, place.sender] += 1
        turn = key(str(place.at_ms), place.sender, str(seen[place.at_ms, place.sender]))
        by_file[place.file].append((place.index, turn, parent))
        parent = turn if place.is_turn else parent
    return tuple((file, tuple(found)) for file, found in by_file.items())


# Reading


def claims_threads(member: Member, head: bytes) -> bool:
    """A thread by its shape; the same folder holds settings and other lists that are none."""
    paths = shape(head)
    thread_file = {"messages.sender_name", "messages.timestamp_ms"} <= paths
    end_to_end = {"messages.senderName", "messages.timestamp", "participants"} <= paths
    empty = {"participants.name", "thread_path"} <= paths and "messages" in paths
    return thread_file or end_to_end or empty


def claims(member: Member, head: bytes) -> bool:
    return claims_threads(member, head) or page.claims_page(member, head)


def read(export: Export, *, source: str = NAME) -> Iterator[Turn | Skipped]:
    threads: dict[str, list[Member]] = defaultdict(list)
    pages: dict[str, list[Member]] = defaultdict(list)
    for member in export.claimed:
        is_part = THREAD_FILE.fullmatch(basename(member.path)) is not None
        kind = pages if page.is_page(member) else threads
        kind[dirname(member.path) if is_part else member.path].append(member)
    for members in threads.values():
        yield from _read_thread(members, source)
    for members in pages.values():
        yield from page.read_page_thread(members, export.beside, source)


def exporter(export: Export) -> str | None:
    """Whoever takes part in strictly more threads than anybody else; nobody where one thread is all there is."""
    threads: dict[str, set[str]] = defaultdict(set)
    for member in export.claimed:
        if page.is_page(member):
            continue
        with contextlib.suppress(UnreadableFile):
            threads[dirname(member.path) or member.path] |= set(_participants(_load(member).head))
    counts = Counter(name for names in threads.values() for name in names).most_common(2)
    if len(threads) < 2 or not counts or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]


def _read_thread(members: Sequence[Member], source: str) -> Iterator[Turn | Skipped]:
    """Reads every file twice where there are several: once to order the messages, once to give them out."""
    only = _load(members[0]) if len(members) == 1 else None
    plan = _plan(iter([only]) if only else (_load(member) for member in members), source)
    for file, messages in plan.files:
        thread = only or _load(members[file])
        for index, turn, parent in messages:
            yield _entry(thread, index, turn, parent, plan, source)


def _entry(
    thread: Thread, index: int, turn: str, parent: str | None, plan: Plan, source: str
) -> Turn | Skipped:
    item = thread.items[index]
    message = understand(thread.message(index))
    place = (item.start, item.end)
    skipped = partial(Skipped, thread.member.path, bytes=place)
    if message.reason == "broken_record" or message.sender is None:
        return skipped("broken_record", record=thread.piece.bytes_of(item))
    if message.reason is not None:
        return skipped(message.reason)
    return Turn(
        member=thread.member.path,
        conversation=plan.conversation,
        turn=turn,
        parent=parent,
        speaker=message.sender,
        role=role_of(message.sender, plan.audience),
        time=_iso(message.at_ms),
        time_precision="s" if message.at_ms is not None else None,
        text=message.text,
        audience=plan.audience,
        source=source,
        bytes=place,
        deleted=message.deleted,
        signals=message.signals,
    )


SOURCE = Source(name=NAME, facts=family("meta")[NAME], claims=claims, read=read, exporter=exporter)
