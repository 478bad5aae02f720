"""What one purpose opens of another: as little as can be, and never weights."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import InvalidEvent, UnknownPurpose
from witting.rights.decide import TURN_FACTS, decide
from witting.rights.event import make_event
from witting.rights.explain import explain
from witting.rights.policy import load_packs
from witting.rights.purposes import NEVER_A_PURPOSE, WEIGHTS, included, wider
from witting.schema import EVENT, PURPOSES

PACKS = load_packs()
START = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = START + timedelta(days=300)
NARROW, WIDE, OTHER = "evaluate_model", "fine_tune_own_model", "train_general_model"
CLOSING = ("refusal", "objection", "withdrawal", "erasure_request")
PURPOSE = st.sampled_from(PURPOSES)


def test_the_order_is_this_one():
    assert {p: sorted(included(p) - {p}) for p in PURPOSES if included(p) != {p}} == {
        "fine_tune_own_model": ["evaluate_model"],
        "train_general_model": ["evaluate_model"],
        "publish_dataset": ["share_dataset"],
    }
    assert wider(NARROW) == (WIDE, OTHER)


@given(PURPOSE, PURPOSE, PURPOSE)
def test_it_is_an_order(a, b, c):
    assert a in included(a)
    assert not (a != b and a in included(b) and b in included(a))
    assert not (b in included(a) and c in included(b)) or c in included(a)
    assert (a in wider(b)) == (a != b and b in included(a))


@given(PURPOSE, PURPOSE)
def test_nothing_includes_weights_but_themselves(wide, narrow):
    if narrow in WEIGHTS:
        assert (narrow in included(wide)) == (wide == narrow)


@pytest.mark.parametrize("vague", NEVER_A_PURPOSE)
def test_improving_the_service_is_no_purpose_and_opens_nothing(vague):
    assert vague not in PURPOSES
    said = {
        "kind": "consent",
        "subject": "web:ana",
        "occurred_at": "2026-03-01T00:00:00Z",
        "purposes": [vague],
    }
    with pytest.raises(InvalidEvent, match="purposes"):
        make_event(said, where="line 1", now=AS_OF)
    with pytest.raises(UnknownPurpose):
        answer([], vague)
    with pytest.raises(InvalidEvent):
        answer([event("consent", 0, [vague])], WIDE)


def event(kind: str, day: int, purposes: list[str], **more) -> dict:
    row = {"kind": kind, "subject": "ana", "purposes": purposes, "occurred_at": START + timedelta(days=day)}
    return row | ({"verdict": "valid"} if kind == "consent" else {}) | more


def turns(days) -> pa.Table:
    rows = [
        {"row_id": str(day), "conversation_id": "c", "subject_id": "ana", "occurred_at": START + timedelta(days=day),
         "audience": "assistant", "surface": "x", "parties": ["ana"]}
        for day in days
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TURN_FACTS)


def answer(events: list[dict], purpose: str, days=(60,), as_of=AS_OF) -> list[str]:
    numbered = [row | {"entry": number} for number, row in enumerate(events)]
    table = pa.Table.from_pylist(numbered, schema=EVENT)
    return decide(turns(days), table, purpose=purpose, as_of=as_of, packs=PACKS)["reason"].to_pylist()


ADULT = event("age", 0, [], age=30)
YES, NO = event("consent", 0, [WIDE]), event("withdrawal", 100, [WIDE])
CASES = [
    ("a yes to training opens evaluation", [YES], NARROW, "consent"),
    ("a yes to a general model does, too", [event("consent", 0, [OTHER])], NARROW, "consent"),
    ("a yes to publishing opens sharing", [event("consent", 0, ["publish_dataset"])], "share_dataset", "consent"),
    ("a yes to sharing does not open publishing", [event("consent", 0, ["share_dataset"])], "publish_dataset", "no_consent"),
    ("a yes to evaluation opens no training", [event("consent", 0, [NARROW])], WIDE, "no_consent"),
    ("a yes to a general model opens no model of one's own", [event("consent", 0, [OTHER])], WIDE, "no_consent"),
    ("nor the other way about", [YES], OTHER, "no_consent"),
    ("serving opens nothing", [event("consent", 0, ["provide_service"])], WIDE, "no_consent"),
    ("training opens no sharing", [YES], "share_dataset", "no_consent"),
    ("a no to evaluation closes it", [YES, event("refusal", 100, [NARROW])], NARROW, "refused"),
    ("and leaves training open", [YES, event("refusal", 100, [NARROW])], WIDE, "consent"),
    ("also where it came before the yes to training", [event("refusal", -1, [NARROW]), YES], NARROW, "refused"),
    ("a yes by name opens it again", [event("refusal", -1, [NARROW]), YES, event("consent", 10, [NARROW])], NARROW, "consent"),
    ("a general no, then a yes to training", [event("objection", -1, []), YES], NARROW, "consent"),
    ("a yes to training, then a general no", [YES, event("objection", 100, [])], NARROW, "objected"),
    ("the yes to training is taken back", [YES, NO], NARROW, "withdrawn"),
    ("one of two wider ones is taken back", [YES, event("consent", 0, [OTHER]), NO], NARROW, "consent"),
    ("what was agreed by name stays", [event("consent", 0, [NARROW]), YES, NO], NARROW, "consent"),
    ("a yes to training that has run out", [YES | {"expires_at": START + timedelta(days=50)}], NARROW, "expired"),
    ("a yes by name has run out, one to training stands", [event("consent", 0, [NARROW], expires_at=START + timedelta(days=50)), YES], NARROW, "consent"),
    ("a weak yes to training feeds evaluation", [YES | {"verdict": "weak"}], NARROW, "consent"),
    ("a weak yes to publishing opens no sharing", [event("consent", 0, ["publish_dataset"], verdict="weak")], "share_dataset", "consent_weak"),
    ("asked to be erased", [YES, event("erasure_request", 100, [WIDE])], NARROW, "erasure_requested"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "purpose", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_yes_and_no_meet(said, purpose, reason):
    assert answer([*said, ADULT], purpose) == [reason]


def test_who_refused_the_wider_purpose_is_not_used_by_legitimate_interest_for_the_narrower():
    safeguards = list(PACKS.named("eu", AS_OF).parameters.legitimate_interest.safeguards)
    told = [
        event("place", -50, [], place="FR"), event("notice", -1, [NARROW]), ADULT,
        event("assessment", -1, [NARROW], subject=None, safeguards=safeguards),
    ]  # fmt: skip
    assert answer(told, NARROW) == ["legitimate_interest"]
    assert answer([*told, event("refusal", 10, [WIDE])], NARROW) == ["refused"]
    assert answer([*told, event("refusal", 10, ["share_dataset"])], NARROW) == ["legitimate_interest"]


def test_a_door_open_through_two_purposes_in_turn_is_open_then_and_now():
    said = [
        event("consent", 0, [NARROW], expires_at=START + timedelta(days=50)),
        event("consent", 50, [WIDE]),
    ]
    assert answer(said, NARROW, days=(0, 49, 50, 299)) == ["consent"] * 4
    assert answer(said, WIDE, days=(0, 49, 50, 299)) == [
        "before_consent",
        "before_consent",
        "consent",
        "consent",
    ]


def test_the_explanation_names_the_wider_purpose():
    row = turns([60]).to_pylist()[0]
    table = pa.Table.from_pylist([YES | {"entry": 4}], schema=EVENT)
    said = explain(row, table, purpose=NARROW, as_of=AS_OF, packs=PACKS)
    assert "an open consent to fine_tune_own_model, which includes it (entry 4)" in str(said.asked)


@st.composite
def said(draw):
    kind = draw(st.sampled_from(["consent", "consent", "consent", *CLOSING]))
    row = event(kind, draw(st.integers(-2, 8)) * 20, draw(st.lists(PURPOSE, max_size=2, unique=True)))
    if kind == "consent":
        row["verdict"] = draw(st.sampled_from(["valid", "valid", "weak", "invalid"]))
        row["expires_at"] = draw(st.none() | st.just(START + timedelta(days=70)))
    return row


DAYS = range(-40, 300, 20)
HISTORY = st.lists(said(), max_size=7)


@settings(max_examples=60, deadline=None)
@given(HISTORY, PURPOSE)
def test_what_is_said_of_narrower_and_of_other_purposes_never_matters_to_a_wider_one(events, purpose):
    reach = {purpose, *wider(purpose)}
    near = [
        e for e in events if reach & set(e["purposes"]) or e["kind"] == "erasure_request" or not e["purposes"]
    ]
    assert answer(events, purpose, DAYS) == answer(near, purpose, DAYS)


@settings(max_examples=60, deadline=None)
@given(HISTORY, PURPOSE, st.sampled_from(CLOSING))
def test_a_last_no_by_name_shuts_whatever_was_said_of_wider_ones(events, purpose, kind):
    no = event(kind, 170, [purpose])
    later = [e for e in events if purpose not in e["purposes"]]
    for history in ([*events, no], [*events, no, *[e | {"occurred_at": AS_OF} for e in later]]):
        assert "consent" not in answer(history, purpose, DAYS)


@settings(max_examples=60, deadline=None)
@given(HISTORY, PURPOSE, st.sampled_from(CLOSING), st.lists(PURPOSE, max_size=2), st.integers(-2, 8))
def test_one_more_no_of_any_purpose_never_opens_anything(events, purpose, kind, purposes, day):
    before = answer(events, purpose, DAYS)
    after = answer([*events, event(kind, day * 20, purposes)], purpose, DAYS)
    assert not [1 for was, now in zip(before, after, strict=True) if was != "consent" and now == "consent"]


@settings(max_examples=60, deadline=None)
@given(HISTORY, PURPOSE)
def test_a_purpose_that_nothing_includes_is_decided_by_its_name_alone(events, purpose):
    if not wider(purpose):
        named = [
            e | {"purposes": [p for p in e["purposes"] if p == purpose]} if e["purposes"] else e
            for e in events
        ]
        kept = [
            n
            for n, e in zip(named, events, strict=True)
            if n["purposes"] or not e["purposes"] or e["kind"] == "erasure_request"
        ]
        assert answer(events, purpose, DAYS) == answer(kept, purpose, DAYS)
