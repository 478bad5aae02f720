"""The guard's files are all there or none is: a guard that lacks a shard would let its people's words through."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from witting.serving.index import GuardIndex
from witting.walk import guard
from witting.workspace import Workspace

SHARDS = 3


class Killed(Exception):
    """Stands for the moment at which the process ends."""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    hashes = np.array([1, 2], np.uint64)
    built = {shard: GuardIndex(8, 7, hashes, hashes) for shard in range(SHARDS)}
    monkeypatch.setattr(guard, "build_index", lambda shards, **_: built)
    return Workspace.create(tmp_path / "workspace")


def build(workspace: Workspace) -> int:
    manifest: Any = SimpleNamespace(shards=0)  # Any: nothing else of a manifest is asked here
    return guard.build(workspace, manifest)


def files(workspace: Workspace) -> list[str]:
    return sorted(str(p.relative_to(workspace.root)) for p in workspace.root.rglob("*guard*/*"))


def test_a_build_that_is_killed_leaves_the_guard_that_was_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(workspace)
    whole = files(workspace)
    assert len(whole) == SHARDS
    save = GuardIndex.save

    def second_fails(index: GuardIndex, path: Path) -> None:
        if path.name == "0001.npz":
            raise Killed
        save(index, path)

    with monkeypatch.context() as cut:
        cut.setattr(GuardIndex, "save", second_fails)
        with pytest.raises(Killed):
            build(workspace)
    assert [name for name in files(workspace) if name.startswith("guard/")] == whole
    build(workspace)
    assert files(workspace) == whole


def test_an_erasure_takes_half_built_files_too(workspace: Workspace) -> None:
    build(workspace)
    for name in (guard.MAKING, guard.OLD):
        workspace.path(name).mkdir()
        workspace.path(name, "0001.npz").write_bytes(b"hashes of somebody's words")
    guard.stop_serving(workspace, 1, trained=True)
    assert files(workspace) == ["guard/0000.npz", "guard/0002.npz"]
