"""Meta's threads as pages to read: `message_N.html`.

Covered: the layouts met so far, told by the classes of a record and cut there, so that a page of any size is read a
message at a time; a page without known classes by its shape, at most 8 MiB of it: a message is the largest element that
begins with a sender and ends with a time, and holds no other. Reactions listed under a message are signals. Not covered:
times beyond what `spoken_time.py` reads (the turn has none then), posts and comments as pages.

A page has local times of the account, without an offset and mostly to the minute, and no ids: JSON says more. What a
page's neighbour in JSON holds already is counted as `already_known`, message by message; what it lacks is read.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from posixpath import basename
from urllib.parse import urlsplit

from witting.errors import UnreadableFile
from witting.intake.html_text import Block, Element, cut, parse, parse_text
from witting.intake.json_stream import FAULTY_BYTES_MAX, Offsets, blocks, plain_head
from witting.intake.meta.rules import generated
from witting.intake.meta.thread import Message, Part, ThreadFile
from witting.intake.refusals import unreadable
from witting.intake.source import Member, Signal
from witting.intake.spoken_time import looks_like_a_time, precision, read_time

UNKNOWN_LAYOUT_BYTES_MAX = 8 << 20  # read whole
NAME_CHARS_MAX = 200
REACTIONS_MAX = 1_000

_PAGE = re.compile(rb"\s*<(!doctype html|html)", re.IGNORECASE)
_PEOPLE = re.compile(rb">\s*Participants?:\s")
_PATH = re.compile(r"(^|/)messages/.*/message_\d+\.html$")
_LISTED = re.compile(r"\s*[^:<]{1,40}:\s*([^<]+)")
_AND = re.compile(r" (?:and|und|et|y|e|en|och|og|i|ja|és|și|ve|a|и|και|dan|và) ")
_EMOJI_THEN_NAME = re.compile(r"\s*([^\w\s]+)\s*(.*?)(?:\s*\([^()]*\d[^()]*\))?\s*", re.DOTALL)
_MEDIA_TAGS = frozenset(("img", "video", "audio"))


@dataclass(frozen=True)
class _Layout:
    """The classes of one generation of pages."""

    record: re.Pattern[bytes]
    sender: str
    body: str
    time: frozenset[str]


def _opening(classes: bytes) -> re.Pattern[bytes]:
    return re.compile(
        rb'<(?:div|section) [^<>]*class="'
        + classes
        + rb'"[^<>]*>|<(?:div|section) class="'
        + classes
        + rb'">'
    )


LAYOUTS = (  # the first that finds a message
    _Layout(_opening(rb"_a6-p"), "_a6-h", "_a6-p", frozenset(("_a72d", "_a6-o"))),
    _Layout(
        _opening(rb"(?:[^\"<>]* )?_a6-g(?: [^\"<>]*)?"), "_a6-h", "_a6-p", frozenset(("_a72d", "_a6-o"))
    ),  # since about 2021
    _Layout(
        _opening(rb"[^\"<>]*_2lej[^\"<>]*"), "_2lel", "_2let", frozenset(("_2lem",))
    ),  # about 2018 to 2021
    _Layout(_opening(rb"msg"), "sender", "body", frozenset(("time",))),
)


def is_page(member: Member) -> bool:
    """By name: threads mix with JSON ones in the same folders. gzip is opened on the way."""
    return basename(member.path).lower().removesuffix(".gz").endswith((".html", ".htm"))


def claims_page(member: Member, head: bytes) -> bool:
    """By where it lies or whom it lists: all pages of a download look alike, and a post's title is nobody's name."""
    plain = plain_head(head)
    if not _PAGE.match(plain):
        return False
    return _PATH.search(member.path) is not None or _PEOPLE.search(plain) is not None


def open_page(member: Member) -> ThreadFile:
    """Raises UnreadableFile where the page shows neither people nor messages."""
    head = plain_head(member.head())
    for layout in LAYOUTS:
        if layout.record.search(head) and (people := _before_messages(member, layout)) is not None:
            return ThreadFile(member.path, people, {}, partial(_by_class, member, layout, people))
    people, found = _by_shape(member)
    if not people and not found:
        raise unreadable("no_messages")
    return ThreadFile(member.path, people, {}, partial(_each, found))


def _each(found: Sequence[Message]) -> Iterator[Part]:
    for message in found:
        yield partial(_same, message)


def _same(message: Message) -> Message:
    return message


def without_known(file: ThreadFile, is_known: Callable[[Message], bool]) -> ThreadFile:
    """The page with the messages that JSON beside it holds counted instead of read."""

    def understood(part: Part) -> Message | None:
        message = part()
        if message is None or message.reason is not None or not is_known(message):
            return message
        return replace(message, reason="already_known", text=None, signals=())

    def parts() -> Iterator[Part]:
        for part in file.parts():
            yield partial(understood, part)

    return replace(file, parts=parts)


# Pages of a known layout


def _by_class(member: Member, layout: _Layout, people: Sequence[str]) -> Iterator[Part]:
    for block in cut(member, layout.record):
        yield partial(_of_block, block, layout, people)


def _before_messages(member: Member, layout: _Layout) -> tuple[str, ...] | None:
    """Who takes part, of the blocks before the first message; None where this layout finds no message."""
    people: tuple[str, ...] = ()
    for block in cut(member, layout.record):
        if _of_block(block, layout, ()) is not None:
            return people
        people = people or _listed(parse(block.data))
    return None


def _of_block(block: Block, layout: _Layout, people: Sequence[str]) -> Message | None:
    """None for a block that is no message by its very shape: the list of who takes part, a title."""
    if not layout.record.match(block.data):
        return None  # the head of the page, before the first record
    place = (block.start, block.end)
    if not block.whole:
        return _bad(place, "record_too_large", block.data)
    record = next((part for part in parse(block.data).content if isinstance(part, Element)), None)
    if record is None:
        return None
    kids = _kids(record)
    times = [element for element in record.walk() if element.classes & layout.time]
    senders = _within(record, layout.sender)
    bodies = _within(record, layout.body)
    last = times[-1] if times else kids[-1] if kids and not any(kids[-1] is body for body in bodies) else None
    at = last.text() if last else ""
    if not (times or (senders and bodies) or looks_like_a_time(at)):
        return None
    sender = senders[0].text() if senders else kids[0].text() if len(kids) > 1 else ""
    said = bodies[:1] if bodies else kids[1:-1]
    others = [part for part in kids if not any(part is one for one in said)]
    media = [part for part in others if part.find(lambda e: e.tag in _MEDIA_TAGS)]
    return _message(place, sender, [*said, *media], at, people, block.data)


def _within(record: Element, name: str) -> list[Element]:
    return [element for element in record.walk() if element is not record and name in element.classes]


def _bad(place: tuple[int, int], reason: str, data: bytes) -> Message:
    return Message(place, None, None, None, reason=reason, record=data[:FAULTY_BYTES_MAX])


# Pages without known classes


def _by_shape(member: Member) -> tuple[tuple[str, ...], tuple[Message, ...]]:
    data = bytearray()
    for block in blocks(member):
        data += block
        if len(data) > UNKNOWN_LAYOUT_BYTES_MAX:
            raise unreadable("too_large", f"more than {UNKNOWN_LAYOUT_BYTES_MAX >> 20} MiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable("not_utf8") from error
    root = parse_text(text)
    records = _records(root)
    people = _listed(root, before=records[0].start if records else len(text))
    places = Offsets(text, 0)
    return people, tuple(_of_shape(element, places, people) for element in records)


def _records(root: Element) -> list[Element]:
    """In document order. Of elements inside each other the outermost: a card inside a message is not one."""
    kept: list[Element] = []
    for element in root.walk():
        if not (kept and element.start < kept[-1].end) and _is_message(element):
            kept.append(element)
    return kept


def _is_message(element: Element) -> bool:
    kids = _kids(element)
    if len(kids) < 2:
        return False
    sender, at = kids[0].text(), kids[-1].text()
    if "\n" in sender or "\n" in at or not looks_like_a_time(at):
        return False
    return 0 < len(sender) <= NAME_CHARS_MAX and not looks_like_a_time(sender)


def _of_shape(element: Element, places: Offsets, people: Sequence[str]) -> Message:
    kids = _kids(element)
    place = (places(element.start), places(element.end))
    return _message(place, kids[0].text(), kids[1:-1], kids[-1].text(), people, b"")


# One message


def _message(
    place: tuple[int, int],
    sender: str,
    said: Sequence[Element],
    at: str,
    people: Sequence[str],
    data: bytes,
) -> Message:
    if not 0 < len(sender) <= NAME_CHARS_MAX:
        return _bad(place, "broken_record", data)
    lists = [found for part in said for found in part.find(lambda e: e.tag == "ul")]
    text = "\n".join(words for part in said if (words := _words(part)))
    time = read_time(at)
    message = Message(
        place,
        sender,
        int(time.seconds * 1000) if time else None,
        text or None,
        time=time.iso if time else None,
        precision=precision(at) if time else None,
        signals=tuple(_reactions(lists, people)),
        said=f"page\0{text}",
    )
    reason = generated(text.strip(), sender) if text.strip() else _why_no_words(said)
    return replace(message, text=None, reason=reason, signals=()) if reason else message


def _words(body: Element) -> str:
    """What was typed: without reactions and media. Meta lays a message's parts side by side, the words second; links and
    cards that follow are the product's."""
    parts = _kids(body)
    while len(parts) == 1 and parts[0].tag == "div":
        body, parts = parts[0], _kids(parts[0])
    if len(parts) >= 4 and all(part.tag == "div" for part in parts):
        body = parts[1]
    return _plain(body).strip("\n")


def _plain(element: Element) -> str:
    """The text as it stands, white space and all; only `br` and blocks side by side make lines."""
    if element.tag in _MEDIA_TAGS or element.tag == "ul" or _is_media_link(element):
        return ""
    has_kids = any(
        isinstance(part, Element) and part.tag not in ("br", "a", "span", "b", "i")
        for part in element.content
    )
    said = ""
    for part in element.content:
        if isinstance(part, str):
            said += "" if has_kids and not part.strip() else part
            continue
        words = "\n" if part.tag == "br" else _plain(part)
        if part.tag in ("div", "p") and said and words and not said.endswith("\n"):
            said += "\n"
        said += words
    return said


def _is_media_link(element: Element) -> bool:
    """A link to a file of the download itself, or around a picture."""
    if element.tag != "a":
        return False
    is_inside = not urlsplit(element.attributes.get("href", "#")).scheme
    return is_inside or bool(element.find(lambda e: e.tag in _MEDIA_TAGS))


def _why_no_words(said: Sequence[Element]) -> str:
    inside = [element for part in said for element in part.walk()]
    if any(element.tag in _MEDIA_TAGS or _is_media_link(element) for element in inside):
        return "media_omitted"
    return "share" if any(element.tag == "a" for element in inside) else "no_text"


def _reactions(lists: Sequence[Element], people: Sequence[str]) -> Iterator[Signal]:
    items = [item for listed in lists for item in listed.find(lambda e: e.tag == "li")]
    for item in items[:REACTIONS_MAX]:
        found = _EMOJI_THEN_NAME.fullmatch(item.text())
        if found and found[2] in people:
            yield Signal("reaction", value=found[1], source_kind="reaction", by=found[2])


# Who takes part


def listed(member: Member) -> tuple[str, ...]:
    """Who the page says takes part, by its first 64 KiB."""
    head = plain_head(member.head())
    small = Member(member.path, len(head), partial(io.BytesIO, head))
    try:
        return open_page(small).participants
    except UnreadableFile:
        return ()


def _listed(root: Element, *, before: int | None = None) -> tuple[str, ...]:
    """Of the line that lists them: "Participants: A, B and C", in whatever language."""
    for element in root.walk():
        if before is not None and element.start >= before:
            break
        said = _LISTED.fullmatch("".join(part for part in element.content if isinstance(part, str)))
        if said is None or _kids(element):
            continue
        *first, last = said[1].split(",")
        names = [name.strip() for name in (*first, *_AND.split(last, maxsplit=1)) if name.strip()]
        if len(names) > 1:
            return tuple(names)
    return ()


def _kids(element: Element) -> list[Element]:
    return [part for part in element.content if isinstance(part, Element)]
