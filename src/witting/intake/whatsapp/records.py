"""A chat's text cut into records: a head and every line up to the next.

Covered: lines of any length in bounded memory; a record larger than the limit in pieces that lose nothing. Not covered:
what a head is (`header.py`, found fast by `heads.py`), what a record says (`message.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from witting.intake.source import Member
from witting.intake.whatsapp.calendars import to_date
from witting.intake.whatsapp.header import Header, Shape
from witting.intake.whatsapp.heads import Heads

LINE_BYTES_MAX = 1 << 20
RECORD_BYTES_MAX = 4 << 20  # WhatsApp itself allows 65,536 characters


class Record(msgspec.Struct, frozen=True, gc=False):
    """Bytes from one head to the next. `header` is None before the first head and in pieces of an endless record."""

    start: int
    raw: bytes
    header: Header | None
    is_piece: bool = False  # part of a record larger than the limit

    @property
    def end(self) -> int:
        return self.start + len(self.raw)


def records(member: Member, heads: Heads, is_ours: Callable[[Header], bool]) -> Iterator[Record]:
    """The records of a file. A line that begins with a head of another chat's kind goes on with the record before."""
    start, parts, size, header, is_piece = 0, [], 0, None, False
    with member.open() as stream:
        is_whole = True  # a longer line comes in pieces, and only its first may begin with a head
        while line := stream.readline(LINE_BYTES_MAX):
            found = heads.at(line) if is_whole else None
            if found is not None and not is_ours(found):
                found = None
            if found is not None or size + len(line) > RECORD_BYTES_MAX:
                if parts:
                    yield Record(start, b"".join(parts), header, is_piece or found is None)
                start, parts, size, header, is_piece = start + size, [], 0, found, found is None
            parts.append(line)
            size += len(line)
            is_whole = line.endswith(b"\n")
    if parts:
        yield Record(start, b"".join(parts), header, is_piece)


def of_shape(shape: Shape, order: str | None = None) -> Callable[[Header], bool]:
    """Heads of this shape and, once the order is known, with a possible date under it."""

    def is_ours(header: Header) -> bool:
        return (header.shape is shape or header.shape == shape) and (
            order is None or to_date(header, order) is not None
        )

    return is_ours
