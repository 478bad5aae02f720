"""What assistants' exports hold beside conversations: comparisons, the page, shared links, projects and memories."""

from __future__ import annotations

import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.intake import FileVerdict, Turn, admit
from witting.intake.assistants import chatgpt, claude
from witting.intake.source import Export, Member, Skipped


def message(turn: str, parent: str | None, role: str, text: str, **more: Any) -> dict[str, Any]:
    said = {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}}
    return {turn: {"id": turn, "parent": parent, "message": {"id": f"m-{turn}", "status": "finished_successfully", **said, **more}}}  # fmt: skip


def chat(*nodes: dict[str, Any], current: str = "a2") -> dict[str, Any]:
    return {
        "title": "t",
        "id": "c1",
        "current_node": current,
        "mapping": {k: v for n in nodes for k, v in n.items()},
    }


PROMPT = message("u1", None, "user", "name a tree")
TREE = chat(PROMPT, message("a1", "u1", "assistant", "Oak"), message("a2", "u1", "assistant", "Elm"))


def compared(original: str, new: str, rating: str = "new") -> dict[str, Any]:
    step = {
        "original_turn": [{"id": original}],
        "new_turn": [{"id": new}],
        "completion_comparison_rating": rating,
    }
    return {
        "id": "k",
        "input": {"conversation_id": "c1"},
        "output": {"feedback_step_2": step},
        "create_time": 1.7e9,
    }


def read(source, files: dict[str, Any]) -> list[Any]:
    members = {}
    for path, data in files.items():
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        members[path] = Member(path, len(data), lambda data=data: io.BytesIO(data))
    claimed = tuple(m for _, m in sorted(members.items()) if source.claims(m, m.head()))
    return list(source.read(Export(claimed, members, "0")))


def skipped(records: list[Any], path: str | None = None) -> Counter[str]:
    return Counter(r.reason for r in records if isinstance(r, Skipped) and path in (None, r.member))


def preferences(records: list[Any]) -> list[tuple[str, Any, str | None]]:
    given = [s for r in records if isinstance(r, Turn) for s in r.signals if s.kind == "preference"]
    return [(s.value["chosen"], s.value["rejected"], s.source_kind) for s in given]


@pytest.mark.parametrize(
    ("original", "new", "rating", "found"),
    [
        ("a1", "a2", "new", [("a2", "a1", "model_comparison")]),
        ("m-a1", "m-a2", "new", [("a2", "a1", "model_comparison")]),  # by the message's own id
        (
            "a1",
            "a2",
            "original",
            [("a1", "a2", "model_comparison")],
        ),  # not the one that stands: the person said so
        ("a1", "a2", "same", [("a2", "a1", "regenerated_sibling")]),
        ("a1", "gone", "new", [("a2", "a1", "regenerated_sibling")]),
    ],
)
def test_a_comparison_prefers_what_the_person_said_is_better(original, new, rating, found):
    files = {"conversations.json": [TREE], "model_comparisons.json": [compared(original, new, rating)]}
    records = read(chatgpt.SOURCE, files)
    assert preferences(records) == found
    became = "feedback_unmatched" if new == "gone" else "no_pair" if rating == "same" else "feedback_joined"
    assert skipped(records, "model_comparisons.json") == {became: 1}


def test_answers_to_different_prompts_and_unfinished_ones_are_no_pair():
    other = message("a3", "u2", "assistant", "Ash")
    tree = chat(
        PROMPT,
        message("a1", "u1", "assistant", "Oak"),
        message("u2", "a1", "user", "and?"),
        other,
        current="a3",
    )
    cut = chat(
        PROMPT,
        message("a1", "u1", "assistant", "Oak", end_turn=False),
        message("a2", "u1", "assistant", "Elm"),
    )
    for conversation, new in ((tree, "a3"), (cut, "a2")):
        files = {"conversations.json": [conversation], "model_comparisons.json": [compared("a1", new)]}
        records = read(chatgpt.SOURCE, files)
        assert preferences(records) == []
        assert skipped(records, "model_comparisons.json") == {"no_pair": 1}


JSON = st.recursive(
    st.none() | st.text(max_size=3) | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=5
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        JSON
        | st.builds(
            compared,
            st.sampled_from(["a1", "u1", ""]),
            st.sampled_from(["a2", "x"]),
            JSON.map(str) | st.just("new"),
        )
    ),
    st.integers(0, 400),
)
def test_every_comparison_is_counted_however_damaged(records, cut):
    data = json.dumps([compared("a1", "a2"), *records]).encode()
    for said in (data, data[: max(len(data) - cut, 150)]):
        found = read(chatgpt.SOURCE, {"conversations.json": [TREE], "model_comparisons.json": said})
        places = [r.bytes for r in found if r.member == "model_comparisons.json"]
        assert all(0 <= start <= end <= len(said) for start, end in places)
        if said == data:
            assert len(places) == len(records) + 1
            assert [json.loads(said[start:end]) for start, end in places] == [compared("a1", "a2"), *records]


def page(conversations: list[Any], *, after: str = "; show(jsonData[0]);\n</script>") -> bytes:
    told = json.dumps(conversations)
    return f"<html><head>\n<style>a {{}}</style>\n<script>\n var jsonData = {told}{after}<body>é</body></html>".encode()


def test_a_page_alone_is_read_and_its_turns_point_into_it(tmp_path: Path):
    (tmp_path / "chat.html").write_bytes(data := page([TREE, {"id": "broken"}]))
    records = list(admit([tmp_path], text_chars_max=1_000))
    turns = [record for record in records if isinstance(record, Turn)]
    assert [turn.text for turn in turns] == ["name a tree", "Oak", "Elm"]
    for turn in turns:
        assert json.loads(data[turn.bytes[0] : turn.bytes[1]])["id"] == turn.turn
    (verdict,) = (record for record in records if isinstance(record, FileVerdict))
    assert (verdict.source, verdict.verdict, dict(verdict.skipped)) == ("chatgpt", "read", {"no_mapping": 1})


def test_a_page_beside_conversations_is_skipped_with_the_reason(tmp_path: Path):
    (tmp_path / "chat.html").write_bytes(page([TREE]))
    (tmp_path / "conversations.json").write_text(json.dumps([TREE]))
    (tmp_path / "shared_conversations.json").write_text(
        '[{"id": "s1", "conversation_id": "c1", "title": "t"}]'
    )
    verdicts = {
        Path(v.path).name: v for v in admit([tmp_path], text_chars_max=1_000) if isinstance(v, FileVerdict)
    }
    assert dict(verdicts["chat.html"].skipped) == {"same_chats": 1}
    assert verdicts["conversations.json"].turns == 3
    assert verdicts["shared_conversations.json"].reason == "beside_the_chats"


@pytest.mark.parametrize("cut", [30, 60, 200])
def test_a_page_that_is_cut_off_says_so(cut):
    data = page([TREE], after="")[: -cut - len("<body>é</body></html>".encode())]
    records = read(chatgpt.SOURCE, {"chat.html": data})
    assert skipped(records) == {"truncated": 1}
    assert all(end <= len(data) for record in records for end in record.bytes)


def test_other_pages_are_not_taken_for_an_export():
    for data in (b"<html><script>var jsonData = [1]</script>", b"<p>var jsonData</p>", page([{"name": "x"}])):
        assert not chatgpt.SOURCE.claims(Member("chat.html", len(data), lambda d=data: io.BytesIO(d)), data)


TALK = {
    "uuid": "c",
    "chat_messages": [{"uuid": "m", "sender": "human", "text": "hi", "created_at": "2026-01-01T00:00:00Z"}],
}
PROJECT = {
    "uuid": "p",
    "name": "n",
    "prompt_template": "",
    "docs": [{"uuid": "d", "content": "x"}, {"uuid": "e"}],
}
MEMORY = {"conversations_memory": "likes trees", "project_memories": {}, "account_uuid": "u"}


def test_projects_documents_and_memories_are_counted_and_give_no_turn():
    files = {
        "conversations.json": [TALK],
        "projects.json": [PROJECT, "?"],
        "memories.json": [MEMORY],
        "memories/u.json": MEMORY,
        "projects/p.json": PROJECT,
    }
    records = read(claude.SOURCE, files)
    assert [record.text for record in records if isinstance(record, Turn)] == ["hi"]
    assert skipped(records) == {"project": 2, "document": 4, "memory": 2, "unknown_shape": 1}
    places = [record.bytes for record in records if record.member == "projects.json"]
    data = json.dumps(files["projects.json"]).encode()
    assert [json.loads(data[a:b]) for a, b in places] == [PROJECT, *PROJECT["docs"], "?"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([PROJECT, MEMORY, TALK]) | JSON, min_size=1), st.integers(0, 300))
def test_damaged_projects_never_raise_and_point_into_their_file(records, cut):
    data = json.dumps([PROJECT, *records]).encode()
    data = data[: max(len(data) - cut, 120)]
    found = read(claude.SOURCE, {"projects.json": data})
    assert found
    assert all(
        isinstance(record, Skipped) and 0 <= record.bytes[0] <= record.bytes[1] <= len(data)
        for record in found
    )
