"""The report of a walk: a pure function from what each room gave back, and ledger facts, to a view.

Covers: the verdict on top and the order of the sections. Not covered: the sections (`passage`, `feedback`, `measured`, `proof`,
`next_steps`), drawing (`page.py`), disclosure and assessment forms (later depth).
Written for a privacy officer who reads from the top and may stop anywhere: first the verdict in one paragraph, then
the funnel, then why. A walk that stopped early has the same sections; those not reached say so.
"""

from __future__ import annotations

from datetime import datetime

from witting.reports import measured, passage, proof
from witting.reports.facts import Facts, Results
from witting.reports.feedback import feedback
from witting.reports.next_steps import next_steps
from witting.reports.view import Fact, Section, Verdict, View
from witting.reports.words import count, listed, name


def view(results: Results, facts: Facts) -> View:
    """`results`: JSON by room, as the walk keeps it. Every number of the view comes from there or from `facts`."""
    sections: tuple[Section | None, ...] = (
        passage.funnel(results),
        passage.stopped(results),
        passage.origins(results, facts),
        passage.replaced(results),
        passage.learned_from(results),
        feedback(results),
        measured.training(results, facts),
        measured.helps(results),
        measured.audit(results),
        measured.gate(results),
        proof.unused(results, facts),
        next_steps(results, facts),
        proof.ledger(facts),
        proof.claims(),
    )
    return View(
        title="What happened to people's words",
        about=_about(facts),
        verdict=_verdict(results),
        funnel=passage.funnel_rows(results),
        sections=tuple(section for section in sections if section is not None),
    )


def day(at: datetime) -> str:
    """`24 November 2026, 21:42 UTC`."""
    return f"{at.day} {at:%B %Y}, {at:%H:%M} {at:%Z}"


def _about(facts: Facts) -> tuple[Fact, ...]:
    return (
        Fact("Controller", facts.controller),
        Fact("Purpose", name("purposes", facts.purpose)),
        Fact("As of", day(facts.as_of)),
    )


def _verdict(results: Results) -> Verdict:
    said = " ".join(
        sentence for sentence in (_words_said(results), _learned(results), _gate(results)) if sentence
    )
    decided = results.get("release")
    if decided is None:
        return Verdict("undecided", "Not decided", said)
    if not decided["open"]:
        return Verdict("refused", "Refused", said)
    return Verdict("released", f"Released, for {name('audiences', decided['audience'])}", said)


def _words_said(results: Results) -> str:
    rights = results.get("rights")
    if rights is None:
        read = results.get("intake")
        return (
            f"{count(read['funnel']['kept'], 'message')} were read; nobody's rights were asked yet."
            if read
            else ""
        )
    row, people = rights["funnel"], (rights.get("people") or {}).get("all")
    if row["read"] == 0:
        return "No message was read, so nothing may teach a model."
    of = f" in talks of {count(people, 'person', 'people')}" if people else ""
    return f"Of {count(row['read'], 'message')}{of}, {row['kept']:,} may teach the model."


def _learned(results: Results) -> str:
    corpus, curated = results.get("corpus"), results.get("curation")
    if corpus is None or curated is None:
        return ""
    counts = corpus["counts"]
    return (
        f"What was found that identifies people was replaced, and {count(curated['funnel']['kept'], 'message')} became "
        f"{count(counts['examples'], 'example')} of {count(counts['people'], 'person', 'people')}."
    )


def _gate(results: Results) -> str:
    decided = results.get("release")
    if decided is None:
        return "The walk stopped before the gate: no adapter was released."
    seen = measured.trace(results["audit"]["report"]) if "audit" in results else ""
    saw = f" The audit saw that {seen}." if seen else ""
    if not decided["open"]:
        failed = [name("checks", check["name"]) for check in decided["checks"] if not check["ok"]]
        on = listed([check[:1].lower() + check[1:] for check in failed])
        return f"The gate refused the adapter: {len(failed)} of {count(len(decided['checks']), 'check')} failed ({on}).{saw}"
    small = (
        " It was too small to rule a leak out." if seen else " The audit was too small to rule a leak out."
    )
    return (
        f"The gate released the adapter, for {name('audiences', decided['audience'])}."
        f"{saw}{small if decided['underpowered'] else ''}"
    )
