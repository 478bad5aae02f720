"""The whole walk: from exports to a released (or refused) adapter, one room after another.

Covers: the order, resuming, the funnel file. Not covered: what a room does (its step beside this file, its room behind).

A walk has one moment, `as_of`, kept in the database when it starts. A walk that was killed goes on as the same walk:
rooms that had finished are not run again, and the room that had not starts from committed state, so its result is
that of a walk nobody interrupted. Running again when nothing changed changes nothing. An erasure that was cut short is
finished before anything else.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from witting.store.records import Run, close_run, note_run, open_run, unfinished_run
from witting.walk.admit import admit
from witting.walk.audit import audit
from witting.walk.commit import commit
from witting.walk.curate import curate
from witting.walk.decide import decide, refuse_looking_past
from witting.walk.erase import finish_cut_short
from witting.walk.redact import redact
from witting.walk.release import release
from witting.walk.report import report
from witting.walk.retain import retain
from witting.walk.step import SWEPT, FunnelRow, Note, Step, Tell, unheard
from witting.walk.train import train
from witting.workspace import Workspace

__all__ = ["ROOMS", "FunnelRow", "Step", "Tell", "WalkResult", "alone", "walk"]

ROOMS: tuple[tuple[str, Callable[[Step], dict[str, Any]]], ...] = (
    ("intake", admit),
    ("rights", decide),
    ("retention", retain),
    ("redaction", redact),
    ("curation", curate),
    ("corpus", commit),
    ("training", train),
    ("audit", audit),
    ("release", release),
    ("reports", report),
)


NEED_PEOPLE = ("training", "audit", "release")  # left out where nobody's words may be learned from


@dataclass(frozen=True)
class WalkResult:
    """What each room gave back (JSON), by room."""

    run_id: str
    as_of: datetime
    rooms: dict[str, Any]

    def funnel(self) -> list[dict[str, Any]]:
        return [room["funnel"] for room in self.rooms.values() if "funnel" in room]


def walk(
    workspace: Workspace,
    *,
    until: str | None = None,
    tell: Tell,
    now: datetime,
    as_of: datetime | None = None,
    note: Note = unheard,
) -> WalkResult:
    """Walk the rooms in order, up to and including `until`, deciding as of `as_of` (now, unless said otherwise).
    `note` is told of each file that was not read to its end, and whether it still lies there.

    Raises UsageError where somebody has spoken after `as_of`: a withdrawal is never looked past.
    """
    with alone(workspace, tell=tell, now=now) as step:
        finish_cut_short(step)
    with workspace.held():
        if as_of is not None:
            refuse_looking_past(workspace, as_of)
        run_id, as_of, results = _begin(workspace, now, as_of)
        with workspace.engine() as engine:
            for name, room in ROOMS:
                if name in NEED_PEOPLE and not results["corpus"]["counts"]["people"]:
                    continue
                if name not in results:
                    step = Step(workspace, engine, run_id, as_of, now, tell, results, note)
                    results[name] = room(step)
                    note_run(workspace.database, run_id, results)
                if name == until:
                    break
        result = WalkResult(run_id, as_of, results)
        _write_funnel(workspace, result)
        close_run(workspace.database, run_id)
        _sweep(workspace, run_id)
        return result


@contextmanager
def alone(workspace: Workspace, *, tell: Tell, now: datetime) -> Iterator[Step]:
    """A step outside a walk, for a command that does one room's work; its scratch is removed when it ends."""
    with workspace.held(), workspace.engine() as engine:
        run_id = f"alone-{secrets.token_hex(8)}"
        try:
            yield Step(workspace, engine, run_id, now, now, tell, {})
        finally:
            _remove_scratch(workspace, run_id)


def _begin(
    workspace: Workspace, now: datetime, as_of: datetime | None
) -> tuple[str, datetime, dict[str, Any]]:
    unfinished = unfinished_run(workspace.database, "walk")
    if unfinished is not None:
        if as_of in (None, unfinished.as_of) and _still_true(workspace, unfinished, now):
            return unfinished.run_id, unfinished.as_of, dict(unfinished.body)
        close_run(workspace.database, unfinished.run_id, status="failed")
        _remove_scratch(workspace, unfinished.run_id)
    run = open_run(workspace.database, "walk", as_of=as_of or now)
    return run.run_id, run.as_of, {}


def _still_true(workspace: Workspace, run: Run, now: datetime) -> bool:
    """An interrupted walk may go on only if nobody has said anything since, nothing was recorded late that its
    decisions did not hear, no such event waits in the spool, and it is less than a day old."""
    said = workspace.projections.events().column("occurred_at").to_pylist()
    heard = run.body["rights"].get("events_heard") if "rights" in run.body else len(said)
    young = now - run.started_at < timedelta(days=1)
    waiting = workspace.spool.rights_waiting(until=now)
    return young and not waiting and heard == len(said) and all(moment <= run.as_of for moment in said)


def _write_funnel(workspace: Workspace, result: WalkResult) -> None:
    stages = {"run": result.run_id, "as_of": result.as_of.isoformat(), "stages": result.funnel()}
    workspace.write("reports", "funnel.json", text=json.dumps(stages, indent=2, ensure_ascii=False) + "\n")


def _sweep(workspace: Workspace, run_id: str) -> None:
    """Scratch parts and parts that no snapshot names any more are deleted."""
    _remove_scratch(workspace, run_id)
    workspace.snapshots.forget_unreferenced(prefixes=SWEPT, keep=())


def _remove_scratch(workspace: Workspace, run_id: str) -> None:
    for key in list(workspace.objects.keys(f"scratch/{run_id}")):
        workspace.objects.delete(key)
    if "://" not in workspace.settings.objects:  # on a disk, the folders stay behind
        shutil.rmtree(workspace.path(workspace.settings.objects, "scratch", run_id), ignore_errors=True)
