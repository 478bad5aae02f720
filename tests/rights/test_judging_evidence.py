"""Is this consent informed? Tables that a lawyer can read: what was different from a good consent, what we answer."""

import base64
import contextlib
import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from witting.doors.cli import main
from witting.errors import InvalidEvent, UsageError
from witting.rights.evidence import PROFILES, judge, load_profile
from witting.rights.signature import is_signed, signed_bytes

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


CASES = tomllib.loads(Path(__file__).with_name("evidence_cases.toml").read_text("utf-8"))["case"]


def record_of(good: dict, case: dict) -> dict:
    if case.get("without") == ["*"]:
        return {}
    return changed(good, case.get("with", {}) | dict.fromkeys(case.get("without", ()), GONE))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_each_case_that_a_lawyer_can_read(good, case):
    judgement = judge(record_of(good, case), profile=case["profile"], now=NOW)
    failed = [failure.rule for failure in judgement.failed]
    assert (judgement.verdict, judgement.score, failed) == (case["verdict"], case["score"], case["failed"])


def test_the_cases_reach_every_rule_profile_and_verdict_and_each_has_a_name_of_its_own():
    one_alone = {case["failed"][0] for case in CASES if len(case["failed"]) == 1}
    every = {rule.failure.rule for rule in load_profile("gdpr").rules if not rule.strict}
    together = {
        "14.surface_default",
        "17.vague_purpose",
    }  # never without the default, or the purpose, they are about
    bare = {"21.parental_consent"}  # an age too low fails its own rule as well
    assert every - one_alone <= together | bare
    assert {rule for case in CASES for rule in case["failed"]} == every
    assert {case["profile"] for case in CASES} == set(PROFILES)
    assert {case["verdict"] for case in CASES} == {"valid", "weak", "invalid"}
    assert len({case["name"] for case in CASES}) == len(CASES) >= 40


HARD_FIELDS = sorted(
    {
        rule.failure.field
        for rule in load_profile("gdpr").rules
        if rule.hard
        and not rule.strict
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


def test_a_signature_is_asked_for_in_strict_mode_only_and_covers_every_byte(good):
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    assert judge(good, profile="gdpr", now=NOW, signed=False).verdict == "invalid"
    signature = base64.b64encode(key.sign(signed_bytes(good))).decode()
    good["evidence_sig"] = {"signature": signature, "log_index": 7}
    assert is_signed(good, key.public_key())
    assert judge(good, profile="gdpr", now=NOW, signed=True).verdict == "valid"
    assert not is_signed(good | {"depth": 0}, key.public_key())
    assert not is_signed(good, Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key())
    for broken in (None, {}, {"signature": "not base64"}, {"signature": 7}, "signed"):
        assert not is_signed(good | {"evidence_sig": broken}, key.public_key())
    del good["evidence_sig"]["log_index"]
    assert rows_failed(judge(good, profile="gdpr", now=NOW, signed=True)) == {32}


def test_the_command_asks_for_the_signature_of_a_key(good, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("witting.doors.cli.rights.now", lambda: NOW)
    key = Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    public, record = tmp_path / "key.pem", tmp_path / "evidence.json"
    public.write_bytes(pem)
    record.write_text(json.dumps(good))
    asked = ["rights", "judge", str(record), "--json"]
    assert main(asked) == 0
    assert main([*asked, "--signed-by", str(public)]) == 1
    assert "32.evidence_sig" in capsys.readouterr().out
    signature = base64.b64encode(key.sign(signed_bytes(good))).decode()
    record.write_text(json.dumps(good | {"evidence_sig": {"signature": signature, "log_index": 0}}))
    assert main([*asked, "--signed-by", str(public)]) == 0
    assert main([*asked, "--signed-by", str(record)]) != 0
    assert "no public key in PEM" in capsys.readouterr().out


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
