"""Meta's threads: parts of a split download, pages of every layout, sizes, whose download it is; all invented."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import UnreadableFile
from witting.intake import FileVerdict, Skipped, Turn, admit
from witting.intake.meta import messenger, thread
from witting.intake.source import Export, Member

DATA = Path(__file__).parent / "meta_data"
ACTIVITY = "your_facebook_activity/messages/inbox"
FUZZ = settings(max_examples=100, deadline=None)


def member(path: str, value: Any) -> Member:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Member(path, len(data), lambda: io.BytesIO(data))


def read(*members: Member) -> list[Turn | Skipped]:
    return list(messenger.SOURCE.read(Export(members, {one.path: one for one in members}, "")))


def turns(*members: Member) -> list[Turn]:
    return [record for record in read(*members) if isinstance(record, Turn)]


def said(sender: str, text: str, at_ms: int, **rest: Any) -> dict[str, Any]:
    return {"sender_name": sender, "timestamp_ms": at_ms, "content": text, **rest}


def part(number: int, *messages: dict[str, Any], people: tuple[str, ...] = ("Ann", "Bo")) -> Member:
    value = {
        "participants": [{"name": name} for name in people],
        "messages": list(messages),
        "thread_path": "inbox/bo_7",
    }
    return member(f"{ACTIVITY}/bo_7/message_{number}.json", value)


# Parts


def test_a_thread_in_parts_has_the_ids_it_has_as_a_whole() -> None:
    newer = part(1, said("Ann", "d", 4000), said("Bo", "c", 3000))
    older = part(2, said("Bo", "b", 2000), said("Bo", "a", 2000))
    whole = {(turn.conversation, turn.turn): turn.text for turn in turns(newer, older)}
    apart = {(turn.conversation, turn.turn): turn.text for one in (older, newer) for turn in turns(one)}
    assert whole == apart
    assert len(whole) == 4


def test_parts_that_list_nobody_agree_though_other_people_speak_in_them() -> None:
    newer = part(1, said("Ann", "d", 4000), people=())
    older = part(2, said("Bo", "b", 2000), people=())
    assert {turn.conversation for turn in turns(newer)} == {turn.conversation for turn in turns(older)}


def test_parts_given_together_as_zips_are_one_conversation(tmp_path: Path) -> None:
    for number, at in ((1, 2000), (2, 1000)):
        with part(number, said("Ann", f"m{number}", at)).open() as stream:
            data = stream.read()
        with zipfile.ZipFile(tmp_path / f"facebook-{number}.zip", "w") as archive:
            archive.writestr(f"{ACTIVITY}/bo_7/message_{number}.json", data)
    found = [record for record in admit([tmp_path], text_chars_max=100) if isinstance(record, Turn)]
    assert len({turn.conversation for turn in found}) == 1
    assert len({turn.turn for turn in found}) == 2


def test_what_was_unsent_later_keeps_the_id_it_had_before() -> None:
    before, after = (
        turns(part(1, said("Ann", "secret", 5))),
        turns(part(1, said("Ann", "secret", 5, is_unsent=True))),
    )
    assert (before[0].turn, before[0].text) == (after[0].turn, "secret")
    assert (after[0].text, after[0].deleted) == (None, True)


# Bad and large files


def test_one_bad_message_does_no_harm_to_the_others() -> None:
    data = b'{"participants":[],"messages":[{"sender_name":"Ann","timestamp_ms":2,"content":"hi"},{oops},3]}'
    good, broken, number = read(member(f"{ACTIVITY}/a_1/message_1.json", data))
    assert isinstance(good, Turn)
    assert isinstance(broken, Skipped)
    assert isinstance(number, Skipped)
    assert (good.text, broken.reason, broken.record) == ("hi", "broken_json", b"{oops}")
    assert (number.reason, number.record) == ("broken_record", b"3")


def test_an_address_of_a_device_is_kept_nowhere() -> None:
    messages = [
        said("Ann", "hi", 1, ip="203.0.113.9"),
        {"timestamp_ms": 2, "content": "x", "ip": "203.0.113.9"},
    ]
    assert "203.0.113.9" not in repr(read(part(1, *messages)))
    broken = b'{"participants":[],"messages":[{"sender_name":"A","ip":"203.0.113.9",oops}]}'
    assert "203.0.113.9" not in repr(read(member(f"{ACTIVITY}/a_1/message_1.json", broken)))


def test_a_file_larger_than_is_held_at_once_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = [said("Ann" if n % 3 else "Bo", f"é {n}", 9000 - n) for n in range(60)]
    files = part(1, *messages[:40]), part(2, *messages[40:])
    at_once = read(*files)
    monkeypatch.setattr(thread, "CHUNK_BYTES", 300)
    monkeypatch.setattr("witting.intake.meta.thread_json.CHUNK_BYTES", 300)
    assert read(*files) == at_once
    assert [turn.text for turn in at_once if isinstance(turn, Turn)] == [
        f"é {n}" for n in reversed(range(60))
    ]


def test_more_messages_than_the_limit_refuse_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread, "MESSAGES_MAX", 2)
    assert len(read(part(1, said("Ann", "a", 1), said("Ann", "b", 2)))) == 2
    with pytest.raises(UnreadableFile, match="too_large"):
        read(part(1, *(said("Ann", "x", n + 1) for n in range(3))))


@pytest.mark.parametrize(
    "rest", [b"", b"]", b']},{"x":1}', b'],"title":"cut', b'],"title":"ok"} trailing', b"],}", b"}"]
)
def test_a_file_that_is_cut_off_or_goes_on_gives_nothing(rest: bytes) -> None:
    data = b'{"participants":[],"messages":[{"sender_name":"Ann","timestamp_ms":2,"content":"hi"}' + rest
    with pytest.raises(UnreadableFile, match="broken_json"):
        read(member(f"{ACTIVITY}/a_1/message_1.json", data))


def test_a_byte_order_mark_and_words_before_and_after_the_list_change_nothing() -> None:
    plain = {"title": "caf\u00c3\u00a9", "messages": [said("Bo", "d\u00c3\u00a9j\u00c3\u00a0 \\\"messages\\\":[", 1)],
             "participants": [{"name": "Ann"}, {"name": "Bo"}], "thread_path": "inbox/bo_7"}  # fmt: skip
    data = b"\xef\xbb\xbf" + json.dumps(plain).encode()
    (turn,) = turns(member(f"{ACTIVITY}/bo_7/message_1.json", data))
    assert (turn.text, turn.audience) == ('déjà \\"messages\\":[', "direct")
    assert json.loads(data[slice(*turn.bytes)]) == plain["messages"][0]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_clean_utf8_with_curly_quotes_is_untouched(mark: bytes) -> None:
    value = {"participants": [{"name": "Ré"}], "messages": [said("Ré", "“cafÃ©”", 1)]}
    data = mark + json.dumps(value, ensure_ascii=False).encode()
    (turn,) = turns(member(f"{ACTIVITY}/a_1/message_1.json", data))
    assert (turn.speaker, turn.text) == ("Ré", "“cafÃ©”")


def test_a_group_that_says_so_is_one_though_two_are_left() -> None:
    value = {"participants": [{"name": "Ann"}, {"name": "Bo"}], "joinable_mode": {"mode": 1, "link": ""}}
    (turn,) = turns(member(f"{ACTIVITY}/a_1/message_1.json", {**value, "messages": [said("Ann", "hi", 1)]}))
    assert turn.audience == "closed_group"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Zareagował(a) 😆 na Twoją wiadomość ", "reaction_notice"),
        ("Reagerade med ❤ på ditt meddelande", "reaction_notice"),
        ("Đã bày tỏ cảm xúc ❤ về tin nhắn của bạn", "reaction_notice"),
        ("Ann mellékletet küldött.", "media_omitted"),
        ("Ann отправил(-а) вложение.", "media_omitted"),
        ("Annさんが写真を送信しました。", "media_omitted"),
        ("Ann unsent a message", "deleted"),
        ("Bo отправил(-а) вложение.", None),
        ("Zareagował(a) wczoraj", None),
    ],
)
def test_prose_of_the_app_is_no_turn_in_any_language(text: str, reason: str | None) -> None:
    (record,) = read(part(1, said("Ann", text, 1)))
    assert (record.reason if isinstance(record, Skipped) else None) == reason


# Pages


def page(name: str, number: int = 1) -> tuple[list[Turn | Skipped], bytes]:
    data = (DATA / name).read_bytes()
    one = member(f"{ACTIVITY}/tea_9/message_{number}.html", data)
    assert messenger.SOURCE.claims(one, data[:65_536])
    return read(one), data


def test_a_page_of_today_is_read_to_the_letter() -> None:
    (named, photo, invited, spaced), data = page("page_since_2021.html")
    assert [record.reason for record in (named, photo) if isinstance(record, Skipped)] == [
        "system_line",
        "media_omitted",
    ]
    assert isinstance(invited, Turn)
    assert isinstance(spaced, Turn)
    assert (invited.speaker, invited.text) == ("Ann Lee", "come to this")
    assert spaced.text == "two  spaces,\nand a line & <tag> @ home"
    assert [(signal.value, signal.by) for signal in spaced.signals] == [("😍", "Ann Lee"), ("👍", "Cy Oz")]
    assert (spaced.time, spaced.time_precision, spaced.audience) == (
        "2020-09-13T12:31:07",
        "s",
        "closed_group",
    )
    assert spaced.parent == invited.turn
    assert data[slice(*invited.bytes)].startswith(
        b'<div class="_3-95 _a6-g"><div class="_2ph_ _a6-h _a6-i">Ann Lee'
    )


def test_a_page_in_german_made_of_sections() -> None:
    records, _ = page("page_with_sections.html")
    assert [(t.speaker, t.text, t.time, t.time_precision) for t in records if isinstance(t, Turn)] == [
        ("Ann Lee", "hallo", "2020-09-13T12:30:15", "s"),
        ("Bo Ek", "schöne Grüße", "2020-09-13T12:31:00", "min"),
    ]
    assert {t.audience for t in records if isinstance(t, Turn)} == {"direct"}


def test_words_that_look_like_a_time_are_words_and_a_time_that_cannot_be_read_is_none() -> None:
    records, _ = page("page_before_2021.html")
    assert {(t.speaker, t.text, t.time) for t in records if isinstance(t, Turn)} == {
        ("Bo Ek", "Sep 13, 2020, 9:00 AM", "2020-09-13T12:31:00"),
        ("Ann Lee", "when?", None),
    }


def test_of_a_page_beside_json_only_what_the_json_lacks_is_read() -> None:
    rows = [("Ann", "new", "1:45 AM"), ("Bo", "both", "1:31 AM")]
    body = "".join(
        f'<div class="_a6-g"><div class="_a6-h">{who}</div><div class="_a6-p"><div>{text}</div></div>'
        f'<div class="_a72d">Sep 14, 2020, {at}</div></div>'
        for who, text, at in rows
    )
    html = member(
        f"{ACTIVITY}/bo_7/message_1.html",
        f"<html><body><div>Participants: Ann and Bo</div>{body}</body></html>".encode(),
    )
    as_json = part(1, said("Bo", "both", 1_600_041_660_000))  # 00:01 UTC, in a zone of 90 minutes more
    first, known, new = read(html, as_json)
    assert isinstance(first, Turn)
    assert isinstance(known, Skipped)
    assert isinstance(new, Turn)
    assert (first.text, known.reason, new.text) == ("both", "already_known", "new")
    assert new.parent is None
    assert new.conversation == first.conversation


def test_pages_of_a_thread_in_parts_have_the_ids_they_have_as_a_whole() -> None:
    def one(number: int, *texts: str) -> Member:
        rows = "".join(
            f'<div class="msg"><div>Ann</div><div>{text}</div><div>Sep 13, 2020, 9:00 AM</div></div>'
            for text in texts
        )
        return member(
            f"{ACTIVITY}/bo_7/message_{number}.html", f"<html>Participants: Ann, Bo{rows}</html>".encode()
        )

    newer, older = one(1, "c", "b"), one(2, "a")
    apart = {(t.conversation, t.turn, t.text) for file in (newer, older) for t in turns(file)}
    assert {(t.conversation, t.turn, t.text) for t in turns(newer, older)} == apart


@FUZZ
@given(
    st.integers(0, 1600),
    st.binary(max_size=6),
    st.integers(0, 60),
    st.sampled_from(sorted(DATA.glob("*.html"))),
)
def test_a_damaged_page_gives_sound_records_or_is_refused(at: int, junk: bytes, cut: int, path: Path) -> None:
    data = path.read_bytes()
    broken = data[: at % len(data)] + junk + data[at % len(data) + cut :]
    one = member(f"{ACTIVITY}/tea_9/message_1.html", broken)
    try:
        records = read(one)
    except UnreadableFile:
        return
    assert records == read(one)
    assert all(0 <= record.bytes[0] < record.bytes[1] <= len(broken) for record in records)
    ids = [(record.conversation, record.turn) for record in records if isinstance(record, Turn)]
    assert len(ids) == len(set(ids))


# Whose download it is


def download(folder: Path, owner: str, *others: str, profile: Any = None) -> None:
    for other in others:
        path = folder / ACTIVITY / f"{other}_1"
        path.mkdir(parents=True)
        value = {"participants": [{"name": other}, {"name": owner}], "messages": [said(other, "x", 1)]}
        (path / "message_1.json").write_text(json.dumps(value))
    if profile is not None:
        path = folder / "personal_information/profile_information"
        path.mkdir(parents=True)
        (path / "profile_information.json").write_text(json.dumps(profile))


def exporters(folder: Path) -> dict[str, set[str | None]]:
    told: dict[str, set[str | None]] = {}
    for verdict in admit([folder], text_chars_max=100, with_exporter=True):
        if isinstance(verdict, FileVerdict) and verdict.source:
            told.setdefault(verdict.path.removeprefix(f"{folder}/").partition("/")[0], set()).add(
                verdict.exporter
            )
    return told


def test_two_downloads_in_one_folder_have_two_exporters(tmp_path: Path) -> None:
    download(tmp_path / "one", "Ann", "Bo", "Cy")
    download(tmp_path / "two", "Bo", "Ann", "Cy", "Di")
    assert exporters(tmp_path) == {"one": {"Ann"}, "two": {"Bo"}}


def test_the_profile_names_the_exporter_where_threads_do_not(tmp_path: Path) -> None:
    name = "Ren\u00c3\u00a9"
    download(tmp_path / "one", name, "Bo", profile={"profile_v2": {"name": {"full_name": name}}})
    download(tmp_path / "two", "Ann", "Bo")
    assert exporters(tmp_path) == {"one": {"René"}, "two": {None}}


def test_instagrams_profile_is_read_whatever_its_keys_are_called(tmp_path: Path) -> None:
    root = tmp_path / "ig"
    thread_folder = root / "your_instagram_activity/messages/inbox/bo_1"
    thread_folder.mkdir(parents=True)
    value = {"participants": [{"name": "Bo"}, {"name": "Ann"}], "messages": [said("Bo", "x", 1)]}
    (thread_folder / "message_1.json").write_text(json.dumps(value))
    folder = root / "personal_information/personal_information"
    folder.mkdir(parents=True)
    fields = {
        "E-Mail": {"value": "a@example.org"},
        "Nutzername": {"value": "ann_x"},
        "Name": {"value": "Ann"},
    }
    (folder / "personal_information.json").write_text(
        json.dumps({"profile_user": [{"string_map_data": fields}]})
    )
    assert exporters(tmp_path) == {"ig": {"Ann"}}


def test_facebook_and_instagram_of_one_person_side_by_side_are_told_apart(tmp_path: Path) -> None:
    for product, me, others in (("facebook", "Ann Lee", "bcd"), ("instagram", "ann", "ef")):
        for other in others:
            path = tmp_path / f"your_{product}_activity/messages/inbox/{other}_1"
            path.mkdir(parents=True)
            value = {"participants": [{"name": other}, {"name": me}], "messages": [said(other, "x", 1)]}
            (path / "message_1.json").write_text(json.dumps(value))
    assert exporters(tmp_path) == {"your_facebook_activity": {"Ann Lee"}, "your_instagram_activity": {"ann"}}


# What is no page of messages, and what is one without a time


@pytest.mark.parametrize(
    ("path", "is_claimed"),
    [
        ("your_facebook_activity/posts/your_posts_1.html", False),
        ("your_facebook_activity/comments_and_reactions/comments.html", False),
        ("your_facebook_activity/messages/inbox/a_1/message_1.html", True),
    ],
)
def test_pages_of_posts_look_alike_and_are_not_taken_for_messages(path: str, is_claimed: bool) -> None:
    data = (
        b'<html><body><div class="_3-95 _a6-g"><div class="_2ph_ _a6-h _a6-i">Ann updated her status.</div>'
        b'<div class="_2ph_ _a6-p">hi</div><div class="_a72d">Sep 13, 2020, 9:00 AM</div></div></body></html>'
    )
    assert messenger.SOURCE.claims(member(path, data), data) == is_claimed


@pytest.mark.parametrize(
    "time", ["", '<div class="_3-94 _a6-o">gestern</div>', '<div class="_3-94 _a6-o"></div>']
)
def test_a_message_without_a_readable_time_is_read_not_lost(time: str) -> None:
    html = (
        '<html><body><div class="pam _3-95 _a6-g noborder"><div class="_3-95 _a6-h _a6-i">Ann</div>'
        f'<div class="_3-95 _a6-p"><div><div></div><div>on Sep 13, 2020, 9:00 AM</div><div></div><div></div></div></div>{time}</div></body></html>'
    )
    (turn,) = turns(member(f"{ACTIVITY}/a_1/message_1.html", html.encode()))
    assert (turn.speaker, turn.text, turn.time, turn.time_precision) == (
        "Ann",
        "on Sep 13, 2020, 9:00 AM",
        None,
        None,
    )
