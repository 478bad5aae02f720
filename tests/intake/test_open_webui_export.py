"""Open WebUI: chats, annotations, and the feedback export that may come with them or alone."""

import io
import json
from collections import Counter
from pathlib import Path

import pytest

from witting.intake.assistants.open_webui import SOURCE, without_details
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


def message(turn, parent, role, content, **other):
    return {
        turn: {"id": turn, "parentId": parent, "childrenIds": [], "role": role, "content": content, **other}
    }


def chat(*messages, current, key="c1"):
    history = {"currentId": current, "messages": {k: v for m in messages for k, v in m.items()}}
    return {"id": key, "user_id": "u-1", "title": "t", "chat": {"models": ["m"], "history": history}}


PAIR = (
    message("p", None, "user", "a tree?", timestamp=1700000000),
    message("a", "p", "assistant", "Oak", model="m1", done=True, modelIdx=0),
    message("b", "p", "assistant", "Elm", model="m2", done=True, modelIdx=0),
)


def rated(rating, message_id="b", chat_id="c1", siblings=(), snapshot=None, **data):
    return {
        "id": "f1",
        "user_id": "u-2",
        "version": 0,
        "type": "rating",
        "data": {"rating": rating, "model_id": "m2", "sibling_model_ids": list(siblings), **data},
        "meta": {"arena": False, "chat_id": chat_id, "message_id": message_id, "tags": ["trees"]},
        "snapshot": {"chat": snapshot},
        "created_at": 1700000100,
    }


@pytest.mark.skipif(not DATA.exists(), reason="the shared data set is not beside this checkout")
def test_the_published_chat_is_read_whole():
    path = "openwebui-importer-examples/webui-json.json"
    records = read({path: (DATA / path).read_bytes()})
    assert [(record.role, record.speaker, record.time) for record in records] == [
        ("user", "unknown-account", "2025-04-13T20:52:37+00:00"),
        ("assistant", "deepseek/deepseek-chat:free", "2025-04-13T20:52:37+00:00"),
    ]


def test_a_chat_is_a_tree_with_its_regeneration_and_its_edited_first_prompt():
    data = [chat(*PAIR, message("q", None, "user", "a bush?"), current="b")]
    shown = turns(read({"chats.json": data}))
    assert (shown["p"].speaker, shown["p"].parent, shown["b"].parent) == ("u-1", None, "p")
    assert [s.value for s in shown["b"].signals] == [{"chosen": "b", "rejected": "a"}]
    assert [s.kind for s in shown["a"].signals] == ["regenerated"]
    assert [s.kind for s in shown["q"].signals] == ["edited_prompt"]


def test_answers_side_by_side_are_no_regenerations():
    prompt, one, other = (json.loads(json.dumps(m)) for m in PAIR)
    other["b"]["modelIdx"] = 1
    shown = turns(read({"chats.json": [chat(prompt, one, other, current="b")]}))
    assert shown["a"].signals == shown["b"].signals == ()


def test_an_answer_that_stopped_is_not_paired():
    for broken in ({"done": False}, {"error": {"content": "x"}}):
        stopped = message("a", "p", "assistant", "O", **broken)
        assert turns(read({"c.json": [chat(PAIR[0], stopped, PAIR[2], current="b")]}))["b"].signals == ()


def test_an_annotation_becomes_a_thumb_a_comment_and_a_rating():
    annotation = {
        "rating": -1,
        "reason": "not_factually_correct",
        "comment": "an elm is not",
        "details": {"rating": 2},
    }
    answer = message("b", "p", "assistant", "Elm", annotation=annotation)
    shown = turns(read({"chats.json": [chat(PAIR[0], answer, current="b")]}))
    assert [(s.kind, s.value, s.text) for s in shown["b"].signals] == [
        ("thumb", -1, None),
        ("comment", {"tags": ["not_factually_correct"]}, "an elm is not"),
        ("rating", 2, None),
    ]


@pytest.mark.parametrize("rating", [1, "1"])
def test_exported_feedback_stands_on_the_chats_own_turn_and_its_snapshot_is_not_read_twice(rating):
    whole = chat(*PAIR, current="b")
    records = read({"chats.json": [whole], "feedback.json": [rated(rating, snapshot=whole)]})
    thumbs = [s for s in turns(records)["b"].signals if s.kind == "thumb"]
    assert [(s.value, s.by, s.time) for s in thumbs] == [(1, "u-2", "2023-11-14T22:15:00+00:00")]
    assert skipped(records) == {"repeated": 3}


def test_feedback_alone_gives_the_snapshots_turns():
    records = read({"feedback.json": [rated("-1", snapshot=chat(*PAIR, current="b"))]})
    assert set(turns(records)) == {"p", "a", "b"}
    assert turns(records)["p"].speaker == "u-1"
    assert "thumb" in [s.kind for s in turns(records)["b"].signals]


def given_by(records):
    return {
        (s.kind, s.by) for turn in turns(records).values() for s in turn.signals if s.source_kind != "sibling"
    }


SIDE_BY_SIDE = chat(PAIR[0], PAIR[1], {**PAIR[2], "b": {**PAIR[2]["b"], "modelIdx": 1}}, current="b")


@pytest.mark.parametrize(("rater", "by"), [("u-1", None), ("admin-7", "admin-7"), (None, "somebody-else")])
def test_a_rating_with_all_it_says_is_its_raters_and_the_owners_only_where_they_gave_it(rater, by):
    given = rated(1, siblings=["m1"], snapshot=SIDE_BY_SIDE, details={"rating": 9}, comment="fine")
    records = read({"feedback.json": [{**given, "user_id": rater}]})
    assert given_by(records) == {(kind, by) for kind in ("thumb", "rating", "comment", "preference")}
    assert turns(records)["p"].speaker == "u-1"


def test_what_the_owner_gave_stands_in_two_exports_and_is_one_act():
    own = {**rated(1, snapshot=None), "user_id": "u-1"}
    answer = message("b", "p", "assistant", "Elm", annotation={"rating": 1})
    records = read({"chats.json": [chat(PAIR[0], answer, current="b")], "feedback.json": [own]})
    assert [(s.kind, s.by) for s in turns(records)["b"].signals] == [("thumb", None)]


def test_a_rating_between_models_prefers_the_right_side():
    for rating, chosen, rejected in ((1, "b", "a"), (-1, "a", "b")):
        other = {**PAIR[2], "b": {**PAIR[2]["b"], "modelIdx": 1}}
        given = rated(rating, siblings=["m1"], snapshot=chat(PAIR[0], PAIR[1], other, current="b"))
        shown = turns(read({"feedback.json": [given]}))
        pairs = [s.value for turn in shown.values() for s in turn.signals if s.kind == "preference"]
        assert pairs == [{"chosen": chosen, "rejected": rejected}]
        assert any(s.kind == "preference" for s in shown[chosen].signals)


def test_feedback_that_meets_no_turn_is_counted_and_broken_feedback_is_quarantined():
    data = [
        rated(1, message_id="gone"),
        rated("meh"),
        rated(1, message_id="p", snapshot=chat(PAIR[0], current="p")),
    ]
    records = read({"feedback.json": data})
    assert skipped(records) == {"feedback_unmatched": 2, "unknown_feedback": 1}


@pytest.mark.parametrize(
    ("content", "said", "kinds"),
    [
        ("plain <details>mine</details>", "plain <details>mine</details>", []),
        ('<details type="reasoning" done="true">\n> hm\n</details>\nElm', "Elm", ["reasoning"]),
        ('a<details type="tool_calls">x<details>y</details>z</details>b', "ab", ["tool_calls"]),
        ('a <details type="reasoning">never ends', "a ", ["reasoning"]),
        ("</details> loose", "</details> loose", []),
    ],
)
def test_reasoning_written_into_the_content_is_taken_out_and_nothing_else(content, said, kinds):
    assert without_details(content) == (said, kinds)


def test_what_a_person_typed_keeps_its_details():
    typed = '<details type="reasoning">mine</details>'
    data = [
        chat(message("p", None, "user", typed), message("a", "p", "assistant", typed + "Elm"), current="a")
    ]
    records = read({"chats.json": data})
    assert (turns(records)["p"].text, turns(records)["a"].text) == (typed, "Elm")
    assert skipped(records) == {"reasoning_block": 1}


def test_a_chat_with_a_list_and_no_history_is_a_chain():
    old = {
        "id": "c9",
        "user_id": "u",
        "chat": {
            "models": [],
            "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
        },
    }
    shown = list(turns(read({"chats.json": [old]})).values())
    assert [(t.parent, t.text) for t in shown] == [(None, "hi"), ("message-0", "yo")]


def test_system_and_unknown_roles_and_pictures_are_told():
    data = [
        chat(
            message("s", None, "system", "be kind"),
            message("x", "s", "oracle", "?"),
            message("p", "s", "user", [{"type": "text", "text": "look"}, {"type": "image_url"}]),
            current="p",
        ),
        {"id": "c2", "chat": {"history": {"messages": {}}}},
    ]
    records = read({"chats.json": data})
    assert skipped(records) == {
        "system_message": 1,
        "unknown_role": 1,
        "media_omitted": 1,
        "empty_conversation": 1,
    }
    assert turns(records)["p"].text == "look"
