"""The guard: a run of training words is never completed, whatever the model would like to say."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parrot import Parrot
from some_words import KEY, SAID, WORDS, build, row, table

from witting.errors import ConfigError
from witting.serving import Guard, reply
from witting.serving.index import GuardIndex, build_index, normalise
from witting.training.generate import generate

LAWS = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
ASKED = [{"role": "user", "content": "tell me a story"}]


def windows(text: str, *, words: int = WORDS) -> set[tuple[str, ...]]:
    told = normalise(text)
    return {tuple(told[i : i + words]) for i in range(len(told) - words + 1)}


def speak(
    tokenizer: Any, text: str, index: GuardIndex, *, prompt: tuple[str, ...] = (), **how: Any
) -> tuple[str, Guard]:
    guard = Guard(index, key=KEY, tokenizer=tokenizer, prompt=prompt)
    pieces = generate(
        Parrot(tokenizer, text), tokenizer, ASKED, max_new_tokens=120, logits_processors=[guard], **how
    )
    return "".join(pieces), guard


def test_without_a_guard_the_parrot_gives_the_text_back(tokenizer: Any) -> None:
    pieces = generate(Parrot(tokenizer, SAID), tokenizer, ASKED, max_new_tokens=120)
    assert "".join(pieces) == SAID


@pytest.mark.parametrize(
    "indexed",
    [
        SAID,
        SAID.upper(),
        SAID.replace(" ", "  \n"),
        SAID.replace("silver", "sil\u200bver").replace("hid", "hid\u2060"),
        SAID.replace(" ", ", "),
        SAID.replace("e", "é"),
    ],
)
@pytest.mark.parametrize("spoken", [SAID, SAID.upper(), SAID.replace(" ", " - "), f"Well, {SAID}, she said."])
def test_a_run_is_never_completed(tokenizer: Any, indexed: str, spoken: str) -> None:
    text, guard = speak(tokenizer, spoken, build(table(row(indexed, 1 << 64))))
    assert not windows(text) & windows(SAID)
    assert guard.stopped >= 1
    assert normalise(text)[: WORDS - 1] == normalise(spoken)[: WORDS - 1]  # up to there it is let through


@LAWS
@given(
    said=st.lists(
        st.sampled_from(["ka", "ko", "kako", "Ä", "我", "我们", "d", "9"]), min_size=4, max_size=14
    ),
    spoken=st.lists(
        st.sampled_from(["ka", "ko", "kako", "ä", "我", "我们", "D", "9"]), min_size=1, max_size=14
    ),
    temperature=st.sampled_from([0.0, 1.0, 5.0]),
    seed=st.integers(0, 99),
)
def test_a_run_is_never_completed_by_any_text_or_sampling(
    tokenizer: Any, said: list[str], spoken: list[str], temperature: float, seed: int
) -> None:
    index = build(table(row(" ".join(said), 1 << 64)))
    text, _ = speak(tokenizer, " ".join(spoken), index, temperature=temperature, seed=seed)
    assert not windows(text) & windows(" ".join(said))


def test_what_many_people_said_may_be_said(tokenizer: Any) -> None:
    index = build(table(*[row(SAID, person << 64) for person in range(1, 4)]))
    text, guard = speak(tokenizer, SAID, index)
    assert (text, guard.stopped) == (SAID, 0)


def test_what_the_person_wrote_may_be_repeated_to_them(tokenizer: Any) -> None:
    index = build(table(row(SAID, 1 << 64)))
    text, guard = speak(tokenizer, SAID, index, prompt=(f"please repeat: {SAID.upper()}!",))
    assert (text, guard.stopped) == (SAID, 0)
    half = " ".join(SAID.split()[:5])
    text, guard = speak(tokenizer, SAID, index, prompt=(half,))
    assert windows(text) & windows(SAID) <= windows(half)
    assert guard.stopped >= 1


def test_other_words_are_left_exactly_as_they_were(tokenizer: Any) -> None:
    index = build(table(row(SAID, 1 << 64)))
    other = "his uncle kept the copper kettle on the second shelf"
    text, guard = speak(tokenizer, other, index)
    assert (text, guard.stopped) == (other, 0)
    guard = Guard(index, key=KEY, tokenizer=tokenizer, prompt=())
    scores = torch.rand(1, len(tokenizer))
    assert guard(torch.tensor([[1, 2, 3]]), scores) is scores


def test_where_a_run_ends_the_others_keep_their_scores(tokenizer: Any) -> None:
    guard = Guard(build(table(row(SAID, 1 << 64))), key=KEY, tokenizer=tokenizer, prompt=())
    asked = torch.tensor([[1]])
    scores = torch.rand(1, len(tokenizer))
    assert guard(asked, scores) is scores
    spoken = tokenizer("my grandmother hid th", add_special_tokens=False)["input_ids"]
    ending = tokenizer("e", add_special_tokens=False)["input_ids"][0]
    scores[0, ending] = 2.0
    guarded = guard(torch.tensor([[1, *spoken]]), scores)
    assert guarded[0, ending] == float("-inf")
    left = torch.isfinite(guarded[0])
    assert int(left.sum()) >= 40
    assert torch.equal(guarded[0][left], scores[0][left])
    assert scores[0, ending] == 2.0  # not changed in place


def test_there_is_always_something_left_to_say(tokenizer: Any) -> None:
    """Every likely token would finish a run: the guard looks further until one may be said."""
    letters = [tokenizer.decode([token], skip_special_tokens=True) for token in range(len(tokenizer))]
    tails = sorted({word for letter in letters for word in normalise(letter)})
    index = build(*[table(row(f"my grandmother hid {tail}", 1 << 64)) for tail in tails])
    guard = Guard(index, key=KEY, tokenizer=tokenizer, prompt=())
    guard(torch.tensor([[1]]), torch.zeros(1, len(tokenizer)))
    spoken = tokenizer("my grandmother hid ", add_special_tokens=False)["input_ids"]
    scores = torch.zeros(1, len(tokenizer))
    for token, letter in enumerate(letters):
        scores[0, token] = 1.0 if normalise(letter) else -1.0
    guarded = guard(torch.tensor([[1, *spoken]]), scores)
    assert torch.isfinite(guarded).any()
    chosen = tokenizer.decode([*spoken, int(guarded[0].argmax())], skip_special_tokens=True)
    assert not windows(chosen) & {tuple(normalise(f"my grandmother hid {tail}")) for tail in tails}


def test_a_long_run_of_short_tokens_is_seen_whole(tokenizer: Any) -> None:
    """Letters the tokenizer never learned take a token or two each."""
    long = " ".join(f"длинныеслова{number}" for number in "абвгдежзик")
    index = build(table(row(long, 1 << 64)), words=8)
    guard = Guard(index, key=KEY, tokenizer=tokenizer, prompt=())
    spoken = "".join(
        generate(Parrot(tokenizer, long), tokenizer, ASKED, max_new_tokens=400, logits_processors=[guard])
    )
    assert not windows(spoken, words=8) & windows(long, words=8)


def test_another_key_or_two_answers_at_once_are_refused(tokenizer: Any) -> None:
    index = build(table(row(SAID, 1 << 64)))
    with pytest.raises(ConfigError, match="another key"):
        Guard(index, key=KEY[::-1], tokenizer=tokenizer, prompt=())
    guard = Guard(index, key=KEY, tokenizer=tokenizer, prompt=())
    with pytest.raises(ValueError, match="one answer at a time"):
        guard(torch.zeros(2, 3, dtype=torch.long), torch.zeros(2, len(tokenizer)))


# -- a chat turn -----------------------------------------------------------------------------------------------------


def say(tokenizer: Any, text: str, *messages: str, index: GuardIndex | None = None):
    heard: list[str] = []
    asked = [{"role": "user", "content": message} for message in messages or ("hello",)]
    nothing = build_index({0: []}, key=KEY, words=WORDS, people_min=3)[0]
    answer = reply(Parrot(tokenizer, text), tokenizer, asked, index or nothing, key=KEY, speak=heard.append)
    assert "".join(heard) == answer.text
    return answer, heard


def test_an_answer_is_spoken_sentence_by_sentence(tokenizer: Any) -> None:
    answer, heard = say(tokenizer, "One is here. Two is there! Is 3.5 it?\nYes")
    assert heard == ["One is here. ", "Two is there! ", "Is 3.5 it?\n", "Yes"]
    assert (answer.runs_stopped, answer.identifiers_replaced) == (0, 0)


@pytest.mark.parametrize("identifier", ["ana.souza@example.org", "+44 20 7946 0123", "192.0.2.44"])
def test_an_identifier_is_replaced_unless_the_person_wrote_it(tokenizer: Any, identifier: str) -> None:
    text = f"Sure. Use {identifier} for that. Bye."
    answer, _ = say(tokenizer, text)
    assert identifier not in answer.text
    assert answer.identifiers_replaced == 1
    assert answer.text.startswith("Sure. Use <")
    assert answer.text.endswith("for that. Bye.")
    answer, _ = say(tokenizer, text, f"mine is {identifier}", "and now?")
    assert (answer.text, answer.identifiers_replaced) == (text, 0)


def test_a_reply_counts_what_it_stopped_and_says_nothing_of_it(tokenizer: Any) -> None:
    answer, _ = say(tokenizer, SAID, index=build(table(row(SAID, 1 << 64))))
    assert answer.runs_stopped >= 1
    assert not windows(answer.text) & windows(SAID)


@given(st.lists(st.text(alphabet="ab1. !?\n。।@-", max_size=8), max_size=12))
def test_sentences_lose_nothing_and_do_not_depend_on_the_pieces(pieces: list[str]) -> None:
    from witting.serving.chat import sentences

    whole = "".join(pieces)
    cut = list(sentences(pieces))
    assert "".join(cut) == whole
    assert all(cut)
    assert list(sentences([whole])) == list(sentences(list(whole)))
    for one, other in itertools.pairwise(cut):
        assert one[-1].isspace() or one[-1] in "。！？।"
        assert not other[0].isspace()
