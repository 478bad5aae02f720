"""Research sets by their shape: who speaks, which answers compare, what is rated; the same from JSON and from Parquet."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from witting.intake import FileVerdict, Skipped, Turn, admit

DATA = Path(__file__).parents[3] / "shared" / "data" / "interactions-dev"


def turn(role: str, content: str, **more) -> dict:
    return {"role": role, "content": content, **more}


SHAREGPT = {"id": "c1", "conversations": [
    {"from": "gpt", "value": "Hello"}, {"from": "human", "value": "hi"}, {"from": "human", "value": "there?"},
    {"from": "function_call", "value": "{}"}, {"from": "gpt", "value": "yes"},
]}  # fmt: skip
LMSYS = {"conversation_id": "c1", "model": "m", "conversation": [turn("user", "hi"), turn("assistant", "yo")], "turn": 1, "language": "English", "redacted": False}  # fmt: skip
WILDCHAT = {"conversation_hash": "h1", "model": "m", "timestamp": "2024-05-01 10:00:00+00:00", "conversation": [
    turn("user", "hi", hashed_ip="SECRETIP", header={"user-agent": "SECRETUA"}, country="France", timestamp=None, toxic=False),
    turn("assistant", "yo", hashed_ip=None, header=None, country=None, timestamp="2024-05-01 10:00:03+00:00", toxic=False),
]}  # fmt: skip
VOTE = {"question_id": "q1", "judge": "arena_user_1", "winner": "model_b", "tstamp": 1_700_000_000.5,
        "conversation_a": [turn("user", "hi"), turn("assistant", "a")], "conversation_b": [turn("user", "hi"), turn("assistant", "b")]}  # fmt: skip
ULTRA = {"source": "s", "instruction": "name a tree", "completions": [
    {"model": "x", "response": "Oak", "overall_score": 1, "annotations": {"helpfulness": {"Rating": "5", "Rationale": "r"}, "honesty": {"Rating": "4", "Rationale": "r"}}},
    {"model": "y", "response": "Elm", "overall_score": 9, "annotations": {"helpfulness": {"Rating": "2", "Rationale": "r"}, "honesty": {"Rating": "N/A", "Rationale": "r"}}},
]}  # fmt: skip
SHAPES = {"sharegpt": SHAREGPT, "lmsys": LMSYS, "arena_votes": VOTE, "ultrafeedback": ULTRA}


def write(path: Path, *records: dict) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(records)), path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(list(records)))
    else:
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def read(path: Path) -> tuple[list[Turn], list[Skipped], FileVerdict]:
    found = list(admit([path], text_chars_max=10_000))
    *_, verdict = found
    assert isinstance(verdict, FileVerdict)
    assert verdict.records == verdict.turns + sum(verdict.skipped.values())
    return [t for t in found if isinstance(t, Turn)], [s for s in found if isinstance(s, Skipped)], verdict


def signals(turn: Turn) -> list[tuple]:
    return [(signal.kind, signal.value) for signal in turn.signals]


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
@pytest.mark.parametrize("source", SHAPES)
def test_a_set_is_known_by_its_shape_in_every_format(tmp_path: Path, source: str, suffix: str) -> None:
    turns, skipped, verdict = read(write(tmp_path / f"x{suffix}", SHAPES[source]))
    assert (verdict.source, verdict.verdict) == (source, "read")
    assert len(turns) >= 2
    assert all(entry.record is None for entry in skipped)


def test_sharegpt_keeps_roles_that_do_not_alternate(tmp_path: Path) -> None:
    turns, skipped, _ = read(write(tmp_path / "x.jsonl", SHAREGPT))
    assert [(t.role, t.text, t.parent) for t in turns] == [
        ("assistant", "Hello", None), ("user", "hi", "0"), ("user", "there?", "1"), ("assistant", "yes", "2"),
    ]  # fmt: skip
    assert [entry.reason for entry in skipped] == ["tool_message"]


def test_wildchat_gives_times_and_never_addresses(tmp_path: Path) -> None:
    turns, _, _ = read(write(tmp_path / "x.jsonl", WILDCHAT))
    assert [t.time for t in turns] == ["2024-05-01T10:00:00+00:00", "2024-05-01T10:00:03+00:00"]
    assert "SECRET" not in repr(turns)
    assert {t.speaker for t in turns} == {"unknown-account", "assistant"}


def test_a_vote_on_one_question_prefers_and_a_tie_does_not(tmp_path: Path) -> None:
    turns, _, _ = read(write(tmp_path / "x.jsonl", VOTE))
    assert [(t.turn, t.parent, t.on_active_path) for t in turns] == [("a0", None, True), ("a1", "a0", False), ("b1", "a0", True)]  # fmt: skip
    assert signals(turns[2]) == [("preference", {"chosen": "b1", "rejected": "a1"})]
    assert turns[0].speaker == "arena_user_1"
    turns, _, _ = read(write(tmp_path / "tie.jsonl", VOTE | {"winner": "tie"}))
    assert [signals(t) for t in turns] == [[], [], []]


def test_a_vote_on_whole_conversations_rates_them(tmp_path: Path) -> None:
    longer = [*VOTE["conversation_b"], turn("user", "more"), turn("assistant", "bb")]
    turns, _, _ = read(write(tmp_path / "x.jsonl", VOTE | {"conversation_b": longer}))
    assert {t.turn: signals(t) for t in turns if t.signals} == {"b3": [("rating", 1)], "a1": [("rating", 0)]}


def test_ultrafeedback_trusts_the_aspects_not_the_overall_score(tmp_path: Path) -> None:
    turns, _, _ = read(write(tmp_path / "x.jsonl", ULTRA))
    assert signals(turns[1]) == [("rating", 4.5), ("preference", {"chosen": "a0", "rejected": "a1"})]
    assert signals(turns[2]) == [("rating", 2.0)]
    near = json.loads(json.dumps(ULTRA).replace('"2"', '"4"'))
    turns, _, _ = read(write(tmp_path / "near.jsonl", near))
    assert [kind for t in turns for kind, _ in signals(t)] == ["rating", "rating"]


@pytest.mark.parametrize("odd", ["²", "1" * 400, "nan", "inf", "-", ".", True, None, {"a": 1}])
def test_a_rating_that_is_no_number_rates_nothing(tmp_path: Path, odd: object) -> None:
    completions = [{"response": "Oak", "annotations": {"help": {"Rating": odd}}}, ULTRA["completions"][1]]
    turns, _, verdict = read(write(tmp_path / "x.jsonl", {**ULTRA, "completions": completions}))
    assert (verdict.verdict, verdict.turns) == ("read", 3)
    assert [signals(turn) for turn in turns] == [[], [], [("rating", 2)]]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_trl_prompts_with_a_label_are_thumbs(tmp_path: Path, suffix: str) -> None:
    records = [{"prompt": "name a tree", "completion": "Oak", "label": True}, {"prompt": "a, \"b\"\nc", "completion": "x", "label": False}]  # fmt: skip
    path = tmp_path / f"x{suffix}"
    if suffix == ".csv":
        path.write_text('prompt,completion,label\nname a tree,Oak,true\n"a, ""b""\nc",x,False\n')
    else:
        write(path, *records)
    turns, _, verdict = read(path)
    assert verdict.source == "trl"
    assert [(t.role, t.text) for t in turns] == [
        ("user", "name a tree"), ("assistant", "Oak"), ("user", 'a, "b"\nc'), ("assistant", "x"),
    ]  # fmt: skip
    assert [signals(t) for t in turns] == [[], [("thumb", 1)], [], [("thumb", -1)]]


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "hi", "chosen": "good", "rejected": "bad"},
        {"prompt": [turn("user", "hi")], "chosen": [turn("assistant", "good")], "rejected": [turn("assistant", "bad")]},
        {"chosen": [turn("user", "hi"), turn("assistant", "good")], "rejected": [turn("user", "hi"), turn("assistant", "bad")]},
        {"prompt": [turn("user", "hi")], "chosen": [turn("user", "hi"), turn("assistant", "good")], "rejected": [turn("user", "hi"), turn("assistant", "bad")]},
    ],
)  # fmt: skip
def test_trl_pairs_in_every_spelling(tmp_path: Path, record: dict) -> None:
    turns, _, verdict = read(write(tmp_path / "x.jsonl", record))
    assert verdict.source == "trl"
    assert [(t.role, t.text) for t in turns] == [("user", "hi"), ("assistant", "good"), ("assistant", "bad")]
    assert signals(turns[1]) == [("preference", {"chosen": "1", "rejected": "rejected"})]


def test_pairs_that_do_not_answer_the_same_are_kept_as_bad_records(tmp_path: Path) -> None:
    one, other = [turn("user", "hi"), turn("assistant", "a")], [turn("user", "ho"), turn("assistant", "b")]
    turns, skipped, _ = read(write(tmp_path / "x.jsonl", {"chosen": one, "rejected": other}))
    assert turns == []
    assert [(entry.reason, entry.record is not None) for entry in skipped] == [("no_common_prompt", True)]


def test_openai_shapes_stay_openais(tmp_path: Path) -> None:
    messages = [turn("user", "hi"), turn("assistant", "yo")]
    assert read(write(tmp_path / "a.jsonl", {"messages": messages}))[2].source == "openai_log"
    assert read(write(tmp_path / "b.parquet", {"messages": messages}))[2].source == "trl"


def test_the_published_sample_is_read_whole() -> None:
    _, skipped, verdict = read(DATA / "fastchat" / "sharegpt_dummy_conversation.json")
    assert (verdict.source, verdict.turns, skipped) == ("sharegpt", verdict.records, [])
