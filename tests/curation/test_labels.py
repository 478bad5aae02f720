"""Labels out of feedback: what they rest on, and the guards before them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from witting.audit.interval import clopper_pearson
from witting.config import Curation
from witting.curation import Curated, Guards, caps, curate_table, implied_signals, summary, trusted_rules
from witting.intake.implied import measured

KEY = b"curation-test-key-0123456789abcd"
OBJECTS = "No, that is wrong. It was the other one."
THANKS = "Thank you, that helps!"


def curate(chat, *better, guards=None, **settings) -> Curated:
    return curate_table(
        *chat.tables(),
        settings=Curation(**settings),
        key=KEY,
        corrections=chat.corrections(*better),
        guards=guards,
    )


def of_kind(curated: Curated, kind: str) -> list[dict]:
    return [row for row in curated.examples.to_pylist() if row["kind"] == kind]


def talk(new_chat, said: str = "And then what happened there?"):
    chat = new_chat().turn("q").answer("a", "q")
    return chat.turn("q2", "a", text=said).answer("a2", "q2")


@pytest.mark.parametrize(("thumb", "label"), [("1", True), ("-1", False)])
def test_a_thumb_labels_its_answer(new_chat, thumb, label):
    (row,) = of_kind(curate(talk(new_chat).signal("g", "a", "thumb", thumb)), "kto")
    assert (row["rule"], row["label"], row["turns"], row["signals"]) == (
        "thumbs_kto/1",
        label,
        ["q", "a"],
        ["g"],
    )
    assert [message["learn"] for message in row["messages"]] == [False, True]


@pytest.mark.parametrize(
    ("said", "rule", "label"), [(OBJECTS, "objected_kto/1", False), (THANKS, "thanked_kto/1", True)]
)
def test_words_label_the_answer_before_them_and_the_label_names_the_turn_that_says_so(
    new_chat, said, rule, label
):
    (row,) = of_kind(curate(talk(new_chat, said)), "kto")
    assert (row["rule"], row["label"], row["turns"]) == (rule, label, ["q", "a", "q2"])
    assert len(row["signals"]) == 1


def test_an_answer_objected_to_is_not_learned(new_chat):
    learned = [row["turns"][-1] for row in of_kind(curate(talk(new_chat, OBJECTS)), "sft")]
    assert learned == ["a2"]


def test_a_label_goes_with_the_turn_that_said_it(new_chat):
    chat = talk(new_chat, OBJECTS)
    chat.turns[2] |= {"verdict": "refuse", "text": None}
    assert of_kind(curate(chat), "kto") == []


@pytest.mark.parametrize(("thumb", "said"), [("1", OBJECTS), ("-1", THANKS)])
def test_what_contradicts_itself_labels_nothing(new_chat, thumb, said):
    assert of_kind(curate(talk(new_chat, said).signal("g", "a", "thumb", thumb)), "kto") == []


def test_another_persons_words_label_nothing(new_chat):
    chat = new_chat().turn("q").answer("a", "q").turn("q2", "a", subject_id="ben", text=OBJECTS)
    assert of_kind(curate(chat), "kto") == []


def test_a_better_answer_is_learned_and_preferred_to_the_first(new_chat):
    chat = talk(new_chat).signal("g", "a", "correction")
    curated = curate(chat, ("g", "a", "The better words"))
    (corrected,) = [row for row in of_kind(curated, "sft") if row["rule"] == "corrected/1"]
    assert corrected["messages"][-1] == {"role": "assistant", "content": "The better words", "learn": True}
    assert (corrected["turns"], corrected["signals"]) == (["q", "a"], ["g"])
    (pair,) = of_kind(curated, "preference")
    assert (pair["rule"], pair["chosen"], pair["rejected"]) == (
        "corrected_pair/1", "The better words", "the words of turn a",
    )  # fmt: skip


def test_of_two_corrections_the_last_one_counts(new_chat):
    chat = talk(new_chat).signal("g1", "a", "correction").signal("g2", "a", "correction")
    curated = curate(chat, ("g1", "a", "First try of better words"), ("g2", "a", "Second and better words"))
    assert [row["chosen"] for row in of_kind(curated, "preference")] == ["Second and better words"]


def test_the_same_words_again_correct_nothing(new_chat):
    chat = talk(new_chat).signal("g", "a", "correction")
    assert of_kind(curate(chat, ("g", "a", " the words of turn a\n")), "preference") == []


def labelled_every_way(new_chat):
    chat = talk(new_chat, OBJECTS).signal("g1", "a2", "thumb", "1")
    chat.turn("q3", "a2").answer("b", "q3").answer("c", "q3").signal("g2", "b", "correction")
    return chat.signal("g3", "c", "thumb", "1").signal("g4", "b", "thumb", "-1")


BETTER = ("g2", "b", "The better words")


@pytest.mark.parametrize("guards", [Guards(minors=frozenset({"ana"})), Guards(adults=frozenset({"ben"}))])
def test_whom_the_guards_bar_makes_no_label_and_is_still_heard(new_chat, guards):
    chat = labelled_every_way(new_chat)
    free, barred = curate(chat, BETTER), curate(chat, BETTER, guards=guards)
    assert {row["kind"] for row in free.examples.to_pylist()} == {"sft", "kto", "preference"}
    assert {row["rule"] for row in barred.examples.to_pylist()} == {"answered/1"}
    assert {row["turns"][-1] for row in barred.examples.to_pylist()} == {"a2", "c"}
    assert not barred.labels


def test_an_adult_makes_labels_where_an_age_is_asked(new_chat):
    chat = labelled_every_way(new_chat)
    assert (
        curate(chat, BETTER, guards=Guards(adults=frozenset({"ana"}))).labels == curate(chat, BETTER).labels
    )


@given(
    st.lists(st.integers(1, 400), max_size=60),
    st.integers(1, 100),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_nobodys_share_of_a_label_set_is_large_unless_all_are_at_the_least(counts, percent, most, least):
    settings = Curation(
        labels_share_percent_max=percent, labels_per_subject_max=most, labels_per_subject_min=least
    )
    found = caps({("kto", f"p{n}"): count for n, count in enumerate(counts)}, settings=settings)
    if not counts:
        assert found == {}
        return
    left = [min(count, found["kto"]) for count in counts]
    assert found["kto"] <= most
    assert 100 * max(left) <= percent * sum(left) or found["kto"] == min(least, most)


def answers(chat, person: str, *, pairs: int, plain: int) -> None:
    """`pairs` liked answers beside disliked ones of one person, and `plain` answers nobody judged."""
    for index in range(pairs):
        q, a, b = (f"{name}{person}{index}" for name in "qab")
        chat.turn(q, subject_id=person).answer(a, q, subject_id=person).answer(b, q, subject_id=person)
        chat.signal(f"s{a}", a, "thumb", "1", by=person).signal(f"s{b}", b, "thumb", "-1", by=person)
    for index in range(plain):
        chat.turn(f"x{person}{index}", subject_id=person)
        chat.answer(f"y{person}{index}", f"x{person}{index}", subject_id=person)


def shares(curated: Curated) -> dict[str, tuple[int, float]]:
    """By label set, of the examples as they are written: the most labels of one person, and their share."""
    found: dict[str, Counter[str]] = {}
    for row in curated.examples.to_pylist():
        if row["kind"] in ("preference", "kto"):
            found.setdefault(row["kind"], Counter())[row["subject_id"]] += 1
    return {name: (max(own.values()), max(own.values()) / own.total()) for name, own in found.items()}


def test_with_default_settings_nobodys_share_of_what_is_written_is_over_the_limit(new_chat):
    chat = new_chat()
    answers(chat, "heavy", pairs=5, plain=0)
    for person in range(25):
        answers(chat, f"p{person}-", pairs=4, plain=55)
    written = shares(curate(chat))
    assert set(written) == {"preference", "kto"}
    assert all(share <= 0.05 for _, share in written.values()), written


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 6)), min_size=1, max_size=6), st.integers(20, 60))
def test_the_limit_holds_in_what_is_written_however_talkative_anybody_is(new_chat, people, percent):
    chat = new_chat()
    for number, (pairs, plain) in enumerate(people):
        answers(chat, f"p{number}-", pairs=pairs, plain=plain)
    kept = curate(
        chat, labels_share_percent_max=percent, labels_per_subject_min=1, examples_per_subject_max=2
    )
    for most, share in shares(kept).values():
        assert most == 1 or 100 * share <= percent


def test_up_and_down_at_one_moment_say_nothing_and_are_not_learned(new_chat):
    chat = talk(new_chat).signal("g1", "a", "thumb", "1").signal("g2", "a", "thumb", "-1")
    curated = curate(chat)
    assert of_kind(curated, "kto") == []
    assert [row["turns"][-1] for row in of_kind(curated, "sft")] == ["a2"]


@pytest.mark.parametrize("kind", ["objected", "rephrased", "thanked", "continued"])
def test_what_a_file_says_words_imply_makes_no_label_unless_the_rule_read_it(new_chat, kind):
    said = {"evidence_row": "q2", "evidence_start": 0, "evidence_end": 3}
    chat = talk(new_chat).signal("g", "a", kind, "null", **said)
    assert of_kind(curate(chat), "kto") == []


@pytest.mark.parametrize("by", ["ben", "somebody-else"])
def test_what_others_judge_labels_nothing_and_hides_nothing(new_chat, by):
    chat = (
        talk(new_chat)
        .answer("b", "q")
        .signal("g1", "a", "thumb", "1", by=by)
        .signal("g2", "b", "thumb", "-1", by=by)
    )
    chat.signal("g3", "a", "preference", '{"chosen": "a", "rejected": "b"}', by=by)
    assert {row["rule"] for row in curate(chat).examples.to_pylist()} == {"answered/1"}
    own = chat.signal("g4", "a", "thumb", "-1")
    (row,) = of_kind(curate(own), "kto")
    assert (row["label"], row["signals"]) == (False, ["g4"])


def ended(new_chat):
    chat = new_chat().turn("q").answer("a", "q", text="By the pond.").turn("q2", "a", text=OBJECTS)
    return chat.answer("a2", "q2", text="By the gate.")


def implied_kinds(chat, **beside) -> set[tuple]:
    found = implied_signals(chat.tables()[0], key=KEY, **beside).to_pylist()
    return {(row["row_id"], row["kind"]) for row in found}


def test_a_conversation_does_not_end_where_its_next_words_may_not_be_read(new_chat):
    assert implied_kinds(ended(new_chat)) == {("a", "objected"), ("a2", "abandoned")}
    refused = ended(new_chat).turn("q3", "a2", text=None, verdict="refuse", reason="special_category")
    assert implied_kinds(refused) == {("a", "objected")}
    assert implied_kinds(ended(new_chat), followed={"a2"}) == {("a", "objected")}


def test_a_person_with_many_thumbs_is_cut_to_the_cap(new_chat):
    chat = new_chat()
    for index in range(30):
        chat.turn(f"q{index}").answer(f"a{index}", f"q{index}").signal(f"g{index}", f"a{index}", "thumb", "1")
    for person in ("ben", "cy"):
        chat.turn(f"q{person}", subject_id=person).answer(f"a{person}", f"q{person}", subject_id=person)
        chat.signal(f"g{person}", f"a{person}", "thumb", "1", by=person)
    curated = curate(chat, labels_per_subject_min=3)
    assert dict(curated.labels) == {("kto", "ana"): 3, ("kto", "ben"): 1, ("kto", "cy"): 1}
    said = summary(curated.tally, curated.labels)["kto"]
    assert (said["labels"], said["people"], said["largest_share"]) == (5, 3, 0.6)


def test_length_and_flattery_are_counted_before_and_after(new_chat):
    chat = new_chat().turn("q").answer("a", "q", text="Great question! It is Lima.")
    chat.answer("b", "q", text="Lima.").signal("g1", "a", "thumb", "1").signal("g2", "b", "thumb", "-1")
    curated = curate(chat, guards=Guards(minors=frozenset({"ana"})))
    said = summary(curated.tally, curated.labels)["preference"]
    assert said["before"] == {
        "wanted": {"answers": 1, "chars_mean": 27.0, "flattering_share": 1.0},
        "unwanted": {"answers": 1, "chars_mean": 5.0, "flattering_share": 0.0},
    }
    nothing = {"answers": 0, "chars_mean": None, "flattering_share": None}
    assert said["after"] == {"wanted": nothing, "unwanted": nothing}


def test_only_rules_measured_as_right_write_labels():
    trusted = trusted_rules()
    assert "recorded/1" in trusted
    for rule, sets in measured().items():
        right, said = sets["held_out"].right, sets["held_out"].said
        if rule in trusted:
            assert clopper_pearson(right, said).low >= 0.9
    assert trusted < {"recorded/1", *measured()}


def test_citations_are_not_learned_and_the_cited_words_stay(new_chat):
    text = "It is \ue203Lima\ue204, I hear. \ue200cite\ue202turn0search1\ue201 And large. \ue200cite\ue202turn0news2"
    (row,) = of_kind(curate(new_chat().turn("q").answer("a", "q", text=text)), "sft")
    assert row["messages"][-1]["content"] == "It is Lima, I hear. And large."
