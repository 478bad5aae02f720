"""Claude exports: the published fixtures and invented trees."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest

from witting.intake.assistants.claude import SOURCE
from witting.intake.source import Export, Member, Skipped, Turn

DATA = Path(__file__).parents[3] / "shared" / "data" / "interactions-dev"


def member(path, data):
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return Member(path, len(data), lambda: io.BytesIO(data))


def read(files):
    members = {path: member(path, data) for path, data in files.items()}
    claimed = tuple(m for _, m in sorted(members.items()) if SOURCE.claims(m, m.head()))
    return list(SOURCE.read(Export(claimed, members, "0")))


def turns(records):
    return {record.turn: record for record in records if isinstance(record, Turn)}


def skipped(records):
    return Counter(record.reason for record in records if isinstance(record, Skipped))


def message(uuid, sender, text, **other):
    return {"uuid": uuid, "sender": sender, "text": text, "created_at": "2025-01-01T00:00:00Z", **other}


def export(*messages, **other):
    return [{"uuid": "c1", "name": "", "chat_messages": list(messages), **other}]


@pytest.mark.skipif(not DATA.exists(), reason="the shared data set is not beside this checkout")
@pytest.mark.parametrize(
    ("path", "spoken", "left_out"),
    [
        ("chat-export-structurer/example_anthropic.json", 4, {}),
        ("coherence-mocks/claude_mock_conversations.json", 5, {}),
        ("openwebui-importer-examples/claude_thinking_example.json", 2, {"reasoning_block": 1}),
        ("openwebui-importer-examples/claude_example.json", 10, {"no_text": 547, "empty_conversation": 2}),
        (
            "portable-ai-context/claude_conversation.synthetic.json",
            4,
            {"system_message": 1, "reasoning_block": 1, "tool_block": 1, "attachment": 1},
        ),
    ],
)
def test_the_published_exports_are_read_and_what_is_left_out_is_told(path, spoken, left_out):
    records = read({path: (DATA / path).read_bytes()})
    assert len(turns(records)) == spoken
    assert skipped(records) == left_out
    assert not any("PRIVATE" in str(turn) for turn in turns(records).values())


def test_a_flat_conversation_is_a_chain_with_the_account_as_speaker():
    data = export(message("1", "human", "hi"), message("2", "assistant", "hello"), account={"uuid": "u-1"})
    first, second = turns(read({"conversations.json": data})).values()
    assert (first.speaker, first.role, first.parent, first.time) == (
        "u-1",
        "user",
        None,
        "2025-01-01T00:00:00+00:00",
    )
    assert (second.speaker, second.role, second.parent, second.on_active_path) == (
        "assistant",
        "assistant",
        "1",
        True,
    )


def test_users_json_names_the_account_only_if_it_names_one():
    data = export(message("1", "human", "hi"))
    for users, speaker in ((["a"], "a"), (["a", "b"], "unknown-account")):
        listed = [{"uuid": uuid, "full_name": "x", "email_address": "y"} for uuid in users]
        assert turns(read({"conversations.json": data, "users.json": listed}))["1"].speaker == speaker


def test_the_active_path_ends_newest_and_first_prompts_edited_are_siblings():
    root = "00000000-0000-4000-8000-000000000000"
    data = export(
        message("p1", "human", "old", parent_message_uuid=root, created_at="2025-01-01T00:00:00Z"),
        message("a1", "assistant", "one", parent_message_uuid="p1", created_at="2025-01-01T00:00:01Z"),
        message("p2", "human", "new", parent_message_uuid=root, created_at="2025-01-01T00:00:02Z"),
        message("a2", "assistant", "two", parent_message_uuid="p2", created_at="2025-01-01T00:00:03Z"),
        message("a3", "assistant", "three", parent_message_uuid="p2", created_at="2025-01-01T00:00:04Z"),
        message("p3", "human", "go on", parent_message_uuid="a2", created_at="2025-01-01T00:00:05Z"),
    )
    shown = turns(read({"conversations.json": data}))
    assert [turn for turn in shown if shown[turn].on_active_path] == ["p2", "a2", "p3"]
    assert [s.kind for s in shown["p1"].signals] == ["edited_prompt"]
    assert [s.value for s in shown["a2"].signals] == [{"chosen": "a2", "rejected": "a3"}]


@pytest.mark.parametrize(
    ("text", "content", "said"),
    [
        ("words", None, "words"),
        ("words", [{"type": "text", "text": "words"}], "words"),
        ("", [{"type": "text", "text": " a"}, {"type": "text", "text": "b "}], " a\n\nb "),
        ("not supported", [{"type": "thinking", "thinking": "x"}, {"type": "text", "text": "said"}], "said"),
        ("kept", [{"type": "tool_use", "name": "x"}], "kept"),
        (None, "plain", "plain"),
        ("kept", {"odd": 1}, "kept"),
    ],
)
def test_the_text_is_found_where_the_export_has_it(text, content, said):
    data = export(message("1", "assistant", text, content=content))
    assert turns(read({"conversations.json": data}))["1"].text == said


def test_messages_without_ids_or_senders_are_read_or_told():
    data = export({"sender": "human", "text": "a"}, {"sender": "assistant", "text": "b"}, {"text": "c"}, 5)
    records = read({"conversations.json": data})
    assert [(t.turn, t.parent) for t in turns(records).values()] == [
        ("message-0", None),
        ("message-1", "message-0"),
    ]
    assert [r.record for r in records if isinstance(r, Skipped)] == [b'{"text": "c"}', b"5"]


def test_projects_and_other_sources_are_not_claimed():
    for data in (
        b'[{"uuid": "p", "name": "x", "docs": []}]',
        b'[{"mapping": {"a": {"message": null}}}]',
        b"[]",
    ):
        assert not SOURCE.claims(member("conversations.json", data), data)
