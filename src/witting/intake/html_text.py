"""Exports written for people to read, in HTML: their blocks with the bytes they came from, and the words in them.

Covered: cutting a page of any size at the tag that opens each record, in bounded memory; a block's elements by class;
visible text with line breaks where the page shows them. Not covered: what the classes mean (one file a source), scripts,
styles. Damaged HTML is read as far as it goes; it never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from witting.intake.json_stream import blocks
from witting.intake.source import Member

BLOCK_BYTES_MAX = 4 << 20  # of one record
DEPTH_MAX = 200
_BREAKS = frozenset(
    ("br", "p", "div", "li", "tr", "h1", "h2", "h3", "table", "ul", "ol", "pre", "blockquote")
)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_SILENT = frozenset(("script", "style", "head", "template"))


@dataclass(frozen=True)
class Block:
    """The bytes from one opening tag to the next. `whole` is false where it was longer than the limit and was cut."""

    start: int  # offsets in the member's plain bytes
    end: int
    data: bytes
    whole: bool = True


@dataclass
class Element:
    """A tag with what lies in it, in order: text or elements; and where it lies in the text that was parsed."""

    tag: str
    attributes: dict[str, str]
    content: list[str | Element] = field(default_factory=list)
    start: int = 0  # code points
    end: int = 0

    @property
    def classes(self) -> frozenset[str]:
        return frozenset(self.attributes.get("class", "").split())

    def walk(self) -> Iterator[Element]:
        """This element and all below it, in document order."""
        stack: list[Element] = [self]
        while stack:
            here = stack.pop()
            yield here
            stack.extend(reversed([part for part in here.content if isinstance(part, Element)]))

    def find(self, wanted: Callable[[Element], bool]) -> list[Element]:
        return [element for element in self.walk() if wanted(element)]

    def text(self) -> str:
        """The words a reader sees: one line a block, no space at line ends, no empty lines at either end."""
        parts: list[str] = []
        _words(self, parts, 0)
        lines = [re.sub(r"[ \t\r\f]+", " ", line).strip(" ") for line in "".join(parts).split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def _words(element: Element, parts: list[str], depth: int) -> None:
    if element.tag in _SILENT or depth > DEPTH_MAX:
        return
    if element.tag == "br":
        parts.append("\n")
        return
    breaks = element.tag in _BREAKS
    if breaks and parts and not parts[-1].endswith("\n"):
        parts.append("\n")
    for part in element.content:
        if isinstance(part, Element):
            _words(part, parts, depth + 1)
        else:
            parts.append(re.sub(r"\s+", " ", part) if element.tag != "pre" else part)
    if breaks and parts and not parts[-1].endswith("\n"):
        parts.append("\n")


class _Reader(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {}, end=len(text))
        self.open = [self.root]
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, start=self._at())
        element.end = element.start + len(self.get_starttag_text() or "")
        self.open[-1].content.append(element)
        if tag not in _VOID and len(self.open) < DEPTH_MAX:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].content.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag == tag:
                end = self._at() + len(tag) + 3
                for closed in self.open[depth:]:
                    closed.end = end
                del self.open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].content.append(data)


def parse(data: bytes) -> Element:
    """The elements of a fragment or page, under one root without a tag. Bytes that are no UTF-8 become U+FFFD."""
    return parse_text(data.decode("utf-8", "replace"))


def parse_text(text: str) -> Element:
    """As `parse`, of text."""
    reader = _Reader(text)
    reader.feed(text)
    reader.close()
    return reader.root


def cut(member: Member, opening: re.Pattern[bytes], *, opening_bytes_max: int = 4096) -> Iterator[Block]:
    """The page in pieces, each from one match of `opening` to the next; what stands before the first comes first, as a
    block of its own if it is not empty. `opening` must match within `opening_bytes_max` bytes. Memory: one block."""
    held, at, begun = bytearray(), 0, 0  # bytes from offset `at`; where the search goes on within them
    over = 0  # bytes of the block being read that were let go, beyond the limit
    for piece in blocks(member):
        held += piece
        while found := opening.search(held, max(begun, 0)):
            if found.end() == len(held) and len(piece):
                break  # may go on in the next piece
            if found.start() or over:
                yield Block(at - over, at + found.start(), bytes(held[: found.start()]), over == 0)
            at, over = at + found.start(), 0
            del held[: found.start()]
            begun = found.end() - found.start()
        else:
            begun = max(begun, len(held) - opening_bytes_max)
        if len(held) > BLOCK_BYTES_MAX:
            gone = len(held) - opening_bytes_max
            over, at, begun = over + gone, at + gone, 0
            del held[:gone]
    while found := opening.search(held, max(begun, 0)):
        yield Block(at - over, at + found.start(), bytes(held[: found.start()]), over == 0)
        at, over = at + found.start(), 0
        del held[: found.start()]
        begun = found.end() - found.start()
    if held:
        yield Block(at - over, at + len(held), bytes(held), over == 0)
