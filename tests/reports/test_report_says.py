"""What the report says: the numbers it was given, in words, and no more than they allow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invented_walk import ROOMS, SUBJECT, Page, invented, invented_facts, share, stage

from witting import curation, redaction, schema
from witting.intake import SOURCES
from witting.release.gate import PROFILES
from witting.reports import Facts, render, view
from witting.reports.view import Bars, Lines, Section, View
from witting.reports.words import count, listed, name, percent, reason, refusal
from witting.rights.reasons import PERMITS
from witting.rights.reasons import REASONS as RIGHTS

COUNTS = st.dictionaries(st.sampled_from(sorted(RIGHTS)), st.integers(1, 10**7), max_size=9)


def section(made: View, id: str) -> Section:
    return next(section for section in made.sections if section.id == id)


def words_of(part: Any) -> str:
    return json.dumps(part.__dict__, default=lambda value: value.__dict__, ensure_ascii=False)


def number(cell: str) -> int:
    return int(cell.replace(",", ""))


def test_the_verdict_says_first_how_many_may_teach_and_what_the_gate_said(
    results: dict[str, Any], facts: Facts
) -> None:
    verdict = view(results, facts).verdict
    assert verdict.standing == "released"
    assert verdict.said.startswith("Of 1,002 messages in talks of 44 people, 811 may teach the model.")
    assert "641 messages became 330 examples of 28 people" in verdict.said
    assert "for the operator's own eyes only. The audit was too small to rule a leak out." in verdict.said


@settings(deadline=None, max_examples=50)
@given(kept=st.integers(0, 10**7), refused=COUNTS, dropped=COUNTS)
def test_the_funnel_shows_the_numbers_of_the_stages_and_every_row_adds_up(
    kept: int, refused: dict[str, int], dropped: dict[str, int]
) -> None:
    results = invented() | {"curation": {"funnel": stage("curation", "turns", kept=kept, dropped=dropped)}}
    results["rights"]["funnel"] = stage("rights", "turns", kept=kept + sum(dropped.values()), refused=refused)
    made = view(results, invented_facts())
    table = section(made, "funnel").figures[0].table
    given_rows = [room["funnel"] for room in results.values() if "funnel" in room]
    assert len(table.rows) == len(given_rows) == len(made.funnel)
    for row, seen in zip(table.rows, given_rows, strict=True):
        read, on, *rest = [number(cell) for cell in row[2:]]
        assert [read, on, *rest] == [seen[n] for n in ("read", "kept", "refused", "dropped", "quarantined")]
        assert read == on + sum(rest)
    chart = section(made, "funnel").figures[0].chart
    assert isinstance(chart, Bars)
    assert [(bar.value, bar.whole) for bar in chart.bars] == [(s["kept"], s["read"]) for s in given_rows]


def test_nothing_is_said_to_be_complete_where_a_stage_reads_less_than_the_one_before_let_go_on(
    results: dict[str, Any], facts: Facts
) -> None:
    assert "nothing is lost" in words_of(section(view(results, facts), "funnel"))
    results["curation"]["funnel"] = stage("curation", "turns", kept=641)
    assert "nothing is lost" not in words_of(section(view(results, facts), "funnel"))


@pytest.mark.parametrize("stage_name", ["rights", "redaction", "curation", "intake"])
def test_reasons_stand_with_their_sentence_and_sum_to_what_stopped(
    stage_name: str, results: dict[str, Any], facts: Facts
) -> None:
    figures = section(view(results, facts), "refusals").figures
    table = next(f.table for f in figures if f.id == f"reasons-{stage_name}")
    row = results[stage_name]["funnel"]
    assert (
        sum(number(cells[2]) for cells in table.rows) == row["read"] - row["kept"] == number(table.total[2])
    )
    assert {cells[0].replace(" ", "_") for cells in table.rows} == set(row["reasons"])
    assert all(cells[1].endswith(".") and cells[1][0].isupper() for cells in table.rows)


@pytest.mark.parametrize("id", ["places", "surfaces"])
def test_places_and_surfaces_each_sum_to_all_messages(id: str, results: dict[str, Any], facts: Facts) -> None:
    table = next(f.table for f in section(view(results, facts), "origins").figures if f.id == id)
    read, let = ([column.name for column in table.columns].index(n) for n in ("read", "may be used"))
    assert sum(number(row[read]) for row in table.rows) == number(table.total[read]) == 1002
    assert sum(number(row[let]) for row in table.rows) == number(table.total[let]) == 811


def test_a_place_is_shown_with_the_rules_that_were_applied_to_it(
    results: dict[str, Any], facts: Facts
) -> None:
    figure = section(view(results, facts), "origins").figures[0]
    assert [row[:2] for row in figure.table.rows] == [
        ("France (FR)", "European Union"),
        ("California, United States (US-CA)", "California"),
        ("Place not known", "Global floor"),
    ]


@pytest.mark.parametrize("reached", range(len(ROOMS) + 1))
def test_a_walk_that_stopped_early_says_what_was_not_done(reached: int) -> None:
    results = {room: given for room, given in invented().items() if room in ROOMS[:reached]}
    made = view(results, invented_facts())
    page = Page(render(made))
    assert page.unclosed == []
    assert made.verdict.standing == ("released" if "release" in results else "undecided")
    assert ("stopped before the gate" in made.verdict.said) == ("release" not in results)
    for id, room in (("training", "training"), ("audit", "audit"), ("gate", "release")):
        assert ("The walk stopped before this" in words_of(section(made, id))) == (room not in results)
    assert ("Walk on to the gate" in page.text) == ("release" not in results)


def test_a_walk_that_read_nothing_has_a_report(results: dict[str, Any], facts: Facts) -> None:
    for room, unit in (
        ("intake", "records"),
        ("rights", "turns"),
        ("redaction", "turns"),
        ("curation", "turns"),
    ):
        results[room]["funnel"] = stage(room, unit, kept=0)
    results["rights"] |= {"places": {}, "surfaces": {}, "bases": {}, "people": {"all": 0}}
    results["redaction"]["kinds"] = {}
    results["corpus"]["counts"] |= {"people": 0, "examples": 0}
    results["corpus"]["counts"] |= {group: {} for group in results["corpus"]["counts"] if group[:3] == "by_"}
    made = view({room: results[room] for room in ROOMS[:6]}, facts)
    assert made.verdict.said.startswith("No message was read")
    assert Page(render(made)).unclosed == []


def test_a_refusal_names_the_checks_that_failed(results: dict[str, Any], facts: Facts) -> None:
    results["release"] |= {"open": False, "audience": "nobody"}
    results["release"]["checks"][1]["ok"] = False
    made = view(results, facts)
    assert (made.verdict.standing, made.verdict.label) == ("refused", "Refused")
    assert "1 of 2 checks failed (how much planted secrets stand out)" in made.verdict.said
    assert section(made, "gate").title == "The gate stays shut: 1 check of 2 failed"
    assert [row[1] for row in section(made, "gate").figures[0].table.rows] == ["✓ passed", "✕ failed"]


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_each_check_stands_beside_what_the_profile_asked(
    profile: str, results: dict[str, Any], facts: Facts
) -> None:
    results["release"]["profile"] = profile
    asked = [row[3] for row in section(view(results, facts), "gate").figures[0].table.rows]
    exposure = {"trial": "p at least 0.001"}.get(profile, "median at most 1.5 bits")
    assert asked == ["that it holds", exposure]


def test_a_leak_is_said_before_anything_milder(results: dict[str, Any], facts: Facts) -> None:
    report = results["audit"]["report"]
    assert (
        "came back, no more often than of people never trained on; too few"
        in section(view(results, facts), "audit").title
    )
    report["canaries"]["exposure"]["p_value"] = 0.02
    assert "left a trace" in section(view(results, facts), "audit").title
    assert "left a trace" in view(results, facts).verdict.said
    report["extraction"]["p_value"] = 0.01
    assert "more often than chance" in section(view(results, facts), "audit").title
    report["extraction"]["canaries_extracted"] = 2
    assert section(view(results, facts), "audit").title == "2 planted secrets came back word for word"


def test_every_measured_share_has_its_interval(results: dict[str, Any], facts: Facts) -> None:
    results["audit"]["report"]["extraction"]["control"] = share(0, 0, 0.0, 1.0)
    figure = section(view(results, facts), "audit").figures[0]
    assert [row[3] for row in figure.table.rows] == [
        "0.1% to 21.1%", "0.0% to 100.0%", "0.0% to 16.8%", "0.0% to 16.8%",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("interval", "improved", "words"),
    [
        ([-0.6, -0.2], True, "the adapter does better"),
        ([-0.6, 0.1], False, "the adapter shows no gain"),
        (None, None, "nothing can be concluded"),
    ],
)
def test_a_gain_is_claimed_only_where_the_interval_allows_it(
    interval: Any, improved: Any, words: str, results: dict[str, Any], facts: Facts
) -> None:
    results["training"]["evaluation"] |= {"interval": interval, "improved": improved}
    assert words in section(view(results, facts), "gain").title


def test_a_curve_with_steps_on_two_scales_concludes_nothing(results: dict[str, Any], facts: Facts) -> None:
    training = section(view(results, facts), "training")
    assert training.title == "While learning, the loss fell in 1 of 1 shard"
    assert [row[-1] for row in training.figures[0].table.rows] == ["2.75", "other scale"]
    told = {1: [{"step": n, "loss_nats": 2.0, "kind": "preference" if n > 2 else "sft"} for n in range(1, 5)]}
    training = section(view(results, invented_facts(losses={**facts.losses, **told})), "training")
    assert training.title == "While learning, the loss fell in 1 of 2 shards"


def test_a_loss_that_is_no_number_is_said_and_not_drawn(results: dict[str, Any], facts: Facts) -> None:
    losses = {0: [*facts.losses[0], {"step": 6, "loss_nats": float("nan")}], 1: facts.losses[1]}
    training = section(view(results, invented_facts(losses=losses)), "training")
    assert "In 1 step the loss was no number" in " ".join(training.said)
    chart = training.figures[0].chart
    assert isinstance(chart, Lines)
    assert [len(curve.points) for curve in chart.curves] == [5, 4]


def test_what_is_most_pressing_comes_first_and_nobody_who_said_no_is_asked_again(
    results: dict[str, Any], facts: Facts
) -> None:
    steps = [step.do for step in section(view(results, facts), "next").steps]
    assert steps[:2] == ["Erase 1 person who asked for it", "Ask 6 people who never answered"]
    assert "Export 1 file again" in steps
    assert "Have a lawyer read 2 sets of rules" in steps
    results["rights"]["funnel"] = stage("rights", "turns", kept=811, refused={"refused": 90, "objected": 9})
    left = [step.do for step in section(view(results, facts), "next").steps]
    assert not [step for step in left if step.startswith(("Ask", "Let"))]


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_a_small_audit_says_how_large_it_must_be(profile: str, results: dict[str, Any]) -> None:
    steps = section(view(results, invented_facts(profile=profile)), "next").steps
    why = next(step.why for step in steps if step.do.startswith("Audit at a size"))
    least = PROFILES["routine" if profile == "trial" else profile].people_min
    assert f"{least:,} people to try it on (now 24)" in why


def test_the_checkpoint_and_how_to_check_it_are_shown(results: dict[str, Any], facts: Facts) -> None:
    shown = {fact.value: fact.mono for fact in section(view(results, facts), "ledger").facts}
    for value in (facts.ledger.root, f"witting verify {facts.ledger.checkpoint}",
                  f"python witting_verify.py {facts.ledger.checkpoint}"):  # fmt: skip
        assert shown[value]


def test_it_never_claims_that_anything_is_compliant_and_says_what_it_is_evidence_for(
    results: dict[str, Any], facts: Facts
) -> None:
    text = Page(render(view(results, facts))).text
    assert "is evidence for" in text
    assert "compliant" not in text.lower()


def test_no_ones_id_is_in_it(results: dict[str, Any], facts: Facts) -> None:
    made = view(results, facts)
    assert SUBJECT in json.dumps(results)
    assert SUBJECT not in json.dumps(made.as_json()) + render(made)


def test_the_same_walk_gives_the_same_bytes(results: dict[str, Any], facts: Facts) -> None:
    assert render(view(results, facts)) == render(view(invented(), invented_facts()))


def test_every_reason_of_every_room_has_a_sentence() -> None:
    for room, reasons in (
        ("rights", RIGHTS),
        ("redaction", redaction.REASONS),
        ("curation", curation.REASONS),
    ):
        for word in reasons:
            assert reason(room, word) == reasons[word]
    assert refusal("encrypted").startswith("Protected by a password.")


def test_a_word_nobody_foresaw_is_shown_as_it_is() -> None:
    assert reason("intake", "made_of_cheese") == "Reason given: made of cheese."
    assert refusal("made_of_cheese") == "Reason given: made of cheese."
    assert name("surfaces", "carrier_pigeon") == "carrier pigeon"


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ("purposes", schema.PURPOSES),
        ("kinds", schema.REDACTION_KINDS),
        ("splits", schema.SPLITS),
        ("examples", schema.EXAMPLE_KINDS),
        ("bases", PERMITS),
        ("surfaces", [source.name for source in SOURCES]),
        ("audiences", ["nobody", *(profile.audience for profile in PROFILES.values())]),
    ],
)
def test_closed_lists_have_words_of_their_own(group: str, words: list[str]) -> None:
    assert [word for word in words if name(group, word) == word and "_" in word] == []
    assert [word for word in words if word.isupper() and name(group, word) == word] == []


def test_numbers_are_written_as_people_write_them() -> None:
    assert [count(n, "message") for n in (0, 1, 1002)] == ["0 messages", "1 message", "1,002 messages"]
    assert [percent(p) for p in (0, 0.001, 0.64, 0.999, 1)] == ["0%", "under 1%", "64%", "over 99%", "100%"]
    assert [listed(w.split()) for w in ("", "a", "a b", "a b c")] == ["", "a", "a and b", "a, b and c"]


def test_what_feedback_teaches_is_told_before_and_after_the_guards(
    results: dict[str, Any], facts: Facts
) -> None:
    told = section(view(results, facts), "feedback")
    assert told.title == "40 labels rest on what people said of an answer"
    assert "flatter more often than unwanted ones in: one answer, wanted or not." in told.said[1]
    assert "longer" not in told.said[1]
    people, held_up = (figure.table for figure in told.figures)
    assert people.rows[0][1:] == ("40", "21", "5%")
    assert people.rows[1][1:] == ("0", "0", "none")
    assert ("one answer, wanted or not", "wanted", "before the guards", "60", "212", "10%") in held_up.rows
    assert ("one answer, wanted or not", "not wanted", "after them", "12", "210", "0%") in held_up.rows
    assert len(held_up.rows) == 6  # nothing unwanted among corrections, so no rows of it


def test_a_walk_without_feedback_has_no_such_section(results: dict[str, Any], facts: Facts) -> None:
    results["curation"]["labels"] = {}
    assert "feedback" not in [made.id for made in view(results, facts).sections]
