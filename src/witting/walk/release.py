"""release: ask the gate, seal its answer, write the card. The last look at rights before a model meets anybody."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pyarrow as pa

from witting import corpus
from witting.audit import AuditReport
from witting.ledger.certificate import seal_once, statement_text
from witting.release import card
from witting.release.gate import GateVerdict, decide_release
from witting.schema import DECISION, empty
from witting.walk import guard
from witting.walk.commit import canaries, commitment, planned
from witting.walk.decide import DECISIONS, decisions_of
from witting.walk.step import Step

DECIDED = "release.decided"


def release(step: Step) -> dict[str, Any]:
    """The gate's verdict on the current run: sealed, and with the card beside it."""
    workspace = step.workspace
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    audited = step.results["audit"]
    verdict = decide_release(
        AuditReport.from_json(audited["report"]),
        profile=workspace.settings.gate.profile,
        improved=step.results["training"]["evaluation"]["improved"],
        corpus_holds=all(check.ok for check in _verified(step, manifest)),
        permits_hold=everyone_permits(step, manifest),
        commitment_held=_commitment_held(step, audited),
    )
    if verdict.open:
        guard.build(workspace, manifest)
    body = _body(step, manifest, verdict)
    known = _sealed(step, body)
    if known is not None:
        return {"release": known, **body}
    facts = {"run": body["run"], "corpus": manifest.id, "open": verdict.open, "audience": verdict.audience}
    document = seal_once(workspace.ledger, "release", body, now=step.now, facts=facts)
    identifier = f"{document['entry']}-{body['run'][:12]}"
    workspace.write(
        "releases", f"{identifier}.md", text=card.write(body)
    )  # first: the sealed file says all is there
    workspace.write("releases", f"{identifier}.json", text=statement_text(document))
    return {"release": identifier, **body}


def _verified(step: Step, manifest: corpus.Manifest) -> list[Any]:
    tables = [empty(DECISION), *step.tables(step.parts(DECISIONS))]
    step.workspace.ledger.checkpoint(now=step.now)  # the commit's entry must lie under a signed tree
    return corpus.verify(
        manifest,
        step.workspace.objects,
        pa.concat_tables(tables),
        step.workspace.ledger,
        removed=manifest.removed,
    )


def everyone_permits(step: Step, manifest: corpus.Manifest) -> bool:
    """Decide the turns of the corpus again, for the purpose it was made for, with every event that came in since."""
    said = step.workspace.projections.events().column("occurred_at").to_pylist()
    now = max([step.as_of, *said])
    used = {
        turn
        for table in corpus.read(step.workspace.objects, manifest)
        for turns in table["turns"].to_pylist()
        for turn in turns
    }
    for decisions in decisions_of(step, as_of=now, purpose=manifest.purpose):
        permits = pl.DataFrame(decisions).filter(pl.col("decision") == "permit")
        used -= set(permits["row_id"].to_list())
    return not used


def _commitment_held(step: Step, audited: dict[str, Any]) -> bool:
    committed = commitment(step, canaries(step))
    entry = planned(step, committed)
    trained = [
        e.index for e in step.workspace.ledger.entries(kind="run.trained") if e.body["run"] == audited["run"]
    ]
    return (
        audited["report"]["commitment"] == committed
        and entry is not None
        and bool(trained)
        and entry < trained[0]
    )


def _body(step: Step, manifest: corpus.Manifest, verdict: GateVerdict) -> dict[str, Any]:
    """What the release binds: every hash that made the model, and the evidence it was decided on."""
    trained = step.results["training"]
    return {
        "run": trained["run"],
        "corpus": manifest.id,
        "manifest_sha256": manifest.sha256,
        "base": trained["training"]["base"],
        "adapters": {str(s["shard"]): s["adapter_sha256"] for s in trained["training"]["shards"]},
        "merged_sha256": trained["training"]["merged"]["sha256"],
        "audit": step.results["audit"]["audit"],
        "report": step.results["audit"]["report"],
        "evaluation": trained["evaluation"],
        "packs": step.workspace.packs.sha256s(),
        "controller": step.workspace.settings.controller,
        "counts": dict(manifest.counts),
        **verdict.as_json(),
    }


def _sealed(step: Step, body: dict[str, Any]) -> str | None:
    """The last release, if it says exactly this: a walk that changes nothing decides nothing anew."""
    last = max((e.index for e in step.workspace.ledger.entries(kind=DECIDED)), default=None)
    for path in step.workspace.path("releases").glob(f"{last}-*.json"):
        if json.loads(path.read_text("utf-8"))["body"] == json.loads(json.dumps(body)):
            return path.stem
    return None
