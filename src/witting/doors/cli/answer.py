"""`witting rights answer`: what was answered to a request, as a word of a closed list."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from witting.doors.cli.screen import DEFAULT, Common, now, show
from witting.errors import UsageError
from witting.rights.answer import OUTCOMES, REASONS, answers, standing_answer
from witting.rights.answer import answer as record_answer
from witting.walk.answered import open_and_answered
from witting.workspace import Workspace

Outcome = Literal[OUTCOMES]  # type: ignore[valid-type]  # the closed lists live in rights/answer.py, once
Reason = Literal[REASONS]  # type: ignore[valid-type]


def answer(entry: int, /, *, outcome: Outcome, reason: Reason | None = None, common: Common = DEFAULT) -> int:
    """Record what was answered to a request. It holds no text; telling the person is yours.

    Parameters
    ----------
    entry
        The request's ledger entry, as `witting rights due` lists it.
    outcome
        acknowledged (a complaint), fulfilled, denied, or revoked: taken back by the person.
    reason
        Why it was denied.
    """
    workspace, at = Workspace.open(common.workspace), now()
    _refuse_fulfilled(workspace, entry, at)
    said, new = record_answer(workspace.ledger, entry, outcome, reason=reason, now=at)
    shown = {
        "entry": said.entry,
        "request": said.request,
        "outcome": said.outcome,
        "reason": said.reason,
        "new": new,
    }
    why = "" if reason is None else f" ({reason})"
    was = "Recorded" if new else "Known already"
    show(common, shown, lambda: f"{was}: request {entry} {outcome}{why}, entry {said.entry}.")
    return 0


def _refuse_fulfilled(workspace: Workspace, entry: int, at: datetime) -> None:
    """What a walk or a certificate fulfilled is answered, and no word changes it; what a word fulfilled, the record says."""
    word = standing_answer(answers(workspace.ledger).get(entry, ()))
    if word is not None and word.outcome == "fulfilled":
        return
    for request, answered in open_and_answered(workspace, as_of=at):
        if request.entry == entry and answered is not None and answered.outcome == "fulfilled":
            raise UsageError(f"entry {entry} was fulfilled by {answered.by}, and that stands.")
