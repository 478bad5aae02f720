"""`witting rights answer`: what was answered to a request, as a word of a closed list."""

from __future__ import annotations

from typing import Literal

from witting.doors.cli.screen import DEFAULT, Common, now, show
from witting.rights.answer import OUTCOMES, REASONS
from witting.rights.answer import answer as record_answer
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
    workspace = Workspace.open(common.workspace)
    said, new = record_answer(workspace.ledger, entry, outcome, reason=reason, now=now())
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
