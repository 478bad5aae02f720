"""`witting intake`: what was read, what was skipped and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from witting.config import Settings
from witting.doors.cli.screen import DEFAULT, Common, now, progress, show, table
from witting.errors import UsageError
from witting.intake import admit
from witting.intake.source import FileVerdict, Turn
from witting.workspace import Workspace


def intake(
    *paths: Path,
    source: str | None = None,
    dry_run: bool = False,
    turns: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Read exports: files, zips or folders. Exit code 1 when nothing at all could be read.

    Parameters
    ----------
    paths
        What to read.
    source
        Take the files to be of this source, whatever they look like.
    dry_run
        Needs no workspace and stores nothing.
    turns
        Write the turns here as JSON lines (with --dry-run). This file holds people's words in plain.
    """
    if not paths:
        raise UsageError("name at least one file, zip or folder to read.")
    if turns is not None and not dry_run:
        raise UsageError("--turns writes words in plain and goes with --dry-run only.")
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"there is no {missing[0]}. Check the path.")
    verdicts = _dry(paths, source, turns) if dry_run else _sealed(paths, source, common)
    show(common, {"files": [_as_json(verdict) for verdict in verdicts]}, lambda: _page(verdicts))
    return 0 if any(verdict.verdict == "read" for verdict in verdicts) else 1


def _sealed(paths: tuple[Path, ...], source: str | None, common: Common) -> list[FileVerdict]:
    from witting.walk import alone
    from witting.walk.admit import admit_paths

    workspace = Workspace.open(common.workspace)
    with progress(common) as tell, alone(workspace, tell=tell, now=now()) as step:
        return admit_paths(step, paths, source=source)


def _dry(paths: tuple[Path, ...], source: str | None, turns: Path | None) -> list[FileVerdict]:
    records = admit(paths, source=source, text_chars_max=Settings().intake.text_chars_max)
    if turns is None:
        return [record for record in records if isinstance(record, FileVerdict)]
    verdicts = []
    with turns.open("w", encoding="utf-8", errors="surrogatepass") as out:
        turns.chmod(0o600)  # people's words
        for record in records:
            if isinstance(record, Turn):
                out.write(json.dumps(_turn(record), ensure_ascii=True) + "\n")
            elif isinstance(record, FileVerdict):
                verdicts.append(record)
    return verdicts


def _turn(turn: Turn) -> dict[str, Any]:
    """The line of design §8, docs/formats/intake-turns.md."""
    return {
        "conversation": turn.conversation,
        "turn": turn.turn,
        "parent": turn.parent,
        "speaker": turn.speaker,
        "role": turn.role,
        "time": turn.time,
        "time_precision": turn.time_precision,
        "text": turn.text,
        "audience": turn.audience,
        "edited": turn.edited,
        "deleted": turn.deleted,
        "on_active_path": turn.on_active_path,
        "source": turn.source,
        "bytes": list(turn.bytes),
        "signals": [_signal(signal) for signal in turn.signals],
    }


def _signal(signal: Any) -> dict[str, Any]:
    own = {"kind": signal.kind, "value": signal.value, "text": signal.text}
    return own if signal.source_kind is None else own | {"source_kind": signal.source_kind}


def _as_json(verdict: FileVerdict) -> dict[str, Any]:
    return {
        "path": verdict.path,
        "source": verdict.source,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "records": verdict.records,
        "turns": verdict.turns,
        "signals": verdict.signals,
        "skipped": dict(verdict.skipped),
        "quarantined": verdict.quarantined,
    }


def _page(verdicts: list[FileVerdict]) -> str:
    return "\n".join(_lines(verdicts))


def _lines(verdicts: list[FileVerdict]) -> Iterator[str]:
    if not verdicts:
        yield "These files were read before; nothing new."
        return
    head = ("source", "verdict", "records", "turns", "signals", "file")
    yield table(
        [
            (
                v.source or "-",
                v.verdict,
                f"{v.records:,}",
                f"{v.turns:,}",
                f"{v.signals:,}",
                v.path + _because(v),
            )
            for v in verdicts
        ],
        head=head,
    )
    skipped: Counter[str] = Counter()
    for verdict in verdicts:
        skipped.update(verdict.skipped)
    if skipped:
        yield "Skipped: " + ", ".join(f"{count:,} {reason}" for reason, count in skipped.most_common()) + "."


def _because(verdict: FileVerdict) -> str:
    return f" ({verdict.reason})" if verdict.reason else ""
