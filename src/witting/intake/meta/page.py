"""Meta's downloads as pages to read: message threads in `message_N.html`.

Covered: threads in every layout met so far, because the shape is asked, not the class names, which change: a message is
the smallest element that begins with a sender and ends with a time. Reactions listed under a message are signals. Not
covered: times beyond what `spoken_time.py` reads (the turn has none then), posts and comments as pages.

A page has local times of the account, without an offset and mostly to the minute, and no ids: JSON says more. Where the
same thread lies beside it as JSON, the page's messages are counted as `repeated`. A page is read whole, at most 64 MiB.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from posixpath import basename

from witting.intake.html_text import Element, parse_text
from witting.intake.json_stream import Offsets, blocks, plain_head
from witting.intake.meta.rules import audience_of, conversation_of, generated, key, role_of
from witting.intake.refusals import unreadable
from witting.intake.signals import Signal
from witting.intake.source import Member, Skipped, Turn
from witting.intake.spoken_time import looks_like_a_time, precision, read_time

PAGE_BYTES_MAX = 64 << 20
NAME_CHARS_MAX = 200

_PAGE = re.compile(rb"\s*(\xef\xbb\xbf)?\s*<(!doctype html|html)", re.IGNORECASE)
_PEOPLE = re.compile(rb"Participants?:|_a6-g|_a706|_3b0d")
_PATH = re.compile(r"(^|/)messages/.*/message_\d+\.html$")
_LISTED = re.compile(r"\s*[^:<]{1,40}:\s*([^<]+)")
_EMOJI_THEN_NAME = re.compile(r"\s*([^\w\s]+)\s*(.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class _Message:
    sender: str
    text: str | None
    time: str | None
    exact_to: str | None
    seconds: float
    bytes: tuple[int, int]
    has_media: bool
    signals: tuple[Signal, ...]


def claims_page(member: Member, head: bytes) -> bool:
    plain = plain_head(head)
    if not _PAGE.match(plain):
        return False
    return _PATH.search(member.path) is not None or _PEOPLE.search(plain) is not None


def read_page_thread(
    members: Sequence[Member], beside: Mapping[str, Member], source: str
) -> Iterator[Turn | Skipped]:
    """All pages of one thread; `members` by their number, the newest first as Meta writes them."""
    parent: str | None = None
    seen: Counter[tuple[str | None, str]] = Counter()
    for member in reversed(members):
        people, messages = _load(member)
        everybody = set(people) | {message.sender for message in messages}
        audience = audience_of(set(people), {m.sender for m in messages}, {})
        conversation = conversation_of(source, {}, member.path, everybody)
        is_double = member.path.removesuffix("html") + "json" in beside
        for message in _oldest_first(messages):
            seen[message.time, message.sender] += 1
            turn = key(str(message.time), message.sender, str(seen[message.time, message.sender]))
            reason = "repeated" if is_double else _why_no_turn(message)
            if reason is not None:
                yield Skipped(member.path, reason, message.bytes)
                continue
            yield Turn(
                member=member.path,
                conversation=conversation,
                turn=turn,
                parent=parent,
                speaker=message.sender,
                role=role_of(message.sender, audience),
                time=message.time,
                time_precision=message.exact_to,
                text=message.text,
                audience=audience,
                source=source,
                bytes=message.bytes,
                signals=message.signals,
            )
            parent = turn


def _why_no_turn(message: _Message) -> str | None:

    if message.text is None:
        return "media_omitted" if message.has_media else "no_text"
    return generated(message.text, message.sender)


def _load(member: Member) -> tuple[list[str], list[_Message]]:
    """Who takes part, and the messages in the page's order. Raises UnreadableFile."""
    data = b""
    for block in blocks(member):
        data += block
        if len(data) > PAGE_BYTES_MAX:
            raise unreadable("too_large", f"more than {PAGE_BYTES_MAX >> 20} MiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable("not_utf8") from error
    root = parse_text(text)
    people = _participants(root)
    found = [element for element in root.walk() if _is_message(element)]
    following = [*found[1:], None]  # in document order: what lies inside an element comes right after it
    smallest = [
        one for one, other in zip(found, following, strict=False) if other is None or other.start >= one.end
    ]
    places = Offsets(text, 0)
    messages = [
        message for element in smallest if (message := _understood(element, places, people)) is not None
    ]
    if not messages and not people:
        raise unreadable("no_messages")
    return people, messages


def _participants(root: Element) -> list[str]:
    """Of the line that lists them: "Participants: A, B", in whatever language."""
    for element in root.walk():
        text = "".join(part for part in element.content if isinstance(part, str))
        said = _LISTED.fullmatch(text)
        if said and "," in said[1] and not _kids(element):
            return [name.strip() for name in said[1].split(",") if name.strip()]
    return []


def _kids(element: Element) -> list[Element]:
    return [part for part in element.content if isinstance(part, Element)]


def _is_message(element: Element) -> bool:
    kids = _kids(element)
    if len(kids) < 2 or not looks_like_a_time(kids[-1].text()):
        return False
    sender = kids[0].text()
    return 0 < len(sender) <= NAME_CHARS_MAX and "\n" not in sender and not looks_like_a_time(sender)


def _understood(element: Element, places: Offsets, people: Sequence[str]) -> _Message | None:
    kids = _kids(element)
    sender, said, at = kids[0].text(), kids[1:-1], kids[-1].text()
    lists = [found for part in said for found in part.find(lambda e: e.tag == "ul")]
    words = "\n".join(text for part in said if (text := _without(part, lists).text()))
    time = read_time(at)
    return _Message(
        sender=sender,
        text=words or None,
        time=time.iso if time else None,
        exact_to=precision(at) if time else None,
        seconds=time.seconds if time else 0.0,
        bytes=(places(element.start), places(element.end)),
        has_media=any(part.find(lambda e: e.tag in ("img", "video", "audio", "a")) for part in said),
        signals=tuple(_reactions(lists, people)),
    )


def _without(element: Element, lists: Sequence[Element]) -> Element:
    """A copy without the lists of reactions."""
    kept = [
        _without(part, lists) if isinstance(part, Element) else part
        for part in element.content
        if not any(part is gone for gone in lists)
    ]
    return Element(element.tag, element.attributes, kept, element.start, element.end)


def _reactions(lists: Sequence[Element], people: Sequence[str]) -> Iterator[Signal]:
    for entry in (item for listed in lists for item in listed.find(lambda e: e.tag == "li")):
        found = _EMOJI_THEN_NAME.fullmatch(entry.text())
        if found and found[2] in people:
            yield Signal("reaction", value=found[1], source_kind="reaction", by=found[2])


def _oldest_first(messages: Sequence[_Message]) -> Sequence[_Message]:
    steps = [later.seconds - earlier.seconds for earlier, later in pairwise(messages)]
    newest_first = sum(step < 0 for step in steps) > sum(step > 0 for step in steps)
    return messages[::-1] if newest_first else messages


def is_page(member: Member) -> bool:
    """By name: threads mix with JSON ones in the same folders."""
    return basename(member.path).lower().endswith((".html", ".htm"))
