"""How fast each step of curation is, on invented turns: turns a processor second, one process.

    python bench/curation.py [--turns 200000]

The turns are talks of ten turns by invented people, a sixth of them with feedback in words, a tenth with a thumb. No peer: the
ratio is to DuckDB counting the characters of the same words, the least that anybody can do with them.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from witting.config import Curation
from witting.curation import (
    Guards,
    caps,
    curate_shard,
    elect,
    fingerprint_rows,
    implied_signals,
    label_counts,
    languages,
)
from witting.schema import REDACTED, SIGNAL, empty

KEY = b"curation-bench-key-0123456789abc"
TALK_TURNS, TURNS_A_PERSON = 10, 70
DAY = datetime(2026, 3, 1, tzinfo=UTC)
VOCABULARY = 5_000
LETTERS = random.Random(1)
WORDS = ["".join(LETTERS.choices("aeiounrstldm", k=LETTERS.randint(2, 9))) for _ in range(VOCABULARY)]
WEIGHTS = [1 / (rank + 3) for rank in range(VOCABULARY)]  # as often as words of a language are, by rank
FEEDBACK = ("No, that is wrong. ", "Thank you, that helps! ", "Nein, das stimmt nicht. ", "Merci beaucoup ! ")
T = TypeVar("T")


def turns_of(count: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    for number in range(count):
        talk, at = divmod(number, TALK_TURNS)
        person = f"p{number // TURNS_A_PERSON:06}"
        answers = at % 2 == 1
        opening = rng.choice(FEEDBACK) if at and not answers and rng.random() < 1 / 6 else ""
        yield {
            "row_id": f"r{number:09}", "conversation_id": f"c{talk}", "parent_id": f"r{number - 1:09}" if at else None,
            "position": number, "subject_id": person, "speaker_id": "assistant" if answers else person,
            "role": "assistant" if answers else "user", "occurred_at": DAY + timedelta(seconds=number),
            "surface": "chatgpt", "audience": "assistant", "place": "FR", "on_active_path": True,
            "text": opening + " ".join(rng.choices(WORDS, WEIGHTS, k=rng.randint(8, 90))), "kinds": [], "verdict": "keep",
            "reason": "", "shard": 0,
        }  # fmt: skip


def thumbs_of(turns: list[dict[str, Any]], rng: random.Random) -> Iterator[dict[str, Any]]:
    for turn in turns:
        if turn["role"] == "assistant" and rng.random() < 0.1:
            yield {
                "signal_id": f"g{turn['row_id']}", "row_id": turn["row_id"], "conversation_id": turn["conversation_id"],
                "subject_id": turn["subject_id"], "kind": "thumb", "value": rng.choice(["1", "-1"]),
                "rule": "recorded/1", "confidence": 1.0, "occurred_at": turn["occurred_at"], "shard": 0,
            }  # fmt: skip


def timed(name: str, rows: int, step: Callable[[], T], times: dict[str, float]) -> T:
    begun = time.process_time()
    found = step()
    times[name] = time.process_time() - begun
    print(f"{name:<18} {times[name]:7.1f} s  {rows / times[name]:>10,.0f} turns/s", flush=True)
    return found


def count_characters(redacted: pa.Table) -> object:
    with duckdb.connect() as database:
        return (
            database.register("redacted", redacted).sql("select sum(length(text)) from redacted").fetchall()
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=200_000)
    count = parser.parse_args().turns
    rng, settings = random.Random(7), Curation()
    rows = list(turns_of(count, rng))
    recorded = pa.Table.from_pylist(list(thumbs_of(rows, rng)), SIGNAL)
    redacted = pa.Table.from_pylist(rows, REDACTED)
    del rows
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"{count:,} turns, {redacted.nbytes / 1e6:.0f} MB, {recorded.num_rows:,} recorded signals")
    times: dict[str, float] = {}
    none = empty(REDACTED)
    found = timed("languages", count, lambda: languages(redacted, settings=settings), times)
    implied = timed("implied signals", count, lambda: implied_signals(redacted, key=KEY), times)
    said = pa.concat_tables([recorded, implied])
    prints = timed(
        "fingerprints", count, lambda: fingerprint_rows(redacted, said, settings=settings, key=KEY), times
    )
    clusters = timed("election", count, lambda: elect(prints), times)
    counts = timed(
        "label counts",
        count,
        lambda: label_counts(redacted, said, none, guards=Guards(), settings=settings),
        times,
    )
    guards = Guards(per_subject_max=caps(counts, settings=settings))
    curated = timed(
        "curate_shard", count,
        lambda: curate_shard(
            redacted, said, found, clusters, corrections=none, guards=guards, settings=settings, key=KEY
        ), times,
    )  # fmt: skip
    least: dict[str, float] = {}
    timed(
        "duckdb, characters",
        count,
        lambda: count_characters(redacted),
        least,
    )
    whole = sum(times.values())
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ratio = whole / sum(least.values())
    print(f"all steps {whole:.1f} s, {count / whole:,.0f} turns/s, ratio to DuckDB {ratio:,.0f}")
    print(
        f"{implied.num_rows:,} implied signals, {curated.examples.num_rows:,} examples, {dict(curated.labels) != {}}"
    )
    print(f"peak {after / 1024:,.0f} MiB, of which {before / 1024:,.0f} MiB before")


if __name__ == "__main__":
    main()
