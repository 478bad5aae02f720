"""How fast, and in how much memory, is one large file read? python bench/intake_large.py [--megabytes 1000] [--shape chatgpt]

Writes an invented `conversations.json` on a single line, as ChatGPT and as Claude export it, streamed to a temporary
folder, and reads it through `admit` in a process of its own: the hash of the file, its records, all the laws of the tree.
Prints MB a second of processor time (the mark) and by the clock, and peak memory above a bare interpreter. The start of
Python and its imports are in it, half a second or more, so read 1 GB. Beside it: what splitting alone costs, and msgspec
decoding each record and keeping nothing.

The invented messages are as long as people's are (prompts of a line, answers of a few paragraphs), with the fields that
stand around them in real exports; one prompt in ten was regenerated, one text in eight is not ASCII. Not measured here:
sealing (`intake_throughput.py`).
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
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

PEAK_MIB_MAX = 200.0  # above a bare interpreter
MB_S_MIN = 60.0
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
ELSEWHERE = ["árbol", "río", "café", "naïve", "Straße", "öffnen", "どうも", "花", "чай", "хлеб", "पानी", "🌳"]
PASSAGES = 4_000  # texts are drawn from a pool: making each anew would take longer than reading it

ADMIT = """
import sys
from pathlib import Path
import gc
from witting.intake import FileVerdict, admit
from witting.intake.apart import GARBAGE_THRESHOLDS
gc.set_threshold(*GARBAGE_THRESHOLDS)  # as the process that reads large files does
turns = 0
for record in admit([Path(sys.argv[1])], text_chars_max=1_000_000):
    if isinstance(record, FileVerdict):
        assert record.records == record.turns + sum(record.skipped.values()), record
        turns += record.turns
print(turns)
"""
SPLIT = """
import sys
from pathlib import Path
from witting.intake.json_stream import split
from witting.intake.source import Member
path = Path(sys.argv[1])
print(sum(1 for _ in split(Member(path.name, path.stat().st_size, lambda: path.open("rb")))))
"""
DECODE = """
import sys
from pathlib import Path
from witting.intake.json_stream import parse, split
from witting.intake.source import Member
path = Path(sys.argv[1])
member = Member(path.name, path.stat().st_size, lambda: path.open("rb"))
print(sum(1 for piece in split(member) if parse(piece)))
"""
BARE = "print(0)"


class Invented:
    """Conversations without end, the same ones every time."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = random.Random(seed)
        self._prompts = [self._text(5, 60) for _ in range(PASSAGES)]
        self._answers = ["\n\n".join(self._text(20, 120) for _ in range(1 + n % 7)) for n in range(PASSAGES)]

    def _text(self, least: int, most: int) -> str:
        words = self._rng.choices(WORDS, k=self._rng.randrange(least, most))
        if self._rng.random() < 1 / 8:
            words[::4] = self._rng.choices(ELSEWHERE, k=len(words[::4]))
        return " ".join(words)

    def _id(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))

    def chatgpt(self) -> Iterator[dict[str, Any]]:
        """Conversations as `conversations.json` of a ChatGPT export has them."""
        at = 1_700_000_000.0
        while True:
            root, key = self._id(), self._id()
            mapping: dict[str, Any] = {root: {"id": root, "message": None, "parent": None, "children": []}}
            above = root
            for _ in range(self._rng.randrange(1, 12)):
                at += 61.25
                prompt = self._hang(mapping, above, "user", self._rng.choice(self._prompts), at)
                for _ in range(2 if self._rng.random() < 0.1 else 1):
                    above = self._hang(mapping, prompt, "assistant", self._rng.choice(self._answers), at + 9)
            yield {
                "title": "Invented", "create_time": at, "update_time": at, "mapping": mapping, "moderation_results": [],
                "current_node": above, "plugin_ids": None, "conversation_id": key, "conversation_template_id": None,
                "gizmo_id": None, "is_archived": False, "safe_urls": [], "default_model_slug": "m-1", "id": key,
            }  # fmt: skip

    def _hang(self, mapping: dict[str, Any], above: str, role: str, text: str, at: float) -> str:
        turn = self._id()
        mapping[above]["children"].append(turn)
        more = (
            {
                "finish_details": {"type": "stop", "stop_tokens": [100260]},
                "model_slug": "m-1",
                "citations": [],
            }
            if role == "assistant"
            else {}
        )
        mapping[turn] = {
            "id": turn,
            "message": {
                "id": turn, "author": {"role": role, "name": None, "metadata": {}}, "create_time": at,
                "update_time": None, "content": {"content_type": "text", "parts": [text]},
                "status": "finished_successfully", "end_turn": True if role == "assistant" else None, "weight": 1.0,
                "metadata": {"request_id": "r-1", "timestamp_": "absolute", "message_type": None, **more},
                "recipient": "all", "channel": None,
            },
            "parent": above,
            "children": [],
        }  # fmt: skip
        return turn

    def claude(self) -> Iterator[dict[str, Any]]:
        """Conversations as `conversations.json` of a Claude export has them."""
        account = self._id()
        while True:
            messages, above = [], "00000000-0000-4000-8000-000000000000"
            for number in range(2 * self._rng.randrange(1, 12)):
                turn, sender = self._id(), ("human", "assistant")[number % 2]
                text = self._rng.choice((self._prompts, self._answers)[number % 2])
                when = f"2026-0{1 + number % 9}-11T09:{number % 60:02}:10.123456Z"
                block = {
                    "start_timestamp": when, "stop_timestamp": when, "flags": None, "type": "text", "text": text,
                    "citations": [],
                }  # fmt: skip
                messages.append(
                    {
                        "uuid": turn,
                        "text": text,
                        "content": [block],
                        "sender": sender,
                        "created_at": when,
                        "updated_at": when,
                        "attachments": [],
                        "files": [],
                        "parent_message_uuid": above,
                    }
                )
                above = turn
            yield {
                "uuid": self._id(), "name": "Invented", "summary": "", "created_at": "2026-01-11T09:00:00Z",
                "updated_at": "2026-01-11T09:00:00Z", "account": {"uuid": account}, "chat_messages": messages,
            }  # fmt: skip


SHAPES: dict[str, tuple[Callable[[Invented], Iterator[dict[str, Any]]], bool]] = {
    "chatgpt": (Invented.chatgpt, True),  # its exports escape what is not ASCII
    "claude": (Invented.claude, False),
}


def write_export(path: Path, shape: str, size_bytes: int) -> None:
    """One line: an array of conversations, of at least so many bytes."""
    make, is_ascii = SHAPES[shape]
    dumps = json.JSONEncoder(ensure_ascii=is_ascii).encode
    written, before = 1, "["
    with path.open("w", encoding="utf-8") as file:
        for conversation in make(Invented()):
            written += file.write(before + dumps(conversation))
            before = ", "
            if written >= size_bytes:
                break
        file.write("]")


def measured(script: str, path: Path) -> dict[str, float]:
    """Processor and wall seconds and peak memory of a process of its own, and what it counted."""
    wrapped = f"{script}\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", wrapped, str(path)], check=True, capture_output=True, text=True
    )
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - begun
    count, peak = map(int, done.stdout.split())
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"count": count, "s": seconds, "wall_s": wall, "peak_mib": peak / 1024}


def main() -> None:
    """Writes and measures each shape; exits 1 where a mark is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=1_000)
    parser.add_argument("--shape", choices=sorted(SHAPES), action="append")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    asked = parser.parse_args()
    missed = False
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "conversations.json"
        bare = measured(BARE, path)["peak_mib"]
        print(
            f"{'':<28}{'MB':>7}{'count':>11}{'processor s':>13}{'MB/s':>8}{'wall s':>9}{'MB/s':>8}{'MiB above bare':>16}"
        )
        for shape in asked.shape or sorted(SHAPES):
            write_export(path, shape, asked.megabytes * 1_000_000)
            size_mb = path.stat().st_size / 1e6
            for name, script in (
                ("splitting", SPLIT),
                ("splitting, msgspec", DECODE),
                ("witting, read", ADMIT),
            ):
                run = measured(script, path)
                above, rate = run["peak_mib"] - bare, size_mb / run["s"]
                print(
                    f"{shape + ': ' + name:<28}{size_mb:>7,.0f}{run['count']:>11,.0f}{run['s']:>13.1f}{rate:>8.1f}"
                    f"{run['wall_s']:>9.1f}{size_mb / run['wall_s']:>8.1f}{above:>16.0f}"
                )
            missed |= above > PEAK_MIB_MAX or rate < MB_S_MIN
    sys.exit(f"missed: at least {MB_S_MIN:.0f} MB/s and at most {PEAK_MIB_MAX:.0f} MiB" if missed else 0)


if __name__ == "__main__":
    main()
