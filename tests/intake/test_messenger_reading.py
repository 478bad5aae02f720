"""Messenger and Instagram threads: shapes, order, mojibake, what is deleted, what is generated."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import UnreadableFile
from witting.intake import FileVerdict, Skipped, Turn, admit
from witting.intake.meta import instagram, messenger
from witting.intake.meta.mojibake import is_mojibake, repaired
from witting.intake.source import Export, Member

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "interactions-dev"
FIXTURES = DATA / "msgvault-messenger"
FUZZ = settings(max_examples=150, deadline=None)


def admitted(folder: Path) -> tuple[list[Turn], dict[str, FileVerdict]]:
    found = list(admit([folder], text_chars_max=100_000))
    verdicts = {v.path.removeprefix(f"{folder}/"): v for v in found if isinstance(v, FileVerdict)}
    return [turn for turn in found if isinstance(turn, Turn)], verdicts


def member(value: Any, path: str = "messages/inbox/a_1/message_1.json", ascii_only: bool = True) -> Member:
    data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=ascii_only).encode()
    return Member(path, len(data), lambda: io.BytesIO(data))


def read(*members: Member) -> list[Turn | Skipped]:
    return list(messenger.read(Export(members, {}, "")))


def thread(*messages: Any, people: tuple[str, ...] = ("Ann", "Bo"), **rest: Any) -> dict[str, Any]:
    return {"participants": [{"name": name} for name in people], "messages": list(messages), **rest}


def said(sender: str, text: str | None, at_ms: int, **rest: Any) -> dict[str, Any]:
    return {"sender_name": sender, "timestamp_ms": at_ms, "content": text, **rest}


def test_every_fixture_folder_is_read_or_refused_as_counted():
    counts = {}
    for folder in sorted(path for path in FIXTURES.iterdir() if path.is_dir()):
        _, verdicts = admitted(folder)
        read_ones = [v for v in verdicts.values() if v.verdict == "read"]
        assert all(v.records == v.turns + sum(v.skipped.values()) for v in read_ones)
        refused = sorted(v.reason for v in verdicts.values() if v.verdict == "refused")
        counts[folder.name] = (
            sum(v.turns for v in read_ones),
            sum(sum(v.skipped.values()) for v in read_ones),
            refused,
        )
    media = "media_not_read"
    assert counts == {
        "corrupt": (1, 0, ["broken_json"]),
        "e2ee_simple": (5, 1, [media]),
        "html_multi_media": (3, 0, [media]),
        "html_simple": (3, 0, []),
        "html_timestamps": (3, 0, []),
        "html_with_media": (1, 0, [media]),
        "json_group": (3, 0, []),
        "json_multifile": (4, 0, []),
        "json_nontext": (0, 6, []),
        "json_simple": (4, 0, []),
        "json_with_media": (1, 0, [media]),
        "json_with_media_alt": (1, 0, [media]),
        "mixed": (2, 2, []),
    }


def test_files_out_of_order_become_one_thread_oldest_first():
    turns, _ = admitted(FIXTURES / "json_multifile")
    assert [turn.text[8] for turn in turns if turn.text] == ["A", "B", "C", "D"]
    assert [turn.parent for turn in turns] == [None, *(turn.turn for turn in turns[:-1])]
    assert len({turn.conversation for turn in turns}) == 1


def test_names_reactions_and_words_are_repaired_together():
    turns, _ = admitted(FIXTURES / "json_simple")
    (tea,) = [turn for turn in turns if turn.signals]
    assert tea.text == "café time?"
    assert [(s.kind, s.value, s.by) for s in tea.signals] == [
        ("reaction", "❤", "Test User"),
        ("reaction", "👍", "Alice Example"),
    ]


def test_unsent_words_are_dropped_even_where_the_file_still_has_them():
    turns, _ = admitted(FIXTURES / "e2ee_simple")
    (unsent,) = [turn for turn in turns if turn.deleted]
    assert unsent.text is None
    assert not any(turn.text == "oops" for turn in turns)


def test_times_are_utc_to_the_millisecond():
    (turn,) = read(member(thread(said("Ann", "hi", 1_600_000_000_123))))
    assert isinstance(turn, Turn)
    assert (turn.time, turn.time_precision) == ("2020-09-13T12:26:40.123+00:00", "s")


@pytest.mark.parametrize("ascii_only", [True, False])
def test_every_turn_points_to_its_own_json(ascii_only):
    value = thread(said("Bo", "später ✓", 2000), said("Ann", "é 😀", 1000), said("Ann", "ok", 500))
    one = member(value, ascii_only=ascii_only)
    with one.open() as stream:
        data = stream.read()
    for turn in read(one):
        assert isinstance(turn, Turn)
        assert json.loads(data[slice(*turn.bytes)])["content"] == turn.text


@pytest.mark.parametrize(
    ("people", "more", "audience"),
    [
        (("Ann", "Bo"), {}, "direct"),
        (("Ann", "Bo", "Cy"), {}, "closed_group"),
        (("Ann", "Bo"), {"thread_type": "RegularGroup"}, "closed_group"),
        (("Ann",), {}, "unknown"),
        ((), {}, "unknown"),
        (("Ann", "Meta AI"), {}, "assistant"),
    ],
)
def test_the_audience_is_what_the_file_says(people, more, audience):
    (turn,) = read(member(thread(said("Ann", "hi", 1), people=people, **more)))
    assert isinstance(turn, Turn)
    assert turn.audience == audience
    assert turn.role == ("user" if audience == "assistant" else "person")


def test_someone_who_left_still_makes_it_a_group():
    records = read(member(thread(said("Cy", "bye", 1), said("Ann", "hi", 2))))
    assert {turn.audience for turn in records if isinstance(turn, Turn)} == {"closed_group"}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (said("Ann", "Reacted ❤ to your message ", 1), "reaction_notice"),
        (said("Ann Lee", "Ann sent an attachment.", 1), "media_omitted"),
        (said("Ann", "You named the group Tea.", 1), "system_line"),
        (said("Ann", None, 1, photos=[{"uri": "x.jpg"}]), "media_omitted"),
        (said("Ann", None, 1, share={"link": "https://example.org"}), "share"),
        (said("Ann", "The call ended.", 1, call_duration=3), "call"),
        (said("Ann", "Ann left", 1, type="Unsubscribe"), "system_line"),
        (said("Ann", "", 1), "no_text"),
        ({"timestamp_ms": 1, "content": "who?"}, "broken_record"),
        (said("Ann", 5, 1), "broken_record"),  # type: ignore[arg-type]  # bad input on purpose
        ("text", "broken_record"),
    ],
)
def test_what_is_no_ones_words_is_skipped_by_reason(message, reason):
    (record,) = read(member(thread(message)))
    assert isinstance(record, Skipped)
    assert (record.reason, record.record is not None) == (reason, reason == "broken_record")


@pytest.mark.parametrize(
    "text", ["Bo sent an attachment.", "I said: You left the chat", "Reacted badly, sorry", "❤"]
)
def test_words_that_only_look_generated_are_kept(text):
    (turn,) = read(member(thread(said("Ann", text, 1))))
    assert isinstance(turn, Turn)
    assert turn.text == text


def test_a_clean_file_is_untouched():
    texts = ["café", "naïve", "Ã alone", "plain", "“curly”"]
    records = read(
        member(thread(*(said("Renée", text, n + 1) for n, text in enumerate(texts))), ascii_only=False)
    )
    assert [turn.text for turn in records if isinstance(turn, Turn)] == texts
    assert {turn.speaker for turn in records if isinstance(turn, Turn)} == {"Renée"}


def test_one_clean_string_leaves_the_whole_file_alone():
    records = read(member(thread(said("Ann", "cafÃ©", 1), said("Bo", "déjà", 2))))
    assert [turn.text for turn in records if isinstance(turn, Turn)] == ["cafÃ©", "déjà"]


WORDS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = st.recursive(
    WORDS | st.integers() | st.none(), lambda x: st.lists(x, max_size=4) | st.dictionaries(WORDS, x)
)


def broken_as_meta_does(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode().decode("latin-1")
    if isinstance(value, list):
        return [broken_as_meta_does(inner) for inner in value]
    if isinstance(value, dict):
        return {broken_as_meta_does(key): broken_as_meta_does(inner) for key, inner in value.items()}
    return value


@FUZZ
@given(VALUES)
def test_mojibake_of_anything_is_repaired_to_what_it_was(value):
    spoilt = broken_as_meta_does(value)
    if spoilt != value:
        assert is_mojibake([spoilt])
    assert repaired(spoilt) == value


def test_a_longer_export_keeps_the_ids_of_old_messages_and_a_box_does_not_matter():
    old = [said("Bo", "b", 2), said("Ann", "a", 1)]
    early = read(member(thread(*old, thread_path="inbox/bo_77")))
    late = read(member(thread(said("Ann", "c", 3), *old, thread_path="archived_threads/bobby_77")))
    assert [(t.conversation, t.turn) for t in early if isinstance(t, Turn)] == [
        (t.conversation, t.turn) for t in late if isinstance(t, Turn)
    ][:2]


def test_the_same_folder_name_in_two_accounts_is_two_conversations():
    one = read(member(thread(said("Ann", "a", 1), thread_path="inbox/bo_77")))
    two = read(member(thread(said("Cy", "a", 1), people=("Cy", "Bo"), thread_path="inbox/bo_77")))
    assert {t.conversation for t in one if isinstance(t, Turn)} & {
        t.conversation for t in two if isinstance(t, Turn)
    } == set()


def test_instagram_is_told_by_its_folder_even_when_one_file_is_named(tmp_path):
    path = tmp_path / "your_instagram_activity/messages/inbox/bo_1/message_1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(thread(said("Ann", "hi", 1))))
    for named in (path, path.parent, tmp_path):
        turns = [turn for turn in admit([named], text_chars_max=100) if isinstance(turn, Turn)]
        assert [turn.source for turn in turns] == ["instagram"]
    turns, _ = admitted(DATA / "chat-miner-fixtures/instagram")
    assert [(turn.source, turn.text) for turn in turns] == [
        ("instagram", "Hello John!"),
        ("instagram", "Hello Jane!"),
    ]


def test_other_lists_in_the_same_folder_are_no_threads():
    for value in ({"autofill_information_v2": {}}, {"messages": ["x"]}, {"participants": []}, []):
        data = json.dumps(value).encode()
        assert not messenger.claims(member(value), data)
        assert not instagram.claims(member(value, "your_instagram_activity/x.json"), data)


@pytest.mark.parametrize(
    "data", [b"[object Object]", b'{"participants":[],"messages":[{"sender_name":"A"', b"{}", b"[]", b"1"]
)
def test_what_is_no_whole_thread_is_refused(data):
    with pytest.raises(UnreadableFile):
        read(member(data))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("sender_name", "senderName", "timestamp_ms", "timestamp", "content", "text", "reactions", "is_unsent", "type",
        "photos", "share", "call_duration")  # fmt: skip
MESSAGES = st.lists(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6) | JSON, max_size=5)


@FUZZ
@given(
    JSON,
    MESSAGES,
    st.dictionaries(st.sampled_from(["title", "threadName", "thread_path", "thread_type"]), JSON),
)
def test_any_json_gives_as_many_records_as_messages(participants, messages, head):
    one = member({"participants": participants, "messages": messages, **head})
    records = read(one)
    assert len(records) == len(messages)
    assert records == read(one)


@FUZZ
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(data):
    messenger.claims(member(data), data)
    try:
        records = read(member(data))
    except UnreadableFile:
        return
    assert all(isinstance(record, (Turn, Skipped)) for record in records)
