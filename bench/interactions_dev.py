"""The whole walk on real exports: every folder of interactions-dev, with an invented rights log for its speakers.

Research sets (hh-rlhf, OASST, Taskmaster) have no times and no speakers, so rights refuses them whole, as it should; to
walk their words further, they are also written as the log of an operator would have them, with invented people and times.

    python bench/interactions_dev.py ../shared/data/interactions-dev build/interactions-dev [--until ROOM]

Prints a JSON object: what each folder gave, the funnel, the evaluation, the gate, seconds and peak memory a room.
Claim it carries: everything read or skipped by reason, the counts add up, nothing crashes. No peer reads all of these,
so there is none beside it. Exports that do not say whose they are get an account a folder. Speakers are given places in turn; of each ten people seven agreed, one objected after
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
from witting.intake.owners import told
from witting.walk import walk
from witting.workspace import Workspace

PURPOSE = "fine_tune_own_model"
PLACES = ("DE", "FR", "GB", "US-CA", "BR", "KR", "IN", "TR")
LANGUAGES = {"DE": "de", "FR": "fr", "BR": "pt", "KR": "ko", "IN": "hi"}
YEARS = range(
    2005, 2027
)  # asked anew each spring: a consent lasts a year, and none reaches behind its notice
RELOGGED = ("hh_rlhf", "oasst", "taskmaster")  # research sets say neither when nor who
RELOGGED_PEOPLE = 400
RELOGGED_FROM = datetime(2026, 4, 1, tzinfo=UTC)
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
    _relog(said.data, said.workspace / "inbox" / "relogged.jsonl")
    (said.workspace / "witting.toml").write_text(CONFIG + _accounts(said.workspace / "inbox"), "utf-8")
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


def _accounts(inbox: Path) -> str:
    """The table that names whose each folder is, as an operator would write it."""
    lines = [f'"{folder.name}" = "{_account(folder)}"' for folder in sorted(inbox.iterdir())]
    return "\n".join(["[intake.accounts]", *lines, ""])


def _account(folder: Path) -> str:
    return f"owner-of-{folder.name}"


def _read(inbox: Path) -> tuple[dict[str, Any], list[str]]:
    """By folder: files read and refused, turns, skipped by reason; and every speaker's handle in a fixed order."""
    folders: dict[str, Any] = {}
    speakers: dict[str, None] = {}
    for folder in sorted(inbox.iterdir()):
        seen: Counter[str] = Counter()
        for record in told(admit([folder], text_chars_max=100_000), account=_account(folder)):
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
    events = [_event("place", person, datetime(2000, 1, 1, tzinfo=UTC), place=place)]
    if number % 10 == 9:
        return events
    for year in YEARS:
        at = datetime(year, 3, 1, tzinfo=UTC)
        events.append(_event("consent", person, at, purposes=[PURPOSE], evidence=_evidence(person, at)))
    if number % 10 in (7, 8):
        kind = "objection" if number % 10 == 7 else "withdrawal"
        events.append(_event(kind, person, datetime(2026, 7, 1, tzinfo=UTC), purposes=[PURPOSE]))
    return events


def _relog(data: Path, out: Path) -> None:
    """Two-turn-and-longer conversations of the research sets as lines of a chat-completions log."""
    talks: dict[tuple[str, str], list[Turn]] = {}
    for record in admit([data], text_chars_max=100_000):
        if isinstance(record, Turn) and record.source in RELOGGED and record.on_active_path and record.text:
            talks.setdefault((record.source, record.conversation), []).append(record)
    with out.open("w", encoding="utf-8") as log:
        for number, turns in enumerate(talks.values()):
            messages = [{"role": _role(turn), "content": turn.text} for turn in turns]
            at = RELOGGED_FROM + timedelta(minutes=11 * number)
            line = {
                "user": f"person-{number % RELOGGED_PEOPLE:03}",
                "created": int(at.timestamp()),
                "messages": messages,
            }
            log.write(json.dumps(line | {"metadata": {"conversation_id": f"relogged-{number}"}}) + "\n")


def _role(turn: Turn) -> str:
    return "assistant" if turn.role == "assistant" else "user"


def _short(room: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in room.items() if name not in ("funnel", "training", "report", "stages")
    }


if __name__ == "__main__":
    main()
