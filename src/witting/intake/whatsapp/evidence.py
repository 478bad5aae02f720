"""What only a whole chat can tell: which lines are heads, who speaks, whether it is a group, whose words the app uses.

Covered: one pass over the file that counts the shapes of heads and, taking the first head's shape for that of all, gathers
evidence on the way; where another shape proves to be the file's, a second pass. Not covered: deciding the order of dates
(`order.py`), the turns (`chat.py`).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from witting.intake.refusals import unreadable
from witting.intake.source import Member
from witting.intake.whatsapp.header import Header, Shape
from witting.intake.whatsapp.heads import Heads
from witting.intake.whatsapp.message import (
    NAMES_MAX,
    SPEAKER_CHARS_MAX,
    Names,
    classify,
    is_talk,
)
from witting.intake.whatsapp.order import Dates
from witting.intake.whatsapp.records import Record, of_shape, records
from witting.intake.whatsapp.words import plain, words

RECORDS_MAX = 500_000  # an export holds about 40,000
SHAPES_MAX = 200
MIXED_LINES_MIN = 5  # so many heads of a second shape, and a tenth of the first: two exports in one file
COLON_NAME_LINES_MIN = 3
APP_LINES_MAX, APP_LINE_CHARS_MAX = 10_000, 500
BROKEN_PERCENT_MAX = 1


@dataclass
class Evidence:
    """Dates under each order, who speaks, what the app wrote. Beyond RECORDS_MAX it only counts."""

    dates: Dates | None = None  # until the first head
    languages: set[str] = field(default_factory=set)
    heads: Counter[str] = field(default_factory=Counter)  # the part before the first colon: how often
    seconds: dict[str, str | None] = field(
        default_factory=dict
    )  # the part before the next: if always the same
    speakers: set[str] = field(default_factory=set)
    is_group: bool = False
    title: str | None = None  # what iOS calls the chat in the lines it wrote
    said_by_app: set[str] = field(default_factory=set)  # lines with a colon that nobody spoke
    names: Names = field(default_factory=Names)
    records: int = 0
    broken: int = 0
    odd: array[int] = field(default_factory=partial(array, "q"))  # where those begin that are no plain talk

    def see(self, record: Record) -> None:
        self.records += 1
        if self.records > RECORDS_MAX:
            return
        try:
            text = record.raw.decode("utf-8")
        except UnicodeDecodeError:
            self.broken += 1
            return
        if record.header is None:
            return
        if self.dates is None:
            self.dates = Dates(record.header.shape)
        self.dates.see(record.header)
        rest = text[record.header.end :]
        name, body = self.names.split(rest)
        if name is None or self.seconds.get(name, "") is not None:
            self._see_colons(rest.partition("\n")[0])
        if name is not None and is_talk(body):
            self._see_speaker(name)
        else:
            self.odd.append(record.start)
            self._see_words(name, body)

    def _see_colons(self, line: str) -> None:
        name, colon, after = line.partition(": ")
        if not colon or len(name) > SPEAKER_CHARS_MAX:
            return
        before = self.seconds.get(name, "")
        if before is None or (name not in self.heads and len(self.heads) >= NAMES_MAX):
            return  # it differed once, so it is no part of a name
        second, colon, _ = after.partition(": ")
        is_same = colon and len(second) <= SPEAKER_CHARS_MAX and (name not in self.heads or second == before)
        self.heads[name] += 1
        self.seconds[name] = second if is_same else None

    def _see_words(self, name: str | None, body: str) -> None:
        """`body` is the whole line where there is no name."""
        kind = classify(body) if name is not None else None
        if name is None or (kind and kind.reason == "system_line"):
            self.is_group = (
                self.is_group
                or words().group.search((body if name is None else f"{name}: {body}").casefold()) is not None
            )
            if name is not None and body.startswith("\u200e"):
                self.title = self.title or name
            if ":" in body and len(self.said_by_app) < APP_LINES_MAX:
                self.said_by_app.add(body[:APP_LINE_CHARS_MAX])
        else:
            self._see_speaker(name)
        self._see_language(plain(body))

    def _see_speaker(self, name: str) -> None:
        if len(self.speakers) < NAMES_MAX:
            self.speakers.add(name)

    def _see_language(self, said: str) -> None:
        table = words()
        phrase = said[said.rfind("<") :] if said.endswith(">") else said
        orders = table.orders.get(phrase)
        if orders is None and said.startswith(table.system):
            orders = table.orders[next(start for start in table.system if said.startswith(start))]
        if orders is not None and len(orders) == 1:
            self.languages |= orders

    def colon_names(self, file_title: str | None) -> frozenset[str]:
        """Names that hold a colon: every line of "Dr" goes on with the same words up to the next colon, and the chat's title or
        a line of the app has the whole name. Without such a witness somebody may just begin all lines alike."""
        found = (
            f"{name}: {second}"
            for name, second in self.seconds.items()
            if second is not None and self.heads[name] >= COLON_NAME_LINES_MIN
        )
        titles = {letters(title) for title in (file_title, self.title) if title}
        return frozenset(
            name
            for name in found
            if letters(name) in titles or any(name in said for said in self.said_by_app)
        )


def letters(name: str) -> str:
    """What a name keeps as the name of a file: letters and digits."""
    return "".join(filter(str.isalnum, name)).casefold()


@dataclass
class _Shapes:
    """How often each shape of head was met; the first of them is taken for the file's until the end."""

    counts: Counter[Shape] = field(default_factory=Counter)
    first: Shape | None = None

    def is_first(self, header: Header) -> bool:
        """Counts the shape of a head, and says whether it is the first one's."""
        shape = header.shape
        if self.first is None:
            self.first = shape
        if shape in self.counts or len(self.counts) < SHAPES_MAX:
            self.counts[shape] += 1
        return shape is self.first or shape == self.first

    def decide(self) -> Shape:
        """The shape of nearly all heads. Raises UnreadableFile: no_messages, mixed_headers, unknown_meridiem."""
        if not self.counts:
            raise unreadable("no_messages")
        ranked = self.counts.most_common(2)
        shape, lines = ranked[0]
        other = ranked[1][1] if len(ranked) > 1 else 0
        if other >= MIXED_LINES_MIN and other * 10 > lines:
            raise unreadable("mixed_headers", f"{lines} and {other} heads")
        if shape.half_day == "unknown":
            raise unreadable("unknown_meridiem")
        return shape


def survey(member: Member, heads: Heads) -> tuple[Shape, Evidence]:
    """The shape of the file's heads, and its evidence. Raises UnreadableFile: as above, too_large, not_utf8."""
    shapes = _Shapes()
    evidence = _gathered(records(member, heads, shapes.is_first))
    shape = shapes.decide()
    if shape != shapes.first:
        evidence = _gathered(records(member, heads, of_shape(shape)))
    if evidence.records > RECORDS_MAX:
        raise unreadable("too_large", f"more than {RECORDS_MAX} messages")
    if evidence.broken > 1 and evidence.broken * 100 > evidence.records * BROKEN_PERCENT_MAX:
        raise unreadable("not_utf8", f"{evidence.broken} of {evidence.records} messages")
    return shape, evidence


def _gathered(found: Iterator[Record]) -> Evidence:
    evidence = Evidence()
    for record in found:
        evidence.see(record)
    return evidence
