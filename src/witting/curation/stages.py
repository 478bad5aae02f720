"""Curation's steps as stages: what each reads, writes and means, for the engine and for a manifest.

Covers: scope, version, fingerprint; a digest of what lies beside a stage. Not covered: what the steps do (`shard.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow as pa

from witting.config import Curation
from witting.curation import dedup, language
from witting.curation.examples import CONTEXT_TURNS_MAX, OWN_WORDS_CHARS_MIN, RULES, RUN_TURNS_MAX
from witting.curation.feedback import SIBLINGS_MAX
from witting.curation.guards import Guards, trusted_rules
from witting.curation.implied import stage as implied_stage
from witting.curation.shard import curate_shard, fingerprint_rows
from witting.curation.verdicts import STAGE, VERSION
from witting.engine.stage import Key, Stage, Transform
from witting.schema import EXAMPLE, REDACTED, SIGNAL, empty


def fingerprint_stage(signals: pa.Table, *, settings: Curation, key: bytes) -> Stage:
    """REDACTED → FINGERPRINT with the shard's signals, recorded and implied, beside."""
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
    signals: pa.Table,
    languages_found: pa.Table,
    clusters: pa.Table,
    *,
    corrections: pa.Table,
    guards: Guards,
    settings: Curation,
    key: bytes,
) -> Stage:
    """REDACTED → EXAMPLE with the shard's signals, languages, clusters and corrections beside. `curate_shard` gives the verdicts
    in the same pass."""
    return Stage(
        name=STAGE,
        version=VERSION,
        reads=REDACTED,
        writes=EXAMPLE,
        scope=Key("subject_id"),
        open=partial(
            _open_examples,
            signals,
            languages_found,
            clusters,
            corrections,
            guards=guards,
            settings=settings,
            key=key,
        ),
        settings={
            **meaning(settings),
            "beside": _beside(signals, languages_found, clusters, corrections, guarded=guards),
        },
    )


def stages(settings: Curation) -> tuple[Stage, ...]:
    """Curation's stages in order, for a manifest: names, versions, fingerprints. Not for running: no side tables."""
    nothing, unused_key = empty(SIGNAL), b""
    return (
        language.stage(settings),
        implied_stage(key=unused_key),
        fingerprint_stage(nothing, settings=settings, key=unused_key),
        dedup.stage(),
        examples_stage(
            nothing,
            empty(language.LANGUAGE),
            empty(dedup.CLUSTER),
            corrections=empty(REDACTED),
            guards=Guards(),
            settings=settings,
            key=unused_key,
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
        "trusted_rules": sorted(trusted_rules()),
        **settings.model_dump(),
    }


def _beside(*tables: pa.Table, guarded: Guards | None = None) -> str | None:
    """What side tables and guards hold, in any order of rows; null without any: an engine that remembers finished parts
    by a stage's fingerprint must not take results made beside other tables."""
    filled = [table for table in tables if table.num_rows]
    guards = None if guarded in (None, Guards()) else guarded
    if not filled and guards is None:
        return None
    hashed = hashlib.blake2b(digest_size=16)
    if guards is not None:
        adults = None if guards.adults is None else sorted(guards.adults)
        limits = sorted(guards.per_subject_max.items())
        hashed.update(json.dumps([sorted(guards.minors), adults, limits]).encode())
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
    signals: pa.Table,
    languages_found: pa.Table,
    clusters: pa.Table,
    corrections: pa.Table,
    *,
    guards: Guards,
    settings: Curation,
    key: bytes,
) -> Transform:
    def run(redacted: pa.Table) -> pa.Table:
        curated = curate_shard(
            redacted,
            signals,
            languages_found,
            clusters,
            corrections=corrections,
            guards=guards,
            settings=settings,
            key=key,
        )
        return curated.examples

    return run
