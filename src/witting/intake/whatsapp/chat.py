"""WhatsApp "Export chat": the .txt of Android and iOS, in any language, as turns.

Covered: every head in `header.py`; multi-line messages, kept byte for byte; lines the app wrote, left-out and
attached files, deleted and edited messages, polls, places; captions of files; chats with Meta AI; direct chats and
groups told apart. Two passes over the file (its shape and evidence, its turns; a third where its first head is not of its
shape) in bounded memory.
Not covered: reactions, quotes, read state and edit history (WhatsApp does not export them); the files beside the text;
a pasted export in the same format inside a message (it cannot be told from messages).

Audience: `assistant` if the other party is Meta AI; `closed_group` if a line the app wrote says so or more than two
people speak; `direct` if exactly two speak; `unknown` otherwise. Times are local to the phone at export, without offset.

Where the ideas come from: facts collected from whatstk, chat-miner, whatsapp-chat-parser, WhatsR and Chatistics and
their issues; U+200E as the mark of generated text on iOS. What voids it: an app version with other words (Android).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from witting.intake.facts import family
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.whatsapp.calendars import DAYS_KEPT_MAX, day_of
from witting.intake.whatsapp.evidence import Evidence, letters, survey
from witting.intake.whatsapp.header import Header, Shape, parse_header
from witting.intake.whatsapp.heads import Heads
from witting.intake.whatsapp.message import Kind, Names, classify, one_exporter, speaker_name
from witting.intake.whatsapp.order import Dates, decide_order
from witting.intake.whatsapp.records import Record, of_shape, records
from witting.intake.whatsapp.words import unmarked, words

CLAIM_LINES = 50
MINUTES_A_DAY = 1_440
NAME = "whatsapp"
META_AI = "Meta AI"


def claims(member: Member, head: bytes) -> bool:
    """A head within the first lines. WhatsApp writes at most a title and a notice before the first message."""
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"<", b"\x00")):
        return False
    lines = [line for line in head.decode("utf-8", "replace").split("\n")[:CLAIM_LINES] if line.strip()]
    return any(parse_header(line) is not None for line in lines[:5])


def read(export: Export, *, date_order: str | None = None) -> Iterator[Turn | Skipped]:
    """`date_order` (dmy, mdy, ymd): what the person says where the file leaves it open."""
    for member in export.claimed:
        yield from _read_chat(member, date_order)


def exporter(export: Export) -> str | None:
    """Who is called "You" in the phone's language; else, of two, the one the file is not named after."""
    (member,) = export.claimed
    _, evidence = survey(member, Heads())
    names = {speaker_name(name) for name in evidence.speakers}
    if called := names & words().exporter:
        return min(called)
    title = _title(member.path)
    others = names - {title}
    return min(others) if title in names and len(others) == 1 else None


# What the file as a whole says


@dataclass(frozen=True)
class Chat:
    """What the file as a whole says of every message in it."""

    shape: Shape
    order: str
    conversation: str
    audience: str
    with_meta_ai: bool
    colon_names: frozenset[str]
    odd: (
        Sequence[int] | None
    )  # where messages begin that are no plain talk; None where that must be looked at anew


def _chat(member: Member, heads: Heads, said: str | None) -> Chat:
    shape, evidence = survey(member, heads)
    dates = evidence.dates or Dates(shape)  # none seen: every message with a head is broken
    order = decide_order(dates, frozenset(evidence.languages), said).order
    speakers = {one_exporter(speaker_name(name)) for name in evidence.speakers}
    title = _title(member.path)
    with_meta_ai = META_AI in speakers and len(speakers) <= 2 and not evidence.is_group
    if with_meta_ai:
        audience = "assistant"
    elif evidence.is_group or len(speakers) > 2:
        audience = "closed_group"
    else:
        audience = "direct" if len(speakers) == 2 and not _is_called(title, evidence, speakers) else "unknown"
    first = next(record for record in records(member, heads, of_shape(shape, order)) if record.header)
    colon_names = evidence.colon_names(title)
    is_cut_the_same = not colon_names and dates.impossible(order) == 0
    return Chat(
        shape=shape,
        order=order,
        conversation=_conversation(member, first, order, speakers, audience, evidence.title),
        audience=audience,
        with_meta_ai=with_meta_ai,
        colon_names=colon_names,
        odd=evidence.odd if is_cut_the_same else None,
    )


def _conversation(
    member: Member, first: Record, order: str, speakers: set[str], audience: str, title: str | None
) -> str:
    """The chat's own key: who (two people) or what it is called (a group), and when it begins.

    A later, longer export begins with the same message and gives the same key; two groups that are both called
    "Family" do not. Changes where a phone cuts off the oldest messages (above about 40,000) or was moved abroad.
    """
    assert first.header is not None
    if audience in ("direct", "assistant"):
        who = sorted(speakers)
    else:
        first_line = first.raw.decode("utf-8", "replace")[first.header.end :].partition("\n")[0]
        who = [title or _title(member.path) or unmarked(first_line).strip()]
    return _key("whatsapp", *who, _time(first.header, order))


def _is_called(title: str | None, evidence: Evidence, speakers: set[str]) -> bool:
    """Whether the chat has a title that is neither speaker's name: a group, of which only two spoke."""
    known = {letters(name) for name in speakers}
    return any(letters(said) not in known for said in (title, evidence.title) if said)


def _title(path: str) -> str | None:
    stem = re.sub(r" \(\d+\)$", "", path.rpartition("/")[2].removesuffix(".txt"))
    found = next((prefix for prefix in words().title_prefixes if stem.startswith(prefix)), None)
    return stem.removeprefix(found) if found else None


def _key(*parts: str) -> str:
    """32 hex characters; no name stands in an id."""
    return hashlib.blake2b("\x00".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


# Messages


def _read_chat(member: Member, date_order: str | None) -> Iterator[Turn | Skipped]:
    heads = Heads()
    chat = _chat(member, heads, date_order)
    talk, held = _Talk(member.path, chat), None
    for record in records(member, heads, of_shape(chat.shape, chat.order)):
        if held is not None and (entry := talk.entry(held, is_last=False)):
            yield entry
        held = record
    if held is not None and (entry := talk.entry(held, is_last=True)):
        yield entry


class _Talk:
    """A chat told from its start. Holds what the next message must know: the one before, and how many were alike."""

    def __init__(self, path: str, chat: Chat) -> None:
        self._path, self._chat = path, chat
        self._names = Names(chat.colon_names)
        self._seen: dict[str, int] = {}
        self._parent: str | None = None
        self._odd_at = 0

    def entry(self, record: Record, *, is_last: bool) -> Turn | Skipped | None:
        """The turn, or why there is none; nothing for blank lines before the first head."""
        place = (record.start, record.end)
        if record.is_piece:
            return Skipped(self._path, "text_too_long", place, record.raw)
        try:
            text = record.raw.decode()
        except UnicodeDecodeError:
            return Skipped(self._path, "broken_utf8", place, record.raw)
        if record.header is None:
            blank = not unmarked(text).strip()
            return None if blank else Skipped(self._path, "before_first_header", place, record.raw)
        name, body = self._names.split(_without_line_end(text[record.header.end :], is_last))
        if name is None:
            return Skipped(self._path, "system_line", place)
        return self._message(record.header, self._names.typed(name), body, place)

    def _message(self, header: Header, speaker: str, body: str, place: tuple[int, int]) -> Turn | Skipped:
        chat, time = self._chat, _time(header, self._chat.order)
        said = f"{time}\0{speaker}"
        ordinal = self._seen.get(said, 0) + 1
        self._seen[said] = ordinal  # left-out files count too: exports with and without give the same ids
        kind = Kind(body) if self._is_known_talk(place[0]) else classify(body)
        if kind.reason is not None:
            return Skipped(self._path, kind.reason, place)
        parent, self._parent = self._parent, _key(time, speaker, str(ordinal))
        return Turn(
            member=self._path,
            conversation=chat.conversation,
            turn=self._parent,
            parent=parent,
            speaker=speaker,
            role="assistant" if speaker == META_AI else "user" if chat.with_meta_ai else "person",
            time=time,
            time_precision="min" if header.second is None else "s",
            text=kind.text,
            audience=chat.audience,
            source=NAME,
            bytes=place,
            edited=kind.edited,
        )

    def _is_known_talk(self, start: int) -> bool:
        """Was it proved plain talk when the file was surveyed? Asked in file order."""
        odd = self._chat.odd
        if odd is None:
            return False
        while self._odd_at < len(odd) and odd[self._odd_at] < start:
            self._odd_at += 1
        return self._odd_at == len(odd) or odd[self._odd_at] > start


def _without_line_end(text: str, is_last: bool) -> str:
    """One line end closes a message; more of them at the end of the file were put there by an editor."""
    if is_last:
        return text.rstrip("\r\n")
    return text.removesuffix("\n").removesuffix("\r")


def _time(header: Header, order: str) -> str:
    day, minute = _day_text(header.fields, header.era, order), _minute_text(header.hour, header.minute)
    return f"{day}{minute}{header.second or 0:02d}"


@lru_cache(maxsize=DAYS_KEPT_MAX)
def _day_text(fields: tuple[int, int, int], era: str, order: str) -> str:
    day = day_of(fields, era, order)
    assert day is not None  # such heads are not heads
    return day.isoformat()


@lru_cache(maxsize=MINUTES_A_DAY)
def _minute_text(hour: int, minute: int) -> str:
    return f"T{hour:02d}:{minute:02d}:"


SOURCE = Source(name=NAME, facts=family("whatsapp")[NAME], claims=claims, read=read, exporter=exporter)


def source_with(date_order: str) -> Source:
    """The same source, told which of day, month and year comes first: dmy, mdy or ymd."""
    return replace(SOURCE, read=partial(read, date_order=date_order))
