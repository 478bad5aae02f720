"""Proving and explaining a corpus: every check fails for its own reason and for no other."""

from __future__ import annotations

import json
from dataclasses import replace

import pyarrow as pa
import pytest

from witting.corpus import examples_of, explain, explain_example, publish, replace_part, verify
from witting.errors import CorpusError
from witting.schema import EXAMPLE, VERDICT

ALL = {"manifest", "parts", "shards", "turns permitted", "counts", "ledger mark", "ledger entry", "inclusion"}


def failed(house, manifest, decided, **more) -> set[str]:
    checks = verify(manifest, house.objects, decided, house.ledger, **more)
    assert {check.name for check in checks} == ALL
    assert all(check.detail for check in checks)
    return {check.name for check in checks if not check.ok}


@pytest.fixture
def committed(house, corpus_rows, now):
    manifest = house.commit(corpus_rows())
    house.ledger.checkpoint(now=now)
    return manifest


def test_a_corpus_as_committed_passes_every_check(house, committed, corpus_rows, permits):
    assert failed(house, committed, permits(corpus_rows())) == set()


def test_a_damaged_part_fails(house, committed, corpus_rows, permits):
    path = house.root / "objects" / committed.parts[0].key
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert failed(house, committed, permits(corpus_rows())) == {"parts"}


def test_a_missing_part_fails_unless_an_erasure_removed_it(house, committed, corpus_rows, permits, now):
    later = replace_part(committed, house.objects, 1, EXAMPLE.empty_table(), request="erasure-7", now=now)
    publish(later, house.snapshots, house.objects, house.ledger, now=now)
    house.ledger.checkpoint(now=now)
    house.objects.delete(next(part for part in committed.parts if part.shard == 1).key)
    decided = permits([row for row in corpus_rows() if row["subject_id"] != "cy"])
    assert failed(house, committed, decided) == {"parts"}
    assert failed(house, committed, decided, removed=later.removed) == set()
    assert failed(house, later, decided) == set()


def test_a_withdrawn_turn_fails_and_is_named(house, committed, corpus_rows, permits):
    decided = permits(corpus_rows(), a2="withdrawn")
    assert failed(house, committed, decided) == {"turns permitted"}
    checks = {check.name: check for check in verify(committed, house.objects, decided, house.ledger)}
    assert "a2" in checks["turns permitted"].detail


def test_a_permit_for_another_person_or_purpose_does_not_count(house, committed, corpus_rows, permits):
    decided = permits(corpus_rows())
    others = decided.set_column(1, "subject_id", pa.array(["ben"] * decided.num_rows))
    assert failed(house, committed, others) == {"turns permitted"}
    purposes = decided.set_column(2, "purpose", pa.array(["evaluate_model"] * decided.num_rows))
    assert failed(house, committed, purposes) == {"turns permitted"}


def test_an_unknown_turn_fails(house, committed, corpus_rows, permits):
    assert failed(house, committed, permits(corpus_rows()[1:])) == {"turns permitted"}


def test_a_manifest_nobody_committed_fails(house, committed, corpus_rows, permits, now):
    forged = replace_part(committed, house.objects, 1, EXAMPLE.empty_table(), request="r", now=now)
    assert failed(house, forged, permits(corpus_rows())) == {"manifest", "ledger entry", "inclusion"}


def test_an_entry_no_checkpoint_covers_yet_fails_and_says_what_to_run(house, corpus_rows, permits):
    manifest = house.commit(corpus_rows())
    assert failed(house, manifest, permits(corpus_rows())) == {"inclusion"}
    checks = {
        check.name: check for check in verify(manifest, house.objects, permits(corpus_rows()), house.ledger)
    }
    assert "witting ledger checkpoint" in checks["inclusion"].detail


def test_counts_that_do_not_fit_the_rows_fail(house, committed, corpus_rows, permits):
    lie = replace(committed, counts={**committed.counts, "people": 400})
    assert "counts" in failed(house, lie, permits(corpus_rows()))


def test_a_ledger_mark_of_another_ledger_fails(house, committed, corpus_rows, permits):
    mark = type(committed.ledger)(1, "00" * 32, None)
    other = replace(committed, ledger=mark)
    assert "ledger mark" in failed(house, other, permits(corpus_rows()))


def verdicts(*rows: tuple[str, str, str, str]) -> list[pa.Table]:
    named = [dict(zip(("row_id", "stage", "verdict", "reason"), row, strict=True)) for row in rows]
    return [pa.Table.from_pylist([{"version": 1, "detail": "{}"} | row for row in named], VERDICT)]


def test_a_turn_is_explained_from_decision_to_example(house, committed, corpus_rows, permits):
    told = explain(
        committed,
        house.objects,
        "a1",
        decisions=permits(corpus_rows()),
        verdicts=verdicts(("a1", "curation", "keep", "")),
    )
    assert [use.example_id for use in told.uses] == [f"{1:032x}"]
    assert told.sentences() == [
        "It may be used for fine_tune_own_model: consent by rule eu.consent, ledger entry 0.",
        f"It is in example {1:032x} (sft, train), by rule answered/1.",
    ]
    json.dumps(told.as_json())


def test_a_turn_left_out_says_why(house, committed, corpus_rows, corpus_example, permits):
    decided = permits([*corpus_rows(), corpus_example(7)], q7="withdrawn")
    told = explain(
        committed,
        house.objects,
        "a7",
        decisions=decided,
        verdicts=verdicts(("a7", "curation", "drop", "disliked")),
    )
    assert told.sentences()[1:] == [
        "curation left it out: disliked. The person marked this answer as bad.",
        "It is in no example of this corpus.",
    ]
    refused = explain(committed, house.objects, "q7", decisions=decided, verdicts=[])
    assert refused.sentences()[0].startswith("It may not be used for fine_tune_own_model: withdrawn")


def test_an_unknown_turn_or_example_is_an_error(house, committed, corpus_rows, permits):
    with pytest.raises(CorpusError, match="ever decided"):
        explain(committed, house.objects, "zz", decisions=permits(corpus_rows()), verdicts=[])
    with pytest.raises(CorpusError, match="no example"):
        explain_example(committed, house.objects, "zz", decisions=permits(corpus_rows()))


def test_an_example_is_explained_turn_by_turn(house, committed, corpus_rows, permits):
    told = explain_example(committed, house.objects, f"{4:032x}", decisions=permits(corpus_rows()))
    assert [(step.row_id, step.decision["decision"]) for step in told] == [("q4", "permit"), ("a4", "permit")]


def test_a_persons_examples_are_found_and_canaries_are_nobodys(house, committed):
    assert [use.example_id for use in examples_of(committed, house.objects, "ana", shard=0)] == [
        f"{1:032x}",
        f"{2:032x}",
    ]
    assert examples_of(committed, house.objects, "canary90") == []
