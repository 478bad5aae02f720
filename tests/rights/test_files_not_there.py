"""What the commands of `witting rights` say of a file or folder that is not there: wrong usage, and which one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import Said
from witting.workspace import Workspace

Run = Callable[..., Said]


@pytest.mark.parametrize("words", [("assess", "no.toml"), ("packs", "no.toml")])
def test_a_file_that_is_not_there_is_wrong_usage(
    tmp_path: Path, witting_here: Run, words: tuple[str, str]
) -> None:
    Workspace.create(tmp_path / "workspace")
    told = witting_here("rights", words[0], tmp_path / words[1], "--workspace", tmp_path / "workspace")
    assert told.code == 2
    assert f"there is no file {tmp_path / words[1]}" in told.err


def test_deciding_names_the_table_or_the_folder_that_is_not_there(tmp_path: Path, witting_here: Run) -> None:
    there = tmp_path / "there.parquet"
    there.write_bytes(b"")
    as_of = ("--purpose", "fine_tune_own_model", "--as-of", "2026-11-24T12:00:00+00:00")
    for turns, events, out, missing in (
        ("no.parquet", there, "out.parquet", "no.parquet"),
        (there, "no.parquet", "out.parquet", "no.parquet"),
        (there, there, "nodir/out.parquet", "nodir"),
    ):
        places = ("--turns", tmp_path / turns, "--events", tmp_path / events, "--out", tmp_path / out)
        told = witting_here("rights", "decide", *places, *as_of)
        assert told.code == 2
        assert str(tmp_path / missing) in told.err
