"""A dry run says what people's words imply, too."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import witting

SAID = [
    ("user", "Where is the tallest tree of the park?"),
    ("assistant", "It stands beside the pond."),
    ("user", "No, that is wrong. The one at the pond fell."),
]


def test_turns_of_a_dry_run_carry_what_the_next_words_imply(tmp_path: Path) -> None:
    log, out = tmp_path / "log.jsonl", tmp_path / "turns.jsonl"
    messages = [{"role": role, "content": text} for role, text in SAID]
    log.write_text(json.dumps({"messages": messages, "user": "ana"}) + "\n", "utf-8")
    done = witting("intake", log, "--dry-run", "--turns", out, "--json")
    assert done.code == 0
    turns = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    (signal,) = [signal for turn in turns for signal in turn["signals"]]
    assert (signal["kind"], signal["rule"]) == ("objected", "objected/1")
    assert turns[1]["signals"] == [signal]
