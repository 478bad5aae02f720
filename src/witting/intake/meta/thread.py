"""A thread, whatever it is written as: its files put together, ids, the turn before, oldest first, in bounded memory.

Covered: the order of a thread's files and messages, ids, audience, turning messages into records. Not covered: what a
message looks like (`thread_json.py`, `page.py`), which files are a thread (`messenger.py`).

Ids. A message of JSON is known by its millisecond, its sender and its number among equals, never by its words: when it is
unsent later, it is the same message. A page knows only minutes, so there the words belong to the id. Neither asks which
file a message stands in, so a thread read whole, and one whose files came in several parts, agree. What voids it: two
JSON messages of one sender in one millisecond, on both sides of a file's border, read apart.

Memory: a `_Place` for each message, the messages of at most 8 MiB, and what one message takes. A larger file is read
again for every 8 MiB of it, so that turns still come oldest first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import Any

from witting.intake.meta.rules import audience_of, conversation_of, key, role_of
from witting.intake.refusals import unreadable
from witting.intake.source import Signal, Skipped, Turn

CHUNK_BYTES = 8 << 20  # about 15,000 messages
MESSAGES_MAX = 500_000  # of one thread


@dataclass(frozen=True, slots=True)
class Message:
    """What a message is: a turn, deleted or with text, or the reason why it gives none."""

    bytes: tuple[int, int]
    sender: str | None
    at: int | None  # for the order: milliseconds, UTC in JSON, local in pages
    text: str | None
    time: str | None = None
    precision: str | None = None
    reason: str | None = None
    record: bytes | None = None  # of a bad one
    deleted: bool = False
    signals: tuple[Signal, ...] = ()
    said: str = ""  # what its id knows it by besides time and sender


Part = Callable[[], Message | None]


@dataclass(frozen=True)
class ThreadFile:
    """One file, opened: who it lists, and its parts in its own order, as often as asked. A part is understood when it is
    called; None is one that holds no message."""

    path: str
    participants: tuple[str, ...]
    head: Mapping[str, Any]  # Any: JSON
    parts: Callable[[], Iterator[Part]]

    def messages(self) -> Iterator[Message]:
        return (message for part in self.parts() if (message := part()) is not None)


@dataclass(frozen=True, slots=True)
class _Place:
    at: int  # of the message before it in the file where it has none of its own
    file: int
    index: int
    size: int
    sender: str
    said: str
    is_turn: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """A message with its id and the turn before it."""

    index: int
    turn: str
    parent: str | None


def read_thread(files: Sequence[Callable[[], ThreadFile]], source: str) -> Iterator[Turn | Skipped]:
    """All records of a thread, oldest first; of files whose times interleave, one file after the other.

    Raises UnreadableFile, always before the first record."""
    if len(files) == 1:
        only = files[0]()
        files = [lambda: only]
    places, people, senders, head, path = _survey(files)
    audience = audience_of(people, senders, head)
    conversation = conversation_of(source, head, path, people, senders)
    make = partial(_record, source=source, audience=audience, conversation=conversation)
    for number, chunks in _in_order(places):
        file = files[number]()
        for chunk in chunks:
            for message, place in _found(file, chunk):
                yield make(file.path, message, place)


def _survey(
    files: Sequence[Callable[[], ThreadFile]],
) -> tuple[list[_Place], set[str], set[str], Mapping[str, Any], str]:  # Any: JSON
    """Everything about a thread but its words."""
    places: list[_Place] = []
    people: set[str] = set()
    senders: set[str] = set()
    head: Mapping[str, Any] = {}  # Any: JSON
    path = ""
    for number, opened in enumerate(files):
        file = opened()
        # message_2 is older than message_1: among equal times it goes first
        places = _places(file, number, MESSAGES_MAX - len(places)) + places
        people |= set(file.participants)
        head, path = head or file.head, path or file.path
    senders = {place.sender for place in places if place.sender}
    places.sort(key=lambda place: place.at)
    return places, people, senders, head, path


def _places(file: ThreadFile, number: int, most: int) -> list[_Place]:
    names: dict[str, str] = {}
    places: list[_Place] = []
    at = 0
    for index, part in enumerate(file.parts()):
        message = part()
        if message is None:
            continue
        if len(places) == most:
            raise unreadable("too_large", f"more than {MESSAGES_MAX} messages")
        at = at if message.at is None else message.at
        sender = names.setdefault(message.sender or "", message.sender or "")
        size = message.bytes[1] - message.bytes[0]
        places.append(_Place(at, number, index, size, sender, message.said, message.reason is None))
    steps = [later.at - earlier.at for earlier, later in pairwise(places)]
    newest_first = sum(step < 0 for step in steps) > sum(step > 0 for step in steps)
    return places[::-1] if newest_first else places


def _in_order(places: Sequence[_Place]) -> Iterator[tuple[int, list[list[_Known]]]]:
    """For each file, the one with the oldest message first: its messages in order of time, 8 MiB at a time."""
    seen: Counter[tuple[int, str, str]] = Counter()
    by_file: dict[int, list[list[_Known]]] = {}
    filled: Counter[int] = Counter()
    parent: str | None = None
    for place in places:
        same = (place.at, place.sender, place.said)
        seen[same] += 1
        said = (place.said,) if place.said else ()
        turn = key(str(place.at), place.sender, *said, str(seen[same]))
        chunks = by_file.setdefault(place.file, [[]])
        if chunks[-1] and filled[place.file] + place.size > CHUNK_BYTES:
            chunks.append([])
            filled[place.file] = 0
        filled[place.file] += place.size
        chunks[-1].append(_Known(place.index, turn, parent))
        parent = turn if place.is_turn else parent
    yield from by_file.items()


def _found(file: ThreadFile, chunk: Sequence[_Known]) -> Iterator[tuple[Message, _Known]]:
    wanted = {place.index for place in chunk}
    parts = islice(file.parts(), max(wanted) + 1)
    messages = {index: part() for index, part in enumerate(parts) if index in wanted}
    for place in chunk:
        message = messages[place.index]
        assert message is not None, "a part changed between two readings"
        yield message, place


def _record(
    path: str, message: Message, place: _Known, *, source: str, audience: str, conversation: str
) -> Turn | Skipped:
    if message.reason is not None or message.sender is None:
        return Skipped(path, message.reason or "broken_record", message.bytes, record=message.record)
    return Turn(
        member=path,
        conversation=conversation,
        turn=place.turn,
        parent=place.parent,
        speaker=message.sender,
        role=role_of(message.sender, audience),
        time=message.time,
        time_precision=message.precision,
        text=message.text,
        audience=audience,
        source=source,
        bytes=message.bytes,
        deleted=message.deleted,
        signals=message.signals,
    )
