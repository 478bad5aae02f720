"""What a WhatsApp message is, who said it to whom, and which order a date has."""

import io
from contextlib import suppress
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from witting.errors import InputError, UnreadableFile
from witting.intake import Skipped, Turn
from witting.intake.source import Export, Member
from witting.intake.whatsapp import chat as whatsapp
from witting.intake.whatsapp import records as whatsapp_records
from witting.intake.whatsapp.calendars import to_date
from witting.intake.whatsapp.header import parse_header

FUZZ = settings(max_examples=150, deadline=None)


def read(text: str | bytes, path: str = "chat.txt") -> list[Turn | Skipped]:
    data = text.encode() if isinstance(text, str) else text
    member = Member(path, len(data), lambda: io.BytesIO(data))
    return list(whatsapp.read(Export((member,), {}, "")))


def turns(text: str | bytes, path: str = "chat.txt") -> list[Turn]:
    return [record for record in read(text, path) if isinstance(record, Turn)]


def refusal(text: str | bytes) -> str:
    with pytest.raises(UnreadableFile) as caught:
        read(text)
    return str(caught.value).partition(":")[0]


def android(*lines: str) -> str:
    return "".join(f"14/03/2024, 21:{10 + number} - {line}\n" for number, line in enumerate(lines))


def ios(*lines: str) -> str:
    return "".join(f"[14/03/2024, 21:{10 + number}:05] {line}\n" for number, line in enumerate(lines))


# Bodies


@pytest.mark.parametrize(
    ("line", "text", "edited"),
    [
        ("Ann: hello", "hello", False),
        ("Ann:  two spaces ", " two spaces ", False),
        ("Ann: a: b", "a: b", False),
        ("Ann: see <b>bold</b>", "see <b>bold</b>", False),
        ("Ann: <3", "<3", False),
        ("Ann: ok <This message was edited>", "ok", True),
        (
            "Ann: they said <This message was edited> to me",
            "they said <This message was edited> to me",
            False,
        ),
        ("Ann: report.pdf (draft)", "report.pdf (draft)", False),
        ("Ann: IMG-20240314-WA0001.jpg (file attached)\nlook at this", "look at this", False),
        ("Ann: This message was deleted by me, sorry", "This message was deleted by me, sorry", False),
        ("Ann: \u200f\u202bשלום", "\u200f\u202bשלום", False),
    ],
)
def test_words_of_a_person_stay_as_they_are(line, text, edited):
    (turn,) = turns(android(line))
    assert (turn.text, turn.edited) == (text, edited)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Ann: <Media omitted>", "media_omitted"),
        ("Ann: <Médias omis>", "media_omitted"),
        ("Ann: <words no table knows>", "media_omitted"),
        ("Ann: IMG-20240314-WA0001.jpg (file attached)", "media_attached"),
        ("Ann: \u200epas.pdf (fichier joint)", "media_attached"),
        ("Ann: This message was deleted.", "deleted"),
        ("Ann: POLL:\nTea?\nOPTION: yes (1 vote)", "poll"),
        ("Ann: location: https://maps.google.com/?q=1.5,2.5", "location"),
        ("Ann:", "no_text"),
        ("Ann: ", "no_text"),
        ('Ann created group "A: b"', "system_line"),
        ("Ann changed the subject from “x: y” to “z: w”", "system_line"),
        ("Missed voice call", "system_line"),
    ],
)
def test_what_is_no_ones_words_is_skipped_by_reason(line, reason):
    (record,) = read(android(line))
    assert isinstance(record, Skipped)
    assert (record.reason, record.record) == (reason, None)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("\u200eMessages and calls are end-to-end encrypted.", "system_line"),
        ("\u200eimage omitted", "media_omitted"),
        ("\u200e<attached: 00000012-PHOTO-2024-03-14-21-10-05.jpg>", "media_attached"),
        ("\u200eYou deleted this message.", "deleted"),
        ("\u200esomething new in a language without a table", "system_line"),
    ],
)
def test_text_that_ios_generated_is_never_a_persons(body, reason):
    (record,) = read(ios(f"Ann: {body}"))
    assert isinstance(record, Skipped)
    assert record.reason == reason


def test_a_caption_on_ios_is_a_turn_without_its_file():
    (turn,) = turns(ios("Ann: our garden \u200e<attached: 00000012-PHOTO-2024-03-14-21-10-05.jpg>"))
    assert turn.text is not None
    assert turn.text.strip() == "our garden"


def test_carriage_returns_inside_a_message_are_kept_and_the_one_that_ends_it_is_not():
    text = android("Ann: one\ntwo", "Bo: three").replace("\n", "\r\n")
    assert [turn.text for turn in turns(text)] == ["one\r\ntwo", "three"]


def test_text_before_the_first_head_is_kept_in_quarantine():
    first, *_ = read("rest of a message\n" + android("Ann: hi"))
    assert isinstance(first, Skipped)
    assert (first.reason, first.record) == ("before_first_header", b"rest of a message\n")


# Speakers


def test_a_colon_in_a_name_is_found_where_every_line_has_it_and_something_else_says_the_name():
    lines = ("Dr: Who: hello", "Bo: hi", "Dr: Who: bye", "Dr: Who: really")
    spoken = turns(android(*lines), path="WhatsApp Chat with Dr_ Who.txt")
    assert {turn.speaker for turn in spoken} == {"Dr: Who", "Bo"}
    spoken = turns(android("Bo added Dr: Who", *lines))
    assert {turn.speaker for turn in spoken} == {"Dr: Who", "Bo"}


def test_lines_that_begin_alike_rename_nobody():
    spoken = turns(android(*(f"Ann: Total: {n} euros" for n in range(30)), "Bo: thanks"))
    assert [(turn.speaker, turn.text) for turn in spoken[:1]] == [("Ann", "Total: 0 euros")]
    spoken = turns(android("Ann: note: milk", "Ann: note: bread", "Ann: yes"))
    assert {turn.speaker for turn in spoken} == {"Ann"}


def test_names_lose_marks_but_an_unsaved_contact_keeps_its_tilde():
    spoken = turns(android("\u202a+49\u00a0170\u00a0123\u201145\u202c: hi", "~\u202fMo: hello", "Mo: hello"))
    assert [turn.speaker for turn in spoken] == ["+49 170 123-45", "~ Mo", "Mo"]


@pytest.mark.parametrize(
    ("lines", "audience"),
    [
        (("Ann: a", "Bo: b"), "direct"),
        (("Ann: a",), "unknown"),
        (("Ann: a", "Bo: b", "Cy: c"), "closed_group"),
        (('Ann created group "Us"', "Ann: a", "Bo: b"), "closed_group"),
        (("Du: a", "Bo: b", "You: c"), "direct"),
        (("Messages and calls are end-to-end encrypted.", "Ann: group hug!", "Bo: b"), "direct"),
    ],
)
def test_the_audience_is_what_the_file_proves(lines, audience):
    assert {turn.audience for turn in turns(android(*lines))} == {audience}


@pytest.mark.parametrize(
    ("title", "audience"), [("Bo", "direct"), ("bo (2)", "direct"), ("Football Team", "unknown")]
)
def test_a_chat_of_two_that_is_called_otherwise_may_be_a_group(title, audience):
    spoken = turns(android("Ann: a", "Bo: b"), path=f"WhatsApp Chat with {title}.txt")
    assert {turn.audience for turn in spoken} == {audience}


def test_a_chat_with_meta_ai_is_a_talk_with_an_assistant():
    spoken = turns(android("Ann: name a tree", "Meta AI: Oak", "Ann: thanks"))
    assert [turn.role for turn in spoken] == ["user", "assistant", "user"]
    assert {turn.audience for turn in spoken} == {"assistant"}
    group = turns(android("Ann: @Meta AI name a tree", "Meta AI: Oak", "Bo: ha", "Cy: ho"))
    assert [(turn.role, turn.audience) for turn in group][:2] == [
        ("person", "closed_group"),
        ("assistant", "closed_group"),
    ]


# Ids


def test_a_later_longer_export_gives_the_same_ids_for_the_old_messages():
    early = android("Ann: a", "Bo: b", "Ann: <Media omitted>")
    late = early.replace("<Media omitted>", "IMG-20240314-WA0001.jpg (file attached)") + android("Bo: c")
    old, new = turns(early), turns(late)
    assert [(t.conversation, t.turn, t.parent) for t in old] == [
        (t.conversation, t.turn, t.parent) for t in new
    ][:2]


def test_the_same_words_in_the_same_minute_are_two_turns():
    spoken = turns("14/03/2024, 21:10 - Ann: ha\n" * 3)
    assert len({turn.turn for turn in spoken}) == 3


def test_two_groups_of_one_name_do_not_become_one_conversation():
    one = android('Ann created group "Family"', "Ann: a", "Bo: b")
    two = one.replace("21:10", "21:09")
    path = "WhatsApp Chat with Family.txt"
    assert turns(one, path)[0].conversation != turns(two, path)[0].conversation
    assert turns(one, path)[0].conversation == turns(one, "WhatsApp Chat with Family (1).txt")[0].conversation


def test_no_name_stands_in_an_id():
    for turn in turns(android("Annabella: a", "Bo: b")):
        assert "Annabella" not in turn.conversation + turn.turn


# Dates


def chat(*days: str, form: str = "{}, 21:10 - Ann: x\n") -> str:
    return "".join(form.format(day) for day in days)


@pytest.mark.parametrize(
    ("text", "first_day"),
    [
        (chat("02/01/2024", "13/01/2024"), "2024-01-02"),  # 13 is no month
        (chat("01/02/2024", "01/13/2024"), "2024-01-02"),
        (chat("02.01.24", "03.01.24"), "2024-01-02"),  # no region writes month.day.year
        (chat("02-01-2024"), "2024-01-02"),
        (chat("01/02/24", "02/03/24", "03/02/24", "04/03/24"), "2024-01-02"),  # day-first would step back
        (chat("03/03/2024"), "2024-03-03"),  # the same day either way
        (chat("02/01/2024", form="{0}, 21:10 - Ana: <Mídia oculta>\n{0}, 21:11 - Ana: oi\n"), "2024-01-02"),
        (chat("24. 3. 14.", "24. 3. 15.", "24. 3. 16.", form="{} 오후 9:10 - 지우: x\n"), "2024-03-14"),
        (chat("14/3/2567"), "2024-03-14"),  # Buddhist
        (chat("14/3/67"), "2024-03-14"),
        (chat("۱۴۰۲/۱۲/۲۴", form="{}، ۲۱:۱۰ - Ann: x\n"), "2024-03-14"),  # Persian
        (chat("R6/3/14", form="[{} 21:10:05] Ann: x\n"), "2024-03-14"),  # Reiwa
        (chat("2024年3月14日"), "2024-03-14"),
    ],
)
def test_the_date_order_is_what_the_evidence_says(text, first_day):
    spoken = turns(text)
    assert spoken[0].time is not None
    assert spoken[0].time[:10] == first_day


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (chat("01/02/2024"), "ambiguous_date_order"),
        (chat("01/02/2024", "02/03/2024"), "ambiguous_date_order"),
        (chat("24. 3. 14."), "ambiguous_date_order"),
        (chat("14/9/1445"), "unknown_calendar"),  # Hijri
        (chat("14/03/2024", form="{}, 9:10 xx - Ann: x\n"), "unknown_meridiem"),
        (chat(*["14/03/2024"] * 6) + chat(*["2024-03-14"] * 6), "mixed_headers"),
    ],
)
def test_where_evidence_fails_the_file_is_refused_not_guessed(text, reason):
    assert refusal(text) == reason


@pytest.mark.parametrize(
    ("clock", "hour"),
    [
        ("12:05 AM", 0), ("12:05 PM", 12), ("9:05 p. m.", 21), ("9:05 a.\u00a0m.", 9), ("9.05 μ.μ.", 21), ("٩:٠٥ م", 21),
        ("下午9:05", 21), ("오전 9:05", 9), ("凌晨12:05", 0), ("中午12:05", 12), ("中午1:05", 13), ('9:05 אחה"צ', 21),
    ],
)  # fmt: skip
def test_half_days_are_read_in_every_spelling(clock, hour):
    header = parse_header(f"14/03/2024, {clock} - Ann: x")
    assert header is not None
    assert (header.hour, header.minute) == (hour, 5)


@pytest.mark.parametrize(
    "line",
    [
        "1/2/2024 is the day", "2/11/19: Arrival", "[2019-12-24, 12:23] Jane Doe: Signal writes this",
        "2024-03-14 21:10:05 - INFO: a log", "[14/03, 21:10] Ann: copied from the app", "14/03/2024, 25:10 - Ann: x",
    ],
)  # fmt: skip
def test_look_alikes_are_no_heads(line):
    assert parse_header(line) is None


def test_the_persian_calendar_agrees_with_known_days():
    for text, day in [
        ("1403/1/1", date(2024, 3, 20)),
        ("1404/1/1", date(2025, 3, 21)),
        ("1399/12/30", date(2021, 3, 20)),
    ]:
        header = parse_header(f"{text} 21:10 - Ann: x")
        assert header is not None
        assert to_date(header, "ymd") == day
    header = parse_header("1400/12/30 21:10 - Ann: x")
    assert header is not None
    assert to_date(header, "ymd") is None  # 1400 is no leap year


# Bad input


def test_a_file_in_latin_1_is_refused_and_one_broken_message_is_not():
    latin = android("Ann: café", "Bo: thé", "Ann: noël").encode("latin-1")
    assert refusal(latin) == "not_utf8"
    broken = android(*["Ann: fine"] * 3).encode() + b"14/03/2024, 21:20 - Bo: \xff\n"
    *good, bad = read(broken)
    assert all(isinstance(record, Turn) for record in good)
    assert isinstance(bad, Skipped)
    assert bad.reason == "broken_utf8"
    assert bad.record is not None
    assert bad.record.endswith(b"\xff\n")


def test_an_endless_message_is_cut_into_quarantined_pieces_that_lose_nothing(monkeypatch):
    monkeypatch.setattr(whatsapp_records, "RECORD_BYTES_MAX", 200)
    data = android("Ann: short").encode() + b"14/03/2024, 21:20 - Bo: x\n" + b"y" * 99 + b"\n" + b"z\n" * 300
    records = read(data)
    assert [type(record) for record in records[:1]] == [Turn]
    pieces = [record for record in records if isinstance(record, Skipped)]
    assert {piece.reason for piece in pieces} == {"text_too_long"}
    assert b"".join(piece.record or b"" for piece in pieces) == data[pieces[0].bytes[0] :]


LINES = st.sampled_from(
    ["14/03/2024, 21:10 - Ann: hi", "15/03/2024, 21:10 - Bo:", "[14/03/2024, 21:10:05] Ann: x", "plain", "", "\u200e",
     "16/03/2024, 21:10 - Ann added Bo", "99/99/2024, 21:10 - Ann: no day", "17/03/2024, 9:10 pm - Ann: y", "\ufeff",
     "14/03/2024, 21:10 - : x", "14/03/2024, 21:10 - <Media omitted>", "18/03/2024, 21:11 - Bo: <a: b.jpg>\r"]
)  # fmt: skip


@FUZZ
@given(st.lists(LINES | st.text(max_size=30), max_size=12).map("\n".join))
def test_any_lines_give_records_that_tile_the_file_or_a_refusal(text):
    data = text.encode("utf-8", "surrogatepass")
    try:
        records = read(data)
    except InputError:
        return
    end = 0
    for record in records:
        assert record.bytes[0] >= end  # only white space before the first head is no record
        end = record.bytes[1]
        if isinstance(record, Turn):
            assert (record.text or "").encode() in data[slice(*record.bytes)]
    assert end == len(data)
    assert records == read(data)


@FUZZ
@given(st.binary(max_size=300))
def test_any_bytes_give_records_or_a_refusal(data):
    whatsapp.claims(Member("x", len(data), lambda: io.BytesIO(data)), data)
    with suppress(InputError):
        read(data)


SUITE = Path(__file__).parents[3] / "shared" / "data" / "interactions-dev" / "whatsapp-invented-locales"
FIXTURES = [path.read_bytes() for path in sorted(SUITE.glob("*.txt"))]


@FUZZ
@given(st.sampled_from(FIXTURES), st.data())
def test_a_real_export_with_bytes_changed_cut_or_doubled_still_adds_up(data, draw):
    at = draw.draw(st.integers(0, len(data)))
    to = draw.draw(st.integers(at, min(len(data), at + 60)))
    changed = data[:at] + draw.draw(st.sampled_from([b"", b"\xff", b"\n", b"]", data[at:to] * 2])) + data[to:]
    try:
        records = read(changed)
    except InputError:
        return
    assert records[-1].bytes[1] == len(changed)
    assert sum(end - start for start, end in (record.bytes for record in records)) <= len(changed)


def test_a_line_of_nothing_but_marks_or_spaces_costs_no_more_than_its_length():
    for filler in ("\u200e", " ", "\u200e ", "1/", "<a "):
        line = "14/03/2024" + filler * 200_000
        assert parse_header(line) is None
        assert len(turns(android("Ann: x", f"Bo: {filler * 200_000}"))) in (1, 2)


def test_what_a_person_says_decides_only_what_the_file_leaves_open() -> None:
    def days(text: str, order: str) -> list[str]:
        one = Member("chat.txt", len(text), lambda: io.BytesIO(text.encode()))
        export = Export((one,), {}, "")
        return [
            turn.time[:10]
            for turn in whatsapp.source_with(order).read(export)
            if isinstance(turn, Turn) and turn.time
        ]

    assert days("01/02/2024, 21:10 - Ann: x\n", "dmy") == ["2024-02-01"]
    assert days("01/02/2024, 21:10 - Ann: x\n", "mdy") == ["2024-01-02"]
    assert days("14/02/2024, 21:10 - Ann: x\n", "mdy") == ["2024-02-14"]  # no month 14


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        (
            "WhatsApp Chat with Berta Demo.txt",
            "14/03/2024, 21:10 - Ann Demo: x\n14/03/2024, 21:11 - Berta Demo: y\n",
            "Ann Demo",
        ),
        ("chat.txt", "14.03.24, 21:10 - Du: x\n14.03.24, 21:11 - Berta Demo: y\n", "Du"),
        ("chat.txt", "14/03/2024, 21:10 - Ann Demo: x\n14/03/2024, 21:11 - Berta Demo: y\n", None),
    ],
)
def test_whose_export_it_is_can_sometimes_be_told(path: str, text: str, name: str | None) -> None:
    data = text.encode()
    assert whatsapp.exporter(Export((Member(path, len(data), lambda: io.BytesIO(data)),), {}, "")) == name
