"""Exact duplicates: the same words to learn from, said or answered twice.

Covers: a keyed fingerprint of normalised text, the election of one survivor a cluster by a total order, the number of
distinct people in each cluster. What counts as the same: equal after NFKC, case folding, collapsed space, and with
every placeholder read as its kind (`<PHONE_3>` and `<PHONE_8>` are both a phone number).
Not covered: near duplicates.

The survivor is the earliest, then the smallest row id. The order needs nothing but the rows themselves, so an
election among the rows that remain after an erasure gives what it would have given without the erased person; until
then the membership table (CLUSTER) says who follows. Keeping "any" duplicate instead gave different survivors on
every engine (measured, see docs/curation.md).
"""

from __future__ import annotations

import re
import unicodedata

import polars as pl
import pyarrow as pa

from witting.curation.keyed import keyed_id
from witting.curation.language import PLACEHOLDER
from witting.engine.stage import Key, Stage, Transform
from witting.schema import TIMESTAMP, conform

_PLACEHOLDER = re.compile(PLACEHOLDER)
_NUMBER = re.compile(r"_[0-9]+>$")
PAIR_SEPARATOR = " \0 "  # between prompt and answer; not a space, so normalisation leaves it

# What is compared: a row to learn from and the keyed hash of its words (an answer's with its prompt).
FINGERPRINT = pa.schema(
    [
        ("row_id", pa.string()),
        ("text_key", pa.string()),  # 32 hex, keyed BLAKE2b: equal exactly for equal normalised text
        ("subject_id", pa.string()),
        ("occurred_at", TIMESTAMP),
    ]
)

# Membership: which cluster a row is in, and who stands for it.
CLUSTER = pa.schema(
    [
        ("row_id", pa.string()),
        ("text_key", pa.string()),
        ("subject_id", pa.string()),
        ("occurred_at", TIMESTAMP),
        ("survivor", pa.string()),  # row_id; the row itself where it survives
        ("subjects", pa.int32()),  # distinct people in the cluster
    ]
)


def stage() -> Stage:
    """FINGERPRINT → CLUSTER, every row once. All rows of a text key must be seen together: this is the one step of
    curation that looks across people, and it sees keyed hashes only."""
    return Stage(
        name="duplicates",
        version=1,
        reads=FINGERPRINT,
        writes=CLUSTER,
        scope=Key("text_key"),
        open=open_election,
    )


def open_election() -> Transform:
    return elect


def elect(fingerprints: pa.Table) -> pa.Table:
    """The membership table. Total order: occurred_at (unknown last), then row_id."""
    rows = pl.DataFrame(fingerprints).sort("text_key", "occurred_at", "row_id", nulls_last=True)
    clusters = rows.with_columns(
        pl.col("row_id").first().over("text_key").alias("survivor"),
        pl.col("subject_id").n_unique().over("text_key").cast(pl.Int32).alias("subjects"),
    )
    return conform(clusters.to_arrow(), CLUSTER)


def text_keys(texts: list[str], *, key: bytes) -> list[str]:
    """32 hex characters each. A pair is prompt and answer in one string, joined by PAIR_SEPARATOR."""
    return [keyed_id(normalise(text), key=key, use=b"text") for text in texts]


def normalise(text: str) -> str:
    """What is compared; applying it twice changes nothing."""
    kinds = _PLACEHOLDER.sub(lambda found: _NUMBER.sub(">", found[0]), text) if "<" in text else text
    if kinds.isascii():
        return " ".join(kinds.lower().split())
    folded = unicodedata.normalize("NFKC", kinds)
    for _ in range(2):  # folding can undo normalisation and the other way round (Unicode 3.13, D146)
        folded = unicodedata.normalize("NFKC", folded.casefold())
    return " ".join(folded.split())
