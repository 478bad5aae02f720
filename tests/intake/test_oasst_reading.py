"""OpenAssistant trees: nested, flat, seed; ranks as pairs."""

import gzip
import io
import json
from collections import Counter
from pathlib import Path

import pytest

from witting.intake.sets.oasst import SOURCE
from witting.intake.source import Export, Member, Skipped, Turn

DATA = Path(__file__).parents[3] / "shared" / "data" / "interactions-dev" / "oasst"
PUBLISHED = pytest.mark.skipif(not DATA.exists(), reason="the shared data set is not beside this checkout")


def member(path, data):
    return Member(path, len(data), lambda: io.BytesIO(data))


def read(data, path="trees.jsonl"):
    only = member(path, data)
    assert SOURCE.claims(only, only.head())
    return list(SOURCE.read(Export((only,), {path: only}, "0")))


def turns(records):
    return {record.turn: record for record in records if isinstance(record, Turn)}


def skipped(records):
    return Counter(record.reason for record in records if isinstance(record, Skipped))


def message(turn, role, text, *replies, **other):
    return {
        "message_id": turn,
        "parent_id": None,
        "text": text,
        "role": role,
        "replies": list(replies),
        **other,
    }


TREE = message(
    "p", "prompter", "a tree? é",
    message("a", "assistant", "Oak", rank=1),
    message("b", "assistant", "Elm", message("q", "prompter", "why?"), rank=0, emojis={"+1": 2, "_skip_reply": 1}),
    message("c", "assistant", "Elm", rank=2),
    message("d", "assistant", "gone", deleted=True, rank=3),
    user_id="u-1",
)  # fmt: skip


@PUBLISHED
def test_the_published_trees_are_read_whole():
    data = (DATA / "en_100_message.jsonl.gz").read_bytes()
    plain = gzip.decompress(data)
    records = read(data, "en_100_message.jsonl.gz")
    assert len(records) == 1167 == len(turns(records))
    assert len({turn.conversation for turn in turns(records).values()}) == 100
    for turn in list(turns(records).values())[::50]:
        assert json.loads(plain[turn.bytes[0] : turn.bytes[1]])["message_id"] == turn.turn
    assert sum(s.kind == "preference" for t in turns(records).values() for s in t.signals) > 700


@PUBLISHED
def test_the_published_seed_file_is_read_as_its_trees():
    records = read((DATA / "realistic_seed_data.json").read_bytes(), "seed.json")
    assert len(records) == 444
    assert sum(turn.parent is None for turn in turns(records).values()) == 74
    assert len({turn.conversation for turn in turns(records).values()}) == 74


@pytest.mark.parametrize("line", [TREE, {"message_tree_id": "p", "tree_state": "x", "prompt": TREE}])
def test_ranks_become_pairs_of_what_compares_and_the_best_way_down_is_active(line):
    records = read(json.dumps(line, ensure_ascii=False).encode())
    shown = turns(records)
    assert list(shown) == ["p", "a", "b", "q", "c"]
    assert {turn for turn in shown if shown[turn].on_active_path} == {"p", "b", "q"}
    pairs = {
        (s.value["chosen"], s.value["rejected"])
        for t in shown.values()
        for s in t.signals
        if s.kind == "preference"
    }
    assert pairs == {("b", "a"), ("a", "c")}  # b and c say the same
    assert [s.value for s in shown["b"].signals if s.kind == "reaction"] == ["+1"]
    assert (shown["p"].speaker, shown["q"].speaker, shown["a"].speaker) == (
        "u-1",
        "unknown-account",
        "assistant",
    )
    assert skipped(records) == {"deleted": 1}
    assert {turn.conversation for turn in shown.values()} == {"p"}


def test_every_message_points_at_its_own_bytes():
    data = json.dumps(TREE, ensure_ascii=False, indent=None).encode()
    for turn in turns(read(data)).values():
        assert json.loads(data[turn.bytes[0] : turn.bytes[1]])["message_id"] == turn.turn


def test_flat_lines_of_one_tree_are_linked():
    rows = [
        {"message_id": "p", "parent_id": None, "message_tree_id": "p", "role": "prompter", "text": "hi"},
        {"message_id": "a", "parent_id": "p", "message_tree_id": "p", "role": "assistant", "text": "yo"},
        {"message_id": "x", "parent_id": None, "message_tree_id": "x", "role": "prompter", "text": "else"},
    ]
    lines = [json.dumps(row) for row in rows]
    records = read("\n".join([lines[0], "{broken", *lines[1:]]).encode())
    assert [(t.turn, t.parent, t.conversation) for t in turns(records).values()] == [
        ("p", None, "p"),
        ("a", "p", "p"),
        ("x", None, "x"),
    ]
    assert skipped(records) == {"broken_json": 1}


def test_bad_messages_are_quarantined_inside_a_tree_that_is_read():
    tree = message("p", "prompter", "hi", 7, message("a", "assistant", None), message("b", "assistant", "yo"))
    records = read(json.dumps(tree).encode() + b'\n{"role": "prompter"}\n')
    assert set(turns(records)) == {"p", "b"}
    assert skipped(records) == {"broken_message": 2, "unknown_shape": 1}


def test_a_tree_too_deep_to_read_is_a_bad_record():
    deep = b'{"message_id":"a","role":"prompter","text":"x","replies":[' * 3000 + b"]}" * 3000
    assert skipped(read(deep)) == {"nested_too_deep": 1}
