"""What would be taken from a person's export, before anything is stored: each message, whose it is, what is masked.

Covers: the person's own messages and the answers to them, what redaction would replace in them, what would be left out
and why, what the person takes out themselves, what rights would refuse later whoever agreed; the export reduced to what
is left. Of other people only that they spoke: their feedback goes from the person's messages, too. Not covered: consent
(rights asks for it whatever stands here), drawing (`preview_page.py`). Nothing is kept: an export is read, and read again
to be written.

From: data donation, where people see and remove rows before they agree (Port, D3I); one layer of GDPR Art. 13.

Memory: an entry a message to know whose an answer is, and the speakers of each conversation.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from msgspec import structs

from witting.errors import UsageError
from witting.intake import SKIPPED, FileVerdict, Turn
from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.source import Record
from witting.redaction import REASONS, judge, scan
from witting.redaction.conversation import REPEATED

Records = Iterable[Record | FileVerdict]
SPEAKING = ("user", "person")
SPEAKERS_NAMED_MAX = 20
PRIVATE = ("direct", "closed_group", "unknown")  # audiences for which rights asks everybody who speaks
LEFT_OUT = {
    "not_yours": "Somebody else's words: they need that person's own yes.",
    "taken_out": "You took it out.",
    "deleted": "It was deleted; no words of it are kept.",
    **REASONS,
}
KEPT_LATER = "would be kept sealed"
LATER = {  # of what would be taken: what rights asks beside the person's own yes
    "no_time": "Would be refused later: the export does not say when it was said, so no consent can be shown for that time.",
    "everybody": "Needs the yes of everybody who speaks in this talk, not only yours, or it would be refused later.",
}
WHY_YOU = {
    "said": "you named it with --me",
    "told": "the export tells it",
    "alone": "nobody else talks with an assistant in it",
    "unnamed": "the export does not say whose it is, so everything of its unnamed account is shown as yours",
}


@dataclass(frozen=True)
class Row:
    """One message as its person sees it. `left_out` is empty where it would be taken, else a key of LEFT_OUT."""

    id: str  # 12 hex characters: the same on every reading
    conversation: str  # c1, c2, ... in order of appearance
    mine: bool
    left_out: str
    masked: tuple[tuple[int, int, str], ...]  # start, end, kind; of what would be taken, or was taken out
    turn: Turn  # without the feedback of other people
    later: str = ""  # of what would be taken, a key of LATER: why rights may refuse it all the same


@dataclass(frozen=True)
class You:
    """A speaker taken for the person, and why: a key of WHY_YOU."""

    source: str
    speaker: str
    why: str


@dataclass(frozen=True)
class People:
    """Who speaks in an export, and whose it is."""

    mine: frozenset[tuple[str, str]]  # source, speaker
    by_conversation: dict[tuple[str, str], frozenset[str]]  # source, native key: the speakers
    you: tuple[You, ...] = ()  # those of `mine`, sorted


@dataclass
class Summary:
    """Counts of what a preview showed. The one mutable value here: it is added to row by row."""

    rows: int = 0
    taken: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)
    files: list[FileVerdict] = field(default_factory=list)

    def add(self, row: Row) -> None:
        self.rows += 1
        self.taken += not row.left_out
        self.left_out.update([row.left_out] if row.left_out else [])
        self.later.update([row.later] if row.later else [])
        self.masked.update(kind for _, _, kind in row.masked if not row.left_out)

    def not_read(self) -> list[FileVerdict]:
        """Files of which something was left unread, or all."""
        return [verdict for verdict in self.files if verdict.reason]

    def close(self, verdict: FileVerdict) -> None:
        self.files.append(verdict)
        self.skipped.update(verdict.skipped)


def who_speaks(records: Records, *, me: Collection[str] = ()) -> People:
    """One reading of the export. `me`: the speakers who are the person, where they said so.

    Raises UsageError, naming who speaks, where that is neither said nor told by the export.
    """
    talks: dict[tuple[str, str], set[str]] = {}
    heard: Counter[tuple[str, str]] = Counter()
    to_assistants: set[tuple[str, str]] = set()
    told: set[tuple[str, str]] = set()
    for record in records:
        if isinstance(record, FileVerdict) and record.source and record.exporter:
            told.add((record.source, record.exporter))
        elif isinstance(record, Turn) and record.role in SPEAKING:
            speaker = (record.source, record.speaker)
            talks.setdefault((record.source, record.conversation), set()).add(record.speaker)
            heard[speaker] += 1
            if record.audience == "assistant":
                to_assistants.add(speaker)
    if me:
        mine = {speaker: "said" for speaker in heard if speaker[1] in me}
        _refuse_strangers(set(me) - {name for _, name in mine}, heard)
    else:
        alone = to_assistants if len(to_assistants) == 1 else set()
        mine = dict.fromkeys(alone, "alone") | dict.fromkeys(told & set(heard), "told")
        mine |= {speaker: "unnamed" for speaker in mine if speaker[1] == UNKNOWN_ACCOUNT}
        if heard and not mine:
            raise UsageError(f"the export does not say whose it is. Say it with --me; {_named(heard)}.")
    return People(
        frozenset(mine),
        {talk: frozenset(names) for talk, names in talks.items()},
        tuple(You(*speaker, why) for speaker, why in sorted(mine.items())),
    )


def _refuse_strangers(unheard: set[str], heard: Counter[tuple[str, str]]) -> None:
    if unheard:
        raise UsageError(f"nobody by one of the names given with --me speaks here; {_named(heard)}.")


def _named(heard: Counter[tuple[str, str]]) -> str:
    names = [f"{name} ({count:,})" for (_, name), count in heard.most_common(SPEAKERS_NAMED_MAX)]
    more = len(heard) - len(names)
    return f"these people speak in it: {', '.join(names)}{f' and {more} more' if more else ''}"


def preview(
    records: Records, people: People, *, taken_out: Collection[str] = ()
) -> Iterator[Row | FileVerdict]:
    """A row a message and the verdict of each file, in the order of the export. `taken_out`: ids of rows or
    conversations the person removed."""
    reading = _Reading(people, frozenset(taken_out))
    for record in records:
        if isinstance(record, Turn):
            yield reading.row(record)
        elif isinstance(record, FileVerdict):
            yield record


@dataclass
class _Reading:
    """Holds what a message needs to know of those before it."""

    people: People
    taken_out: frozenset[str]
    numbers: dict[tuple[str, str], str] = field(default_factory=dict)
    owners: dict[tuple[str, str, str], bool] = field(default_factory=dict)
    refused: dict[tuple[str, str, str], str] = field(default_factory=dict)
    children: set[tuple[str, str]] = field(default_factory=set)

    def row(self, turn: Turn) -> Row:
        talk = (turn.source, turn.conversation)
        number = self.numbers.setdefault(talk, f"c{len(self.numbers) + 1}")
        mine = self.owners[*talk, turn.turn] = self._is_mine(turn, talk)
        id = hashlib.blake2b("\x00".join((*talk, turn.turn)).encode("utf-8", "surrogatepass"), digest_size=6)
        reason = self._left_out(turn, talk, number, mine=mine)
        if reason in REPEATED:
            self.refused[*talk, turn.turn] = reason
        masked = () if reason else self._masked(turn, talk)
        later = "" if reason else self._later(turn, talk)
        if not reason and not self.taken_out.isdisjoint((id.hexdigest(), number)):
            reason, later = "taken_out", ""
        return Row(id.hexdigest(), number, mine, reason, masked, self._without_others(turn), later)

    def _without_others(self, turn: Turn) -> Turn:
        """What other people thought of it, and that it was they, is theirs."""
        if not turn.signals:
            return turn
        mine = self.people.mine
        kept = tuple(s for s in turn.signals if s.by is None or (turn.source, s.by) in mine)
        return structs.replace(turn, signals=kept)

    def _later(self, turn: Turn, talk: tuple[str, str]) -> str:
        """What rights refuses though the person agrees (docs/decisions/0003)."""
        if turn.time is None:
            return "no_time"
        others = {(talk[0], name) for name in self.people.by_conversation.get(talk, ())} - self.people.mine
        return "everybody" if turn.audience in PRIVATE and others else ""

    def _is_mine(self, turn: Turn, talk: tuple[str, str]) -> bool:
        """An assistant's turn belongs to the person it answers, as in the vault."""
        if turn.role in SPEAKING:
            return (turn.source, turn.speaker) in self.people.mine
        if turn.owner is not None:
            return (turn.source, turn.owner) in self.people.mine
        above = self.owners.get((*talk, turn.parent)) if turn.parent is not None else None
        if above is not None:
            return above
        return any(
            (turn.source, name) in self.people.mine for name in self.people.by_conversation.get(talk, ())
        )

    def _left_out(self, turn: Turn, talk: tuple[str, str], number: str, *, mine: bool) -> str:
        """Why it stays out whatever the person takes out; empty where it would be taken."""
        if not mine:
            return "not_yours"
        if turn.deleted:
            return "deleted"
        if talk in self.children:
            return "child"
        if turn.role == "assistant" and (*talk, turn.parent or "") in self.refused:
            return "answers_refused_turn"
        judged = judge(
            turn.text,
            key=lambda: secrets.token_bytes(32),
            scope=number,
            answering=turn.role == "assistant",
            known_names=self._names(talk),
        )
        if judged.reason == "child":
            self.children.add(talk)
        return judged.reason

    def _masked(self, turn: Turn, talk: tuple[str, str]) -> tuple[tuple[int, int, str], ...]:
        spans, _ = scan(turn.text or "", known_names=self._names(talk))
        return tuple((span.start, span.end, span.family) for span in spans)

    def _names(self, talk: tuple[str, str]) -> list[str]:
        return sorted(self.people.by_conversation.get(talk, ()))


def why_left_out(reason: str) -> str:
    """The sentence of a row's `left_out`."""
    return LEFT_OUT.get(reason, f"Reason given: {reason.replace('_', ' ')}.")


def you_are(people: People) -> list[str]:
    """Who was taken for the person, and why, a sentence a speaker."""
    return [
        f"{'An unnamed account' if you.speaker == UNKNOWN_ACCOUNT else you.speaker} ({you.source}): {WHY_YOU[you.why]}."
        for you in people.you
    ]


def why_skipped(reason: str) -> str:
    """The sentence of a reason for which a record gave no message; of one that is not stored yet."""
    said = SKIPPED.get(reason, f"Reason given: {reason.replace('_', ' ')}.")
    return said.replace("is kept sealed", KEPT_LATER).replace("are kept sealed", KEPT_LATER)
