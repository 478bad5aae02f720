"""training: one adapter a shard from the committed corpus, their merge, and what it does for people held out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from witting import corpus, training
from witting.schema import EXAMPLE, empty
from witting.walk.model import base_model
from witting.walk.step import Step
from witting.workspace import Workspace

TRAINED = "run.trained"
ADAPTERS = "adapters"


def train(step: Step) -> dict[str, Any]:
    """Train what changed since the last run, merge, and evaluate. One set of adapters is kept: the current one."""
    workspace = step.workspace
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    run = train_shards(workspace, manifest, range(manifest.shards), tell=step.tell)
    evaluation = evaluate(workspace, manifest)
    said = summary(evaluation)
    record_run(workspace, run, said, now=step.now)
    return {"run": run.id, "corpus": manifest.id, "evaluation": said, "training": run.as_json()}


def train_shards(workspace: Workspace, manifest: corpus.Manifest, shards: Any, *, tell: Any) -> training.Run:
    """Teach these shards of the corpus; shards whose rows did not change keep their adapters byte for byte."""
    settings = workspace.settings

    def rows_of(shard: int) -> pa.Table:
        return pa.concat_tables([empty(EXAMPLE), *corpus.read(workspace.objects, manifest, shard=shard)])

    return training.train(
        rows_of,
        list(shards),
        training.Recipe.from_settings(settings.training, seed=settings.seed),
        base_model(settings.training.base),
        corpus_id=manifest.id,
        out=workspace.path(ADAPTERS),
        progress=lambda said: tell("training", said["step"], said["of"]),
        now=lambda: datetime.now(UTC),
    )


def evaluate(workspace: Workspace, manifest: corpus.Manifest) -> training.Evaluation:
    """Base against adapter on the people held out."""
    settings = workspace.settings
    base = base_model(settings.training.base)
    return training.evaluate(
        base,
        training.load_adapted(base, workspace.path(ADAPTERS)),
        corpus.read(workspace.objects, manifest, split="heldout"),
        seed=settings.seed,
        sequence_tokens=settings.training.sequence_tokens,
    )


def summary(evaluation: training.Evaluation) -> dict[str, Any]:
    """The evaluation as the ledger, the report and a release keep it: how many people, not which."""
    return evaluation.as_json() | {"per_person": len(evaluation.per_person)}


def record_run(workspace: Workspace, run: training.Run, evaluation: dict[str, Any], *, now: datetime) -> None:
    """Put the run into the ledger, once."""
    if any(entry.body["run"] == run.id for entry in workspace.ledger.entries(kind=TRAINED)):
        return
    body = {
        "run": run.id,
        "corpus": run.corpus_id,
        "base": {"name": run.base_name, "sha256": run.base_sha256},
        "recipe_fingerprint": run.recipe.fingerprint,
        "shards": [shard.as_json() for shard in run.shards],
        "merged_sha256": run.merged_sha256,
        "evaluation": _in_digits(evaluation),
    }
    workspace.ledger.append(TRAINED, body, now=now)


def _in_digits(value: Any) -> Any:
    """Fractions as text with six digits: canonical JSON spells floats alike everywhere, people would not."""
    if isinstance(value, float):
        return f"{value:.6f}"
    if isinstance(value, dict):
        return {name: _in_digits(inner) for name, inner in value.items()}
    return [_in_digits(inner) for inner in value] if isinstance(value, list | tuple) else value
