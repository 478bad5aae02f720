"""What a person, or their officer, is told."""

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.rights.explain import Explanation, explain
from witting.rights.policy import load_packs
from witting.rights.reasons import NAMES, REASONS, RULE_OF
from witting.rights.standing import standing
from witting.schema import EVENT

P = "fine_tune_own_model"
PACKS = load_packs()
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


def found(packs, events: pa.Table, **turn) -> Explanation:
    return explain(TURN | turn, events, purpose=P, as_of=AS_OF, packs=packs)


def saw(packs, events: pa.Table, rule: str, **turn) -> tuple[str, str]:
    """What one rule saw and answered."""
    (asked,) = [one for one in found(packs, events, **turn).asked if one.rule == rule]
    return asked.saw, asked.answer


def test_a_permit_says_which_rules_were_asked_and_what_they_saw(packs):
    said = found(packs, table(YES, HOME))
    assert "The person's place was FR" in said.law
    assert [(one.rule, one.answer) for one in said.asked] == [
        ("eu.as_of", "yes"), ("eu.minor", "yes"), ("eu.consent", "yes"), ("eu.legitimate_interest", "-"), ("eu.all_party", "-"),
    ]  # fmt: skip
    assert saw(packs, table(YES, HOME), "eu.consent")[0] == "then and today an open consent (entry 6)"
    assert (said.decision, said.reason, said.rule, said.entry, said.entries) == (
        "permit",
        "consent",
        "eu.consent",
        6,
        [6],
    )
    assert "GDPR Art. 4(11), 6(1)(a)" in said.plain
    assert said.would_change == (
        "The person's withdrawal, objection or request to be erased, at any time.",
        "Time: on 2027-06-01 the consent runs out.",
    )


def test_a_withdrawal_is_told_with_its_entry_and_what_would_change_it(packs):
    events = table(YES, HOME, event("withdrawal", 11))
    said = found(packs, events)
    assert saw(packs, events, "eu.consent") == (
        "then an open consent (entry 6); today a withdrawal (entry 11)",
        "no",
    )
    assert (said.decision, said.reason, said.entry, said.entries) == ("deny", "withdrawn", 11, [6, 11])
    assert said.would_change == ("A new valid consent of the person.",)


def test_what_was_said_before_a_no_without_a_yes_nothing_opens_again(packs):
    said = found(packs, table(HOME, event("withdrawal", 10)))
    assert said.reason == "withdrawn"
    assert said.would_change == (
        "Nothing that can be said or proven here opens this turn; a valid consent opens what its person says from then on.",
    )


def test_others_are_a_number_and_never_an_id(packs):
    closed = {"audience": "direct", "parties": [ANA, BOB]}
    said = found(packs, table(YES, HOME), **closed)
    assert saw(packs, table(YES, HOME), "eu.all_party", **closed) == (
        "audience direct: everybody is asked; of 1 others, 0 have an open door", "no",
    )  # fmt: skip
    assert said.reason == "third_party"
    assert said.would_change == (
        "Valid consents of everybody else in this talk that name what was said before, too.",
    )
    assert BOB not in str(said)


def test_a_missing_safeguard_is_named(packs):
    events = table(HOME, event("notice", 6), event("age", 6, age=18))
    said, answer = saw(packs, events, "eu.legitimate_interest")
    assert said.startswith(
        "told 176 days ago, 45 are asked for; 15 of 15 safeguards missing (compatibility, deid_report"
    )
    assert (answer, found(packs, events).reason) == ("no", "safeguard_missing")
    assert found(packs, events).would_change == (
        "A valid consent of the person that names what they said before, too (data_window), on a notice they had been shown by then.",
        "A proof of every safeguard (`witting rights assess`).",
    )


def test_a_permit_by_interest_says_when_its_first_proof_is_stale(packs):
    law = packs.for_place("FR", AS_OF).parameters.legitimate_interest
    proofs = event("assessment", 6, None, purposes=[P], safeguards=list(law.safeguards))
    events = table(
        HOME,
        event("notice", 6),
        event("age", 6, age=18),
        proofs | {"expires_at": datetime(2026, 11, 30, tzinfo=UTC)},
    )
    assert found(packs, events).would_change == (
        "The person's withdrawal, objection or request to be erased, at any time.",
        "Time: on 2026-11-30 the first proof of a safeguard is stale, until it is assessed again.",
    )


def test_what_is_needed_together_is_said_together(packs):
    events = table(HOME, event("notice", 11))
    turn = {"occurred_at": datetime(2026, 11, 10, tzinfo=UTC)}
    assert found(packs, events, **turn).reason == "lead_time"
    assert found(packs, events, **turn).would_change == (
        "A valid consent of the person that names what they said before, too (data_window), on a notice they had been shown by then.",
        "A record that the person is an adult. And: A proof of every safeguard (`witting rights assess`). "
        "And: Time: from 2026-12-16 on, if the person does not object.",
    )


def test_who_was_too_young_stays_out(packs):
    said = found(packs, table(YES, HOME, event("age", 10, age=17)))
    assert (said.reason, said.would_change) == ("minor", ("Nothing: what was said as a minor stays unused.",))
    assert saw(packs, table(YES, HOME, event("age", 10, age=17)), "eu.minor") == (
        "17 years; 18 is asked for",
        "no",
    )


@settings(max_examples=60)
@given(st.data())
def test_what_is_said_to_change_a_no_does_change_it(data):
    """For any history: a sentence that promises something is backed by a decision."""
    events = table(*data.draw(st.lists(histories(), max_size=5)), HOME)
    turn = TURN | {"audience": data.draw(st.sampled_from(["assistant", "direct"])), "parties": [ANA, BOB]}
    said = explain(turn, events, purpose=P, as_of=AS_OF, packs=PACKS)
    assert said.would_change
    if said.would_change[0] == "A new valid consent of the person.":
        yes = YES | {"occurred_at": AS_OF, "entry": 99}
        again = explain(turn, pa.concat_tables([events, table(yes)]), purpose=P, as_of=AS_OF, packs=PACKS)
        assert again.decision == "permit"
    if said.would_change[0].startswith("Nothing that can be said"):
        yes = YES | {"occurred_at": AS_OF, "entry": 99}
        again = explain(turn, pa.concat_tables([events, table(yes)]), purpose=P, as_of=AS_OF, packs=PACKS)
        assert again.decision == "deny"


@st.composite
def histories(draw):
    kind = draw(st.sampled_from(["consent", "withdrawal", "objection", "notice", "age", "refusal"]))
    more = {"verdict": draw(st.sampled_from(["valid", "weak", "invalid"]))} if kind == "consent" else {}
    more |= {"age": draw(st.sampled_from([16, 18]))} if kind == "age" else {}
    return event(kind, draw(st.integers(1, 11)), draw(st.sampled_from([ANA, BOB])), **more)


@pytest.mark.parametrize(
    "turn",
    [
        {"occurred_at": None}, {"subject_id": None}, {"audience": None}, {"audience": "public"}, {"parties": None},
        {"parties": [], "audience": "direct"}, {"subject_id": "unknown"}, {"role": "assistant"},
    ],
)  # fmt: skip
def test_whatever_is_missing_there_is_an_answer(packs, turn):
    for events in (table(YES, HOME), table()):
        said = found(packs, events, **turn)
        assert said.because
        assert said.asked
        assert said.would_change


def test_every_reason_has_a_rule_and_a_sentence(packs):
    for name in NAMES:
        assert REASONS[name].endswith(".")
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
