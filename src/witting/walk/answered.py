"""What was done about each request: an erasure's certificate, or the walk that honoured it.

Covers: closing requests by what ledger and walks show, and by the operator's recorded word (`rights/answer.py`). Not covered: deadlines (`rights/clocks.py`); telling the person, which
is the operator's to do. An erasure request is answered by a certificate alone: a walk stops using words, it erases none.

A walk honoured a no if it had heard it when it decided and went on to a corpus; where a model had been trained before, it
must have trained again as well. A walk that stopped earlier, or that is not over, answers nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import accumulate

from witting.rights.answer import Answered, answers, standing_answer
from witting.rights.clocks import OPT_OUTS, Request, requests
from witting.store.records import Run, all_runs
from witting.store.requests import held_entries
from witting.walk.train import TRAINED
from witting.workspace import Workspace

RUNS_MAX = 10_000  # walks looked at, the newest
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

    `heard_before` says how many rights events stand before an entry. A walk honours nothing for a person whom nobody knows
    yet (`store/requests.py`): their request stays open until they are linked, or it is answered in words."""
    said = answers(workspace.ledger)
    erased = _certificates(workspace)
    held, moved = held_entries(workspace.database), _moved(workspace)
    walks = list(_honouring(workspace))
    heard = list(accumulate((count for count, _ in walks), max))
    found = {}
    for request in asked:
        known = [answer for index, answer in erased.get(request.subject, ()) if index > request.entry]
        word = standing_answer(said.get(request.entry, ()))
        if word is not None and (word.outcome != "acknowledged" or request.clock.acknowledged):
            known.append(_said(word))
        if request.entry in moved:
            known.append(moved[request.entry])
        if request.kind in OPT_OUTS and request.entry not in held:
            first = bisect_right(heard, heard_before(request.entry))
            known += [answer for _, answer in walks[first : first + 1]]
        if known:
            found[request.entry] = min(known, key=lambda answer: answer.at)
    return found


def _said(word: Answered) -> Answer:
    why = "" if word.reason is None else f" ({word.reason})"
    return Answer(word.at, f"{word.outcome}{why}, entry {word.entry}", word.outcome, word.reason)


def _moved(workspace: Workspace) -> dict[int, Answer]:
    """Requests of somebody who turned out to be a person we know: they go on under that person."""
    found = {}
    for entry in workspace.ledger.entries(kind=LINKED):
        for before in entry.body["entries"]:
            found[before] = Answer(entry.at, f"goes on as its person's, entry {entry.index}", "moved")
    return found


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
