"""A walk without anybody's words stops before training; what a workspace was filled under is fixed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from conftest import AS_OF, Said, copy_quickstart


def test_a_walk_with_nobody_to_learn_from_trains_nothing_and_says_so(
    tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    root = tmp_path / "empty"
    assert witting_here("init", root).code == 0
    done = witting_here("run", root)
    assert done.code == 1
    assert "nothing was trained" in done.out
    assert not (root / "adapters").exists()
    assert (root / "reports" / "report.html").is_file()
    assert witting_here("train", "--workspace", root).code == 1


def test_the_number_of_shards_cannot_change_under_people_s_words(
    tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    root = copy_quickstart(tmp_path / "pinned")
    assert witting_here("run", root, "--until", "intake", "--as-of", AS_OF).code == 0
    config = (root / "witting.toml").read_text("utf-8")
    (root / "witting.toml").write_text(config.replace("shards = 4", "shards = 5"), "utf-8")
    again = witting_here("run", root, "--until", "intake", "--as-of", AS_OF)
    assert again.code == 2
    assert "set it back to 4" in again.err
    erased = witting_here("erase", "open_webui:hannah", "--workspace", root, "--yes")
    assert erased.code == 2


def test_a_withdrawal_under_a_handle_that_is_none_is_refused_and_of_a_stranger_is_told(
    tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    root = tmp_path / "w"
    assert witting_here("init", root).code == 0
    assert witting_here("rights", "withdraw", "hannah", "--workspace", root).code == 2
    assert witting_here("rights", "withdraw", "clade:nobody", "--workspace", root).code == 2
    stranger = witting_here("rights", "withdraw", "open_webui:hanna", "--workspace", root)
    assert stranger.code == 0
    assert "NOBODY" in stranger.out


def test_spans_of_a_file_that_is_not_there_are_an_error(
    tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    said = witting_here("redact", tmp_path / "gone.jsonl", "--spans", tmp_path / "out.jsonl")
    assert said.code == 2
