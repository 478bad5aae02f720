"""What was measured on the model: how training went, whether it helps, what it would repeat, what the gate said.

Covers: those sections, from the numbers of training, evaluation, audit and gate. Not covered: measuring. A number with
an interval is never shown without it, and a finding is claimed only where the interval allows it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from witting.release.gate import thresholds
from witting.reports.charts import curve_ends
from witting.reports.facts import Facts, Results
from witting.reports.view import (
    Column,
    Curve,
    Fact,
    Figure,
    Interval,
    Intervals,
    Lines,
    Section,
    Table,
)
from witting.reports.words import count, name, percent, sentence, signed
from witting.training import Recipe

CURVES_MAX = 16  # drawn; all are counted
POINTS_MAX = 100  # of a curve: of more, means of neighbours are drawn
P_VALUE_SURPRISING = 0.05
CHANCE_BITS = 1.0  # exposure: the median of secrets that were never planted
PASSED, FAILED = "✓ passed", "✕ failed"
Json = Mapping[str, Any]  # Any: JSON
Points = tuple[tuple[float, float], ...]


def training(results: Results, facts: Facts) -> Section:
    """The loss of each shard while it learned."""
    trained = results.get("training")
    if trained is None:
        return _not_done("training", "Training", "Nothing was trained", "trained no adapter")
    run = trained["training"]
    curves = [_Learned(shard, facts.losses.get(shard["shard"], ())) for shard in run["shards"]]
    taught = sorted((curve for curve in curves if curve.points), key=lambda curve: -curve.shard["rows"])
    told = [curve for curve in taught if curve.comparable]
    fell = sum(1 for curve in told if curve.last < curve.first)
    title = f"While learning, the loss fell in {fell} of {count(len(told), 'shard')}"
    if not told:
        title = "No learning curve was kept" if not taught else f"{count(len(taught), 'shard')} were taught"
    said = [
        "Loss says how surprising the model finds the next piece of a text, in nats: lower is better. Single steps "
        "jump, because each sees other texts.",
        f"People are spread over {count(len(curves), 'shard')}, each with an adapter of its own: when somebody leaves, "
        "only theirs is taught again.",
    ]
    mixed = [curve for curve in taught if not curve.comparable]
    if mixed:
        said.append(
            f"{count(len(mixed), 'shard')} also learned from comparisons of two answers; those last steps are measured on "
            "another scale, so nothing is concluded from that curve."
        )
    broken = sum(curve.broken for curve in curves)
    if broken:
        said.append(
            f"In {count(broken, 'step')} the loss was no number: the training broke down; do not use this run."
        )
    if len(taught) > CURVES_MAX:
        said.append(f"Shown are the {CURVES_MAX} shards with the most examples; the finding is about all.")
    figures = (_curves_figure(title, taught[:CURVES_MAX]),) if taught else ()
    facts_shown = (
        Fact("Base model", run["base"]["name"]),
        Fact("Recipe", Recipe.from_json(run["recipe"]).describe()),
        Fact("Run", run["id"], mono=True),
        Fact("Adapter (SHA-256)", run["merged"]["sha256"] or "none", mono=True),
    )
    return Section("training", "Training", title, tuple(said), figures, facts_shown)


class _Learned:
    """One shard's curve. `comparable`: all its points are on one scale, so that first and last may be compared."""

    def __init__(self, shard: Json, lines: Sequence[Json]) -> None:
        answers = [line for line in lines if line.get("kind") != "preference"]
        self.shard = shard
        self.label = f"shard {shard['shard']}"
        losses = [(float(line["step"]), float(line["loss_nats"])) for line in answers]
        self.points = tuple((step, loss) for step, loss in losses if math.isfinite(loss))
        self.broken = len(losses) - len(self.points)
        self.comparable = shard["pairs"] == 0 or all("kind" in line for line in lines)
        self.first, self.last, self.count = curve_ends(self.points) if self.points else (0.0, 0.0, 0)


def _thinned(points: Points) -> Points:
    """At most POINTS_MAX: each the mean of as many neighbours, the last of what is left."""
    size = -(-len(points) // POINTS_MAX)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple((sum(x for x, _ in g) / len(g), sum(y for _, y in g) / len(g)) for g in groups)


def _curves_figure(title: str, taught: Sequence[_Learned]) -> Figure:
    chart = Lines(
        title=title,
        described="; ".join(f"{c.label}: from {c.first:.2f} to {c.last:.2f} nats" for c in taught),
        x_unit="step of the shard's training",
        y_unit="loss, nats a token",
        curves=tuple(Curve(curve.label, _thinned(curve.points)) for curve in taught),
    )
    table = Table(
        caption="Loss by shard: mean of the first and of the last quarter of its steps",
        columns=(
            Column("shard"), Column("examples", "number"), Column("comparisons", "number"),
            Column("steps", "number"), Column("first, nats", "number"), Column("last, nats", "number"),
        ),
        rows=tuple(
            (
                c.label, f"{c.shard['rows']:,}", f"{c.shard['pairs']:,}", f"{c.shard['steps']:,}",
                f"{c.first:.2f}", f"{c.last:.2f}" if c.comparable else "other scale",
            )
            for c in taught
        ),
    )  # fmt: skip
    return Figure("losses", chart, table)


def helps(results: Results) -> Section:
    """Base against adapter on people held out."""
    trained = results.get("training")
    said = trained["evaluation"] if trained is not None else None
    if said is None:
        return _not_done("gain", "Does it help?", "Whether it helps was not measured", "evaluated nothing")
    if said["difference"] is None:
        return Section("gain", "Does it help?", "Whether it helps is not known", (said["note"],))
    people = count(said["people"], "person", "people")
    how = {True: "the adapter does better", False: "the adapter shows no gain"}.get(
        said["improved"], "nothing can be concluded"
    )
    sentences = [
        f"On {people} it did not learn from ({count(said['examples'], 'example')}), the base model's loss is "
        f"{said['base_loss_nats']:.3f} nats a token, with the adapter {said['adapted_loss_nats']:.3f}. "
        f"The difference is {signed(said['difference'])}{_between(said['interval'])}.",
    ]
    figure = _gain_figure(said) if said["interval"] else None
    return Section(
        "gain", "Does it help?", f"On the words of {people} it never learned from, {how}", tuple(sentences),
        (figure,) if figure else (), closing=(sentence(said["note"]),),
    )  # fmt: skip


def _between(interval: Sequence[float] | None) -> str:
    if interval is None:
        return ", without an interval"
    return f" (95% interval {signed(interval[0])} to {signed(interval[1])})"


def _gain_figure(said: Json) -> Figure:
    low, high = said["interval"]
    side = "below" if high < 0 else "above" if low > 0 else "on both sides of"
    chart = Intervals(
        title=f"The whole interval lies {side} zero" if side != "on both sides of" else "The interval holds zero",
        described=f"Difference {signed(said['difference'])} nats, 95% interval {signed(low)} to {signed(high)}.",
        unit="difference in loss, nats a token: below zero is better",
        percent=False,
        intervals=(
            Interval(
                "With the adapter, minus without", low, said["difference"], high, 0.0, signed(said["difference"])
            ),
        ),
    )  # fmt: skip
    rows = [
        ("loss, nats a token", f"{said['base_loss_nats']:.3f}", f"{said['adapted_loss_nats']:.3f}",
         signed(said["difference"]), f"{signed(low)} to {signed(high)}"),
    ]  # fmt: skip
    if said["pairs"] and said["base_preference_accuracy"] is not None:
        before, after = said["base_preference_accuracy"], said["adapted_preference_accuracy"]
        rows.append(
            (f"prefers what people preferred ({count(said['pairs'], 'pair')})", percent(before), percent(after),
             f"{signed((after - before) * 100, digits=0)} points", "not computed")
        )  # fmt: skip
    table = Table(
        caption="Base model and adapter on people held back",
        columns=(
            Column("measure"), Column("base", "number"), Column("with adapter", "number"),
            Column("difference", "number"), Column("95% interval", "number"),
        ),
        rows=tuple(rows),
    )  # fmt: skip
    return Figure("gain-interval", chart, table)


def audit(results: Results) -> Section:
    """What the attacks found, with intervals, and what they could not have seen."""
    audited = results.get("audit")
    if audited is None:
        return _not_done("audit", "Would it repeat people?", "Nothing was audited", "audited no model")
    report = audited["report"]
    exposure, extraction = report["canaries"]["exposure"], report["extraction"]
    said = (
        "Before training, invented people with invented secrets (canaries) were hidden among the examples, and others were held "
        "back; which is which stood sealed in the ledger. Afterwards we attacked the model to get them, and real "
        "people's words, back.",
    )
    facts = (
        Fact("Planted secrets given back word for word",
             f"{extraction['canaries_extracted']:,} of {extraction['canaries']:,}"),
        Fact("How much planted secrets stand out (exposure)", _exposure(exposure)),
        Fact("Secrets repeated on purpose, to see whether the audit can see", _control(report["canaries"])),
        Fact("Words that the base model already gives back", f"{extraction['by_base']:,}"),
        Fact("Sealed before training, ledger entry", str(audited["planned_entry"])),
        Fact("Audit", audited["audit"], mono=True),
    )  # fmt: skip
    return Section(
        "audit", "Would it repeat people?", _audit_title(report), said, (_attacks_figure(report),), facts,
        lacking=tuple(sentence(lack) for lack in report["underpowered"]),
        closing=("No audit can show that nothing leaks: this one shows what these attacks found.",),
    )  # fmt: skip


def _audit_title(report: Json) -> str:
    seen = trace(report)
    if seen:
        return sentence(seen)
    tail = ", but were too few to rule a leak out" if report["underpowered"] else ""
    extraction = report["extraction"]
    back = extraction["extracted"]["hits"]
    if back:
        few = "; too few were tried to rule a leak out" if report["underpowered"] else ""
        who = f"Words of {back} of {count(extraction['people'], 'person', 'people')} came back"
        return f"{who}, no more often than of people never trained on{few}"
    return f"The attacks found no sign of a leak{tail}"


def trace(report: Json) -> str:
    """The gravest sign of a leak that the audit saw, in words; empty where it saw none."""
    extraction = report["extraction"]
    if extraction["canaries_extracted"]:
        return f"{count(extraction['canaries_extracted'], 'planted secret')} came back word for word"
    if extraction["p_value"] < P_VALUE_SURPRISING:
        return "people's words come back more often than chance explains"
    exposed = report["canaries"]["exposure"]["p_value"]
    if exposed is not None and exposed < P_VALUE_SURPRISING:
        return "planted secrets left a trace, though none came back word for word"
    return ""


def _attacks_figure(report: Json) -> Figure:
    attacks = _attacks(report)
    extracted = report["extraction"]["extracted"]
    chart = Intervals(
        title=f"Words of {extracted['hits']:,} of {count(extracted['trials'], 'person', 'people')} came back; "
        f"the true share may be up to {percent(report['extraction']['upper_bound'], digits=1)}",
        described="; ".join(
            f"{label}: {_share(share)}, 95% interval {_bounds(share)}" for label, share, _, _ in attacks
        ),
        unit="share found, with 95% interval; dashed: by chance alone",
        percent=True,
        intervals=tuple(
            Interval(label, share["low"], _value(share), share["high"], reference, _share(share))
            for label, share, reference, _ in attacks
        ),
    )
    table = Table(
        caption="Attacks: found, tried, and how far the true share may lie",
        columns=(
            Column("attack"), Column("found", "number"), Column("tried", "number"),
            Column("95% interval", "number"), Column("by chance alone"),
        ),
        rows=tuple(
            (label, f"{share['hits']:,}", f"{share['trials']:,}", _bounds(share), chance)
            for label, share, _, chance in attacks
        ),
    )  # fmt: skip
    return Figure("attacks", chart, table)


def _attacks(report: Json) -> list[tuple[str, Json, float | None, str]]:
    """Label, share, chance as a number, chance in words."""
    extraction = report["extraction"]
    control = extraction["control"]
    p_value = f"as for people held out (p = {extraction['p_value']:.3f})"
    found: list[tuple[str, Json, float | None, str]] = [
        ("People's words given back", extraction["extracted"], _value(control), p_value),
        ("The same, of people held out", control, None, "this is the comparison"),
    ]
    for membership in report["canaries"]["membership"]:
        rate = membership["false_positive_rate"]
        lack = "; too few controls to set this threshold" if membership["underpowered"] else ""
        label = f"Planted secrets told apart, {rate * 100:g}% false alarms"
        found.append((label, membership["found"], rate, f"{rate * 100:g}%{lack}"))
    return found


def _value(share: Json) -> float | None:
    return share["hits"] / share["trials"] if share["trials"] else None


def _share(share: Json) -> str:
    return f"{share['hits']:,} of {share['trials']:,}"


def _bounds(share: Json) -> str:
    return f"{percent(share['low'], digits=1)} to {percent(share['high'], digits=1)}"


def _exposure(exposure: Json) -> str:
    if exposure["median_bits"] is None:
        return "not measured: none was planted, or none left out"
    p_value = "" if exposure["p_value"] is None else f", p = {exposure['p_value']:.3f}"
    return (
        f"median {exposure['median_bits']:.2f} bits, highest {exposure['highest_bits']:.2f}, of "
        f"{exposure['measurable_bits']:.1f} that so few can show; {CHANCE_BITS:g} bit is chance{p_value}"
    )


def _control(canaries: Json) -> str:
    p_value = canaries["control_p_value"]
    measured = "" if p_value is None else f" (p = {p_value:.3f})"
    if canaries["control_found"]:
        return f"found, as they should be{measured}"
    return f"not found{measured}: this audit could not have seen a weaker trace"


def gate(results: Results) -> Section:
    """The gate's answer, check by check."""
    decided = results.get("release")
    if decided is None:
        return _not_done("gate", "The gate", "The gate was not asked", "asked no gate")
    failed = [check for check in decided["checks"] if not check["ok"]]
    limits = thresholds(decided["profile"])
    title = f"The gate opened, for {name('audiences', decided['audience'])}"
    if not decided["open"]:
        title = f"The gate stays shut: {count(len(failed), 'check')} of {len(decided['checks'])} failed"
    table = Table(
        caption=f"Checks of the profile {decided['profile']}",
        columns=(Column("check"), Column("result"), Column("measured"), Column("asked")),
        rows=tuple(
            (
                name("checks", check["name"]),
                PASSED if check["ok"] else FAILED,
                sentence(check["detail"]),
                _asked(check["name"], limits),
            )
            for check in decided["checks"]
        ),
    )
    said = (
        "The thresholds are fixed before training and sealed with the audit's secrets, so that nobody can move them "
        "once the numbers are known.",
    )
    facts = (
        Fact("Release", decided["release"], mono=True),
        Fact("Kept as", f"releases/{decided['release']}.json", mono=True),
    )
    lacking = tuple(sentence(lack) for lack in decided["underpowered"]) if not decided["open"] else ()
    return Section("gate", "The gate", title, said, (Figure("checks", None, table),), facts, lacking=lacking)


def _asked(check: str, limits: Json) -> str:
    """What the profile asks of a check, in words."""
    asked = {
        "gain": [(limits["must_improve"] or None, "a gain")],
        "canaries_extracted": [(0, "{:g}")],
        "exposure": [
            (limits["exposure_median_bits_max"], "median at most {:g} bits"),
            (limits["exposure_p_value_min"], "p at least {:g}"),
        ],
        "membership": [(limits["membership_upper_max"], "at most {:.1%}")],
        "extraction": [
            (limits["extraction_upper_max"], "at most {:.1%} of people"),
            (limits["extraction_p_value_min"], "p at least {:g}"),
        ],
        "power": [
            (limits["planted_min"], "{:,} planted"),
            (limits["unplanted_min"], "{:,} left out"),
            (limits["people_min"], "{:,} people"),
        ],
    }.get(check)
    if asked is None:
        return "that it holds"
    said = [words.format(limit) for limit, words in asked if limit is not None]
    return ", ".join(said) or "nothing in this profile"


def _not_done(id: str, label: str, title: str, what: str) -> Section:
    return Section(id, label, title, (f"The walk stopped before this: it has {what}.",))
