"""ChatGPT's `chat.html`: the same conversations as `conversations.json`, in a script on a page.

Covered: knowing the page and finding its conversations, each with its place in the page. Not covered: what is drawn from
them. It is read only where the export has no `conversations.json`: somebody kept the page alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import BinaryIO

from witting.errors import UnreadableFile
from witting.intake.json_stream import Piece, split
from witting.intake.source import HEAD_BYTES, Member

_DATA = re.compile(rb"\bvar\s+jsonData\s*=\s*(?=\[)")


def data_at(head: bytes) -> int | None:
    """Where in the first bytes of a page its conversations begin."""
    found = _DATA.search(head)
    return found.end() if found else None


def page_pieces(member: Member) -> Iterator[Piece]:
    """The conversations of a page. Raises UnreadableFile where there are none in its first 64 KiB."""
    start = data_at(member.head())
    if start is None:
        raise UnreadableFile(f"{member.path}: no conversations in the first {HEAD_BYTES} bytes of the page.")
    for piece in split(replace(member, open=partial(_open_at, member, start))):
        if piece.fault != "trailing_bytes":  # the rest of the script
            yield replace(piece, start=piece.start + start, end=piece.end + start)


def _open_at(member: Member, start: int) -> BinaryIO:
    stream = member.open()
    stream.read(start)
    return stream
