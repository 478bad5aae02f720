"""What people imply over a whole conversation: who said what about which answer.

Covers: turns of any source as `Said`, a finding on the answer it is about; turns of intake as they are, with their signals.
Not covered: talk between people; what somebody says two turns later; a last word that gave no turn (a picture, a broken
record), after which an answer counts as the end.

A pure function of a conversation's turns: their order and what other conversations hold never show.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from witting.intake.implied.exchange import Reading, read_exchange
from witting.intake.implied.measured import RULE_OF, confidence
from witting.intake.source import Evidence, FileVerdict, Record, Signal, Turn

UNHAPPY = ("objected", "rephrased")
RECORDS_HELD_MAX = 20_000  # a turn is judged by at least half as many records after it


@dataclass(frozen=True, slots=True)
class Said:
    """A turn as the rules see it. `person` is who spoke, or whom an answer answers."""

    id: str
    parent: str | None
    person: str
    role: str
    text: str | None
    on_active_path: bool = True


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` of the answer `about`, said in code points [start, end) of `evidence`."""

    about: str
    kind: str
    rule: str
    confidence: float
    evidence: str
    start: int
    end: int


def find(conversation: Iterable[Said], *, followed: Collection[str] = ()) -> tuple[Finding, ...]:
    """Everything that one conversation implies, by the turn that says it. `followed`: turns that somebody went on from in a
    turn that is not here, because its words may not be read."""
    said = {turn.id: turn for turn in conversation}
    spoken = [turn for turn in said.values() if turn.role == "user" and turn.text]
    found = [
        finding for turn in sorted(spoken, key=lambda turn: turn.id) for finding in _about_last(turn, said)
    ]
    return (*found, *_abandoned(said, found, {turn.parent for turn in said.values()} | set(followed)))


def implied(turns: Sequence[Turn]) -> list[Turn]:
    """The turns of any conversations, in their order, each with the signals that people's next words imply."""
    conversations: dict[tuple[str, str], list[Turn]] = {}
    for turn in turns:
        conversations.setdefault(_place(turn), []).append(turn)
    added: dict[tuple[str, str, str], list[Signal]] = {}
    for (source, conversation), own in conversations.items():
        by_id = {turn.turn: turn for turn in own}
        for finding in find(_said(turn) for turn in own):
            signals = added.setdefault((source, conversation, finding.about), [])
            signals.append(_signal(finding, by_id[finding.evidence]))
    return [_with(turn, added.get((turn.source, turn.conversation, turn.turn), ())) for turn in turns]


def with_implied(records: Iterable[Record | FileVerdict]) -> Iterator[Record | FileVerdict]:
    """Records as a reader yields them, turns with what they imply; whatever stands between two turns of a conversation, other
    conversations included. At most RECORDS_HELD_MAX records are held, and what is said of a turn later than that is not heard."""
    held: list[Record | FileVerdict] = []
    for record in records:
        held.append(record)
        if len(held) >= RECORDS_HELD_MAX:
            yield from _judged(held, RECORDS_HELD_MAX // 2)
            del held[: RECORDS_HELD_MAX // 2]
    yield from _judged(held, len(held))


def _judged(held: Sequence[Record | FileVerdict], count: int) -> Iterator[Record | FileVerdict]:
    """The first `count` records, judged by all that is held of their conversations."""
    places = {_place(record) for record in held[:count] if isinstance(record, Turn)}
    turns = [record for record in held if isinstance(record, Turn) and _place(record) in places]
    judged = iter(implied(turns))
    for record in held[:count]:
        yield next(judged) if isinstance(record, Turn) else record


def _place(turn: Turn) -> tuple[str, str]:
    return turn.source, turn.conversation


def _about_last(turn: Said, said: Mapping[str, Said]) -> Iterable[Finding]:
    """What one turn implies of the answer it follows; nothing where the person talks past somebody else's."""
    answer = said.get(turn.parent or "")
    if answer is None or answer.role != "assistant" or turn.text is None:
        return ()
    asked = said.get(answer.parent or "")
    if asked is not None and asked.role == "user" and asked.person != turn.person:
        return ()
    prompt = asked.text if asked is not None and asked.role == "user" else None
    return [_finding(answer.id, turn, reading) for reading in read_exchange(prompt, answer.text, turn.text)]


def _finding(about: str, turn: Said, reading: Reading) -> Finding:
    rule = RULE_OF[reading.kind]
    return Finding(about, reading.kind, rule, confidence(rule), turn.id, reading.start, reading.end)


def _abandoned(
    said: Mapping[str, Said], found: Sequence[Finding], followed: Collection[str | None]
) -> Iterable[Finding]:
    """The answer to words that were not content with the one before, where the conversation ends on it."""
    unhappy: dict[str, Finding] = {}
    for finding in found:
        if finding.kind in UNHAPPY:
            unhappy.setdefault(finding.evidence, finding)
    rule = RULE_OF["abandoned"]
    for turn in sorted(said.values(), key=lambda turn: turn.id):
        before = unhappy.get(turn.parent or "")
        if before and turn.role == "assistant" and turn.on_active_path and turn.id not in followed:
            yield replace(before, about=turn.id, kind="abandoned", rule=rule, confidence=confidence(rule))


def _said(turn: Turn) -> Said:
    return Said(turn.turn, turn.parent, turn.speaker, turn.role, turn.text, turn.on_active_path)


def _signal(finding: Finding, said_in: Turn) -> Signal:
    return Signal(
        kind=finding.kind,
        time=said_in.time,
        by=said_in.speaker,
        rule=finding.rule,
        confidence=finding.confidence,
        evidence=Evidence(finding.evidence, finding.start, finding.end),
    )


def _with(turn: Turn, signals: Iterable[Signal]) -> Turn:
    """With the signals it does not have yet: turns of our own format may bring them."""
    new = tuple(signal for signal in signals if signal not in turn.signals)
    return structs.replace(turn, signals=(*turn.signals, *new)) if new else turn
