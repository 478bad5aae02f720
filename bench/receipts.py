"""How fast are receipts issued? python bench/receipts.py [--people 5000]

Each invented person agrees and takes it back: two receipts each, through `witting rights receipt --all` on SQLite with a sync at
every commit, first all new and then all again. Prints receipts a second, wall and processor, and the bytes of one. No peer is
named: nobody we know of hands out signed receipts with inclusion proofs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
EVIDENCE = (
    (REPOSITORY / "docs" / "formats" / "evidence.md").read_text("utf-8").split("```json\n")[1].split("```")[0]
)


def witting(*words: str | Path) -> tuple[str, float, float]:
    """What it printed, wall and processor seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "witting", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout, took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_log(path: Path, people: int) -> None:
    said = {"purposes": ["fine_tune_own_model"]}
    yes = said | {"kind": "consent", "occurred_at": "2026-11-23T18:00:00Z", "evidence": json.loads(EVIDENCE)}
    no = said | {"kind": "withdrawal", "occurred_at": "2026-11-24T18:00:00Z"}
    with path.open("w", encoding="utf-8") as stream:
        for number in range(people):
            for event in (yes, no):
                stream.write(json.dumps(event | {"subject": f"chatgpt:person-{number}"}) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=5_000)
    people = parser.parse_args().people
    with tempfile.TemporaryDirectory() as folder:
        root, log = Path(folder) / "house", Path(folder) / "log.jsonl"
        write_log(log, people)
        witting("init", root)
        witting("rights", "record", log, "--workspace", root)
        for what in ("new", "again"):
            said, wall, processor = witting(
                "rights", "receipt", "--all", "--workspace", root, "--json", "--quiet"
            )
            count = json.loads(said)["issued" if what == "new" else "again"]
            assert count == 2 * people
            print(
                f"{what}: {count} receipts in {wall:.1f} s ({count / wall:.0f} a second), {processor:.1f} processor s"
            )
        size = next((root / "receipts").glob("*.json")).stat().st_size
        print(f"one receipt: {size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
