"""What a person, or their officer, is told."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from witting.rights.explain import WHAT_WOULD_CHANGE_IT, explain
from witting.rights.reasons import NAMES, PERMITS, REASONS, RULE_OF
from witting.rights.standing import standing
from witting.schema import EVENT

P = "fine_tune_own_model"
AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
ANA, BOB = "a" * 32, "b" * 32


def event(kind: str, month: int, subject: str | None = ANA, **more) -> dict:
    purposes = [P] if kind in ("consent", "notice") else []
    return {
        "kind": kind,
        "subject": subject,
        "purposes": purposes,
        "occurred_at": datetime(2026, month, 1, tzinfo=UTC),
        "entry": month,
    } | more


def table(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=EVENT)


YES = event("consent", 6, verdict="valid")
HOME = event("place", 1, place="FR")
TURN = {
    "row_id": "f" * 32, "conversation_id": "c", "subject_id": ANA, "occurred_at": datetime(2026, 9, 1, tzinfo=UTC),
    "role": "user", "audience": "assistant", "surface": "x", "parties": [ANA], "shard": 1, "position": 4,
}  # fmt: skip


def told(packs, events: pa.Table, **turn) -> str:
    return "\n".join(explain(TURN | turn, events, purpose=P, as_of=AS_OF, packs=packs))


def test_a_permit_says_which_rules_were_asked_and_what_they_saw(packs):
    text = told(packs, table(YES, HOME))
    assert "The person's place was FR" in text
    assert "eu.consent: at the time of the turn saw an open consent (ledger entry 6)" in text
    assert "Answer: permit, consent (ledger entry 6)." in text
    assert "GDPR Art. 6(1)(a)" in text.replace("4(11), ", "")
    assert "withdrawal or objection" in text


def test_a_withdrawal_is_told_with_its_entry_and_what_would_change_it(packs):
    text = told(packs, table(YES, HOME, event("withdrawal", 11)))
    assert "today a withdrawal (ledger entry 11); answered no" in text
    assert "Answer: deny, withdrawn (ledger entry 11)." in text
    assert "A later valid consent" in text


def test_others_are_a_number_and_never_an_id(packs):
    text = told(packs, table(YES, HOME), audience="direct", parties=[ANA, BOB])
    assert "of 1 others, 0 have an open door; answered no" in text
    assert "third_party" in text
    assert BOB not in text


def test_a_missing_safeguard_is_named(packs):
    text = told(packs, table(HOME, event("notice", 6), event("age", 6, age=18)))
    assert "15 of 15 safeguards missing (compatibility, deid_report" in text
    assert "safeguard_missing" in text


@pytest.mark.parametrize(
    "turn",
    [
        {"occurred_at": None}, {"subject_id": None}, {"audience": None}, {"audience": "public"}, {"parties": None},
        {"parties": [], "audience": "direct"}, {"subject_id": "unknown"}, {"role": "assistant"},
    ],
)  # fmt: skip
def test_whatever_is_missing_there_is_an_answer(packs, turn):
    lines = explain(TURN | turn, table(YES, HOME), purpose=P, as_of=AS_OF, packs=packs)
    assert any(line.startswith("Answer: ") for line in lines)
    assert explain(TURN | turn, table(), purpose=P, as_of=AS_OF, packs=packs)


def test_every_reason_has_a_rule_a_sentence_and_a_way_out(packs):
    for name in NAMES:
        assert REASONS[name].endswith(".")
        assert name in PERMITS or name in WHAT_WOULD_CHANGE_IT
        required = [pack for pack in packs.files.values() if RULE_OF[name] != "legitimate_interest"]
        assert all(f"{pack.prefix}.{RULE_OF[name]}" in {r.id for r in pack.rule} for pack in required)


def test_standing_is_a_row_for_each_purpose_the_person_spoke_of(packs):
    rows = standing(
        table(YES, HOME, event("consent", 7, purposes=["evaluate_model"], verdict="weak")),
        ANA,
        as_of=AS_OF,
        packs=packs,
    )
    assert [(row["purpose"], row["open"], row["reason"]) for row in rows] == [
        ("evaluate_model", True, "consent"),
        (P, True, "consent"),
    ]
    assert rows[1]["since"] == "2026-06-01T00:00:00+00:00"
    assert rows[1]["until"] == "2027-06-01T00:00:00+00:00"
    assert (rows[1]["basis"], rows[1]["rule"], rows[1]["place"]) == ("consent", "eu.consent", "FR")


def test_standing_after_a_general_no_is_shut_for_every_purpose(packs):
    rows = standing(table(YES, event("objection", 8)), ANA, as_of=AS_OF, packs=packs)
    assert len(rows) == 9
    assert {row["open"] for row in rows} == {False}
    assert {row["since"] for row in rows} == {"2026-08-01T00:00:00+00:00"}


def test_somebody_who_never_spoke_has_no_standing(packs):
    assert standing(table(YES), BOB, as_of=AS_OF, packs=packs) == []
    assert standing(table(), ANA, as_of=AS_OF, packs=packs) == []
