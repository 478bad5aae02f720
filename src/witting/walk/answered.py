"""What was done about each request: an erasure's certificate, or the walk that honoured it.

Covers: closing requests by what ledger and walks show, and by the operator's recorded word (`rights/answer.py`). Not covered: deadlines (`rights/clocks.py`); telling the person, which
is the operator's to do. An erasure request is answered by a certificate alone: a walk stops using words, it erases none.

A walk honoured a no if it had heard it when it decided and went on to a corpus; where a model had been trained before, it
must have trained again as well. A walk that stopped earlier, or that is not over, answers nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate

from witting.rights.answer import UNKNOWN, Answered, answers, standing_answer
from witting.rights.claims import is_claim
from witting.rights.clocks import OPT_OUTS, Request, requests
from witting.store.records import Run, all_runs
from witting.store.requests import kept_request
from witting.walk.train import TRAINED
from witting.workspace import Workspace

RUNS_MAX = 10_000  # walks looked at, the newest
HANDLES_PER_ROUND = 10_000  # opened at once
COMPLETED = "erasure.completed"
LINKED = "rights.linked"


@dataclass(frozen=True)
class Answer:
    """When a request was answered, and by what."""

    at: datetime
    by: str  # the certificate's id, the walk's, or the recorded word, in words
    outcome: str = "fulfilled"  # rights.answer.OUTCOMES, or moved
    reason: str | None = None


def open_and_answered(workspace: Workspace, *, as_of: datetime) -> list[tuple[Request, Answer | None]]:
    """Every request with its answer, or None while it is open; the one due first at the head."""
    events = workspace.projections.events()
    asked = requests(events, as_of=as_of, packs=workspace.packs)
    entries: list[int] = events["entry"].to_pylist()  # ascending: the order in which they were heard
    answers = answers_to(workspace, asked, heard_before=partial(bisect_left, entries))
    closed = {entry: answer.at for entry, answer in answers.items()}
    again = requests(events, as_of=as_of, packs=workspace.packs, answered=closed) if closed else asked
    return [(request, answers.get(request.entry)) for request in again]


def answers_to(
    workspace: Workspace, asked: list[Request], *, heard_before: Callable[[int], int]
) -> dict[int, Answer]:
    """The first answer to each request, by its entry; of the operator's words the last. Open ones are left out.

    `heard_before` says how many rights events stand before an entry. A walk honours nothing for somebody who is known by a
    claim alone (`rights/claims.py`), however they asked: their request stays open until they are linked, it is answered in
    words, or the same request was answered for a person whom another of its claims leads to. What was answered before they
    were linked stands, but that nobody knew whose it was."""
    said = answers(workspace.ledger)
    erased = _certificates(workspace)
    held = known_by_a_claim_alone(workspace, (request.subject for request in asked))
    moved, before = _moved(workspace)
    walks = list(_honouring(workspace))
    heard = list(accumulate((count for count, _ in walks), max))
    found = {}
    for request in asked:
        known = [answer for index, answer in erased.get(request.subject, ()) if index > request.entry]
        word = standing_answer(_words(said, request.entry, before))
        if word is not None and (word.outcome != "acknowledged" or request.clock.acknowledged):
            known.append(_said(word))
        if request.entry in moved:
            known.append(moved[request.entry])
        if request.kind in OPT_OUTS and request.subject not in held:
            first = bisect_right(heard, heard_before(request.entry))
            known += [answer for _, answer in walks[first : first + 1]]
        if known:
            found[request.entry] = min(known, key=lambda answer: answer.at)
    return found | _with_their_person(workspace, asked, held, found)


def _words(said: Mapping[int, Sequence[Answered]], entry: int, before: Mapping[int, int]) -> list[Answered]:
    """What was said to it, and to what it continues."""
    found, earlier = list(said.get(entry, ())), before.get(entry)
    if earlier is None:
        return found
    word = standing_answer(_words(said, earlier, before))
    if word is None or (word.outcome == "denied" and word.reason in UNKNOWN):
        return found
    return [word, *found]


def known_by_a_claim_alone(workspace: Workspace, subjects: Iterable[str]) -> set[str]:
    """Those of them whom nobody has linked to an account yet."""
    people = sorted(set(subjects))
    found: set[str] = set()
    for start in range(0, len(people), HANDLES_PER_ROUND):
        handles = workspace.vault.handles_of(people[start : start + HANDLES_PER_ROUND])
        found |= {subject for subject, handle in handles.items() if is_claim(handle)}
    return found


def _with_their_person(
    workspace: Workspace, asked: Sequence[Request], held: set[str], found: Mapping[int, Answer]
) -> dict[int, Answer]:
    """Of what is held under a claim: the answer to the same request for the person whom its other claims lead to."""
    subjects = {request.entry: request.subject for request in asked}
    more = {}
    for request in asked:
        if request.subject not in held or request.entry in found:
            continue
        name = workspace.ledger.entry(request.entry).body.get("request")
        kept = None if name is None else kept_request(workspace.database, name)
        others = () if kept is None else kept.entries
        theirs = [entry for entry in others if subjects.get(entry) not in held]
        if theirs and all(entry in found for entry in theirs):
            more[request.entry] = max((found[entry] for entry in theirs), key=lambda answer: answer.at)
    return more


def _said(word: Answered) -> Answer:
    why = "" if word.reason is None else f" ({word.reason})"
    return Answer(word.at, f"{word.outcome}{why}, entry {word.entry}", word.outcome, word.reason)


def _moved(workspace: Workspace) -> tuple[dict[int, Answer], dict[int, int]]:
    """Requests of somebody who turned out to be a person we know: they go on under that person. By entry, and by the entry
    that each goes on as, which stand right before the link, the one it was."""
    found, before = {}, {}
    for entry in workspace.ledger.entries(kind=LINKED):
        moved = entry.body["entries"]
        for index, earlier in enumerate(moved, start=entry.index - len(moved)):
            found[earlier] = Answer(entry.at, f"goes on as its person's, entry {entry.index}", "moved")
            before[index] = earlier
    return found, before


def _certificates(workspace: Workspace) -> dict[str, list[tuple[int, Answer]]]:
    """By subject: the entry that sealed an erasure's certificate, and the answer it is."""
    found: dict[str, list[tuple[int, Answer]]] = {}
    for entry in workspace.ledger.entries(kind=COMPLETED):
        subject = entry.body["subject"]
        answer = Answer(entry.at, f"certificate {entry.index}-{subject[:12]}")
        found.setdefault(subject, []).append((entry.index, answer))
    return found


def _honouring(workspace: Workspace) -> Iterator[tuple[int, Answer]]:
    """How many events each walk that honours requests had heard, the oldest walk first."""
    trained = min((entry.at for entry in workspace.ledger.entries(kind=TRAINED)), default=None)
    for run in reversed(all_runs(workspace.database, "walk", newest=RUNS_MAX)):
        heard = run.body.get("rights", {}).get("events_heard")
        if heard is not None and run.ended_at is not None and _went_far_enough(run, trained):
            yield heard, Answer(run.ended_at.astimezone(UTC), f"walk {run.run_id}")


def _went_far_enough(run: Run, trained: datetime | None) -> bool:
    if run.status != "done" or run.ended_at is None or "corpus" not in run.body:
        return False
    return "training" in run.body or trained is None or run.ended_at < trained
