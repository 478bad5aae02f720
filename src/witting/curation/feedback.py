"""What people's feedback says about an answer, read with care.

Covers: thumbs, corrections, explicit choices, regenerations and objections in words, turned into marks on turns and into
pairs (chosen, rejected) of answers to the same prompt.
Not covered: labels on one answer, and better answers (`labels.py`); comments, star ratings (no common scale), emoji (social,
not a judgement), edited prompts (they say something about the prompt, not about the answer).

Guards (traps named in arXiv 2407.10944 and 2507.23158; the user may be wrong, curious or polite):
only feedback by the person whose turn it is counts; an answer disliked, corrected or objected to is never learned from and
never chosen; a regeneration counts only where intake found two whole answers to compare, the person went on from the new
one and did not like the old one; an answer that was stopped while it was written is in no pair; two signals that
contradict each other cancel out.
"""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

SIBLINGS_MAX = 4  # liked and disliked answers paired per prompt, each

# Rules in falling order of trust: the first one names a pair that several signals support.
CHOSEN, THUMBS, REGENERATED = "chosen_pair/2", "thumbs_pair/1", "regenerated_pair/2"
PAIR_RULES = (CHOSEN, THUMBS, REGENERATED)
REGENERATED_SIBLING = (
    "regenerated_sibling"  # what intake calls a preference that was read from a regeneration
)

_PAIR = pl.Schema(
    {
        "chosen": pl.String(),
        "rejected": pl.String(),
        "rule": pl.String(),
        "rank": pl.Int32(),
        "signals": pl.List(pl.String()),
    }
)


def own_signals(rows: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """Signals given on one of `rows` by the subject of that row."""
    subjects = rows.select("row_id", "subject_id")
    return signals.join(subjects, on=["row_id", "subject_id"], how="semi").unique("signal_id")


def mark(rows: pl.DataFrame, signals: pl.DataFrame, *, trusted: Collection[str]) -> pl.DataFrame:
    """`rows` with liked, disliked, corrected, objected, stopped. Of several thumbs on a turn the last one counts; up and down at
    one moment leave it both liked and disliked. Words count under a `trusted` rule, and not against a thumb."""
    believed = signals.filter(pl.col("rule").is_in(list(trusted)))
    return (
        rows.join(_last_thumbs(signals), on="row_id", how="left")
        .join(_with(signals, "correction", "corrected"), on="row_id", how="left")
        .join(_with(signals, "stopped", "stopped"), on="row_id", how="left")
        .join(_with(believed, "objected", "objected"), on="row_id", how="left")
        .with_columns(
            pl.col("liked", "disliked", "corrected", "stopped").fill_null(False),
            (pl.col("objected") & ~pl.col("liked").fill_null(False)).fill_null(False).alias("objected"),
        )
    )


def _last_thumbs(signals: pl.DataFrame) -> pl.DataFrame:
    """row_id, liked, disliked, by the thumbs of each turn's last moment; one without a time comes before all others."""
    direction = pl.col("value").str.strip_chars().cast(pl.Float64, strict=False)
    return (
        signals.filter(pl.col("kind") == "thumb")
        .with_columns(direction.alias("direction"))
        .drop_nulls("direction")
        .filter(pl.col("occurred_at").eq_missing(pl.col("occurred_at").max().over("row_id")))
        .group_by("row_id")
        .agg(
            (pl.col("direction") > 0).any().alias("liked"), (pl.col("direction") < 0).any().alias("disliked")
        )
    )


def _with(signals: pl.DataFrame, kind: str, name: str) -> pl.DataFrame:
    """row_id and a true column of that name: the turns that have a signal of that kind."""
    marked = signals.filter(pl.col("kind") == kind)
    return marked.select("row_id", pl.lit(True).alias(name)).unique("row_id")


def well_taken() -> pl.Expr:
    """Nobody called this answer bad, and it is whole."""
    return ~(pl.col("disliked") | pl.col("corrected") | pl.col("objected") | pl.col("stopped"))


def pairs(marked: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """chosen, rejected, rule, signals: answers to the same usable prompt of the same subject, each pair once."""
    answers = usable_answers(marked)
    found = pl.concat(
        [_chosen(signals), _thumbs(answers, signals), _regenerated(answers, marked, signals)], how="vertical"
    )
    return _agreed(_guarded(found, answers))


def usable_answers(marked: pl.DataFrame) -> pl.DataFrame:
    """Usable answers to a usable prompt of the same subject."""
    prompts = marked.filter((pl.col("role") == "user") & pl.col("usable")).select("row_id", "subject_id")
    answers = marked.filter((pl.col("role") == "assistant") & pl.col("usable"))
    return answers.join(
        prompts, left_on=["parent_id", "subject_id"], right_on=["row_id", "subject_id"], how="semi"
    )


def _chosen(signals: pl.DataFrame) -> pl.DataFrame:
    return _preferred(signals.filter(~_from_regeneration()), CHOSEN)


def _from_regeneration() -> pl.Expr:
    return pl.col("source_kind").eq_missing(pl.lit(REGENERATED_SIBLING))


def _preferred(signals: pl.DataFrame, rule: str) -> pl.DataFrame:
    said = signals.filter(pl.col("kind") == "preference")
    return said.select(
        pl.col("value").str.json_path_match("$.chosen").alias("chosen"),
        pl.col("value").str.json_path_match("$.rejected").alias("rejected"),
        *_ruled(rule),
        pl.concat_list("signal_id").alias("signals"),
    ).cast(_PAIR)


def _thumbs(answers: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    evidence = signals.filter(pl.col("kind") == "thumb").group_by("row_id").agg(pl.col("signal_id").sort())
    judged = answers.join(evidence, on="row_id", how="inner").select(
        "row_id", "parent_id", "liked", "disliked", "signal_id"
    )
    liked = _few(judged.filter(pl.col("liked") & ~pl.col("disliked")))
    disliked = _few(judged.filter(pl.col("disliked") & ~pl.col("liked")))
    return (
        liked.join(disliked, on="parent_id", suffix="_rejected")
        .select(
            pl.col("row_id").alias("chosen"),
            pl.col("row_id_rejected").alias("rejected"),
            *_ruled(THUMBS),
            pl.concat_list("signal_id", "signal_id_rejected").alias("signals"),
        )
        .cast(_PAIR)
    )


def _few(judged: pl.DataFrame) -> pl.DataFrame:
    return judged.sort("row_id").group_by("parent_id", maintain_order=True).head(SIBLINGS_MAX)


def _regenerated(answers: pl.DataFrame, marked: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    went_on = marked.filter(pl.col("role") == "user").select(
        pl.col("parent_id").alias("row_id"), "subject_id"
    )
    kept = answers.filter("on_active_path").join(went_on, on=["row_id", "subject_id"], how="semi")
    liked = answers.filter("liked")
    return (
        _preferred(signals.filter(_from_regeneration()), REGENERATED)
        .join(kept, left_on="chosen", right_on="row_id", how="semi")
        .join(liked, left_on="rejected", right_on="row_id", how="anti")
    )


def _ruled(rule: str) -> tuple[pl.Expr, pl.Expr]:
    return pl.lit(rule).alias("rule"), pl.lit(PAIR_RULES.index(rule), dtype=pl.Int32).alias("rank")


def _guarded(found: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Both are whole answers to one prompt and differ; nobody called the chosen one bad."""
    chosen = answers.filter(well_taken())
    one = chosen.select("row_id", "parent_id", "subject_id", "text")
    other = answers.filter(~pl.col("stopped")).select("row_id", "parent_id", "subject_id", "text")
    return (
        found.join(one, left_on="chosen", right_on="row_id")
        .join(other, left_on="rejected", right_on="row_id", suffix="_rejected")
        .filter(
            (pl.col("parent_id") == pl.col("parent_id_rejected"))
            & (pl.col("subject_id") == pl.col("subject_id_rejected"))
            & (pl.col("text").str.strip_chars() != pl.col("text_rejected").str.strip_chars())
        )
    )


def _agreed(pairs_found: pl.DataFrame) -> pl.DataFrame:
    """Each pair once, under its most trusted rule, with all its signals; none where signals contradict."""
    once = (
        pairs_found.sort("rank", "chosen", "rejected")
        .group_by("chosen", "rejected", maintain_order=True)
        .agg(
            pl.col("rule").first(),
            pl.col("parent_id").first(),
            pl.col("subject_id").first(),
            pl.col("signals").explode(),
        )
        .with_columns(pl.col("signals").list.unique().list.sort())
    )
    turned = once.select(pl.col("chosen").alias("rejected"), pl.col("rejected").alias("chosen"))
    return once.join(turned, on=["chosen", "rejected"], how="anti").sort("chosen", "rejected")
