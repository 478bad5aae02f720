"""`witting report …`: reports computed from ledger and results."""

from __future__ import annotations

from witting.doors.cli.screen import DEFAULT, Common, show
from witting.errors import UsageError
from witting.store.records import Run, all_runs
from witting.walk.report import write
from witting.workspace import Workspace

WALKS_LOOKED_AT = 100


def run_(*, common: Common = DEFAULT) -> int:
    """Write reports/report.html of the last finished walk again, with the ledger as it stands now."""
    workspace = Workspace.open(common.workspace)
    with workspace.held():
        walk = _last_walk(workspace)
        said = write(workspace, walk.body, run_id=walk.run_id, as_of=walk.as_of)
    show(common, said, lambda: f"{said['said']}\nReport: {workspace.path(said['report'])}")
    return 0


def _last_walk(workspace: Workspace) -> Run:
    for walk in all_runs(workspace.database, "walk", newest=WALKS_LOOKED_AT):
        if walk.status == "done" and walk.body:
            return walk
    raise UsageError(
        f"no walk has finished in {workspace.root} yet. Walk first: witting run {workspace.root}"
    )
