"""How fast do logs become sealed parts, beside only reading them? python bench/intake_throughput.py [--turns 1000000]

Writes an invented log of JSON lines (two turns each, OpenAI's chat shape), then in processes of their own: a workspace
that admits it (read, sealed under each person's key, written as parts, committed), DuckDB's `read_json` of the same
file, and msgspec decoding its lines. Prints seconds, turns a second, peak memory and the ratios. The two peers do far
less: no keys, no ids, no whose-is-it, nothing written. They show what the disk and a JSON parser cost.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = [
    "the",
    "a",
    "garden",
    "tree",
    "water",
    "light",
    "small",
    "river",
    "green",
    "stone",
    "walk",
    "evening",
    "plan",
    "carry",
    "open",
    "window",
    "letter",
    "morning",
    "bread",
    "music",
    "cloud",
    "winter",
    "table",
    "market",
    "number",
    "question",
    "answer",
    "please",
    "could",
    "would",
    "write",
    "story",
    "short",
    "long",
    "simple",
    "better",
]

ADMIT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from witting.walk import alone
from witting.walk.admit import admit_paths
from witting.workspace import Workspace
with alone(Workspace.open(Path(sys.argv[2])), tell=lambda *_: None, now=datetime.now(UTC)) as step:
    print(sum(verdict.turns for verdict in admit_paths(step, [Path(sys.argv[1])])))
"""
DUCKDB = """
import sys
import duckdb
query = "SELECT sum(len(messages)) FROM read_json(?, format = 'newline_delimited')"
print(int(duckdb.execute(query, [sys.argv[1]]).fetchone()[0]))
"""
MSGSPEC = """
import sys
import msgspec
decode = msgspec.json.Decoder().decode
with open(sys.argv[1], "rb") as lines:
    print(sum(len(decode(line)["messages"]) for line in lines))
"""


def write_log(path: Path, turns: int, *, seed: int = 1) -> None:
    """An invented log; about 100 turns a person."""
    rng = random.Random(seed)
    with path.open("w") as log:
        for line in range(turns // 2):
            record = {
                "user": f"user-{rng.randrange(max(turns // 100, 1))}",
                "metadata": {"conversation_id": f"c{line}", "created": 1_760_000_000 + line},
                "messages": [
                    {"role": "user", "content": " ".join(rng.choices(WORDS, k=rng.randrange(5, 25)))},
                    {"role": "assistant", "content": " ".join(rng.choices(WORDS, k=rng.randrange(15, 70)))},
                ],
            }
            log.write(json.dumps(record) + "\n")


def measured(script: str, *words: Path) -> dict[str, float]:
    """Seconds of wall and processor time, turns counted, of a process of its own; peak memory of all so far."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], check=True, capture_output=True, text=True
    )
    wall = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "turns": int(done.stdout),
        "wall_s": wall,
        "processor_s": processor,
        "peak_mib": after.ru_maxrss / 1024,
    }


def main() -> None:
    """Runs the three and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=1_000_000)
    turns = parser.parse_args().turns
    with tempfile.TemporaryDirectory() as folder:
        log, workspace = Path(folder) / "log.jsonl", Path(folder) / "workspace"
        write_log(log, turns)
        size_mb = log.stat().st_size / 1e6
        subprocess.run(
            [sys.executable, "-m", "witting", "init", str(workspace), "--quiet"],
            check=True,
            capture_output=True,
        )
        runs = {
            "msgspec decode": measured(MSGSPEC, log),
            "DuckDB read_json": measured(DUCKDB, log),
            "witting, sealed": measured(ADMIT, log, workspace),
        }
    assert len({run["turns"] for run in runs.values()}) == 1, "they did not read the same"
    print(f"{turns:,} turns, {size_mb:,.0f} MB of JSON lines")
    print(
        f"{'':<18}{'wall s':>9}{'processor s':>13}{'turns/s':>12}{'MB/s':>8}{'peak MiB':>10}{'wall ratio':>12}"
    )
    ours = runs["witting, sealed"]["wall_s"]
    for name, run in runs.items():
        wall = run["wall_s"]
        print(
            f"{name:<18}{wall:>9.1f}{run['processor_s']:>13.1f}{turns / wall:>12,.0f}{size_mb / wall:>8.1f}"
            f"{run['peak_mib']:>10,.0f}{ours / wall:>12.1f}"
        )


if __name__ == "__main__":
    main()
