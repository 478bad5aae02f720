"""Brackets and commas of JSON outside its strings, a block of bytes at a time, without parsing.

Covered: where the elements of an array end, at any level. Not covered: whether they are JSON (`json_stream.py`).

Two ways, the same answer. The sure one is simdjson's (Langdale and Lemire 2019, arXiv 1902.08318): find quotes and
brackets for a whole block at once, derive "inside a string" from the parity of unescaped quotes, and only then look at
structure; here with NumPy. The quick one hops: the records of an export all begin alike (`}, {"title"`), and those bytes
cannot stand inside a string, where the quote would be escaped. If what lies before them is one whole value, it is the
element; if not, the sure way reads on from there. No byte is looked at more than once in each way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

_QUOTE, _BACKSLASH, _COMMA = 34, 92, 44
_STEP = np.zeros(256, dtype=np.int8)  # how a mark outside strings changes the depth
_STEP[[91, 123]] = 1
_STEP[[93, 125]] = -1
_IS_MARK = np.zeros(256, dtype=np.bool_)
_IS_MARK[[_QUOTE, _COMMA, 91, 123, 93, 125]] = True
_BETWEEN = re.compile(rb',[ \t\r\n]*\{[ \t\r\n]*"[A-Za-z0-9_]+"')  # from one object to the next
_ENDING = re.compile(
    rb'["\[\]{}]*\}[ \t\r\n]*\Z'
)  # tells a conversation that ends in a list from a message in it
_ENDING_BYTES_MAX = 64
SCAN_BYTES_MIN = 1 << 14  # less at a time costs more than it scans
_WHOLE = msgspec.json.Decoder(msgspec.Raw)

Marks = Iterator[tuple[int, int, int]]


class Scanner:
    """Finds brackets and commas outside strings, block by block; keeps what the next block must know."""

    def __init__(self) -> None:
        self.in_string = False
        self.escaped = False  # the first byte of the next block is escaped
        self.depth = 0

    def feed(self, block: bytes, level: int) -> Marks:
        """(position, byte, depth after it) of the commas at `level` and the brackets that touch it."""
        codes = np.frombuffer(block, dtype=np.uint8)
        marks = np.flatnonzero(_IS_MARK[codes])
        kinds = codes[marks]
        quotes = (kinds == _QUOTE) & ~self._escapes(block, codes)[marks]
        parity = np.cumsum(quotes) + self.in_string
        outside = (parity % 2 == 0) & (kinds != _QUOTE)
        if parity.size:
            self.in_string = bool(parity[-1] % 2)
        marks, kinds = marks[outside], kinds[outside]
        depths = np.cumsum(_STEP[kinds], dtype=np.int64) + self.depth
        if depths.size:
            self.depth = int(depths[-1])
        near = (depths <= level) & ((kinds != _COMMA) | (depths == level))
        return zip(marks[near].tolist(), kinds[near].tolist(), depths[near].tolist(), strict=True)

    def _escapes(self, block: bytes, codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Which bytes of the block a backslash takes the meaning from: those after an odd run of them."""
        escaped = np.zeros(len(codes) + 1, dtype=np.bool_)
        begin = int(self.escaped)
        escaped[0] = self.escaped
        self.escaped = False
        if block.find(b"\\", begin) >= 0:
            slashes = np.flatnonzero(codes[begin:] == _BACKSLASH) + begin
            ends = np.flatnonzero(np.diff(slashes, append=-1) != 1)  # positions in `slashes` where a run ends
            lengths = np.diff(ends, prepend=-1)
            escaped[slashes[ends[lengths % 2 == 1]] + 1] = True
            self.escaped = bool(escaped[-1])
        return escaped[:-1]


class Hopper:
    """The marks that end elements of the array at `level`, some of them found by hopping."""

    def __init__(self, level: int) -> None:
        self._scanner, self._level = Scanner(), level
        self._between = b""  # how an element ends and the next begins; empty: not learnt yet
        self._comma = 0  # where the comma is in it
        self._fresh = False  # the next byte is the first after a comma at the level
        self.left = 0  # bytes at the end of the block that were not looked at: feed them again with the next

    def feed(self, block: bytes) -> Marks:
        """As `Scanner.feed`, less the brackets of elements hopped over. Exhaust it before the next block, which begins
        with what is `left`: the beginning of an element, to hop over where the end of it has come."""
        self.left = 0
        if not self._between:
            yield from self._scan(block, 0, len(block), learn=True)
            return
        at = hops = 0
        while (comma := self._next(block, at)) >= 0:
            if self._fresh and _is_whole(memoryview(block)[at:comma]):
                hops += 1
                yield comma, _COMMA, self._level
            else:
                comma = max(comma, self._next(block, at + SCAN_BYTES_MIN))
                yield from self._scan(block, at, comma + 1)
            at = comma + 1
        if hops and self._fresh:  # only after a hop, so that what is left stays less than a block
            self.left = len(block) - at
            return
        yield from self._scan(block, at, len(block))
        if not hops:
            self._between = b""  # these records begin otherwise

    def _next(self, block: bytes, at: int) -> int:
        """Where the next comma between records seems to be."""
        found = block.find(self._between, at)
        return found if found < 0 else found + self._comma

    def _scan(self, block: bytes, begin: int, end: int, *, learn: bool = False) -> Marks:
        last = -1
        for position, kind, depth in self._scanner.feed(block[begin:end], self._level):
            last = begin + position if kind == _COMMA else -1
            if learn and last >= 0:
                learn = not self._learnt(block, last)
            yield begin + position, kind, depth
        self._fresh = last == end - 1 if begin < end else self._fresh

    def _learnt(self, block: bytes, comma: int) -> bool:
        ending = _ENDING.search(block[max(comma - _ENDING_BYTES_MAX, 0) : comma])
        between = _BETWEEN.match(block, comma)
        if ending and between:
            self._between, self._comma = ending[0] + between[0], len(ending[0])
        return bool(ending and between)


def _is_whole(element: memoryview) -> bool:
    try:
        _WHOLE.decode(element)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True
