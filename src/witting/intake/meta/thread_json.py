"""A thread as JSON: `message_N.json`, and the store of end-to-end encrypted chats with its own spelling of the keys.

Covered: the object around the messages without loading them, messages one at a time however many there are, mojibake
proved for the whole file first, what each message is. Not covered: order and ids (`thread.py`). An `ip` is never kept,
neither in a turn nor in a record that is put aside.

Where the ideas come from: kenn-io/msgvault (its reader and fixtures), chat-miner#56, msgvault#280.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any, BinaryIO, cast

from witting.intake.json_stream import FAULTY_BYTES_MAX, BadRecord, Piece, blocks, parse, split
from witting.intake.meta.mojibake import is_mojibake, repaired
from witting.intake.meta.rules import generated
from witting.intake.meta.thread import CHUNK_BYTES, Message, Part, ThreadFile
from witting.intake.refusals import unreadable
from witting.intake.source import Member, Signal

HEAD_BYTES_MAX = 4 << 20  # what may stand before the messages
FILE_BYTES_MAX = 4 << 30
EPOCH_MS_MAX = 4_102_444_800_000  # the year 2100
PARTICIPANTS_MAX = 5_000
REACTIONS_MAX = 1_000
CANDIDATES_MAX = 8

_MEDIA_KEYS = ("photos", "videos", "audio_files", "gifs", "files", "sticker", "media")
_LIST = re.compile(rb'"messages"\s*:\s*\[')


# The file


def open_thread(member: Member) -> ThreadFile:
    """Reads it once, to the end: a file that is cut off gives nothing. Raises UnreadableFile."""
    if member.size_bytes > FILE_BYTES_MAX:
        raise unreadable("too_large", f"more than {FILE_BYTES_MAX >> 30} GiB")
    before, begins = _before_the_list(member)
    listed = _List(member, begins)
    faulty = is_mojibake(chain([before], _values(listed.pieces()), [listed.rest()]))
    clean = repaired if faulty else _same
    head = clean({**before, **listed.rest()})
    return ThreadFile(member.path, tuple(participants(head)), head, partial(_parts, listed, clean))


def _same(value: Any) -> Any:  # Any: JSON
    return value


def _before_the_list(member: Member) -> tuple[dict[str, Any], int]:  # Any: JSON
    """What the object holds before its messages, and the offset of the bracket that opens them."""
    data = b""
    for block in blocks(member):
        data += block
        if (found := before_the_list(data)) is not None:
            return found
        if len(data) > HEAD_BYTES_MAX:
            break
    raise unreadable("broken_json", "no list of messages")


def before_the_list(data: bytes) -> tuple[dict[str, Any], int] | None:  # Any: JSON
    """As far as `data`, the first bytes of a file, goes."""
    bom = len(data) - len(data.removeprefix(b"\xef\xbb\xbf"))
    for number, found in enumerate(_LIST.finditer(data)):
        if number == CANDIDATES_MAX:
            break
        try:
            value = json.loads(data[bom : found.end()] + b"]}")
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict) and "messages" in value:
            del value["messages"]
            return value, found.end() - 1
    return None


class _List:
    """The elements of the list that begins at an offset of the plain bytes, and what the object holds after it."""

    def __init__(self, member: Member, begins: int) -> None:
        self._member, self._begins = member, begins
        self._rest: dict[str, Any] | None = None  # Any: JSON
        small = member.size_bytes <= CHUNK_BYTES
        self._kept = list(self._split()) if small else None

    def pieces(self) -> Iterator[Piece]:
        """Raises UnreadableFile where the file is not whole."""
        yield from self._split() if self._kept is None else self._kept

    def rest(self) -> dict[str, Any]:  # Any: JSON
        """Known once the pieces were read to their end."""
        return self._rest or {}

    def _split(self) -> Iterator[Piece]:
        from_list = Member(self._member.path, self._member.size_bytes, self._open)
        is_whole = False
        for piece in split(from_list):
            if piece.fault == "truncated":
                break
            if piece.fault == "trailing_bytes":
                is_whole = True
                self._rest = _after_the_list(piece.data)
                break
            yield replace(piece, start=piece.start + self._begins, end=piece.end + self._begins)
        if not is_whole:
            raise unreadable("broken_json", "the file is cut off")

    def _open(self) -> BinaryIO:
        return _plain_from(self._member, self._begins)


def _after_the_list(data: bytes) -> dict[str, Any]:  # Any: JSON
    try:
        value = json.loads(b'{"messages":[]' + data)
    except (ValueError, RecursionError) as error:
        raise unreadable("broken_json", "damaged after the messages") from error
    del value["messages"]
    return value


def _values(pieces: Iterator[Piece]) -> Iterator[Any]:  # Any: JSON
    for piece in pieces:
        try:
            yield parse(piece)
        except BadRecord:
            continue


def _parts(listed: _List, clean: Callable[[Any], Any]) -> Iterator[Part]:  # Any: JSON
    for piece in listed.pieces():
        yield partial(_message, piece, clean)


def participants(head: Mapping[str, Any]) -> list[str]:  # Any: JSON
    """The names a thread lists, in either spelling."""
    listed = head.get("participants")
    found = [
        entry if isinstance(entry, str) else entry.get("name") if isinstance(entry, dict) else None
        for entry in (listed[:PARTICIPANTS_MAX] if isinstance(listed, list) else ())
    ]
    return [name for name in found if isinstance(name, str) and name]


# One message


def _message(piece: Piece, clean: Callable[[Any], Any]) -> Message:  # Any: JSON
    place = (piece.start, piece.end)
    try:
        raw = parse(piece)
    except BadRecord as bad:
        return Message(place, None, None, None, reason=bad.reason, record=_put_aside(None, piece))
    value = clean(raw)
    sender, at_ms = None, None
    if isinstance(value, dict):
        sender = value.get("sender_name", value.get("senderName"))
        at_ms = _milliseconds(value.get("timestamp_ms", value.get("timestamp")))
    if not isinstance(sender, str) or not sender:
        return Message(place, None, at_ms, None, reason="broken_record", record=_put_aside(raw, piece))
    time = _iso(at_ms)
    said = Message(place, sender, at_ms, None, time=time, precision="s" if time else None)
    if any(value.get(key) is True for key in ("is_unsent", "isUnsent", "is_taken_down")):
        return replace(said, deleted=True)
    text = value.get("content", value.get("text"))
    if reason := _why_no_words(value, text, sender):
        record = _put_aside(raw, piece) if reason == "broken_record" else None
        return replace(said, reason=reason, record=record)
    return replace(said, text=text, signals=tuple(_reactions(value.get("reactions"))))


def _put_aside(raw: Any, piece: Piece) -> bytes:  # Any: JSON
    """What quarantine keeps of a bad record: its bytes, but never an address of a device."""
    if isinstance(raw, dict) and "ip" in raw:
        without = {key: inner for key, inner in raw.items() if key != "ip"}
        return json.dumps(without).encode()[:FAULTY_BYTES_MAX]
    return re.sub(rb'"ip"\s*:\s*"[^"]{0,64}"', b'"ip":""', piece.kept)


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
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds")


def _plain_from(member: Member, offset: int) -> BinaryIO:
    """The plain bytes of a member from an offset on."""
    return cast("BinaryIO", io.BufferedReader(_From(blocks(member), offset)))


class _From(io.RawIOBase):
    def __init__(self, source: Iterator[bytes], skip: int) -> None:
        self._source, self._skip, self._held = source, skip, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # typeshed: Buffer
        while not self._held:
            block = next(self._source, None)
            if block is None:
                return 0
            self._held, self._skip = block[self._skip :], max(0, self._skip - len(block))
        part, self._held = self._held[: len(buffer)], self._held[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)
