"""Logs in OpenAI's shape: histories that repeat, branches, feedback, preferences, broken lines."""

import io
import json
from collections import Counter

import pytest

from witting.intake.logs.openai_log import SOURCE
from witting.intake.source import Export, Member, Skipped, Turn


def member(path, data):
    return Member(path, len(data), lambda: io.BytesIO(data))


def log(*lines):
    return (
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines) + b"\n"
    )


def read(*lines):
    only = member("log.jsonl", log(*lines))
    assert SOURCE.claims(only, only.head())
    return list(SOURCE.read(Export((only,), {only.path: only}, "0")))


def turns(records):
    return [record for record in records if isinstance(record, Turn)]


def skipped(records):
    return Counter(record.reason for record in records if isinstance(record, Skipped))


def say(*said):
    return [{"role": role, "content": text} for role, text in said]


HELLO = say(("user", "hi"), ("assistant", "hello"))


def test_a_line_of_messages_is_a_conversation_with_its_user_and_time():
    records = read(
        {
            "messages": say(("system", "be kind"), *(("user", "hi"), ("assistant", "yo"))),
            "user": "u-1",
            "metadata": {"created": 1700000000},
        }
    )
    system, user, answer = turns(records)
    assert [(t.role, t.speaker, t.text) for t in (system, user, answer)] == [
        ("system", "system", "be kind"),
        ("user", "u-1", "hi"),
        ("assistant", "assistant", "yo"),
    ]
    assert user.parent == system.turn
    assert answer.parent == user.turn
    assert (user.time, user.time_precision, user.audience) == ("2023-11-14T22:13:20+00:00", "s", "assistant")
    assert user.conversation.startswith("sha256:")


def test_a_history_that_grows_line_by_line_is_told_once():
    more = [*HELLO, *say(("user", "bye"), ("assistant", "ciao"))]
    named = {"metadata": {"conversation_id": "c", "user_id": "u"}}
    records = read({"messages": HELLO, **named}, {"messages": more, **named}, {"messages": more, **named})
    assert [t.text for t in turns(records)] == ["hi", "hello", "bye", "ciao"]
    assert skipped(records) == {"repeated": 6}
    assert [t.parent for t in turns(records)] == [None, *[t.turn for t in turns(records)][:3]]


def test_a_history_that_differs_is_a_branch_with_the_shared_part_told_once():
    named = {"metadata": {"conversation_id": "c"}}
    records = read(
        {"messages": HELLO, **named}, {"messages": say(("user", "hi"), ("assistant", "hey")), **named}
    )
    first, hello, hey = turns(records)
    assert hello.parent == hey.parent == first.turn
    assert hello.turn != hey.turn
    assert skipped(records) == {"repeated": 1}


def test_ids_do_not_depend_on_the_order_of_the_lines():
    named = {"metadata": {"conversation_id": "c"}}
    lines = [{"messages": HELLO, **named}, {"messages": say(("user", "hi"), ("assistant", "hey")), **named}]
    assert {t.turn for t in turns(read(*lines))} == {t.turn for t in turns(read(*reversed(lines)))}


def test_a_logged_request_and_its_response_are_one_conversation():
    line = {
        "request": {"model": "m", "messages": say(("user", "hi")), "user": "u-1"},
        "response": {
            "id": "x",
            "created": 1700000000,
            "choices": [{"message": {"role": "assistant", "content": "yo"}}],
        },
    }
    first, answer = turns(read(line))
    assert (first.speaker, answer.text, answer.parent, answer.on_active_path) == (
        "u-1",
        "yo",
        first.turn,
        True,
    )


def test_further_choices_are_branches_nobody_took_and_no_pair():
    choices = [{"message": {"role": "assistant", "content": text}} for text in ("a", "b")]
    records = read({"request": {"messages": say(("user", "hi"))}, "response": {"choices": choices}})
    assert [(t.text, t.on_active_path, t.signals) for t in turns(records)[1:]] == [
        ("a", True, ()),
        ("b", False, ()),
    ]


def test_a_preference_line_pairs_its_two_answers():
    line = {
        "input": {"messages": say(("user", "hi"))},
        "preferred_output": say(("assistant", "good")),
        "non_preferred_output": say(("assistant", "bad")),
        "feedback": {"comment": "nicer"},
    }
    _, good, bad = turns(read(line))
    assert [(s.kind, s.value, s.text) for s in good.signals] == [
        ("preference", {"chosen": good.turn, "rejected": bad.turn}, None),
        ("comment", None, "nicer"),
    ]
    assert (good.on_active_path, bad.on_active_path, bad.signals) == (True, False, ())


def test_feedback_given_on_a_later_line_stands_on_the_turn_that_came_first():
    named = {"metadata": {"conversation_id": "c"}}
    feedback = {"thumb": -1, "comment": "wrong", "correction": "good day", "created": 1700000000}
    records = read({"messages": HELLO, **named}, {"messages": HELLO, "feedback": feedback, **named})
    _, answer = turns(records)
    assert [(s.kind, s.value, s.text) for s in answer.signals] == [
        ("thumb", -1, None),
        ("comment", None, "wrong"),
        ("correction", None, "good day"),
    ]
    assert all(s.time == "2023-11-14T22:13:20+00:00" for s in answer.signals)


@pytest.mark.parametrize(
    ("feedback", "signals"),
    [
        *(({"rating": stars}, [("rating", stars)]) for stars in range(-1, 6)),
        ({"rating": "1"}, []),
        ({"rating": "thumbs_up"}, [("thumb", 1)]),
        ({"rating": False}, [("thumb", -1)]),
        ({"thumb": -1, "rating": 1}, [("thumb", -1), ("rating", 1)]),
    ],
)
def test_one_star_is_the_worst_of_five_and_no_thumb(feedback, signals):
    (_, answer) = turns(read({"messages": HELLO, "feedback": feedback}))
    assert [(s.kind, s.value) for s in answer.signals] == signals


def test_feedback_on_no_answer_is_counted():
    records = read({"messages": say(("user", "hi")), "feedback": {"thumb": 1}})
    assert skipped(records) == {"feedback_unmatched": 1}


def test_weight_zero_is_kept_as_a_rating_of_zero():
    messages = [
        *say(("user", "hi")),
        {"role": "assistant", "content": "no", "weight": 0},
        *say(("user", "so")),
        {"role": "assistant", "content": "yes", "weight": 1},
    ]
    assert [[(s.kind, s.value) for s in t.signals] for t in turns(read({"messages": messages}))] == [
        [],
        [("rating", 0)],
        [],
        [],
    ]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"role": "assistant", "content": None, "tool_calls": [{}]}, "tool_call"),
        ({"role": "tool", "content": "42"}, "tool_message"),
        ({"role": "oracle", "content": "?"}, "unknown_role"),
        ({"role": "user", "content": [{"type": "image_url"}]}, "media_omitted"),
        ({"role": "user", "content": " "}, "no_text"),
        (17, "unknown_role"),
    ],
)
def test_messages_without_words_for_a_person_are_skipped_and_link_the_rest(message, reason):
    records = read({"messages": [*say(("user", "hi")), message, *say(("assistant", "yo"))]})
    first, answer = turns(records)
    assert answer.parent == first.turn
    assert skipped(records) == {reason: 1}


def test_broken_lines_are_quarantined_with_their_bytes_and_the_rest_is_read():
    broken = b'{"messages": [{"role": "user", "content": "cut'
    records = read(broken, {"messages": HELLO}, b"[1]", {"messages": 5}, {"messages": []}, b"\xff\xfe")
    assert skipped(records) == {"broken_json": 1, "no_messages": 2, "empty_conversation": 1, "not_utf8": 1}
    bad = [record for record in records if isinstance(record, Skipped) and record.record is not None]
    assert bad[0].record == broken
    assert bad[0].bytes == (0, len(broken))


def test_two_lines_with_the_same_bytes_are_one_conversation():
    records = read({"messages": HELLO}, {"messages": HELLO})
    assert len(turns(records)) == 2
    assert skipped(records) == {"repeated": 2}


def test_an_array_of_lines_is_read_alike():
    data = json.dumps([{"messages": HELLO}], indent=1).encode()
    only = member("log.json", data)
    assert SOURCE.claims(only, data)
    assert len(list(SOURCE.read(Export((only,), {}, "0")))) == 2


@pytest.mark.parametrize(
    "other",
    [
        b'{"chosen": "a", "rejected": "b"}',
        b'{"conversationId": "c", "messages": [{"role": "user", "content": "x"}]}',
        b'{"messages": [{"sender_name": "Ana", "content": "x"}]}',
        b'{"history": {"messages": {}}, "messages": [{"role": "user", "content": "x"}]}',
        b"not json",
    ],
)
def test_other_shapes_are_not_claimed(other):
    assert not SOURCE.claims(member("x.jsonl", other), other)
