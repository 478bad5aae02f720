"""A walk that is killed goes on as the same walk: its result is that of a walk nobody interrupted."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conftest import AS_OF, copy_quickstart, witting
from witting import corpus
from witting.store.parts import read_part
from witting.workspace import Workspace

KILLS = 5
KILLS_STRESS = 80
LONGEST_SECONDS = 4.0
PLACEHOLDER = re.compile(r"_\d+>")  # numbers come from keys that differ between workspaces


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Initialised, not walked: copies of it have the same keys."""
    return copy_quickstart(tmp_path_factory.mktemp("resume") / "fresh")


@pytest.fixture(scope="module")
def uninterrupted(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = shutil.copytree(fresh, tmp_path_factory.mktemp("resume") / "whole")
    done = witting("run", root, "--until", "corpus", "--as-of", AS_OF)
    assert done.code == 0, done.err
    return root


def start(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "witting", "run", str(root), "--until", "corpus", "--quiet", "--as-of", AS_OF],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome(root: Path) -> dict[str, Any]:
    """What a walk decided, with people by their handle: ids are random in every workspace."""
    workspace = Workspace.open(root)
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    examples = pl.concat([pl.DataFrame(t) for t in corpus.read(workspace.objects, manifest)]).filter(
        ~pl.col("canary")
    )
    subjects = examples["subject_id"].unique().to_list()
    handles = workspace.vault.handles_of(subjects)
    learned = sorted(
        (
            handles[row["subject_id"]],
            row["rule"],
            PLACEHOLDER.sub(">", json.dumps(row["messages"])),
            str(row["chosen"]),
        )
        for row in examples.to_dicts()
    )
    turns = pl.concat(
        [
            pl.DataFrame(read_part(workspace.objects, p))
            for p in workspace.snapshots.current("intake/turns").parts
        ]
    )
    funnel = json.loads((root / "reports" / "funnel.json").read_text("utf-8"))["stages"]
    kinds = sorted(entry.kind for entry in workspace.ledger.entries())
    workspace.ledger.verify()
    return {
        "funnel": funnel,
        "turns": sorted(turns["row_id"].to_list()),
        "learned": learned,
        "ledger": kinds,
        "inbox": sorted(p.name for p in (root / "inbox").iterdir()),
    }


def kill_at_random(root: Path, chance: random.Random, kills: int) -> None:
    for _ in range(kills):
        running = start(root)
        time.sleep(chance.uniform(0.2, LONGEST_SECONDS))  # the point of this test is that nobody knows when
        running.send_signal(signal.SIGKILL)
        running.communicate()


def test_a_walk_killed_at_random_points_ends_like_one_that_was_not(
    fresh: Path, uninterrupted: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(fresh, tmp_path / "killed")
    kill_at_random(root, random.Random(), KILLS)
    done = witting("run", root, "--until", "corpus", "--as-of", AS_OF)
    assert done.code == 0, done.err
    assert outcome(root) == outcome(uninterrupted)


@pytest.mark.stress
@pytest.mark.parametrize("round_", range(10))
def test_many_kills_change_nothing(fresh: Path, uninterrupted: Path, tmp_path: Path, round_: int) -> None:
    root = shutil.copytree(fresh, tmp_path / "killed")
    kill_at_random(root, random.Random(round_), KILLS_STRESS // 10)
    done = witting("run", root, "--until", "corpus", "--as-of", AS_OF)
    assert done.code == 0, done.err
    assert outcome(root) == outcome(uninterrupted)


def test_walking_again_changes_nothing(uninterrupted: Path, tmp_path: Path) -> None:
    root = shutil.copytree(uninterrupted, tmp_path / "again")
    before = outcome(root)
    version = witting("corpus", "list", "--workspace", root, "--json").json
    done = witting("run", root, "--until", "corpus", "--as-of", AS_OF)
    assert done.code == 0, done.err
    assert outcome(root) == before
    assert witting("corpus", "list", "--workspace", root, "--json").json == version


def test_the_same_exports_again_give_no_turn_twice(fresh: Path, uninterrupted: Path, tmp_path: Path) -> None:
    root = shutil.copytree(uninterrupted, tmp_path / "twice")
    shutil.copytree(fresh / "inbox", root / "inbox", dirs_exist_ok=True)
    done = witting("run", root, "--until", "corpus", "--as-of", AS_OF)
    assert done.code == 0, done.err
    assert outcome(root) == outcome(uninterrupted)


def test_ctrl_c_says_how_to_go_on(fresh: Path, tmp_path: Path) -> None:
    root = shutil.copytree(fresh, tmp_path / "stopped")
    (root / ".lock").unlink(missing_ok=True)
    running = start(root)
    while not (root / ".lock").exists():  # until it walks: before that nobody is there to answer
        time.sleep(0.05)
    time.sleep(0.5)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode in (0, 1)  # 0 where it was faster than we
    if running.returncode:
        assert "run the same command to go on" in said


def test_a_withdrawal_between_two_tries_is_heard(fresh: Path, tmp_path: Path) -> None:
    root = shutil.copytree(fresh, tmp_path / "withdrawn")
    assert witting("run", root, "--until", "rights").code == 0
    running = start(root)
    time.sleep(1.5)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    assert witting("rights", "withdraw", "open_webui:hannah", "--workspace", root).code == 0
    assert witting("run", root, "--until", "corpus").code == 0
    explained = witting("corpus", "explain", "open_webui:hannah", "--workspace", root, "--json").json
    assert explained["examples"] == []
    assert explained["decisions"] == {"withdrawn": 18}


def test_two_walks_at_once_are_refused(fresh: Path, tmp_path: Path) -> None:
    root = shutil.copytree(fresh, tmp_path / "twofold")
    with Workspace.open(root).held():
        done = witting("run", root, "--until", "intake")
    assert done.code == 2
    assert "another process" in done.err
