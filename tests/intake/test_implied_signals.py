"""What people imply in their next words: positive beside negative, where the words lie, and nothing else in the result."""

from __future__ import annotations

import random
import re
import tomllib
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.intake import FileVerdict, Skipped, Turn
from witting.intake.implied import RULE_OF, Said, find, implied, read_exchange, with_implied
from witting.intake.implied.fold import fold
from witting.intake.implied.lexicon import languages
from witting.schema import SIGNAL_KINDS

ANSWER = "The museum opens at nine."
laws = settings(max_examples=60, deadline=None)
words = st.text(
    st.characters(codec="utf-8") | st.sampled_from('no, I meant thanks şİßéअलाمخ不対아니 `"«>?！。'),
    max_size=80,
)


def kinds(text: str, *, prompt: str | None = None, answer: str = ANSWER) -> set[str]:
    return {reading.kind for reading in read_exchange(prompt, answer, text)}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("No, I meant the market", "objected"),
        ("hm that is still wrong", "objected"),
        ("Thanks, but that's wrong", "objected"),
        ("That’s not what I asked for.", "objected"),
        ("Das stimmt leider nicht", "objected"),
        ("CE N'EST PAS CE QUE J'AI DEMANDÉ", "objected"),
        ("ce n’est pas ça", "objected"),
        ("eso está mal", "objected"),
        ("isso está errado", "objected"),
        ("non è corretto", "objected"),
        ("bu yanlış", "objected"),
        ("это неверно", "objected"),
        ("यह गलत है", "objected"),
        ("هذا خطأ", "objected"),
        ("不对", "objected"),
        ("違います", "objected"),
        ("틀렸어요", "objected"),
        ("itu salah", "objected"),
        ("thank you so much!", "thanked"),
        ("Merci beaucoup", "thanked"),
        ("谢谢！", "thanked"),
        ("ok, now as a table", "continued"),
    ],
)
def test_clear_words_are_understood_in_any_language(text, kind):
    assert kinds(text) == {kind}


@pytest.mark.parametrize(
    "text",
    [
        "No problem", "no, that's fine", "is that wrong?", "what's wrong with it", "correct me if I'm wrong", "I was wrong",
        'He wrote "no, that is wrong" on my paper', "`that is wrong`", "> that is wrong\nexplain", "no thanks",
        "thanks in advance, sort by price", "write a thank you note", "Please confirm. Thanks", "are you sure?",
        "stimmt das nicht?", "kein Problem", "nein danke", "pas de problème", "sin problema, gracias de antemano",
        "si no me equivoco son tres", "если это неверно, я завалю", "क्या यह गलत है", "هل هذا خطأ", "有错吗？",
        "間違いですか", "틀린 건가요?", "apakah itu salah?", "", "?", "🎉", "12",
    ],
)  # fmt: skip
def test_words_that_only_look_like_it_say_nothing(text):
    assert not kinds(text) & {"objected", "thanked"}


def test_a_no_to_a_question_answers_it():
    assert kinds("No, the small one") == {"objected"}
    assert kinds("No, the small one", answer="Do you want the large one?") == set()
    assert kinds("No, that's not what I asked", answer="Do you want the large one?") == {"objected"}


def test_asking_again_in_other_words_is_not_asking_about_something_else():
    prompt = "how can I get a wine stain out of a white tablecloth"
    again = "removing a wine stain from a white tablecloth, how?"
    assert kinds(again, prompt=prompt) == {"rephrased"}
    assert kinds("how can I get a grass stain out of a white tablecloth", prompt=prompt) == set()
    assert kinds(prompt, prompt=prompt) == set()
    assert kinds("who won the cup in 1978", prompt=prompt) == set()
    assert "rephrased" in kinds("I mean a wine stain on a tablecloth", prompt=prompt)


def test_the_span_holds_the_words_as_they_were_written():
    text = "Ähm…  nein, DAS stimmt doch NICHT, es ist Bern"
    (reading,) = read_exchange(None, ANSWER, text)
    assert text[reading.start : reading.end].startswith("nein, DAS")
    turkish = "İyi de BU YANLIŞ"
    (reading,) = read_exchange(None, ANSWER, turkish)
    assert turkish[reading.start : reading.end] == "BU YANLIŞ"


@laws
@given(words, words, st.none() | words)
def test_any_words_can_be_read_and_every_span_lies_within_them(text, answer, prompt):
    found = read_exchange(prompt, answer, text)
    assert found == read_exchange(prompt, answer, text)
    assert len({reading.kind for reading in found}) == len(found)
    for reading in found:
        assert 0 <= reading.start < reading.end <= len(text)
    assert not {"objected", "thanked"} <= {reading.kind for reading in found}


@laws
@given(words)
def test_folding_keeps_the_way_back(text):
    folded = fold(text)
    assert len(folded.starts) == len(folded.text)
    assert list(folded.starts) == sorted(folded.starts)
    for at in range(len(folded.text)):
        start, end = folded.original(at, at + 1)
        assert 0 <= start <= end <= len(text)


def test_long_words_are_read_in_bounded_time():
    text = "that is " * 50_000 + "wrong"
    assert read_exchange(text, text, text) is not None


CHAT = (
    Said("q1", None, "ana", "user", "When does the market open?"),
    Said("a1", "q1", "ana", "assistant", ANSWER),
    Said("q2", "a1", "ana", "user", "no, I meant the market"),
    Said("a2", "q2", "ana", "assistant", "At eight."),
)


def test_findings_stand_on_the_answer_and_point_at_the_words():
    found = {(one.about, one.kind): one for one in find(CHAT)}
    assert set(found) == {("a1", "objected"), ("a2", "abandoned")}
    objected = found["a1", "objected"]
    assert (objected.evidence, objected.rule) == ("q2", "objected/1")
    assert CHAT[2].text[objected.start : objected.end] == "no, I"


def test_an_end_is_only_abandoned_after_words_that_were_not_content():
    assert find(CHAT[:2]) == ()
    thanked = (*CHAT, Said("q3", "a2", "ana", "user", "thanks"))
    assert {(one.about, one.kind) for one in find(thanked)} == {("a1", "objected"), ("a2", "thanked")}


def test_nobody_speaks_for_the_answer_to_somebody_else():
    other = (CHAT[0], CHAT[1], Said("q2", "a1", "ben", "user", "no, I meant the market"))
    assert find(other) == ()


def test_the_order_of_turns_does_not_show():
    shuffled = list(CHAT)
    for seed in range(5):
        random.Random(seed).shuffle(shuffled)
        assert find(shuffled) == find(CHAT)


def turn(id: str, parent: str | None, role: str, text: str | None, conversation: str = "c") -> Turn:
    return Turn(
        member="m", conversation=conversation, turn=id, parent=parent, speaker="ana" if role == "user" else "assistant",
        role=role, time=None, time_precision=None, text=text, audience="assistant", source="chatgpt", bytes=(0, 1),
    )  # fmt: skip


def test_turns_of_intake_get_their_signals_and_stay_as_they_were():
    turns = [
        turn("q", None, "user", "hi"),
        turn("a", "q", "assistant", "Hello."),
        turn("n", "a", "user", "thanks!"),
    ]
    elsewhere = [turn("n", "a", "user", "that is wrong", conversation="d")]
    found = implied([*turns, *elsewhere])
    assert [one.signals == () for one in found] == [True, False, True, True]
    (signal,) = found[1].signals
    assert (signal.kind, signal.by, signal.rule) == ("thanked", "ana", "thanked/1")
    assert (signal.evidence.turn, signal.evidence.start, signal.evidence.end) == ("n", 0, 6)
    assert 0.9 < signal.confidence < 1
    assert [one.text for one in found] == [one.text for one in [*turns, *elsewhere]]
    assert implied(found) == found


LONG = (
    ("u1", "user", "What is the capital of Australia?"),
    ("a1", "assistant", "Sydney."),
    ("u2", "user", "No, that is wrong."),
    ("a2", "assistant", "Canberra."),
    ("u3", "user", "Thanks!"),
    ("a3", "assistant", "Lima."),
)
BETWEEN = Skipped("m", "tool_message", (0, 1))
CLOSED = FileVerdict("m", "chatgpt", "read", "", "", 2, 1, 0, {}, 0)


def long_talk(conversation: str = "c") -> list[Turn]:
    parents = [None, *(id for id, _, _ in LONG)]
    return [
        turn(id, up, role, text, conversation) for up, (id, role, text) in zip(parents, LONG, strict=False)
    ]


@laws
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from([BETWEEN, CLOSED, "other"])), max_size=8))
def test_whatever_stands_between_two_turns_does_not_show(between):
    other = iter(one for n in range(9) for one in long_talk(f"d{n}"))
    records: list = long_talk()
    for place, what in between:
        records.insert(place, next(other) if what == "other" else what)
    found = list(with_implied(records))
    assert [one for one in found if not isinstance(one, Turn)] == [
        one for one in records if not isinstance(one, Turn)
    ]
    assert [getattr(one, "turn", None) for one in found] == [getattr(one, "turn", None) for one in records]
    said = {
        one.turn: [s.kind for s in one.signals]
        for one in found
        if isinstance(one, Turn) and one.conversation == "c"
    }
    assert said == {"u1": [], "a1": ["objected"], "u2": [], "a2": ["thanked"], "u3": [], "a3": []}


def test_what_is_held_is_bounded_and_a_long_conversation_has_one_end(monkeypatch):
    monkeypatch.setattr("witting.intake.implied.conversation.RECORDS_HELD_MAX", 8)
    talks = [one for n in range(20) for one in long_talk(f"d{n}")]
    taken = 0

    def counted():
        nonlocal taken
        for record in talks:
            taken += 1
            yield record

    found = []
    for record in with_implied(counted()):
        found.append(record)
        assert taken - len(found) < 8
    assert found == list(implied(talks))
    assert not any(signal.kind == "abandoned" for one in found for signal in one.signals)


def test_a_deleted_turn_implies_nothing():
    assert implied([turn("a", None, "assistant", "x"), turn("n", "a", "user", None)])[0].signals == ()


def test_every_kind_is_one_of_the_house_and_every_language_has_every_key():
    assert set(RULE_OF) <= set(SIGNAL_KINDS)
    assert all(re.fullmatch(rf"{kind}/[0-9]+", rule) for kind, rule in RULE_OF.items())
    assert len(languages()) == 14
    folder = resources.files("witting.intake.implied") / "languages"
    shapes = {
        tuple((part, tuple(keys) if isinstance(keys, dict) else None) for part, keys in sorted(data.items()))
        for data in (tomllib.loads(file.read_text("utf-8")) for file in folder.iterdir())
    }
    assert len(shapes) == 1
