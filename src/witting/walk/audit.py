"""audit: measure what the adapter gives back, sealed into the ledger; a second audit of the same run is not made."""

from __future__ import annotations

import json
from typing import Any

from witting import audit as room
from witting import corpus, training
from witting.ledger.certificate import seal_once, statement_text
from witting.walk.commit import canaries, commitment, planned
from witting.walk.model import base_model
from witting.walk.step import Step
from witting.walk.train import ADAPTERS

AUDITED = "audit.done"


def audit(step: Step) -> dict[str, Any]:
    """The audit of the current run: the one already sealed, or a new one."""
    run = step.results["training"]["run"]
    drawn = canaries(step)
    committed = commitment(step, drawn)
    known = _sealed(step, run, committed)
    if known is not None:
        return known
    workspace, settings = step.workspace, step.workspace.settings
    base = base_model(settings.training.base)
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    report = room.audit(
        base,
        training.load_adapted(base, workspace.path(ADAPTERS)),
        corpus.read(workspace.objects, manifest),
        drawn,
        commitment=committed,
        seed=settings.seed,
        people_max=settings.audit.extraction_people_max,
        tell=lambda done, total: step.tell("auditing", done, total),
    )
    body = {
        "run": run,
        "corpus": manifest.id,
        "planned_entry": planned(step, committed),
        "report": report.as_json(),
    }
    facts = {"run": run, "commitment": committed}
    document = seal_once(workspace.ledger, "audit", body, now=step.now, facts=facts)
    identifier = f"{document['entry']}-{run[:12]}"
    workspace.write("audits", f"{identifier}.json", text=statement_text(document))
    return {"audit": identifier, **body}


def _sealed(step: Step, run: str, committed: str) -> dict[str, Any] | None:
    """The audit of this run under these canaries and thresholds, if its file is there."""
    for entry in step.workspace.ledger.entries(kind=AUDITED):
        path = step.workspace.path("audits", f"{entry.index}-{run[:12]}.json")
        if entry.body["run"] == run and entry.body["commitment"] == committed and path.is_file():
            return {"audit": path.stem, **json.loads(path.read_text("utf-8"))["body"]}
    return None
