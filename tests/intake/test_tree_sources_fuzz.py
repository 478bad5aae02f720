"""Every reader of this half on damaged input: no crash but our own errors, the same records twice, sound turns."""

import io
import json
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.test_sets_reading import SHAPES
from witting.errors import InputError
from witting.intake import assistants, logs, sets
from witting.intake.source import Export, Member, Skipped, Turn
from witting.schema import AUDIENCES, ROLES, SIGNAL_KINDS

FAMILIES = (assistants, logs, sets)
TRACES = ("langfuse", "tensorzero", "openpipe", "otel")  # test_traces_reading.py has theirs
SOURCES = {
    source.name: source for family in FAMILIES for source in family.SOURCES if source.name not in TRACES
}
SAID = {
    "author": {"role": "user"},
    "content": {"content_type": "text", "parts": ["hi"]},
    "create_time": 1.5,
    "status": "finished_successfully",
}
ANSWER = {
    **SAID,
    "author": {"role": "assistant"},
    "metadata": {"model_slug": "m", "finish_details": {"type": "stop"}},
}
SAMPLES = {
    "chatgpt": {
        "conversations.json": [
            {"id": "c", "current_node": "b", "mapping": {
                "u": {"id": "u", "parent": None, "children": ["a", "b"], "message": SAID},
                "a": {"id": "a", "parent": "u", "children": [], "message": ANSWER},
                "b": {"id": "b", "parent": "u", "children": [], "message": {**ANSWER, "content": {"content_type": "text", "parts": ["yo", {"text": "x"}]}}},
            }}],
        "message_feedback.json": [{"id": "b", "conversation_id": "c", "rating": "thumbs_up", "content": '{"tags": ["x"], "text": "y"}'}],
        "user.json": {"id": "u-1", "email": "e", "chatgpt_plus_user": True},
    },
    "claude": {
        "conversations.json": [
            {"uuid": "c", "account": {"uuid": "u"}, "chat_messages": [
                {"uuid": "1", "sender": "human", "text": "hi", "created_at": "2025-01-01T00:00:00Z", "parent_message_uuid": None},
                {"uuid": "2", "sender": "assistant", "text": "", "content": [{"type": "thinking"}, {"type": "text", "text": "yo"}], "parent_message_uuid": "1"},
                {"uuid": "3", "sender": "assistant", "text": "no", "attachments": [{}], "parent_message_uuid": "1"},
            ]}],
        "users.json": [{"uuid": "u", "full_name": "x", "email_address": "y"}],
    },
    "open_webui": {
        "chats.json": [
            {"id": "c", "user_id": "u", "chat": {"models": ["m"], "history": {"currentId": "b", "messages": {
                "p": {"id": "p", "parentId": None, "role": "user", "content": "hi", "timestamp": 1700000000},
                "a": {"id": "a", "parentId": "p", "role": "assistant", "content": [{"text": "x"}], "model": "m", "done": True},
                "b": {"id": "b", "parentId": "p", "role": "assistant", "content": '<details type="reasoning">x</details>yo', "annotation": {"rating": 1, "comment": "c"}},
            }}}}],
        "feedback.json": [
            {"id": "f", "user_id": "u", "type": "rating", "data": {"rating": "1", "sibling_model_ids": ["m"], "reason": "good"},
             "meta": {"chat_id": "c", "message_id": "b"}, "snapshot": {"chat": {"id": "c", "chat": {"history": {"messages": {}}}}}}],
    },
    "grok": {
        "prod-grok-backend.json": {"conversations": [
            {"conversation": {"conversation_id": "c", "user_id": "u", "leaf_response_id": "b"}, "responses": [
                {"response": {"response_id": "p", "sender": "human", "message": "hi", "create_time": {"$date": {"$numberLong": "1737381600000"}}}},
                {"response": {"response_id": "a", "sender": "ASSISTANT", "message": "yo", "parent_response_id": "p", "thinking_trace": "x"}},
                {"response": {"response_id": "b", "sender": "ASSISTANT", "message": "hey", "parent_response_id": "p", "file_attachments": ["f"]}},
            ]}]},
    },
    "librechat": {
        "tree.json": {"conversationId": "c", "messages": [
            {"messageId": "p", "parentMessageId": "00000000-0000-0000-0000-000000000000", "isCreatedByUser": True, "text": "hi", "user": "u", "children": [
                {"messageId": "a", "parentMessageId": "p", "isCreatedByUser": False, "text": "yo", "feedback": {"rating": "thumbsUp", "tag": {"key": "x"}}, "children": []},
                {"messageId": "b", "isCreatedByUser": False, "content": [{"type": "text", "text": {"value": "hey"}}, {"type": "think"}], "children": []},
            ]}]},
    },
    "openai_log": {
        "log.jsonl": [
            {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo", "weight": 0}], "user": "u", "metadata": {"conversation_id": "c", "created": 1}, "feedback": {"thumb": 1, "comment": "x", "rating": 3}},
            {"request": {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}, "response": {"choices": [{"message": {"role": "assistant", "content": "yo"}}], "created": 5}},
            {"input": {"messages": [{"role": "user", "content": "hi"}]}, "preferred_output": [{"role": "assistant", "content": "a"}], "non_preferred_output": [{"role": "assistant", "content": "b"}]},
        ],
    },
    "oasst": {
        "trees.jsonl": [
            {"message_id": "p", "role": "prompter", "text": "hi", "parent_id": None, "replies": [
                {"message_id": "a", "role": "assistant", "text": "x", "rank": 1, "replies": []},
                {"message_id": "b", "role": "assistant", "text": "y", "rank": 0, "emojis": {"+1": 1}, "labels": {"quality": {"value": 0.5}}, "replies": []},
            ]}],
        "seed.json": [
            {"user_message_id": "p2", "parent_message_id": None, "role": "prompter", "text": "hi"},
            {"user_message_id": "a2", "parent_message_id": "p2", "role": "assistant", "text": "yo"}],
    },
    "hh_rlhf": {"pairs.jsonl": [{"chosen": "\n\nHuman: hi\n\nAssistant: a", "rejected": "\n\nHuman: hi\n\nAssistant: b"}]},
    "taskmaster": {
        "data.json": [{"conversation_id": "d", "utterances": [{"speaker": "user", "text": "x"}, {"speaker": "assistant", "text": "y"}]}],
        "reward.json": [{"conversation_id": "e", "context": '[{"role": "user", "text": "x"}]', "generation": '{"role": "agent", "text": "y"}', "reward": 1.0}],
    },
}  # fmt: skip
SAMPLES |= {name: {"records.jsonl": [record]} for name, record in SHAPES.items()}
SAMPLES["trl"] = {
    "pairs.jsonl": [
        {"prompt": "hi", "chosen": [{"role": "assistant", "content": "a"}], "rejected": "b"},
        {"prompt": "hi", "completion": "a", "label": True},
    ]
}
WITHOUT_FEEDBACK = ("hh_rlhf", "taskmaster", "oasst", "claude", "lmsys", "sharegpt")
ODD = st.sampled_from(
    [
        None,
        True,
        0,
        -1,
        1e400,
        10**30,
        "",
        "p",
        "a",
        "\ud800",
        "x" * 600,
        [],
        {},
        [[]],
        {"p": {}},
        [None],
        "1e9",
    ]
)


@st.composite
def mutated(draw, value):
    """The value with a few of its parts replaced by something that does not belong there."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(0, 4))):
        here = value
        while isinstance(here, (dict, list)) and here:
            key = draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
            inner = here[key]
            if not (isinstance(inner, (dict, list)) and inner) or draw(st.integers(0, 4)) == 0:
                here[key] = deepcopy(draw(ODD))
                break
            here = inner
    return value


@st.composite
def damaged(draw, name, value):
    """The file's bytes: mutated values, sometimes with bytes changed or the end cut off."""
    value = draw(mutated(value))
    lined = name.endswith(".jsonl") and isinstance(value, list)
    data = bytearray("\n".join(map(json.dumps, value)).encode() if lined else json.dumps(value).encode())
    for _ in range(draw(st.integers(0, 2))):
        if data:
            data[draw(st.integers(0, len(data) - 1))] = draw(st.sampled_from(b'\x00\xff"\\[]{},: 1a\n'))
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 4)) == 0 else data)


def member(path, data):
    return Member(path, len(data), lambda: io.BytesIO(data))


def records_of(source, files, claimed):
    try:
        return list(source.read(Export(claimed, files, "0")))
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("name", SOURCES)
@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_damaged_files_give_sound_records_or_our_own_error(name, data):
    source = SOURCES[name]
    files = {path: member(path, data.draw(damaged(path, value))) for path, value in SAMPLES[name].items()}
    for one in files.values():
        source.claims(one, one.head())
    claimed = tuple(
        files[path] for path in sorted(files)
    )  # a caller may force the source: claims are not a guard
    records = records_of(source, files, claimed)
    assert records == records_of(source, files, claimed)
    if isinstance(records, str):
        return
    told = set()
    for record in records:
        size = files[record.member].size_bytes
        assert 0 <= record.bytes[0] <= record.bytes[1] <= size
        if isinstance(record, Skipped):
            assert record.reason.isidentifier()
            assert record.reason == record.reason.lower()
            continue
        assert isinstance(record, Turn)
        assert record.role in ROLES
        assert record.audience in AUDIENCES
        assert record.source == name
        assert record.text is not None
        assert record.text.strip()
        assert (record.conversation, record.turn) not in told
        told.add((record.conversation, record.turn))
        for text in (record.text, record.conversation, record.turn, record.speaker, record.parent or ""):
            text.encode()
        for signal in record.signals:
            assert signal.kind in SIGNAL_KINDS
            json.dumps(signal.value, allow_nan=False).encode()


@pytest.mark.parametrize("name", SOURCES)
def test_the_samples_themselves_are_claimed_and_read(name):
    files = {path: member(path, _dump(path, value)) for path, value in SAMPLES[name].items()}
    assert all(SOURCES[name].claims(one, one.head()) for one in files.values())
    records = records_of(SOURCES[name], files, tuple(files[path] for path in sorted(files)))
    assert sum(isinstance(record, Turn) for record in records) >= 2
    assert name in WITHOUT_FEEDBACK or any(record.signals for record in records if isinstance(record, Turn))


def _dump(path, value):
    return (
        "\n".join(map(json.dumps, value)).encode() if path.endswith(".jsonl") else json.dumps(value).encode()
    )


@pytest.mark.parametrize("name", SOURCES)
def test_no_source_claims_the_files_of_another(name):
    for other, files in SAMPLES.items():
        for path, value in files.items():
            if other != name:
                one = member(path, _dump(path, value))
                assert not SOURCES[name].claims(one, one.head()), (name, other, path)
