"""Erasing a person: ask, stop serving, destroy the key, rewrite their shard, train it again, audit, certify.

Covers: the order, and going on after a crash: every step can be repeated, and what was counted before anything was
deleted is kept with the open erasure. Cost: one shard of everything, and one shard's training.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import polars as pl
import pyarrow as pa

from witting import corpus
from witting.corpus.commit import replace_part
from witting.erasure import (
    Located,
    Rewritten,
    certificate_body,
    locate,
    rewrite,
    rows_of,
    rows_without,
    treatment,
)
from witting.errors import SubjectErased
from witting.ledger.certificate import reissue_statement, seal_statement, statement_text
from witting.rights.record import RightsEvent, record
from witting.schema import EXAMPLE, empty
from witting.store.parts import Part, read_part, write_part
from witting.store.records import Run, close_run, note_run, open_run, unfinished_runs
from witting.walk import guard
from witting.walk.admit import BAD, SIGNALS, TURNS, check_shards
from witting.walk.audit import audit
from witting.walk.curate import CLUSTERS, EXAMPLES, IMPLIED, VERDICTS
from witting.walk.decide import DECISIONS, parts_of
from witting.walk.receipts import forget_receipts
from witting.walk.redact import CORRECTIONS, REDACTED_TURNS
from witting.walk.release import release
from witting.walk.step import SWEPT, Step
from witting.walk.train import ADAPTERS, evaluate, record_run, summary, train_shards
from witting.workspace import Workspace

OF_PEOPLE = (TURNS, SIGNALS, DECISIONS, REDACTED_TURNS, CORRECTIONS, IMPLIED, EXAMPLES, CLUSTERS)
KIND = "erasure"
PURGED = "erasure.purged"


def plan(step: Step, subject_id: str) -> dict[str, Any]:
    """What erasing this person touches, and what it costs: rows by snapshot, corpus rows, whether a shard is trained."""
    found = _locate(step, subject_id)
    examples = _corpus_rows(step, subject_id, found.shard)
    steps = _steps_of(step, found.shard)
    return {
        "subject": subject_id,
        "shard": found.shard,
        "rows": dict(found.rows),
        "waiting_events": step.workspace.spool.waiting_of(subject_id),
        "corpus_examples": examples,
        "parts_to_rewrite": len(found.rows) + (1 if examples else 0),
        "training_steps": steps if examples else 0,
        "exports_made": sum(1 for _ in step.workspace.ledger.entries(kind="corpus.exported")),
    }


def erase(step: Step, handle: str, subject_id: str) -> dict[str, Any]:
    """Do it. Returns the certificate's id and document. A crash anywhere: call it again for the same person, or walk."""
    return _finish(step, _begin(step, handle, subject_id))


def finish_cut_short(step: Step) -> int:
    """Finish every erasure that a crash cut short; how many. A walk begins with this: it needs no handle any more."""
    unfinished = unfinished_runs(step.workspace.database, KIND)
    for run in reversed(unfinished):
        _finish(step, run)
    return len(unfinished)


def _finish(step: Step, run: Run) -> dict[str, Any]:
    body = run.body.get("certificate") or _erase(step, run)
    note_run(step.workspace.database, run.run_id, {**run.body, "certificate": body})
    document = _sealed(step, body)
    identifier = f"{document['entry']}-{body['subject'][:12]}"
    path = step.workspace.write("certificates", f"{identifier}.json", text=statement_text(document))
    proof = step.workspace.ledger.tlog_proof(document["entry"], now=step.now)
    step.workspace.write("certificates", f"{identifier}.tlog-proof", text=proof)
    close_run(step.workspace.database, run.run_id)
    return {"certificate": identifier, "path": str(path), "body": body}


def _erase(step: Step, run: Run) -> dict[str, Any]:
    """Everything but the certificate's seal; returns what the certificate says."""
    located = Located(**run.body["located"])
    guard.stop_serving(step.workspace, located.shard, trained=run.body["corpus_examples"] > 0)
    step.workspace.keys.destroy(located.subject_id)
    step.workspace.vault.mark_erased(located.subject_id)
    run = _forget_waiting(step, run, located)
    rewritten = _purge(step, run, located)
    changed = _new_corpus(step, run, located)
    results = _unlearn(step, run, located, changed) if changed is not None else None
    forget_receipts(step.workspace, located.subject_id)
    return certificate_body(
        located=located,
        waiting_events=run.body["waiting_events"],
        request_entry=run.body["request_entry"],
        rewritten=rewritten,
        corpus=changed,
        adapter=results["adapter"] if results else {"treatment": "not_trained"},
        audit=results["audit"] if results else None,
        release=results["release"] if results else None,
        remaining=remaining(step.workspace),
        controller=step.workspace.settings.controller,
    )


def _sealed(step: Step, body: dict[str, Any]) -> dict[str, Any]:
    """The sealed statement; where a crash came between sealing and writing it down, the same one again."""
    for entry in step.workspace.ledger.entries(kind="erasure.completed"):
        if entry.body["request_entry"] == body["request_entry"]:
            return reissue_statement(step.workspace.ledger, entry.index, body, now=step.now)
    facts = {"subject": body["subject"], "request_entry": body["request_entry"]}
    return seal_statement(step.workspace.ledger, "erasure", body, now=step.now, facts=facts)


def _begin(step: Step, handle: str, subject_id: str) -> Run:
    """The open erasure of this person, or a new one: the request stands in the ledger before anything is deleted.
    Raises SubjectErased where it was done before."""
    for unfinished in unfinished_runs(step.workspace.database, KIND):
        if unfinished.body["located"]["subject_id"] == subject_id:
            return unfinished
    if step.workspace.vault.is_erased(subject_id):
        raise SubjectErased(
            f"this person was erased before; the certificate is certificates/*-{subject_id[:12]}.json."
        )
    located = _locate(step, subject_id)
    event = RightsEvent(kind="erasure_request", subject=handle, purposes=(), occurred_at=step.as_of)
    record(
        [event],
        vault=step.workspace.vault,
        ledger=step.workspace.ledger,
        packs=step.workspace.packs,
        now=step.now,
    )
    requests = step.workspace.ledger.entries(kind="rights.erasure_request")
    body = {
        "located": asdict(located),
        "request_entry": max(entry.index for entry in requests if entry.body["subject"] == subject_id),
        "corpus_examples": _corpus_rows(step, subject_id, located.shard),
        "adapter_sha256": _adapter_hash(step, located.shard),
        "rewritten": [],
    }
    return open_run(step.workspace.database, KIND, as_of=step.as_of, body=body)


def _locate(step: Step, subject_id: str) -> Located:
    check_shards(step.workspace)
    shard = step.workspace.keys.shard(subject_id, step.workspace.settings.corpus.shards)
    return locate(step.workspace.snapshots, step.workspace.objects, subject_id, shard=shard, names=OF_PEOPLE)


def _forget_waiting(step: Step, run: Run, located: Located) -> Run:
    """Live events about the person that no walk has read yet: counted and noted, then deleted. Their key is gone by now
    and the receiver refuses new ones; one that was being taken in that moment stays closed, and the next walk drops it."""
    if "waiting_events" not in run.body:
        waiting = step.workspace.spool.waiting_of(located.subject_id)
        run = note_run(step.workspace.database, run.run_id, {**run.body, "waiting_events": waiting})
    step.workspace.spool.forget(located.subject_id)
    return run


def _purge(step: Step, run: Run, located: Located) -> list[Rewritten]:
    """Every snapshot without the person; verdicts by the ids of their turns; scratch of walks that were cut short."""
    workspace = step.workspace
    done = {(p["snapshot"], p["old_sha256"]): Rewritten(**p) for p in run.body["rewritten"]}

    def note(parts: Sequence[Rewritten]) -> None:
        done.update({(part.snapshot, part.old_sha256): part for part in parts})
        kept = [asdict(part) for part in done.values()]
        note_run(workspace.database, run.run_id, {**run.body, "rewritten": kept})

    _purge_verdicts(step, located)
    for name in OF_PEOPLE:
        subject, shard = located.subject_id, located.shard
        rewrite(workspace.snapshots, workspace.objects, name, subject, shard=shard, note=note)
    for key in list(workspace.objects.keys("scratch/")):
        workspace.objects.delete(key)
    workspace.snapshots.forget_unreferenced(prefixes=SWEPT, keep=())
    if not any(
        e.body["request_entry"] == run.body["request_entry"] for e in workspace.ledger.entries(kind=PURGED)
    ):
        body = {
            "request_entry": run.body["request_entry"],
            "turns": located.rows.get(TURNS, 0),
            "rows": dict(located.rows),
        }
        workspace.ledger.append(PURGED, body, now=step.now)
    return list(done.values())


def _purge_verdicts(step: Step, located: Located) -> None:
    """Curation's verdicts carry turn ids only: those of the person's turns go, found while the turns are still there."""
    workspace = step.workspace
    current = workspace.snapshots.current(VERDICTS)
    if current is None:
        return
    own = {
        row
        for part in step.parts(TURNS)
        if part.shard == located.shard
        for row in rows_of(read_part(workspace.objects, part), located.subject_id)["row_id"].to_pylist()
    }
    parts = []
    for part in current.parts:
        table = read_part(workspace.objects, part) if part.shard == located.shard else None
        if table is None or not own & set(table["row_id"].to_pylist()):
            parts.append(part)
            continue
        left = pl.DataFrame(table).filter(~pl.col("row_id").is_in(list(own))).to_arrow().cast(table.schema)
        if left.num_rows:
            parts.append(write_part(workspace.objects, left, folder=VERDICTS, shard=part.shard))
    step.commit(VERDICTS, parts, detail=current.detail)


def _current_corpus(step: Step) -> corpus.Manifest | None:
    known = corpus.versions(step.workspace.snapshots)
    return known[0] if known else None


def _corpus_parts(step: Step, shard: int) -> dict[str, Part]:
    """Every part of this shard that any version names and that is still there, by key."""
    versions = corpus.versions(step.workspace.snapshots)
    parts = {part.key: part for version in versions for part in version.parts if part.shard == shard}
    return {key: part for key, part in parts.items() if step.workspace.objects.exists(key)}


def _corpus_rows(step: Step, subject_id: str, shard: int) -> int:
    """Examples of this person in all versions together."""
    parts = _corpus_parts(step, shard).values()
    return sum(rows_of(table, subject_id).num_rows for table in step.tables(parts))


def _new_corpus(step: Step, run: Run, located: Located) -> dict[str, Any] | None:
    """The next version of the corpus without the person, and every older part of their shard deleted."""
    workspace, manifest = step.workspace, _current_corpus(step)
    if manifest is None or not run.body["corpus_examples"]:
        return None
    request = f"entry {run.body['request_entry']}"
    current = [part for part in manifest.parts if part.shard == located.shard]
    if current and not any(gone.request == request for gone in manifest.removed):
        older = [
            part
            for key, part in _corpus_parts(step, located.shard).items()
            if key not in {p.key for p in current}
        ]
        left = [rows_without(table, located.subject_id) for table in step.tables(current)]
        manifest = replace_part(
            manifest,
            workspace.objects,
            located.shard,
            pa.concat_tables([empty(EXAMPLE), *left]),
            request=request,
            now=step.now,
            older=older,
        )
        corpus.publish(manifest, workspace.snapshots, workspace.objects, workspace.ledger, now=step.now)
    kept = {part.key for part in manifest.parts}
    for key in _corpus_parts(step, located.shard):
        if key not in kept:
            workspace.objects.delete(key)
    removed = [gone.part for gone in manifest.removed if gone.request == request]
    parts = [part.sha256 for part in manifest.parts if part.shard == located.shard]
    return {"before": manifest.parent, "after": manifest.id, "removed": removed, "parts": parts}


def _unlearn(step: Step, opened: Run, located: Located, changed: Mapping[str, Any]) -> dict[str, Any] | None:
    """Train the shard again without the person, then audit and ask the gate anew; None where nothing was ever trained."""
    workspace = step.workspace
    if not any(True for _ in workspace.ledger.entries(kind="run.trained")):
        return None
    manifest = corpus.load(workspace.objects, workspace.snapshots, changed["after"])
    run = train_shards(workspace, manifest, range(manifest.shards), tell=step.tell)
    evaluation = summary(evaluate(workspace, manifest))
    record_run(workspace, run, evaluation, now=step.now)
    results = {"training": {"run": run.id, "evaluation": evaluation, "training": run.as_json()}}
    inner = replace(step, results=results)
    results["audit"] = audit(inner)
    decided = release(inner)
    after = next((s.adapter_sha256 for s in run.shards if s.shard == located.shard), None)
    adapter = {
        "treatment": treatment(opened.body["adapter_sha256"], after),
        "shard": located.shard,
        "before_sha256": opened.body["adapter_sha256"],
        "after_sha256": after,
        "steps": next((s.steps for s in run.shards if s.shard == located.shard), 0),
        "other_shards": "kept byte for byte, with steps counted while this person's words were still there",
        "run": run.id,
        "merged_sha256": run.merged_sha256,
        "base_sha256": run.base_sha256,
        "recipe_fingerprint": run.recipe.fingerprint,
    }
    said = {"release": decided["release"], "open": decided["open"], "audience": decided["audience"]}
    return {"adapter": adapter, "audit": results["audit"]["audit"], "release": said}


def _adapter_hash(step: Step, shard: int) -> str | None:
    """The hash of the adapter that was served before, as the last run recorded it."""
    last: Mapping[str, Any] | None = None
    for entry in step.workspace.ledger.entries(kind="run.trained"):
        last = entry.body
    shards: Sequence[Mapping[str, Any]] = last["shards"] if last is not None else ()
    return next((s["adapter_sha256"] for s in shards if s["shard"] == shard), None)


def _steps_of(step: Step, shard: int) -> int:
    path = step.workspace.path(ADAPTERS, "run.json")
    if not path.is_file():
        return 0
    run = json.loads(path.read_text("utf-8"))
    return sum(s["steps"] for s in run["shards"] if s["shard"] == shard)


def remaining(workspace: Workspace) -> dict[str, int]:
    """What cannot be told to be anybody's: sealed bad records, and plain files that wait in the inbox."""
    inbox = workspace.path("inbox")
    return {
        "quarantined_records_until_retention": sum(part.rows for part in parts_of(workspace, BAD)),
        "bad_messages_waiting": workspace.spool.bad_waiting(),
        "exports_made_before": sum(1 for _ in workspace.ledger.entries(kind="corpus.exported")),
        "plain_files_in_inbox": sum(1 for file in inbox.rglob("*") if file.is_file())
        if inbox.is_dir()
        else 0,
    }
