"""Invented consent screens, good and bad: what is counted, what fails, which patterns are seen, and no others."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from witting.rights.page.patterns import SEEN, load_patterns

HERE = Path(__file__).parent
TABLE = tomllib.loads((HERE / "screens.toml").read_text("utf-8"))
SCREENS, VARIANTS = TABLE["screen"], TABLE["variant"]
NOT_ASKED_HERE = {
    "10.notice_version",
    "31.captured_by",
}  # most pages state no version; no pictures are kept here


def seen(report: Any) -> set[str]:
    return {finding.pattern for finding in report.patterns if finding.status == SEEN}


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen["page"])
def test_a_screen_is_seen_as_it_is(look_at: Any, screen: dict[str, Any]) -> None:
    report = look_at(f"{screen['page']}.html")
    facts = report.views[0]
    steps = ["none" if taken is None else taken for taken in facts.steps.values()]
    assert steps == screen["steps"], json.dumps(facts.as_json(), indent=1)
    assert facts.default_state == screen["default"]
    assert seen(report) == set(screen["patterns"]), [f.as_json() for f in report.patterns if f.status == SEEN]
    failed = {failure.rule for failure in report.failed_on_page} - NOT_ASKED_HERE
    assert failed == set(screen["fails"])
    assert all(failure.source and failure.remedy for failure in report.failed_on_page)
    assert all(proof.element and proof.figures for finding in report.patterns for proof in finding.proofs)


@pytest.mark.parametrize(
    "screen",
    [pytest.param(v, id=v["page"], marks=() if v["often"] else pytest.mark.stress) for v in VARIANTS],
)
def test_a_screen_built_otherwise_is_seen_as_it_is(look_at: Any, screen: dict[str, Any]) -> None:
    report = look_at(f"{screen['page']}.html")
    facts = report.views[0]
    assert list(facts.steps.values()) == screen["steps"], json.dumps(facts.as_json(), indent=1)
    assert facts.default_state == screen["default"]
    assert seen(report) == set(screen["patterns"]), [f.as_json() for f in report.patterns if f.status == SEEN]


def test_every_pattern_is_shown_by_a_screen_and_the_good_ones_show_none() -> None:
    shown = Counter(name for screen in SCREENS for name in screen["patterns"])
    elsewhere = {"inconsistent_interface"}  # needs two viewports, below
    assert set(shown) | elsewhere == {raw["id"] for raw in load_patterns()["pattern"]}
    assert [s["page"] for s in SCREENS if s["page"].startswith("good") and s["patterns"]] == []


def test_a_phone_that_hides_the_no_is_seen_beside_the_desktop(look_at: Any) -> None:
    report = look_at("phone-differs.html", viewports=("desktop", "phone"))
    assert {facts.seen.viewport: facts.steps["refuse"] for facts in report.views} == {
        "desktop": 1,
        "phone": 2,
    }
    assert "inconsistent_interface" in seen(report)
    assert {"6.refuse_present_same_layer", "7.steps_refuse"} <= {f.rule for f in report.failed_on_page}


def test_the_language_a_person_speaks_counts_before_that_of_the_page(look_at: Any) -> None:
    report = look_at("settings-on.html", language="tr")
    assert "11.notice_lang" in {failure.rule for failure in report.failed_on_page}
    assert "language_discontinuity" in seen(report)


def test_a_text_other_than_the_recorded_one_is_a_conflict(look_at: Any) -> None:
    report = look_at("vague.html", known={"notice": {"sha256": "0" * 64}})
    assert "conflicting_information" in seen(report)
    assert report.evidence["notice"]["sha256"] != "0" * 64  # what the page shows is what is judged


def test_what_the_record_says_and_the_page_does_not_show_is_taken_out(look_at: Any) -> None:
    report = look_at("wall.html", known={"steps_refuse": 1, "controller": "Example Ltd"})
    assert "steps_refuse" not in report.evidence
    assert report.evidence["controller"] == "Example Ltd"


def test_the_page_of_the_documentation_lists_every_pattern_language_and_count() -> None:
    page = (HERE.parents[2] / "docs" / "consent-screens.md").read_text("utf-8")
    rows = [
        f"| `{p['id']}` | {p['category'].replace('_', ' ')} | {p['measured']} |"
        for p in load_patterns()["pattern"]
    ]
    assert [row for row in rows if row not in page] == []
    shown = sum(len(screen["patterns"]) for screen in SCREENS)
    assert f"({len(SCREENS)} pages, of which 4 good;" in page
    assert f"all {shown} patterns that were put in are seen" in page
