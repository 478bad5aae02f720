"""What people's feedback teaches: labels, by whom, and what they hold up as wanted and as unwanted.

Covers: that section, from what curation counted before and after its guards. Not covered: how a label is made (docs/curation.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from witting.reports.facts import Results
from witting.reports.view import Column, Figure, Section, Table
from witting.reports.words import count, listed, name, percent

Counts = Mapping[str, Any]  # Any: one label set of curation's summary, JSON
WHEN = {"before": "before the guards", "after": "after them"}
SIDES = {"wanted": "wanted", "unwanted": "not wanted"}


def feedback(results: Results) -> Section | None:
    """None where curation found nothing that rests on feedback."""
    sets: Mapping[str, Counts] = results.get("curation", {}).get("labels") or {}
    if not sets:
        return None
    labels = sum(said["labels"] for said in sets.values())
    return Section(
        "feedback",
        "What feedback teaches",
        f"{count(labels, 'label')} rest on what people said of an answer" if labels else "No label was made",
        (
            "A label says which answer was wanted. Guards stand before it: a rule over words must be right nine times in "
            "ten, nobody recorded as under 18 makes labels, and no person makes many of a set.",
            *(said for said in (_lean(sets),) if said),
        ),
        (Figure("labels", None, _people(sets)), Figure("labels-hold-up", None, _held_up(sets))),
    )


def _lean(sets: Mapping[str, Counts]) -> str:
    """Which sets would teach flattery or length."""
    flattering = [name("labels", key) for key, said in sets.items() if _more(said, "flattering_share")]
    longer = [name("labels", key) for key, said in sets.items() if _more(said, "chars_mean")]
    told = []
    if flattering:
        told.append(f"Wanted answers flatter more often than unwanted ones in: {listed(flattering)}.")
    if longer:
        told.append(f"Wanted answers are longer than unwanted ones in: {listed(longer)}.")
    return " ".join(told)


def _more(said: Counts, measure: str) -> bool:
    wanted, unwanted = (said["after"][side][measure] for side in SIDES)
    return wanted is not None and unwanted is not None and wanted > unwanted


def _people(sets: Mapping[str, Counts]) -> Table:
    return Table(
        caption="Labels and who made them",
        columns=(
            Column("labels"), Column("number", "number"), Column("people", "number"),
            Column("largest share of one person", "number"),
        ),
        rows=tuple(
            (name("labels", key), f"{said['labels']:,}", f"{said['people']:,}", _share(said["largest_share"]))
            for key, said in sets.items()
        ),
    )  # fmt: skip


def _held_up(sets: Mapping[str, Counts]) -> Table:
    return Table(
        caption="What the labels hold up, before and after the guards",
        columns=(
            Column("labels"), Column("answers that were"), Column("guards"), Column("answers", "number"),
            Column("mean length in characters", "number"), Column("that flatter", "number"),
        ),
        rows=tuple(
            (name("labels", key), SIDES[side], WHEN[when], *_measures(said[when][side]))
            for key, said in sets.items()
            for side in SIDES
            for when in WHEN
            if said["before"][side]["answers"]
        ),
    )  # fmt: skip


def _measures(said: Counts) -> tuple[str, str, str]:
    mean = said["chars_mean"]
    return (
        f"{said['answers']:,}",
        "none" if mean is None else f"{mean:,.0f}",
        _share(said["flattering_share"]),
    )


def _share(share: float | None) -> str:
    return "none" if share is None else percent(share)
