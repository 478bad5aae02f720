"""Legitimate interest as a record: each step that is left out is named, each artefact counts until it is stale, and what a trial
would open is looked at by another path than the door's."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from witting.errors import InputError
from witting.rights.decide import TURN_FACTS, decide
from witting.rights.interest.probe import Heard, prove_form, prove_unknown_heard, read_probe
from witting.rights.interest.proof import SAFEGUARDS, Artefact, Document, prove_document, prove_report
from witting.rights.interest.record import judge_interest, prove_record, read_document, read_record
from witting.rights.interest.trial import CHECKS, look_again, prove_trial
from witting.rights.policy import load_packs
from witting.schema import EVENT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
P = "fine_tune_own_model"
WHOLE = """\
purposes = ["fine_tune_own_model"]
[interest]
text = "We want our shop assistant to answer questions about orders in the customers' own words."
lawful = true
specific = true
present = true
[[necessity.alternatives]]
what = "dialogue written by our own staff"
why_rejected = "tried in spring: it missed two thirds of how customers really ask"
[balancing]
data_kinds = ["questions about orders"]
scale = "4,000 people, 60,000 messages"
expectations_evidence = ["a survey of May 2026: 71 % expected it once told"]
vulnerable = "nobody under 18 is used"
impact = "A model might repeat a line of somebody's order; it is masked, capped and audited before release."
safeguards_beyond_law = ["objection without a reason", "45 days between notice and use"]
[decision]
outcome = "proceed"
reviewer = "privacy officer, Linden Kitchens (invented)"
decided_on = 2026-10-01
next_review = 2027-04-01
"""
PROBE = {
    "made_at": "2026-11-20T10:00:00Z",
    "handle": "live:probe-1",
    "reason_required": False,
    "account_required": False,
    "extra_fields": [],
    "auto_granted": True,
    "receipt_sent": True,
    "effective_for": ["datasets", "models"],
    "works_after_training": True,
    "window_open_from": "2026-06-01T00:00:00Z",
}


def written(folder: Path, text: str) -> Path:
    path = folder / "interest.toml"
    path.write_text(text, "utf-8")
    return path


def gaps(folder: Path, text: str, now: datetime = NOW) -> list[str]:
    record, _ = read_record(written(folder, text))
    return [f"{gap.step}.{gap.field}" for gap in judge_interest(record, now=now)]


def test_a_record_with_every_step_answered_proves_the_assessment_until_its_review(tmp_path: Path) -> None:
    record, sha256 = read_record(written(tmp_path, WHOLE))
    proof = prove_record(record, sha256, name="interest.toml", now=NOW)
    assert (proof.proven, proof.expires_at) == (True, datetime(2027, 4, 1, tzinfo=UTC))
    assert judge_interest(record, now=NOW) == []


@pytest.mark.parametrize(
    ("old", "new", "gap"),
    [
        ("specific = true", "specific = false", "interest.specific"),
        ("present = true", "", "interest.present"),
        ("We want our shop assistant to answer questions about orders in the customers' own words.", "", "interest.text"),
        ("answer questions about orders", "improve our service and answer questions about orders", "interest.text"),
        ("tried in spring: it missed two thirds of how customers really ask", "no", "necessity.alternatives[0].why_rejected"),
        ('[[necessity.alternatives]]\nwhat = "dialogue written by our own staff"\nwhy_rejected = "tried in spring: it missed two thirds of how customers really ask"\n', "", "necessity.alternatives"),
        ('vulnerable = "nobody under 18 is used"', "", "balancing.vulnerable"),
        ('expectations_evidence = ["a survey of May 2026: 71 % expected it once told"]', "", "balancing.expectations_evidence"),
        ('safeguards_beyond_law = ["objection without a reason", "45 days between notice and use"]', "safeguards_beyond_law = []", "balancing.safeguards_beyond_law"),
        ('outcome = "proceed"', 'outcome = "do_not_proceed"', "decision.outcome"),
        ('reviewer = "privacy officer, Linden Kitchens (invented)"', "", "decision.reviewer"),
        ("decided_on = 2026-10-01", "decided_on = 2026-12-01", "decision.decided_on"),
        ("next_review = 2027-04-01", "next_review = 2026-11-24", "decision.next_review"),
    ],
)  # fmt: skip
def test_what_a_step_lacks_is_named(tmp_path: Path, old: str, new: str, gap: str) -> None:
    assert old in WHOLE
    text = WHOLE.replace(old, new)
    assert gaps(tmp_path, text) == [gap]
    record, sha256 = read_record(written(tmp_path, text))
    proof = prove_record(record, sha256, name="interest.toml", now=NOW)
    assert not proof.proven
    assert gap in str(proof.remedy)


def test_an_empty_record_lacks_all_four(tmp_path: Path) -> None:
    steps = {gap.split(".")[0] for gap in gaps(tmp_path, f'purposes = ["{P}"]\n')}
    assert steps == {"interest", "necessity", "balancing", "decision"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("purposes = []\n", "purposes"),
        ('purposes = ["improve_service"]\n', "purposes.0"),
        (f'purposes = ["{P}"]\n[interest]\nlawfull = true\n', "interest.lawfull"),
        ("purposes = [", "not TOML"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused_by_its_field(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        read_record(written(tmp_path, text))


def test_a_document_counts_for_a_year_from_the_day_it_was_made() -> None:
    made = Document("ab" * 32, "dpia.pdf", date(2026, 1, 1))
    assert prove_document("dpia", made, now=NOW).expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert prove_document("dpia", made, now=datetime(2026, 12, 31, tzinfo=UTC)).proven
    assert not prove_document("dpia", made, now=datetime(2027, 1, 1, tzinfo=UTC)).proven
    assert not prove_document("dpia", made, now=datetime(2025, 12, 31, tzinfo=UTC)).proven
    assert not prove_document("dpia", None, now=NOW).proven


def test_a_named_document_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    text = WHOLE + '[documents.dpia]\nfile = "dpia.pdf"\nmade_on = 2026-09-01\n'
    record, _ = read_record(written(tmp_path, text))
    with pytest.raises(InputError, match=r"dpia\.pdf"):
        read_document(record.documents.dpia, beside=tmp_path / "interest.toml")


def test_an_empty_document_is_none(tmp_path: Path) -> None:
    (tmp_path / "dpia.pdf").touch()
    record, _ = read_record(
        written(tmp_path, WHOLE + '[documents.dpia]\nfile = "dpia.pdf"\nmade_on = 2026-09-01\n')
    )
    with pytest.raises(InputError, match="empty"):
        read_document(record.documents.dpia, beside=tmp_path / "interest.toml")


def test_the_report_is_due_five_months_after_the_first_use() -> None:
    first = (datetime(2026, 1, 31, 9, tzinfo=UTC), Artefact("ledger entry", "cd" * 32, "7"))
    assert prove_report(None, None, now=NOW).proven
    waiting = prove_report(first, None, now=datetime(2026, 6, 29, tzinfo=UTC))
    assert (waiting.proven, waiting.expires_at) == (True, datetime(2026, 6, 30, 9, tzinfo=UTC))
    assert not prove_report(first, None, now=datetime(2026, 6, 30, 9, tzinfo=UTC)).proven
    early = Document("ab" * 32, "old.pdf", date(2026, 1, 1))
    assert not prove_report(first, early, now=NOW).proven
    of_the_first_day = Document("ab" * 32, "report.pdf", date(2026, 1, 31))
    assert not prove_report(first, of_the_first_day, now=NOW).proven
    written_since = Document("ab" * 32, "report.pdf", date(2026, 6, 20))
    assert prove_report(first, written_since, now=NOW).expires_at == datetime(2027, 6, 20, tzinfo=UTC)
    assert not prove_report(first, written_since, now=datetime(2027, 6, 20, tzinfo=UTC)).proven


def probe(folder: Path, **changes: Any) -> Any:
    path = folder / "probe.json"
    path.write_text(json.dumps({k: v for k, v in (PROBE | changes).items() if v is not ...}), "utf-8")
    return read_probe(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"reason_required": True}, "asks for a reason"),
        ({"reason_required": ...}, "asks for a reason"),
        ({"account_required": True}, "asks for an account"),
        ({"extra_fields": ["phone"]}, "requires further fields"),
        ({"extra_fields": ...}, "requires further fields"),
        ({"auto_granted": False}, "has to grant it"),
        ({"receipt_sent": ...}, "no receipt"),
        ({"effective_for": ["datasets"]}, "datasets and models"),
        ({"works_after_training": False}, "stops working"),
        ({"window_open_from": "2026-11-01T00:00:00Z"}, "not open for 45 days"),
        ({"made_at": "2026-10-25T12:00:00Z"}, "more than 30 days ago"),
        ({"made_at": "2026-11-25T12:00:00Z"}, "in the future"),
    ],
)
def test_a_form_that_asks_too_much_or_was_not_shown_to_work_proves_nothing(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    assert prove_form(probe(tmp_path), lead_days=45, now=NOW).proven
    proof = prove_form(probe(tmp_path, **change), lead_days=45, now=NOW)
    assert not proof.proven
    assert problem in str(proof.remedy)


TRIED = datetime(2026, 11, 20, 9, 59, tzinfo=UTC)


def test_the_objection_of_another_try_proves_nothing_of_this_one(tmp_path: Path) -> None:
    earlier = Heard(9, "ef" * 32, TRIED - timedelta(days=30), turns=0)
    assert not prove_unknown_heard(probe(tmp_path), earlier, now=NOW).proven


def test_the_objection_of_somebody_unknown_counts_only_once_it_is_in_the_ledger(tmp_path: Path) -> None:
    made = probe(tmp_path)
    assert not prove_unknown_heard(None, None, now=NOW).proven
    assert not prove_unknown_heard(probe(tmp_path, handle=...), None, now=NOW).proven
    assert not prove_unknown_heard(made, None, now=NOW).proven
    assert not prove_unknown_heard(made, Heard(9, "ef" * 32, TRIED, turns=3), now=NOW).proven
    assert prove_unknown_heard(made, Heard(9, "ef" * 32, TRIED, turns=0), now=NOW).proven
    assert not prove_unknown_heard(
        made, Heard(9, "ef" * 32, TRIED, turns=0), now=NOW + timedelta(days=40)
    ).proven


# -- the trial ----------------------------------------------------------------------------------------------------------

DAY = timedelta(days=1)
TOLD = NOW - 100 * DAY


def event(kind: str, subject: str | None, at: datetime, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "subject": subject, "purposes": [], "occurred_at": at, **more}


def trial_of(said: list[dict[str, Any]], *, audience: str = "assistant", lie: str | None = None) -> Any:
    """One turn of ana's, decided as though every safeguard were proven. With `lie` the door's answer is replaced, as a
    broken door would: the second look must see it."""
    packs = load_packs()
    asked = [
        event("place", "ana", TOLD, place="FR"),
        event("assessment", None, NOW, purposes=[P], safeguards=list(SAFEGUARDS)),
    ]
    events = pa.Table.from_pylist([*said, *asked], schema=EVENT)
    turn = {
        "row_id": "t1", "conversation_id": "c1", "subject_id": "ana", "occurred_at": NOW - 10 * DAY,
        "role": "user", "audience": audience, "surface": "chatgpt", "parties": ["ana"], "shard": 0,
    }  # fmt: skip
    turns = pa.Table.from_pylist([turn], schema=TURN_FACTS)
    decided = decide(turns, events, purpose=P, as_of=NOW, packs=packs)
    if lie is not None:
        rows = [row | {"basis": lie, "decision": "permit"} for row in decided.to_pylist()]
        decided = pa.Table.from_pylist(rows, schema=decided.schema)
    return look_again([(turns, decided)], events, purpose=P, as_of=NOW, packs=packs)


FIT = [event("notice", "ana", TOLD, purposes=[P]), event("age", "ana", TOLD, age=30)]


def test_what_the_door_opens_passes_the_second_look() -> None:
    trial = trial_of(FIT)
    assert (trial.rows, len(trial.people), set(trial.failing.values())) == (1, 1, {0})
    assert all(proof.proven for proof in prove_trial(trial, notices_kept=True, moment=NOW))


def test_a_notice_whose_text_nobody_kept_proves_no_waiting_time() -> None:
    proofs = {proof.safeguard: proof for proof in prove_trial(trial_of(FIT), notices_kept=False, moment=NOW)}
    assert [name for name, proof in proofs.items() if not proof.proven] == ["notice_lead"]


def test_a_trial_that_opens_nothing_proves_nothing() -> None:
    trial = trial_of(FIT[1:])
    assert trial.rows == 0
    assert not any(proof.proven for proof in prove_trial(trial, notices_kept=True, moment=NOW))


@pytest.mark.parametrize(
    ("said", "audience", "failing"),
    [
        ([event("notice", "ana", NOW - 20 * DAY, purposes=[P]), FIT[1]], "assistant", {"notice_lead"}),
        ([event("notice", "ana", NOW - 5 * DAY, purposes=[P]), FIT[1]], "assistant", {"notice_lead", "lookback_limit"}),
        ([FIT[1]], "assistant", {"notice_lead", "lookback_limit"}),
        ([*FIT, event("objection", "ana", NOW - DAY)], "assistant", {"prior_objections_honoured"}),
        ([*FIT, event("refusal", "ana", TOLD - DAY, purposes=[P])], "assistant", {"prior_objections_honoured"}),
        ([*FIT, event("erasure_request", "ana", NOW - DAY)], "assistant", {"prior_objections_honoured"}),
        ([FIT[0]], "assistant", {"under18_filter"}),
        ([FIT[0], event("age", "ana", TOLD, age=16)], "assistant", {"under18_filter"}),
        ([*FIT, event("age", "ana", NOW - 5 * DAY, age=17), event("age", "ana", NOW - DAY, age=18)], "assistant", {"under18_filter"}),
        (FIT, "closed_group", {"group_source_filter"}),
        (FIT, "unknown", {"group_source_filter"}),
    ],
)  # fmt: skip
def test_a_door_that_wrongly_opened_is_caught_by_the_second_look(
    said: list[dict[str, Any]], audience: str, failing: set[str]
) -> None:
    assert trial_of(said, audience=audience).rows == 0  # the door itself keeps it shut
    trial = trial_of(said, audience=audience, lie="legitimate_interest")
    assert {name for name in CHECKS if trial.failing[name]} == failing
    proofs = {proof.safeguard: proof for proof in prove_trial(trial, notices_kept=True, moment=NOW)}
    assert {name for name, proof in proofs.items() if not proof.proven} == failing


def test_a_no_to_another_purpose_leaves_the_person_in() -> None:
    trial = trial_of([*FIT, event("objection", "ana", NOW - DAY, purposes=["share_dataset"])])
    assert (trial.rows, trial.said_no) == (1, 0)


def test_every_safeguard_that_a_pack_asks_for_can_be_proven() -> None:
    packs = load_packs()
    asked = {
        name
        for jurisdiction in packs.files
        for name in packs.named(jurisdiction, NOW).parameters.legitimate_interest.safeguards
    }
    assert asked == set(SAFEGUARDS)
