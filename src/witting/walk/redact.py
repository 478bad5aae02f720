"""redaction: open the words of permitted turns only, in the worker, and give them back redacted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import polars as pl
import pyarrow as pa

from witting import redaction
from witting.engine import Stage
from witting.redaction.names import reads_as_name
from witting.rights.claims import EMAIL, NAME, PHONE
from witting.schema import empty
from witting.store.parts import Part, read_part, write_part, write_parts
from witting.walk.admit import SIGNALS, TURNS, people_of
from witting.walk.decide import DECISIONS
from witting.walk.step import FunnelRow, Step, described

ASKED_OUT = ("objection", "erasure_request")
OPENED_AT_ONCE = 10_000  # handles
REDACTED_TURNS = "redaction/turns"
CORRECTIONS = "redaction/corrections"  # better answers: row_id is the signal, parent_id the answer


def redact(step: Step) -> dict[str, Any]:
    """Redact every permitted turn; what must not be kept is refused with its reason."""
    workspace, settings = step.workspace, step.workspace.settings
    folder = step.scratch("redaction")
    decisions = step.parts(DECISIONS)
    admitted = [
        part for turns in step.parts(TURNS) if (part := _admitted(step, turns, decisions, folder)).rows
    ]
    stage = redaction.stage(
        workspace.path("keys"),
        _names(step, admitted),
        settings=settings.redaction,
        shards=settings.corpus.shards,
        everywhere=_objectors(step),
    )
    opened = step.engine.map(stage, admitted, folder=folder, progress=step.told("redacting"))
    together = step.engine.exchange(
        opened, "conversation_id", folder=folder, rows_per_part=settings.intake.part_rows
    )
    answers = redaction.conversation_stage()
    judged = step.engine.map(answers, together, folder=folder, exchanged_on="conversation_id")
    parts = write_parts(
        workspace.objects,
        step.tables(judged),
        folder=REDACTED_TURNS,
        shard_column="shard",
        rows_max=settings.intake.part_rows,
    )
    step.commit(REDACTED_TURNS, parts, detail={"stages": [described(s) for s in (stage, answers)]})
    corrections = _redact_corrections(step, stage, admitted, folder)
    counts, kinds = _counts(step, parts)
    kept = counts.pop("", 0)
    read = kept + counts.total()
    row = FunnelRow("redaction", "turns", read=read, kept=kept, refused=read - kept, reasons=counts)
    stages = [described(s) for s in (stage, answers)]
    return {
        "funnel": row.as_json(),
        "kinds": dict(sorted(kinds.items())),
        "corrections": corrections,
        "stages": stages,
    }


def _admitted(step: Step, part: Part, decisions: tuple[Part, ...], folder: str) -> Part:
    """The permitted rows of one part of turns, with the place and special categories of their decision."""
    turns = pl.DataFrame(read_part(step.workspace.objects, part))
    permits = [
        pl.DataFrame(table.select(["row_id", "decision", "place", "special"])).filter(
            pl.col("decision") == "permit"
        )
        for table in step.tables(d for d in decisions if d.shard == part.shard)
    ]
    joined = (
        turns.join(pl.concat(permits), on="row_id", maintain_order="left").to_arrow() if permits else None
    )
    table = empty(redaction.REDACT_INPUT) if joined is None else joined.select(redaction.REDACT_INPUT.names)
    return write_part(
        step.workspace.objects, table.cast(redaction.REDACT_INPUT), folder=folder, shard=part.shard
    )


def _redact_corrections(step: Step, stage: Stage, admitted: list[Part], folder: str) -> dict[str, Any]:
    """The words of better answers, through the same stage as the answers. A correction stands under its answer's
    permission: what is refused of the answer never reaches it (curation joins them again)."""
    found = [part for said in step.parts(SIGNALS) for part in _better_answers(step, said, admitted, folder)]
    judged = step.engine.map(stage, found, folder=folder, progress=step.told("redacting corrections"))
    parts = write_parts(
        step.workspace.objects,
        step.tables(judged),
        folder=CORRECTIONS,
        shard_column="shard",
        rows_max=step.workspace.settings.intake.part_rows,
    )
    step.commit(CORRECTIONS, parts)
    counts, _ = _counts(step, parts)
    kept = counts.pop("", 0)
    return {"read": kept + counts.total(), "kept": kept, "reasons": dict(sorted(counts.items()))}


def _better_answers(step: Step, said: Part, admitted: list[Part], folder: str) -> Iterator[Part]:
    """REDACT_INPUT of one part's corrections: by the person whose answer it is, of a permitted answer."""
    columns = ["signal_id", "row_id", "subject_id", "kind", "occurred_at", "text_sealed"]
    signals = pl.DataFrame(read_part(step.workspace.objects, said, columns=columns))
    words = signals.filter((pl.col("kind") == "correction") & pl.col("text_sealed").is_not_null()).drop(
        "kind"
    )
    if words.is_empty():
        return
    for part in admitted:
        if part.shard != said.shard:
            continue
        answers = pl.DataFrame(read_part(step.workspace.objects, part)).filter(pl.col("role") == "assistant")
        rows = (
            answers.drop("occurred_at", "text_sealed", "parent_id", "speaker_id")
            .join(words, on=["row_id", "subject_id"])
            .with_columns(pl.col("row_id").alias("parent_id"), pl.col("subject_id").alias("speaker_id"))
            .with_columns(pl.col("signal_id").alias("row_id"))
        )
        if rows.height:
            table = rows.select(redaction.REDACT_INPUT.names).to_arrow().cast(redaction.REDACT_INPUT)
            yield write_part(step.workspace.objects, table, folder=folder, shard=said.shard)


def _names(step: Step, admitted: list[Part]) -> pa.Table:
    """The people of each conversation that has a permitted turn: their names are opened only to be taken out."""
    wanted = pl.concat(
        [pl.DataFrame({"conversation_id": []}, schema={"conversation_id": pl.String})]
        + [pl.DataFrame(t.select(["conversation_id"])).unique() for t in step.tables(admitted)]
    ).unique()
    people = pl.DataFrame(people_of(step)).join(wanted, on="conversation_id").explode("parties")
    handles = step.workspace.vault.handles_of(people.get_column("parties").drop_nulls().unique().to_list())
    rows = [
        (conversation, handles[subject].partition(":")[2])
        for conversation, subject in people.iter_rows()
        if subject in handles
    ]
    named = pl.DataFrame(rows, schema=["conversation_id", "name"], orient="row")
    grouped = (
        named.group_by("conversation_id").agg(pl.col("name").sort().alias("name")).sort("conversation_id")
    )
    return grouped.to_arrow().cast(redaction.NAMES) if rows else empty(redaction.NAMES)


def _objectors(step: Step) -> list[str]:
    """Names of everybody who objected or asked to be erased, with an account or without: taken out of all others' words, too.
    Not of those who were erased: nothing of their names is kept.
    Addresses and numbers are taken out of every text anyway."""
    workspace = step.workspace
    found: set[str] = set()
    for some in _batched(workspace.projections.people(ASKED_OUT), OPENED_AT_ONCE):
        for handle in workspace.vault.handles_of(some).values():
            source, _, name = handle.partition(":")
            counts = reads_as_name(name) if source == NAME else source not in (EMAIL, PHONE)
            found |= {name} if counts else set()
    return sorted(found)


def _batched(items: Iterator[str], size: int) -> Iterator[list[str]]:
    while some := list(islice(items, size)):
        yield some


def _counts(step: Step, parts: list[Part]) -> tuple[Counter[str], Counter[str]]:
    """Turns by outcome ("" = kept, else the reason), and replaced spans by kind in what is kept."""
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for table in step.tables(parts):
        frame = pl.DataFrame(table.select(["verdict", "reason", "kinds"]))
        for verdict, reason, count in frame.group_by("verdict", "reason").len().iter_rows():
            counts["" if verdict == "keep" else reason] += count
        kept = frame.filter(pl.col("verdict") == "keep").get_column("kinds").explode().drop_nulls()
        kinds.update(kept.to_list())
    return counts, kinds
