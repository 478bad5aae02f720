"""Golden cases of the law: a place, who could see it, what the person said; what we answer, and by which rule."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files

import polars as pl
import pyarrow as pa
import pytest

from witting.engine.stage import apply
from witting.errors import InvalidEvent, UnknownPurpose
from witting.rights.decide import TURN_FACTS, decide, stage
from witting.rights.policy import load_packs
from witting.rights.reasons import REASONS
from witting.schema import DECISION, EVENT

AS_OF = datetime(2026, 11, 24, tzinfo=UTC)
TURN_AT = datetime(2026, 9, 1, tzinfo=UTC)
P = "fine_tune_own_model"
SAFEGUARDS = list(load_packs().named("eu", AS_OF).parameters.legitimate_interest.safeguards)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def event(kind: str, at: str, subject: str | None = "ana", **more) -> dict:
    row = {"kind": kind, "subject": subject, "purposes": [], "occurred_at": day(at), **more}
    if kind in ("consent", "notice", "assessment"):
        row["purposes"] = more.get("purposes", [P])
    if kind == "consent":
        row["verdict"] = more.get("verdict", "valid")
    return row


def events_of(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=EVENT)


def turn(**more) -> dict:
    row = {
        "row_id": "t1", "conversation_id": "c1", "subject_id": "ana", "occurred_at": TURN_AT, "role": "user",
        "audience": "assistant", "surface": "chatgpt", "parties": ["ana"], "shard": 3,
    }  # fmt: skip
    return row | more


def turns_of(*rows: dict) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=TURN_FACTS)


def answer(packs, rows, *turns, purpose=P, as_of=AS_OF, **more) -> list[dict]:
    return decide(
        turns_of(*turns), events_of(rows), purpose=purpose, as_of=as_of, packs=packs, **more
    ).to_pylist()


YES = event("consent", "2026-06-01")
BOB_YES = event("consent", "2026-06-01", "bob")
LIVES = {
    place: event("place", "2026-01-01", place=place)
    for place in ("FR", "GB", "US-CA", "US-TX", "US-OH", "BR", "KR", "IN")
}
PAIR = {"audience": "direct", "parties": ["ana", "bob"]}
GROUP = {"audience": "closed_group", "parties": ["ana", "bob", "cleo"]}
INTEREST = [
    event("notice", "2026-06-01"),
    event("age", "2026-06-01", age=30),
    event("assessment", "2026-06-01", None, safeguards=SAFEGUARDS),
]

CASES = [
    # place, events, turn, reason, rule
    ("a valid consent opens", "FR", [YES], {}, "consent", "eu.consent"),
    ("in the UK", "GB", [YES], {}, "consent", "uk.consent"),
    ("in California", "US-CA", [YES], {}, "consent", "us_ca.consent"),
    ("in Texas", "US-TX", [YES], {}, "consent", "us_states.consent"),
    ("in Ohio", "US-OH", [YES], {}, "consent", "us.consent"),
    ("in Brazil", "BR", [YES], {}, "consent", "br.consent"),
    ("in Korea", "KR", [YES], {}, "consent", "kr.consent"),
    ("in India", "IN", [YES], {}, "consent", "in.consent"),
    ("in a place nobody knows", None, [YES], {}, "consent", "floor.consent"),
    ("nobody asked", "FR", [], {}, "no_consent", "eu.consent"),
    ("asked for another purpose", "FR", [event("consent", "2026-06-01", purposes=["share_dataset"])], {}, "no_consent", "eu.consent"),
    ("a consent to nothing", "FR", [event("consent", "2026-06-01", purposes=[])], {}, "no_consent", "eu.consent"),
    ("said before the consent", "FR", [event("consent", "2026-09-02")], {}, "before_consent", "eu.consent"),
    ("a consent from a later day on", "FR", [YES | {"valid_from": day("2026-09-02")}], {}, "before_consent", "eu.consent"),
    ("a consent that reaches back", "FR", [event("consent", "2026-09-02", valid_from=day("2026-08-01"))], {}, "consent", "eu.consent"),
    ("refused", "FR", [event("refusal", "2026-06-01")], {}, "refused", "eu.consent"),
    ("withdrawn later: reaches back", "FR", [YES, event("withdrawal", "2026-11-01")], {}, "withdrawn", "eu.withdrawal"),
    ("withdrawn before the turn", "FR", [YES, event("withdrawal", "2026-07-01")], {}, "withdrawn", "eu.withdrawal"),
    ("withdrawn for another purpose", "FR", [YES, event("withdrawal", "2026-11-01", purposes=["share_dataset"])], {}, "consent", "eu.consent"),
    ("objected", "BR", [YES, event("objection", "2026-11-01")], {}, "objected", "br.objection"),
    ("asked to be erased", "KR", [YES, event("erasure_request", "2026-11-01", purposes=["share_dataset"])], {}, "erasure_requested", "kr.withdrawal"),
    ("withdrawn, then agreed again", "FR", [YES, event("withdrawal", "2026-10-01"), event("consent", "2026-11-01")], {}, "consent", "eu.consent"),
    ("said while withdrawn", "FR", [YES, event("withdrawal", "2026-08-01"), event("consent", "2026-11-01")], {}, "withdrawn", "eu.withdrawal"),
    ("no new yes reaches behind a no", "FR", [YES, event("withdrawal", "2026-08-01"), event("consent", "2026-11-01", valid_from=day("2026-06-01"))], {}, "consent", "eu.consent"),
    ("run out", "FR", [YES | {"expires_at": day("2026-10-01")}], {}, "expired", "eu.consent"),
    ("older than a year", "FR", [event("consent", "2025-11-01")], {}, "expired", "eu.consent"),
    ("renewed after a year", "FR", [event("consent", "2025-10-01"), event("consent", "2026-09-15")], {}, "consent", "eu.consent"),
    ("a longer term than a year is cut", "FR", [event("consent", "2025-11-01", expires_at=day("2030-01-01"))], {}, "expired", "eu.consent"),
    ("weak", "FR", [event("consent", "2026-06-01", verdict="weak")], {}, "consent_weak", "eu.consent"),
    ("invalid", "FR", [event("consent", "2026-06-01", verdict="invalid")], {}, "consent_invalid", "eu.consent"),
    ("never judged", "FR", [YES | {"verdict": None}], {}, "consent_invalid", "eu.consent"),
    ("a poor second asking takes nothing away", "FR", [YES, event("consent", "2026-08-01", verdict="invalid")], {}, "consent", "eu.consent"),
    ("an event of tomorrow is not known", "FR", [YES, event("withdrawal", "2026-11-25")], {}, "consent", "eu.consent"),
    ("sixteen", "FR", [YES, event("age", "2026-01-01", age=16)], {}, "minor", "eu.minor"),
    ("sixteen, place unknown", None, [YES, event("age", "2026-01-01", age=16)], {}, "minor", "floor.minor"),
    ("sixteen then, an adult now", "FR", [YES, event("age", "2026-01-01", age=17), event("age", "2026-10-01", age=18)], {}, "minor", "eu.minor"),
    ("said before the day that seventeen was told", "FR", [YES, event("age", "2026-09-10", age=17), event("age", "2026-10-01", age=18)], {}, "minor", "eu.minor"),
    ("eighteen", "FR", [YES, event("age", "2026-01-01", age=18)], {}, "consent", "eu.consent"),
    ("a minor is told so before all else", "FR", [event("age", "2026-10-01", age=12)], {}, "minor", "eu.minor"),
    ("no time: nor any place for it", "FR", [YES], {"occurred_at": None}, "no_time", "floor.as_of"),
    ("after the day asked about", "FR", [YES], {"occurred_at": day("2026-11-25")}, "after_as_of", "eu.as_of"),
    ("nobody's words", "FR", [YES], {"subject_id": None}, "no_subject", "floor.consent"),
    ("the assistant's answer follows its person", "FR", [YES], {"role": "assistant"}, "consent", "eu.consent"),
    ("the answer to somebody who never agreed", "FR", [], {"role": "assistant"}, "no_consent", "eu.consent"),
    ("a public post", "FR", [YES], {"audience": "public", "parties": ["ana", "bob"]}, "consent", "eu.consent"),
    ("a private talk of two, one agreed", "FR", [YES], PAIR, "third_party", "eu.all_party"),
    ("a private talk of two, both agreed", "FR", [YES, BOB_YES], PAIR, "consent", "eu.consent"),
    ("in the UK, one agreed", "GB", [YES], PAIR, "third_party", "uk.all_party"),
    ("in Korea, one agreed", "KR", [YES], PAIR, "third_party", "kr.all_party"),
    ("in California, one agreed", "US-CA", [YES], PAIR, "third_party", "us_ca.all_party"),
    ("anywhere, one agreed", None, [YES], PAIR, "third_party", "floor.all_party"),
    ("in Brazil own words are own words", "BR", [YES], PAIR, "consent", "br.consent"),
    ("in India own words are own words", "IN", [YES], PAIR, "consent", "in.consent"),
    ("not in a closed group, in Brazil either", "BR", [YES], GROUP, "third_party", "br.all_party"),
    ("an export that does not say who saw it", "BR", [YES], PAIR | {"audience": "unknown"}, "third_party", "br.all_party"),
    ("an audience we never heard of", "BR", [YES], PAIR | {"audience": "hologram"}, "third_party", "br.all_party"),
    ("the other one withdrew", "FR", [YES, BOB_YES, event("withdrawal", "2026-11-01", "bob")], PAIR, "third_party", "eu.all_party"),
    ("the other one agreed later", "FR", [YES, event("consent", "2026-10-01", "bob")], PAIR, "third_party", "eu.all_party"),
    ("the other one is a minor", "FR", [YES, BOB_YES, event("age", "2026-06-01", "bob", age=15)], PAIR, "third_party", "eu.all_party"),
    ("the other one's consent is weak", "FR", [YES, BOB_YES | {"verdict": "weak"}], PAIR, "third_party", "eu.all_party"),
    ("a group of three, two agreed", "FR", [YES, BOB_YES], GROUP, "third_party", "eu.all_party"),
    ("a group of three, all agreed", "FR", [YES, BOB_YES, event("consent", "2026-06-01", "cleo")], GROUP, "consent", "eu.consent"),
    ("nobody knows who took part", "FR", [YES], PAIR | {"parties": []}, "parties_unknown", "eu.all_party"),
    ("told, adult, safe, waited", "FR", INTEREST, {}, "legitimate_interest", "eu.legitimate_interest"),
    ("a public post, by interest", "GB", INTEREST, {"audience": "public"}, "legitimate_interest", "uk.legitimate_interest"),
    ("never a private talk by interest", "FR", INTEREST, PAIR, "no_consent", "eu.consent"),
    ("no such interest in California", "US-CA", INTEREST, {}, "no_consent", "us_ca.consent"),
    ("no such interest in Korea", "KR", INTEREST, {}, "no_consent", "kr.consent"),
    ("no such interest in India", "IN", INTEREST, {}, "no_consent", "in.consent"),
    ("no such interest where nobody knows", None, INTEREST, {}, "no_consent", "floor.consent"),
    ("told ten days ago", "FR", [event("notice", "2026-11-14"), *INTEREST[1:]], {"occurred_at": day("2026-11-20")}, "lead_time", "eu.legitimate_interest"),
    ("said before being told", "FR", [event("notice", "2026-09-02"), *INTEREST[1:]], {}, "before_notice", "eu.legitimate_interest"),
    ("told about another purpose", "FR", [event("notice", "2026-06-01", purposes=["share_dataset"]), *INTEREST[1:]], {}, "no_consent", "eu.consent"),
    ("an age nobody knows", "FR", [INTEREST[0], INTEREST[2]], {}, "age_unknown", "eu.legitimate_interest"),
    ("one safeguard short", "FR", [*INTEREST[:2], event("assessment", "2026-06-01", None, safeguards=SAFEGUARDS[1:])], {}, "safeguard_missing", "eu.legitimate_interest"),
    ("no assessment", "FR", INTEREST[:2], {}, "safeguard_missing", "eu.legitimate_interest"),
    ("the latest assessment counts", "FR", [*INTEREST, event("assessment", "2026-10-01", None, safeguards=[])], {}, "safeguard_missing", "eu.legitimate_interest"),
    ("an assessment whose first proof is stale", "FR", [*INTEREST[:2], INTEREST[2] | {"expires_at": AS_OF}], {}, "safeguard_missing", "eu.legitimate_interest"),
    ("an assessment that still stands", "FR", [*INTEREST[:2], INTEREST[2] | {"expires_at": AS_OF + timedelta(microseconds=1)}], {}, "legitimate_interest", "eu.legitimate_interest"),
    ("objected before being told", "FR", [event("objection", "2026-01-01"), *INTEREST], {}, "objected", "eu.objection"),
    ("a no is not replaced by interest", "FR", [event("refusal", "2026-06-02"), *INTEREST], {}, "refused", "eu.consent"),
    ("a withdrawn consent is not replaced by interest", "FR", [YES, event("withdrawal", "2026-08-01"), *INTEREST], {}, "withdrawn", "eu.withdrawal"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("place", "said", "facts", "reason", "rule"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_the_law_answers(packs, place, said, facts, reason, rule):
    rows = [*said, LIVES[place]] if place else said
    got = answer(packs, rows, turn(**facts))[0]
    assert (got["reason"], got["rule"]) == (reason, rule)
    permitted = reason in ("consent", "legitimate_interest")
    assert got["decision"] == ("permit" if permitted else "deny")
    assert got["basis"] == (reason if permitted else "none")
    stated = next(pack for pack in packs.files.values() if rule.startswith(f"{pack.prefix}."))
    assert next(r for r in stated.rule if r.id == rule).citation
    assert reason in REASONS


def test_a_weak_consent_feeds_evaluation_and_never_weights(packs):
    weak = event("consent", "2026-06-01", verdict="weak", purposes=["evaluate_model", P])
    assert answer(packs, [weak], turn(), purpose="evaluate_model")[0]["decision"] == "permit"
    assert answer(packs, [weak], turn())[0]["decision"] == "deny"


MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (day("2026-06-01") - MOMENT, "before_consent"),
        (day("2026-06-01"), "consent"),
        (day("2026-08-01") - MOMENT, "consent"),
        (day("2026-08-01"), "withdrawn"),
        (day("2026-10-01") - MOMENT, "withdrawn"),
        (day("2026-10-01"), "consent"),
    ],
)
def test_a_door_opens_in_its_first_moment_and_is_shut_in_its_last(packs, moment, reason):
    rows = [YES, event("withdrawal", "2026-08-01"), event("consent", "2026-10-01")]
    assert answer(packs, rows, turn(occurred_at=moment))[0]["reason"] == reason


@pytest.mark.parametrize(
    ("as_of", "reason"), [(day("2027-06-01") - MOMENT, "consent"), (day("2027-06-01"), "expired")]
)
def test_a_consent_has_run_out_in_the_moment_its_term_ends(packs, as_of, reason):
    assert answer(packs, [YES], turn(), as_of=as_of)[0]["reason"] == reason


@pytest.mark.parametrize(
    ("as_of", "reason"),
    [(day("2026-10-16") - MOMENT, "lead_time"), (day("2026-10-16"), "legitimate_interest")],
)
def test_the_waiting_time_is_forty_five_whole_days(packs, as_of, reason):
    rows = [*INTEREST[1:], event("notice", "2026-09-01"), LIVES["FR"]]
    assert answer(packs, rows, turn(), as_of=as_of)[0]["reason"] == reason


def test_moving_house_asks_both_laws(packs):
    moved = [YES, event("place", "2026-01-01", place="BR"), event("place", "2026-10-01", place="FR")]
    got = answer(packs, moved, turn(**PAIR))[0]
    assert (got["reason"], got["rule"], got["place"]) == ("third_party", "br.all_party", "BR")


def test_the_entry_is_the_one_that_opened_or_shut_the_door(packs):
    rows = [YES | {"entry": 7}, event("withdrawal", "2026-11-01", entry=9)]
    assert answer(packs, rows[:1], turn())[0]["entry"] == 7
    assert answer(packs, rows, turn())[0]["entry"] == 9
    assert answer(packs, rows[:1], turn(**PAIR))[0]["entry"] is None  # whose word shut it stays theirs
    assert answer(packs, [], turn())[0]["entry"] is None


def test_order_of_entries_decides_within_one_moment_and_without_entries_the_no_comes_last(packs):
    yes, no = event("consent", "2026-06-01"), event("withdrawal", "2026-06-01")
    assert answer(packs, [no | {"entry": 1}, yes | {"entry": 2}], turn())[0]["reason"] == "consent"
    assert answer(packs, [no | {"entry": 2}, yes | {"entry": 1}], turn())[0]["reason"] == "withdrawn"
    assert answer(packs, [no, yes], turn())[0]["reason"] == "withdrawn"


def test_special_categories_are_those_the_consent_names_then_and_now(packs):
    first = event("consent", "2026-06-01", special=["HEALTH", "RELIGION"], entry=1)
    second = event("consent", "2026-10-01", special=["HEALTH"], entry=2)
    assert answer(packs, [first, LIVES["FR"]], turn())[0]["special"] == ["HEALTH", "RELIGION"]
    assert answer(packs, [first, second, LIVES["FR"]], turn())[0]["special"] == ["HEALTH"]
    assert answer(packs, [first], turn())[0]["special"] == []  # the floor never opens them
    assert answer(packs, [first, LIVES["FR"], event("refusal", "2026-11-01")], turn())[0]["special"] == []
    assert answer(packs, [*INTEREST, LIVES["FR"]], turn())[0]["special"] == []


def test_rows_come_back_whole_in_their_order(packs):
    rows = [
        turn(row_id=f"t{i}", subject_id=name, shard=i) for i, name in enumerate(["bob", "ana", "bob", "ana"])
    ]
    table = decide(turns_of(*rows), events_of([YES]), purpose=P, as_of=AS_OF, packs=packs)
    assert table.schema == DECISION
    got = pl.DataFrame(table)
    assert got["row_id"].to_list() == ["t0", "t1", "t2", "t3"]
    assert got["decision"].to_list() == ["deny", "permit", "deny", "permit"]
    assert got["shard"].to_list() == [0, 1, 2, 3]
    assert set(got["purpose"]) == {P}


def test_no_turns_and_no_events_are_no_trouble(packs):
    assert decide(turns_of(), events_of([YES]), purpose=P, as_of=AS_OF, packs=packs).num_rows == 0
    assert answer(packs, [], turn())[0]["reason"] == "no_consent"


def test_missing_parties_are_found_in_the_conversation_but_never_guessed_by_the_stage(packs):
    mine, theirs = (
        turn(**PAIR) | {"parties": None},
        turn(row_id="t2", subject_id="bob", **PAIR) | {"parties": None},
    )
    assert [r["reason"] for r in answer(packs, [YES, BOB_YES], mine, theirs)] == ["consent", "consent"]
    assert [r["reason"] for r in answer(packs, [YES], mine, theirs)] == ["third_party", "no_consent"]
    asked = stage(events_of([YES, BOB_YES]), purpose=P, as_of=AS_OF, packs=packs)
    alone = apply(asked, asked.open(), turns_of(mine)).to_pylist()
    assert alone[0]["reason"] == "parties_unknown"


NOBODY = "chatgpt:unknown-account"


@pytest.mark.parametrize(("subject", "nameless"), [(NOBODY, ()), ("f00d", {"f00d"}), ("unknown-account", ())])
def test_no_word_of_anybody_opens_what_an_export_does_not_name(packs, subject, nameless):
    said = [LIVES["FR"] | {"subject": subject}, YES | {"subject": subject}]
    said += [row | {"subject": row["subject"] and subject} for row in INTEREST]
    for events in ([], said, [*said, event("withdrawal", "2026-11-01", subject)]):
        rows = [
            turn(subject_id=subject, parties=[subject]),
            turn(row_id="t2", subject_id=subject, occurred_at=None),
        ]
        decided = answer(packs, events, *rows, nameless=nameless)
        assert {(row["decision"], row["reason"], row["entry"]) for row in decided} == {
            ("deny", "account_unknown", None)
        }


def test_a_party_that_an_export_does_not_name_shuts_the_talk_of_the_others(packs):
    other = {"parties": ["ana", NOBODY], "audience": "closed_group"}
    theirs = YES | {"subject": NOBODY}
    mine, shut = answer(packs, [YES, theirs], turn(), turn(row_id="t2", **other))
    assert (mine["reason"], shut["reason"]) == ("consent", "third_party")


def test_an_unknown_purpose_lists_the_known_and_improving_the_service_is_none(packs):
    with pytest.raises(UnknownPurpose, match="fine_tune_own_model"):
        answer(packs, [YES], turn(), purpose="improve_service")


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "wihtdrawal"}, {"kind": None}, {"occurred_at": None}, {"subject": None},
        {"purposes": ["improve_service"]}, {"verdict": "perfect"},
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_read_stops_everything(packs, broken):
    with pytest.raises(InvalidEvent, match="Nothing was decided"):
        answer(packs, [YES, YES | broken], turn())


def test_a_shorter_term_can_be_set_for_all_packs(packs):
    assert answer(packs, [YES], turn(), consent_days_max=100)[0]["reason"] == "expired"
    near = TURN_AT + timedelta(days=1)
    assert answer(packs, [YES], turn(), as_of=near, consent_days_max=100)[0]["reason"] == "consent"


@pytest.mark.parametrize(
    ("moment", "as_of", "reason"),
    [
        (day("2026-07-01"), day("2026-09-09") - MOMENT, "consent"),  # 100 days after 1 June
        (day("2026-07-01"), day("2026-09-09"), "expired"),
        (day("2026-09-09") - MOMENT, AS_OF, "consent"),  # renewed since: only the term then can have ended
        (day("2026-09-09"), AS_OF, "expired"),
    ],
)
def test_a_pack_may_set_a_shorter_term_of_its_own(tmp_path, moment, as_of, reason):
    ours = files("witting.rights") / "packs" / "kr.toml"
    path = tmp_path / "kr.toml"
    path.write_text(ours.read_text("utf-8").replace("consent_days_max = 365", "consent_days_max = 100"))
    rows = [YES, event("consent", "2026-10-01"), LIVES["KR"]]
    assert answer(load_packs([path]), rows, turn(occurred_at=moment), as_of=as_of)[0]["reason"] == reason
