"""Big JSON files in small memory: their records one at a time, each with the bytes it came from.

Covered: splitting an array, a sequence of values or lines into records without parsing them; parsing one record
while keeping where chosen entries lie in it (`json_located.py`); the key paths at the head of a file, by which readers
know their own; gzip bytes, opened on the way. Not covered: what the records mean (one file a source), zip and tar
(`archive.py`), how the ends of records are found (`json_scan.py`).

A record that does not parse does no harm to the next, and one that is too large is passed over, not loaded. For
gzip bytes all offsets count in the plain bytes.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from witting.errors import HostileArchive, UnreadableFile
from witting.intake.json_located import ANY, Form, Item, Offsets, each, located, value_at
from witting.intake.json_scan import Hopper, Scanner
from witting.intake.source import HEAD_BYTES, Member

BLOCK_BYTES = 1 << 20
RECORD_BYTES_MAX = 64 << 20
FAULTY_BYTES_MAX = 1 << 20  # how much of a faulty record is kept for quarantine
GZIP_RATIO_MAX = 200  # plain bytes a packed byte; chats pack 5 to 40 times
GZIP_SLACK_BYTES = 8 << 20  # small files may pack better than that
PEEK_BYTES = 4096
SHAPE_DEPTH_MAX = 4
SHAPE_LINES_MAX = 20

_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_GZIP_ONLY = 31  # zlib's wbits: a gzip header, the largest window
_SPACE = b" \t\r\n"
_COMMA = 44
_PLAIN = msgspec.json.Decoder()

__all__ = [
    "BadRecord", "Form", "Item", "Offsets", "Piece", "Record", "as_dict", "blocks", "each", "first_text", "line_shapes", "parse",
    "plain_head", "read_record", "shape", "split", "split_lines", "split_lines_or_array", "value_at",
]  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """The bytes of one record, not yet parsed. Of a faulty one at most the first 1 MiB is kept."""

    start: int  # offsets in the member's plain bytes
    end: int
    data: bytes
    fault: str | None = None  # broken_json, truncated, record_too_large, trailing_bytes

    @property
    def kept(self) -> bytes:
        """What quarantine keeps of it: at most the first 1 MiB."""
        return self.data[:FAULTY_BYTES_MAX]

    def bytes_of(self, item: Item) -> bytes:
        """What quarantine keeps of one entry."""
        return self.data[item.start - self.start : item.end - self.start][:FAULTY_BYTES_MAX]


@dataclass(frozen=True)
class Record:
    """A parsed record; the entries at the path it was read with are `items`, no longer inside `value`."""

    value: Any  # Any: JSON
    items: tuple[Item, ...] | None  # None: the record has nothing at that path


class BadRecord(Exception):
    """A record that is not JSON text, or nested too deep; `reason` becomes the reason it was skipped. Never leaves a reader."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


# Bytes


def blocks(member: Member) -> Iterator[bytes]:
    """The member's plain bytes, about 1 MiB at a time.

    Raises HostileArchive where gzip bytes grow more than 200 times, UnreadableFile where they are damaged.
    """
    with member.open() as stream:
        first = stream.read(BLOCK_BYTES)
        packed = first.startswith(_GZIP)
        source = _chain(first, stream.read)
        yield from _inflate(source, member.path) if packed else source


def _chain(first: bytes, read: Callable[[int], bytes]) -> Iterator[bytes]:
    block = first
    while block:
        yield block
        block = read(BLOCK_BYTES)


def _inflate(packed: Iterator[bytes], path: str) -> Iterator[bytes]:
    inflater, begun = zlib.decompressobj(wbits=_GZIP_ONLY), False
    read = written = 0
    for block in packed:
        read += len(block)
        rest = block
        while rest:
            if not begun and not rest.startswith(_GZIP[: len(rest)]):
                break  # padding after the last member: ignored, as gzip(1) does
            try:
                plain = inflater.decompress(rest, BLOCK_BYTES)
            except zlib.error as error:
                raise UnreadableFile(
                    f"{path}: its gzip bytes are damaged after {written} plain bytes."
                ) from error
            written += len(plain)
            if written > read * GZIP_RATIO_MAX + GZIP_SLACK_BYTES:
                raise HostileArchive(
                    f"{path}: unpacks to more than {GZIP_RATIO_MAX} times its size; refused."
                )
            if plain:
                yield plain
            rest, begun = inflater.unconsumed_tail, True
            if inflater.eof:
                rest, begun, inflater = inflater.unused_data, False, zlib.decompressobj(wbits=_GZIP_ONLY)
    if begun:
        raise UnreadableFile(
            f"{path}: its gzip bytes end too early, after {written} plain bytes. Copy it again."
        )


def plain_head(head: bytes) -> bytes:
    """The first bytes as a reader of JSON sees them: unpacked, without a byte order mark."""
    if head.startswith(_GZIP):
        try:
            head = zlib.decompressobj(wbits=_GZIP_ONLY).decompress(head, HEAD_BYTES)
        except zlib.error:
            return b""
    return head.removeprefix(_BOM)


# Splitting


def split(member: Member, *, begin: int = 0) -> Iterator[Piece]:
    """The records of a file that is an array, or one object, or objects one after the other.

    `begin` is where an array begins that something is wrapped around (`wrapped.py`).
    """
    source = blocks(member)
    if begin:
        return _split_array(_blanked(source, begin))
    first, source = _peek(source)
    is_array = first.removeprefix(_BOM).lstrip(_SPACE).startswith(b"[")
    return _split_array(source) if is_array else _split_values(source)


def _blanked(source: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Spaces for the first bytes, so that offsets stay true."""
    for block in source:
        yield b" " * min(count, len(block)) + block[count:] if count else block
        count = max(0, count - len(block))


def split_lines(member: Member) -> Iterator[Piece]:
    """The lines of a file that are not blank, without their line ends."""
    pending, start = _Pending(), 0
    for offset, block in _placed(blocks(member)):
        begin = 0
        while (end := block.find(b"\n", begin)) >= 0:
            pending.add(block[begin:end])
            yield from _trimmed(start, pending)
            pending, start, begin = _Pending(), offset + end + 1, end + 1
        pending.add(block[begin:])
    yield from _trimmed(start, pending)


def split_lines_or_array(member: Member) -> Iterator[Piece]:
    """Records of a log: one a line, the elements of one array, or objects whose brace has the first line for itself."""
    head = plain_head(member.head()).lstrip(_SPACE)
    over_lines = head.startswith(b"[") or head.partition(b"\n")[0].rstrip(_SPACE) == b"{"
    return split(member) if over_lines else split_lines(member)


def _peek(source: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """At least the first 4 KiB, if there are so many, and all the blocks from the start again."""
    seen: list[bytes] = []
    while sum(map(len, seen)) < PEEK_BYTES and (block := next(source, b"")):
        seen.append(block)

    def again() -> Iterator[bytes]:
        yield from seen
        yield from source

    return b"".join(seen), again()


def _placed(source: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Blocks with their offsets; a byte order mark at the very start becomes spaces, so offsets stay true."""
    offset = 0
    for block in source:
        yield offset, b"   " + block[3:] if offset == 0 and block.startswith(_BOM) else block
        offset += len(block)


def _with_left(placed: Iterator[tuple[int, bytes]], scanner: Hopper) -> Iterator[tuple[int, bytes]]:
    """Blocks with their offsets, each beginning with what the scanner left of the one before; what is left at the end."""
    end, left = 0, b""
    for offset, block in placed:
        whole = left + block
        yield offset - len(left), whole
        end, left = offset + len(block), whole[len(whole) - scanner.left :]
    if left:
        yield end - len(left), left


class _Pending:
    """The bytes of the record being gathered: all of them up to the limit, then only its head and its length."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        self.size += len(part)
        if self.size <= RECORD_BYTES_MAX:
            self.parts.append(part)
        elif len(self.parts) > 1 or (self.parts and len(self.parts[0]) > FAULTY_BYTES_MAX):
            self.parts = [b"".join(self.parts)[:FAULTY_BYTES_MAX]]

    def is_blank(self) -> bool:
        return not any(part.strip(_SPACE) for part in self.parts)


def _trimmed(start: int, pending: _Pending, fault: str | None = None) -> Iterator[Piece]:
    """The gathered record without the white space around it; nothing if that is all it was."""
    if pending.size > RECORD_BYTES_MAX:
        data = b"".join(pending.parts)[:FAULTY_BYTES_MAX]
        yield Piece(start, start + pending.size, data, "record_too_large")
        return
    whole = b"".join(pending.parts)
    data = whole.strip(_SPACE)
    if not data:
        return
    start += len(whole) - len(whole.lstrip(_SPACE))
    yield Piece(start, start + len(data), data[:FAULTY_BYTES_MAX] if fault else data, fault)


def _split_array(source: Iterator[bytes]) -> Iterator[Piece]:
    scanner, pending, start = Hopper(level := 1), _Pending(), 0
    opened = closed = separated = False  # separated: a comma was read and no element since
    for offset, block in _with_left(_placed(source), scanner):
        begin = 0
        for position, kind, depth in () if closed else scanner.feed(block):
            if not opened:
                if depth == level:
                    opened, begin, start = True, position + 1, offset + position + 1
                continue
            if kind != _COMMA and depth >= level:
                continue
            pending.add(block[begin:position])
            if pending.is_blank() and (kind == _COMMA or separated):
                yield Piece(
                    start, offset + position + 1, b"", "broken_json"
                )  # a comma with nothing before it
            yield from _trimmed(start, pending)
            pending, begin, start = _Pending(), position + 1, offset + position + 1
            separated = kind == _COMMA
            if kind != _COMMA:
                closed = True
                break
        if opened:
            pending.add(block[begin : len(block) - scanner.left])
    yield from _trimmed(start, pending, "trailing_bytes" if closed else "truncated")


def _split_values(source: Iterator[bytes]) -> Iterator[Piece]:
    scanner, pending, start = Scanner(), _Pending(), 0
    for offset, block in _placed(source):
        begin = 0
        for position, kind, depth in scanner.feed(block, 0):
            if kind == _COMMA or depth > 0:
                continue
            pending.add(block[begin : position + 1])
            yield from _trimmed(start, pending)
            pending, begin, start = _Pending(), position + 1, offset + position + 1
            scanner.depth = max(scanner.depth, 0)
        pending.add(block[begin:])
    yield from _trimmed(start, pending, "truncated")


# Parsing


def parse(piece: Piece) -> Any:  # Any: JSON
    """The value of a record. Raises BadRecord.

    msgspec reads what is plain JSON, twice as fast; what it refuses (NaN, half a surrogate pair, numbers beyond 64
    bits, damage) is judged by the standard scanner, so the answer is the same.
    """
    if not piece.fault:
        try:
            return _PLAIN.decode(piece.data)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
    return read_record(piece).value


def read_record(piece: Piece, *paths: tuple[str, ...], form: Form = ANY) -> Record:
    """The record, with the entries of the object or array at the first of `paths` that is there as items of `form`.

    Raises BadRecord.
    """
    if piece.fault:
        raise BadRecord(piece.fault)
    try:
        value, found = located(piece.data, piece.start, paths, form)
    except UnicodeDecodeError as error:
        raise BadRecord("not_utf8") from error
    except RecursionError as error:
        raise BadRecord("nested_too_deep") from error
    except ValueError as error:  # JSONDecodeError is one; so is a number of more digits than Python converts
        raise BadRecord("broken_json") from error
    return Record(value, tuple(found) if found is not None else None)


def as_dict(value: object) -> Mapping[str, Any]:  # Any: JSON
    """The value if it is an object, else an empty one: what is not there reads as absent."""
    return value if isinstance(value, dict) else {}


def first_text(*values: object) -> str | None:
    """The first that is a string and not empty."""
    for value in values:
        if isinstance(value, str) and value:
            return value
    return None


# Shape

_TOKEN = re.compile(rb'("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[\[\]{},"]', re.DOTALL)


def shape(head: bytes) -> frozenset[str]:
    """The key paths of the first record in the head, dotted, arrays transparent: mapping.a1.message, messages.role.

    Empty where the head does not begin like JSON. A path only ever comes from a key, never from text, so that a
    chat about exports is not taken for one.
    """
    plain = plain_head(head).lstrip(_SPACE)
    paths: set[str] = set()
    stack: list[tuple[bytes, str]] = []  # the closing bracket and the path of each open container
    key: str | None = None
    for found in _TOKEN.finditer(plain) if plain.startswith((b"{", b"[")) else ():
        token = found.group(1) or found.group()
        if token in _CLOSER:
            stack.append((_CLOSER[token], key if key is not None else stack[-1][1] if stack else ""))
            key = None
        elif token == b",":
            key = None
        elif token in (b"]", b"}"):
            if (
                stack.pop()[0] != token
                or not stack
                or (len(stack) == 1 and token == b"}" and plain[:1] == b"[")
            ):
                break
        elif token == b'"':  # a string that the head cuts off
            break
        elif found.group(2):
            key = ".".join(filter(None, (stack[-1][1], token[1:-1].decode("utf-8", "replace"))))
            if key.count(".") < SHAPE_DEPTH_MAX:
                paths.add(key)
    return frozenset(paths)


_CLOSER = {b"{": b"}", b"[": b"]"}


def line_shapes(head: bytes) -> Iterator[frozenset[str]]:
    """The shape of each of the first lines: a log whose first line is broken is a log still."""
    for line in plain_head(head).split(b"\n")[:SHAPE_LINES_MAX]:
        yield shape(line)
