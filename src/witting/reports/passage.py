"""How words pass: the funnel, why they were stopped, where they came from, what was replaced, what the corpus holds.

Covers: those sections, from the rows the stages gave. Not covered: what was measured on the model (`measured.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from witting.reports.facts import Facts, Results
from witting.reports.view import Bar, Bars, Column, Fact, Figure, Section, Table
from witting.reports.words import count, listed, name, percent, reason

PERMIT = "permit"
ROWS_MAX = 24  # of a table and its chart; what is smaller is one row together
OTHERS = "others"
UNITS = {"records": ("record", "records"), "turns": ("message", "messages")}
Row = Mapping[str, Any]  # Any: a funnel row (walk/step.py): stage, unit, read, kept, refused, dropped, …
Counts = Mapping[str, int]


def funnel_rows(results: Results) -> tuple[Row, ...]:
    return tuple(room["funnel"] for room in results.values() if "funnel" in room)


def funnel(results: Results) -> Section:
    rows = funnel_rows(results)
    if not rows:
        return Section("funnel", "The funnel", "Nothing was read", said=("The walk stopped before reading.",))
    title = f"{_in_words(rows[-1]['kept'], rows[-1])} of {_in_words(rows[0]['read'], rows[0])} came through"
    chart = Bars(
        title=title,
        described="; ".join(
            f"{name('rooms', r['stage'])}: {r['kept']:,} of {r['read']:,} go on" for r in rows
        ),
        unit="records, then messages",
        bars=tuple(_stage_bar(row) for row in rows),
    )
    said = ["Solid is what goes on to the next stage; striped is what stops there."]
    if rows[0]["read"] == 0:
        said.append("There was nothing in the inbox that holds messages.")
    closing = ["In every row, read = goes on + refused + dropped + set aside."]
    if all(after["read"] == before["kept"] for before, after in pairwise(rows)):
        closing.append(
            "Each stage reads exactly what the stage before let go on: nothing is lost in between."
        )
    closing.append(
        "Refused: rights or sensitive words forbid it. Dropped: not a message, or nothing to learn from. "
        "Set aside: damaged, kept sealed until the retention time is over."
    )
    return Section(
        "funnel", "The funnel", title, tuple(said), (Figure("funnel-chart", chart, _funnel_table(rows)),),
        closing=tuple(closing),
    )  # fmt: skip


def _stage_bar(row: Row) -> Bar:
    return Bar(
        label=name("rooms", row["stage"]),
        value=row["kept"],
        whole=row["read"],
        said=f"{row['kept']:,} of {row['read']:,} go on",
        note=name("asked", row["stage"]),
    )


def _funnel_table(rows: Sequence[Row]) -> Table:
    numbers = ("read", "kept", "refused", "dropped", "quarantined")
    heads = ("read", "go on", "refused", "dropped", "set aside")
    return Table(
        caption="The funnel in numbers",
        columns=(Column("stage"), Column("counted in"), *(Column(head, "number") for head in heads)),
        rows=tuple(
            (name("rooms", row["stage"]), UNITS[row["unit"]][1], *(f"{row[number]:,}" for number in numbers))
            for row in rows
        ),
    )


def stopped(results: Results) -> Section:
    """Why messages were stopped, stage by stage."""
    by_stage = {row["stage"]: row for row in funnel_rows(results)}
    rights = by_stage.get("rights")
    figures = [_reasons_figure(by_stage[stage], results) for stage in
               ("rights", "redaction", "curation", "intake") if by_stage.get(stage, {}).get("reasons")]  # fmt: skip
    said = [] if rights is None else [_bases(results)]
    if rights is not None and results["rights"].get("people"):
        said.append("Somebody whose messages stopped for several reasons is counted with each of them.")
    return Section(
        "refusals",
        "Why words were stopped",
        _stopped_title(rights),
        tuple(filter(None, said)),
        tuple(figures),
    )


def _stopped_title(rights: Row | None) -> str:
    if rights is None:
        return "Nobody's rights were asked yet"
    if not rights["reasons"]:
        return "Rights stopped nothing"
    word, _ = _largest(rights["reasons"])
    return (
        f"Rights stopped {count(rights['refused'], 'message')}. Most often: {_opened(reason('rights', word))}"
    )


def _bases(results: Results) -> str:
    """What the permitted messages rest on."""
    bases = results["rights"].get("bases") or {}
    said = [f"{name('bases', base)} ({count(number, 'message')})" for base, number in bases.items()]
    return f"What was let through rests on {listed(said)}, valid then and valid now." if said else ""


def _reasons_figure(row: Row, results: Results) -> Figure:
    stage, ranked = row["stage"], _ranked(row["reasons"])
    left, unit = row["read"] - row["kept"], UNITS[row["unit"]][1]
    room = name("rooms", stage)
    people = results[stage].get("people") if stage == "rights" else None
    table = Table(
        caption=f"{room}: why {left:,} {unit if left != 1 else UNITS[row['unit']][0]} stopped",
        columns=(
            Column("reason"), Column("in words"), Column(unit, "number"), Column("share", "number"),
            *([Column("people", "number")] if people else []),
        ),
        rows=tuple(
            (
                word.replace("_", " "), reason(stage, word), f"{number:,}", percent(number / left),
                *([f"{people.get(word, 0):,}"] if people else []),
            )
            for word, number in ranked
        ),
        total=("all", "", f"{left:,}", percent(1.0), *([""] if people else [])),
    )  # fmt: skip
    chart = _reasons_chart(ranked, left, unit) if stage == "rights" and len(ranked) > 1 else None
    return Figure(f"reasons-{stage}", chart, table)


def _reasons_chart(ranked: Sequence[tuple[str, int]], left: int, unit: str) -> Bars:
    word, most = ranked[0]
    return Bars(
        title=f"“{word.replace('_', ' ')}” is the reason for {percent(most / left)} of what rights stopped",
        described="; ".join(f"{word.replace('_', ' ')}: {number:,}" for word, number in ranked),
        unit=unit,
        bars=tuple(Bar(word.replace("_", " "), number, number, f"{number:,}") for word, number in ranked),
    )


def origins(results: Results, facts: Facts) -> Section | None:
    """By place and by surface: read, and let through."""
    rights = results.get("rights")
    if rights is None:
        return None
    places, surfaces = rights["places"], rights.get("surfaces") or {}
    figures = []
    if places:
        figures.append(_origin_figure("places", "place", places, facts))
    if surfaces:
        figures.append(_origin_figure("surfaces", "surface", surfaces, None))
    unknown = sum(places.get("unknown", {}).values())
    said = []
    if unknown:
        said.append(
            f"For {count(unknown, 'message')} nobody knows where the person lives: the strictest rules were used."
        )
    known = len(places.keys() - {"unknown"})
    title = f"Words came from {count(known, 'known place')} and {count(len(surfaces), 'surface')}"
    return Section("origins", "By place and surface", title, tuple(said), tuple(figures))


def _origin_figure(group: str, one: str, counted: Mapping[str, Counts], facts: Facts | None) -> Figure:
    counted = _few(counted)
    read = {key: sum(counts.values()) for key, counts in counted.items()}
    let = {key: counts.get(PERMIT, 0) for key, counts in counted.items()}
    order = sorted(counted, key=lambda key: (key == OTHERS, -read[key], key))
    lowest = min(order, key=lambda key: (let[key] / read[key], key))
    chart = Bars(
        title=f"{_label(group, lowest)}: {percent(let[lowest] / read[lowest])} of its messages may be used, "
        f"the smallest share of any {one}",
        described="; ".join(f"{_label(group, key)}: {let[key]:,} of {read[key]:,}" for key in order),
        unit="messages",
        bars=tuple(
            Bar(_label(group, key), let[key], read[key], f"{let[key]:,} of {read[key]:,}") for key in order
        ),
    )
    rules = (Column("rules applied"),) if facts else ()
    table = Table(
        caption=f"Messages by {one}: read, and permitted",
        columns=(
            Column(one), *rules, Column("read", "number"), Column("may be used", "number"),
            Column("share", "number"), Column("mostly stopped because"),
        ),
        rows=tuple(
            (
                _label(group, key), *([_pack(key, facts)] if facts else []), f"{read[key]:,}", f"{let[key]:,}",
                percent(let[key] / read[key]), _mostly(counted[key]),
            )
            for key in order
        ),
        total=(
            "all", *([""] if facts else []), f"{sum(read.values()):,}", f"{sum(let.values()):,}",
            percent(sum(let.values()) / sum(read.values())), "",
        ),
    )  # fmt: skip
    return Figure(group, chart, table)


def _few(counted: Mapping[str, Counts]) -> Mapping[str, Counts]:
    """The largest groups, and the others as one."""
    if len(counted) <= ROWS_MAX:
        return counted
    ranked = sorted(counted, key=lambda key: (-sum(counted[key].values()), key))
    others: Counter[str] = Counter()
    for key in ranked[ROWS_MAX - 1 :]:
        others.update(counted[key])
    return {key: counted[key] for key in ranked[: ROWS_MAX - 1]} | {OTHERS: others}


def _label(group: str, key: str) -> str:
    said = name(group, key)
    return f"{said} ({key})" if group == "places" and key not in ("unknown", OTHERS, said) else said


def _pack(place: str, facts: Facts) -> str:
    if place == OTHERS:
        return "each by its own"
    pack = facts.packs.get(facts.pack_of.get(place, ""))
    return pack.title if pack is not None else "not recorded"


def _mostly(counts: Counts) -> str:
    denied = {word: number for word, number in counts.items() if word != PERMIT}
    if not denied:
        return "nothing was stopped"
    word, number = _largest(denied)
    return f"{word.replace('_', ' ')} ({number:,})"


def replaced(results: Results) -> Section | None:
    """What redaction took out, by kind."""
    redaction = results.get("redaction")
    if redaction is None:
        return None
    ranked, kept = _ranked(redaction["kinds"]), redaction["funnel"]["kept"]
    total = sum(number for _, number in ranked)
    title = (
        f"{count(total, 'thing')} that identify or expose people were replaced in {count(kept, 'message')}"
    )
    if total == 0:
        title = f"Nothing that identifies people was found in {count(kept, 'message')}"
    said = (
        "Each is replaced by a marker that is visibly one, such as <PHONE_1>, the same within one conversation. "
        "Only messages that were permitted are ever opened.",
    )
    closing = (
        "Redaction finds what its patterns, lists and known names cover. What each kind misses stands in "
        "docs/redaction.md; a name that nobody introduced can stay.",
    )
    figures = (_kinds_figure(ranked, total),) if total else ()
    return Section("redaction", "What was replaced", title, said, figures, closing=closing)


def _kinds_figure(ranked: Sequence[tuple[str, int]], total: int) -> Figure:
    labels = {kind: _kind(kind) for kind, _ in ranked}
    first, most = ranked[0]
    chart = Bars(
        title=f"Most often: {_opened(labels[first])} ({most:,} of {total:,})",
        described="; ".join(f"{labels[kind]}: {number:,}" for kind, number in ranked),
        unit="replacements",
        bars=tuple(Bar(labels[kind], number, number, f"{number:,}") for kind, number in ranked),
    )
    table = Table(
        caption="Replacements by kind; no words are kept with them",
        columns=(Column("kind"), Column("marker", "mono"), Column("replaced", "number")),
        rows=tuple((labels[kind], kind, f"{number:,}") for kind, number in ranked),
        total=("all", "", f"{total:,}"),
    )
    return Figure("kinds", chart, table)


def _kind(kind: str) -> str:
    """`NATIONAL_ID.FR_NIR`: its family in words, and what is finer as it stands."""
    family, _, finer = kind.partition(".")
    return f"{name('kinds', family)} ({finer.replace('_', ' ')})" if finer else name("kinds", family)


def learned_from(results: Results) -> Section | None:
    """The corpus: people, examples, languages, splits."""
    corpus = results.get("corpus")
    if corpus is None:
        return None
    counts = corpus["counts"]
    title = (
        f"{count(counts['examples'], 'example')} of {count(counts['people'], 'person', 'people')}, "
        f"{counts['by_split'].get('train', 0):,} of them to learn from"
    )
    facts = (
        Fact("Corpus", corpus["corpus"], mono=True),
        Fact("Words to learn, estimated", f"{counts['words_estimate']:,}"),
        Fact("Planted test secrets beside them", f"{counts['canaries']:,}"),
    )
    figures = [
        _counted_figure("languages", "language", counts["by_language"], "languages", with_chart=True),
        _counted_figure("examples", "kind of example", counts["by_kind"], "examples"),
        _counted_figure("splits", "use", counts["by_split"], "splits"),
    ]
    said = (
        "Every example belongs to exactly one person. Whole people are held back from learning, never single "
        "messages, so that the measurement below is about strangers.",
    )
    return Section(
        "corpus", "What it learns from", title, said, tuple(f for f in figures if f is not None), facts
    )


def _counted_figure(
    id: str, one: str, counts: Counts, group: str, *, with_chart: bool = False
) -> Figure | None:
    ranked, total = _ranked(counts), sum(counts.values())
    if not ranked:
        return None
    labels = {key: name(group, key) for key, _ in ranked}
    first, most = ranked[0]
    chart = Bars(
        title=f"{percent(most / total)} of examples are in {labels[first]}",
        described="; ".join(f"{labels[key]}: {number:,}" for key, number in ranked),
        unit="examples",
        bars=tuple(Bar(labels[key], number, number, f"{number:,}") for key, number in ranked),
    )
    table = Table(
        caption=f"Examples by {one}",
        columns=(Column(one), Column("examples", "number"), Column("share", "number")),
        rows=tuple((labels[key], f"{number:,}", percent(number / total)) for key, number in ranked),
        total=("all", f"{total:,}", percent(1.0)),
    )
    return Figure(id, chart if with_chart and len(ranked) > 1 else None, table)


def _in_words(number: int, row: Row) -> str:
    return count(number, *UNITS[row["unit"]])


def _ranked(counts: Counts) -> list[tuple[str, int]]:
    """Largest first; of very many, the smallest together at the end."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if len(ranked) <= ROWS_MAX:
        return ranked
    rest = sum(number for _, number in ranked[ROWS_MAX - 1 :])
    return [*ranked[: ROWS_MAX - 1], (OTHERS, rest)]


def _largest(counts: Counts) -> tuple[str, int]:
    return _ranked(counts)[0]


def _opened(sentence: str) -> str:
    """A sentence within another: small letter first, no full stop."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")
