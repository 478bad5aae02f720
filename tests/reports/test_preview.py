"""What a person sees of their export before anything is stored, and what is left when they took something out."""

import json
import re
import stat
from pathlib import Path

import pytest

from conftest import witting
from witting.errors import UsageError
from witting.intake import admit
from witting.reports.preview import Row, preview, who_speaks

CHAT = """\
14/03/2024, 21:10 - Messages and calls are end-to-end encrypted.
14/03/2024, 21:11 - Ann Demo: my mail is ann@example.org, call Berta Sample
14/03/2024, 21:12 - Berta Sample: my secret plan is zebra-crossing
14/03/2024, 21:13 - Ann Demo: I have been in therapy for my depression since May
14/03/2024, 21:14 - Ann Demo: <Media omitted>
14/03/2024, 21:15 - Ann Demo: the garden on Friday <script>alert(1)</script>
"""
LOG = [
    {"user": "u1", "metadata": {"conversation_id": "a"}, "messages": [
        {"role": "user", "content": "I was diagnosed with diabetes, what may I eat?"},
        {"role": "assistant", "content": "With diabetes, eat slowly rising carbohydrates."},
        {"role": "user", "content": "name a tree"},
        {"role": "assistant", "content": "Oak"},
    ]},
]  # fmt: skip


@pytest.fixture
def chat(tmp_path: Path) -> Path:
    path = tmp_path / "WhatsApp Chat with Berta Sample.txt"
    path.write_text(CHAT, "utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LOG), "utf-8")
    return path


def rows(path: Path, *, me: tuple[str, ...] = (), taken_out: tuple[str, ...] = ()) -> list[Row]:
    people = who_speaks(admit([path], text_chars_max=10_000, with_exporter=True), me=me)
    shown = preview(admit([path], text_chars_max=10_000), people, taken_out=taken_out)
    return [row for row in shown if isinstance(row, Row)]


def test_each_message_says_whose_it_is_and_why_it_stays_out(chat: Path) -> None:
    found = rows(chat, me=("Ann Demo",))
    assert [(row.mine, row.left_out) for row in found] == [
        (True, ""), (False, "not_yours"), (True, "special_category"), (True, ""),
    ]  # fmt: skip
    text = found[0].turn.text or ""
    assert [(text[start:end], kind) for start, end, kind in found[0].masked] == [
        ("ann@example.org", "EMAIL"),
        ("Berta Sample", "PERSON"),
    ]


def test_numbers_are_the_same_on_every_reading_and_take_messages_out(chat: Path) -> None:
    first, *_ = rows(chat, me=("Ann Demo",))
    assert rows(chat, me=("Ann Demo",), taken_out=(first.id,))[0].left_out == "taken_out"
    everything = rows(chat, me=("Ann Demo",), taken_out=("c1",))
    assert {row.left_out for row in everything} == {"taken_out", "not_yours", "special_category"}


def test_a_stranger_to_the_export_is_asked_who_they_are(chat: Path) -> None:
    with pytest.raises(UsageError, match="nobody by one of the names"):
        rows(chat, me=("Zoe",))


def test_the_one_person_who_talks_with_an_assistant_need_not_say_so(log: Path) -> None:
    found = rows(log)
    assert [row.left_out for row in found] == ["special_category", "answers_refused_turn", "", ""]
    assert all(row.mine for row in found)


def test_the_reduced_export_holds_what_is_left_and_reads_back(chat: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "reduced.jsonl", tmp_path / "page.html"
    said = witting("intake", "preview", chat, "--me", "Ann Demo", "--out", out, "--page", page, "--json")
    assert said.code == 0, said.err
    counted = json.loads(said.out)
    assert (counted["messages"], counted["taken"]) == (4, 2)
    assert counted["left_out"] == {"not_yours": 1, "special_category": 1}
    lines = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert [line["speaker"] for line in lines] == ["Ann Demo", "Ann Demo"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (out, page)] == [0o600, 0o600]


def test_the_page_forbids_every_connection_and_shows_nobody_elses_words(chat: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert witting("intake", "preview", chat, "--me", "Ann Demo", "--page", page).code == 0
    text = page.read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert policy[1].startswith("default-src &#39;none&#39;") or policy[1].startswith("default-src 'none'")
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "zebra" not in text
    assert "Berta Sample" in text  # in the person's own words
    assert "<script>alert" not in text
    carried = json.loads(text.split('id="turns">')[1].split("</script>")[0])
    assert [len(carried), {turn["speaker"] for _, turn in carried}] == [2, {"Ann Demo"}]


def test_a_list_of_numbers_in_a_file_is_taken_out(chat: Path, tmp_path: Path) -> None:
    taken_out, out = tmp_path / "taken-out.txt", tmp_path / "o.jsonl"
    taken_out.write_text(rows(chat, me=("Ann Demo",))[0].id + "\n")
    said = witting(
        "intake", "preview", chat, "--me", "Ann Demo", "--leave-out", taken_out, "--out", out, "--json"
    )
    assert json.loads(said.out)["taken"] == 1
    assert len(out.read_text().splitlines()) == 1


def test_sources_tell_what_their_platform_permits() -> None:
    said = json.loads(witting("intake", "sources", "--json").out)["sources"]
    assert said["whatsapp"]["terms"][0]["reviewed"] is False
    assert "train_general_model" not in said["whatsapp"]["terms"][0]["purposes"]
    assert "WhatsApp" in witting("intake", "sources").out
