"""A folder that is handed to somebody: whole or not there, its bytes as its hashes say, read back as it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import UsageError
from witting.reports.private_folder import private_folder

HALF = "half an emoji: \ud83d"


@given(rows=st.lists(st.dictionaries(st.text(), st.text(st.characters()) | st.none()), max_size=5))
def test_what_is_written_is_read_back_line_by_line(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    out = tmp_path_factory.mktemp("folder") / "copy"
    rows = [*rows, {"text": HALF}]
    with private_folder(out, outside=out.parent / "workspace") as folder:
        written = folder.lines("rows.jsonl", rows)
        folder.document("one.json", {"text": HALF})
    data = (out / "rows.jsonl").read_bytes()
    assert [json.loads(line) for line in data.decode("utf-8").split("\n")[:-1]] == rows
    assert (written.records, written.bytes) == (len(rows), len(data))
    assert written.sha256 == hashlib.sha256(data).hexdigest()
    assert json.loads((out / "one.json").read_text("utf-8")) == {"text": HALF}


def test_a_fault_in_the_middle_of_a_file_leaves_nothing(tmp_path: Path) -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield {"text": "first"}
        raise RuntimeError

    out = tmp_path / "copy"
    with pytest.raises(RuntimeError), private_folder(out, outside=tmp_path / "workspace") as folder:
        folder.lines("rows.jsonl", rows())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_filled_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    out = tmp_path / "copy"
    out.mkdir()

    def write() -> None:
        with private_folder(out, outside=tmp_path / "workspace") as folder:
            folder.lines("rows.jsonl", [{"text": "ours"}])
            (out / "theirs.txt").write_text("theirs", "utf-8")

    with pytest.raises(OSError, match="not empty"):
        write()
    assert [path.name for path in tmp_path.rglob("*")] == ["copy", "theirs.txt"]


def test_a_refusal_does_not_repeat_the_name_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "mira").mkdir()
    (tmp_path / "mira" / "file").touch()
    for out, outside in ((tmp_path / "mira", tmp_path / "workspace"), (tmp_path / "mira-2", tmp_path)):
        with pytest.raises(UsageError) as refused, private_folder(out, outside=outside):
            pass
        assert "mira" not in str(refused.value)
