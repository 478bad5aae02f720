"""Taskmaster: dialogues and rewards, published and invented."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest

from witting.intake.sets.taskmaster import SOURCE
from witting.intake.source import Export, Member, Skipped, Turn

DATA = Path(__file__).parents[3] / "shared" / "data" / "interactions-dev" / "taskmaster"


def read(data, path="data.json"):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    only = Member(path, len(data), lambda: io.BytesIO(data))
    assert SOURCE.claims(only, only.head())
    return list(SOURCE.read(Export((only,), {}, "0")))


def kinds(records):
    return Counter(record.reason if isinstance(record, Skipped) else record.role for record in records)


@pytest.mark.skipif(not DATA.exists(), reason="the shared data set is not beside this checkout")
def test_the_published_files_are_read_whole():
    assert kinds(read((DATA / "tm4_data_07.json.gz").read_bytes())) == {"user": 394, "assistant": 392}
    records = read((DATA / "tm4_reward_06.json").read_bytes())
    assert kinds(records) == {
        "user": 291,
        "assistant": 354,
        "tool_call": 480,
        "tool_message": 480,
        "rated_call": 165,
    }
    ratings = [s.value for r in records if isinstance(r, Turn) for s in r.signals]
    assert len(ratings) == 63
    assert set(ratings) <= {0.0, 1.0}


def test_a_dialogue_is_a_chain():
    utterances = [
        {"index": 0, "speaker": "USER", "text": "a latte"},
        {"index": 1, "speaker": "assistant", "text": "ok"},
        {"speaker": "ghost", "text": "x"},
    ]
    first, second, ghost = read([{"conversation_id": "d", "utterances": utterances}])
    assert (first.role, first.speaker, second.parent, second.role) == (
        "user",
        "unknown-account",
        "0",
        "assistant",
    )
    assert (ghost.reason, json.loads(ghost.record)["speaker"]) == ("unknown_role", "ghost")


def test_a_reward_is_a_rating_on_the_generated_words_and_calls_are_skipped():
    context = [
        {"role": "user", "text": "a latte"},
        {"role": "agent", "api": {}},
        {"role": "api", "response": {}},
    ]
    row = {"conversation_id": "d", "context": json.dumps(context), "reward": 1.0}
    records = read([{**row, "generation": json.dumps({"role": "agent", "text": "ok"})}])
    assert kinds(records) == {"user": 1, "tool_call": 1, "tool_message": 1, "assistant": 1}
    assert (records[-1].parent, records[-1].signals[0].value) == ("0", 1.0)
    assert kinds(read([{**row, "generation": json.dumps({"role": "agent", "api": {}})}]))["rated_call"] == 1


def test_rows_that_cannot_be_read_are_quarantined():
    good = {
        "conversation_id": "d",
        "context": "[]",
        "generation": '{"role": "agent", "text": "ok"}',
        "reward": 1,
    }
    records = read([good, {**good, "context": "[", "conversation_id": "e"}, {**good, "generation": 5}, 3])
    assert kinds(records) == {"assistant": 1, "broken_json": 1, "no_messages": 2}
