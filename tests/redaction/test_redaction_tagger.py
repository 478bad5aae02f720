"""The tagger: same spans however a text is cut or multiplied, offsets of the text as written, small and quick to load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.redaction.normalise import view
from witting.redaction.tagger import decode, find
from witting.redaction.tagger import model as arithmetic
from witting.redaction.tagger.features import word_hash, words

WEIGHTS_BYTES_MAX = 8_000_000
NAMED = (
    "met Sanne de Vries in Eindhoven yesterday",
    "so maria told me that Tomasz Kowalczyk was in hospital in Kraków",
    "Gestern habe ich mit Jürgen Baumgartner in Hamburg gesprochen",
    "j'ai dit à Océane que non, elle habite à Lyon",
    "kal Rajesh Sharma se mila Mumbai me",
)
QUIET = (
    "what is the best way to learn a language in a month?",
    "Please summarise the following text in three sentences.",
    "ich bin so müde heute, das Wetter ist schön",
    "estoy muy cansado hoy, muchas gracias por la respuesta",
    "for item in range(10): print(item)",
)
texts = st.lists(
    st.sampled_from((*NAMED, *QUIET, "😀", "\u200b", "\n", " ", "<PERSON_3>", "@ana", "e\u0301")), max_size=8
)


def placed(text: str) -> list[tuple[str, str]]:
    seen = view(text)
    return [(text[slice(*seen.original(s.start, s.end))], s.kind) for s in find(seen)]


@pytest.mark.parametrize("text", NAMED)
def test_a_person_nobody_introduced_is_found(text: str) -> None:
    assert any(kind == "PERSON" for _, kind in placed(text))


@pytest.mark.parametrize("text", QUIET)
def test_words_that_name_nobody_are_left_alone(text: str) -> None:
    assert placed(text) == []


def test_offsets_are_of_the_text_as_it_was_written() -> None:
    written = "😀😀 met San\u200bne de Vries in Eindhoven yesterday"
    assert ("San\u200bne de Vries" in {value for value, _ in placed(written)}) == (
        "Sanne de Vries" in {value for value, _ in placed("😀😀 met Sanne de Vries in Eindhoven yesterday")}
    )
    for value, _ in placed(written):
        assert "😀" not in value


@settings(max_examples=60, deadline=None)
@given(texts.map(" ".join))
def test_what_the_tagger_takes_is_disjoint_within_a_line_and_outside_placeholders(text: str) -> None:
    seen = view(text, [])
    end = 0
    for span in find(seen):
        assert end <= span.start < span.end <= len(seen.folded)
        assert "\n" not in seen.folded[span.start : span.end]
        end = span.end


@settings(max_examples=40, deadline=None)
@given(texts.map(" ".join), st.integers(1, 9))
def test_scores_are_the_same_bit_for_bit_in_blocks_of_any_size(text: str, block: int) -> None:
    tagger = arithmetic.model()
    rows = tagger.words(view(text)).rows
    if not len(rows):
        return
    whole = tagger.scores(rows)
    reach = arithmetic.REACH
    for at in range(0, len(rows), block):
        begin = max(0, at - reach)
        part = tagger.scores(rows[begin : at + block + reach])[at - begin : at - begin + block]
        assert np.array_equal(part, whole[at : at + block])


def test_a_long_text_gives_what_its_lines_give(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(NAMED * 40)
    before = find(view(text))
    monkeypatch.setattr(arithmetic, "BLOCK_WORDS", 17)
    assert find(view(text)) == before
    assert before


def test_every_sum_stays_where_floats_are_whole_numbers() -> None:
    tagger = arithmetic.model()
    for weights, bias in (
        (tagger.wide, tagger.wide_bias),
        (tagger.near, tagger.near_bias),
        (tagger.out, tagger.out_bias),
    ):
        assert np.array_equal(weights, np.rint(weights))
        assert np.array_equal(bias, np.rint(bias))
        assert (np.abs(weights).sum(axis=0) * arithmetic.LEVELS + np.abs(bias)).max() < 2**24


def test_a_process_with_more_threads_answers_the_same() -> None:
    ask = (
        "import json, sys; from witting.redaction.normalise import view; from witting.redaction.tagger import find; "
        "print(json.dumps([[s.as_json() for s in find(view(t))] for t in json.load(sys.stdin)]))"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", ask],
            input=json.dumps([*NAMED, "\n".join(NAMED * 30)]),
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2")
    ]
    assert told[0] == told[1]
    assert json.loads(told[0])[0]


def test_the_weights_fit_in_the_wheel_and_say_how_their_thresholds_were_chosen() -> None:
    held = files("witting.redaction.tagger").joinpath("weights.npz")
    with held.open("rb") as file:
        assert len(file.read()) <= WEIGHTS_BYTES_MAX
    with held.open("rb") as file, np.load(file) as stored:
        curves = json.loads(stored["curves"].tobytes())
    assert len(curves) == 2 * len(decode.KINDS)
    for one in curves.values():
        assert any(point["nats"] == one["chosen"] for point in one["points"])


def test_importing_redaction_reads_no_weights() -> None:
    ask = (
        "import witting.redaction, witting.redaction.tagger.model as m; print(m.model.cache_info().currsize)"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_no_span_goes_on_that_did_not_begin() -> None:
    inside = decode.LABELS.index("I-PERSON")
    scores = np.zeros((3, len(decode.LABELS)), np.int64)
    scores[:, inside] = 9
    scores[:, inside - 1] = 5
    (span,) = decode.spans(scores, np.zeros_like(scores))
    assert span[:3] == (0, 3, "PERSON")
    assert decode.best(scores.tolist()) == [inside - 1, inside, inside]


def test_a_lower_threshold_finds_no_less() -> None:
    tagger = arithmetic.model()
    text = "\n".join((*NAMED, *QUIET))
    fewer = find(view(text), tagger=replace(tagger, offsets=tagger.offsets - 20_000))
    more = find(view(text), tagger=replace(tagger, offsets=tagger.offsets + 20_000))
    assert sum(s.end - s.start for s in fewer) <= sum(s.end - s.start for s in find(view(text)))
    assert sum(s.end - s.start for s in find(view(text))) <= sum(s.end - s.start for s in more)


def test_words_are_cut_and_hashed_as_they_stand() -> None:
    tagger = arithmetic.model()
    cut = words(
        "Ana's 12 cats!", "ana's 12 cats!", classes=tagger.classes, listed=tagger.listed, lists=tagger.lists
    )
    pieces = ["ana's 12 cats!"[s:e] for s, e in zip(cut.starts, cut.ends, strict=True)]
    assert pieces == ["ana", "'", "s", "12", "cats", "!"]
    assert cut.rows[0, 0] == word_hash("ana") % 2**15
    assert cut.capitals.tolist() == [1, 0, 0, 0, 0, 0]
