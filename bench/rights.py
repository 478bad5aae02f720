"""How fast are turns decided, beside only reading them? python bench/rights.py [--turns 10000000] [--events 1000000]

Writes invented turns and rights events as Parquet (docs/formats/rights-events.md), then in processes of their own:
`witting rights decide` on them, and DuckDB reading every column of the turns with two threads. Prints wall seconds,
processor seconds, peak memory and the ratio of the two. DuckDB decides nothing and writes nothing; it shows what the disk
and Parquet cost.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

PURPOSE, AS_OF = "fine_tune_own_model", "2026-11-01T00:00:00+00:00"
# A fifth of all turns are of people no event speaks of; conversations have sixteen turns, those of other audiences than an
# assistant's two to five people.
TURNS = """
COPY (
    SELECT md5(concat('turn', i)) AS turn, md5(concat('talk', i // 16)) AS conversation,
        md5(concat('person', CASE WHEN audience = 'assistant' THEN h(i // 16, 0) % {people}
            ELSE (h(i // 16, 0) + h(i, 0) % (2 + h(i // 16, 0) % 4)) % {people} END)) AS subject,
        make_timestamptz(1704067200000000 + (h(i // 16, 1) % 1000) * 86400000000 + (i % 16) * 60000000) AS time,
        audience, CASE WHEN i % 10 = 0 THEN 'whatsapp' ELSE 'shop' END AS surface
    FROM (SELECT i, ['assistant', 'assistant', 'assistant', 'assistant', 'assistant', 'assistant', 'assistant', 'direct',
        'closed_group', 'public'][1 + h(i // 16, 2) % 10] AS audience FROM range({turns}) AS r(i))
) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
"""
EVENTS = """
COPY (
    SELECT kind, md5(concat('person', h(i, 3) % ({people} * 4 // 5))) AS subject,
        CASE WHEN kind IN ('notice', 'consent') THEN ['{purpose}'] ELSE []::VARCHAR[] END AS purposes,
        make_timestamptz(1704067200000000 + (h(i, 4) % 1000) * 86400000000 + i % 86400000000) AS occurred_at,
        CASE WHEN kind = 'consent' THEN ['valid', 'valid', 'valid', 'weak', 'invalid'][1 + h(i, 5) % 5] END AS verdict,
        CASE WHEN kind = 'place' THEN ['DE', 'FR', 'GB', 'US-CA', 'BR', 'IN', 'KR', 'US'][1 + h(i, 6) % 8] END AS place,
        CASE WHEN kind = 'age' THEN 15 + h(i, 7) % 60 END::SMALLINT AS age, i AS entry
    FROM (SELECT i, ['consent', 'consent', 'consent', 'consent', 'notice', 'notice', 'place', 'age', 'withdrawal',
        'objection'][1 + h(i, 8) % 10] AS kind FROM range({events}) AS r(i))
) TO '{path}' (FORMAT parquet)
"""
SCAN = """
import sys, duckdb
duckdb.execute("SET threads = 2")
columns = "turn, conversation, subject, time, audience, surface".split(", ")
print(duckdb.execute(f"SELECT {', '.join(f'bit_xor(hash({name}))' for name in columns)} FROM read_parquet(?)", [sys.argv[1]]).fetchone())
"""


def measured(*command: str | Path) -> dict[str, Any]:
    """Wall and processor seconds and peak memory of one process, and what it printed last."""
    began = time.perf_counter()
    child = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    out = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{command[0]} failed")
    return {
        "wall_s": round(time.perf_counter() - began, 2),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": usage.ru_maxrss // 1024,
        "said": out.strip(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=10_000_000)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        turns, events = folder / f"turns-{asked.turns}.parquet", folder / f"events-{asked.events}.parquet"
        sizes = {
            "people": max(asked.turns // 20, 10),
            "turns": asked.turns,
            "events": asked.events,
            "purpose": PURPOSE,
        }
        for path, query in ((turns, TURNS), (events, EVENTS)):
            if not path.exists():
                duckdb.execute("CREATE OR REPLACE MACRO h(a, b) AS (hash(a, b) % 1000000007)::BIGINT")
                duckdb.execute(query.format(path=path, **sizes))
        decide = [sys.executable, "-m", "witting", "rights", "decide", "--json", "--turns", turns, "--events", events,
                  "--purpose", PURPOSE, "--as-of", AS_OF, "--out", folder / "decided.parquet"]  # fmt: skip
        for _ in range(asked.rounds):  # in turn, so that both meet the same other work
            scan, done = measured(sys.executable, "-c", SCAN, turns), measured(*decide)
            said = json.loads(done.pop("said"))
            scan.pop("said")
            ratio = round(done["wall_s"] / scan["wall_s"], 2)
            print(
                json.dumps(
                    {"decide": done, "duckdb_scan": scan, "ratio_wall": ratio, "permit": said["permit"]}
                )
            )


if __name__ == "__main__":
    main()
