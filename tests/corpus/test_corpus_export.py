"""Taking a corpus out: every row once, canaries never, readable by others."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from witting.corpus import export, read
from witting.errors import ObjectDamaged, UsageError


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def committed(house, corpus_rows):
    return house.commit(corpus_rows())


def test_messages_round_trip_with_their_learn_marks(house, committed, corpus_rows, tmp_path):
    out = tmp_path / "out"
    export(committed, house.objects, out, format="messages")
    exported = {
        row["example_id"]: row["messages"]
        for name in ("train", "heldout")
        for row in lines(out / f"{name}.jsonl")
    }
    ours = {
        row["example_id"]: row["messages"]
        for row in corpus_rows()
        if row["kind"] != "preference" and not row["canary"]
    }
    assert exported == ours
    assert [row["example_id"] for row in lines(out / "heldout.jsonl")] == [f"{5:032x}"]


def test_preferences_are_lists_of_messages(house, committed, tmp_path):
    export(committed, house.objects, tmp_path / "out", format="trl_preference")
    (row,) = lines(tmp_path / "out" / "train.jsonl")
    assert row["prompt"] == [{"role": "user", "content": "what does cy ask in 4"}]
    assert row["chosen"] == [{"role": "assistant", "content": "better 4"}]
    assert row["rejected"] == [{"role": "assistant", "content": "worse 4"}]
    assert lines(tmp_path / "out" / "heldout.jsonl") == []


def test_parquet_has_the_corpuss_rows_and_no_statistics(house, committed, corpus_rows, tmp_path):
    export(committed, house.objects, tmp_path / "out", format="parquet")
    found = [
        row
        for name in ("train", "heldout")
        for row in pq.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist()
    ]
    ours = [row for row in corpus_rows() if not row["canary"]]
    assert sorted(found, key=lambda row: row["example_id"]) == ours
    column = pq.ParquetFile(tmp_path / "out" / "train.parquet").metadata.row_group(0).column(0)
    assert column.statistics is None


@pytest.mark.parametrize("form", ["messages", "trl_preference", "trl_kto", "parquet"])
def test_canaries_and_subjects_stay_here(house, committed, tmp_path, form):
    export(committed, house.objects, tmp_path / "out", format=form)
    for path in (tmp_path / "out").iterdir():
        text = str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else path.read_text()
        assert "secret of the canary" not in text
        if form != "parquet":
            assert "subject" not in text


@pytest.mark.parametrize(
    ("form", "rows"), [("messages", 4), ("trl_preference", 1), ("trl_kto", 0), ("parquet", 5)]
)
def test_the_paper_beside_says_what_left_and_what_did_not(house, committed, tmp_path, form, rows):
    out = tmp_path / "out"
    described = export(committed, house.objects, out, format=form)
    assert json.loads((out / "export.json").read_text()) == described
    assert (described["corpus"], described["rows"]) == (committed.id, rows)
    assert described["left_out"] == {"canaries": 1, "other_kinds": 5 - rows}
    for file in described["files"]:
        assert hashlib.sha256((out / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert sum(file["rows"] for file in described["files"]) == rows
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["export.json", *(f["path"] for f in described["files"])]
    )


def test_the_same_export_twice_is_the_same_bytes(house, committed, tmp_path):
    hashes = [
        [
            file["sha256"]
            for file in export(committed, house.objects, tmp_path / name, format="messages")["files"]
        ]
        for name in ("one", "two")
    ]
    assert hashes[0] == hashes[1]


def test_an_export_is_never_mixed_with_other_files(house, committed, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    export(committed, house.objects, out, format="messages")
    with pytest.raises(UsageError, match="not an empty folder"):
        export(committed, house.objects, out, format="messages")


def test_an_unknown_format_is_refused(house, committed, tmp_path):
    with pytest.raises(UsageError, match="messages, trl_preference, trl_kto, parquet"):
        export(committed, house.objects, tmp_path / "out", format="csv")
    assert not (tmp_path / "out").exists()


def test_a_damaged_part_is_not_exported(house, committed, tmp_path):
    path = house.root / "objects" / committed.parts[0].key
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    with pytest.raises(ObjectDamaged):
        export(committed, house.objects, tmp_path / "out", format="messages")
    assert not (tmp_path / "out" / "export.json").exists()


def test_every_row_of_the_corpus_is_in_one_export_or_the_other(house, committed, tmp_path):
    rows = sum(table.num_rows for table in read(house.objects, committed))
    left = [
        export(committed, house.objects, tmp_path / form, format=form)["rows"]
        for form in ("messages", "trl_preference")
    ]
    assert sum(left) + committed.counts["canaries"] == rows
