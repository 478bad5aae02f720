"""Is this consent informed? Tables that a lawyer can read: what was different from a good consent, what we answer."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import InvalidEvent, UsageError
from witting.rights.evidence import PROFILES, judge, load_profile

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
GONE = object()  # the field is missing


def changed(good: dict, changes: dict) -> dict:
    """The good record with `a.b` set, or taken out where GONE."""
    for path, value in changes.items():
        *parents, last = path.split(".")
        inner = good
        for name in parents:
            inner = inner.setdefault(name, {})
        if value is GONE:
            inner.pop(last, None)
        else:
            inner[last] = value
    return good


def rows_failed(judgement) -> set[int]:
    return {int(failure.rule.split(".")[0]) for failure in judgement.failed}


@pytest.mark.parametrize("profile", PROFILES)
def test_the_example_of_the_format_page_is_valid_under_every_profile(good, profile):
    judgement = judge(good, profile=profile, now=NOW)
    assert (judgement.verdict, judgement.score, judgement.failed) == ("valid", 100, ())
    assert judgement.pack.startswith(f"{profile}@")


# The ten cases of public record. `must` are the rows of the format page that have to be among the failed.
GOLDEN = [
    (
        "a: a switch four levels deep, on by default (LinkedIn, 2025)",
        {"default_state": "on", "surface": "settings_menu", "depth": 4, "action": "toggle_on"},
        "invalid",
        {2, 14, 15},
    ),
    (
        "b: a big Accept and a small switch that is already on (Anthropic, 2025)",
        {
            "default_state": "on",
            "bundled_with": ["terms"],
            "prominence": {"contrast": 0.4, "size": 0.5, "colour": 0.3},
        },
        "invalid",
        {2, 4, 16},
    ),
    (
        "c: a notice and no choice (Meta, 16 December 2025)",
        {
            "action": "continue_use",
            "purposes": ["personalise_ads", "improve_service"],
            "refuse_present_same_layer": False,
        },
        "invalid",
        {1, 3, 6},
    ),
    (
        "d: a login that says 'new service development' (Scatter Lab, 2021)",
        {
            "purposes": ["new_services"],
            "bundled_with": ["sign_up"],
            "wording_lint": ["vague_purpose"],
            "age_assurance": GONE,
            "subject_scope": "uploads",
        },
        "invalid",
        {3, 4, 17, 20, 24},
    ),
    (
        "e: a no costs the chat history (ChatGPT before April 2024)",
        {"conditional_service": True},
        "invalid",
        {5},
    ),
    (
        "f: a just-in-time dialog, box off (OpenHands #2167)",
        {"action": "toggle_on", "default_state": "off"},
        "valid",
        set(),
    ),
    ("g: asked again every week after a no", {"prompt_count_after_refusal": 52}, "valid", {18}),
    ("h: an English notice in a Turkish app", {"ui.lang": "tr"}, "invalid", {11}),
    (
        "i: GPC on, then an explicit yes in words",
        {
            "signals": [
                {
                    "kind": "GPC",
                    "value": True,
                    "at": "2026-11-23T17:58:00Z",
                    "overridden_at": "2026-11-23T18:00:00Z",
                }
            ]
        },
        "valid",
        set(),
    ),
    ("j: a dismissed banner recorded as consent", {"action": "dismiss"}, "invalid", {1}),
]


@pytest.mark.parametrize(("changes", "verdict", "must"), [c[1:] for c in GOLDEN], ids=[c[0] for c in GOLDEN])
def test_the_ten_cases_of_public_record(good, changes, verdict, must):
    judgement = judge(changed(good, changes), profile="gdpr", now=NOW)
    assert judgement.verdict == verdict
    assert must <= rows_failed(judgement)


# One difference from a good consent each: (what, field, value, row that fails or None).
HARD = [
    ("scrolling is no yes", "action", "scroll", 1),
    ("carrying on is no yes", "action", "continue_use", 1),
    ("silence is no yes", "action", "silence", 1),
    ("an imported list is no yes", "action", "import", 1),
    ("an action we do not know is no yes", "action", "hover", 1),
    ("a signature is a yes", "action", "signed", None),
    ("a spoken yes is a yes", "action", "spoken", None),
    ("a pre-set switch is no choice", "default_state", "on", 2),
    ("no purpose named", "purposes", [], 3),
    (
        "training asked together with evaluation",
        "purposes",
        ["fine_tune_own_model", "evaluate_model"],
        3,
    ),
    ("two trainings in one choice", "purposes", ["fine_tune_own_model", "train_general_model"], 3),
    ("'improve the service' is no purpose", "purposes", ["improve_service"], 3),
    ("evaluation and review may be listed", "purposes", ["evaluate_model", "human_review"], None),
    ("bundled with the terms", "bundled_with", ["terms"], 4),
    ("the service is worse after a no", "conditional_service", True, 5),
    ("no is on another screen", "refuse_present_same_layer", False, 6),
    ("refusing takes longer", "steps_refuse", 2, 7),
    ("withdrawing takes longer", "steps_withdraw", 4, 8),
    ("nowhere to withdraw", "withdraw_channels", [], 8),
    ("another text than was shown", "notice.text", "Something else.", 10),
    ("a hash that is none", "notice.sha256", "abc", 10),
    ("shown after the yes", "notice.shown_at", "2026-11-23T19:00:00Z", 10),
    ("another region of one language", "ui.lang", "en-US", None),
    ("another script of one language", "notice.lang", "en-Shaw", 11),
    ("the notice never says that a model is trained", "notice.elements", ["controller", "purpose"], 12),
    ("a settings page with its switch off", "surface", "settings_menu", 14),
    ("a child of 15", "age_assurance", {"method": "declared", "result": 15, "min_age": 15}, 20),
    ("an age check that failed", "age_assurance.result", "fail", 20),
    ("checked for 13 only", "age_assurance.min_age", 13, 20),
    ("no method", "age_assurance.method", "none", 20),
    ("over_18 is a result", "age_assurance.result", "over_18", None),
    ("over_16 is not enough", "age_assurance.result", "over_16", 20),
    ("true is a result", "age_assurance.result", True, None),
    ("an employee", "imbalance", "employer", 22),
    ("a pupil", "imbalance", "school", 22),
    ("uploads are not turns", "subject_scope", "uploads", 24),
    ("everybody is asked", "subject_scope", "all_party", None),
    ("a place that is none", "jurisdiction", "Atlantis", 25),
    ("an unnamed recipient", "recipients", [""], 26),
    ("named recipients", "recipients", ["Cloud GmbH"], None),
    ("not begun yet", "valid_from", "2026-12-01T00:00:00Z", 27),
    ("run out", "expires_at", "2026-11-24T11:59:59Z", 27),
    ("no end of its own: twelve months", "expires_at", GONE, None),
    ("GPC and no later yes", "signals", [{"kind": "gpc", "value": "1", "at": "2026-11-23T17:58:00Z"}], 28),
    ("GPC off says nothing", "signals", [{"kind": "Sec-GPC", "value": "0"}], None),
    ("AIPREF says no", "signals", [{"kind": "aipref", "value": "train-ai=n"}], 28),
    ("a signal nobody can read", "signals", [{"kind": "gpp", "value": "DBAA"}], 28),
    ("a signal that says nothing", "signals", [{"kind": "aipref", "value": "unknown"}], None),
    (
        "the yes in words came before the signal",
        "signals",
        [
            {
                "kind": "gpc",
                "value": True,
                "at": "2026-11-23T18:00:00Z",
                "overridden_at": "2026-11-23T17:00:00Z",
            }
        ],
        28,
    ),
    ("withdrawn", "status", "dpv:ConsentWithdrawn", 29),
    ("a full DPV name", "status", "https://w3id.org/dpv#RenewedConsentGiven", None),
    ("an e-mail address as reference", "subject_ref", "someone@example.org", 30),
    ("a telephone number as reference", "subject_ref", "+44 20 7946 0000", 30),
    ("data from before the notice", "data_window.from", "2026-01-01T00:00:00Z", 34),
]


@pytest.mark.parametrize(("field", "value", "row"), [c[1:] for c in HARD], ids=[c[0] for c in HARD])
def test_one_difference_from_a_good_consent(good, field, value, row):
    judgement = judge(changed(good, {field: value}), profile="gdpr", now=NOW)
    assert (row in rows_failed(judgement)) if row else judgement.failed == ()
    if row and row != 14:  # a settings page alone costs points only
        assert judgement.verdict == "invalid"


HARD_FIELDS = sorted(
    {
        rule.failure.field
        for rule in load_profile("gdpr").rules
        if rule.hard
        and rule.failure.field not in {"surface", "wording_lint", "parental_consent", "expires_at"}
    }
)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("field", HARD_FIELDS)
def test_missing_evidence_for_a_hard_rule_is_invalid_and_named(good, field, profile):
    judgement = judge(changed(good, {field: GONE}), profile=profile, now=NOW)
    assert judgement.verdict == "invalid"
    assert field in {failure.field for failure in judgement.failed}
    assert all(failure.source and failure.remedy for failure in judgement.failed)


SCORED = [
    ("notice.readability", {"grade": 14, "words": 90}, 15),
    ("notice.readability", {"grade": 7, "words": 151}, 15),
    ("depth", 3, 15),
    ("prominence", {"contrast": 0.5, "size": 1, "colour": 1}, 15),
    ("withdraw_tested_at", "2026-10-01T00:00:00Z", 10),
    ("surface", "settings_menu", 10),
    ("wording_lint", ["guilt"], 10),
    ("prompt_count_after_refusal", 2, 10),
    ("dwell_ms", 900, 5),
    ("captured_by.ui_test_id", GONE, 5),
    ("incentive", {"amount": 50, "disclosed": False}, 5),
]


@pytest.mark.parametrize(("field", "value", "points"), SCORED)
def test_a_scored_rule_costs_its_points_and_nothing_else(good, field, value, points):
    judgement = judge(changed(good, {field: value}), profile="gdpr", now=NOW)
    assert judgement.score == 100 - points
    assert [failure.field.split(".")[0] for failure in judgement.failed] == [field.split(".")[0]]


def test_the_scored_fields_add_up_to_a_hundred(good):
    scored = [field for field, _, _ in SCORED]
    judgement = judge(changed(good, dict.fromkeys(scored, GONE)), profile="gdpr", now=NOW)
    assert judgement.score == 0


@pytest.mark.parametrize(
    ("changes", "score", "verdict"),
    [
        ({"depth": 3, "dwell_ms": 0}, 80, "valid"),
        ({"depth": 3, "surface": "settings_menu"}, 75, "weak"),
        ({"depth": 3, "surface": "settings_menu", "prominence": GONE, "wording_lint": ["guilt"]}, 50, "weak"),
        ({"depth": 3, "surface": "form", "prominence": GONE, "wording_lint": ["guilt"], "captured_by": GONE,
          "dwell_ms": 0, "incentive": GONE}, 45, "invalid"),
        ({"depth": 4}, 49, "invalid"),
    ],
)  # fmt: skip
def test_the_score_draws_the_lines(good, changes, score, verdict):
    judgement = judge(changed(good, changes), profile="gdpr", now=NOW)
    assert (judgement.score, judgement.verdict) == (score, verdict)


def test_a_notice_resolves_in_the_notice_store_when_its_text_is_not_there(good):
    known = good["notice"]["sha256"]
    del good["notice"]["text"]
    assert judge(good, profile="gdpr", now=NOW).verdict == "invalid"
    assert judge(good, profile="gdpr", now=NOW, notices=lambda sha: sha == known).verdict == "valid"
    assert judge(good, profile="gdpr", now=NOW, notices=lambda sha: False).verdict == "invalid"


def test_a_parent_opens_the_door_under_coppa_and_nowhere_else(good):
    child = {
        "age_assurance": {"method": "declared", "result": 11, "min_age": 13},
        "parental_consent": {"method": "card", "verifier": "Example", "ts": "2026-11-23T17:00:00Z"},
    }
    assert judge(changed(good, child), profile="coppa", now=NOW).verdict == "valid"
    assert judge(good, profile="gdpr", now=NOW).verdict == "invalid"
    good["parental_consent"]["verifier"] = ""
    assert {20, 21} <= rows_failed(judge(good, profile="coppa", now=NOW))


def test_a_place_may_be_unknown_under_the_floor_only(good):
    good["jurisdiction"] = "unknown"
    assert judge(good, profile="global_floor", now=NOW).verdict == "valid"
    assert judge(good, profile="gdpr", now=NOW).verdict == "invalid"


def test_profiles_cite_their_own_law(good):
    good["action"] = "scroll"
    cited = {profile: judge(good, profile=profile, now=NOW).failed[0].source for profile in PROFILES}
    assert "GDPR" in cited["gdpr"]
    assert "11 CCR" in cited["ccpa"]
    assert "DPDP" in cited["dpdp"]


def test_a_consent_recorded_late_is_judged_as_of_when_it_was_given(good):
    later = NOW + timedelta(days=700)
    given = datetime(2026, 11, 23, 18, tzinfo=UTC)
    assert judge(good, profile="gdpr", now=later).verdict == "invalid"
    assert judge(good, profile="gdpr", now=later, given_at=given).verdict == "valid"


@pytest.mark.parametrize(
    ("evidence", "named"),
    [
        ({"acton": "click_button"}, "acton is not known; did you mean action"),
        ({"notice": {"sha": "x"}}, "notice.sha is not known"),
        ({"data_window": {"form": "2026-01-01"}}, "data_window.form is not known; did you mean from"),
        ({"steps_accept": "1"}, "steps_accept"),
        ({"steps_accept": -1}, "steps_accept"),
        ({"conditional_service": "false"}, "conditional_service"),
        ({"valid_from": "next week"}, "valid_from"),
        ({"signals": [{"kid": "gpc"}]}, "signals.kid is not known; did you mean kind"),
        ({"notice": {"text": "x" * 100_001}}, "notice.text"),
    ],
)
def test_a_field_that_is_unknown_or_ill_typed_is_refused_by_name(evidence, named):
    with pytest.raises(InvalidEvent, match=named.replace(".", r"\.")):
        judge(evidence, profile="gdpr", now=NOW)


def test_errors_never_repeat_what_stood_in_the_field():
    with pytest.raises(InvalidEvent) as caught:
        judge({"notice": {"shown_at": "Maria Rossi said so"}}, profile="gdpr", now=NOW)
    assert "Maria" not in str(caught.value)


def test_an_unknown_profile_lists_the_known():
    with pytest.raises(UsageError, match="gdpr, ccpa, dpdp, coppa, global_floor"):
        judge({}, profile="hipaa", now=NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 200) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NAMES = sorted({rule.failure.field.split(".")[0] for rule in load_profile("gdpr").rules})


@given(st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6), st.sampled_from(PROFILES))
def test_whatever_stands_in_a_record_it_is_judged_or_refused_and_never_valid_by_accident(values, profile):
    with contextlib.suppress(InvalidEvent):
        assert judge(values, profile=profile, now=NOW).verdict == "invalid"


@given(st.data())
def test_taking_evidence_away_never_makes_a_consent_better(example, data):
    kept = data.draw(st.sets(st.sampled_from(sorted(example))))
    less = {name: value for name, value in example.items() if name in kept}
    dropped = data.draw(st.sampled_from(sorted(example)))
    least = {name: value for name, value in less.items() if name != dropped}
    order = ["invalid", "weak", "valid"]
    more, fewer = judge(less, profile="gdpr", now=NOW), judge(least, profile="gdpr", now=NOW)
    assert order.index(fewer.verdict) <= order.index(more.verdict)
    assert fewer.score <= more.score or dropped == "depth"  # an unknown distance is not capped, a far one is


@given(st.data())
def test_what_the_floor_accepts_every_profile_accepts(example, data):
    dropped = data.draw(st.sets(st.sampled_from(sorted(example)), max_size=4))
    record = {name: value for name, value in example.items() if name not in dropped}
    if judge(record, profile="global_floor", now=NOW).verdict == "valid":
        assert {judge(record, profile=profile, now=NOW).verdict for profile in PROFILES} == {"valid"}
