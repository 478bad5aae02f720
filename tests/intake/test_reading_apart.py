"""Reading in another process gives what reading here gives."""

import json
import pickle
from pathlib import Path

import pytest

from witting.errors import UnreadableFile, UsageError
from witting.intake import admit, apart
from witting.intake.detect import with_mappings


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(apart, "APART_BYTES_MIN", 1)
    path = tmp_path / "log.jsonl"
    lines = [{"user": "u", "messages": [{"role": "user", "content": f"hi {n}"}]} for n in range(4_500)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines) + "{broken\n")
    return path


def test_the_stream_is_the_same_and_in_the_same_order(log: Path) -> None:
    here = list(admit([log], text_chars_max=1_000))
    assert list(apart.admit_apart(log, source=None, text_chars_max=1_000)) == here
    assert len(here) == 4_502  # turns, the broken line, the verdict


def test_errors_of_the_reader_are_raised_here(log: Path) -> None:
    with pytest.raises(UsageError, match="no source"):
        list(apart.admit_apart(log, source="nowhere", text_chars_max=1_000))


def test_a_reader_that_dies_is_no_short_file(log: Path) -> None:
    records = apart.admit_apart(log, source=None, text_chars_max=1_000)
    next(records)
    (child,) = apart.multiprocessing.active_children()
    child.kill()
    with pytest.raises(UnreadableFile, match="died"):
        for _ in records:
            pass


def test_who_stops_reading_leaves_no_process_behind(log: Path) -> None:
    records = apart.admit_apart(log, source=None, text_chars_max=1_000)
    next(records)
    records.close()
    assert apart.multiprocessing.active_children() == []


def test_every_reader_there_is_can_be_sent_to_another_process(log: Path) -> None:
    """Large files are read with all of them: one that cannot be sent would stop every large file."""
    readers = with_mappings([], date_order="dmy")
    sent = pickle.loads(pickle.dumps(readers))
    assert [reader.name for reader in sent] == [reader.name for reader in readers]
    here = list(admit([log], text_chars_max=1_000))
    assert list(apart.admit_apart(log, source=None, text_chars_max=1_000, sources=readers)) == here
