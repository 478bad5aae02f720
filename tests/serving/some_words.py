"""A sentence of a person's, rows that hold it, and the index made of them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from witting.schema import EXAMPLE
from witting.serving.index import GuardIndex, build_index, hash_words, normalise

KEY = b"guard-test-key-0123456789abcdefg"
WORDS = 4
SAID = "my grandmother hid the silver spoons under the third step"


def row(text: str, person: int, *, shard: int = 0, **changes: Any) -> dict[str, Any]:
    message = {"role": "user", "content": text, "learn": True}
    made = {
        "example_id": f"{person}-{text[:9]}",
        "kind": "text",
        "subject_id": f"{person:032x}",
        "messages": [message],
    }
    return dict.fromkeys(EXAMPLE.names) | made | {"shard": shard, "canary": False, "split": "train"} | changes


def table(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=EXAMPLE)


def build(*tables: pa.Table, people_min: int = 3, words: int = WORDS, key: bytes = KEY) -> GuardIndex:
    return build_index({0: tables}, key=key, words=words, people_min=people_min)[0]


def runs(text: str, *, words: int = WORDS, key: bytes = KEY) -> list[int]:
    told = normalise(text)
    return [hash_words(told[i : i + words], key=key) for i in range(len(told) - words + 1)]
