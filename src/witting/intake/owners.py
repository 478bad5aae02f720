"""Whose data each turn is, found while a file is read.

Covered: the handle of every turn's person, and how many turns are of an account their export does not name. Not covered:
making subjects of handles (`seal.py`), what an account is called (`account.py`).

A person's turn is theirs. An assistant's or system's turn belongs to the person it answers: the nearest person up the
parent chain, else the first person who speaks in the conversation, else, in a conversation where no person speaks, the
account named for the export, else an account nobody can consent for.

Memory: of the export being read, an entry a conversation, and an entry a turn of anybody but the conversation's first
speaker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from witting.intake.account import UNKNOWN_ACCOUNT, names_nobody, with_account
from witting.intake.source import Feedback, FileVerdict, Record, RightsRecord, Skipped, Turn

SPEAKING = ("user", "person")
WAITING_MAX = 50_000  # turns that wait for somebody to speak, where nothing is sealed
Place = tuple[str, str]  # source and native conversation key


@dataclass(frozen=True)
class Entry:
    """A turn on its way: its position in the export, the file it was read from (by number), its subject's handle."""

    turn: Turn
    position: int
    file: int
    handle: str = ""


@dataclass
class Owners:
    """Who spoke in the export being read: enough to say whom an assistant's turn answers."""

    account: str | None = None  # whose it is where the export does not say
    first: dict[Place, str] = field(default_factory=dict)  # handle of the first person who spoke
    others: dict[tuple[Place, str], str] = field(default_factory=dict)  # by turn, where it is not the first
    silent: dict[Place, list[Entry]] = field(default_factory=dict)  # turns before anybody spoke
    waiting: int = 0  # of those, in all

    def place(self, turn: Turn, position: int, file: int) -> list[Entry]:
        """The entries whose subject is known now: none, this one, or this one behind those that waited for it."""
        place = (turn.source, turn.conversation)
        if turn.role in SPEAKING or turn.owner is not None:
            handle = f"{turn.source}:{turn.speaker if turn.role in SPEAKING else turn.owner}"
            before = self._let_go(place, handle)
            return [*before, self._remembered(place, Entry(turn, position, file, handle))]
        answered = self.others.get((place, turn.parent)) if turn.parent is not None else None
        known = answered or self.first.get(place)
        if known is not None:
            return [self._remembered(place, Entry(turn, position, file, known))]
        self.silent.setdefault(place, []).append(Entry(turn, position, file))
        self.waiting += 1
        return []

    def give_up(self) -> list[Entry]:
        """What waited in vain: nobody spoke in those conversations, as far as this file goes."""
        nobody = self.account or UNKNOWN_ACCOUNT
        return [
            self._remembered(place, entry)
            for place in list(self.silent)
            for entry in self._let_go(place, f"{place[0]}:{nobody}", spoke=False)
        ]

    def _let_go(self, place: Place, handle: str, *, spoke: bool = True) -> list[Entry]:
        if spoke:
            self.first.setdefault(place, handle)
        waited = self.silent.pop(place, [])
        self.waiting -= len(waited)
        return [replace(entry, handle=handle) for entry in waited]

    def _remembered(self, place: Place, entry: Entry) -> Entry:
        if entry.handle != self.first.get(place):
            self.others[(place, entry.turn.turn)] = entry.handle
        return entry


def owned(
    records: Iterable[Record | FileVerdict], *, account: str | None = None, waiting_max: int
) -> Iterator[Entry | Skipped | RightsRecord | tuple[int, FileVerdict | Feedback]]:
    """Turns with their subject, bad records, what was said of rights, and verdicts and late feedback with their file's
    number, in a fixed order. Each verdict says how many turns are of nobody named."""
    owners, position, file, unnamed = Owners(account), 0, 0, 0
    for record in records:
        record = with_account(record, account)
        if isinstance(record, Turn):
            entries = owners.place(record, position, file)
            position += 1
            if owners.waiting >= waiting_max:
                entries += owners.give_up()
            unnamed += _unnamed(entries)
            yield from entries
        elif isinstance(record, FileVerdict):
            entries = owners.give_up()
            yield from entries
            yield file, replace(record, unnamed=unnamed + _unnamed(entries))
            file, unnamed = file + 1, 0
        elif isinstance(record, Feedback):
            yield file, record
        elif isinstance(record, RightsRecord) or record.record is not None:
            yield record
    yield from owners.give_up()


def told(
    records: Iterable[Record | FileVerdict], *, account: str | None = None
) -> Iterator[Record | FileVerdict]:
    """The same stream for those who seal nothing: with the account named, and verdicts that say how many turns are of
    nobody named."""
    owners, unnamed = Owners(account), 0
    for record in records:
        record = with_account(record, account)
        if isinstance(record, Turn):
            unnamed += _unnamed(owners.place(record, 0, 0))
            if owners.waiting >= WAITING_MAX:
                unnamed += _unnamed(owners.give_up())
        elif isinstance(record, FileVerdict):
            record = replace(record, unnamed=unnamed + _unnamed(owners.give_up()))
            unnamed = 0
        yield record


def _unnamed(entries: Iterable[Entry]) -> int:
    return sum(names_nobody(entry.handle) for entry in entries)
