"""What several rooms' tests share: the quickstart, walked once a test run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# No example has a deadline: how long it takes says how busy the machine is.
settings.register_profile("witting", deadline=None)
settings.load_profile("witting")

REPOSITORY = Path(__file__).resolve().parents[1]
QUICKSTART = REPOSITORY / "examples" / "quickstart"
SHARED = REPOSITORY.parent / "shared" / "data"
WALK_SECONDS_MAX = 900
AS_OF = (
    "2026-11-24T12:00:00+00:00"  # the quickstart's consents last a year; its walk is decided as of this day
)


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def witting(*words: str | Path, timeout: float = WALK_SECONDS_MAX) -> Said:
    """Run the command line as a person would."""
    command = [sys.executable, "-m", "witting", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def copy_quickstart(root: Path, *, settings: Sequence[tuple[str, str]] = ()) -> Path:
    """A workspace with the quickstart's exports, its config changed line by line."""
    root.mkdir(parents=True)
    shutil.copytree(QUICKSTART / "inbox", root / "inbox")
    shutil.copy(QUICKSTART / "rights.jsonl", root)
    config = (QUICKSTART / "witting.toml").read_text("utf-8")
    for old, new in settings:
        assert old in config, f"the quickstart's config has no line {old!r}"
        config = config.replace(old, new)
    (root / "witting.toml").write_text(config, "utf-8")
    made = witting("init", root)
    assert made.code == 0, made.err
    return root


@pytest.fixture(scope="session")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart walked to its report, as `make demo` does. Tests only read it; those that change one copy it."""
    root = copy_quickstart(tmp_path_factory.mktemp("quickstart") / "workspace")
    done = witting("run", root, "--json", "--as-of", AS_OF)
    assert done.code == 0, done.err
    (root.parent / "run.json").write_text(done.out, "utf-8")
    return root


@pytest.fixture
def walked_copy(walked: Path, tmp_path: Path) -> Path:
    """A workspace can be copied and moved: this one is."""
    return shutil.copytree(walked, tmp_path / "copy")
