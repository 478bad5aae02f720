"""What several rooms' tests share: the quickstart, walked once a test run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from witting.doors.cli import main
from witting.training import load_base
from witting.training.base import PACKAGED

# Processes that share the tests are told a width of 80, by which what is printed would be broken.
os.environ.pop("COLUMNS", None)

# No example has a deadline, and none is too slow: how long it takes says how busy the machine is.
settings.register_profile("witting", deadline=None, suppress_health_check=[HealthCheck.too_slow])
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


def witting(*words: str | Path, timeout: float = WALK_SECONDS_MAX, cache: Path | None = None) -> Said:
    """Run the command line as a person would, whose caches lie in `cache` if it says so."""
    command = [sys.executable, "-m", "witting", *map(str, words)]
    environment = os.environ | ({} if cache is None else {"XDG_CACHE_HOME": str(cache)})
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, env=environment
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def witting_here(capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """`witting` in this process: a second less a command. Not for commands that are to be killed or to train."""

    def run(*words: str | Path) -> Said:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Said(code, *capsys.readouterr())

    return run


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


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes give a test no name: some are random or hold the time, and processes must agree on what a test is called."""
    return argname if isinstance(val, bytes) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In the processes of `make test PROCESSES=2`: modules that take minutes begin, so that none ends long after the others, and who
    only reads the walked quickstart comes last, so that nobody waits for it."""
    if not hasattr(config, "workerinput"):
        return
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    reading = {item.path for item in items if "walked" in getattr(item, "fixturenames", ())} - slow
    items.sort(key=lambda item: 0 if item.path in slow else 2 if item.path in reading else 1)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this test run, the same one in all its processes."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def models(shared: Path) -> Path:
    """The packaged base, converted: some 30 s, once a test run."""
    folder = shared / "cache" / "witting" / "models"
    with FileLock(shared / "models.lock"):
        if not folder.exists():
            load_base(PACKAGED, cache=folder)
    return folder


@pytest.fixture(scope="session")
def walked(shared: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart walked to its report, as `make demo` does: once, by the first of the processes that asks for it.
    Tests only read it; those that change one copy it."""
    note = shared / "walked.txt"  # where it lies
    with FileLock(shared / "walked.lock"):
        if not note.exists():
            folder = tmp_path_factory.mktemp("quickstart")
            root = copy_quickstart(folder / "workspace")
            done = witting("run", root, "--json", "--as-of", AS_OF, cache=models.parents[1])
            assert done.code == 0, done.err
            (folder / "run.json").write_text(done.out, "utf-8")
            note.write_text(str(root), "utf-8")
    return Path(note.read_text("utf-8"))


@pytest.fixture
def walked_copy(walked: Path, tmp_path: Path) -> Path:
    """A workspace can be copied and moved: this one is."""
    return shutil.copytree(walked, tmp_path / "copy")
