"""Curation of whole people: redacted turns and feedback in, examples and one verdict a turn out.

Covers: the order of the steps, the caps, the verdicts. Data flow over many shards:

    1. language          each shard alone        languages(rows)
    2. implied           each shard alone        implied_signals(rows): from here on beside the recorded signals
    3. fingerprints      each shard alone        fingerprint_rows(rows, signals)
    4. duplicates        all shards, by text key dedup.elect(fingerprints)      the only look across people
    5. labels            each shard alone        label_counts(rows, signals, ...), then guards.caps over all shards
    6. examples          each shard alone        curate_shard(rows, signals, languages, clusters, ...)

Steps 1, 2, 3, 5, 6 hold one shard in memory, so `corpus.shards` bounds it; step 4 holds four short columns, and the caps
a number a person who made labels. Not covered: running them over processes (engine), storing the membership table (walk).
Run again after a person's rows are gone, the result is what it would have been without that person: everything but
step 4 and the caps looks at one person at a time, and those are elected and counted anew among the rows that remain.
Known limit: a duplicate's survivor can later fall to its person's cap; then no copy of those words is kept.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

import polars as pl
import pyarrow as pa

from witting.config import Curation
from witting.curation import dedup, language
from witting.curation.citations import cleaned_text
from witting.curation.examples import (
    Targets,
    build,
    capped,
    compared_words,
    find_targets,
    labelled,
    labelled_examples,
    own_chars,
)
from witting.curation.feedback import mark, own_signals, pairs, usable_answers
from witting.curation.guards import (
    RECORDED,
    Guards,
    caps,
    counted,
    tally,
    trusted_rules,
    within_caps,
    without_barred,
)
from witting.curation.implied import implied_signals
from witting.curation.keyed import check_key
from witting.curation.labels import answer_labels
from witting.curation.verdicts import verdicts
from witting.errors import StageError
from witting.intake.implied import RULE_OF
from witting.schema import EXAMPLE, REDACTED, conform, empty

EVERY_RULE = (RECORDED, *RULE_OF.values())


@dataclass(frozen=True, eq=False)
class Curated:
    """What curation says of one shard, or of a small whole."""

    examples: pa.Table  # EXAMPLE, by example_id
    verdicts: pa.Table  # VERDICT: each kept REDACTED row exactly once, by row_id
    clusters: pa.Table  # CLUSTER: every row that was compared, so that a survivor can be elected again
    labels: Counter[tuple[str, str]] = field(
        default_factory=Counter
    )  # in the examples, by label set and subject
    tally: Counter[tuple[str, str, str, str]] = field(
        default_factory=Counter
    )  # `guards.tally`, before and after


def languages(redacted: pa.Table, *, settings: Curation) -> pa.Table:
    """LANGUAGE for every kept row."""
    opened = language.open_language(score_min=settings.language_score_min_percent / 100)
    return opened(redacted.select(language.LANGUAGE_READS.names))


def fingerprint_rows(redacted: pa.Table, signals: pa.Table, *, settings: Curation, key: bytes) -> pa.Table:
    """FINGERPRINT of every turn that could be learned from. Whole subjects at a time."""
    targets = _targets(redacted, signals, empty(REDACTED), settings=settings)
    return _fingerprints(targets, key=check_key(key))


def label_counts(
    redacted: pa.Table, signals: pa.Table, corrections: pa.Table, *, guards: Guards, settings: Curation
) -> Counter[tuple[str, str]]:
    """Labels by label set and subject, before anybody's are capped. Whole subjects at a time."""
    targets = _targets(redacted, signals, corrections, settings=settings)
    return counted(without_barred(labelled_examples(targets), guards))


def curate_shard(
    redacted: pa.Table,
    signals: pa.Table,
    languages_found: pa.Table,
    clusters: pa.Table,
    *,
    corrections: pa.Table,
    guards: Guards,
    settings: Curation,
    key: bytes,
) -> Curated:
    """One shard's examples and verdicts. `redacted`, `signals` (recorded and implied) hold whole subjects;
    `languages_found` (LANGUAGE) and `clusters` (CLUSTER) may hold more rows than these. `corrections`: REDACTED, the words of
    better answers, row_id the signal and parent_id the answer. Raises StageError where rows break their contract."""
    targets = _targets(redacted, signals, corrections, settings=settings)
    marked = targets.marked
    membership = pl.DataFrame(clusters).join(marked.select("row_id"), on="row_id", how="semi").sort("row_id")
    lost = membership.filter(pl.col("survivor") != pl.col("row_id"))
    candidates = without_barred(build(targets, lost.select("row_id"), key=check_key(key)), guards)
    chosen = capped(within_caps(candidates, guards), per_subject_max=settings.examples_per_subject_max)
    examples = labelled(
        chosen, marked, pl.DataFrame(languages_found), key=key, heldout_percent=settings.heldout_percent
    )
    return Curated(
        examples=conform(examples.to_arrow(), EXAMPLE),
        verdicts=verdicts(marked, candidates, chosen, lost),
        clusters=conform(membership.to_arrow(), dedup.CLUSTER),
        labels=counted(chosen),
        tally=tally(labelled_examples(targets, guarded=False), "before") + tally(chosen, "after"),
    )


def curate_table(
    redacted: pa.Table,
    signals: pa.Table,
    *,
    settings: Curation,
    key: bytes,
    corrections: pa.Table | None = None,
    guards: Guards | None = None,
) -> Curated:
    """All steps on one table in memory, implied signals and caps included: for tests, notebooks and corpora of one shard."""
    better = empty(REDACTED) if corrections is None else corrections
    said = pa.concat_tables([signals, implied_signals(redacted, key=key)])
    clusters = dedup.elect(fingerprint_rows(redacted, said, settings=settings, key=key))
    asked = guards or Guards()
    counts = label_counts(redacted, said, better, guards=asked, settings=settings)
    return curate_shard(
        redacted,
        said,
        languages(redacted, settings=settings),
        clusters,
        corrections=better,
        guards=replace(asked, per_subject_max=caps(counts, settings=settings)),
        settings=settings,
        key=key,
    )


def _targets(redacted: pa.Table, signals: pa.Table, corrections: pa.Table, *, settings: Curation) -> Targets:
    kept = _usable(redacted, settings=settings).sort("row_id")
    _check(kept)
    trusted = trusted_rules()
    own = own_signals(kept, pl.DataFrame(signals))
    marked = mark(kept, own, trusted=trusted)
    answers = usable_answers(marked)
    return find_targets(
        marked,
        pairs(marked, own),
        labels=answer_labels(answers, own, trusted=trusted),
        labels_unguarded=answer_labels(answers, own, trusted=EVERY_RULE),
        corrections=_usable(corrections, settings=settings).filter("usable"),
    )


def _usable(redacted: pa.Table, *, settings: Curation) -> pl.DataFrame:
    kept = (
        pl.DataFrame(redacted).filter(pl.col("verdict") == "keep").with_columns(cleaned_text().alias("text"))
    )
    measured = kept.with_columns(own_chars().alias("own_chars"))
    return measured.with_columns((pl.col("own_chars") >= settings.turn_chars_min).alias("usable"))


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
