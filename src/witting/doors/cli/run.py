"""`witting run` and the commands that walk as far as one room."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from witting.doors.cli.reading import NotRead
from witting.doors.cli.screen import DEFAULT, Common, folded, now, progress, show, table
from witting.errors import TrainingError, UsageError
from witting.walk import ROOMS, WalkResult, walk
from witting.workspace import Workspace

NOBODY = (
    "There is nobody's words to learn from, so nothing was trained. Look at the funnel: put exports into inbox/, "
    "record consents with `witting rights record`, then walk again."
)
Room = Literal[
    "intake",
    "rights",
    "retention",
    "redaction",
    "curation",
    "corpus",
    "training",
    "audit",
    "release",
    "reports",
]


def run(
    directory: Path | None = None,
    /,
    *,
    until: Room | None = None,
    as_of: datetime | None = None,
    common: Common = DEFAULT,
) -> int:
    """Walk from exports to a released (or refused) adapter. A walk that was stopped goes on where it was.

    Parameters
    ----------
    directory
        The workspace; the same as --workspace.
    until
        Stop after this room.
    as_of
        Decide as of this earlier moment (with an offset). Refused where somebody has spoken since.
    """
    workspace = Workspace.open(directory or common.workspace)
    if as_of is not None and as_of.tzinfo is None:
        raise UsageError("--as-of needs an offset, e.g. 2026-11-24T12:00:00+00:00.")
    left = NotRead(workspace.root)
    with progress(common) as tell:
        result = walk(workspace, until=until, tell=tell, now=now(), as_of=as_of, note=left.note)
    show(
        common,
        _as_json(result, workspace) | {"not_read": left.as_json()},
        lambda: _page(result, workspace, left),
    )
    return 1 if _is_empty(result) else 0


def build(*, common: Common = DEFAULT) -> int:
    """Walk to a committed corpus."""
    return _until("corpus", common)


def train(*, common: Common = DEFAULT) -> int:
    """Walk to trained adapters: one a shard, and their merge."""
    return _until("training", common)


def evaluate(*, common: Common = DEFAULT) -> int:
    """Walk to trained adapters and show what they do for people they were not trained on."""
    workspace = Workspace.open(common.workspace)
    evaluation = _walk(workspace, "training", common, NotRead(workspace.root)).rooms["training"]["evaluation"]
    show(common, {"evaluation": evaluation}, lambda: _evaluation(evaluation))
    return 0


def audit(*, common: Common = DEFAULT) -> int:
    """Walk to the audit of the adapter."""
    return _until("audit", common)


def release(*, common: Common = DEFAULT) -> int:
    """Walk to the gate. Exit code 1 when it stays shut."""
    workspace = Workspace.open(common.workspace)
    gate = _walk(workspace, "release", common, NotRead(workspace.root)).rooms["release"]
    show(common, gate, lambda: _gate(gate))
    return 0 if gate["open"] else 1


def _is_empty(result: WalkResult) -> bool:
    return "corpus" in result.rooms and not result.rooms["corpus"]["counts"]["people"]


def _until(room: Room, common: Common) -> int:
    workspace = Workspace.open(common.workspace)
    left = NotRead(workspace.root)
    result = _walk(workspace, room, common, left)
    show(
        common,
        {room: result.rooms[room], "not_read": left.as_json()},
        lambda: _page(result, workspace, left),
    )
    return 0


def _walk(workspace: Workspace, until: str | None, common: Common, left: NotRead) -> WalkResult:
    with progress(common) as tell:
        result = walk(workspace, until=until, tell=tell, now=now(), note=left.note)
    if until is not None and until not in result.rooms:
        raise TrainingError(NOBODY)
    return result


def _as_json(result: WalkResult, workspace: Workspace) -> dict[str, Any]:
    return {
        "run": result.run_id,
        "as_of": result.as_of.isoformat(),
        "stages": result.funnel(),
        "rooms": result.rooms,
        "report": str(workspace.path("reports", "report.html")) if "reports" in result.rooms else None,
    }


def _page(result: WalkResult, workspace: Workspace, left: NotRead) -> str:
    head = ("stage", "read", "kept", "refused", "dropped", "quarantined")
    rows = [
        tuple(f"{row[name]:,}" if name != "stage" else row[name] for name in head) for row in result.funnel()
    ]
    lines = [table(rows, head=head), "", *map(folded, (*_accounts(result, workspace), *left.lines()))]
    if _is_empty(result):
        lines.append(NOBODY)
    if "training" in result.rooms:
        lines.append(_evaluation(result.rooms["training"]["evaluation"]))
    if "release" in result.rooms:
        lines.append(_gate(result.rooms["release"]))
    if "reports" in result.rooms:
        lines.append(f"Report: {workspace.path('reports', 'report.html')}")
    elif len(result.rooms) < len(ROOMS):
        lines.append("Stopped as asked. `witting run` walks to the end, from what is there.")
    return "\n".join(lines)


def _accounts(result: WalkResult, workspace: Workspace) -> Iterator[str]:
    """What to do about exports that do not say whose they are."""
    read = result.rooms.get("intake", {})
    if unnamed := read.get("turns_unnamed_now", 0):
        yield (
            f"{unnamed:,} turns read now are of an account their export does not name, and nobody can agree for it: "
            "name it under intake.accounts in witting.toml, or read the export with `witting intake --account`."
        )
    patterns = list(workspace.settings.intake.accounts)
    unmatched = [number for number in read.get("accounts_unmatched", ()) if number <= len(patterns)]
    for number in unmatched:
        yield f'intake.accounts: nothing there is called "{patterns[number - 1]}".'


def _evaluation(said: dict[str, Any]) -> str:
    if said["difference"] is None or said["interval"] is None:
        return f"Whether it helps was not measured. {said['note']}"
    low, high = said["interval"]
    return (
        f"On {said['people']} people not trained on: {said['base_loss_nats']:.3f} nats a token before, "
        f"{said['adapted_loss_nats']:.3f} after (difference {said['difference']:+.3f}, "
        f"95 % interval {low:+.3f} to {high:+.3f})."
    )


def _gate(gate: dict[str, Any]) -> str:
    verdict = (
        f"The gate opened, for {gate['audience'].replace('_', ' ')}."
        if gate["open"]
        else "The gate stays shut."
    )
    lines = [f"{verdict} Profile: {gate['profile']}."]
    lines += [f"  {'passed' if c['ok'] else 'failed'}  {c['name']}: {c['detail']}" for c in gate["checks"]]
    return "\n".join(lines)
