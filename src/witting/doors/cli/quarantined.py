"""`witting intake quarantined`: which records were set aside, by file, reason and place; never their words.

A workspace keeps no file's name, because names may be people's: a file is known by its hash, and named where it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from witting.doors.cli.reading import check_paths
from witting.doors.cli.screen import DEFAULT, Common, folded, show
from witting.intake import SKIPPED
from witting.reports.words import count, printable
from witting.workspace import Workspace

PLACES_SHOWN_MAX = 10  # of one reason of one file, on the page for people


def quarantined(*paths: Path, common: Common = DEFAULT) -> int:
    """Which records were set aside because nobody could understand them: by file, reason and byte range, never words.

    Parameters
    ----------
    paths
        Only these files, or folders as they were given; without any, all that this workspace knows by hash.
    """
    from witting.store.parts import read_part
    from witting.walk.admit import BAD
    from witting.walk.consume import file_sha256

    if paths:
        check_paths(paths, what_for="look for")
    workspace = Workspace.open(common.workspace)
    named = {file_sha256(path): str(path) for path in paths}
    current = workspace.snapshots.current(BAD)
    columns = ["artifact", "reason", "byte_start", "byte_end", "admitted_at"]
    rows = [
        row
        for part in (current.parts if current else ())
        for row in read_part(workspace.objects, part, columns=columns).to_pylist()
        if not named or row["artifact"] in named
    ]
    files = _by_file(rows, named, timedelta(days=workspace.settings.intake.retention_days))
    show(common, {"records": len(rows), "files": files}, lambda: "\n".join(map(folded, _lines(files))))
    return 0


def _by_file(
    rows: list[dict[str, Any]], named: Mapping[str, str], kept_for: timedelta
) -> list[dict[str, Any]]:  # Any: JSON
    found: dict[str, dict[str, list[list[int]]]] = {}
    newest: dict[str, datetime] = {}
    for row in rows:
        sha256 = row["artifact"]
        places = found.setdefault(sha256, {}).setdefault(row["reason"], [])
        places.append([row["byte_start"], row["byte_end"]])
        newest[sha256] = max(row["admitted_at"], newest.get(sha256, row["admitted_at"]))
    return [
        {
            "sha256": sha256,
            "path": named.get(sha256),
            "deleted_after": (newest[sha256] + kept_for).isoformat(),
            "reasons": [
                {"reason": reason, "records": len(places), "bytes": sorted(places)}
                for reason, places in sorted(reasons.items())
            ],
        }
        for sha256, reasons in sorted(found.items())
    ]


def _lines(files: list[dict[str, Any]]) -> Iterator[str]:
    if not files:
        yield "No record is set aside."
    for file in files:
        name = printable(file["path"]) if file["path"] else "a file that is not named here"
        yield f"{name} (SHA-256 {file['sha256'][:16]}...), kept sealed until {file['deleted_after'][:10]}"
        for said in file["reasons"]:
            places = ", ".join(f"{start:,}-{end:,}" for start, end in said["bytes"][:PLACES_SHOWN_MAX])
            more = said["records"] - PLACES_SHOWN_MAX
            yield f"  {count(said['records'], 'record')}, {said['reason']}: {SKIPPED.get(said['reason'], '')}"
            yield f"    bytes {places}{f' and {more:,} more' if more > 0 else ''}"
    if any(file["path"] is None for file in files):
        yield "Give the path of a file to see what of it was set aside."
