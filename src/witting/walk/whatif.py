"""What would fall if the law, or what we ask of a consent, were another: every turn decided again, nothing committed.

Covers: turns, people, examples and words, corpora, adapters, and what training them again would cost. Not covered: the other
world itself (`rights/whatif.py`). What would take the place of what falls is not worked out: a duplicate elected anew, an answer
to a turn that is left, other label caps. Reads only, holds no lock, and keeps no file.

An example falls with any turn it was made from; one of a turn that is denied already is counted apart. Tokens are an estimate: those that the last run counted in a shard, by the words
of people and of planted canaries. Seconds and steps are those of the last run's own shards; on another machine they are others.
Cost: two passes over the turns' metadata, three decisions each, and every corpus part once.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
import pyarrow as pa

from witting import corpus, training
from witting.corpus.count import learned_words
from witting.engine import apply
from witting.rights import decide as rights
from witting.rights.capture import Evidence, read_evidence
from witting.rights.pack import midnight
from witting.rights.policy import Packs
from witting.rights.whatif import Change, changed_world, judged_again
from witting.store.parts import Part, read_part
from witting.walk.admit import TURNS
from witting.walk.decide import nameless_of, parts_of, surfaces_of, turn_facts
from witting.walk.release import DECIDED as RELEASED
from witting.walk.step import Tell
from witting.walk.train import ADAPTERS
from witting.workspace import Workspace

SUMS = 6  # what _sums counts
TAUGHT = ("sft", "text", "preference")  # kinds of examples that training reads


@dataclass
class _Tally:
    """What the decisions add up to. The one mutable value here."""

    fallen: list[pl.Series] = field(default_factory=list)  # row ids, a part at a time
    shut: list[pl.Series] = field(default_factory=list)  # row ids of those that are denied now already
    permitted: set[str] = field(default_factory=set)  # subjects with a permitted turn now
    left: set[str] = field(default_factory=set)  # of those, with one that stays permitted
    touched: set[str] = field(default_factory=set)  # of those, with one that falls
    turns: Counter[str] = field(default_factory=Counter)
    groups: dict[str, dict[str, Counter[str]]] = field(
        default_factory=lambda: {name: {} for name in ("bases", "laws", "reasons")}
    )


@dataclass(frozen=True)
class _Gone:
    """Turns by their ids (a column `turn`): those that fall with the change, and those denied already."""

    fallen: pl.DataFrame
    shut: pl.DataFrame


def whatif(
    workspace: Workspace, change: Change, *, packs: Packs, now: datetime, tell: Tell
) -> dict[str, Any]:
    """The answer as JSON values (docs/rights.md). `packs` are those of the other world, before `change`."""
    later = now if change.since is None else max(now, midnight(change.since))
    tally = _decided(workspace, change, packs=packs, now=now, later=later, tell=tell)
    fallen = _Gone(
        *(
            pl.concat([pl.Series(dtype=pl.String), *ids]).to_frame("turn")
            for ids in (tally.fallen, tally.shut)
        )
    )
    examples, versions = _corpora(workspace, fallen)
    adapters = _adapters(workspace, fallen)
    again = [one for one in adapters if one["then"] == "trained_again"]
    return {
        "purpose": workspace.settings.rights.purpose,
        "decided_now": now.isoformat(),
        "decided_then": later.isoformat(),
        "turns": _counted(tally.turns["now"], tally.turns["falls"])
        | {"falls_anyway": tally.turns["anyway"], "opens": tally.turns["opens"]},
        "people": _counted(len(tally.permitted), len(tally.permitted - tally.left))
        | {"touched": len(tally.touched)},
        **examples,
        "tokens_estimate": _counted(
            sum(one["tokens_estimate"] for one in adapters),
            sum(one["tokens_fall_estimate"] for one in adapters),
        )
        if adapters
        else None,
        "corpora": versions,
        "adapters": adapters,
        "retraining": {
            "shards": [one["shard"] for one in again],
            "removed": [one["shard"] for one in adapters if one["then"] == "removed"],
            "steps": sum(one["steps"] for one in again),
            "seconds": round(sum(one["seconds"] for one in again), 3),
        },
        "release": _release(workspace, any(one["then"] != "kept" for one in adapters)),
        **{
            name: {key: dict(counts) for key, counts in sorted(groups.items())}
            for name, groups in tally.groups.items()
        },
    }


def _counted(now: int, falls: int) -> dict[str, int]:
    return {"now": now, "falls": falls, "stays": now - falls}


def _counted_apart(now: int, falls: int, already: int) -> dict[str, int]:
    """What is forbidden already neither falls with the change nor stays: the next walk drops it in any case."""
    return {"now": now, "falls": falls, "forbidden_already": already, "stays": now - falls - already}


# Deciding


def _decided(
    workspace: Workspace, change: Change, *, packs: Packs, now: datetime, later: datetime, tell: Tell
) -> _Tally:
    events = workspace.projections.events()
    world = changed_world(packs, change)
    events_then = events
    if change.require_valid:
        events_then = judged_again(
            events, world, at=later, evidence_of=lambda subject, entry: _evidence(workspace, subject, entry)
        )
    nameless = nameless_of(workspace, surfaces_of(workspace))
    worlds = {"now": (events, now, workspace.packs), "changed": (events_then, later, world.packs)}
    if later != now:
        worlds["later"] = (events, later, workspace.packs)  # what time alone does
    stages = {
        name: rights.stage(
            heard,
            purpose=workspace.settings.rights.purpose,
            as_of=moment,
            packs=laws,
            consent_days_max=workspace.settings.rights.consent_days_max,
            nameless=nameless,
        )
        for name, (heard, moment, laws) in worlds.items()
    }
    opened = {name: stage.open() for name, stage in stages.items()}
    tally = _Tally()
    total, done = sum(part.rows for part in parts_of(workspace, TURNS)), 0
    for table in turn_facts(workspace):
        answers = {name: apply(stages[name], opened[name], table) for name in worlds}
        _add(tally, _beside({"later": answers["now"], **answers}), workspace.packs)
        done += table.num_rows
        tell("deciding again", done, total)
    return tally


def _beside(answers: Mapping[str, pa.Table]) -> pl.DataFrame:
    """The answers to each turn, now, later and in the changed world, in one row."""
    now = pl.DataFrame(answers["now"].select(["row_id", "subject_id", "basis", "place"]))
    then = pl.DataFrame(answers["changed"].select(["reason", "rule"]))
    permits = {
        name: pl.DataFrame(table.select(["decision"]))["decision"] == "permit"
        for name, table in answers.items()
    }
    return now.hstack(then).with_columns(**permits)


def _add(tally: _Tally, rows: pl.DataFrame, packs: Packs) -> None:
    permitted = rows.filter("now")
    fallen, left = permitted.filter(~pl.col("changed")), permitted.filter("changed")
    tally.turns["now"] += permitted.height
    tally.turns["falls"] += fallen.height
    tally.turns["anyway"] += fallen.filter(~pl.col("later")).height
    tally.turns["opens"] += rows.filter(~pl.col("now") & pl.col("changed")).height
    tally.fallen.append(fallen["row_id"])
    tally.shut.append(rows.filter(~pl.col("now"))["row_id"])
    tally.permitted |= set(permitted["subject_id"])
    tally.left |= set(left["subject_id"])
    tally.touched |= set(fallen["subject_id"])
    for kind, some in (("now", permitted), ("falls", fallen)):
        for basis, count in some["basis"].value_counts().iter_rows():
            tally.groups["bases"].setdefault(basis, Counter(now=0, falls=0))[kind] += count
        for place, count in some["place"].value_counts().iter_rows():
            law = packs.jurisdiction_of(place)
            tally.groups["laws"].setdefault(law, Counter(now=0, falls=0))[kind] += count
    for reason, rule, count in fallen.group_by("reason", "rule").len().iter_rows():
        tally.groups["reasons"].setdefault(reason, Counter())[rule] += count


def _evidence(workspace: Workspace, subject: str, entry: int) -> Evidence | None:
    """What a consent was given on; None where nothing was kept, or it is gone with its person."""
    commitment = workspace.ledger.entry(entry).body.get("evidence_commitment")
    kept = workspace.vault.evidence(subject, commitment) if commitment is not None else None
    return None if kept is None else read_evidence(json.loads(kept)["evidence"])


# What was made of it


def _examples(workspace: Workspace, part: Part, gone: _Gone) -> pl.DataFrame:
    """kind, split, canary, words, already (made from a turn that is denied now, so that the next walk drops it) and falls (not
    already, and made from a turn that falls) of each example of a part."""
    rows = pl.DataFrame(read_part(workspace.objects, part))
    turns = rows.select("example_id", pl.col("turns").alias("turn")).explode("turn")
    fallen, shut = (
        pl.col("example_id").is_in(turns.join(some, on="turn", how="semi")["example_id"].unique().to_list())
        for some in (gone.fallen, gone.shut)
    )
    return rows.select("kind", "split", "canary", learned_words(rows), already=shut, falls=fallen & ~shut)


def _corpora(workspace: Workspace, gone: _Gone) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Examples and words of the current corpus, and every version with what of it falls. Parts that an erasure deleted
    are counted and not read."""
    read: dict[str, tuple[int, ...] | None] = {}
    versions = []
    newest = [0] * SUMS
    for number, manifest in enumerate(corpus.versions(workspace.snapshots)):
        for part in manifest.parts:
            if part.key not in read:
                exists = workspace.objects.exists(part.key)
                read[part.key] = _sums(_examples(workspace, part, gone)) if exists else None
        known = [sums for part in manifest.parts if (sums := read[part.key]) is not None]
        total = [sum(sums[column] for sums in known) for column in range(SUMS)]
        if number == 0:
            newest = total
        versions.append(
            {
                "corpus": manifest.id,
                "examples": _counted_apart(*total[:3]),
                "falls": total[1] > 0,
                "parts_gone": len(manifest.parts) - len(known),
            }
        )
    examples, words = _counted_apart(*newest[:3]), _counted_apart(*newest[3:])
    return {"examples": examples, "words": words}, versions


def _sums(rows: pl.DataFrame) -> tuple[int, ...]:
    """SUMS numbers: examples, those that fall, those forbidden already; then the same of words. Without canaries."""
    ours = rows.filter(~pl.col("canary"))
    some = (ours, ours.filter("falls"), ours.filter("already"))
    return (*(one.height for one in some), *(int(one["words"].sum()) for one in some))


def _adapters(workspace: Workspace, gone: _Gone) -> list[dict[str, Any]]:
    """Each adapter of the last run: whether something it was trained on falls, and what its training took."""
    folder = workspace.path(ADAPTERS)
    if not (folder / "run.json").is_file():
        return []
    run = training.read_run(folder)
    manifest = corpus.load(workspace.objects, workspace.snapshots, run.corpus_id)
    found = [
        _adapter(workspace, shard, [part for part in manifest.parts if part.shard == shard.shard], gone)
        for shard in run.shards
        if shard.adapter_sha256 is not None
    ]
    nobody = all(one["examples"] == one["examples_fall"] for one in found)
    return (
        [one | {"then": "removed"} for one in found] if nobody else found
    )  # canaries alone are not trained on


def _adapter(
    workspace: Workspace, shard: training.ShardRun, parts: list[Part], turns: _Gone
) -> dict[str, Any]:
    rows = pl.concat([_examples(workspace, part, turns) for part in parts])
    learned = rows.filter((pl.col("split") == "train") & pl.col("kind").is_in(TAUGHT))
    gone = learned.filter("falls")
    losses = training.read_losses(workspace.path(ADAPTERS), shard.shard)
    ours = learned.filter(~pl.col("canary"))
    tokens_per_word = shard.tokens / max(int(learned["words"].sum()), 1)
    return {
        "shard": shard.shard,
        "then": "kept"
        if gone.is_empty()
        else "removed"
        if gone.height + learned["already"].sum() == learned.height
        else "trained_again",
        "examples": ours.height,
        "examples_fall": gone.height,
        "tokens_estimate": round(tokens_per_word * int(ours["words"].sum())),
        "tokens_fall_estimate": round(tokens_per_word * int(gone["words"].sum())),
        "steps": shard.steps,
        "seconds": round(sum(step["seconds"] for step in losses), 3),
    }


def _release(workspace: Workspace, falls: bool) -> dict[str, Any] | None:
    """The last release if its gate opened; it falls with any adapter."""
    last = None
    for entry in workspace.ledger.entries(kind=RELEASED):
        last = entry
    if last is None or not last.body.get("open"):
        return None
    return {"entry": last.index, "run": last.body["run"], "falls": falls}
