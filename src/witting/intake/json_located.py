"""Where the entries of a JSON text lie: one object or array is taken apart, each entry with its own bytes.

Covered: the same answer two ways. The quick one lets msgspec find how long each value is, writes keys, values and
separators down again and compares: the same bytes lie at the same places. What it is not sure of (a key twice, an escape
in a key, separators that vary, NaN, damage) is read by the slow one, the standard library's scanner. Not covered: telling records of a file apart (`json_stream.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import accumulate
from typing import Any

import msgspec

_DECODER = json.JSONDecoder()
_PLAIN = msgspec.json.Decoder()
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_NOT_SPACE = re.compile(r"[^ \t\r\n]")
_OBJECT_OPENS = re.compile(rb'(\{[ \t\r\n]*")[^"\\]*("[ \t\r\n]*:[ \t\r\n]*)')
_OBJECT_GOES_ON = re.compile(rb'[ \t\r\n]*,[ \t\r\n]*"')
_ARRAY_OPENS = re.compile(rb"\[[ \t\r\n]*")
_ARRAY_GOES_ON = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*")
_CLOSES = re.compile(rb"[ \t\r\n]*[]}][ \t\r\n]*")
_EMPTY = re.compile(rb"[{\[][ \t\r\n]*[]}][ \t\r\n]*")
_CUT = b"\0"  # in no key as it is written

Path = tuple[str, ...]
Other = str | int | float | bool | list[Any] | None  # Any: JSON; whatever is no object


class Form:
    """What entries are read as: a msgspec struct of the fields a reader asks for, twice as fast as a dict of all of them,
    or `Other`. A field of any type must be allowed, so that what a reader thinks of an odd one is its own business."""

    def __init__(self, kind: Any) -> None:  # Any: a type
        self._kind = kind
        self._object = msgspec.json.Decoder(dict[str, kind])
        self._array = msgspec.json.Decoder(list[kind])

    def values(self, container: bytes) -> list[Any]:  # Any: JSON, and what it is read as
        """What the entries of an object or array are read as, in order. Raises what msgspec raises."""
        if container[:1] == b"{":
            return list(self._object.decode(container).values())
        return self._array.decode(container)

    def of(self, value: Any) -> Any:  # Any: JSON, and what it is read as
        """The same from a parsed value."""
        return msgspec.convert(value, self._kind)


ANY = Form(Any)


class Item(msgspec.Struct, frozen=True, gc=False):
    """An entry of an object or array, with its offsets in the member. A struct: one is made for every message read."""

    key: str  # the key, or the position in an array
    start: int
    end: int
    value: Any  # Any: JSON


class _Unsure(ValueError):
    """The quick way does not know; the slow one is asked."""


def located(
    data: bytes, base: int, paths: tuple[Path, ...], form: Form = ANY
) -> tuple[Any, list[Item] | None]:  # Any: JSON
    """The value, and the entries of the first container at one of `paths`, which then is None inside the value.

    Raises ValueError where the bytes are not JSON (UnicodeDecodeError where not UTF-8), RecursionError where too deep.
    """
    if not data.isascii():
        data.decode("utf-8")  # msgspec looks only at the strings it makes
    try:
        quick = _Quick(paths, form)
        return quick.at((), base, data), quick.found
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _Located(data.decode("utf-8"), base, paths, form).read()


class _Quick:
    """The quick way. Raises _Unsure, or what msgspec raises."""

    def __init__(self, paths: tuple[Path, ...], form: Form) -> None:
        self._paths, self._form = paths, form
        self.found: list[Item] | None = None

    def at(self, here: Path, start: int, part: bytes) -> Any:  # Any: JSON
        """The value whose bytes `part` lie at `start` in the member."""
        opens = part[:1]
        if opens.isspace():
            raise _Unsure
        if opens in (b"{", b"[") and self.found is None and here in self._paths:
            keys, starts, ends, _ = _entries(start, part)
            self.found = list(map(Item, keys, starts, ends, self._form.values(part)))
            return None
        onward = {
            path[len(here)] for path in self._paths if len(path) > len(here) and path[: len(here)] == here
        }
        if opens != b"{" or not onward:
            return _PLAIN.decode(part)
        return {
            key: self.at((*here, key), begin, bytes(raw)) if key in onward else _PLAIN.decode(raw)
            for key, begin, _, raw in zip(*_entries(start, part), strict=True)
        }


def _entries(start: int, part: bytes) -> tuple[list[str], list[int], list[int], list[msgspec.Raw]]:
    """Key, first byte, end and bytes of each entry of an object or array that lies at `start`. Raises _Unsure."""
    if part[:1] == b"{":
        entries = _OBJECT.decode(part)
        keys, raws = list(entries), list(entries.values())
        before = _before_values(part, keys, raws) if raws else []
    else:
        raws = _ARRAY.decode(part)
        keys = list(map(str, range(len(raws))))
        before = _before_elements(part, raws) if raws else []
    pieces: list[Any] = [b""] * (2 * len(raws))  # Any: bytes, as bytes and as msgspec.Raw
    pieces[::2], pieces[1::2] = before, raws
    written = b"".join(pieces)
    closing = _CLOSES.fullmatch(part, len(written)) if raws else _EMPTY.fullmatch(part)
    if closing is None or not part.startswith(written):
        raise _Unsure
    places = list(accumulate(map(len, pieces), initial=start))
    return keys, places[1::2], places[2::2], raws


def _before_values(part: bytes, keys: list[str], raws: list[msgspec.Raw]) -> list[bytes]:
    """What stands before each value, keys included, if all entries are written as the first two."""
    opening = _OBJECT_OPENS.match(part)
    going_on = _OBJECT_GOES_ON.match(part, opening.end() + len(raws[0])) if opening else None
    if opening is None or (going_on is None and len(raws) > 1):
        raise _Unsure
    opens, colon = opening.groups()
    between = colon + _CUT + going_on[0] if going_on else b""
    written = opens + between.join(map(str.encode, keys)) + colon
    before = written.split(_CUT)
    if len(before) != len(raws) or written.count(b'"') != 2 * len(raws) or b"\\" in written:
        raise _Unsure
    return before


def _before_elements(part: bytes, raws: list[msgspec.Raw]) -> list[bytes]:
    """What stands before each element, if commas are written as the first one."""
    opening = _ARRAY_OPENS.match(part)
    going_on = _ARRAY_GOES_ON.match(part, opening.end() + len(raws[0])) if opening else None
    if opening is None or (going_on is None and len(raws) > 1):
        raise _Unsure
    return [opening[0], *([going_on[0]] * (len(raws) - 1) if going_on else ())]


def each(text: str, at: int, take: Callable[[str, int], int]) -> int:
    """Calls `take(key, offset)` for each entry of the object or array at `at`; `take` returns the offset after the
    value it read. Returns the offset after the whole. Raises ValueError where the text is not JSON."""
    is_object = text[at] == "{"
    at = _next(text, at + 1)
    index = 0
    if text[at] == ("}" if is_object else "]"):
        return at + 1
    while True:
        key = str(index)
        if is_object:
            if text[at] != '"':
                raise ValueError("a key was expected")
            key, at = value_at(text, at)
            at = _next(text, at)
            if text[at] != ":":
                raise ValueError("a colon was expected")
            at = _next(text, at + 1)
        at = _next(text, take(key, at))
        index += 1
        if text[at] == ("}" if is_object else "]"):
            return at + 1
        if text[at] != ",":
            raise ValueError("a comma was expected")
        at = _next(text, at + 1)


def value_at(text: str, at: int) -> tuple[Any, int]:  # Any: JSON
    """The value at `at` and the offset after it. Raises ValueError."""
    return _DECODER.raw_decode(text, at)


def _next(text: str, at: int) -> int:
    found = _NOT_SPACE.search(text, at)
    if found is None:
        raise ValueError("the text ends inside a value")
    return found.start()


class Offsets:
    """Character offsets of a text as byte offsets of the member; asked in growing order, so it counts once."""

    def __init__(self, text: str, base: int) -> None:
        self._text, self._base = text, base
        self._ascii = text.isascii()
        self._at = (0, 0)

    def __call__(self, at: int) -> int:
        if self._ascii:
            return self._base + at
        characters, size = self._at
        size += len(self._text[characters:at].encode())
        self._at = (at, size)
        return self._base + size


class _Located:
    """Reads one record; the first container found at one of the paths is taken apart, the others stay whole."""

    def __init__(self, text: str, base: int, paths: tuple[Path, ...], form: Form) -> None:
        self._text, self._paths, self._form = text, paths, form
        self._offset = Offsets(text, base)
        self._found: list[Item] | None = None

    def read(self) -> tuple[Any, list[Item] | None]:  # Any: JSON
        value, end = self._at((), _next(self._text, 0))
        if _NOT_SPACE.search(self._text, end):
            raise ValueError("something follows the value")
        return value, self._found

    def _at(self, here: tuple[str, ...], at: int) -> tuple[Any, int]:  # Any: JSON
        opens = self._text[at] in "{["
        if opens and self._found is None and here in self._paths:
            return None, self._items(at)
        inner = self._text[at] == "{" and any(path[: len(here)] == here for path in self._paths)
        if not inner:
            return value_at(self._text, at)
        fields: dict[str, Any] = {}

        def take(key: str, place: int) -> int:
            fields[key], end = self._at((*here, key), place)
            return end

        return fields, each(self._text, at, take)

    def _items(self, at: int) -> int:
        items = self._found = []

        def take(key: str, place: int) -> int:
            value, end = value_at(self._text, place)
            items.append(Item(key, self._offset(place), self._offset(end), self._form.of(value)))
            return end

        return each(self._text, at, take)
