"""Records of a file that is a list, or an object around one: conversations, posts, comments, talks.

Covered: the list under a key of that object, wherever in the first 64 KiB it begins, a record at a time; and what the object
holds besides it: one more piece before and one after the records, with the fault `unknown_shape`, so that it is counted.
Not covered: lists that begin later; such a file is one record. Besides the list, what is empty is nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import msgspec

from witting.intake.json_stream import Piece, plain_head, split
from witting.intake.source import Member

_FIRST = re.compile(rb'\s*\{\s*"([^"\\]{1,100})"\s*:\s*\[')
_TOKEN = re.compile(rb'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:\s*\[)?|[\[\]{}"]', re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_EMPTY: tuple[object, ...] = (None, "", [], {})


def name_around(head: bytes, *, never: tuple[str, ...] = ()) -> str | None:
    """The key of the list an object begins with; `never` are keys of a record itself."""
    found = _FIRST.match(plain_head(head))
    name = found[1].decode("utf-8", "replace") if found else None
    return None if name in never else name


def records(member: Member, inside: str | None) -> Iterator[Piece]:
    """The elements of the list under `inside`, and what is beside it; where no such list is around, those of the file."""
    head = member.head()
    plain = plain_head(head)
    found = None if inside is None else _list_under(plain, inside.encode())
    if found is None:
        yield from split(member)
        return
    key, begin = found
    mark = len(_BOM) if head.startswith(_BOM) else 0
    before = plain[:key].strip()
    if not _is_nothing(before.rstrip(b", \t\r\n") + b"}"):
        at = plain.index(before) + mark
        yield Piece(at, at + len(before), before, "unknown_shape")
    for piece in split(member, begin=begin + mark):
        if piece.fault != "trailing_bytes":
            yield piece
        elif not _is_nothing(b"{" + piece.data.lstrip(b",")):
            yield replace(piece, fault="unknown_shape")


def _list_under(plain: bytes, inside: bytes) -> tuple[int, int] | None:
    """Where the key stands in the object, and the bracket of its list."""
    depth = 0
    for token in _TOKEN.finditer(plain) if plain.lstrip()[:1] == b"{" else ():
        mark = token[0][:1]
        if depth == 1 and token[2] and token[1] == inside:
            return token.start(), token.end() - 1
        depth += token[0].endswith(b"[") if mark == b'"' else 1 if mark in b"[{" else -1
        if depth == 0 or token[0] == b'"':  # it ends, or the head cuts a string off
            return None
    return None


def _is_nothing(text: bytes) -> bool:
    """An object in which nothing stands."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return isinstance(found, dict) and all(value in _EMPTY for value in found.values())
