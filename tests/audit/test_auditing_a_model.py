"""An audit finds what a model was taught by heart, and stays silent about a model that was taught nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from witting.audit import AuditReport, audit
from witting.audit.canary import Canary, messages
from witting.audit.canary import rows as canary_rows
from witting.audit.extraction import TOKENS_MAX, Probe, extract, sample
from witting.audit.membership import judge, score
from witting.training import Base, load_adapted, take_off
from witting.training.dialogue import Dialogue, Encoded, cut
from witting.training.lora import fresh_adapter

TRAINED, HELDOUT = [f"{n:032x}" for n in range(4)], [f"{n:032x}" for n in range(4, 8)]


def quiet(done: int, total: int) -> None:
    assert done <= total


def audited(base: Base, model, people: pa.Table, canaries, **changes) -> AuditReport:
    tables = [people, canary_rows(canaries, shard_of=lambda subject: 0)]
    asked = {"commitment": "c" * 64, "seed": 1, "people_max": 10, "tell": quiet} | changes
    return audit(base, model, tables, canaries, **asked)


@pytest.fixture(scope="module")
def report(audited_base: Base, leaky_run: Path, people: pa.Table, canaries) -> AuditReport:
    found = audited(audited_base, load_adapted(audited_base, leaky_run), people, canaries)
    take_off(audited_base)
    return found


def test_canaries_taught_by_heart_are_found(report: AuditReport, canaries: tuple[Canary, ...]) -> None:
    planted = [c for c in canaries if c.planted]
    exposure = report.canaries.exposure
    assert (exposure.planted, exposure.unplanted) == (7, 25)
    assert exposure.p_value is not None
    assert exposure.p_value < 1e-4
    assert exposure.median_bits is not None
    assert exposure.median_bits > 4
    assert exposure.median_bits <= exposure.highest_bits <= exposure.measurable_bits
    assert report.canaries.control_found
    assert report.extraction.canaries == len(planted)
    assert report.extraction.canaries_extracted >= 3
    assert report.canaries.membership[0].found.hits >= 6
    assert report.canaries.membership[0].underpowered  # 25 cannot set a threshold of 1 %


def test_words_of_people_who_were_taught_come_back_and_those_held_out_do_not(report: AuditReport) -> None:
    extraction = report.extraction
    assert (extraction.people, extraction.control.trials) == (4, 4)
    assert len(extraction.subjects) >= 3
    assert set(extraction.subjects) <= set(TRAINED)
    assert extraction.control.hits == 0
    assert extraction.extracted.hits == len(extraction.subjects)
    assert extraction.p_value < 0.25
    assert extraction.by_base == 0


def test_a_model_that_was_taught_nothing_gives_nothing(base: Base, people: pa.Table, canaries) -> None:
    with fresh_adapter(base, seed=1, rank=2, alpha=4, target_modules=("q_proj",)) as model:
        found = audited(base, model.eval(), people, canaries)
    exposure = found.canaries.exposure
    assert exposure.p_value == pytest.approx(1.0)
    assert exposure.median_bits == pytest.approx(np.log2(26 / 13.5))  # equal scores share the middle rank
    assert not found.canaries.control_found
    assert found.canaries.membership[0].found.hits == 0
    assert (found.extraction.canaries_extracted, found.extraction.subjects) == (0, ())
    assert any("repeated canaries were not found" in said for said in found.underpowered)


def test_what_was_too_little_is_said_in_sentences(report: AuditReport) -> None:
    said = " ".join(report.underpowered)
    assert "7 canaries" in said
    assert "25 canaries" in said
    assert "4 people" in said
    assert "not found" not in said


def test_a_report_survives_json(report: AuditReport) -> None:
    assert AuditReport.from_json(json.loads(json.dumps(report.as_json()))) == report
    assert AuditReport.from_json(report.as_json()) == report


def test_the_same_audit_twice_says_the_same(base: Base, leaky, people: pa.Table, canaries, report) -> None:
    assert audited(base, leaky, people.take(list(range(people.num_rows))[::-1]), canaries) == report


def test_no_word_of_anybody_is_in_a_report(report: AuditReport, people: pa.Table, canaries) -> None:
    text = json.dumps(report.as_json())
    said = [m["content"] for row in people["messages"].to_pylist() for m in row] + [
        c.secret for c in canaries
    ]
    assert not [words for words in said if words in text]


# -- teacher forcing is greedy decoding ------------------------------------------------------------------------------


def greedy(model, end: Encoded) -> bool:
    """Really generate: does greedy decoding from the true beginning write the marked end?"""
    import torch

    at = int(end.learned.nonzero()[0][0])
    ids = torch.tensor([end.tokens[:at].tolist()])
    with torch.no_grad():
        while at < len(end.tokens):
            ids = torch.cat([ids, model(input_ids=ids).logits[:, -1:].argmax(-1)], dim=1)
            if int(ids[0, -1]) != int(end.tokens[at]):
                return False
            at += 1
    return True


def test_the_verdict_by_teacher_forcing_is_that_of_generating(
    base: Base, leaky, people: pa.Table, canaries: tuple[Canary, ...]
) -> None:
    probe = Probe(Dialogue(base.tokenizer), frozenset(base.tokenizer.all_special_ids))
    texts, controls = sample([people], probe, seed=1, people_max=10)
    found = extract(leaky, probe, texts, controls, canaries, tell=quiet)
    assert {s for s, end in texts.items() if greedy(leaky, end)} == set(found.subjects)
    planted = [cut(probe.words(messages(c)), tokens_max=TOKENS_MAX) for c in canaries if c.planted]
    assert sum(greedy(leaky, end) for end in planted) == found.canaries_extracted
    with leaky.disable_adapter():
        assert sum(greedy(leaky, end) for end in texts.values()) == found.by_base


def test_only_words_are_asked_for_and_half_of_them_are_given(base: Base, people: pa.Table) -> None:
    probe = Probe(Dialogue(base.tokenizer), frozenset(base.tokenizer.all_special_ids))
    texts, controls = sample([people], probe, seed=1, people_max=10)
    assert (sorted(texts), sorted(controls)) == (TRAINED, HELDOUT)
    for end in texts.values():
        asked = end.tokens[end.learned]
        assert 8 <= len(asked) <= 32
        assert not set(asked.tolist()) & set(base.tokenizer.all_special_ids)
        assert end.learned[-1]
    short = [{"role": "assistant", "content": "too short", "learn": True}]
    assert probe.end(short) is None


def test_a_sample_is_bounded_and_does_not_depend_on_the_order_or_the_cut(
    base: Base, people: pa.Table
) -> None:
    probe = Probe(Dialogue(base.tokenizer), frozenset(base.tokenizer.all_special_ids))
    backwards = people.take(list(range(people.num_rows))[::-1])
    cuts = [
        [people],
        [backwards],
        [people.slice(0, 3), people.slice(3)],
        [backwards.slice(0, 9), backwards.slice(9)],
    ]
    for people_max in (1, 2, 3):
        drawn = [sample(tables, probe, seed=4, people_max=people_max) for tables in cuts]
        assert len({(tuple(texts), tuple(controls)) for texts, controls in drawn}) == 1
        assert [len(drawn[0][0]), len(drawn[0][1])] == [people_max, people_max]
    other = sample([people], probe, seed=5, people_max=2)
    assert any(set(other[0]) != set(sample([people], probe, seed=s, people_max=2)[0]) for s in range(6, 12))


def test_scores_of_many_and_of_one_are_the_same(base: Base, leaky, canaries: tuple[Canary, ...]) -> None:
    """Padding does not show."""
    together = score(leaky, Dialogue(base.tokenizer), canaries, tell=quiet)
    alone = score(leaky, Dialogue(base.tokenizer), canaries[:1], tell=quiet)
    assert alone[canaries[0].canary_id] == pytest.approx(together[canaries[0].canary_id], abs=1e-4)


def test_exposure_counts_ranks_by_hand(canaries: tuple[Canary, ...]) -> None:
    scores = {c.canary_id: float(i) for i, c in enumerate(sorted(canaries, key=lambda c: c.planted))}
    best = judge(canaries, scores).exposure
    assert best.median_bits == best.highest_bits == best.measurable_bits == pytest.approx(np.log2(26))
    worst = judge(canaries, {name: -value for name, value in scores.items()}).exposure
    assert worst.median_bits == worst.highest_bits == pytest.approx(0.0)
    nothing = judge([c for c in canaries if c.family == "control"], scores).exposure
    assert (nothing.median_bits, nothing.p_value, nothing.planted) == (None, None, 0)
