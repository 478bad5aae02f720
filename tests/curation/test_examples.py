"""What the rules make of turns and feedback, and what they leave out and why."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from witting.config import Curation
from witting.curation import REASONS, RULES, Curated, curate_table, heldout
from witting.errors import StageError, UsageError

LATER = datetime(2026, 3, 2, tzinfo=UTC)
KEY = b"curation-test-key-0123456789abcd"


def curate(chat, **settings) -> Curated:
    return curate_table(*chat.tables(), settings=Curation(**settings), key=KEY)


def examples(chat, **settings) -> list[dict]:
    return sorted(curate(chat, **settings).examples.to_pylist(), key=lambda row: (row["kind"], row["turns"]))


def learned(chat) -> list[list[str]]:
    """The turns of each example that a model would imitate."""
    return [row["turns"] for row in examples(chat) if row["kind"] in ("sft", "text")]


def made_by(chat, kind: str) -> list[dict]:
    return [row for row in examples(chat) if row["kind"] == kind]


def preferring(chosen: str, rejected: str) -> str:
    return json.dumps({"chosen": chosen, "rejected": rejected})


def reasons(chat, **settings) -> dict[str, str]:
    return {row["row_id"]: row["reason"] for row in curate(chat, **settings).verdicts.to_pylist()}


def test_an_answer_is_learned_with_its_context_and_only_the_answer_is_learned(new_chat):
    chat = new_chat().turn("q1").answer("a1", "q1").turn("q2", "a1").answer("a2", "q2")
    first, second = examples(chat)
    assert (first["rule"], first["turns"]) == ("answered/1", ["q1", "a1"])
    assert second["turns"] == ["q1", "a1", "q2", "a2"]
    assert [message["learn"] for message in second["messages"]] == [False, False, False, True]
    assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user", "assistant"]
    assert reasons(chat) == {"q1": "", "a1": "", "q2": "", "a2": ""}


def test_a_system_turn_opens_the_context(new_chat):
    chat = new_chat().turn("s", role="system", speaker_id="system").turn("q", "s").answer("a", "q")
    (only,) = examples(chat)
    assert [message["role"] for message in only["messages"]] == ["system", "user", "assistant"]


def test_context_is_bounded_and_begins_with_a_person(new_chat):
    chat, parent = new_chat(), None
    for index in range(12):
        chat.turn(f"q{index:02}", parent).answer(f"a{index:02}", f"q{index:02}")
        parent = f"a{index:02}"
    last = next(row for row in examples(chat) if row["turns"][-1] == "a11")
    assert last["turns"] == ["q09", "a09", "q10", "a10", "q11", "a11"]


def test_context_ends_where_a_turn_was_refused(new_chat):
    chat = new_chat().turn("q1").answer("a1", "q1", verdict="refuse", text=None)
    chat.turn("q2", "a1").answer("a2", "q2")
    (only,) = examples(chat)
    assert only["turns"] == ["q2", "a2"]
    assert reasons(chat) == {"q1": "no_answer", "q2": "", "a2": ""}


def test_context_ends_at_another_persons_turn(new_chat):
    chat = new_chat().turn("q1", subject_id="ben").answer("a1", "q1", subject_id="ben")
    chat.turn("q2", "a1").answer("a2", "q2")
    assert [row["turns"] for row in examples(chat)] == [["q1", "a1"], ["q2", "a2"]]


def test_an_answer_to_another_persons_prompt_is_not_learned(new_chat):
    chat = new_chat().turn("q1", subject_id="ben").answer("a1", "q1", subject_id="ana")
    assert examples(chat) == []
    assert reasons(chat) == {"q1": "no_answer", "a1": "no_prompt"}


def test_an_answer_whose_prompt_was_refused_has_no_prompt(new_chat):
    chat = new_chat().turn("q1", verdict="refuse", text=None).answer("a1", "q1")
    assert reasons(chat) == {"a1": "no_prompt"}


def test_a_greeting_without_a_question_has_no_prompt(new_chat):
    chat = new_chat().answer("a0", None).turn("q1", "a0").answer("a1", "q1")
    assert [row["turns"] for row in examples(chat)] == [["q1", "a1"]]
    assert reasons(chat)["a0"] == "no_prompt"


def test_a_loop_of_parents_ends(new_chat):
    chat = new_chat().turn("q1", "a1").answer("a1", "q1")
    (only,) = examples(chat)
    assert only["turns"] == ["q1", "a1"] or only["turns"] == ["a1", "q1", "a1"][1:]


@pytest.mark.parametrize(("kind", "value"), [("thumb", "1"), ("comment", None)])
def test_an_answer_nobody_called_bad_is_learned(new_chat, kind, value):
    assert learned(new_chat().turn("q").answer("a", "q").signal("g", "a", kind, value)) == [["q", "a"]]


@pytest.mark.parametrize(("kind", "value"), [("thumb", "-1"), ("correction", None), ("stopped", "null")])
def test_an_answer_called_bad_or_cut_off_is_not_learned(new_chat, kind, value):
    assert learned(new_chat().turn("q").answer("a", "q").signal("g", "a", kind, value)) == []


@pytest.mark.parametrize(
    ("signals", "reason"),
    [
        ([("thumb", "-1"), ("stopped", "null")], "disliked"),
        ([("correction", None)], "corrected"),
        ([("stopped", "null")], "stopped"),
    ],
)
def test_an_answer_in_no_example_says_why(new_chat, signals, reason):
    chat = new_chat().turn("q").answer("a", "q")
    for number, (kind, value) in enumerate(signals):
        chat.signal(f"g{number}", "a", kind, value)
    assert reasons(chat) == {"q": "no_answer", "a": reason}


def test_feedback_by_somebody_else_does_not_count(new_chat):
    chat = new_chat().turn("q").answer("a", "q").signal("g", "a", "thumb", "-1", by="ben")
    assert reasons(chat)["a"] == ""


@pytest.mark.parametrize(("last", "is_learned"), [("1", True), ("-1", False)])
def test_the_last_thumb_counts(new_chat, last, is_learned):
    chat = new_chat().turn("q").answer("a", "q").signal("g1", "a", "thumb", last, occurred_at=LATER)
    chat.signal("g2", "a", "thumb", "1" if last == "-1" else "-1")
    assert (["q", "a"] in learned(chat)) == is_learned


def branching(new_chat, *, went_on: bool = True):
    chat = new_chat().turn("q").answer("old", "q", on_active_path=False).answer("new", "q")
    return chat.turn("q2", "new").answer("a2", "q2") if went_on else chat


def test_a_choice_makes_a_pair_and_the_loser_is_never_a_target(new_chat):
    chat = new_chat().turn("q").answer("a", "q").answer("b", "q")
    chat.signal("g", "a", "preference", preferring("a", "b"))
    pair, answered = examples(chat)
    assert (pair["rule"], pair["turns"], pair["signals"]) == ("chosen_pair/2", ["q", "a", "b"], ["g"])
    assert (pair["chosen"], pair["rejected"]) == ("the words of turn a", "the words of turn b")
    assert [message["learn"] for message in pair["messages"]] == [False]
    assert answered["turns"] == ["q", "a"]


@pytest.mark.parametrize(
    "value",
    [None, "", "not json", "[]", '{"chosen":"a"}', '{"chosen":"a","rejected":"gone"}', '{"chosen":"a","rejected":"a"}',
     '{"chosen":"q","rejected":"b"}', '{"chosen":"a","rejected":"far"}', '{"chosen":{"x":1},"rejected":"b"}'],
)  # fmt: skip
def test_a_choice_that_does_not_name_two_answers_to_one_prompt_makes_no_pair(new_chat, value):
    chat = new_chat().turn("q").answer("a", "q").answer("b", "q").turn("q2", "a").answer("far", "q2")
    chat.signal("g", "a", "preference", value)
    assert {row["kind"] for row in examples(chat)} == {"sft"}


def test_contradicting_choices_cancel_out(new_chat):
    chat = new_chat().turn("q").answer("a", "q").answer("b", "q")
    chat.signal("g1", "a", "preference", preferring("a", "b"))
    chat.signal("g2", "b", "preference", preferring("b", "a"))
    assert {row["kind"] for row in examples(chat)} == {"sft"}


def test_a_liked_and_a_disliked_sibling_make_a_pair(new_chat):
    chat = (
        branching(new_chat, went_on=False)
        .signal("g1", "new", "thumb", "1")
        .signal("g2", "old", "thumb", "-1")
    )
    (pair,) = made_by(chat, "preference")
    assert (pair["rule"], pair["turns"], pair["signals"]) == (
        "thumbs_pair/1",
        ["q", "new", "old"],
        ["g1", "g2"],
    )


def regenerated(chat):
    """As intake tells it of two whole answers that differ."""
    return chat.signal("g1", "new", "preference", preferring("new", "old"), source_kind="regenerated_sibling")


def test_a_regeneration_counts_only_if_the_person_went_on(new_chat):
    (pair,) = made_by(regenerated(branching(new_chat)), "preference")
    assert pair["rule"] == "regenerated_pair/2"
    stayed = regenerated(branching(new_chat, went_on=False))
    assert {row["kind"] for row in examples(stayed)} == {"sft"}
    assert reasons(stayed)["old"] == "left_branch"


def test_a_regeneration_of_a_liked_answer_says_nothing(new_chat):
    chat = regenerated(branching(new_chat)).signal("g2", "old", "thumb", "1")
    assert made_by(chat, "preference") == []


def test_an_answer_that_was_stopped_is_in_no_pair(new_chat):
    chat = regenerated(branching(new_chat)).signal("g2", "old", "stopped", "null")
    assert made_by(chat, "preference") == []


def test_one_pair_supported_twice_is_one_example_with_both_signals(new_chat):
    chat = regenerated(branching(new_chat)).signal("g2", "new", "preference", preferring("new", "old"))
    (pair,) = made_by(chat, "preference")
    assert (pair["rule"], pair["signals"]) == ("chosen_pair/2", ["g1", "g2"])


def test_an_edited_prompt_lies_on_a_left_branch(new_chat):
    chat = new_chat().turn("q0", on_active_path=False).answer("a0", "q0", on_active_path=False)
    chat.turn("q1").answer("a1", "q1").signal("g", "q0", "edited_prompt")
    assert reasons(chat) == {"q0": "left_branch", "a0": "left_branch", "q1": "", "a1": ""}


def test_own_words_in_a_row_are_joined_and_never_over_anothers(new_chat):
    chat = new_chat().say("p0").say("p1").say("b0", subject_id="ben").say("p3")
    assert [row["turns"] for row in examples(chat)] == [["b0"], ["p0", "p1"], ["p3"]]
    assert {row["rule"] for row in examples(chat)} == {"own_words/1"}
    assert all(
        message == {**message, "role": "user", "learn": True}
        for r in examples(chat)
        for message in r["messages"]
    )


def test_a_long_run_is_cut_into_pieces(new_chat):
    chat = new_chat()
    for index in range(20):
        chat.say(f"p{index:02}")
    assert [len(row["turns"]) for row in examples(chat)] == [16, 4]


def test_words_under_another_persons_id_stop_the_walk(new_chat):
    with pytest.raises(StageError, match="another subject than their speaker"):
        curate(new_chat().say("p0", speaker_id="ben"))


def test_a_row_that_occurs_twice_stops_the_walk(new_chat):
    with pytest.raises(StageError, match="occurs twice"):
        curate(new_chat().turn("q").turn("q"))


@pytest.mark.parametrize("text", ["k", "<PERSON_3>", "  <EMAIL_1> <NATIONAL_ID.FR_NIR_7> ", "", None])
def test_a_turn_without_words_of_its_own_is_too_short(new_chat, text):
    assert reasons(new_chat().say("p", text=text)) == {"p": "too_short"}


def test_placeholders_among_words_stay(new_chat):
    (only,) = examples(new_chat().say("p", text="call <PERSON_3> tonight"))
    assert only["messages"][0]["content"] == "call <PERSON_3> tonight"


def test_the_cap_is_per_person_and_the_rest_say_so(new_chat):
    chat = new_chat()
    for index in range(5):
        chat.turn(f"q{index}").answer(f"a{index}", f"q{index}")
        chat.turn(f"bq{index}", subject_id="ben").answer(f"ba{index}", f"bq{index}", subject_id="ben")
    found = examples(chat, examples_per_subject_max=2)
    assert sorted(row["subject_id"] for row in found) == ["ana", "ana", "ben", "ben"]
    assert list(reasons(chat, examples_per_subject_max=2).values()).count("over_cap") == 12


def test_people_not_rows_are_held_out(new_chat):
    people = [f"{index:032x}" for index in range(2000)]
    share = sum(heldout(person, key=KEY, percent=20) for person in people) / len(people)
    assert 0.16 < share < 0.24
    assert not any(heldout(person, key=KEY, percent=0) for person in people)
    chat = new_chat()
    for person in people[:40]:
        for part in "xy":
            chat.turn(f"q{part}{person}", subject_id=person).answer(
                f"a{part}{person}", f"q{part}{person}", subject_id=person
            )
    for row in examples(chat):
        assert (row["split"] == "heldout") == heldout(row["subject_id"], key=KEY, percent=20)


@pytest.mark.parametrize("key", [b"", b"short", b"x" * 65])
def test_a_key_that_keeps_no_secret_is_refused(new_chat, key):
    with pytest.raises(UsageError, match="curation key"):
        curate_table(*new_chat().turn("q").tables(), settings=Curation(), key=key)


def test_every_rule_and_reason_is_named_once():
    assert len(set(RULES)) == len(RULES)
    assert all(sentence.endswith(".") for sentence in REASONS.values())
