"""What was answered to a request: a word of the operator, from a closed list, about one entry of the ledger.

Covers: which answers a request can have, and recording one. Not covered: answers that show by themselves, a certificate of
erasure or a walk that honoured a no (`walk/answered.py`); telling the person. An answer holds no text: what was written to
the person belongs where it was written.

An erasure is fulfilled by its certificate and not by a word. A no is never denied on its merits: it holds from its moment on,
whatever is answered; only that nobody could tell whose it is can be said of it. A request taken back (`revoked`) is carried
out no more, and opens nothing: only a later valid consent does.
From: GDPR Art. 12(3) to (5), 15(4), 17(3); Data (Use and Access) Act 2025 (complaints); Data Rights Protocol 1.0 section 3.02 (states and reasons).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from witting.errors import UsageError
from witting.ledger.entry import Entry
from witting.rights.clocks import OPT_OUTS, REQUESTS

if TYPE_CHECKING:
    from witting.ledger import Ledger

KIND = "rights.answered"
OUTCOMES = ("acknowledged", "fulfilled", "denied", "revoked")
IDENTITY = ("no_match", "insuf_verification", "suspected_fraud")  # nobody can tell whose request it is
UNKNOWN = ("no_match", "insuf_verification")  # what it is no more once somebody says who it is
REASONS = (
    *IDENTITY,
    "claim_not_covered",  # the law gives no such claim
    "outside_jurisdiction",
    "too_many_requests",  # manifestly unfounded or excessive
    "legal_duty",  # the law says to keep it
    "rights_of_others",
    "other",
)
ALLOWED: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(OPT_OUTS, ("denied", "revoked")),
    "erasure_request": ("denied", "revoked"),
    "access_request": ("fulfilled", "denied", "revoked"),
    "complaint": OUTCOMES,
}
WHY_NOT = {
    "erasure_request": "an erasure is fulfilled by `witting erase`, whose certificate answers it",
    "access_request": "an access request is answered, not acknowledged",
    **dict.fromkeys(OPT_OUTS, "a no is fulfilled by `witting run`, which goes on without these words"),
}


@dataclass(frozen=True)
class Answered:
    """One recorded answer."""

    entry: int  # of the answer itself
    request: int  # entry of what it answers
    at: datetime
    outcome: str  # OUTCOMES
    reason: str | None  # REASONS, of a denial


def answers(ledger: Ledger) -> dict[int, list[Answered]]:
    """Every recorded answer by the entry of its request, in order. Reads the ledger's answers."""
    found: dict[int, list[Answered]] = {}
    for entry in ledger.entries(kind=KIND):
        one = _read(entry)
        found.setdefault(one.request, []).append(one)
    return found


def standing_answer(said: Iterable[Answered]) -> Answered | None:
    """What counts of several: the last word. None without one."""
    return max(said, key=lambda one: one.entry, default=None)


def answer(
    ledger: Ledger, request: int, outcome: str, *, reason: str | None, now: datetime
) -> tuple[Answered, bool]:
    """Record it, and whether it is new: the same word again is not recorded again. Raises UsageError where there is no such
    request, or where it cannot have this answer."""
    asked = _request(ledger, request)
    kind = asked.kind.removeprefix("rights.")
    _check(kind, outcome, reason)
    last = standing_answer(answers(ledger).get(request, ()))
    if last is not None and (last.outcome, last.reason) == (outcome, reason):
        return last, False
    if last is not None and last.outcome in ("fulfilled", "revoked"):
        raise UsageError(f"entry {request} was {last.outcome} by entry {last.entry}, and that stands.")
    index = ledger.append(KIND, _body(asked, outcome, reason), now=now)
    return Answered(index, request, now, outcome, reason), True


def revoke_all(ledger: Ledger, requests: Iterable[int], *, now: datetime) -> None:
    """These requests, none of which was answered, are taken back: in one transaction, all or none."""
    ledger.append_many(
        [(KIND, _body(_request(ledger, request), "revoked", None)) for request in requests], now=now
    )


def _body(asked: Entry, outcome: str, reason: str | None) -> dict[str, Any]:
    body: dict[str, Any] = {"request": asked.index, "outcome": outcome}
    if asked.body.get("subject") is not None:
        body["subject"] = asked.body["subject"]
    if reason is not None:
        body["reason"] = reason
    return body


def _request(ledger: Ledger, index: int) -> Entry:
    found = ledger.entry(index) if 0 <= index < ledger.size() else None
    kind = "" if found is None else found.kind.removeprefix("rights.")
    if found is None or found.kind == kind or kind not in REQUESTS:
        raise UsageError(
            f"entry {index} is no request. `witting rights due --all` lists each request with its entry."
        )
    return found


def _check(kind: str, outcome: str, reason: str | None) -> None:
    if outcome not in ALLOWED[kind]:
        raise UsageError(f"a request of kind {kind} cannot be {outcome}: {WHY_NOT[kind]}.")
    if (reason is not None) != (outcome == "denied"):
        raise UsageError(f"a denial, and nothing else, has a reason: one of {', '.join(REASONS)}.")
    if outcome == "denied" and kind in OPT_OUTS and reason not in IDENTITY:
        raise UsageError(
            f"a no needs no grounds and is denied for none; only {', '.join(IDENTITY)} can be said of it."
        )


def _read(entry: Entry) -> Answered:
    body = entry.body
    return Answered(entry.index, body["request"], entry.at, body["outcome"], body.get("reason"))
