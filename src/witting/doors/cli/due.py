"""`witting rights due`: which requests are late or soon due, by the shortest law that applies to each."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from witting.doors.cli.screen import DEFAULT, Common, now, show, table
from witting.rights.clocks import OPT_OUTS, Request
from witting.walk.answered import Answer, open_and_answered
from witting.walk.assess import report_due
from witting.workspace import Workspace

WITHIN_DAYS = 7
WITHIN_DAYS_MAX = 3650
LISTED = ("late", "soon")
DAY = timedelta(days=1)
HEAD = ("", "due", "days left", "request", "made", "entry", "who", "clock")


def due(
    *,
    within: Annotated[int, Parameter(validator=Number(gte=0, lte=WITHIN_DAYS_MAX))] = WITHIN_DAYS,
    handles: bool = False,
    all: bool = False,
    common: Common = DEFAULT,
) -> int:
    """Which requests are late or due soon, and the report on legitimate interest. Exit code 1 if one is late.

    Parameters
    ----------
    within
        Soon is within this many days.
    handles
        Name people by their handles; without it, by the random ids of the ledger.
    all
        List what is due later and what was answered, too.
    """
    workspace, at = Workspace.open(common.workspace), now()
    rows = [
        _row(request, answer, at, timedelta(days=within))
        for request, answer in open_and_answered(workspace, as_of=at)
    ]
    counts = Counter(row["state"] for row in rows)
    listed = [row for row in rows if all or row["state"] in LISTED]
    if handles:
        known = workspace.vault.handles_of([row["subject"] for row in listed])
        listed = [row | {"handle": known.get(row["subject"])} for row in listed]
    states = ("late", "soon", "later", "answered", "answered_late")
    said = {
        "as_of": at.isoformat(),
        "within_days": within,
        "counts": {state: counts[state] for state in states},
        "requests": listed,
        "report_at_5_months": _report(report_due(workspace), at, timedelta(days=within)),
    }
    show(common, said, lambda: _page(said))
    late = counts["late"] or (said["report_at_5_months"] or {}).get("state") == "late"
    return 1 if late else 0


def _report(due: tuple[datetime, bool] | None, at: datetime, within: timedelta) -> dict[str, Any] | None:
    """The report that those owe who use words under legitimate interest."""
    if due is None:
        return None
    left = due[0] - at
    state = "answered" if due[1] else "late" if left < timedelta() else "soon" if left <= within else "later"
    return {"state": state, "due_at": due[0].isoformat(), "days_left": left // DAY}


def _row(request: Request, answer: Answer | None, at: datetime, within: timedelta) -> dict[str, Any]:
    left = request.clock.due_at - (at if answer is None else answer.at)
    if answer is not None:
        state = "answered_late" if left < timedelta() else "answered"
    else:
        state = "late" if left < timedelta() else "soon" if left <= within else "later"
    return {
        "state": state,
        "kind": request.kind,
        "entry": request.entry,
        "subject": request.subject,
        "made_at": request.made_at.isoformat(),
        "due_at": request.clock.due_at.isoformat(),
        "days_left": left // DAY,  # whole days, downwards: -1 on the first day that is too late
        "law": request.clock.jurisdiction,
        "clock": request.clock.term,
        "answered_at": None if answer is None else answer.at.isoformat(),
        "answered_by": None if answer is None else answer.by,
        "outcome": None if answer is None else answer.outcome,
        "reason": None if answer is None else answer.reason,
    }


def _page(said: dict[str, Any]) -> str:
    counts = said["counts"]
    lines = [
        f"{counts['late']} late, {counts['soon']} due within {said['within_days']} days, {counts['later']} due later, "
        f"{counts['answered'] + counts['answered_late']} answered ({counts['answered_late']} of them late)."
    ]
    if said["requests"]:
        lines += ["", table([_line(row) for row in said["requests"]], head=HEAD)]
    report = said["report_at_5_months"]
    if report is not None and report["state"] != "answered":
        lines += [
            "",
            f"The report on five months of legitimate interest is due by {report['due_at'][:10]} ({report['state']}): "
            "name it in the assessment and run `witting rights assess --record`.",
        ]
    waiting = {row["kind"] for row in said["requests"] if row["answered_by"] is None}
    if waiting & set(OPT_OUTS):
        lines += [
            "",
            "`witting run` honours withdrawals, objections and signals: it trains without these words.",
        ]
    if "erasure_request" in waiting:
        lines += ["", "`witting erase HANDLE` carries out an erasure request; --handles names the people."]
    if waiting & {"access_request", "complaint"}:
        lines += ["", "`witting rights answer ENTRY --outcome OUTCOME` records what you answered."]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    state = "LATE" if row["state"] == "late" else row["state"].replace("_", " ")
    who = row.get("handle") or row["subject"]
    done = f"; {row['answered_by']}, {row['answered_at'][:10]}" if row["answered_by"] else ""
    return (
        state,
        row["due_at"][:10],
        str(row["days_left"]),
        row["kind"],
        row["made_at"][:10],
        str(row["entry"]),
        who,
        f"{row['law']}, {row['clock']}{done}",
    )
