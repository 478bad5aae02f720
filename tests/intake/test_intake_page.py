"""The page of `witting intake`: reasons in words, numbers that add up, names that no terminal obeys, narrow screens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from witting.doors.cli import main

LINES = [
    {"user": "u", "messages": [
        {"role": "user", "content": "Where is the tallest tree?"},
        {"role": "assistant", "content": "Beside the pond."},
        {"role": "user", "content": "No, that is wrong. Thank you anyway \N{DECIDUOUS TREE}"},
        {"role": "tool", "content": "x"},
    ]},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    log = "".join(json.dumps(line) + "\n" for line in LINES) + '{"broken\n'
    (tmp_path / "in" / "log.jsonl").write_text(log, "utf-8")
    (tmp_path / "in" / "WhatsApp Chat with Bo.txt").write_text(
        "01/02/2024, 21:12 - Ana: hi\n01/02/2024, 21:13 - Bo: hello\n", "utf-8"
    )
    (tmp_path / "in" / "evil\x1b[2J\nname.md").write_text("# notes", "utf-8")
    return tmp_path / "in"


def page(capsys: pytest.CaptureFixture, *words: str | Path) -> str:
    capsys.readouterr()
    assert main(["intake", *map(str, words), "--dry-run", "--quiet"]) == 0
    return capsys.readouterr().out


def test_reasons_come_with_words_and_the_numbers_add_up(folder: Path, capsys: pytest.CaptureFixture) -> None:
    said = page(capsys, folder)
    for expected in (
        "1 file, ambiguous_date_order: Day and month cannot be told apart",
        "--date-order",
        "tool_message: What a tool answered.",
        "broken_json: The record is not whole JSON.",
    ):
        assert expected in said
    lines = said.splitlines()
    assert lines[0].split() == [
        "source",
        "verdict",
        "records",
        "turns",
        "signals",
        "skipped",
        "set",
        "aside",
        "file",
    ]
    (total,) = [line.split() for line in lines if line.startswith("all")]
    assert total == ["all", "5", "3", "0", "1", "1", "3", "files"]


def test_no_name_of_a_file_reaches_the_terminal_raw(folder: Path, capsys: pytest.CaptureFixture) -> None:
    said = page(capsys, folder)
    assert "\x1b" not in said
    assert "evil\\x1b[2J\\nname.md" in said


def test_a_narrow_screen_gets_narrow_lines(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.chdir(folder.parent)
    assert max(map(len, page(capsys, "in").splitlines())) <= 60
    capsys.readouterr()
    assert main(["intake", "preview", "in/log.jsonl", "--quiet"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_signals_in_the_turns_file_are_accounted_for(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / "t.jsonl"
    said = page(capsys, folder / "log.jsonl", "--turns", out)
    written = sum(len(json.loads(line)["signals"]) for line in out.read_text("utf-8").splitlines())
    assert written > 0
    assert f"{written} signal" in said


def test_a_word_meant_as_a_command_is_recognised(capsys: pytest.CaptureFixture) -> None:
    assert main(["intake", "preveiw", "x"]) == 2
    assert "witting intake preview" in capsys.readouterr().err


def test_a_terminal_that_is_not_utf8_gets_what_it_can_show(folder: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    tree = folder / "\N{DECIDUOUS TREE}.jsonl"
    (folder / "log.jsonl").rename(tree)
    for words in (
        ("intake", tree, "--dry-run"),
        ("intake", tree, "--dry-run", "--json"),
        ("intake", "preview", tree),
    ):
        command = [sys.executable, "-m", "witting", *map(str, words)]
        done = subprocess.run(command, capture_output=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        assert b"U0001f333" in done.stdout or b"ud83c" in done.stdout


def test_stopping_a_preview_says_that_nothing_was_stored(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("witting.doors.cli.preview.who_speaks", stop)
    assert main(["intake", "preview", str(folder)]) == 1
    assert "Nothing was stored" in capsys.readouterr().err
