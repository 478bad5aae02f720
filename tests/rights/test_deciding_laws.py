"""Laws of deciding, on random people: a slow second implementation agrees, order and cuts do not matter, no is sticky.

The second implementation below reads the rules of docs/rights.md one turn at a time, with loops and no tables.
"""

import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.engine.stage import apply, digest
from witting.rights.decide import TURN_FACTS, decide, stage
from witting.rights.policy import load_packs
from witting.schema import EVENT

P = "fine_tune_own_model"
PACKS = load_packs()
START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=300)
SAFEGUARDS = list(PACKS.named("eu", AS_OF).parameters.legitimate_interest.safeguards)
PEOPLE = ["ana", "bob", "cleo"]
# Few days, so that things often happen in one moment; some lie on an edge: 365 days before AS_OF, 45 days before it.
DAYS = st.sampled_from([-100, -66, -65, -64, 0, 1, 30, 31, 60, 254, 255, 256, 299, 300, 301])
CLOSING = {
    "refusal": "refused",
    "objection": "objected",
    "withdrawal": "withdrawn",
    "erasure_request": "erasure_requested",
}


ASKING = ("access_request", "complaint")  # open and shut nothing


def at(day: int | None) -> datetime | None:
    return None if day is None else START + timedelta(days=day)


@st.composite
def event(
    draw, kinds=("consent", "consent", "consent", *CLOSING, "age", "place", "notice", "assessment", *ASKING)
):
    kind = draw(st.sampled_from(kinds))
    row = dict.fromkeys(EVENT.names)
    row |= {"kind": kind, "subject": draw(st.sampled_from(PEOPLE)), "occurred_at": at(draw(DAYS))}
    row["purposes"] = draw(st.sampled_from([[P], [P], ["share_dataset"], [], [P, "evaluate_model"]]))
    if kind == "consent":
        row["verdict"] = draw(st.sampled_from(["valid", "valid", "valid", "weak", "invalid", None]))
        row["valid_from"] = at(draw(st.none() | DAYS))
        row["expires_at"] = at(draw(st.none() | DAYS))
    elif kind == "age":
        row["age"] = draw(st.sampled_from([12, 17, 18]))
    elif kind == "place":
        row["place"] = draw(st.sampled_from(["FR", "BR", "IN", "KR", "US-CA"]))
    elif kind == "assessment":
        row |= {
            "subject": None,
            "safeguards": draw(st.sampled_from([SAFEGUARDS, SAFEGUARDS, SAFEGUARDS[1:], []])),
        }
    return row


@st.composite
def history(draw):
    """Events with distinct entries, so that even one moment has an order."""
    rows = draw(st.lists(event(), max_size=14))
    entries = draw(st.permutations(range(len(rows))))
    return [row | {"entry": entry} for row, entry in zip(rows, entries, strict=True)]


@st.composite
def turn(draw):
    audience = draw(
        st.sampled_from(["assistant", "direct", "closed_group", "public", "unknown", None, "other"])
    )
    return {
        "row_id": None, "conversation_id": "c", "subject_id": draw(st.sampled_from([*PEOPLE, None])),
        "occurred_at": at(draw(st.none() | DAYS)), "role": draw(st.sampled_from(["user", "assistant", "person"])),
        "audience": audience, "surface": "x",
        "parties": draw(st.sampled_from([None, [], ["ana"], ["ana", "bob"], PEOPLE, ["ana", "stranger"]])), "shard": 0,
    }  # fmt: skip


def numbered(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist([row | {"row_id": f"t{i}"} for i, row in enumerate(rows)], schema=TURN_FACTS)


def decided(turns: list[dict], events: list[dict], as_of=AS_OF) -> list[dict]:
    asked = stage(pa.Table.from_pylist(events, schema=EVENT), purpose=P, as_of=as_of, packs=PACKS)
    return apply(asked, asked.open(), numbered(turns)).to_pylist()


# --- the second implementation ---------------------------------------------------------------------------------------


def mine(events: list[dict], person: str, as_of: datetime) -> list[dict]:
    known = [e for e in events if e["subject"] == person and e["occurred_at"] <= as_of]
    return sorted(known, key=lambda e: (e["occurred_at"], e["entry"]))


def latest(events: list[dict], kind: str, moment: datetime) -> dict | None:
    told = [e for e in events if e["kind"] == kind and e["occurred_at"] <= moment]
    return told[-1] if told else None


def reaches(event: dict) -> bool:
    return event["kind"] in CLOSING and (
        event["kind"] == "erasure_request" or not event["purposes"] or P in event["purposes"]
    )


def opening(events: list[dict], index: int) -> tuple[datetime, datetime] | None:
    """[start, end) of one consent, before a later one replaces it."""
    consent = events[index]
    if consent["kind"] != "consent" or P not in consent["purposes"] or consent["verdict"] != "valid":
        return None
    before = [e["occurred_at"] for e in events[:index] if reaches(e)]
    after = [e["occurred_at"] for e in events[index + 1 :] if reaches(e)]
    start = max([consent["valid_from"] or consent["occurred_at"], *before])
    ends = [consent["occurred_at"] + timedelta(days=365), *after[:1]]
    end = min([*ends, *([consent["expires_at"]] if consent["expires_at"] else [])])
    return (start, end) if start < end else None


def state(events: list[dict], moment: datetime) -> str:
    """What stood at a moment: the consent given last that covers it, else the last thing that happened by then."""
    spans = [(i, opening(events, i)) for i in range(len(events))]
    spans = [(i, span) for i, span in spans if span]
    for _, (start, end) in reversed(spans):
        if start <= moment:
            if moment < end:
                return "open"
            break
    marks = [(e["occurred_at"], 1, n, CLOSING[e["kind"]]) for n, e in enumerate(events) if reaches(e)]
    for n, e in enumerate(events):
        poor = e["kind"] == "consent" and P in e["purposes"] and e["verdict"] != "valid"
        if poor and not covered(spans, e["occurred_at"]):
            marks.append(
                (e["occurred_at"], 1, n, "consent_weak" if e["verdict"] == "weak" else "consent_invalid")
            )
    marks += [(end, 0, i, "expired") for i, end in ran_out(events, spans)]
    past = [mark for mark in marks if mark[0] <= moment]
    return max(past)[3] if past else "none"


def covered(spans, moment) -> bool:
    for _, (start, end) in reversed(spans):
        if start <= moment:
            return moment < end
    return False


def ran_out(events, spans):
    for position, (i, (start, end)) in enumerate(spans):
        replaced = min((s for _, (s, _) in spans[position + 1 :]), default=None)
        own_end = min(
            d for d in (events[i]["occurred_at"] + timedelta(days=365), events[i]["expires_at"]) if d
        )
        if end == own_end and (replaced is None or (end <= replaced and start < replaced)):
            yield i, end


def place(events: list[dict], moment: datetime) -> str | None:
    told = latest(events, "place", moment)
    return told["place"] if told else None


def door(events: list[dict], person: str | None, moment: datetime, audience: str, as_of: datetime) -> str:
    said = mine(events, person, as_of) if person else []
    then = PACKS.for_place(place(said, moment), moment)
    home = place(said, as_of)
    now = PACKS.for_place(home, as_of) if home else then
    known = latest(said, "age", moment)
    since = known["occurred_at"] if known else moment
    later = {e["occurred_at"] for e in said if e["kind"] == "age" and e["occurred_at"] >= since}
    if any(latest(said, "age", when)["age"] < 18 for when in later):
        return "minor"  # who was young later was no older then
    stood, stands = state(said, moment), state(said, as_of)
    if stands != "open":
        return interest(events, said, moment, audience, as_of, then, now) if stands == "none" else stands
    if stood == "open":
        return "consent"
    return "before_consent" if stood == "none" else stood


def interest(events, said, moment, audience, as_of, then, now) -> str:
    both = [pack.parameters.legitimate_interest for pack in (then, now)]
    told = [e["occurred_at"] for e in said if e["kind"] == "notice" and P in e["purposes"]]
    if not told or not all(law.allowed and audience in law.audiences for law in both):
        return "no_consent"
    if moment < told[0]:
        return "before_notice"
    if told[0] + timedelta(days=45) > as_of:
        return "lead_time"
    if not latest(said, "age", as_of):
        return "age_unknown"
    made = [
        e for e in events if e["kind"] == "assessment" and P in e["purposes"] and e["occurred_at"] <= as_of
    ]
    made.sort(key=lambda e: (e["occurred_at"], e["entry"]))
    return "legitimate_interest" if made and made[-1]["safeguards"] == SAFEGUARDS else "safeguard_missing"


def slow(turn: dict, events: list[dict], as_of: datetime) -> str:
    person, moment = turn["subject_id"], turn["occurred_at"]
    audience = (
        turn["audience"]
        if turn["audience"] in ("assistant", "direct", "closed_group", "public")
        else "unknown"
    )
    if person is None:
        return "no_subject"
    if moment is None:
        return "no_time"
    if moment > as_of:
        return "after_as_of"
    own = door(events, person, moment, audience, as_of)
    said = mine(events, person, as_of)
    then = PACKS.for_place(place(said, moment), moment)
    home = place(said, as_of)
    laws = [then, PACKS.for_place(home, as_of) if home else then]
    everybody = any(law.parameters.audiences.reach(audience) == "all_party" for law in laws)
    if own not in ("consent", "legitimate_interest") or not everybody:
        return own
    if not turn["parties"]:
        return "parties_unknown"
    others = [door(events, other, moment, audience, as_of) for other in turn["parties"] if other != person]
    return own if all(other in ("consent", "legitimate_interest") for other in others) else "third_party"


# --- the laws --------------------------------------------------------------------------------------------------------


@settings(max_examples=120, deadline=None)
@given(st.lists(turn(), min_size=1, max_size=8), history())
def test_the_fast_decision_is_the_slow_one(turns, events):
    assert [row["reason"] for row in decided(turns, events)] == [slow(t, events, AS_OF) for t in turns]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(turn(), min_size=1, max_size=8), history(), st.randoms(use_true_random=False), st.integers(0, 8)
)
def test_order_and_cut_of_rows_do_not_matter(turns, events, rng, cut):
    asked = stage(pa.Table.from_pylist(events, schema=EVENT), purpose=P, as_of=AS_OF, packs=PACKS)
    shuffled = rng.sample(events, len(events))
    again = stage(pa.Table.from_pylist(shuffled, schema=EVENT), purpose=P, as_of=AS_OF, packs=PACKS)
    assert asked.fingerprint == again.fingerprint
    table = numbered(turns)
    whole = apply(asked, asked.open(), table)
    judge = again.open()
    order = rng.sample(range(table.num_rows), table.num_rows)
    mixed = table.take(order)
    parts = [apply(again, judge, part) for part in (mixed.slice(0, cut), mixed.slice(cut))]
    assert digest(pa.concat_tables(parts)) == digest(whole)


@settings(max_examples=30, deadline=None)
@given(st.lists(turn(), min_size=1, max_size=6), history(), event(kinds=tuple(CLOSING)))
def test_one_more_no_never_opens_anything(turns, events, no):
    before = decided(turns, events)
    after = decided(turns, [*events, no | {"entry": len(events)}])
    for was, row in zip(before, after, strict=True):
        assert not (was["decision"] == "deny" and row["decision"] == "permit")


@settings(max_examples=30, deadline=None)
@given(st.lists(turn(), min_size=1, max_size=6), history(), st.sampled_from([*PEOPLE, "stranger"]))
def test_one_more_party_never_opens_anything(turns, events, other):
    known = [t for t in turns if t["parties"]]
    crowded = [t | {"parties": sorted({*t["parties"], other})} for t in known]
    for was, row in zip(decided(known, events), decided(crowded, events), strict=True):
        assert not (was["decision"] == "deny" and row["decision"] == "permit")


@settings(max_examples=30, deadline=None)
@given(st.lists(turn(), min_size=1, max_size=6), history(), st.sampled_from(PEOPLE))
def test_taking_a_persons_consents_away_never_opens_by_consent(turns, events, person):
    less = [e for e in events if not (e["kind"] == "consent" and e["subject"] == person)]
    before, after = decided(turns, events), decided(turns, less)
    for was, row in zip(before, after, strict=True):
        assert not (was["decision"] == "deny" and row["reason"] == "consent" and row["subject_id"] == person)


@settings(max_examples=30, deadline=None)
@given(st.lists(turn(), min_size=1, max_size=6), history())
def test_a_permit_stands_on_facts_that_are_all_there(turns, events):
    for asked, row in zip(turns, decided(turns, events), strict=True):
        if row["decision"] == "permit":
            assert asked["subject_id"] is not None
            assert asked["occurred_at"] is not None
            assert row["basis"] in ("consent", "legitimate_interest")
            assert row["entry"] is not None
            assert any(e["subject"] == asked["subject_id"] for e in events)
        else:
            assert row["basis"] == "none"
        assert row["rule"].split(".")[1] in {
            "consent",
            "legitimate_interest",
            "minor",
            "all_party",
            "as_of",
            "withdrawal",
            "objection",
        }


@pytest.mark.parametrize("seed", range(3))
def test_large_groups_are_asked_in_bounded_rounds_with_the_same_answer(monkeypatch, seed):
    rng = random.Random(seed)
    people = [f"p{i}" for i in range(40)]
    consents = [
        {"kind": "consent", "subject": p, "purposes": [P], "occurred_at": START, "verdict": "valid", "entry": i}
        for i, p in enumerate(people) if rng.random() < 0.9
    ]  # fmt: skip
    turns = [
        {"row_id": f"t{i}", "subject_id": rng.choice(people), "occurred_at": AS_OF, "audience": "closed_group",
         "parties": sorted(rng.sample(people, rng.randrange(1, 12))), "shard": 0}
        for i in range(200)
    ]  # fmt: skip
    table, events = (
        pa.Table.from_pylist(turns, schema=TURN_FACTS),
        pa.Table.from_pylist(consents, schema=EVENT),
    )
    whole = decide(table, events, purpose=P, as_of=AS_OF, packs=PACKS)
    monkeypatch.setattr("witting.rights.doors.QUESTIONS_MAX", 7)
    assert decide(table, events, purpose=P, as_of=AS_OF, packs=PACKS).equals(whole)
    assert {"consent", "third_party"} <= set(whole["reason"].to_pylist())
