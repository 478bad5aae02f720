"""ChatGPT exports: the published fixtures exactly, and invented ones for accounts, feedback and bad input."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest

from witting.intake.assistants.chatgpt import SOURCE
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


def node(turn, parent, role, text, **message):
    said = {
        "author": {"role": role},
        "content": {"content_type": "text", "parts": [text]},
        "status": "finished_successfully",
    }
    return {turn: {"id": turn, "parent": parent, "message": {**said, **message}}}


def conversation(*nodes, current="a2", key="c1"):
    return {
        "id": key,
        "title": None,
        "current_node": current,
        "mapping": {k: v for n in nodes for k, v in n.items()},
    }


TREE = conversation(
    {"r": {"id": "r", "message": None, "parent": None, "children": ["u1"]}},
    node("u1", "r", "user", "name a tree", create_time=1700000001.0),
    node("a1", "u1", "assistant", "Oak", metadata={"model_slug": "m"}),
    node("a2", "u1", "assistant", "Elm", metadata={"model_slug": "m"}, create_time=1700000002.5),
)


@pytest.mark.skipif(not DATA.exists(), reason="the shared data set is not beside this checkout")
def test_the_published_tree_with_an_edit_a_regeneration_and_an_interruption_is_exact():
    path = "librechat-import-fixtures/chatgpt-tree.json"
    records = read({path: (DATA / path).read_bytes()})
    shown = turns(records)
    names = {turn: turn[:8] for turn in shown}
    assert {names[t.turn]: (names.get(t.parent), t.role, t.on_active_path) for t in shown.values()} == {
        "aaa297ba": (None, "user", True),
        "bda8a275": ("aaa297ba", "assistant", True),
        "aaa24023": ("bda8a275", "user", False),
        "23afbea9": ("aaa24023", "assistant", False),
        "aaa292cc": ("23afbea9", "user", False),
        "ada93f81": ("aaa292cc", "assistant", False),
        "aaa236a3": ("bda8a275", "user", True),
        "db88eddf": ("aaa236a3", "assistant", True),
        "aaa20127": ("db88eddf", "user", True),
        "d0d2a7df": ("aaa20127", "assistant", False),
        "f63b8e17": ("aaa20127", "assistant", True),
    }
    signals = {names[t.turn]: [s.kind for s in t.signals] for t in shown.values() if t.signals}
    assert signals == {"aaa24023": ["edited_prompt"], "d0d2a7df": ["regenerated"]}  # identical: never a pair
    assert skipped(records) == {"empty_node": 1, "system_message": 1}


@pytest.mark.skipif(not DATA.exists(), reason="the shared data set is not beside this checkout")
def test_every_published_turn_points_at_its_own_bytes_and_nothing_is_lost():
    for path in (
        "librechat-import-fixtures/chatgpt-tree.json",
        "librechat-import-fixtures/chatgpt-export.json",
        "openwebui-importer-examples/gpt_example.json",
        "chatgpt-shared-samples/seoul-weather-early-october.json",
        "chatgpt-shared-samples/csv-data-analysis-insights.json",
        "chatgpt-shared-samples/node-js-network-libraries.json",
        "chat-export-structurer/example_chatgpt.json",
        "coherence-mocks/chatgpt_mock_conversations.json",
    ):
        data = (DATA / path).read_bytes()
        whole = json.loads(data)
        records = read({path: data})
        assert len(records) == sum(len(c["mapping"]) for c in (whole if isinstance(whole, list) else [whole]))
        for turn in turns(records).values():
            found = json.loads(data[turn.bytes[0] : turn.bytes[1]])
            assert found["id"] == turn.turn
            assert "".join(found["message"]["content"]["parts"]) == turn.text


def test_the_kept_answer_is_preferred_and_times_models_and_the_account_are_told():
    records = read(
        {"conversations.json": [TREE], "user.json": {"id": "user-7", "email": "e", "chatgpt_plus_user": True}}
    )
    shown = turns(records)
    assert shown["u1"].speaker == "user-7"
    assert (shown["u1"].time, shown["u1"].time_precision) == ("2023-11-14T22:13:21+00:00", "s")
    assert shown["a2"].time == "2023-11-14T22:13:22.500000+00:00"
    assert (shown["a1"].speaker, shown["a1"].time, shown["a1"].audience) == ("m", None, "assistant")
    assert shown["a2"].signals[0].value == {"chosen": "a2", "rejected": "a1"}
    assert [s.kind for s in shown["a1"].signals] == ["regenerated"]
    assert skipped(records) == {"empty_node": 1}


def test_without_an_account_the_speaker_is_unknown_and_an_email_stands_in_for_an_id():
    assert turns(read({"conversations.json": [TREE]}))["u1"].speaker == "unknown-account"
    account = {"email": "ana@example.org", "chatgpt_plus_user": False}
    files = {
        "x/conversations.json": [TREE],
        "x/user.json": account,
        "y/conversations.json": [{**TREE, "id": "c2"}],
    }
    speakers = [
        record.speaker for record in read(files) if isinstance(record, Turn) and record.role == "user"
    ]
    assert speakers == ["ana@example.org", "unknown-account"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"weight": 0}, "hidden"),
        ({"metadata": {"is_visually_hidden_from_conversation": True}}, "hidden"),
        ({"recipient": "browser"}, "tool_call"),
        ({"channel": "analysis"}, "reasoning"),
        ({"channel": "commentary"}, "reasoning"),
        ({"content": {"content_type": "thoughts", "thoughts": []}}, "reasoning"),
        ({"content": {"content_type": "reasoning_recap", "content": "x"}}, "reasoning"),
        ({"content": {"content_type": "user_editable_context"}}, "custom_instructions"),
        ({"content": {"content_type": "text", "parts": [""]}}, "no_text"),
        (
            {"content": {"content_type": "multimodal_text", "parts": [{"asset_pointer": "x"}]}},
            "media_omitted",
        ),
        ({"author": {"role": "tool"}}, "tool_message"),
        ({"author": {"role": "system"}}, "system_message"),
        ({"author": {"role": "critic"}}, "unknown_role"),
        ({"author": None}, "unknown_role"),
    ],
)
def test_what_is_not_shown_to_the_person_is_skipped_by_reason(message, reason):
    hidden = node("h", "u1", "assistant", "secret plan", **message)
    records = read(
        {"conversations.json": [conversation(node("u1", None, "user", "hi"), hidden, current="h")]}
    )
    assert set(turns(records)) == {"u1"}
    assert skipped(records) == {reason: 1}


def test_text_is_exact_with_citation_marks_and_parts_and_media_beside_it_is_counted():
    parts = [
        "see \ue200cite\ue202turn0\ue201 ",
        {"asset_pointer": "x"},
        {"content_type": "audio_transcription", "text": "b"},
    ]
    said = node("u1", None, "user", "", content={"content_type": "multimodal_text", "parts": parts})
    records = read({"conversations.json": [conversation(said, current="u1")]})
    assert turns(records)["u1"].text == "see \ue200cite\ue202turn0\ue201 \nb"
    assert skipped(records) == {"media_omitted": 1}


def test_interrupted_unfinished_and_unstated_answers_are_not_paired():
    for change in (
        {"status": "in_progress"},
        {"status": None},
        {"metadata": {"finish_details": {"type": "interrupted"}}},
        {"end_turn": False},
    ):
        tree = conversation(
            node("u1", None, "user", "hi"),
            node("a1", "u1", "assistant", "O", **change),
            node("a2", "u1", "assistant", "Elm"),
        )
        assert turns(read({"conversations.json": [tree]}))["a2"].signals == ()


def test_feedback_in_both_spellings_stands_on_its_answer_and_misses_are_counted():
    votes = [
        {
            "message_id": "a1",
            "conversation_id": "c1",
            "rating": "thumbsDown",
            "content": '{"tags":["not-helpful"],"text":"no"}',
        },
        {
            "id": "a2",
            "conversation_id": "c1",
            "rating": "thumbs_up",
            "content": "{}",
            "create_time": "2024-05-01T10:00:00Z",
        },
        {"id": "u1", "conversation_id": "c1", "rating": "thumbs_up"},
        {"id": "gone", "conversation_id": "elsewhere", "rating": "thumbs_up"},
        {"id": "a1", "conversation_id": "c1", "rating": "sideways"},
        "not an object",
    ]
    records = read({"conversations-000.json": [TREE], "message_feedback.json": votes})
    shown = turns(records)
    assert [(s.kind, s.value, s.text) for s in shown["a1"].signals] == [
        ("thumb", -1, None),
        ("comment", {"tags": ["not-helpful"]}, "no"),
        ("regenerated", None, None),
    ]
    thumb = shown["a2"].signals[0]
    assert (thumb.kind, thumb.value, thumb.time) == ("thumb", 1, "2024-05-01T10:00:00+00:00")
    assert skipped(records) == {
        "empty_node": 1,
        "feedback_joined": 2,
        "feedback_unmatched": 2,
        "unknown_feedback": 2,
    }


def test_feedback_that_names_only_the_conversation_joins_where_there_is_one_answer():
    one = conversation(node("u1", None, "user", "hi"), node("a2", "u1", "assistant", "Elm"))
    votes = [{"id": "feedback-9", "conversation_id": "c1", "rating": "thumbs_up"}]
    assert [
        s.kind
        for s in turns(read({"conversations.json": [one], "message_feedback.json": votes}))["a2"].signals
    ] == ["thumb"]
    assert (
        skipped(read({"conversations.json": [TREE], "message_feedback.json": votes}))["feedback_unmatched"]
        == 1
    )


@pytest.mark.parametrize("rating", ["thumbs_down", "thumbs_up"])
def test_a_vote_on_an_answer_that_is_gone_is_never_given_to_the_one_that_stayed(rating):
    one = conversation(node("u1", None, "user", "hi"), node("a2", "u1", "assistant", "Elm"))
    votes = [{"id": "f", "message_id": "a1", "conversation_id": "c1", "rating": rating}]
    records = read({"conversations.json": [one], "message_feedback.json": votes})
    assert turns(records)["a2"].signals == ()
    assert skipped(records)["feedback_unmatched"] == 1


def test_a_conversation_that_two_shards_hold_is_read_once_with_what_is_new():
    longer = conversation(
        *({k: v} for k, v in TREE["mapping"].items()), node("u2", "a2", "user", "why?"), current="u2"
    )
    records = read({"conversations-000.json": [TREE], "conversations-001.json": [longer]})
    assert list(turns(records)) == ["u1", "a1", "a2", "u2"]
    assert turns(records)["u2"].parent == "a2"
    assert skipped(records)["repeated"] == 3


def test_a_dangling_current_node_falls_back_to_the_newest_leaf_and_a_circle_does_no_harm():
    tree = conversation(node("u1", "a1", "user", "hi"), node("a1", "u1", "assistant", "Oak"), current="gone")
    shown = turns(read({"conversations.json": [tree]}))
    assert [t.on_active_path for t in shown.values()] == [True, True]
    assert shown["u1"].parent is None


def test_links_told_only_from_above_are_followed():
    tree = conversation(node("u1", None, "user", "hi"), node("a2", None, "assistant", "Elm"))
    tree["mapping"]["u1"]["children"] = ["a2"]
    assert turns(read({"conversations.json": [tree]}))["a2"].parent == "u1"


def test_bad_records_are_quarantined_and_their_neighbours_are_read():
    good = json.dumps(TREE)
    data = f'[{good}, {{"id": "c2", "mapping": nul}}, 7, {{"id": "c3"}}, {{"id": "c4", "mapping": {{}}}}, {good[:-9]}'
    records = read({"conversations.json": data.encode()})
    assert skipped(records) == {
        "empty_node": 1,
        "broken_json": 1,
        "no_mapping": 2,
        "empty_conversation": 1,
        "truncated": 1,
    }
    bad = [r for r in records if isinstance(r, Skipped) and r.record is not None]
    assert [r.record for r in bad][1:3] == [b"7", b'{"id": "c3"}']


def test_a_chat_about_exports_and_other_sources_files_are_not_claimed():
    for data in (
        b'[12/01/24, 10:00] Ana: "mapping": {"a": {"message": 1}}',
        b'[{"text": "\\"mapping\\": {\\"a\\": {\\"message\\": 1}}"}]',
        json.dumps([{"uuid": "1", "chat_messages": []}]).encode(),
        b"[]",
        b"",
    ):
        assert not SOURCE.claims(member("conversations.json", data), data)
