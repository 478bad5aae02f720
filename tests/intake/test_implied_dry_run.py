"""A dry run says what people's words imply, too."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import witting
from witting.intake import admit

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


def dry(path: Path, out: Path) -> tuple[list[dict], dict]:
    done = witting("intake", path, "--dry-run", "--turns", out, "--json")
    assert done.code == 0
    (file,) = json.loads(done.out)["files"]
    return [json.loads(line)["signals"] for line in out.read_text("utf-8").splitlines()], file


def test_what_a_dry_run_implied_is_read_back_as_nothing_and_implied_once(tmp_path: Path) -> None:
    log, first, again = (tmp_path / name for name in ("log.jsonl", "first.jsonl", "again.jsonl"))
    messages = [{"role": role, "content": text} for role, text in SAID[:2]]
    line = {"metadata": {"conversation_id": "c", "user_id": "ana"}}
    spoken = [{"role": role, "content": text} for role, text in SAID]
    liked = {"messages": messages, "feedback": {"thumb": 1}, **line}
    log.write_text("".join(json.dumps(one) + "\n" for one in (liked, {"messages": spoken, **line})), "utf-8")
    told, _ = dry(log, first)
    back, file = dry(first, again)
    assert [[signal["kind"] for signal in signals] for signals in told] == [[], ["thumb", "objected"], []]
    assert back == told
    assert (file["source"], file["signals"]) == ("turns", 1)


def test_a_file_cannot_say_what_words_imply(tmp_path: Path) -> None:
    turn = {"conversation": "c", "turn": "a", "parent": "q", "speaker": "assistant", "role": "assistant", "time": None,
            "text": SAID[1][1], "audience": "assistant", "source": "openai_log"}  # fmt: skip
    signals = [
        {"kind": "rephrased", "rule": "recorded/1", "evidence": {"turn": "q2", "start": 0, "end": 3}},
        {"kind": "thumb", "value": 1, "rule": "objected/1"},
        {"kind": "thumb", "value": -1, "rule": "recorded/1", "confidence": 0.2},
    ]
    forged = tmp_path / "forged.jsonl"
    forged.write_text(json.dumps({**turn, "signals": signals}) + "\n", "utf-8")
    read, verdict = admit([forged], text_chars_max=1_000)
    assert [(one.kind, one.value, one.confidence) for one in read.signals] == [("thumb", -1, 1.0)]
    assert verdict.signals == 1
