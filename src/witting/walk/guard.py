"""The guard's files beside the adapters: built when a release opens, gone the moment somebody's erasure begins."""

from __future__ import annotations

import shutil

from witting import corpus
from witting.serving.index import GuardIndex, build_index
from witting.workspace import Workspace

FOLDER = "guard"
MAKING, OLD = ".guard.making", ".guard.old"  # beside it, while one takes the place of the other


def build(workspace: Workspace, manifest: corpus.Manifest) -> int:
    """One file a shard, from the corpus that was trained on: all of them or, after a crash, none, because a guard that
    lacks a shard lets its people's words through. Returns how many runs are guarded."""
    settings = workspace.settings.guard
    making = workspace.path(MAKING)
    _tidy(workspace)
    making.mkdir()
    shards = {s: corpus.read(workspace.objects, manifest, shard=s) for s in range(manifest.shards)}
    built = build_index(shards, key=key(workspace), words=settings.words, people_min=settings.people_min)
    for shard, index in built.items():
        index.save(making / f"{shard:04d}.npz")
    if workspace.path(FOLDER).exists():
        workspace.path(FOLDER).replace(workspace.path(OLD))
    making.replace(workspace.path(FOLDER))
    _tidy(workspace)
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
    _tidy(workspace)


def _tidy(workspace: Workspace) -> None:
    """What a build that was killed left beside the guard."""
    for name in (MAKING, OLD):
        shutil.rmtree(workspace.path(name), ignore_errors=True)
