"""One verdict a kept turn: it is in an example, or the first reason that holds."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from witting.schema import VERDICT, conform

STAGE, VERSION = "curation", 3


def verdicts(
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
    judgements = judged.select(
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
    return conform(judgements.sort("row_id").to_arrow(), VERDICT)


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
        .when(answer & pl.col("objected"))
        .then(pl.lit("objected"))
        .when(answer & pl.col("stopped"))
        .then(pl.lit("stopped"))
        .when(~pl.col("on_active_path"))
        .then(pl.lit("left_branch"))
        .when(answer)
        .then(pl.lit("no_prompt"))
        .when(pl.col("role") == "person")
        .then(pl.lit("too_short"))
        .otherwise(pl.lit("no_answer"))
    )
