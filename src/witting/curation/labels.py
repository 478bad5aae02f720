"""From feedback on one answer to a label on it, and from a better answer to something to learn.

Covers: `thumbs_kto/1`, `objected_kto/1`, `thanked_kto/1` (was this answer wanted: one label an answer, KTO, arXiv 2402.01306);
corrections as answers (`corrected/1`) and as pairs (`corrected_pair/1`: better > original). Not covered: pairs of two answers
(`feedback.py`), guards over people (`guards.py`).

Signals that contradict each other make no label. What words imply counts under the rule that read it alone: a file that says
it was recorded is not believed. A thumb outranks words. Nothing is said of an answer that was stopped while
it was written. Each label names the turns it rests on, the one whose words said it included: take that turn away and the
label is gone.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from witting.intake.implied import RULE_OF

THUMBS, OBJECTED, THANKED = "thumbs_kto/1", "objected_kto/1", "thanked_kto/1"
KTO_RULES = (THUMBS, OBJECTED, THANKED)
CORRECTED, CORRECTED_PAIR = "corrected/1", "corrected_pair/1"
CORRECTION_RULES = (CORRECTED, CORRECTED_PAIR)
UNWANTED, WANTED = ("objected", "rephrased"), ("thanked", "continued")


def answer_labels(answers: pl.DataFrame, signals: pl.DataFrame, *, trusted: Collection[str]) -> pl.DataFrame:
    """row_id, parent_id, subject_id, label, rule, signals, evidence: at most one row an answer. `answers`: usable answers to
    usable prompts, with the marks of `feedback.mark`; `trusted`: rules whose words may make labels."""
    implied = _implied(signals.filter(pl.col("rule").is_in(list(trusted))))
    thumbs = _thumbs(signals)
    judged = (
        answers.filter(~pl.col("stopped"))
        .join(implied, on="row_id", how="left")
        .join(thumbs, on="row_id", how="left")
        .with_columns(pl.col("unwanted", "wanted").fill_null(False))
        .with_columns(
            (pl.col("disliked") | pl.col("unwanted")).alias("against"),
            (pl.col("liked") | pl.col("wanted")).alias("for"),
        )
    )
    one_sided = judged.filter((pl.col("for") != pl.col("against")) & ~(pl.col("for") & pl.col("corrected")))
    by_thumb = pl.col("liked") | pl.col("disliked")
    empty = pl.lit([], dtype=pl.List(pl.String))
    return one_sided.select(
        "row_id",
        "parent_id",
        "subject_id",
        pl.col("for").alias("label"),
        pl.when(by_thumb)
        .then(pl.lit(THUMBS))
        .when("against")
        .then(pl.lit(OBJECTED))
        .otherwise(pl.lit(THANKED))
        .alias("rule"),
        pl.concat_list(
            pl.when(by_thumb).then(pl.col("thumb_ids")).otherwise(empty).fill_null(empty),
            pl.col("implied_ids").fill_null(empty),
        )
        .list.unique()
        .list.sort()
        .alias("signals"),
        pl.col("evidence").fill_null(empty).alias("evidence"),
    )


def _implied(signals: pl.DataFrame) -> pl.DataFrame:
    """row_id, unwanted, wanted, implied_ids, evidence: what words say of each answer."""
    own_rule = pl.col("kind").replace_strict(RULE_OF, default=None, return_dtype=pl.String)
    said = signals.filter(
        pl.col("kind").is_in([*UNWANTED, *WANTED])
        & (pl.col("rule") == own_rule)
        & pl.col("evidence_row").is_not_null()
    )
    return said.group_by("row_id").agg(
        pl.col("kind").is_in(list(UNWANTED)).any().alias("unwanted"),
        pl.col("kind").is_in(list(WANTED)).any().alias("wanted"),
        pl.col("signal_id").unique().sort().alias("implied_ids"),
        pl.col("evidence_row").unique().sort().alias("evidence"),
    )


def _thumbs(signals: pl.DataFrame) -> pl.DataFrame:
    thumbs = signals.filter(pl.col("kind") == "thumb")
    return thumbs.group_by("row_id").agg(pl.col("signal_id").unique().sort().alias("thumb_ids"))


def last_corrections(corrections: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """row_id (the answer), signal_id, better, and the answer's columns: of several corrections by the person themselves the
    last one, where it has words and other ones than the answer. `corrections`: REDACTED, row_id the signal, parent_id the
    answer."""
    own = corrections.select(
        pl.col("row_id").alias("signal_id"),
        pl.col("parent_id").alias("row_id"),
        "subject_id",
        pl.col("text").alias("better"),
        pl.col("occurred_at").alias("corrected_at"),
    )
    return (
        own.join(answers, on=["row_id", "subject_id"])
        .sort("row_id", "corrected_at", "signal_id", nulls_last=False)
        .unique("row_id", keep="last", maintain_order=True)
        .filter(pl.col("better").str.strip_chars() != pl.col("text").str.strip_chars())
    )
