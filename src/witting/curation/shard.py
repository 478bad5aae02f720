"""Curation of whole people: redacted turns and feedback in, examples and one verdict a turn out.

Covers: the order of the steps, the per-person cap, the verdicts. Data flow over many shards:

    1. language          each shard alone        languages(rows)
    2. fingerprints      each shard alone        fingerprint_rows(rows, signals)
    3. duplicates        all shards, by text key dedup.elect(fingerprints)      the only look across people
    4. examples          each shard alone        curate_shard(rows, signals, languages, clusters)

Steps 1, 2, 4 hold one shard in memory, so `corpus.shards` bounds it; step 3 holds four short columns.
Not covered: running them over processes (engine), storing the membership table (walk).
Run again after a person's rows are gone, the result is what it would have been without that person: everything but
step 3 looks at one person at a time, and step 3 elects anew among the rows that remain.
Known limit: a duplicate's survivor can later fall to its person's cap; then no copy of those words is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl
import pyarrow as pa

from witting.config import Curation
from witting.curation import dedup, language
from witting.curation.examples import (
    CONTEXT_TURNS_MAX,
    OWN_WORDS_CHARS_MIN,
    RULES,
    RUN_TURNS_MAX,
    Targets,
    build,
    capped,
    compared_words,
    find_targets,
    labelled,
    own_chars,
)
from witting.curation.feedback import SIBLINGS_MAX, mark, own_signals, pairs
from witting.curation.keyed import check_key
from witting.engine.stage import Key, Stage, Transform
from witting.errors import StageError
from witting.schema import EXAMPLE, REDACTED, SIGNAL, VERDICT, conform, empty

STAGE, VERSION = "curation", 1


@dataclass(frozen=True, eq=False)
class Curated:
    """What curation says of one shard, or of a small whole."""

    examples: pa.Table  # EXAMPLE, by example_id
    verdicts: pa.Table  # VERDICT: each kept REDACTED row exactly once, by row_id
    clusters: pa.Table  # CLUSTER: every row that was compared, so that a survivor can be elected again


def languages(redacted: pa.Table, *, settings: Curation) -> pa.Table:
    """LANGUAGE for every kept row."""
    opened = language.open_language(score_min=settings.language_score_min_percent / 100)
    return opened(redacted.select(language.LANGUAGE_READS.names))


def fingerprint_rows(redacted: pa.Table, signals: pa.Table, *, settings: Curation, key: bytes) -> pa.Table:
    """FINGERPRINT of every turn that could be learned from. Whole subjects at a time."""
    targets, _ = _targets(redacted, signals, settings=settings)
    return _fingerprints(targets, key=check_key(key))


def curate_shard(
    redacted: pa.Table,
    signals: pa.Table,
    languages_found: pa.Table,
    clusters: pa.Table,
    *,
    settings: Curation,
    key: bytes,
) -> Curated:
    """One shard's examples and verdicts. `redacted`, `signals` hold whole subjects; `languages_found` (LANGUAGE) and
    `clusters` (CLUSTER) may hold more rows than these. Raises StageError where rows break their contract."""
    targets, marked = _targets(redacted, signals, settings=settings)
    membership = pl.DataFrame(clusters).join(marked.select("row_id"), on="row_id", how="semi").sort("row_id")
    lost = membership.filter(pl.col("survivor") != pl.col("row_id"))
    candidates = build(targets, lost.select("row_id"), key=check_key(key))
    chosen = capped(candidates, per_subject_max=settings.examples_per_subject_max)
    examples = labelled(
        chosen, marked, pl.DataFrame(languages_found), key=key, heldout_percent=settings.heldout_percent
    )
    return Curated(
        examples=conform(examples.to_arrow(), EXAMPLE),
        verdicts=_verdicts(marked, candidates, chosen, lost),
        clusters=conform(membership.to_arrow(), dedup.CLUSTER),
    )


def curate_table(redacted: pa.Table, signals: pa.Table, *, settings: Curation, key: bytes) -> Curated:
    """All four steps on one table in memory: for tests, notebooks and corpora of one shard."""
    clusters = dedup.elect(fingerprint_rows(redacted, signals, settings=settings, key=key))
    found = languages(redacted, settings=settings)
    return curate_shard(redacted, signals, found, clusters, settings=settings, key=key)


def fingerprint_stage(signals: pa.Table, *, settings: Curation, key: bytes) -> Stage:
    """REDACTED → FINGERPRINT with the shard's signals beside."""
    return Stage(
        name="fingerprints",
        version=1,
        reads=REDACTED,
        writes=dedup.FINGERPRINT,
        scope=Key("subject_id"),
        open=partial(_open_fingerprints, signals, settings=settings, key=key),
        settings={**meaning(settings), "beside": _beside(signals)},
    )


def examples_stage(
    signals: pa.Table, languages_found: pa.Table, clusters: pa.Table, *, settings: Curation, key: bytes
) -> Stage:
    """REDACTED → EXAMPLE with the shard's signals, languages and clusters beside. `curate_shard` gives the verdicts
    in the same pass."""
    return Stage(
        name=STAGE,
        version=VERSION,
        reads=REDACTED,
        writes=EXAMPLE,
        scope=Key("subject_id"),
        open=partial(_open_examples, signals, languages_found, clusters, settings=settings, key=key),
        settings={**meaning(settings), "beside": _beside(signals, languages_found, clusters)},
    )


def stages(settings: Curation) -> tuple[Stage, ...]:
    """Curation's stages in order, for a manifest: names, versions, fingerprints. Not for running: no side tables."""
    no_signals, unused_key = empty(SIGNAL), b""
    return (
        language.stage(settings),
        fingerprint_stage(no_signals, settings=settings, key=unused_key),
        dedup.stage(),
        examples_stage(
            no_signals, empty(language.LANGUAGE), empty(dedup.CLUSTER), settings=settings, key=unused_key
        ),
    )


def meaning(settings: Curation) -> Mapping[str, Any]:
    """Everything that decides the examples. Any: JSON values."""
    return {
        "rules": list(RULES),
        "context_turns_max": CONTEXT_TURNS_MAX,
        "run_turns_max": RUN_TURNS_MAX,
        "own_words_chars_min": OWN_WORDS_CHARS_MIN,
        "siblings_max": SIBLINGS_MAX,
        **settings.model_dump(),
    }


def _beside(*tables: pa.Table) -> str | None:
    """What side tables hold, in any order of rows; null without any: an engine that remembers finished parts by a
    stage's fingerprint must not take results made beside other tables."""
    filled = [table for table in tables if table.num_rows]
    if not filled:
        return None
    hashed = hashlib.blake2b(digest_size=16)
    for table in filled:
        ordered = table.replace_schema_metadata(None).sort_by(
            [(name, "ascending") for name in _scalars(table)]
        )
        for batch in ordered.combine_chunks().to_batches():
            hashed.update(batch.serialize())
    return hashed.hexdigest()


def _scalars(table: pa.Table) -> list[str]:
    return [field.name for field in table.schema if not pa.types.is_nested(field.type)]


def _open_fingerprints(signals: pa.Table, *, settings: Curation, key: bytes) -> Transform:
    return partial(_fingerprint_part, signals=signals, settings=settings, key=key)


def _fingerprint_part(redacted: pa.Table, *, signals: pa.Table, settings: Curation, key: bytes) -> pa.Table:
    return fingerprint_rows(redacted, signals, settings=settings, key=key)


def _open_examples(
    signals: pa.Table, languages_found: pa.Table, clusters: pa.Table, *, settings: Curation, key: bytes
) -> Transform:
    return partial(
        _examples_part,
        signals=signals,
        languages_found=languages_found,
        clusters=clusters,
        settings=settings,
        key=key,
    )


def _examples_part(
    redacted: pa.Table,
    *,
    signals: pa.Table,
    languages_found: pa.Table,
    clusters: pa.Table,
    settings: Curation,
    key: bytes,
) -> pa.Table:
    return curate_shard(redacted, signals, languages_found, clusters, settings=settings, key=key).examples


def _targets(redacted: pa.Table, signals: pa.Table, *, settings: Curation) -> tuple[Targets, pl.DataFrame]:
    kept = pl.DataFrame(redacted).filter(pl.col("verdict") == "keep").sort("row_id")
    _check(kept)
    own = own_signals(kept, pl.DataFrame(signals))
    measured = kept.with_columns(own_chars().alias("own_chars")).with_columns(
        (pl.col("own_chars") >= settings.turn_chars_min).alias("usable")
    )
    marked = mark(measured, own)
    return find_targets(marked, pairs(marked, own)), marked


def _check(kept: pl.DataFrame) -> None:
    """What intake promises and curation stands on."""
    if kept["row_id"].is_duplicated().any():
        raise StageError("curation: a row_id occurs twice among the kept rows; intake makes each once.")
    strangers = kept.filter(
        (pl.col("role") == "person") & (pl.col("speaker_id") != pl.col("subject_id"))
    ).height
    if strangers:
        raise StageError(
            f"curation: {strangers} turns between people carry another subject than their speaker."
        )


def _fingerprints(targets: Targets, *, key: bytes) -> pa.Table:
    words = compared_words(targets).sort("row_id")
    keys = dedup.text_keys(words["words"].to_list(), key=key)
    return conform(
        words.with_columns(pl.Series("text_key", keys, dtype=pl.String)).to_arrow(), dedup.FINGERPRINT
    )


def _verdicts(
    marked: pl.DataFrame, candidates: pl.DataFrame, chosen: pl.DataFrame, lost: pl.DataFrame
) -> pa.Table:
    """Keep where a turn is in an example; else the first reason that holds, in the order of `reasons.REASONS`."""
    uses = (
        chosen.select(pl.col("turns").explode().alias("row_id"))
        .group_by("row_id")
        .agg(pl.len().alias("uses"))
    )
    close = candidates.select(pl.col("turns").explode().alias("row_id"), close=True).unique("row_id")
    judged = (
        marked.join(uses, on="row_id", how="left")
        .join(close, on="row_id", how="left")
        .join(lost.select("row_id", "survivor", "subjects"), on="row_id", how="left")
        .with_columns(_reason().alias("reason"))
    )
    kept = pl.struct(pl.col("uses").alias("examples")).struct.json_encode()
    duplicate = pl.struct("survivor", "subjects").struct.json_encode()
    verdicts = judged.select(
        "row_id",
        pl.lit(STAGE).alias("stage"),
        pl.lit(VERSION, dtype=pl.Int16).alias("version"),
        pl.when(pl.col("reason") == "").then(pl.lit("keep")).otherwise(pl.lit("drop")).alias("verdict"),
        "reason",
        pl.when(pl.col("reason") == "")
        .then(kept)
        .when(pl.col("reason") == "duplicate")
        .then(duplicate)
        .otherwise(pl.lit("{}"))
        .alias("detail"),
    )
    return conform(verdicts.sort("row_id").to_arrow(), VERDICT)


def _reason() -> pl.Expr:
    answer = pl.col("role") == "assistant"
    return (
        pl.when(pl.col("uses").is_not_null())
        .then(pl.lit(""))
        .when(pl.col("close").is_not_null())
        .then(pl.lit("over_cap"))
        .when(~pl.col("usable"))
        .then(pl.lit("too_short"))
        .when(pl.col("survivor").is_not_null())
        .then(pl.lit("duplicate"))
        .when(answer & pl.col("disliked"))
        .then(pl.lit("disliked"))
        .when(answer & pl.col("corrected"))
        .then(pl.lit("corrected"))
        .when(~pl.col("on_active_path"))
        .then(pl.lit("left_branch"))
        .when(answer)
        .then(pl.lit("no_prompt"))
        .when(pl.col("role") == "person")
        .then(pl.lit("too_short"))
        .otherwise(pl.lit("no_answer"))
    )
