"""The whole walk on real exports: every folder of interactions-dev, with an invented rights log for its speakers.

    python bench/interactions_dev.py ../shared/data/interactions-dev build/interactions-dev [--until ROOM]

Prints a JSON object: what each folder gave, the funnel, the evaluation, the gate, seconds and peak memory a room.
Claim it carries: everything read or skipped by reason, the counts add up, nothing crashes. No peer reads all of these,
so there is none beside it. Speakers are given places in turn; of each ten people seven agreed, one objected after
agreeing, one withdrew, one never answered: invented, like every consent here.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "quickstart"))

from cast import Person
from generate import _event, _evidence  # the quickstart's well-informed consent, said by other people

from witting.intake import FileVerdict, Turn, admit
from witting.walk import walk
from witting.workspace import Workspace

PLACES = ("DE", "FR", "GB", "US-CA", "BR", "KR", "IN", "TR")
LANGUAGES = {"DE": "de", "FR": "fr", "BR": "pt", "KR": "ko", "IN": "hi"}
AGREED_AT = datetime(
    2000, 1, 1, tzinfo=UTC
)  # before any of these exports, so that consent is not the bottleneck
CONFIG = """
[intake]
sources = ["inbox"]
consume_inbox = false
[rights]
log = "rights.jsonl"
consent_days_max = 36500
[corpus]
shards = 8
[training]
steps = 80
[audit]
canaries = 200
controls = 200
extraction_people_max = 200
[gate]
profile = "trial"
"""


def main() -> None:
    """Build the workspace, walk it, print what came out."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("data", type=Path)
    options.add_argument("workspace", type=Path)
    options.add_argument("--until")
    said = options.parse_args()
    shutil.rmtree(said.workspace, ignore_errors=True)
    shutil.copytree(said.data, said.workspace / "inbox")
    (said.workspace / "witting.toml").write_text(CONFIG, "utf-8")
    folders, speakers = _read(said.workspace / "inbox")
    lines = [json.dumps(event) for number, handle in enumerate(speakers) for event in _said(number, handle)]
    (said.workspace / "rights.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    workspace = Workspace.create(said.workspace)
    began, seconds = time.monotonic(), {}

    def tell(what: str, done: int, total: int) -> None:
        seconds[what] = round(time.monotonic() - began, 1)
        print(f"\r{what}: {done} of {total}    ", end="", file=sys.stderr)

    result = walk(workspace, until=said.until, tell=tell, now=datetime.now(UTC))
    print(
        json.dumps(
            {
                "folders": folders,
                "speakers": len(speakers),
                "funnel": result.funnel(),
                "rooms": {name: _short(room) for name, room in result.rooms.items()},
                "seconds_until": seconds,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            },
            indent=1,
        )
    )


def _read(inbox: Path) -> tuple[dict[str, Any], list[str]]:
    """By folder: files read and refused, turns, skipped by reason; and every speaker's handle in a fixed order."""
    folders: dict[str, Any] = {}
    speakers: dict[str, None] = {}
    for folder in sorted(p for p in inbox.iterdir() if p.is_dir()):
        seen: Counter[str] = Counter()
        for record in admit([folder], text_chars_max=100_000):
            if isinstance(record, Turn) and record.role in ("user", "person"):
                speakers[f"{record.source}:{record.speaker}"] = None
            if isinstance(record, FileVerdict):
                assert record.records == record.turns + sum(record.skipped.values())
                seen[record.verdict if record.verdict == "read" else f"refused: {record.reason}"] += 1
                seen["turns"] += record.turns
                seen["signals"] += record.signals
                seen.update({f"skipped: {reason}": count for reason, count in record.skipped.items()})
        folders[folder.name] = dict(sorted(seen.items()))
    return folders, list(speakers)


def _said(number: int, handle: str) -> list[dict[str, Any]]:
    source, _, name = handle.partition(":")
    place = PLACES[number % len(PLACES)]
    person = Person(source, name, place, LANGUAGES.get(place, "en"), "", "", "")
    events = [_event("place", person, AGREED_AT - timedelta(days=1), place=place)]
    if number % 10 == 9:
        return events
    consent = _event(
        "consent", person, AGREED_AT, purposes=["fine_tune_own_model"], evidence=_evidence(person, AGREED_AT)
    )
    events.append(consent)
    if number % 10 in (7, 8):
        kind = "objection" if number % 10 == 7 else "withdrawal"
        events.append(
            _event(kind, person, datetime(2026, 6, 1, tzinfo=UTC), purposes=["fine_tune_own_model"])
        )
    return events


def _short(room: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in room.items() if name not in ("funnel", "training", "report", "stages")
    }


if __name__ == "__main__":
    main()
