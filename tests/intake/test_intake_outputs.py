"""Files that intake and its preview write: never over what a person has only once, private, whole or not at all."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from witting.doors.cli import main

LOG = (
    json.dumps(
        {
            "user": "u1",
            "metadata": {"conversation_id": "a"},
            "messages": [
                {"role": "user", "content": "name a tree"},
                {"role": "assistant", "content": "Oak"},
                {"role": "user", "content": "and a bush"},
                {"role": "assistant", "content": "Hazel"},
            ],
        }
    )
    + "\n"
)
WRITES = {
    "--out": ("intake", "preview"),
    "--page": ("intake", "preview"),
    "--turns": ("intake", "--dry-run"),
}


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mine" / "log.jsonl"
    path.parent.mkdir()
    path.write_text(LOG, "utf-8")
    return path


def run(*words: str | Path) -> int:
    return main([str(word) for word in words])


@pytest.mark.parametrize("option", WRITES)
def test_what_is_read_is_never_written_to(
    option: str, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    link = tmp_path / "link.jsonl"
    link.symlink_to(log)
    again = tmp_path / "again.jsonl"
    os.link(log, again)
    for out in (log, link, again):
        assert run(*WRITES[option], log, option, out) == 2
        assert option in capsys.readouterr().err
    assert run(*WRITES[option], log.parent, option, log.parent / "new.jsonl") == 2
    assert "lies in" in capsys.readouterr().err
    assert [path.name for path in log.parent.iterdir()] == ["log.jsonl"]
    assert log.read_text("utf-8") == LOG


@pytest.mark.parametrize("option", WRITES)
def test_a_file_that_somebody_else_wrote_is_kept_and_its_own_is_written_anew(
    option: str, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    theirs, own = tmp_path / "letter.txt", tmp_path / "own"
    theirs.write_text("dear diary", "utf-8")
    assert run(*WRITES[option], log, option, theirs) == 2
    assert "letter.txt exists" in capsys.readouterr().err
    assert theirs.read_text("utf-8") == "dear diary"
    own.touch(0o644)
    for _ in range(2):
        assert run(*WRITES[option], log, option, own) == 0
        assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert "Oak" in own.read_text("utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"mine", "letter.txt", "own"}


@pytest.mark.parametrize("option", WRITES)
def test_a_bad_place_is_known_before_anything_is_read(
    option: str, log: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for out in (tmp_path / "nowhere" / "x", tmp_path, log / "x"):
        assert run(*WRITES[option], log, option, out) == 2
        assert option in capsys.readouterr().err


def test_two_outputs_of_one_name_are_refused(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "x.html"
    assert run("intake", "preview", log, "--page", out, "--out", tmp_path / "mine" / ".." / "x.html") == 2
    assert "same file" in capsys.readouterr().err
    assert not out.exists()


def test_a_device_is_written_to_as_it_is(log: Path) -> None:
    assert run("intake", log, "--dry-run", "--turns", "/dev/null") == 0
    assert Path("/dev/null").is_char_device()


def test_a_number_that_is_not_there_leaves_nothing_written(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out, numbers = tmp_path / "out.jsonl", tmp_path / "taken-out.txt"
    numbers.write_text("c1\n\n123456789abc\nfoo\n", "utf-8")
    for wrong, said in (
        ("c9", "c9"),
        ("0123456789ab", "0123456789ab"),
        ("zzz", "zzz"),
        ("taken-uot.txt", "taken-uot.txt"),
        (numbers, "line 4"),
    ):
        assert run("intake", "preview", log, "--leave-out", wrong, "--out", out) == 2
        assert said in capsys.readouterr().err
        assert not out.exists()
    numbers.write_text("c1\n\n123456789abc\n", "utf-8")
    assert run("intake", "preview", log, "--leave-out", numbers, "--out", out) == 2
    said = capsys.readouterr().err
    assert ("123456789abc" in said, "taken-out.txt line 3" in said) == (True, True)
    assert "c1" not in said
    assert [path.name for path in tmp_path.iterdir() if path.suffix not in (".txt", "")] == []


def test_a_list_that_is_an_output_too_is_refused(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    numbers = tmp_path / "taken-out.txt"
    numbers.write_text("c1\n", "utf-8")
    assert run("intake", "preview", log, "--leave-out", numbers, "--out", numbers) == 2
    assert numbers.read_text("utf-8") == "c1\n"
    numbers.write_bytes(b"\xff\xfe\x00")
    assert run("intake", "preview", log, "--leave-out", numbers) == 2
    assert "UTF-8" in capsys.readouterr().err
