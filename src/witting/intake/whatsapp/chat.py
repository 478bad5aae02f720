"""WhatsApp "Export chat": the .txt of Android and iOS, in any language, as turns.

Covered: every head in `whatsapp_header.py`; multi-line messages, kept byte for byte; lines the app wrote, left-out and
attached files, deleted and edited messages, polls, places; captions of files; chats with Meta AI; direct chats and
groups told apart. Three passes over the file (its shape, its evidence, its turns) in bounded memory.
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
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from witting.intake.facts import family
from witting.intake.refusals import unreadable
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.whatsapp.header import (
    DateOrder,
    Dates,
    Header,
    Shape,
    decide_order,
    parse_header,
    to_date,
)
from witting.intake.whatsapp.words import MARK, Words, plain, unmarked, words

LINE_BYTES_MAX = 1 << 20
RECORD_BYTES_MAX = 4 << 20  # WhatsApp itself allows 65,536 characters
RECORDS_MAX = 500_000  # an export holds about 40,000
SPEAKER_CHARS_MAX = 150
NAMES_MAX = 10_000
SHAPES_MAX = 200
MIXED_LINES_MIN = 5  # so many heads of a second shape, and a tenth of the first: two exports in one file
COLON_NAME_LINES_MIN = 3
CLAIM_LINES = 50
BROKEN_PERCENT_MAX = 1
NAME = "whatsapp"
META_AI = "Meta AI"

_LRM = "\u200e"
_ATTACHED_IOS = re.compile(rf"{MARK}{{0,4}}<[^<>:\n]{{2,40}}: ?[^<>\n]+\.[A-Za-z0-9]{{1,5}}>")
_ATTACHED_ANDROID = re.compile(rf"({MARK}{{0,4}})([^\n]+\.[A-Za-z0-9]{{1,5}}) \(([^()\n]+)\)(\r?\n|$)")
_OWN_FILE_NAME = re.compile(r"(IMG|VID|AUD|PTT|STK|DOC|GIF)-\d{8}-WA\d{4,}\.\w+")
_PLACEHOLDER = re.compile(r"<[^<>\n/=:]{3,60}>")
_EDITED_IOS = re.compile(rf"\s?{_LRM}<[^<>\n]{{3,60}}>\Z")
_PLACE = re.compile(
    rf"{MARK}{{0,4}}[^:\n]{{2,40}}: https://(maps\.google\.com|www\.google\.com/maps|maps\.apple\.com)\S*\s*\Z"
)
_POLL = re.compile(rf"{MARK}{{0,4}}POLL:\r?\n", re.IGNORECASE)


# Records: a head and everything up to the next


@dataclass(frozen=True)
class Record:
    """Bytes from one head to the next. `header` is None before the first head and in pieces of an endless record."""

    start: int
    raw: bytes
    header: Header | None
    is_piece: bool = False  # part of a record larger than the limit

    @property
    def end(self) -> int:
        return self.start + len(self.raw)


def _records(member: Member, shape: Shape, order: str | None = None) -> Iterator[Record]:
    """The records of a file whose heads have `shape` and, once it is known, a possible date under `order`."""
    start, parts, size, header, is_piece = 0, [], 0, None, False
    for line, is_whole in _lines(member):
        found = _header_of(line, shape, order) if is_whole else None
        if found is not None or size + len(line) > RECORD_BYTES_MAX:
            if parts:
                yield Record(start, b"".join(parts), header, is_piece or found is None)
            start, parts, size, header, is_piece = start + size, [], 0, found, found is None
        parts.append(line)
        size += len(line)
    if parts:
        yield Record(start, b"".join(parts), header, is_piece)


def _lines(member: Member) -> Iterator[tuple[bytes, bool]]:
    """Lines with their ends, and whether each begins where a line begins: longer ones come in pieces."""
    with member.open() as stream:
        is_whole = True
        while line := stream.readline(LINE_BYTES_MAX):
            yield line, is_whole
            is_whole = line.endswith(b"\n")


def _header_of(line: bytes, shape: Shape, order: str | None) -> Header | None:
    header = parse_header(line.decode("utf-8", "replace"))
    if header is None or header.shape != shape:
        return None
    return header if order is None or to_date(header, order) is not None else None


def _shape_of(member: Member) -> Shape:
    """The shape of nearly all heads in the file. Raises UnreadableFile: no_messages, mixed_headers, unknown_meridiem."""
    shapes: Counter[Shape] = Counter()
    for line, is_whole in _lines(member):
        header = parse_header(line.decode("utf-8", "replace")) if is_whole else None
        if header is not None and (header.shape in shapes or len(shapes) < SHAPES_MAX):
            shapes[header.shape] += 1
    if not shapes:
        raise unreadable("no_messages")
    ranked = shapes.most_common(2)
    shape, lines = ranked[0]
    other = ranked[1][1] if len(ranked) > 1 else 0
    if other >= MIXED_LINES_MIN and other * 10 > lines:
        raise unreadable("mixed_headers", f"{lines} and {other} heads")
    if shape.half_day == "unknown":
        raise unreadable("unknown_meridiem")
    return shape


# Evidence: what only the whole file can tell


@dataclass
class Evidence:
    """Gathered in the second pass: dates under each order, who speaks, what the app wrote."""

    dates: Dates
    languages: set[str] = field(default_factory=set)
    heads: Counter[str] = field(default_factory=Counter)  # the part before the first colon: how often
    seconds: dict[str, str | None] = field(
        default_factory=dict
    )  # the part before the next: if always the same
    speakers: set[str] = field(default_factory=set)
    is_group: bool = False
    title: str | None = None  # what iOS calls the chat in the lines it wrote
    records: int = 0
    broken: int = 0

    def see(self, record: Record) -> None:
        self.records += 1
        if self.records > RECORDS_MAX:
            raise unreadable("too_large", f"more than {RECORDS_MAX} messages")
        try:
            text = record.raw.decode("utf-8")
        except UnicodeDecodeError:
            self.broken += 1
            return
        if record.header is None:
            return
        self.dates.see(record.header)
        rest = text[record.header.end :]
        self._see_colons(rest.partition("\n")[0])
        self._see_words(rest)

    def _see_colons(self, line: str) -> None:
        parts = line.split(": ", 2)
        name = parts[0]
        if len(parts) == 1 or len(name) > SPEAKER_CHARS_MAX:
            return
        if name not in self.heads and len(self.heads) >= NAMES_MAX:
            return
        second = parts[1] if len(parts) == 3 and len(parts[1]) <= SPEAKER_CHARS_MAX else None
        if self.heads[name] and self.seconds[name] != second:
            second = None
        self.heads[name] += 1
        self.seconds[name] = second

    def _see_words(self, rest: str) -> None:
        name, body = split_speaker(rest, frozenset())
        kind = classify(body) if name is not None else None
        if name is None or (kind and kind.reason == "system_line"):
            self.is_group = self.is_group or words().group.search(rest.casefold()) is not None
            if name is not None and body.startswith(_LRM):
                self.title = self.title or name
        elif len(self.speakers) < NAMES_MAX:
            self.speakers.add(name)
        self._see_language(plain(body if name is not None else rest))

    def _see_language(self, said: str) -> None:
        table = words()
        phrase = said[said.rfind("<") :] if said.endswith(">") else said
        orders = table.orders.get(phrase)
        if orders is None and said.startswith(table.system):
            orders = table.orders[next(start for start in table.system if said.startswith(start))]
        if orders is not None and len(orders) == 1:
            self.languages |= orders

    def colon_names(self) -> frozenset[str]:
        """Names that hold a colon: every line of "Dr" goes on with the same words up to the next colon."""
        return frozenset(
            f"{name}: {second}"
            for name, second in self.seconds.items()
            if second is not None and self.heads[name] >= COLON_NAME_LINES_MIN
        )


@dataclass(frozen=True)
class Chat:
    """What the file as a whole says of every message in it."""

    conversation: str
    audience: str
    with_meta_ai: bool
    order: DateOrder
    colon_names: frozenset[str]


def _evidence(member: Member, shape: Shape) -> Evidence:
    evidence = Evidence(Dates(shape))
    for record in _records(member, shape):
        evidence.see(record)
    if evidence.broken > 1 and evidence.broken * 100 > evidence.records * BROKEN_PERCENT_MAX:
        raise unreadable("not_utf8", f"{evidence.broken} of {evidence.records} messages")
    return evidence


def _chat(member: Member, shape: Shape, said: str | None) -> Chat:
    evidence = _evidence(member, shape)
    order = decide_order(evidence.dates, frozenset(evidence.languages), said)
    speakers = {_one_exporter(speaker_name(name)) for name in evidence.speakers}
    with_meta_ai = META_AI in speakers and len(speakers) <= 2 and not evidence.is_group
    if with_meta_ai:
        audience = "assistant"
    elif evidence.is_group or len(speakers) > 2:
        audience = "closed_group"
    else:
        audience = "direct" if len(speakers) == 2 else "unknown"
    first = next(record for record in _records(member, shape, order.order) if record.header)
    return Chat(
        conversation=_conversation(member, first, order.order, speakers, audience, evidence.title),
        audience=audience,
        with_meta_ai=with_meta_ai,
        order=order,
        colon_names=evidence.colon_names(),
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


def _title(path: str) -> str | None:
    stem = re.sub(r" \(\d+\)$", "", path.rpartition("/")[2].removesuffix(".txt"))
    found = next((prefix for prefix in words().title_prefixes if stem.startswith(prefix)), None)
    return stem.removeprefix(found) if found else None


def _key(*parts: str) -> str:
    """32 hex characters; no name stands in an id."""
    return hashlib.blake2b("\x00".join(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


# Messages


@dataclass(frozen=True)
class Kind:
    """What a body is: words of a person (`reason` is None), or why it gives no turn."""

    text: str | None
    edited: bool = False
    reason: str | None = None


def split_speaker(rest: str, colon_names: frozenset[str]) -> tuple[str | None, str]:
    """Speaker and body of what follows a head; no speaker on a line the app wrote. The first colon ends the name."""
    line = rest.partition("\n")[0].rstrip("\r")
    at = next((len(name) for name in colon_names if line.startswith(f"{name}: ")), line.find(": "))
    if at < 0 and line.endswith(":"):
        at = len(line) - 1
    name = line[: max(at, 0)]
    if not unmarked(name).strip() or len(name) > SPEAKER_CHARS_MAX or _tells_an_event(name):
        return None, rest
    return name, rest[at + 1 :].removeprefix(" ")


def _tells_an_event(name: str) -> bool:
    return words().events.search(f"{name.casefold()} ") is not None


def speaker_name(name: str) -> str:
    """The name as a person would type it: no direction marks, plain spaces and hyphens. "~ Name" keeps its tilde:
    an unsaved contact is somebody else than a saved one of the same name."""
    return re.sub(r"\s+", " ", unmarked(name).replace("\u2011", "-")).strip()


def _one_exporter(name: str) -> str:
    """For counting: "You", "Du", "Tú" are one person, whoever exported the chat."""
    return "You" if name in words().exporter else name


def classify(body: str) -> Kind:
    """What the app or a person put after the name. `body` is without its last line end."""
    table, said = words(), plain(body)
    is_generated = body.startswith(_LRM)
    if not said:
        return Kind(None, reason="no_text")  # view once, or nothing at all
    if said in table.deleted:
        return Kind(None, reason="deleted")
    if said in table.media or _is_placeholder(body):
        return Kind(None, reason="media_omitted")
    if said.startswith(table.system) or _is_group_event(said, table):
        return Kind(None, reason="system_line")
    if _POLL.match(body):
        return Kind(None, reason="poll")
    if _PLACE.match(body):
        return Kind(None, reason="location")
    caption, had_file = _without_attachment(body, table)
    if had_file and not plain(caption):
        return Kind(None, reason="media_attached")
    if is_generated and not had_file:
        return Kind(None, reason=_generated_reason(said, table))
    text, edited = _without_edit_mark(caption, table)
    return Kind(text, edited=edited)


def _is_placeholder(body: str) -> bool:
    """A body that is only <words>: what Android puts for a file left out, in a language the table may lack."""
    found = _PLACEHOLDER.fullmatch(unmarked(body).strip())
    return found is not None and (" " in body or not body.isascii())


def _is_group_event(said: str, table: Words) -> bool:
    """German Android exports give group events a speaker: "B: A hat die Gruppe erstellt." One line, nothing after."""
    return "\n" not in said and said.endswith((" hat die gruppe erstellt", " created this group"))


def _without_attachment(body: str, table: Words) -> tuple[str, bool]:
    """The body without the mark of an attached file: what stays is its caption."""
    if found := _ATTACHED_IOS.search(body):
        return (body[: found.start()] + body[found.end() :]).strip("\r\n"), True
    found = _ATTACHED_ANDROID.match(body)
    if found is None:
        return body, False
    marks, name, said = found.group(1, 2, 3)
    if not (marks or plain(said) in table.attached or _OWN_FILE_NAME.fullmatch(name)):
        return body, False
    return body[found.end() :], True


def _generated_reason(said: str, table: Words) -> str:
    if table.deleted_inside.search(said):
        return "deleted"
    return "media_omitted" if table.omitted_inside.search(said) else "system_line"


def _without_edit_mark(body: str, table: Words) -> tuple[str, bool]:
    if found := _EDITED_IOS.search(body):
        return body[: found.start()], True
    at = body.rfind("<")
    if at >= 0 and plain(body[at:]) in table.edited:
        return body[:at].removesuffix(" "), True
    return body, False


# Reading


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
    names = {speaker_name(name) for name in _evidence(member, _shape_of(member)).speakers}
    if called := names & words().exporter:
        return min(called)
    title = _title(member.path)
    others = names - {title}
    return min(others) if title in names and len(others) == 1 else None


def _read_chat(member: Member, date_order: str | None) -> Iterator[Turn | Skipped]:
    shape = _shape_of(member)
    chat = _chat(member, shape, date_order)
    seen: Counter[tuple[str, str]] = Counter()
    parent: str | None = None
    for record, is_last in _marking_last(_records(member, shape, chat.order.order)):
        entry = _entry(member, record, chat, seen, parent, is_last=is_last)
        if entry is None:
            continue
        yield entry
        parent = entry.turn if isinstance(entry, Turn) else parent


def _marking_last(records: Iterator[Record]) -> Iterator[tuple[Record, bool]]:
    held = next(records, None)
    while held is not None:
        following = next(records, None)
        yield held, following is None
        held = following


def _entry(
    member: Member,
    record: Record,
    chat: Chat,
    seen: Counter[tuple[str, str]],
    parent: str | None,
    *,
    is_last: bool,
) -> Turn | Skipped | None:
    skipped = partial(Skipped, member.path, bytes=(record.start, record.end))
    if record.is_piece:
        return skipped("text_too_long", record=record.raw)
    try:
        text = record.raw.decode("utf-8")
    except UnicodeDecodeError:
        return skipped("broken_utf8", record=record.raw)
    if record.header is None:
        return skipped("before_first_header", record=record.raw) if unmarked(text).strip() else None
    name, body = split_speaker(_without_line_end(text[record.header.end :], is_last), chat.colon_names)
    if name is None:
        return skipped("system_line")
    speaker, time = speaker_name(name), _time(record.header, chat.order.order)
    seen[time, speaker] += 1  # left-out files count too: exports with and without files give the same ids
    kind = classify(body)
    if kind.reason is not None:
        return skipped(kind.reason)
    is_assistant = speaker == META_AI
    return Turn(
        member=member.path,
        conversation=chat.conversation,
        turn=_key(time, speaker, str(seen[time, speaker])),
        parent=parent,
        speaker=speaker,
        role="assistant" if is_assistant else "user" if chat.with_meta_ai else "person",
        time=time,
        time_precision="min" if record.header.second is None else "s",
        text=kind.text,
        audience=chat.audience,
        source=NAME,
        bytes=(record.start, record.end),
        edited=kind.edited,
    )


def _without_line_end(text: str, is_last: bool) -> str:
    """One line end closes a message; more of them at the end of the file were put there by an editor."""
    if is_last:
        return text.rstrip("\r\n")
    return text.removesuffix("\n").removesuffix("\r")


def _time(header: Header, order: str) -> str:
    day = to_date(header, order)
    assert day is not None  # such heads are not heads
    return f"{day.isoformat()}T{header.hour:02d}:{header.minute:02d}:{header.second or 0:02d}"


SOURCE = Source(name=NAME, facts=family("whatsapp")[NAME], claims=claims, read=read, exporter=exporter)


def source_with(date_order: str) -> Source:
    """The same source, told which of day, month and year comes first: dmy, mdy or ymd."""
    return replace(SOURCE, read=partial(read, date_order=date_order))
