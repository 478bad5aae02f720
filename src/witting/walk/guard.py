"""The guard's files beside the adapters: built when a release opens, gone the moment somebody's erasure begins."""

from __future__ import annotations

import shutil

from witting import corpus
from witting.serving.index import GuardIndex, build_index
from witting.workspace import Workspace

FOLDER = "guard"


def build(workspace: Workspace, manifest: corpus.Manifest) -> int:
    """One file a shard, from the corpus that was trained on. Returns how many runs are guarded."""
    settings = workspace.settings.guard
    folder = workspace.path(FOLDER)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shards = {s: corpus.read(workspace.objects, manifest, shard=s) for s in range(manifest.shards)}
    built = build_index(shards, key=key(workspace), words=settings.words, people_min=settings.people_min)
    for shard, index in built.items():
        index.save(folder / f"{shard:04d}.npz")
    return sum(len(index.runs) for index in built.values())


def load(workspace: Workspace) -> GuardIndex:
    """All shards' files as one index."""
    return GuardIndex.load(sorted(workspace.path(FOLDER).glob("*.npz")), words=workspace.settings.guard.words)


def key(workspace: Workspace) -> bytes:
    return workspace.keys.secret("guard")


def stop_serving(workspace: Workspace, shard: int, *, trained: bool) -> None:
    """Nothing made with this shard can be loaded any more, from now on: its adapter, the merge, its guard file."""
    if not trained:
        return
    adapters = workspace.path("adapters")
    shutil.rmtree(adapters / f"{shard:04d}", ignore_errors=True)
    shutil.rmtree(adapters / "merged", ignore_errors=True)
    (workspace.path(FOLDER) / f"{shard:04d}.npz").unlink(missing_ok=True)
