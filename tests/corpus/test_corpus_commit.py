"""Committing, finding and replacing versions of a corpus."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from witting.corpus import (
    Manifest,
    count_parts,
    current,
    diff,
    diff_rows,
    from_bytes,
    from_json,
    load,
    publish,
    read,
    replace_part,
    versions,
    write_examples,
)
from witting.corpus.manifest import manifest_key
from witting.errors import CommitRaced, CorpusError, ObjectDamaged
from witting.schema import EXAMPLE


def ids(house, manifest: Manifest, **which) -> list[str]:
    return sorted(
        i for table in read(house.objects, manifest, **which) for i in table["example_id"].to_pylist()
    )


def test_a_committed_corpus_reads_back_whole_and_by_shard_and_split(house, corpus_rows):
    manifest = house.commit(corpus_rows())
    everything = [row for table in read(house.objects, manifest) for row in table.to_pylist()]
    assert sorted(everything, key=lambda row: row["example_id"]) == sorted(
        corpus_rows(), key=lambda row: row["example_id"]
    )
    assert ids(house, manifest, shard=1) == [f"{4:032x}"]
    assert ids(house, manifest, split="heldout") == [f"{5:032x}"]
    assert ids(house, manifest, shard=2) == []
    with pytest.raises(CorpusError, match="train, heldout"):
        list(read(house.objects, manifest, split="test"))


def test_the_manifest_counts_people_and_examples_but_canaries_apart(house, corpus_rows):
    counts = house.commit(corpus_rows()).counts
    assert (counts["people"], counts["examples"], counts["canaries"]) == (4, 5, 1)
    assert counts["by_kind"] == {"preference": 1, "sft": 4}
    assert counts["by_split"] == {"heldout": 1, "train": 4}
    assert counts["by_place"] == {"FR": 4, "unknown": 1}
    assert counts["by_language"] == {"en": 4, "pt": 1}
    assert counts["words_estimate"] == 4 * 4 + 2


def test_a_manifest_survives_json_with_the_same_id(house, corpus_rows):
    manifest = house.commit(corpus_rows())
    assert from_json(json.loads(manifest.canonical)) == manifest
    assert from_bytes(house.objects.read(manifest.key), corpus_id=manifest.id).id == manifest.id
    assert len(manifest.id) == 32


def test_the_id_says_everything_that_made_it(house, corpus_rows, tmp_path):
    one = house.commit(corpus_rows(), name="one")
    same = [
        house.commit(corpus_rows(), name="one").id,
        load(house.objects, house.snapshots, "latest", name="one").id,
    ]
    assert same == [one.id, one.id]
    others = {
        house.commit(corpus_rows(), name="two").id,
        house.commit(corpus_rows(), name="three", seed=1).id,
        house.commit(corpus_rows(), name="four", packs={"eu": "b" * 64}).id,
        house.commit(corpus_rows()[:-1], name="five").id,
        house.commit(corpus_rows(), name="six", as_of=datetime(2026, 1, 1, tzinfo=UTC)).id,
    }
    assert len(others - {one.id}) == 5


def test_the_order_of_rows_and_parts_does_not_show(house, corpus_rows, corpus_example):
    one = house.commit(corpus_rows())
    other = house.commit(list(reversed(corpus_rows())))
    assert other.id == one.id


def test_committing_the_same_again_makes_no_version_and_no_ledger_entry(house, corpus_rows, now):
    first = house.commit(corpus_rows())
    size = house.ledger.size()
    assert house.commit(corpus_rows(), checkpoint=house.ledger.checkpoint(now=now)).id == first.id
    assert (house.ledger.size(), len(versions(house.snapshots))) == (size, 1)


def test_a_later_walk_that_finds_the_same_changes_nothing(house, corpus_rows):
    first = house.commit(corpus_rows())
    later = house.commit(corpus_rows(), as_of=datetime(2027, 1, 1, tzinfo=UTC), decided=0)
    assert later == first
    assert len(versions(house.snapshots)) == 1


def test_what_an_erasure_removed_stays_listed_in_later_versions(house, corpus_rows, now):
    first = house.commit(corpus_rows())
    second = replace_part(first, house.objects, 1, EXAMPLE.empty_table(), request="erasure-7", now=now)
    publish(second, house.snapshots, house.objects, house.ledger, now=now)
    without_cy = [row for row in corpus_rows() if row["subject_id"] != "cy"]
    assert house.commit(without_cy) == second
    assert house.commit(without_cy[1:]).removed == second.removed
    assert house.commit(corpus_rows()).removed == ()


def test_versions_are_newest_first_and_know_their_parent(house, corpus_rows):
    first = house.commit(corpus_rows())
    second = house.commit(corpus_rows()[1:])
    assert [manifest.id for manifest in versions(house.snapshots)] == [second.id, first.id]
    assert (first.parent, second.parent) == (None, first.id)
    assert versions(house.snapshots)[1] == first


@pytest.mark.parametrize("length", [32, 6])
def test_a_corpus_is_found_by_id_beginning_or_latest(house, corpus_rows, length):
    first = house.commit(corpus_rows())
    second = house.commit(corpus_rows()[1:])
    assert load(house.objects, house.snapshots, first.id[:length]) == first
    assert load(house.objects, house.snapshots, "latest") == second


@pytest.mark.parametrize("wanted", ["", "abc", "0" * 32, "nothing", "../../etc"])
def test_an_unknown_corpus_is_named_with_the_ones_there_are(house, corpus_rows, wanted):
    known = house.commit(corpus_rows())
    with pytest.raises(CorpusError, match=known.id):
        load(house.objects, house.snapshots, wanted)


def test_no_corpus_yet_says_how_to_build_one(house):
    with pytest.raises(CorpusError, match="corpus build"):
        load(house.objects, house.snapshots, "latest")
    assert current(house.snapshots) is None


def test_a_changed_manifest_is_refused(house, corpus_rows):
    manifest = house.commit(corpus_rows())
    path = house.root / "objects" / manifest.key
    path.write_bytes(path.read_bytes().replace(b'"seed":20261124', b'"seed":20261125'))
    with pytest.raises(CorpusError, match="hash to"):
        load(house.objects, house.snapshots, manifest.id)


@pytest.mark.parametrize(
    "change", [{"format": "witting.corpus/2"}, {"parts": [{"key": "x"}]}, {"as_of": "soon"}]
)
def test_json_that_is_no_manifest_is_refused(house, corpus_rows, change):
    with pytest.raises(CorpusError):
        from_json(house.commit(corpus_rows()).as_json() | change)


def test_a_damaged_part_is_not_read(house, corpus_rows):
    manifest = house.commit(corpus_rows())
    path = house.root / "objects" / manifest.parts[0].key
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ObjectDamaged):
        list(read(house.objects, manifest))


def test_rows_of_another_shard_are_refused(house, corpus_example):
    table = pa.Table.from_pylist([corpus_example(1), corpus_example(2, "cy")], EXAMPLE)
    with pytest.raises(CorpusError, match="other shards"):
        write_examples(house.objects, table, shard=0)


@pytest.mark.parametrize("change", [{"purpose": "world_peace"}, {"shards": 2}])
def test_a_commit_that_does_not_add_up_is_refused(house, corpus_rows, change):
    with pytest.raises(CorpusError):
        house.commit(corpus_rows(), **change)


def test_a_run_killed_before_the_pointer_moved_finishes_the_same_version(
    house, corpus_rows, now, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(
            type(house.snapshots), "commit", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            house.commit(corpus_rows())
    assert versions(house.snapshots) == []
    recorded = house.ledger.entry(house.ledger.size() - 1).body["corpus"]
    size = house.ledger.size()
    finished = house.commit(corpus_rows(), checkpoint=house.ledger.checkpoint(now=now))
    assert (finished.id, house.ledger.size()) == (recorded, size)
    assert house.objects.exists(manifest_key(recorded))


def test_somebody_else_moving_the_name_first_is_a_race(house, corpus_rows, now):
    first = house.commit(corpus_rows())
    mine = replace_part(first, house.objects, 1, EXAMPLE.empty_table(), request="r", now=now)
    house.commit(corpus_rows()[1:])
    with pytest.raises(CommitRaced):
        publish(mine, house.snapshots, house.objects, house.ledger, now=now)


def test_replacing_a_shard_rewrites_one_part_and_names_what_is_gone(house, corpus_rows, now):
    first = house.commit(corpus_rows())
    without_ana = [row for row in corpus_rows() if row["shard"] == 0 and row["subject_id"] != "ana"]
    table = pa.Table.from_pylist(without_ana, EXAMPLE)
    second = replace_part(first, house.objects, 0, table, request="erasure-7", now=now)
    publish(second, house.snapshots, house.objects, house.ledger, now=now)
    old = next(part for part in first.parts if part.shard == 0)
    assert [(entry.part, entry.shard, entry.request) for entry in second.removed] == [
        (old.sha256, 0, "erasure-7")
    ]
    assert len({part.sha256 for part in second.parts} - {part.sha256 for part in first.parts}) == 1
    assert second.counts == count_parts(house.objects, second.parts)
    assert second.counts["people"] == 3
    assert load(house.objects, house.snapshots, "latest") == second
    assert publish(second, house.snapshots, house.objects, house.ledger, now=now) == second


def test_a_shard_emptied_by_an_erasure_has_no_part(house, corpus_rows, now):
    first = house.commit(corpus_rows())
    second = replace_part(first, house.objects, 1, EXAMPLE.empty_table(), request="r", now=now)
    assert [part.shard for part in second.parts] == [0, 3]
    assert second.counts == count_parts(house.objects, second.parts)
    with pytest.raises(CorpusError, match="nothing to replace"):
        replace_part(second, house.objects, 1, EXAMPLE.empty_table(), request="r", now=now)


def test_a_difference_names_numbers_parts_stages_and_rows(house, corpus_rows, corpus_example, now):
    first = house.commit(corpus_rows())
    changed = [row for row in corpus_rows() if row["subject_id"] != "cy"] + [corpus_example(9, "dee")]
    second = house.commit(changed, packs={"eu": "b" * 64})
    difference = diff(first, second)
    assert (difference.counts["people"], difference.counts["examples"]) == (-1, 0)
    assert difference.counts["by_kind"] == {"preference": -1, "sft": 1}
    assert (difference.parts_kept, len(difference.parts_added), len(difference.parts_gone)) == (1, 1, 2)
    assert (difference.stages, difference.packs, difference.removed) == ((), ("eu",), ())
    rows = diff_rows(first, second, house.objects)
    assert (rows.entered, rows.left) == ((f"{9:032x}",), (f"{4:032x}",))
    assert (rows.people_entered, rows.people_left, rows.unread) == ((), ("cy",), ())
    json.dumps(difference.as_json())


def test_a_difference_to_a_version_with_erased_parts_says_what_it_could_not_read(house, corpus_rows, now):
    first = house.commit(corpus_rows())
    second = replace_part(first, house.objects, 1, EXAMPLE.empty_table(), request="erasure-7", now=now)
    erased = next(part for part in first.parts if part.shard == 1)
    house.objects.delete(erased.key)
    assert diff_rows(first, second, house.objects).unread == (erased.sha256,)
    assert diff(first, second).removed == ("erasure-7",)
