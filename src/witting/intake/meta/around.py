"""Records of a file that is a list, or an object around one: posts, comments, talks with Meta AI.

Covered: the list under the first key of the object, a record at a time, and what the object holds besides it: one more
piece with the fault `unknown_shape`, so that it is counted. Not covered: objects that begin with something else; they are
one record.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO, cast

from witting.intake.json_stream import FAULTY_BYTES_MAX, Piece, blocks, plain_head, split
from witting.intake.source import Member

_AROUND = re.compile(rb'\s*\{\s*"([^"\\]{1,100})"\s*:\s*\[')
_END = re.compile(rb"\s*\]?\s*\}?\s*")


def name_around(head: bytes, *, never: tuple[str, ...] = ()) -> str | None:
    """The key the list stands under; `never` are keys of a record itself."""
    found = _AROUND.match(plain_head(head))
    name = found[1].decode("utf-8", "replace") if found else None
    return None if name in never else name


def records(member: Member, inside: str | None) -> Iterator[Piece]:
    """The elements of the list; where nothing is around it, of the file."""
    if inside is None:
        yield from split(member)
        return
    head = member.head()
    found = _AROUND.match(plain_head(head))
    end = found.end() + (3 if head.startswith(b"\xef\xbb\xbf") else 0) if found else 0
    for piece in split(member, inside=inside.encode()):
        end = piece.end
        yield piece
    yield from _rest(member, end)


def _rest(member: Member, end: int) -> Iterator[Piece]:
    with plain_from(member, end) as stream:
        data = stream.read(FAULTY_BYTES_MAX)
        if _END.fullmatch(data):
            return
        size = len(data)
        while more := stream.read(FAULTY_BYTES_MAX):
            size += len(more)
    yield Piece(end, end + size, data, "unknown_shape")


def plain_from(member: Member, offset: int) -> BinaryIO:
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
