"""Posts and comments of Facebook and Instagram, talks with Meta AI: what is the person's words, and what is not; invented."""

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import InputError
from witting.intake import Skipped, Turn
from witting.intake.meta import ai, wall
from witting.intake.source import Export, Member, Source

FUZZ = settings(max_examples=150, deadline=None)
COMMENTS = "your_instagram_activity/comments/post_comments_1.json"


def member(path: str, value: Any) -> Member:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Member(path, len(data), lambda: io.BytesIO(data))


def read(source: Source, path: str, value: Any, *beside: Member) -> list[Turn | Skipped]:
    one = member(path, value)
    assert source.claims(one, one.head())
    return list(source.read(Export((one,), {other.path: other for other in (one, *beside)}, "")))


def post(text: str | None, at: int = 1700000000, **rest: Any) -> dict[str, Any]:
    data = [{"update_timestamp": at}] if text is None else [{"post": text}]
    return {"timestamp": at, "data": data, "title": "HIDDEN NAME posted.", **rest}


def instagram(**fields: str) -> dict[str, Any]:
    said = {name: {"value": value} for name, value in fields.items()}
    return {"media_list_data": [], "string_map_data": {**said, "Zeit": {"timestamp": 1700000000}}}


def test_posts_that_begin_with_a_photo_are_known_by_their_shape() -> None:
    photo = {"timestamp": 1, "attachments": [{"data": [{"media": {"uri": "x.jpg"}}]}], "title": "HIDDEN"}
    link = {"timestamp": 2, "attachments": [{"data": [{"external_context": {"url": ""}}]}]}
    records = read(wall.FACEBOOK_SOURCE, "posts/any_name.json", [photo, link, post("hello"), post(None)])
    assert [r.text if isinstance(r, Turn) else r.reason for r in records] == [
        "media_omitted",
        "share",
        "hello",
        "no_text",
    ]
    assert "HIDDEN" not in repr(records)


def test_mojibake_is_proved_for_the_whole_file_not_for_one_post() -> None:
    faulty = read(wall.FACEBOOK_SOURCE, "posts/p.json", [post("caf\u00c3\u00a9"), post("ok")])
    mixed = read(wall.FACEBOOK_SOURCE, "posts/p.json", [post("caf\u00c3\u00a9"), post("“déjà”")])
    assert [turn.text for turn in faulty if isinstance(turn, Turn)] == ["café", "ok"]
    assert [turn.text for turn in mixed if isinstance(turn, Turn)] == ["cafÃ©", "“déjà”"]


def test_posts_in_groups_are_closed_and_others_unknown() -> None:
    (grouped,) = read(
        wall.FACEBOOK_SOURCE, "groups/group_posts_and_comments.json", {"group_posts_v2": [post("hi")]}
    )
    (plain,) = read(wall.FACEBOOK_SOURCE, "posts/p.json", [post("hi")])
    assert isinstance(grouped, Turn)
    assert isinstance(plain, Turn)
    assert (grouped.audience, plain.audience) == ("closed_group", "unknown")
    assert grouped.conversation != plain.conversation


def test_the_profile_says_who_wrote_posts_that_name_nobody() -> None:
    profile = member(
        "d/profile_information/profile_information.json", {"profile_v2": {"name": {"full_name": "Ann"}}}
    )
    stranger = member(
        "e/profile_information/profile_information.json", {"profile_v2": {"name": {"full_name": "Bo"}}}
    )
    (turn,) = read(wall.FACEBOOK_SOURCE, "d/posts/p.json", [post("hi")], profile, stranger)
    (nobody,) = read(wall.FACEBOOK_SOURCE, "f/posts/p.json", [post("hi")], profile, stranger)
    assert isinstance(turn, Turn)
    assert isinstance(nobody, Turn)
    assert (turn.speaker, nobody.speaker) == ("Ann", "unknown-account")


def test_a_second_list_beside_the_first_is_counted_not_lost() -> None:
    value = {
        "comments_v2": [{"timestamp": 1, "data": [{"comment": {"comment": "hi", "author": "Ann"}}]}],
        "more": [1],
    }
    turn, rest = read(wall.FACEBOOK_SOURCE, "comments_and_reactions/comments.json", value)
    assert isinstance(turn, Turn)
    assert isinstance(rest, Skipped)
    assert (turn.text, rest.reason, rest.record) == ("hi", "unknown_shape", b', "more": [1]}')


def test_whose_photo_it_is_never_becomes_the_comment() -> None:
    value = [
        instagram(Kommentar="schön", Besitzer="bo"),
        instagram(Kommentar="", Besitzer="bo"),
        instagram(Besitzer="bo"),
    ]
    records = read(wall.INSTAGRAM_SOURCE, COMMENTS, value)
    assert [r.text if isinstance(r, Turn) else r.reason for r in records] == ["schön", "no_text", "no_text"]
    assert "'bo'" not in repr(records)


def test_a_lone_text_under_a_key_that_nothing_explains_is_put_aside() -> None:
    (unknown,) = read(wall.INSTAGRAM_SOURCE, COMMENTS, [instagram(Besitzer="bo")])
    (english,) = read(
        wall.INSTAGRAM_SOURCE, COMMENTS, {"comments_reels_comments": [instagram(Comment="nice")]}
    )
    assert isinstance(unknown, Skipped)
    assert isinstance(english, Turn)
    assert (unknown.reason, unknown.record is not None, english.text) == ("unknown_shape", True, "nice")


@pytest.mark.parametrize(
    "value", [{"profile_user": [instagram(Name="Ann")]}, [instagram(Suche="tea")], {"a": [1]}, []]
)
def test_other_lists_with_the_same_fields_are_no_comments(value: Any) -> None:
    one = member("personal_information/personal_information.json", value)
    assert not wall.INSTAGRAM_SOURCE.claims(one, one.head())
    assert not wall.FACEBOOK_SOURCE.claims(one, one.head())


def test_each_turn_with_meta_ai_points_to_its_own_bytes() -> None:
    threads = [
        {"id": f"t{n}", "messages": [{"sender": "Meta AI", "text": "yo é", "timestamp": 9},
                                     {"sender": "user", "text": f"hi {n}", "timestamp": 1},
                                     {"sender": "user", "text": {"x": 1}, "timestamp": 0},
                                     {"text": "who?", "timestamp": 0}]}
        for n in range(2)
    ]  # fmt: skip
    for value in (threads, {"ai_conversations": threads}, threads[0]):
        data = json.dumps(value, ensure_ascii=False).encode()
        records = read(ai.SOURCE, "messages/ai_conversations.json", data)
        found = [record for record in records if isinstance(record, Turn)]
        assert [json.loads(data[slice(*turn.bytes)])["text"] for turn in found] == [
            turn.text for turn in found
        ]
        assert {r.reason for r in records if isinstance(r, Skipped)} == {"unknown_role", "unknown_block"}
        assert {(turn.role, turn.speaker) for turn in found} == {
            ("user", "unknown-account"),
            ("assistant", "assistant"),
        }


def test_files_of_that_name_only_are_asked_whether_they_are_talks_with_meta_ai() -> None:
    value = [{"messages": [{"sender": "Ann", "text": "hi"}]}]
    for name in ("openai_conversations.json", "ai_conversations.jsonl", "messages.json"):
        one = member(name, value)
        assert not ai.SOURCE.claims(one, one.head())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("timestamp", "data", "post", "comment", "author", "string_map_data", "value", "messages", "sender", "text",
        "attachments", "media")  # fmt: skip
RECORDS = st.lists(
    st.recursive(
        JSON,
        lambda inner: st.dictionaries(st.sampled_from(KEYS), inner | st.lists(inner, max_size=2), max_size=4),
        max_leaves=8,
    ),
    max_size=4,
)


@FUZZ
@given(
    st.sampled_from([wall.FACEBOOK_SOURCE, wall.INSTAGRAM_SOURCE, ai.SOURCE]),
    RECORDS,
    st.booleans(),
    st.integers(0, 90),
)
def test_any_records_are_read_or_counted_twice_the_same(
    source: Source, value: list[Any], wrapped: bool, cut: int
) -> None:
    data = json.dumps({"comments": value} if wrapped else value).encode()
    for whole in (data, data[:cut]):
        one = member(COMMENTS, whole)
        source.claims(one, whole)
        export = Export((one,), {one.path: one}, "")
        try:
            records = list(source.read(export))
        except InputError:
            continue
        assert records == list(source.read(export))
        assert all(0 <= record.bytes[0] <= record.bytes[1] <= len(whole) for record in records)
        if whole == data and value:
            assert records
