"""`witting rights decide`: a table of turns in, a table of decisions out.

Covers: the one command that needs no workspace. Not covered: the others of `witting rights` (`rights.py`), whose imports
would take longer than deciding a million turns.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from witting.doors.cli.screen import DEFAULT, Common, show
from witting.errors import UsageError
from witting.rights.bulk import decide_files


def decide(
    *, turns: Path, events: Path, purpose: str, as_of: datetime, out: Path, common: Common = DEFAULT
) -> int:
    """Decide turns in bulk, without a workspace (docs/formats/rights-events.md).

    Parameters
    ----------
    turns
        Parquet: turn, conversation, subject, time, role, place, audience, surface.
    events
        Parquet: kind, subject, purposes, occurred_at, verdict, place, age.
    purpose
        One of the closed list.
    as_of
        Decide as of this moment, with an offset.
    out
        Parquet: turn, decision, basis, rule, entry, reason.
    """
    if as_of.tzinfo is None:
        raise UsageError("--as-of needs an offset, e.g. 2026-11-24T12:00:00+00:00.")
    for given in (turns, events):
        if not given.is_file():
            raise UsageError(f"there is no file {given}.")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent} for --out.")
    counts = decide_files(turns, events, purpose=purpose, as_of=as_of, out=out)
    show(common, counts, lambda: "\n".join(f"{name}: {count}" for name, count in counts.items()))
    return 0
