"""The invented locale suite against its truth, exactly; and fixtures of other parsers."""

import json
from pathlib import Path

import pytest

from intake.whatsapp_locales import LOCALES as GENERATED
from witting.intake import FileVerdict, Skipped, Turn, admit
from witting.intake.whatsapp.header import parse_header
from witting.intake.whatsapp.heads import Heads

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "interactions-dev"
SUITE = DATA / "whatsapp-invented-locales"
TRUTH = json.loads((SUITE / "truth.json").read_text("utf-8"))
LOCALES = sorted(path.stem for path in SUITE.glob("*.txt"))
SKIPPED = {"system": "system_line", "media_omitted": "media_omitted", "deleted": "deleted"}
# In this file every head reads ١٤ (14), while the truth counts on from the 14th as in the other files. The bytes hold.
ALWAYS_THE_14TH = "ios_ar_digits"


def read(path: Path) -> tuple[list[Turn | Skipped], FileVerdict]:
    *records, verdict = admit([path], text_chars_max=100_000)
    return records, verdict


def told(name: str, event: dict) -> str:
    minute = event["local_time_minute"]
    return f"2024-03-14{minute[10:]}" if name == ALWAYS_THE_14TH else minute


@pytest.mark.parametrize("name", LOCALES)
def test_every_locale_is_read_exactly(name):
    records, verdict = read(SUITE / f"{name}.txt")
    assert (verdict.verdict, verdict.source, verdict.records) == ("read", "whatsapp", len(TRUTH[name]))
    for event, record in zip(TRUTH[name], records, strict=True):
        if event["kind"] in SKIPPED:
            assert isinstance(record, Skipped)
            assert record.reason == SKIPPED[event["kind"]]
            continue
        assert isinstance(record, Turn)
        assert record.time is not None
        assert record.time[:16] == told(name, event)
        assert record.edited is (event["kind"] == "edited")
        assert record.text == ("ok then" if record.edited else event["body"])
        assert (record.audience, record.role) == ("direct", "person")


@pytest.mark.parametrize("name", LOCALES)
def test_bodies_are_the_bytes_of_the_file(name):
    data = (SUITE / f"{name}.txt").read_bytes()
    records, _ = read(SUITE / f"{name}.txt")
    for record in records:
        start, end = record.bytes
        if isinstance(record, Turn):
            assert record.text is not None
            assert record.text.encode() in data[start:end]
    assert b"".join(data[record.bytes[0] : record.bytes[1]] for record in records) == data


def test_seconds_are_claimed_only_where_the_phone_wrote_them():
    assert {turn.time_precision for turn in read(SUITE / "ios_de.txt")[0] if isinstance(turn, Turn)} == {"s"}
    android, _ = read(SUITE / "android_de.txt")
    assert {(t.time_precision, t.time[16:]) for t in android if isinstance(t, Turn) and t.time} == {
        ("min", ":00")
    }


@pytest.mark.parametrize(
    "layout", sorted(path.name for path in (DATA / "chat-miner-fixtures/whatsapp").glob("*.txt"))
)
def test_chat_miners_layouts_give_what_its_target_says(layout):
    target = json.loads((DATA / "chat-miner-fixtures/whatsapp/target.json").read_text("utf-8"))
    records, _ = read(DATA / "chat-miner-fixtures/whatsapp" / layout)
    turns = [record for record in records if isinstance(record, Turn)]
    assert [(t.time, t.speaker) for t in turns] == [(t["timestamp"], t["author"]) for t in reversed(target)]
    # chat-miner turns line ends into spaces; we do not
    assert [t.text.replace("\n", " ") for t in turns if t.text] == [t["message"] for t in reversed(target)]


def test_a_head_of_another_shape_inside_a_message_is_text():
    turns = [r for r in read(DATA / "chatistics-fixtures/whatsapp/_chat 2.txt")[0] if isinstance(r, Turn)]
    assert len(turns) == 4
    assert turns[0].text is not None
    assert turns[0].text.endswith(
        "\n[1.9.19, 00:00:00] Peter Doe: this is the second line of the first message"
    )
    turns = [r for r in read(DATA / "chatistics-fixtures/whatsapp/_chat.txt")[0] if isinstance(r, Turn)]
    assert [t.text for t in turns if t.text and "another chat" in t.text] == [
        "What is that?\n2/11/19, 14:48 Alice Placeholder: this is a message from another chat!"
    ]


def test_a_date_order_that_nothing_decides_is_refused():
    records, verdict = read(DATA / "chatistics-fixtures/whatsapp/_chat 3.txt")
    assert records == []
    assert (verdict.verdict, verdict.reason) == ("refused", "ambiguous_date_order")


def test_a_zip_with_media_gives_its_words_and_names_everything_else():
    found = list(
        admit([DATA / "whatsapp-zip-with-media/whatsapp-chat-parser-example.zip"], text_chars_max=100_000)
    )
    verdicts = {v.path.rpartition("/")[2]: v for v in found if isinstance(v, FileVerdict)}
    chat = verdicts["_chat.txt"]
    assert (chat.turns, dict(chat.skipped)) == (43, {"media_attached": 4, "poll": 1, "system_line": 4})
    assert verdicts["00000004-whatsapp-chat-parser-example.zip"].reason == "nested_archive"
    assert verdicts[".__chat.txt"].reason == "macos_metadata"
    assert sum(v.reason == "media_not_read" for v in verdicts.values()) == 3
    assert {t.audience for t in found if isinstance(t, Turn)} == {"closed_group"}


# The generated suite


@pytest.mark.parametrize("locale", [one for one in GENERATED if not one.refused], ids=lambda one: one.name)
def test_a_generated_locale_is_read_exactly(locale, tmp_path):
    path = tmp_path / "chat.txt"
    path.write_bytes(locale.text().encode())
    records, verdict = read(path)
    assert (verdict.verdict, verdict.reason, verdict.source) == ("read", "", "whatsapp")
    told = list(locale.truth())
    assert [None if isinstance(r, Skipped) else (r.time, r.speaker, r.text) for r in records] == [
        None if body is None else (time, who, body) for time, who, body in told
    ]
    assert [r.reason for r in records if isinstance(r, Skipped)] == ["media_omitted"]
    precision = {"s" if locale.is_ios else "min"}
    assert {r.time_precision for r in records if isinstance(r, Turn)} == precision


@pytest.mark.parametrize("locale", [one for one in GENERATED if one.refused], ids=lambda one: one.name)
def test_a_generated_locale_that_nobody_could_read_surely_is_refused(locale, tmp_path):
    path = tmp_path / "chat.txt"
    path.write_bytes(locale.text().encode())
    records, verdict = read(path)
    assert (records, verdict.verdict, verdict.reason) == ([], "refused", locale.refused)


def test_the_generated_suite_is_as_large_as_it_says():
    assert len({one.text() for one in GENERATED}) >= 80


@pytest.mark.parametrize("locale", GENERATED, ids=lambda one: one.name)
def test_a_head_found_fast_is_the_head_that_is_parsed(locale):
    heads = Heads()
    lines = locale.text().split("\n") * 2  # the second time, every date and time was met before
    lines += [line.replace("9", "99").replace("1", "61") for line in lines]  # no such days, hours, seconds
    for line in lines:
        assert heads.at(line.encode()) == parse_header(line)
