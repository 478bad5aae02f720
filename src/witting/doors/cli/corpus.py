"""`witting corpus …`: versions of the training data."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from witting import corpus
from witting.doors.cli.screen import DEFAULT, Common, now, progress, show, table
from witting.errors import CorpusError
from witting.schema import DECISION, empty
from witting.store.parts import read_part
from witting.walk import alone
from witting.walk.curate import VERDICTS
from witting.walk.decide import DECISIONS, decisions_of
from witting.walk.find import PERMITTED, find_person, turns_by_outcome
from witting.walk.release import everyone_permits
from witting.workspace import Workspace

EXPORTED = "corpus.exported"
TURNS_SHOWN_MAX = 5  # of an outcome, on the page


def list_(*, common: Common = DEFAULT) -> int:
    """All versions, newest first."""
    workspace = Workspace.open(common.workspace)
    rows = [_line(manifest) for manifest in corpus.versions(workspace.snapshots)]
    head = ("corpus", "as of", "people", "examples", "parts", "erasures")
    show(
        common,
        {"versions": [dict(zip(head, row, strict=True)) for row in rows]},
        lambda: table(rows, head=head) if rows else "There is no corpus yet: `witting corpus build`.",
    )
    return 0


def show_(version: str = "latest", /, *, common: Common = DEFAULT) -> int:
    """One version's manifest: what is in it, and everything that made it.

    Parameters
    ----------
    version
        An id, the beginning of one, or latest.
    """
    manifest = _load(Workspace.open(common.workspace), version)
    said = {"corpus": manifest.id, **manifest.as_json()}
    show(common, said, lambda: _manifest(manifest))
    return 0


def diff(before: str, after: str = "latest", /, *, common: Common = DEFAULT) -> int:
    """What entered and what left between two versions, in examples and people.

    Parameters
    ----------
    before
        The older version.
    after
        The newer one.
    """
    workspace = Workspace.open(common.workspace)
    one, other = _load(workspace, before), _load(workspace, after)
    changed, rows = corpus.diff(one, other), corpus.diff_rows(one, other, workspace.objects)
    said = changed.as_json() | {
        "entered": list(rows.entered),
        "left": list(rows.left),
        "people_entered": list(rows.people_entered),
        "people_left": list(rows.people_left),
        "unread": list(rows.unread),
    }
    show(common, said, lambda: _difference(said))
    return 0


def explain(what: str, version: str = "latest", /, *, common: Common = DEFAULT) -> int:
    """What of a person, of one turn or of one example is in a version; and why not.

    Parameters
    ----------
    what
        A handle (source:name), a turn's id or an example's id.
    version
        An id, the beginning of one, or latest.
    """
    workspace = Workspace.open(common.workspace)
    manifest = _load(workspace, version)
    said = (_of_person if ":" in what else _of_row)(workspace, manifest, what)
    show(common, said, lambda: "\n".join(said["sentences"]))
    return 0


def verify(version: str = "latest", /, *, common: Common = DEFAULT) -> int:
    """Prove every part and row of a version against the ledger, and that everyone in it still permits, now.

    Parameters
    ----------
    version
        An id, the beginning of one, or latest.
    """
    workspace = Workspace.open(common.workspace)
    manifest = _load(workspace, version)
    with progress(common) as tell, alone(workspace, tell=tell, now=now()) as step:
        workspace.ledger.checkpoint(now=step.now)
        again = decisions_of(step, as_of=step.as_of, purpose=manifest.purpose)
        decisions = pa.concat_tables([empty(DECISION), *again])
        removed = [gone for later in corpus.versions(workspace.snapshots) for gone in later.removed]
        checks = corpus.verify(manifest, workspace.objects, decisions, workspace.ledger, removed=removed)
    ok = all(check.ok for check in checks)
    said = {"ok": ok, "corpus": manifest.id, "checks": [vars(check) for check in checks]}
    show(
        common,
        said,
        lambda: "\n".join(f"{'holds' if c.ok else 'FAILS'}  {c.name}: {c.detail}" for c in checks),
    )
    return 0 if ok else 1


def export(
    out: Path,
    version: str = "latest",
    /,
    *,
    format: Literal["messages", "trl_preference", "trl_kto", "parquet"] = "messages",
    common: Common = DEFAULT,
) -> int:
    """Write a version for other trainers, if everyone in it still permits. The ledger remembers it: a later erasure
    names the copies it cannot recall.

    Parameters
    ----------
    out
        A new folder.
    version
        An id, the beginning of one, or latest.
    format
        messages (Hugging Face), trl_preference, trl_kto or parquet.
    """
    workspace = Workspace.open(common.workspace)
    manifest = _load(workspace, version)
    with progress(common) as tell, alone(workspace, tell=tell, now=now()) as step:
        if not everyone_permits(step, manifest):
            raise CorpusError(
                f"somebody in corpus {manifest.id} no longer permits its use, so it may not leave. Make a version "
                "without them, `witting corpus build`, and export that."
            )
        said = corpus.export(manifest, workspace.objects, out, format=format)
        files = [{"sha256": file["sha256"], "rows": file["rows"]} for file in said["files"]]
        body = {"corpus": manifest.id, "format": format, "files": files}
        workspace.ledger.append(EXPORTED, body, now=step.now)
    show(
        common,
        said,
        lambda: f"{sum(f['rows'] for f in said['files']):,} rows of corpus {manifest.id} are in {out}.",
    )
    return 0


def _load(workspace: Workspace, version: str) -> corpus.Manifest:
    return corpus.load(workspace.objects, workspace.snapshots, version)


def _line(manifest: corpus.Manifest) -> tuple[str, ...]:
    counts = manifest.counts
    return (
        manifest.id,
        manifest.as_of.isoformat(timespec="minutes"),
        str(counts["people"]),
        str(counts["examples"]),
        str(len(manifest.parts)),
        str(len(manifest.removed)),
    )


def _manifest(manifest: corpus.Manifest) -> str:
    lines = [
        f"corpus   {manifest.id}",
        f"purpose  {manifest.purpose}",
        f"as of    {manifest.as_of.isoformat()}",
        f"parent   {manifest.parent or '-'}",
        f"ledger   {manifest.ledger.size} entries, root {manifest.ledger.root}",
        *[f"{name:8} {value}" for name, value in manifest.counts.items()],
        *[f"stage    {s.name}/{s.version} {s.fingerprint}" for s in manifest.stages],
        *[f"pack     {name} {digest}" for name, digest in manifest.packs.items()],
        *[
            f"removed  {gone.part[:12]}… of shard {gone.shard}, {gone.request}, {gone.at}"
            for gone in manifest.removed
        ],
    ]
    return "\n".join(lines)


def _difference(said: dict[str, Any]) -> str:
    names = ("entered", "left", "people_entered", "people_left")
    lines = [f"{name.replace('_', ' ')}: {len(said[name])}" for name in names]
    lines += [f"removed by {request}" for request in said["removed"]]
    return "\n".join([f"{said['before']} to {said['after']}", *lines])


def _of_person(workspace: Workspace, manifest: corpus.Manifest, handle: str) -> dict[str, Any]:
    subject = find_person(workspace, handle)
    shard = workspace.keys.shard(subject, manifest.shards)
    uses = corpus.examples_of(manifest, workspace.objects, subject, shard=shard)
    turns = turns_by_outcome(workspace, subject)
    used = {turn for use in uses for turn in use.turns}
    unused = [turn for turn in turns.get(PERMITTED, []) if turn not in used]
    refused = {outcome: ids for outcome, ids in turns.items() if outcome != PERMITTED}
    as_of = manifest.as_of.isoformat(timespec="minutes")
    sentences = [f"{len(uses)} examples of corpus {manifest.id} are this person's, as of {as_of}."]
    if spoken := _spoken_since(workspace, subject, manifest):
        sentences.append(
            f"  They have spoken since ({spoken} entries of the ledger): the next walk decides anew."
        )
    for outcome, ids in turns.items():
        sentences.append(f"  {len(ids)} turns: {outcome}")
        if outcome != PERMITTED:
            sentences.append(f"    {_listed(ids)}")
    if unused:
        sentences.append(f"  {len(unused)} of those permitted are in no example: {_listed(unused)}")
        sentences.append("    `witting corpus explain TURN` says why.")
    if refused:
        sentences.append(
            "  `witting rights explain TURN` says why a turn was refused, and what would change it."
        )
    sentences += [
        f"  example {use.example_id} ({use.kind}, {use.split}): turns {', '.join(use.turns)}" for use in uses
    ]
    return {
        "subject": subject,
        "corpus": manifest.id,
        "as_of": manifest.as_of.isoformat(),
        "spoken_since": spoken,
        "decisions": {outcome: len(ids) for outcome, ids in turns.items()},
        "refused": refused,
        "unused": unused,
        "examples": [use.example_id for use in uses],
        "sentences": sentences,
    }


def _listed(ids: list[str]) -> str:
    more = f" and {len(ids) - TURNS_SHOWN_MAX} more (--json)" if len(ids) > TURNS_SHOWN_MAX else ""
    return " ".join(ids[:TURNS_SHOWN_MAX]) + more


def _spoken_since(workspace: Workspace, subject: str, manifest: corpus.Manifest) -> int:
    """How many rights events of the person are younger than the decisions of this corpus."""
    import polars as pl

    events = pl.DataFrame(workspace.projections.events())
    return events.filter((pl.col("subject") == subject) & (pl.col("occurred_at") > manifest.as_of)).height


def _of_row(workspace: Workspace, manifest: corpus.Manifest, row: str) -> dict[str, Any]:
    decisions = pa.concat_tables([empty(DECISION), *_tables(workspace, DECISIONS, None)])
    known = row in decisions["row_id"].to_pylist()
    if not known:
        found = corpus.explain_example(manifest, workspace.objects, row, decisions=decisions)
        said = [one.as_json() for one in found]
        return {
            "example": row,
            "turns": said,
            "sentences": [s for one in said for s in (one["turn"], *one["sentences"])],
        }
    verdicts = _tables(workspace, VERDICTS, None)
    return corpus.explain(manifest, workspace.objects, row, decisions=decisions, verdicts=verdicts).as_json()


def _tables(workspace: Workspace, name: str, shard: int | None) -> list[pa.Table]:
    current = workspace.snapshots.current(name)
    parts = current.parts if current is not None else ()
    return [read_part(workspace.objects, part) for part in parts if shard is None or part.shard == shard]
