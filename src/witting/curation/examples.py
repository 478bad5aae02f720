"""From redacted turns to rows a model may learn from.

Covers these rules, each named in the example it makes:
  answered/1          an assistant's answer on the path the person kept, with up to CONTEXT_TURNS_MAX turns before it;
                      only the answer is learned
  chosen_pair/2, thumbs_pair/1, regenerated_pair/2
                      two answers to one prompt, one preferred (`feedback.py`)
  corrected/1, corrected_pair/1, thumbs_kto/1, objected_kto/1, thanked_kto/1
                      feedback on one answer (`labels.py`)
  own_words/1         what one person wrote in a row to other people, nobody else's words in between; learned
Not covered: tool calls, packing into sequences (training).

Every example belongs to exactly one subject: a context ends where a turn is missing, refused, or another person's.
All functions take rows of whole subjects (scope Key("subject_id")) and their result depends on nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from witting.curation.dedup import PAIR_SEPARATOR
from witting.curation.feedback import PAIR_RULES, usable_answers, well_taken
from witting.curation.guards import label_set
from witting.curation.keyed import heldout, keyed_id
from witting.curation.labels import CORRECTED, CORRECTED_PAIR, CORRECTION_RULES, KTO_RULES, last_corrections
from witting.curation.language import PLACEHOLDER, UNDETERMINED

CONTEXT_TURNS_MAX = 6  # before the answer
RUN_TURNS_MAX = 16  # own words in a row
OWN_WORDS_CHARS_MIN = 8  # in all, placeholders apart
ANSWERED, OWN_WORDS = "answered/1", "own_words/1"
RULES = (ANSWERED, *PAIR_RULES, *CORRECTION_RULES, *KTO_RULES, OWN_WORDS)

_COLUMNS = (
    "kind", "subject_id", "conversation_id", "messages", "chosen", "rejected", "label", "turns", "signals", "rule", "anchor",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Targets:
    """What may be learned from before duplicates are known. Frames of row ids; rows are those of `marked`."""

    marked: pl.DataFrame  # REDACTED's kept rows + own_chars, usable, and the marks of `feedback.mark`
    contexts: pl.DataFrame  # prompt, messages, turns: each prompt with what led to it, itself last
    answers: pl.DataFrame  # row_id: answers that answered/1 may learn
    pairs: pl.DataFrame  # chosen, rejected, rule, parent_id, subject_id, signals
    labels: pl.DataFrame  # `labels.answer_labels` by trusted rules
    labels_unguarded: pl.DataFrame  # the same by all rules: only counted
    better: pl.DataFrame  # `labels.last_corrections`
    own_words: pl.DataFrame  # row_id, run: turns that own_words/1 may learn


def own_chars() -> pl.Expr:
    """How many characters a turn has, placeholders apart."""
    return pl.col("text").fill_null("").str.replace_all(PLACEHOLDER, "").str.strip_chars().str.len_chars()


def contexts(marked: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
    """For each of `prompts` (row_id): prompt, messages, turns, oldest first. Follows parents among usable turns of
    the same subject, at most CONTEXT_TURNS_MAX; begins with a user or system turn and holds a user turn, or is
    absent."""
    turns = marked.filter(pl.col("usable") & (pl.col("role") != "person")).select(
        "row_id", "subject_id", "parent_id", "role", "text"
    )
    reached = turns.join(prompts.select("row_id").unique(), on="row_id", how="semi").with_columns(
        pl.col("row_id").alias("prompt"), pl.lit(0, dtype=pl.Int32).alias("depth")
    )
    levels = [reached]
    for depth in range(1, CONTEXT_TURNS_MAX):
        reached = (
            reached.select("prompt", "subject_id", pl.col("parent_id").alias("row_id"))
            .join(turns, on=["row_id", "subject_id"], how="inner")
            .with_columns(pl.lit(depth, dtype=pl.Int32).alias("depth"))
            .select(levels[0].columns)
        )
        if reached.is_empty():
            break
        levels.append(reached)
    return _gathered(pl.concat(levels))


def _gathered(reached: pl.DataFrame) -> pl.DataFrame:
    opening = pl.col("depth").filter(pl.col("role") != "assistant").max().over("prompt")
    message = pl.struct(pl.col("role"), pl.col("text").alias("content"), pl.lit(False).alias("learn"))
    return (
        reached.sort("prompt", "depth")
        .unique(["prompt", "row_id"], keep="first", maintain_order=True)  # a damaged export can loop
        .filter(pl.col("depth") <= opening)
        .filter((pl.col("role") == "user").any().over("prompt"))
        .sort("prompt", "depth", descending=[False, True])
        .group_by("prompt", maintain_order=True)
        .agg(message.alias("messages"), pl.col("row_id").alias("turns"))
    )


def runs(marked: pl.DataFrame) -> pl.DataFrame:
    """row_id, run: turns to other people on the kept path; a run is unbroken by anybody else's turn."""
    own = marked.filter((pl.col("role") == "person") & pl.col("on_active_path")).sort(
        "conversation_id", "subject_id", "position", "row_id"
    )
    breaks = (
        (pl.col("conversation_id") != pl.col("conversation_id").shift())
        | (pl.col("subject_id") != pl.col("subject_id").shift())
        | (pl.col("position") - pl.col("position").shift() > 1)
    ).fill_null(True)
    return own.with_columns(breaks.cum_sum().alias("run")).filter("usable").select("row_id", "run")


def learnable(marked: pl.DataFrame, pairs_found: pl.DataFrame) -> pl.DataFrame:
    """row_id, parent_id of answers on the kept path that nobody called bad or ranked second."""
    second = pairs_found.select(pl.col("rejected").alias("row_id"))
    fit = pl.col("usable") & pl.col("on_active_path") & (pl.col("role") == "assistant") & well_taken()
    return (
        marked.filter(fit).join(second, on="row_id", how="anti").select("row_id", "parent_id", "subject_id")
    )


def find_targets(
    marked: pl.DataFrame,
    pairs_found: pl.DataFrame,
    *,
    labels: pl.DataFrame,
    labels_unguarded: pl.DataFrame,
    corrections: pl.DataFrame,
) -> Targets:
    """Everything the rules could use. `corrections`: REDACTED, of usable words."""
    answers = learnable(marked, pairs_found)
    better = last_corrections(corrections, usable_answers(marked))
    asked = [frame.select("parent_id") for frame in (answers, pairs_found, labels, labels_unguarded, better)]
    prompts = pl.concat(asked).rename({"parent_id": "row_id"})
    found = contexts(marked, prompts)
    subject_of = marked.select(pl.col("row_id").alias("prompt"), "subject_id")
    known = found.join(subject_of, on="prompt")
    answered = answers.join(
        known, left_on=["parent_id", "subject_id"], right_on=["prompt", "subject_id"], how="semi"
    )
    return Targets(
        marked=marked,
        contexts=found,
        answers=answered.select("row_id"),
        pairs=pairs_found,
        labels=labels,
        labels_unguarded=labels_unguarded,
        better=better,
        own_words=runs(marked),
    )


def compared_words(targets: Targets) -> pl.DataFrame:
    """row_id, subject_id, occurred_at, words: what duplicates are judged on, a prompt with its answer or a turn.
    Turns too short to stand alone ("sorry") are everybody's words and not compared."""
    rows = targets.marked
    answers = rows.join(targets.answers, on="row_id", how="semi")
    prompts = rows.select(pl.col("row_id").alias("parent_id"), pl.col("text").alias("prompt"))
    paired = answers.join(prompts, on="parent_id").with_columns(
        (pl.col("prompt") + PAIR_SEPARATOR + pl.col("text")).alias("words")
    )
    alone = (
        rows.join(targets.own_words, on="row_id", how="semi")
        .filter(pl.col("own_chars") >= OWN_WORDS_CHARS_MIN)
        .with_columns(pl.col("text").alias("words"))
    )
    columns = ("row_id", "subject_id", "occurred_at", "words")
    return pl.concat([paired.select(columns), alone.select(columns)])


def build(targets: Targets, duplicates: pl.DataFrame, *, key: bytes) -> pl.DataFrame:
    """All examples before the cap: _COLUMNS and example_id. `duplicates` (row_id) are no targets."""
    made = pl.concat(
        [_answered(targets, duplicates), labelled_examples(targets), _own_words(targets, duplicates)]
    )
    return with_ids(made, key=key)


def with_ids(made: pl.DataFrame, *, key: bytes) -> pl.DataFrame:
    """`made` with example_id: over kind and turns, and over the signals where a person wrote the words that are learned."""
    ids = [
        keyed_id(
            "\n".join([kind, *turns, *(signals if rule in CORRECTION_RULES else ())]), key=key, use=b"example"
        )
        for kind, rule, turns, signals in zip(
            made["kind"], made["rule"], made["turns"].to_list(), made["signals"].to_list(), strict=True
        )
    ]
    return made.with_columns(pl.Series("example_id", ids, dtype=pl.String))


def labelled_examples(targets: Targets, *, guarded: bool = True) -> pl.DataFrame:
    """Everything that rests on feedback: _COLUMNS. Not `guarded`: also what rules say that may not write labels."""
    labels = targets.labels if guarded else targets.labels_unguarded
    return pl.concat(
        [_paired(targets), _rated(targets, labels), _corrected(targets), _corrected_pairs(targets)]
    )


def _answered(targets: Targets, duplicates: pl.DataFrame) -> pl.DataFrame:
    answers = targets.marked.join(targets.answers, on="row_id", how="semi").join(
        duplicates, on="row_id", how="anti"
    )
    answer = pl.struct(pl.col("role"), pl.col("text").alias("content"), pl.lit(True).alias("learn"))
    return (
        answers.join(targets.contexts, left_on="parent_id", right_on="prompt")
        .with_columns(
            pl.lit("sft").alias("kind"),
            pl.concat_list("messages", pl.concat_list(answer)).alias("messages"),
            pl.concat_list("turns", "row_id").alias("turns"),
            pl.lit(None, dtype=pl.String).alias("chosen"),
            pl.lit(None, dtype=pl.String).alias("rejected"),
            pl.lit(None, dtype=pl.Boolean).alias("label"),
            pl.lit([], dtype=pl.List(pl.String())).alias("signals"),
            pl.lit(ANSWERED).alias("rule"),
            pl.col("row_id").alias("anchor"),
        )
        .select(_COLUMNS)
    )


def _paired(targets: Targets) -> pl.DataFrame:
    text = targets.marked.select("row_id", "text", "conversation_id")
    return (
        targets.pairs.join(targets.contexts, left_on="parent_id", right_on="prompt")
        .join(text, left_on="chosen", right_on="row_id")
        .join(text.drop("conversation_id"), left_on="rejected", right_on="row_id", suffix="_rejected")
        .with_columns(
            pl.lit("preference").alias("kind"),
            pl.lit(None, dtype=pl.Boolean).alias("label"),
            pl.concat_list("turns", "chosen", "rejected").alias("turns"),
            pl.col("chosen").alias("anchor"),
        )
        .with_columns(pl.col("text").alias("chosen"), pl.col("text_rejected").alias("rejected"))
        .select(_COLUMNS)
    )


def _rated(targets: Targets, labels: pl.DataFrame) -> pl.DataFrame:
    """Was the answer wanted? With the turn whose words said so, if words did."""
    text = targets.marked.select("row_id", "conversation_id", "role", "text")
    return _learned(
        labels.join(text, on="row_id").with_columns(
            pl.lit("kto").alias("kind"), pl.col("text").alias("learned")
        ),
        targets,
    ).select(_COLUMNS)


def _corrected(targets: Targets) -> pl.DataFrame:
    rows = targets.better.with_columns(
        pl.lit("sft").alias("kind"),
        pl.col("better").alias("learned"),
        pl.lit(None, dtype=pl.Boolean).alias("label"),
        pl.concat_list("signal_id").alias("signals"),
        pl.lit([], dtype=pl.List(pl.String())).alias("evidence"),
        pl.lit(CORRECTED).alias("rule"),
    )
    return _learned(rows, targets).select(_COLUMNS)


def _learned(rows: pl.DataFrame, targets: Targets) -> pl.DataFrame:
    """Rows about one answer, with its prompt before and `learned` as what is learned; turns end with the evidence."""
    answer = pl.struct(pl.col("role"), pl.col("learned").alias("content"), pl.lit(True).alias("learn"))
    return rows.join(targets.contexts, left_on="parent_id", right_on="prompt").with_columns(
        pl.concat_list("messages", pl.concat_list(answer)).alias("messages"),
        pl.concat_list("turns", pl.concat_list("row_id"), "evidence").alias("turns"),
        pl.lit(None, dtype=pl.String).alias("chosen"),
        pl.lit(None, dtype=pl.String).alias("rejected"),
        pl.col("row_id").alias("anchor"),
    )


def _corrected_pairs(targets: Targets) -> pl.DataFrame:
    return (
        targets.better.filter(~pl.col("stopped"))
        .join(targets.contexts, left_on="parent_id", right_on="prompt")
        .with_columns(
            pl.lit("preference").alias("kind"),
            pl.col("better").alias("chosen"),
            pl.col("text").alias("rejected"),
            pl.lit(None, dtype=pl.Boolean).alias("label"),
            pl.concat_list("turns", "row_id").alias("turns"),
            pl.concat_list("signal_id").alias("signals"),
            pl.lit(CORRECTED_PAIR).alias("rule"),
            pl.col("row_id").alias("anchor"),
        )
        .select(_COLUMNS)
    )


def _own_words(targets: Targets, duplicates: pl.DataFrame) -> pl.DataFrame:
    message = pl.struct(
        pl.lit("user").alias("role"), pl.col("text").alias("content"), pl.lit(True).alias("learn")
    )
    place_in_run = pl.int_range(pl.len()).over("run") // RUN_TURNS_MAX
    return (
        targets.marked.join(targets.own_words, on="row_id")
        .join(duplicates, on="row_id", how="anti")
        .sort("run", "position", "row_id")
        .with_columns(place_in_run.alias("piece"))
        .group_by("run", "piece", maintain_order=True)
        .agg(
            pl.col("subject_id", "conversation_id").first(),
            message.alias("messages"),
            pl.col("row_id").alias("turns"),
            pl.col("row_id").first().alias("anchor"),
            pl.col("own_chars").sum(),
        )
        .filter(pl.col("own_chars") >= OWN_WORDS_CHARS_MIN)
        .with_columns(
            pl.lit("text").alias("kind"),
            pl.lit(None, dtype=pl.String).alias("chosen"),
            pl.lit(None, dtype=pl.String).alias("rejected"),
            pl.lit(None, dtype=pl.Boolean).alias("label"),
            pl.lit([], dtype=pl.List(pl.String())).alias("signals"),
            pl.lit(OWN_WORDS).alias("rule"),
        )
        .select(_COLUMNS)
    )


def capped(examples: pl.DataFrame, *, per_subject_max: int) -> pl.DataFrame:
    """At most so many examples a person that rest on no feedback: the first by example_id, a keyed hash, so a fair and stable
    draw. Labels are bounded by `guards.within_caps` alone: one more cut, of people with many examples only, would leave the
    others with larger shares than the caps were computed for."""
    label = pl.col("label_set").is_not_null()
    marked = label_set(examples)
    first = (
        marked.filter(~label)
        .sort("subject_id", "example_id")
        .group_by("subject_id", maintain_order=True)
        .head(per_subject_max)
    )
    return pl.concat([first.select(marked.columns), marked.filter(label)]).drop("label_set")


def labelled(
    examples: pl.DataFrame, marked: pl.DataFrame, languages: pl.DataFrame, *, key: bytes, heldout_percent: int
) -> pl.DataFrame:
    """With language, surface, place and shard of the turn that is learned, and the person's split."""
    about = marked.select(pl.col("row_id").alias("anchor"), "surface", "place", "shard")
    people = examples.select(pl.col("subject_id").unique())
    splits = [
        "heldout" if heldout(person, key=key, percent=heldout_percent) else "train"
        for person in people["subject_id"]
    ]
    return (
        examples.join(about, on="anchor")
        .join(languages.select(pl.col("row_id").alias("anchor"), "language"), on="anchor", how="left")
        .join(people.with_columns(pl.Series("split", splits, dtype=pl.String)), on="subject_id")
        .with_columns(pl.col("language").fill_null(UNDETERMINED), pl.lit(False).alias("canary"))
        .sort("example_id")
    )
