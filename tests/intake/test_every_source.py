"""Laws of every reader there is, on every example: counts, places, ids; and no source without an example.

Covered: each file in `examples/` and elsewhere beside these tests, and each chat file of the developer set, read alone;
each folder of `examples/` read as one export; each source by a column mapping too. Not covered: damage
(`test_every_reader_damaged.py`), what the records say (each reader's own tests).

To give a new source its example: put a small invented export into `examples/NAME/`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from intake.record_laws import assert_sound, by_file, plain_bytes, silent_lines, size_of, words_of
from witting.intake import FileVerdict, Turn, admit
from witting.intake.detect import with_mappings
from witting.intake.facts import all_facts
from witting.intake.source import Record

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
DATA = HERE.parents[2] / "shared" / "data" / "interactions-dev"
SOURCES = with_mappings([EXAMPLES / "table" / "map.toml"])
MAPPED = "support_chat"  # the name that examples/table/map.toml gives what the source `table` reads
LINED = (".jsonl", ".csv", ".tsv", ".txt")
FILES = [
    path
    for folder in (HERE, DATA)
    for path in sorted(folder.rglob("*"))
    if path.is_file() and path.suffix not in (".py", ".pyc")
]


def read(path: Path) -> list[tuple[FileVerdict, list[Record]]]:
    return by_file(admit([path], text_chars_max=100_000, sources=SOURCES))


@pytest.fixture(scope="module")
def alone() -> list[tuple[Path, FileVerdict, list[Record]]]:
    """Every file read alone. The counts were held against each verdict on the way."""
    return [(path, verdict, records) for path in FILES for verdict, records in read(path)]


def test_every_source_has_an_example_that_gives_turns(alone) -> None:
    with_turns = {
        verdict.source for _, verdict, records in alone if any(isinstance(r, Turn) for r in records)
    }
    missing = set(all_facts()) - {"table" if name == MAPPED else name for name in with_turns}
    assert not missing, f"put a small invented export into tests/intake/examples/ for {sorted(missing)}"


def test_every_example_is_claimed_by_the_source_it_is_filed_under() -> None:
    for folder in sorted(EXAMPLES.iterdir()):
        expected = MAPPED if folder.name == "table" else folder.name
        for verdict, _ in read(folder):
            if not verdict.path.endswith("map.toml"):
                assert (verdict.source, verdict.verdict) == (expected, "read"), verdict.path


def test_every_file_of_the_developer_set_is_read_or_refused_with_a_reason(alone) -> None:
    assert DATA.is_dir()
    found = {str(path): verdict for path, verdict, _ in alone}
    assert set(found) == {str(path) for path in FILES}
    assert sum(verdict.verdict == "read" for verdict in found.values()) > 100


def test_every_record_of_a_file_is_sound(alone) -> None:
    for path, _, records in alone:
        assert_sound(records, {member: size_of(path, member) for member in {r.member for r in records}})


def test_every_record_of_an_export_is_sound() -> None:
    for folder in sorted(EXAMPLES.iterdir()):
        records = [record for _, of_file in read(folder) for record in of_file]
        sizes = {record.member: _size(folder, record.member) for record in records}
        assert_sound(records, sizes)
        assert any(isinstance(record, Turn) for record in records)


def test_every_vote_and_comparison_is_counted_once_and_says_what_became_of_it() -> None:
    looked = 0
    for folder in sorted(EXAMPLES.iterdir()):
        for verdict, records in read(folder):
            path = Path(verdict.path)
            if path.name in ("message_feedback.json", "model_comparisons.json"):
                assert verdict.records == len(json.loads(path.read_text("utf-8"))) > 0
                assert len({record.bytes for record in records}) == verdict.records
                assert not any(isinstance(record, Turn) for record in records)
                looked += 1
    assert looked == 2


def _size(folder: Path, member: str) -> int:
    """A zip in a folder is a root of its own, and its members are named from there."""
    path = folder / member
    return size_of(path, member) if path.is_file() else size_of(next(folder.glob("*.zip")), member)


def test_the_words_of_a_turn_stand_in_its_bytes(alone) -> None:
    looked = 0
    for path, _, records in alone:
        turns = [record for record in records if isinstance(record, Turn)]
        files = {member: plain_bytes(path, member) for member in {turn.member for turn in turns}}
        for turn in turns:
            data = files[turn.member]
            if data is None:  # Parquet: a row number
                continue
            held = data[slice(*turn.bytes)]
            held.decode()  # a place never begins or ends inside a character
            assert all(word in held for word in words_of(turn)), f"{path}: a turn whose words lie elsewhere"
            looked += 1
    assert looked > 15_000


def test_no_line_is_passed_over_in_silence(alone) -> None:
    for path, verdict, records in alone:
        if verdict.verdict == "refused" or path.suffix not in LINED or not records:
            continue
        data = plain_bytes(path, records[0].member)
        assert data is not None
        header = {0} if path.suffix in (".csv", ".tsv") else set()
        assert set(silent_lines(data, records)) <= header, (
            f"{path}: a line that gave nothing and was not counted"
        )


def test_reading_again_says_the_same(alone) -> None:
    for path, verdict, records in alone:
        if EXAMPLES in path.parents:
            assert (verdict, records) in read(path)
