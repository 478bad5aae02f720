"""How do WhatsApp readers do on the same files? python bench/whatsapp_peers.py [--peers VENV] [--node DIR] [--messages 100000]

In one run: Witting, whatstk 0.9.1, chat-miner 0.6.0 and, where node is installed, whatsapp-chat-parser 4.0.2, each in a
process of its own, over the 15 invented files of interactions-dev and the generated locales of the tests; then one large
invented file, in turns. Peers go into a throwaway environment that this makes, or lie in the ones named.

A file's times are right if every message of a person is there at its minute, found by its words without white space, marks
and case of form (so a rewritten body costs a reader nothing here); its bodies, if every one is there to the
byte, line ends after it aside. Files that
must be refused count as refused where the reader says so with an error, as silent where it gives messages or nothing at all.
Seconds count reading alone, without start and imports; ours hash the file, count every record and keep its place as well.
The truth of `ios_ar_digits` counts days on while each line of that file says the 14th: the bytes hold.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from intake.whatsapp_locales import LOCALES

SUITE = (
    Path(__file__).resolve().parents[2] / "shared" / "data" / "interactions-dev" / "whatsapp-invented-locales"
)
PINS = ("whatstk==0.9.1", "chat-miner==0.6.0")
NODE_PIN = "whatsapp-chat-parser@4.0.2"
SECONDS_MAX = 900
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
    "müde",
    "café",
    "😀",
]

LOOP = """
import json, sys, time
def told(path):
{body}
for path in sys.argv[2:]:
    began = time.perf_counter()
    try:
        found, error = told(path), None
    except Exception as problem:
        found, error = [], type(problem).__name__
    seconds = time.perf_counter() - began
    with open(sys.argv[1], "a") as out:
        out.write(json.dumps({{"path": path, "found": found, "error": error, "seconds": seconds}}) + "\\n")
"""
OURS = """
    *records, verdict = admit([Path(path)], text_chars_max=100_000)
    if verdict.reason:
        raise ValueError(verdict.reason)
    return [(turn.time[:16], turn.text) for turn in records if isinstance(turn, Turn)]
"""
WHATSTK = """
    table = WhatsAppChat.from_source(path).df
    return [(str(date)[:16].replace(" ", "T"), text) for date, text in zip(table["date"], table["message"])]
"""
CHAT_MINER = """
    parser = WhatsAppParser(path)
    parser.parse_file()
    rows = parser.parsed_messages.get_df().rows(named=True)
    return [(row["timestamp"].isoformat()[:16], row["message"]) for row in rows]
"""
NODE = """
import fs from 'node:fs';
import { createRequire } from 'node:module';
const { parseString } = createRequire(process.argv[2] + '/')('whatsapp-chat-parser');
for (const path of process.argv.slice(4)) {
  const began = performance.now();
  let found = [], error = null;
  try {
    found = parseString(fs.readFileSync(path, 'utf8')).map(m => [m.date.toISOString().slice(0, 16), m.message]);
  } catch (problem) { error = problem.name; }
  const seconds = (performance.now() - began) / 1000;
  fs.appendFileSync(process.argv[3], JSON.stringify({ path, found, error, seconds }) + '\\n');
}
"""


@dataclass(frozen=True)
class Case:
    """One file and what it says: minute and body of each message of a person; None where it must be refused."""

    path: Path
    truth: list[tuple[str, str]] | None


def dev_cases() -> Iterator[Case]:
    for name, events in json.loads((SUITE / "truth.json").read_text("utf-8")).items():
        if not (SUITE / f"{name}.txt").is_file():
            continue  # what the file says of itself
        said = [(e["local_time_minute"], e["body"]) for e in events if e["kind"] == "text"]
        if name == "ios_ar_digits":
            said = [(f"2024-03-14{minute[10:]}", body) for minute, body in said]
        yield Case(SUITE / f"{name}.txt", said)


def generated_cases(folder: Path) -> Iterator[Case]:
    for locale in LOCALES:
        path = folder / f"{locale.name}.txt"
        path.write_bytes(locale.text().encode())
        said = [(time[:16], body) for time, _, body in locale.truth() if body is not None]
        yield Case(path, None if locale.refused else said)


def write_large(path: Path, messages: int) -> None:
    """An invented chat of two in British English: every 25th a file left out, every 12th of two lines."""
    rng, at = random.Random(5), datetime(2021, 1, 13)  # no month 13: any length has its order
    with path.open("w", encoding="utf-8") as chat:
        for number in range(messages):
            at += timedelta(seconds=rng.randrange(1, 400))
            body = " ".join(rng.choices(WORDS, k=rng.randrange(2, 22)))
            body = "<Media omitted>" if number % 25 == 0 else f"{body}\n{body}" if number % 12 == 0 else body
            chat.write(f"{at:%d/%m/%Y, %H:%M} - {rng.choice(('Ann', 'Bo Demo'))}: {body}\n")


def plain(body: str) -> str:
    kept = unicodedata.normalize("NFKC", body)
    return "".join(c for c in kept if not c.isspace() and unicodedata.category(c) != "Cf").replace("⁄", "/")


def commands(options: argparse.Namespace, folder: Path) -> dict[str, list[str]]:
    """What runs each reader; its arguments are the file to write and the files to read."""
    peers, node = options.peers, options.node
    if peers is None:
        peers = folder / "venv"
        venv.create(peers, with_pip=True)
        subprocess.run([str(peers / "bin" / "pip"), "install", "--quiet", *PINS], check=True)
    has_node = shutil.which("node") is not None and (node is not None or shutil.which("npm") is not None)
    if has_node and node is None:
        node = folder / "node"
        node.mkdir()
        subprocess.run(["npm", "install", "--silent", NODE_PIN], check=True, cwd=node)
    ours = f"from pathlib import Path\nfrom witting.intake import Turn, admit\n{LOOP.format(body=OURS)}"
    python = str(peers / "bin" / "python")
    found = {
        "witting": [sys.executable, "-c", ours],
        "whatstk": [python, "-c", f"from whatstk import WhatsAppChat\n{LOOP.format(body=WHATSTK)}"],
        "chat-miner": [
            python,
            "-c",
            f"from chatminer.chatparsers import WhatsAppParser\n{LOOP.format(body=CHAT_MINER)}",
        ],
    }
    if has_node:
        script = folder / "peer.mjs"
        script.write_text(NODE, "utf-8")
        found["whatsapp-chat-parser"] = ["node", str(script), str(node)]
    return found


def run(command: list[str], paths: list[Path], folder: Path) -> dict[str, dict[str, Any]]:  # Any: JSON
    """What a reader found in each file. One that ends early failed on the rest."""
    out = folder / "out.jsonl"
    out.unlink(missing_ok=True)
    out.touch()
    subprocess.run(
        [*command, str(out), *map(str, paths)],
        check=False, capture_output=True, timeout=SECONDS_MAX, env={"TZ": "UTC", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    )  # fmt: skip
    told = {one["path"]: one for one in map(json.loads, out.read_text("utf-8").splitlines())}
    lost = {"found": [], "error": "ended", "seconds": 0.0}
    return {str(path): told.get(str(path), lost) for path in paths}


def judged(cases: list[Case], told: dict[str, dict[str, Any]]) -> dict[str, int]:  # Any: JSON
    count = dict.fromkeys(("times", "bodies", "errors", "readable", "refused", "to_refuse"), 0)
    for case in cases:
        one = told[str(case.path)]
        if case.truth is None:
            count["to_refuse"] += 1
            count["refused"] += one["error"] is not None
            continue
        found = [(minute, body) for minute, body in one["found"] if body is not None]
        said, exact = (
            {(minute, plain(body)) for minute, body in found},
            {body.rstrip("\r\n") for _, body in found},
        )
        count["readable"] += 1
        count["errors"] += one["error"] is not None
        count["times"] += all((minute, plain(body)) in said for minute, body in case.truth)
        count["bodies"] += all(body in exact for _, body in case.truth)
    return count


def main() -> None:
    """Runs every reader over every file and prints two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, help="an environment that has whatstk and chat-miner")
    parser.add_argument("--node", type=Path, help="a folder whose node_modules has whatsapp-chat-parser")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        readers, dev = commands(options, folder), list(dev_cases())
        generated, large = list(generated_cases(folder)), folder / "large.txt"
        write_large(large, options.messages)
        print(
            f"{'':<22}{'dev times':>11}{'bodies':>8}{'errors':>8}{'gen. times':>13}{'bodies':>8}{'errors':>8}{'refused':>9}"
        )
        for name, command in readers.items():
            told = run(command, [case.path for case in (*dev, *generated)], folder)
            a, b = judged(dev, told), judged(generated, told)
            print(
                f"{name:<22}{a['times']:>8}/{a['readable']}{a['bodies']:>5}/{a['readable']}{a['errors']:>8}"
                f"{b['times']:>10}/{b['readable']}{b['bodies']:>5}/{b['readable']}{b['errors']:>8}{b['refused']:>7}/{b['to_refuse']}",
                flush=True,
            )
        best: dict[str, dict[str, Any]] = {}  # Any: JSON
        for _ in range(options.rounds):
            for name, command in readers.items():
                one = run(command, [large], folder)[str(large)]
                if name not in best or one["seconds"] < best[name]["seconds"]:
                    best[name] = one
        print(
            f"\n{options.messages:,} messages, {large.stat().st_size / 1e6:.1f} MB; best of {options.rounds} rounds in turn"
        )
        for name, one in best.items():
            ratio = one["seconds"] / best["witting"]["seconds"]
            print(
                f"{name:<22}{one['seconds']:>8.2f} s{ratio:>8.2f} of ours{len(one['found']):>9,} messages{one['error'] or '':>12}"
            )


if __name__ == "__main__":
    main()
