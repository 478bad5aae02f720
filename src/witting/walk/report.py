"""reports: the walk's report, drawn from what each room gave back and from the ledger; written whole or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from witting import __version__, reports, training
from witting.reports.facts import Facts, FileFacts, LedgerFacts, PackFacts
from witting.store.records import all_artifacts
from witting.walk.step import Step
from witting.walk.train import ADAPTERS
from witting.workspace import Workspace

SOME_SET_ASIDE = "some_set_aside"
PAGE, VALUES = ("reports", "report.html"), ("reports", "report.json")


def report(step: Step) -> dict[str, Any]:
    """Write the report of this walk."""
    return write(step.workspace, step.results, run_id=step.run_id, as_of=step.as_of)


def write(
    workspace: Workspace, results: Mapping[str, Any], *, run_id: str, as_of: datetime
) -> dict[str, Any]:  # Any: what the rooms gave back, JSON
    """`reports/report.html` and its values, `report.json`. Signs the ledger as it stands. Same facts, same bytes."""
    view = reports.view(results, facts(workspace, results, run_id=run_id, as_of=as_of))
    page = reports.render(view)
    workspace.write(*VALUES, text=json.dumps(view.as_json(), indent=2, ensure_ascii=False) + "\n")
    workspace.write(*PAGE, text=page)
    return {
        "report": "/".join(PAGE),
        "standing": view.verdict.standing,
        "said": view.verdict.said,
        "sections": len(view.sections),
        "bytes": len(page.encode()),
    }


def facts(workspace: Workspace, results: Mapping[str, Any], *, run_id: str, as_of: datetime) -> Facts:
    """What stands in ledger, packs and adapters beside the results."""
    settings = workspace.settings
    places = (results.get("rights") or {}).get("places") or {}
    shards = results["training"]["training"]["shards"] if "training" in results else []
    return Facts(
        controller=settings.controller,
        purpose=settings.rights.purpose,
        profile=settings.gate.profile,
        retention_days=settings.intake.retention_days,
        run_id=run_id,
        as_of=as_of,
        version=__version__,
        ledger=_ledger(workspace, as_of),
        files=_files(workspace),
        inbox_left=sum(1 for path in workspace.path("inbox").rglob("*") if path.is_file()),
        packs=_packs(workspace, as_of),
        pack_of={
            place: workspace.packs.jurisdiction_of(None if place == "unknown" else place) for place in places
        },
        losses={s["shard"]: training.read_losses(workspace.path(ADAPTERS), s["shard"]) for s in shards},
    )


def _ledger(workspace: Workspace, now: datetime) -> LedgerFacts:
    """Signs a checkpoint and keeps it as a file, so that the report names something that can be checked and passed on."""
    ledger = workspace.ledger
    note = ledger.checkpoint(now=now)
    size = ledger.size()
    path = workspace.write("checkpoints", f"{size}.txt", text=note)
    entries: Counter[str] = Counter()
    deleted_turns = deleted_records = 0
    for entry in ledger.entries():
        entries[entry.kind] += 1
        if entry.kind == "retention.applied":
            deleted_turns += entry.body["turns"]
            deleted_records += entry.body["quarantined_records"]
    return LedgerFacts(
        size=size,
        root=ledger.root(size).hex(),
        key=str(ledger.verifier_key),
        checkpoint=f"checkpoints/{path.name}",
        entries=dict(entries),
        deleted_turns=deleted_turns,
        deleted_records=deleted_records,
    )


def _files(workspace: Workspace) -> tuple[FileFacts, ...]:
    files: Counter[tuple[str, str]] = Counter()
    records: Counter[tuple[str, str]] = Counter()
    quarantined: Counter[tuple[str, str]] = Counter()
    for seen in all_artifacts(workspace.database):
        kind = (seen.verdict, seen.reason or (SOME_SET_ASIDE if seen.quarantined else ""))
        files[kind] += 1
        records[kind] += seen.records
        quarantined[kind] += seen.quarantined
    return tuple(
        FileFacts(*kind, files=number, records=records[kind], quarantined=quarantined[kind])
        for kind, number in sorted(files.items())
    )


def _packs(workspace: Workspace, at: datetime) -> dict[str, PackFacts]:
    packs = {name: workspace.packs.named(name, at) for name in workspace.packs.files}
    return {
        name: PackFacts(
            title=pack.title,
            version=pack.version,
            sha256=pack.sha256,
            rules=len(pack.rules),
            rules_unreviewed=sum(1 for rule in pack.rules if not rule.reviewed),
            reviewed=pack.reviewed,
        )
        for name, pack in packs.items()
    }
