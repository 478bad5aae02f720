"""LibreChat's nested trees and Grok's responses: parents, branches, feedback, bytes, and talks as deep as they come."""

import io
import json
from pathlib import Path

import pytest

from witting.intake import Skipped, Turn, admit
from witting.intake.assistants import grok, librechat
from witting.intake.source import Export, Member

DATA = Path(__file__).parents[3] / "shared" / "data" / "interactions-dev"


def read(source, value) -> list[Turn | Skipped]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    member = Member("x.json", len(data), lambda: io.BytesIO(data))
    assert source.SOURCE.claims(member, data[:65_536])
    return list(source.read(Export((member,), {}, "")))


def message(id: str, mine: bool, text: str, *children, **more) -> dict:
    return {"messageId": id, "isCreatedByUser": mine, "text": text, "children": list(children), **more}


def talk(*messages, **more) -> dict:
    return {"conversationId": "c", "messages": list(messages), **more}


def kinds(turn: Turn) -> list[str]:
    return [signal.kind for signal in turn.signals]


def test_nested_answers_are_branches_and_the_newest_is_the_kept_one() -> None:
    old = message("a", False, "one", createdAt="2026-01-01T00:00:01Z")
    new = message("b", False, "two", message("q", True, "thanks", createdAt="2026-01-01T00:00:03Z"))
    turns = read(librechat, talk(message("p", True, "hi", old, new, user="u1", parentMessageId="0000-00")))
    assert [(t.turn, t.parent, t.on_active_path, kinds(t)) for t in turns] == [
        ("p", None, True, []),
        ("a", "p", False, ["regenerated"]),
        ("b", "p", True, ["preference"]),
        ("q", "b", True, []),
    ]
    assert [turns[0].speaker, turns[0].role, turns[1].role] == ["u1", "user", "assistant"]


@pytest.mark.parametrize("spoilt", [{"unfinished": True}, {"error": True}])
def test_interrupted_and_identical_answers_are_never_paired(spoilt) -> None:
    ended = message("z", True, "ok", createdAt="2026-01-01T00:00:09Z")
    for first in (message("a", False, "one", **spoilt), message("a", False, "two")):
        turns = read(librechat, talk(message("p", True, "hi", first, message("b", False, "two", ended))))
        assert "preference" not in [kind for turn in turns for kind in kinds(turn)]


def test_a_turn_points_at_its_own_message_also_behind_other_scripts() -> None:
    value = talk(message("p", True, "Grüße 🌳", message("a", False, "naïve", message("q", True, "日本"))))
    data = json.dumps(value, ensure_ascii=False).encode()
    for turn in read(librechat, data):
        assert json.loads(data[slice(*turn.bytes)])["messageId"] == turn.turn


def test_a_talk_nested_thousands_deep_is_read() -> None:
    inner = message("m2999", False, "end")
    for number in range(2998, -1, -1):
        inner = message(f"m{number}", number % 2 == 0, "x", inner)
    import sys

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        data = json.dumps(talk(inner)).encode()
    finally:
        sys.setrecursionlimit(limit)
    turns = read(librechat, data)
    assert len(turns) == 3_000
    assert turns[-1].parent == "m2998"


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_what_is_nested_without_end_is_one_bad_record(depth: int) -> None:
    whole = json.dumps(talk(message("p", True, "hi"))).encode()
    data = whole[:-1] + b',"z":' + b"[" * depth + b"]" * depth + b"}"
    assert [(s.reason, s.record) for s in read(librechat, data)] == [("nested_too_deep", data)]


def test_feedback_and_parts_of_a_message_are_told() -> None:
    answer = {"messageId": "a", "parentMessageId": "p", "isCreatedByUser": False,
              "content": [{"type": "think", "think": "x"}, {"type": "text", "text": "yo"}, {"type": "odd"}],
              "feedback": {"rating": "thumbsDown", "tag": {"key": "not_matched"}, "text": "too short"}}  # fmt: skip
    turns = read(librechat, talk(message("p", True, "hi"), answer))
    assert [type(entry).__name__ for entry in turns] == ["Turn", "Turn", "Skipped", "Skipped"]
    assert [(s.kind, s.value, s.text) for s in turns[1].signals] == [
        ("thumb", -1, None),
        ("comment", {"tags": ["not_matched"]}, "too short"),
    ]
    assert [entry.reason for entry in turns[2:]] == ["reasoning_block", "unknown_block"]


@pytest.mark.parametrize("data", [b'{"conversationId":"c","messages":[{"messageId":"a","isCreatedByUser":true]}', b'{"messages":[{"messageId":"a","isCreatedByUser":true}],"conversationId":tru}'])  # fmt: skip
def test_damaged_json_is_one_bad_record(data: bytes) -> None:
    member = Member("x.json", len(data), lambda: io.BytesIO(data))
    (bad,) = librechat.read(Export((member,), {}, ""))
    assert bad.record == data


def test_grok_names_the_leaf_and_branches_by_parent() -> None:
    def response(id: str, who: str, text: str, parent: str | None = None, **more) -> dict:
        return {
            "response": {
                "response_id": id,
                "sender": who,
                "message": text,
                "parent_response_id": parent,
                **more,
            }
        }

    about = {"conversation_id": "c", "user_id": "u", "leaf_response_id": "b"}
    said = [
        response("p", "human", "hi"),
        response("a", "ASSISTANT", "one", "p"),
        response("b", "assistant", "two", "p"),
    ]
    turns = read(grok, {"conversations": [{"conversation": about, "responses": said}]})
    assert [(t.turn, t.parent, t.on_active_path, kinds(t)) for t in turns] == [
        ("p", None, True, []),
        ("a", "p", False, ["regenerated"]),
        ("b", "p", True, ["preference"]),
    ]
    said[1]["response"]["partial"] = True
    turns = read(grok, {"conversations": [{"conversation": about, "responses": said}]})
    assert [kinds(turn) for turn in turns] == [[], ["regenerated"], []]


def test_the_published_samples_are_read_whole() -> None:
    paths = ["openwebui-importer-examples/grok_example.json", "chat-export-structurer/example_grok.json",
             "librechat-import-fixtures/librechat-tree.json", "librechat-import-fixtures/librechat-linear.json"]  # fmt: skip
    for path, turns in zip(paths, (10, 4, 9, 2), strict=True):
        *_, verdict = admit([DATA / path], text_chars_max=100_000)
        assert (verdict.turns, verdict.skipped) == (turns, {})


@pytest.mark.parametrize("first", ["projects", "conversations"])
def test_what_stands_beside_groks_conversations_is_counted(first: str) -> None:
    response = {"response": {"_id": "r", "sender": "human", "message": "hello"}}
    talks = {"conversations": [{"conversation": {"id": "c", "user_id": "u"}, "responses": [response]}]}
    beside = {"projects": [{"name": "p"}], "tasks": [], "media_posts": None}
    value = {**talks, **beside} if first == "conversations" else {**beside, **talks}
    found = read(grok, value)
    assert [e.text for e in found if isinstance(e, Turn)] == ["hello"]
    (rest,) = (e for e in found if isinstance(e, Skipped))
    assert (rest.reason, b'"name": "p"' in (rest.record or b"")) == ("unknown_shape", True)
    assert [e for e in read(grok, {**talks, "tasks": []}) if isinstance(e, Skipped)] == []
