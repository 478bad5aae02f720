"""Meta's downloads beside JSON threads: pages, posts, comments, talks with Meta AI; all invented."""

import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import InputError
from witting.intake import Skipped, Turn
from witting.intake.meta import SOURCES, ai, instagram, messenger, wall
from witting.intake.source import Export, Member

THREAD = "your_activity_across_facebook/messages/inbox/bo_123/message_1"


def member(path: str, data: bytes) -> Member:
    return Member(path, len(data), lambda: io.BytesIO(data))


def read(source, path: str, data: bytes | object, beside: dict | None = None) -> list[Turn | Skipped]:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    one = member(path, raw)
    assert source.claims(one, raw[:65_536])
    return list(source.read(Export((one,), beside or {}, "")))


def page(*messages: tuple[str, str, str], people: str = "Ann, Bo") -> bytes:
    body = "".join(
        f"<div class='x'><div>{who}</div><div><div>{said}</div></div><div>{at}</div></div>"
        for who, said, at in messages
    )
    return f"<!DOCTYPE html><html><body><div>Participants: {people}</div><div class='thread'>{body}</div></body></html>".encode()


def test_a_page_is_read_by_its_shape_newest_first_as_meta_writes_it() -> None:
    data = page(
        ("Bo", "second<br>line \u2764", "Sep 13, 2020, 12:27 PM"),
        ("Ann", "first &lt;b&gt;", "Sep 13, 2020, 12:26 PM"),
    )
    first, second = read(messenger.SOURCE, f"{THREAD}.html", data)
    assert [(t.speaker, t.text, t.time, t.time_precision, t.audience, t.role) for t in (first, second)] == [
        ("Ann", "first <b>", "2020-09-13T12:26:00", "min", "direct", "person"),
        ("Bo", "second\nline \u2764", "2020-09-13T12:27:00", "min", "direct", "person"),
    ]
    assert second.parent == first.turn
    assert data[slice(*first.bytes)].startswith(b"<div class='x'><div>Ann</div>")
    assert data[slice(*first.bytes)].endswith(b"</div>")


def test_a_packed_page_is_read_as_the_page_it_is() -> None:
    data = page(("Ann", "hi", "Sep 13, 2020, 12:26 PM"))
    plain = read(messenger.SOURCE, f"{THREAD}.html", data)
    packed = read(messenger.SOURCE, f"{THREAD}.html.gz", gzip.compress(data))
    assert [(turn.speaker, turn.text, turn.time) for turn in packed] == [
        (t.speaker, t.text, t.time) for t in plain
    ]


def test_a_page_and_the_json_of_its_thread_give_one_conversation() -> None:
    as_json = {"participants": [{"name": "Ann"}, {"name": "Bo"}], "thread_path": "inbox/bo_123",
               "messages": [{"sender_name": "Ann", "timestamp_ms": 1600000000000, "content": "hi"}]}  # fmt: skip
    told = read(messenger.SOURCE, f"{THREAD}.json", as_json)
    paged = read(messenger.SOURCE, f"{THREAD}.html", page(("Ann", "hi", "Sep 13, 2020, 12:26 PM")))
    assert told[0].conversation == paged[0].conversation


def test_reactions_media_and_generated_prose_on_a_page_are_not_words() -> None:
    data = page(
        ("Ann", "nice<ul><li>\U0001f60dBo</li></ul>", "Sep 13, 2020, 12:26 PM"),
        ("Bo", "<img src='photos/1.png'>", "Sep 13, 2020, 12:27 PM"),
        ("Bo", "Bo sent an attachment.", "Sep 13, 2020, 12:28 PM"),
        ("Bo", "when?", "13/09/20, at noon 2020 12:29"),
    )
    turn, image, prose, undated = read(messenger.SOURCE, f"{THREAD}.html", data)
    assert (turn.text, [(s.kind, s.value, s.by) for s in turn.signals]) == (
        "nice",
        [("reaction", "\U0001f60d", "Bo")],
    )
    assert [image.reason, prose.reason] == ["media_omitted", "media_omitted"]
    assert (undated.text, undated.time, undated.time_precision) == ("when?", None, None)


def test_instagram_pages_are_instagrams() -> None:
    path = "your_instagram_activity/messages/inbox/bo_123/message_1.html"
    (turn,) = read(instagram.SOURCE, path, page(("Ann", "hi", "19 Oct 2019, 14:37")))
    assert (turn.source, turn.time) == ("instagram", "2019-10-19T14:37:00")


COMMENT = {"timestamp": 1700000000, "title": "Ann replied to SECRET NAME's comment.",
           "data": [{"comment": {"timestamp": 1700000001, "comment": "caf\u00c3\u00a9 !", "author": "Ann"}}]}  # fmt: skip
GROUPED = {
    "timestamp": 1700000000,
    "data": [{"comment": {"timestamp": 1700000002, "comment": "hi all", "author": "Ann", "group": "Garden"}}],
}


@pytest.mark.parametrize("key", ["comments_v2", "kommentare"])
def test_comments_are_the_authors_words_and_never_the_title(key: str) -> None:
    first, second = read(
        wall.FACEBOOK_SOURCE, "comments_and_reactions/comments.json", {key: [COMMENT, GROUPED]}
    )
    assert [(t.speaker, t.text, t.audience, t.parent) for t in (first, second)] == [
        ("Ann", "caf\u00e9 !", "unknown", None),
        ("Ann", "hi all", "closed_group", None),
    ]
    assert first.time == "2023-11-14T22:13:21+00:00"
    assert "SECRET" not in repr((first, second))


def test_posts_are_read_as_a_bare_list_and_photos_without_words_are_counted() -> None:
    posts = [
        {"timestamp": 1700000000, "data": [{"post": "hello world"}]},
        {"timestamp": 1700000009, "attachments": [{"data": [{"media": {"uri": "x.jpg"}}]}], "data": []},
    ]
    data = json.dumps(posts).encode()
    turn, photo = read(wall.FACEBOOK_SOURCE, "posts/your_posts_1.json", data)
    assert (turn.text, turn.speaker, turn.audience, photo.reason) == (
        "hello world",
        "unknown-account",
        "unknown",
        "media_omitted",
    )
    assert json.loads(data[slice(*turn.bytes)]) == posts[0]


@pytest.mark.parametrize("keys", [("Comment", "Media Owner", "Time"), ("Kommentar", "Medieninhaber", "Zeit")])
def test_instagram_comments_are_read_by_position_not_by_key(keys: tuple[str, str, str]) -> None:
    fields = dict(
        zip(
            keys,
            ({"value": "sch\u00c3\u00b6n"}, {"value": "owner_name"}, {"timestamp": 1700000000}),
            strict=True,
        )
    )
    entry = {"media_list_data": [{"uri": ""}], "string_map_data": fields}
    for value in ([entry], {"comments_media_comments": [entry]}):
        (turn,) = read(wall.INSTAGRAM_SOURCE, "your_instagram_activity/comments/post_comments_1.json", value)
        assert (turn.text, turn.time) == ("sch\u00f6n", "2023-11-14T22:13:20+00:00")
        assert "owner_name" not in repr(turn)


@pytest.mark.parametrize(
    "value",
    [
        [
            {
                "title": "t",
                "messages": [
                    {"sender": "Meta AI", "text": "yo", "timestamp": 1700000009},
                    {"sender": "Ann", "text": "hi", "timestamp": 1700000000},
                ],
            }
        ],
        {
            "ai_conversations": [
                {
                    "thread_id": "t",
                    "conversation": [
                        {"role": "user", "content": "hi", "timestamp_ms": 1700000000000},
                        {"role": "assistant", "content": "yo", "timestamp_ms": 1700000009000},
                    ],
                }
            ]
        },
    ],
)
def test_talks_with_meta_ai_are_read_in_every_plausible_shape(value) -> None:
    mine, answer = read(ai.SOURCE, "messages/ai_conversations.json", value)
    assert [(t.role, t.text, t.parent, t.audience) for t in (mine, answer)] == [
        ("user", "hi", None, "assistant"),
        ("assistant", "yo", "0", "assistant"),
    ]
    assert mine.time == "2023-11-14T22:13:20+00:00"


def test_another_shape_under_that_name_is_kept_not_guessed() -> None:
    (bad,) = read(ai.SOURCE, "ai_conversations.json", {"settings": {"x": 1}})
    assert (bad.reason, bad.record is not None) == ("unknown_shape", True)


def test_the_exporter_is_who_takes_part_in_most_threads() -> None:
    def thread(number: int, *people: str) -> Member:
        value = {
            "participants": [{"name": name} for name in people],
            "messages": [{"sender_name": people[0], "timestamp_ms": 1, "content": "x"}],
        }
        return member(f"messages/inbox/t_{number}/message_1.json", json.dumps(value).encode())

    threads = (thread(1, "Ann", "Bo"), thread(2, "Cy", "Ann"), thread(3, "Ann", "Di", "Bo"))
    assert messenger.exporter(Export(threads, {}, "")) == "Ann"
    assert messenger.exporter(Export(threads[:1], {}, "")) is None
    assert messenger.exporter(Export((thread(1, "Ann", "Bo"), thread(2, "Ann", "Bo")), {}, "")) is None


SAMPLES = [
    page(("Ann", "hi", "Sep 13, 2020, 12:26 PM")),
    json.dumps({"c": [COMMENT]}).encode(),
    json.dumps([{"messages": [{"sender": "a", "text": "b"}]}]).encode(),
]


@given(
    st.sampled_from(SOURCES),
    st.sampled_from(SAMPLES),
    st.integers(0, 400),
    st.binary(max_size=5),
    st.integers(0, 30),
)
def test_damage_gives_sound_records_or_our_own_error(
    source, data: bytes, at: int, junk: bytes, cut: int
) -> None:
    at %= len(data)
    broken = data[:at] + junk + data[at + cut :]
    one = member(f"{THREAD}.html", broken)
    source.claims(one, broken)
    try:
        records = list(source.read(Export((one,), {}, "")))
    except InputError:
        return
    assert all(0 <= record.bytes[0] <= record.bytes[1] <= len(broken) for record in records)
