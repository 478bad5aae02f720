"""What a report is: a verdict, then sections, each a finding with its sentences, figures and lists. All of it JSON.

Covers: the shape of `reports/report.json`, which is also all that the page is drawn from (docs/reports.md). Not
covered: filling it (`run.py`), drawing it (`page.py`). A figure is a chart together with the table of its numbers:
there is no chart without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

FORMAT = "witting.report/1"


@dataclass(frozen=True)
class Column:
    """`number` stands to the right; `mono` is a hash, an id or a command."""

    name: str
    kind: Literal["text", "number", "mono"] = "text"


@dataclass(frozen=True)
class Table:
    """The first cell of a row names it. `total`: a last row that adds up."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bar:
    """`value` of `whole`: the rest of the whole is drawn too, striped."""

    label: str
    value: int
    whole: int
    said: str  # the numbers in words, at the end of the row
    note: str = ""


@dataclass(frozen=True)
class Bars:
    title: str  # the finding
    described: str
    unit: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Curve:
    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Lines:
    title: str
    described: str
    x_unit: str
    y_unit: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Interval:
    """A measured value between its bounds. `reference`: where it would lie if nothing were there to find."""

    label: str
    low: float
    value: float | None
    high: float
    reference: float | None
    said: str


@dataclass(frozen=True)
class Intervals:
    title: str
    described: str
    unit: str
    percent: bool  # values are shares
    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class Figure:
    """`chart` is None where a table says it better alone."""

    id: str
    chart: Bars | Lines | Intervals | None
    table: Table


@dataclass(frozen=True)
class Fact:
    """A name and a value; `mono` for hashes, ids and commands."""

    name: str
    value: str
    mono: bool = False


@dataclass(frozen=True)
class NextStep:
    do: str  # the act, in a few words
    why: str
    command: str = ""


@dataclass(frozen=True)
class Section:
    """`title` says the finding. `lacking`: sentences on what could not be shown."""

    id: str
    name: str  # for the list of contents
    title: str
    said: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    facts: tuple[Fact, ...] = ()
    lacking: tuple[str, ...] = ()
    steps: tuple[NextStep, ...] = ()
    closing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """`standing`: released, refused, or undecided where the walk did not come to the gate."""

    standing: Literal["released", "refused", "undecided"]
    label: str
    said: str


@dataclass(frozen=True)
class View:
    """A report. `funnel` are the rows of the stages, as the stages gave them."""

    title: str
    about: tuple[Fact, ...]
    verdict: Verdict
    funnel: tuple[Mapping[str, Any], ...]  # Any: JSON rows of the walk
    sections: tuple[Section, ...]

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}
