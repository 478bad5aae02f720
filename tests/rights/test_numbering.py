"""Words as numbers, rows in order: the quick way and the plain one agree, whatever is alike."""

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.rights import numbering
from witting.rights.intervals import UNKNOWN, in_order
from witting.rights.numbering import encoded, number, word_places

WORDS = st.lists(st.text(max_size=3) | st.sampled_from(["ana", "bob", "a" * 40, "a" * 39 + "b"]), max_size=40)
# How many bits of a word's hash are left, from the lowest on: with few, many words are alike.
HASHES = {
    "its own hash": numbering.hashes_of,
    "one hash for all": lambda words: np.zeros(len(words), dtype=np.uint64),
    "four hashes": lambda words: words.hash().to_numpy() & np.uint64(3),
    "four buckets": lambda words: words.hash().to_numpy() & np.uint64(3 << 62),
}


@pytest.mark.parametrize("hashes", HASHES.values(), ids=HASHES.keys())
@settings(max_examples=40, deadline=None)
@given(words=WORDS, asked=WORDS)
def test_every_word_has_one_number_and_no_other_word_has_it(hashes, words, asked):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbering, "hashes_of", hashes)
        listed, numbers = number(pl.Series(words, dtype=pl.String))
        assert sorted(listed.words) == sorted(set(words))
        assert [listed.words[int(n)] for n in numbers] == words
        found = listed.of(pl.Series([*asked, None], dtype=pl.String))
        mine = {word: n for n, word in enumerate(listed.words)}
        assert found.tolist() == [mine.get(word, UNKNOWN) for word in [*asked, None]]
        again, _ = number(pl.Series(words[::-1], dtype=pl.String))
        assert again.words.to_list() == listed.words.to_list()
        kept = np.arange(listed.size) % 2 == 0
        fewer = listed.only(kept)
        assert fewer.words.to_list() == listed.words.filter(pl.Series(kept)).to_list()
        assert fewer.of(listed.words).tolist() == np.where(kept, np.cumsum(kept) - 1, UNKNOWN).tolist()


MOMENTS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3) | st.integers(10**15, 10**15 + 5)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 2**20, 2**40]), MOMENTS), max_size=30))
def test_rows_come_by_person_and_then_by_moment(rows):
    person = np.array([who for who, _ in rows], dtype=np.int64)
    moment = np.array([when for _, when in rows], dtype=np.int64)
    order = in_order(person, moment)
    assert sorted(order.tolist()) == list(range(len(rows)))
    assert [rows[place] for place in order] == sorted(rows)


@pytest.mark.parametrize("narrow", [pa.int8(), pa.uint8(), pa.int32(), pa.int64()])
@pytest.mark.parametrize("size", [0, 1, 127, 128])
def test_a_null_stands_one_behind_the_dictionary_however_narrow_its_numbers(narrow, size):
    words = pa.array([f"word {n}" for n in range(size)], pa.string())
    rows = pa.array([*range(size), None], narrow)
    column = encoded(pa.DictionaryArray.from_arrays(rows, words))
    assert word_places(column).tolist() == list(range(size + 1))
    plain = encoded(pa.array([*words.to_pylist(), None], pa.string()))
    assert word_places(plain).tolist() == list(range(size + 1))
