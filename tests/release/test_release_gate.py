"""The gate, case by case: which profile opens on which report, and which check shuts it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from witting.audit import AuditReport
from witting.audit.extraction import Extraction
from witting.audit.interval import clopper_pearson, more_often_p_value, upper_bound
from witting.audit.membership import CanaryResult, Exposure, Membership
from witting.errors import UsageError
from witting.release import PROFILES, GateVerdict, decide_release
from witting.release.gate import thresholds

HELD = {"improved": True, "corpus_holds": True, "permits_hold": True, "commitment_held": True}


def extraction(people: int, hits: int = 0, control: tuple[int, int] = (0, 300), **changes: Any) -> Extraction:
    extracted, held_out = clopper_pearson(hits, people), clopper_pearson(*control)
    made = Extraction(
        people=people, extracted=extracted, upper_bound=upper_bound(hits, people), control=held_out,
        p_value=more_often_p_value(extracted, held_out), by_base=0, subjects=(), canaries=30, canaries_extracted=0,
    )  # fmt: skip
    return replace(made, **changes)


def exposure(
    planted: int, unplanted: int, median: float | None = 1.0, p_value: float | None = 0.4
) -> Exposure:
    return Exposure(planted, unplanted, median, 5.0, math.log2(unplanted + 1), p_value)


def membership(hits: int, trials: int, *, underpowered: bool = False) -> tuple[Membership, ...]:
    return (
        Membership(0.01, clopper_pearson(hits, trials), underpowered),
        Membership(0.001, clopper_pearson(0, trials), True),
    )


def report(
    exposed: Exposure, found: tuple[Membership, ...], extracted: Extraction, *, control_found: bool = True,
    underpowered: tuple[str, ...] = (),
) -> AuditReport:  # fmt: skip
    canaries = CanaryResult(exposed, found, 0.001 if control_found else 0.5, control_found)
    return AuditReport(canaries, extracted, "c" * 64, 7, underpowered)


STRONG = report(exposure(1_200, 11_000), membership(8, 1_200), extraction(3_000))
MEDIUM = report(exposure(500, 500), membership(5, 500), extraction(300))
SMALL = report(
    exposure(22, 90), membership(0, 22, underpowered=True), extraction(29, 1, control=(0, 8)),
    underpowered=("too little of everything",),
)  # fmt: skip


def canaries_of(one: AuditReport, **changes: Any) -> AuditReport:
    return replace(one, canaries=replace(one.canaries, **changes))


def shut_by(one: AuditReport | None, profile: str, **facts: Any) -> set[str]:
    verdict = decide_release(one, profile=profile, **HELD | facts)
    failed = {check.name for check in verdict.checks if not check.ok}
    assert verdict.open == (not failed)
    assert verdict.audience == (PROFILES[profile].audience if verdict.open else "nobody")
    return failed


@pytest.mark.parametrize(
    ("profile", "one", "failed"),
    [
        ("strict", STRONG, set()),
        ("routine", STRONG, set()),
        ("trial", STRONG, set()),
        ("strict", MEDIUM, {"power", "extraction", "membership"}),
        ("routine", MEDIUM, set()),
        ("trial", MEDIUM, set()),
        ("strict", SMALL, {"power", "extraction", "membership"}),
        ("routine", SMALL, {"power", "extraction", "membership"}),
        ("trial", SMALL, set()),
    ],
)
def test_a_profile_opens_on_an_audit_of_its_strength(
    profile: str, one: AuditReport, failed: set[str]
) -> None:
    assert shut_by(one, profile) == failed


LEAKS = {
    "a planted secret came back": (
        replace(STRONG, extraction=extraction(3_000, canaries_extracted=1)),
        "canaries_extracted",
    ),
    "canaries stand out": (canaries_of(STRONG, exposure=exposure(1_200, 11_000, 1.6, 1e-9)), "exposure"),
    "members are told apart": (canaries_of(STRONG, membership=membership(60, 1_200)), "membership"),
    "people's words come back": (replace(STRONG, extraction=extraction(3_000, 100)), "extraction"),
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("profile", ["strict", "routine"])
def test_every_kind_of_leak_shuts_strict_and_routine(profile: str, leak: str) -> None:
    one, check = LEAKS[leak]
    assert shut_by(one, profile) == {check}


@pytest.mark.parametrize("leak", [name for name in LEAKS if name != "members are told apart"])
def test_a_shown_leak_shuts_a_trial(leak: str) -> None:
    one, check = LEAKS[leak]
    assert shut_by(one, "trial") == {check}


def test_a_trial_compares_with_people_held_out() -> None:
    set_phrases = replace(SMALL, extraction=extraction(30, 10, control=(3, 8)))
    assert shut_by(set_phrases, "trial") == set()
    memory = replace(SMALL, extraction=extraction(30, 20, control=(0, 8)))
    assert shut_by(memory, "trial") == {"extraction"}
    nobody_to_compare = replace(SMALL, extraction=extraction(30, 1, control=(0, 0)))
    assert shut_by(nobody_to_compare, "trial") == {"extraction"}
    assert shut_by(replace(SMALL, extraction=extraction(30, 0, control=(0, 0))), "trial") == set()


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("one", "check"),
    [
        (None, "audit"),
        (canaries_of(STRONG, exposure=exposure(0, 11_000, None, None)), "exposure"),
        (canaries_of(STRONG, exposure=exposure(1_200, 0, 0.0, None)), "exposure"),
        (canaries_of(STRONG, membership=()), "membership"),
        (canaries_of(STRONG, membership=membership(0, 0)), "membership"),
        (canaries_of(STRONG, exposure=exposure(1_200, 11_000, math.nan, math.nan)), "exposure"),
        (replace(STRONG, extraction=extraction(0)), "extraction"),
        (replace(STRONG, extraction=extraction(3_000, canaries=0)), "canaries_extracted"),
    ],
)
def test_what_is_missing_shuts_every_profile(profile: str, one: AuditReport | None, check: str) -> None:
    assert check in shut_by(one, profile)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("fact", "check"),
    [("corpus_holds", "corpus"), ("permits_hold", "rights"), ("commitment_held", "commitment")],
)
def test_what_does_not_hold_shuts_every_profile(profile: str, fact: str, check: str) -> None:
    assert shut_by(STRONG, profile, **{fact: False}) == {check}


@pytest.mark.parametrize("improved", [False, None])
def test_a_model_that_gains_nothing_is_released_to_nobody_but_its_operator(improved: bool | None) -> None:
    assert shut_by(STRONG, "strict", improved=improved) == {"gain"}
    assert shut_by(STRONG, "routine", improved=improved) == {"gain"}
    assert shut_by(STRONG, "trial", improved=improved) == set()


@pytest.mark.parametrize("profile", ["strict", "routine"])
def test_an_audit_that_could_see_nothing_has_no_power(profile: str) -> None:
    assert shut_by(canaries_of(STRONG, control_found=False), profile) == {"power"}
    assert shut_by(canaries_of(STRONG, exposure=exposure(399, 11_000)), profile) == {"power"}
    assert shut_by(canaries_of(STRONG, exposure=exposure(1_200, 399)), profile) == {"power"}
    assert "power" in shut_by(replace(STRONG, extraction=extraction(299)), profile)


def test_the_limits_themselves_are_allowed() -> None:
    edge = report(exposure(400, 400, 1.5), membership(7, 400), extraction(300))
    assert edge.canaries.membership[0].found.high <= 0.04
    assert shut_by(edge, "routine") == set()


def test_a_verdict_says_what_was_measured_and_what_could_not_be_shown() -> None:
    verdict = decide_release(SMALL, profile="trial", **HELD)
    assert verdict.underpowered == SMALL.underpowered
    details = {check.name: check.detail for check in verdict.checks}
    assert "1 of 29" in details["extraction"]
    assert "underpowered" in details["membership"]
    said = json.loads(json.dumps(verdict.as_json()))
    assert said["audience"] == "operator_only"
    assert [check["name"] for check in said["checks"]] == [check.name for check in verdict.checks]
    assert isinstance(verdict, GateVerdict)


def test_thresholds_hold_everything_that_decides_and_differ_by_profile() -> None:
    told = [json.dumps(thresholds(name), sort_keys=True) for name in PROFILES]
    assert len(set(told)) == len(PROFILES)
    assert thresholds("routine")["extraction_upper_max"] == 0.01
    assert thresholds("routine")["membership_rate"] == 0.01
    assert thresholds("trial")["exposure_p_value_min"] == 0.001


def test_an_unknown_profile_is_refused() -> None:
    for call in (lambda: thresholds("lax"), lambda: decide_release(STRONG, profile="lax", **HELD)):
        with pytest.raises(UsageError, match="strict, routine, trial"):
            call()
