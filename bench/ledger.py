"""How fast is the ledger, and what does it notice, beside consentml? python bench/ledger.py [--entries 1000000]

Prints a JSON object a part:
- appends: entries a second of wall and of processor time, in batches, each synced to the disk.
- proofs: milliseconds of an inclusion proof in a log of so many entries, computed from the database and verified.
- edits: ten edits of both stores by somebody who owns the file and has no key; which of them each verifier finds, alone and
  with what was kept before the edit (a checkpoint; consentml's expected_head).
- writers: fifty processes that each append twenty withdrawals to one SQLite file; how many are there, and does it verify.

- imports: a store that consentml itself made, taken over by `witting rights import`.

consentml is measured where it can be imported: pip install --target DIR consentml, then PYTHONPATH=src:DIR. Rates beside other
work say little; the ratio of the two, measured in turn, says more.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from witting.ledger import Ledger, merkle
from witting.store.database import open_database

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NOW = datetime(2026, 11, 24, tzinfo=UTC)
BODY = {
    "subject": "9f86d081884c7d659a2feaa0c55ad015",
    "purposes": ["fine_tune_own_model"],
    "notice": "8a" * 32,
}
VERIFIER = Path(__file__).parents[1] / "verify" / "witting_verify.py"
BUILD_BATCH = 5_000
Rows = list[tuple[Any, ...]]


def open_ledger(folder: Path) -> Ledger:
    return Ledger(open_database("sqlite:///witting.db", root=folder), SIGNER, origin="bench.example/ledger")


def timed(act: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - wall, time.process_time() - cpu


# -- speed ------------------------------------------------------------------------------------------------------------


def appends(seconds: float) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for batch in (1, 100, 1_000, 5_000):
        with tempfile.TemporaryDirectory() as made:
            ledger = open_ledger(Path(made))
            count, wall, cpu = 0, 0.0, 0.0
            while wall < seconds:
                took = timed(lambda: ledger.append_many([("rights.withdrawal", BODY)] * batch, now=NOW))  # noqa: B023
                count, wall, cpu = count + batch, wall + took[0], cpu + took[1]
        said[f"batches of {batch}"] = {"per_s": round(count / wall), "per_cpu_s": round(count / cpu)}
    return said


def proofs(entries: int, folder: Path) -> dict[str, Any]:
    """The log is kept in the folder and only completed, so that a second run need not write it again."""
    ledger = open_ledger(folder)
    missing = entries - ledger.size()
    wall, cpu = timed(
        lambda: [
            ledger.append_many([("rights.withdrawal", BODY)] * min(BUILD_BATCH, missing - done), now=NOW)
            for done in range(0, missing, BUILD_BATCH)
        ]
    )
    chance = random.Random(7)
    root, took, worked = ledger.root(entries), [], 0.0
    for _ in range(500):
        index = chance.randrange(entries)
        began, began_cpu = time.perf_counter(), time.process_time()
        proof = ledger.inclusion_proof(index, entries)
        took.append(1_000 * (time.perf_counter() - began))
        worked += 1_000 * (time.process_time() - began_cpu)
        leaf = merkle.leaf_hash(ledger.entry(index).bytes)
        merkle.verify_inclusion(leaf, index=index, size=entries, proof=proof, root=root)
    quantiles = statistics.quantiles(took, n=100)
    said = {"entries": entries, "p50_ms": round(quantiles[49], 2), "p99_ms": round(quantiles[98], 2)}
    said["mean_cpu_ms"] = round(worked / len(took), 2)
    if missing > 0:
        said["written_per_s"], said["written_per_cpu_s"] = round(missing / wall), round(missing / cpu)
    return said


# -- fifty writers ----------------------------------------------------------------------------------------------------

WRITER = {
    "witting": "import bench_ledger as b; ledger = b.open_ledger(folder); act = lambda n: "
    "ledger.append('rights.withdrawal', {**b.BODY, 'number': n}, now=b.NOW)",
    "consentml": "import consentml; act = lambda n: consentml.revoke(subject_id=f'person-{n}', db_path=folder / 'c.db')",
}
LOOP = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
folder, times = Path(sys.argv[1]), int(sys.argv[3])
{setup}
print("ready", flush=True)
sys.stdin.readline()
done = 0
for number in range(times):
    try:
        act(number)
        done += 1
    except Exception:
        pass
print(done, flush=True)
"""


def writers(tool: str, processes: int, times: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        shutil.copy(__file__, folder / "bench_ledger.py")
        if tool == "witting":
            open_ledger(folder).size()
        else:
            new_consentml(folder)
        words = [sys.executable, "-c", LOOP.format(setup=WRITER[tool]), made, made, str(times)]
        children = [
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(processes)
        ]
        for child in children:
            assert child.stdout is not None
            if child.stdout.readline() != "ready\n":
                raise SystemExit(f"a writer of {tool} did not start")
        began = time.perf_counter()
        for child in children:
            assert child.stdin is not None
            child.stdin.write("\n")
            child.stdin.flush()
        claimed = 0
        for (
            child
        ) in children:  # until the last has said how many; how long interpreters take to end is not measured
            assert child.stdout is not None
            claimed += int(child.stdout.readline())
        wall = time.perf_counter() - began
        for child in children:
            child.communicate()
        if tool == "witting":
            ledger = open_ledger(folder)
            ledger.checkpoint(now=NOW)
            there, sound = ledger.size(), not found_by_witting(folder / "witting.db", None)
        else:
            with closing(sqlite3.connect(folder / "c.db")) as database:
                (there,) = database.execute("SELECT count(*) FROM audit_log").fetchone()
            there, sound = there - RUNS, not found_by_consentml(folder / "c.db", None)
    asked = processes * times
    return {
        "asked": asked,
        "claimed": claimed,
        "there": there,
        "verifies": sound,
        "per_s": round(there / wall),
    }


# -- ten edits --------------------------------------------------------------------------------------------------------

PEOPLE = [f"person-{number}" for number in range(8)]
RUNS = 2
EDITS = (
    "payload", "cut tail", "swapped person", "two people swapped between runs", "deleted lineage row",
    "rewritten provenance", "rolled-back file", "reordered entries", "changed time", "forged head",
)  # fmt: skip


def new_consentml(folder: Path) -> Path:
    from consentml.hashing import hash_subject_id
    from consentml.store import open_store

    store = open_store(db_path=folder / "c.db")
    for run in range(RUNS):
        store.record_training_run(
            model_name=f"model-{run}",
            model_hash="ab" * 32,
            provenance={"kind": "table", "label": f"customers-{run}"},
            subject_ids_hashed=True,
            subject_id_values=[hash_subject_id(name) for name in PEOPLE[4 * run : 4 * run + 4]],
            started_at=NOW.isoformat(),
            finished_at=NOW.isoformat(),
        )
    store.close()
    return folder / "c.db"


def new_witting(folder: Path) -> Path:
    ledger = open_ledger(folder)
    for run in range(RUNS):
        body = {
            "run": f"model-{run}",
            "provenance": f"customers-{run}",
            "subjects": PEOPLE[4 * run : 4 * run + 4],
        }
        ledger.append("run.trained", body, now=NOW)
    return folder / "witting.db"


def found_by_consentml(path: Path, head: str | None) -> bool:
    from consentml import verify_audit_log

    return not verify_audit_log(db_path=path, expected_head=head).ok


def found_by_witting(path: Path, kept: str | None) -> bool:
    spec = importlib.util.spec_from_file_location("witting_verify", VERIFIER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["witting_verify"] = module
    spec.loader.exec_module(module)
    key = str(open_ledger(path.parent).verifier_key)
    return not all(check.ok for check in module.verify(path, expected=key, kept=kept))


def edit_consentml(database: sqlite3.Connection, edit: str) -> None:
    from consentml.store import GENESIS_HASH, compute_entry_hash

    last = database.execute("SELECT max(id) FROM audit_log").fetchone()[0]
    match edit:
        case "payload":
            database.execute(
                "UPDATE audit_log SET payload = replace(payload, 'model-0', 'model-9') WHERE id = 1"
            )
        case "cut tail":
            database.execute("DELETE FROM audit_log WHERE id = ?", (last,))
        case "swapped person":
            database.execute("UPDATE subjects SET subject_key = hex(randomblob(32)) WHERE subject_pk = 1")
        case "two people swapped between runs":
            database.execute(
                "UPDATE subject_index SET subject_pk = 6 - subject_pk WHERE subject_pk IN (1, 5)"
            )
        case "deleted lineage row":
            database.execute("DELETE FROM subject_index WHERE subject_pk = 1")
        case "rewritten provenance":
            database.execute(
                "UPDATE training_runs SET provenance = replace(provenance, 'customers-0', 'public')"
            )
        case "reordered entries":
            for old, new in ((last, 999), (last - 1, last), (999, last - 1)):
                database.execute("UPDATE audit_log SET id = ? WHERE id = ?", (new, old))
        case "changed time":
            database.execute(
                "UPDATE audit_log SET timestamp = replace(timestamp, '20', '19') WHERE id = ?", (last,)
            )
    if (
        edit == "forged head"
    ):  # another person's withdrawal, and everything after it hashed anew: the chain has no key
        rows = database.execute(
            "SELECT id, timestamp, event_type, payload FROM audit_log ORDER BY id"
        ).fetchall()
        previous = GENESIS_HASH
        for number, at, kind, payload in rows:
            text = re.sub(r'("subject_key": ")[0-9a-f]{64}', r"\g<1>" + "9" * 64, payload)
            hashed = compute_entry_hash(previous, at, kind, text)
            database.execute(
                "UPDATE audit_log SET payload = ?, prev_hash = ?, entry_hash = ? WHERE id = ?",
                (text, previous, hashed, number),
            )
            previous = hashed


def edit_witting(database: sqlite3.Connection, edit: str) -> None:
    """Triggers dropped, and every leaf hash made to fit its entry; for a forged head the whole tree and the signed root too."""
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    query = 'SELECT "index", kind, at, body FROM ledger_entries ORDER BY "index"'
    rows = [list(row) for row in database.execute(query)]
    swaps = {
        "payload": [(0, b"model-0", b"model-9")],
        "forged head": [(-1, b"person-2", b"person-7")],
        "swapped person": [(0, b"person-0", b"person-9")],
        "two people swapped between runs": [(0, b"person-0", b"person-4"), (1, b"person-4", b"person-0")],
        "deleted lineage row": [(0, b'"person-0",', b"")],
        "rewritten provenance": [(0, b"customers-0", b"public")],
        "changed time": [(-1, b"2026-11", b"2025-11")],
    }
    for index, old, new in swaps.get(edit, []):
        rows[index][3] = rows[index][3].replace(old, new)
    if edit == "changed time":
        rows[-1][2] = rows[-1][2].replace("2026-11", "2025-11")
    if edit == "cut tail":
        rows.pop()
    if edit == "reordered entries":
        first, second = rows[-2][1:], rows[-1][1:]
        numbers = [f'"index":{row[0]},'.encode() for row in rows[-2:]]
        rows[-2][1:], rows[-1][1:] = second, first
        rows[-2][3] = rows[-2][3].replace(numbers[1], numbers[0])
        rows[-1][3] = rows[-1][3].replace(numbers[0], numbers[1])
    leaves = [merkle.leaf_hash(row[3]) for row in rows]
    database.execute("DELETE FROM ledger_entries")
    database.executemany(
        "INSERT INTO ledger_entries VALUES (?, ?, ?, ?, ?)",
        [(*row, leaf) for row, leaf in zip(rows, leaves, strict=True)],
    )
    if edit == "forged head":
        frontier, nodes = merkle.Frontier().extend(leaves)
        database.execute("DELETE FROM ledger_nodes")
        database.executemany(
            "INSERT INTO ledger_nodes VALUES (?, ?, ?)", [(*node, hashed) for node, hashed in nodes.items()]
        )
        database.execute("UPDATE ledger_checkpoints SET root = ?", (frontier.root(),))


def tried(tool: str, edit: str | None) -> dict[str, bool]:
    """Two runs, three withdrawals, something kept outside, the edit, and what the verifier says with and without."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        path = new_witting(folder) if tool == "witting" else new_consentml(folder)
        older = folder / "older"
        for number in range(3):
            if number == 2:
                shutil.copy(path, older)
            if tool == "witting":
                open_ledger(folder).append("rights.withdrawal", {"subject": PEOPLE[number]}, now=NOW)
            else:
                import consentml

                consentml.revoke(subject_id=PEOPLE[number], db_path=path)
        if tool == "witting":
            kept = open_ledger(folder).checkpoint(now=NOW)
        else:
            from consentml import verify_audit_log

            kept = verify_audit_log(db_path=path).head_hash
        if edit == "rolled-back file":
            shutil.copy(older, path)
        elif edit is not None:
            with closing(sqlite3.connect(path)) as database, database:
                (edit_witting if tool == "witting" else edit_consentml)(database, edit)
        found = found_by_witting if tool == "witting" else found_by_consentml
        return {"alone": found(path, None), "with_kept": found(path, kept)}


def edits(tool: str) -> dict[str, Any]:
    if any(tried(tool, None).values()):
        raise SystemExit(f"{tool} finds something where nothing was edited")
    outcome = {edit: tried(tool, edit) for edit in EDITS}
    missed = {how: [edit for edit in EDITS if not outcome[edit][how]] for how in ("alone", "with_kept")}
    return {
        how: {"found": len(EDITS) - len(missed[how]), "of": len(EDITS), "missed": missed[how]}
        for how in missed
    }


def imports() -> dict[str, Any]:
    """Three of eight people revoked; the run knows all eight by name, as who comes from consentml does."""
    import consentml

    from witting.doors.cli import main as command

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        store = new_consentml(folder)
        for name in PEOPLE[:3]:
            consentml.revoke(subject_id=name, db_path=store)
        (folder / "ids.txt").write_text("\n".join(PEOPLE) + "\n", "utf-8")
        words = ["rights", "import", str(store), "--source", "whatsapp", "--ids", str(folder / "ids.txt")]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            command(["init", str(folder / "house"), "--quiet"])
            code = command([*words, "--workspace", str(folder / "house"), "--json"])
        said = json.loads(printed.getvalue().splitlines()[-1])
    shown = ("chain", "entries", "revocations", "unmatched", "lineage_rows", "subjects")
    return {"exit": code, **{name: said[name] for name in shown}, "recorded": said["recorded"]["recorded"]}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the large log is kept between runs")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--writers", type=int, default=50)
    parser.add_argument("--parts", nargs="*", default=["edits", "imports", "writers", "appends", "proofs"])
    asked = parser.parse_args()
    tools = ["witting"] + (["consentml"] if importlib.util.find_spec("consentml") else [])
    if "edits" in asked.parts:
        print(json.dumps({"edits": {tool: edits(tool) for tool in tools}}), flush=True)
    if "imports" in asked.parts and "consentml" in tools:
        print(json.dumps({"imports": imports()}), flush=True)
    if "writers" in asked.parts:
        said: dict[str, Any] = {tool: writers(tool, asked.writers, 20) for tool in tools}
        if len(tools) == 2:
            said["ratio_per_s"] = round(said["witting"]["per_s"] / max(1, said["consentml"]["per_s"]), 2)
        print(json.dumps({"writers": said}), flush=True)
    if "appends" in asked.parts:
        print(json.dumps({"appends": appends(asked.seconds)}), flush=True)
    if "proofs" in asked.parts:
        with tempfile.TemporaryDirectory() as made:
            folder = asked.folder or Path(made)
            folder.mkdir(parents=True, exist_ok=True)
            print(json.dumps({"proofs": proofs(asked.entries, folder)}), flush=True)


if __name__ == "__main__":
    main()
