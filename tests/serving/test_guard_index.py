"""The guard's index: what it holds, what it exempts, and that it says nothing without its key."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from some_words import KEY, SAID, WORDS, build, row, runs, table

from witting.errors import ConfigError, ObjectDamaged
from witting.serving.index import GuardIndex, build_index, normalise, texts

PERSON = st.integers(1, 4).map(lambda n: n << 64)  # ids differ in the half that is used


def test_every_run_and_beginning_of_every_text_is_held() -> None:
    pair = row("which one?", 1 << 64, kind="preference", chosen=SAID, rejected=SAID.upper() + " or so")
    for built in (build(table(row(SAID, 1 << 64))), build(table(pair))):
        assert all(built.has_run(run) for run in runs(SAID))
        assert all(built.has_beginning(run) for run in runs(SAID, words=WORDS - 1)[:-1])
        assert not any(built.has_run(run) for run in runs("nobody ever said these words in this order"))


@given(st.lists(st.tuples(PERSON, st.sampled_from([SAID, "something else that people say"])), max_size=12))
def test_a_run_is_exempt_exactly_when_enough_people_said_it(said: list[tuple[int, str]]) -> None:
    built = build(*[table(row(text, person)) for person, text in said])
    for text in (SAID, "something else that people say"):
        people = {person for person, told in said if told == text}
        assert [built.has_run(run) for run in runs(text)] == [0 < len(people) < 3] * len(runs(text))


@given(st.lists(st.integers(1, 6), max_size=8))
def test_people_are_counted_over_all_shards_and_each_shard_keeps_its_own(people: list[int]) -> None:
    shards = {s: [table(*[row(SAID, p << 64, shard=s) for p in people if p % 3 == s])] for s in range(3)}
    built = build_index(shards, key=KEY, words=WORDS, people_min=3)
    rare = 0 < len(set(people)) < 3
    for shard, index in built.items():
        assert index.has_run(runs(SAID)[0]) == (rare and any(p % 3 == shard for p in people))


def test_one_person_saying_it_ten_times_is_one_person() -> None:
    assert build(table(*[row(SAID, 1 << 64) for _ in range(10)])).has_run(runs(SAID)[0])


def test_an_index_does_not_depend_on_the_cut_or_the_order() -> None:
    rows = [row(f"{SAID} and {number}", number << 64) for number in range(1, 6)]
    whole, cut = build(table(*rows)), build(table(*rows[3:]), table(*rows[:3][::-1]))
    assert np.array_equal(whole.runs, cut.runs)
    assert np.array_equal(whole.beginnings, cut.beginnings)


@pytest.mark.parametrize(
    "other",
    [
        "MY Grandmother hid\n\n the   silver spoons, under the third step!",
        "my grand\u200bmother hid the sil\u00adver spoons \u2060under the third step\ufeff",
        "my grandmother hid the silver spoons under the third ste\u200dp",
        "mý gràndmöther hid the silver spoons under the third step",
        "my _grandmother_ hid the *silver* spoons (under) \u201cthe third step\u201d",
        "ｍｙ ｇｒａｎｄｍｏｔｈｅｒ hid the silver spoons under the third step",
        "my grandmother hid the silver\ufe0f spoons under the third step",
        "my grandmo\u0301\u0302\u0303ther hid the silver spoons under the third step",
    ],
)
def test_spacing_capitals_accents_and_invisible_characters_do_not_get_around(other: str) -> None:
    assert normalise(other) == normalise(SAID)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("don't stop", 3),
        ("सुबह की चाय बहुत अच्छी थी", 6),  # vowel signs do not cut words
        ("오늘 날씨가 정말 좋네요", 4),
        ("我今天很高兴。", 6),  # no spaces: each character
        ("私はGoogleで働く", 6),
        ("ฉันรัก", 4),
        ("ГДЕ Ёлка", 2),
        ("---!!!\u200b", 0),
    ],
)
def test_words_of_other_scripts(text: str, count: int) -> None:
    assert len(normalise(text)) == count


@given(st.text(max_size=60))
@example("İstanbul ẞ ﬁ ½")
def test_normalising_twice_is_normalising_once_and_case_does_not_show(text: str) -> None:
    once = normalise(text)
    assert normalise(" ".join(once)) == once
    assert normalise(unicodedata.normalize("NFD", text)) == once
    assert normalise(" ".join(once).upper()) == normalise(" ".join(once).upper().lower())


def test_a_saved_index_holds_no_word_and_opens_as_it_was(tmp_path: Path) -> None:
    one, two = (
        build(table(row(SAID, 1 << 64))),
        build(table(row("quite another story told by another", 2 << 64))),
    )
    paths = [tmp_path / "0000.npz", tmp_path / "0001.npz"]
    for index, path in zip((one, two), paths, strict=True):
        index.save(path)
        assert not [word for word in SAID.split() if len(word) > 3 and word.encode() in path.read_bytes()]
    together = GuardIndex.load(paths, words=WORDS)
    assert all(together.has_run(run) for run in [*runs(SAID), *runs("quite another story told by another")])
    assert together.fits(KEY)
    assert sorted(tmp_path.iterdir()) == paths


def test_without_the_key_a_guess_cannot_be_tested() -> None:
    built = build(table(row(SAID, 1 << 64)))
    assert not any(built.has_run(run) for run in runs(SAID, key=KEY[::-1]))
    assert not built.fits(KEY[::-1])


def test_a_guard_that_guards_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ObjectDamaged, match="no guard index"):
        GuardIndex.load([], words=WORDS)
    path = tmp_path / "0000.npz"
    build(table(row(SAID, 1 << 64))).save(path)
    with pytest.raises(ConfigError, match=r"guard\.words is 8, the guard was built for runs of 4"):
        GuardIndex.load([path], words=8)
    build(table(row(SAID, 1 << 64)), key=KEY[::-1]).save(tmp_path / "0001.npz")
    with pytest.raises(ObjectDamaged, match="different keys"):
        GuardIndex.load(sorted(tmp_path.iterdir()), words=WORDS)
    whole = path.read_bytes()
    for broken in (b"", whole[:50], whole[:-30], b"PK\x03\x04" + b"x" * 90):
        path.write_bytes(broken)
        with pytest.raises(ObjectDamaged, match="damaged"):
            GuardIndex.load([path], words=WORDS)


def test_an_empty_corpus_gives_an_empty_index_a_shard() -> None:
    built = build_index({0: [], 1: [table()]}, key=KEY, words=WORDS, people_min=3)
    assert [len(index.runs) for index in built.values()] == [0, 0]


def test_placeholders_are_indexed_and_no_secret_is() -> None:
    assert list(texts(row("the key is <SECRET_1> now", 1))) == ["the key is <SECRET_1> now"]
    assert normalise("<SECRET_1>") == ["secret", "1"]
