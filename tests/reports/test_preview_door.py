"""The preview at its door: nothing of other people, nothing lost on many pages, nothing promised that rights refuses."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import witting.doors.cli.preview as door
from witting.doors.cli import main
from witting.reports.preview_page import Pages

THREAD = {
    "participants": [{"name": "Ann Demo"}, {"name": "Bo Stranger"}],
    "messages": [
        {
            "sender_name": "Bo Stranger",
            "timestamp_ms": 1710000001000,
            "content": "zebra secret",
            "reactions": [{"reaction": "\u00f0\u009f\u0098\u0086", "actor": "Ann Demo"}],
        },
        {
            "sender_name": "Ann Demo",
            "timestamp_ms": 1710000000000,
            "content": "the garden on Friday",
            "reactions": [{"reaction": "\u00e2\u009d\u00a4", "actor": "Bo Stranger"}],
        },
    ],
    "title": "Bo Stranger",
    "thread_path": "inbox/bostranger_1",
}
GROUP = """\
14/03/2024, 21:10 - Ann Demo created group "Garden"
14/03/2024, 21:11 - Ann Demo: the beans are up
14/03/2024, 21:12 - Berta Sample: good
14/03/2024, 21:13 - Carl Third: and the peas
"""


@pytest.fixture
def thread(tmp_path: Path) -> Path:
    path = tmp_path / "messages" / "inbox" / "bostranger_1" / "message_1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(THREAD), "utf-8")
    return tmp_path / "messages"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = [
        {
            "user": "u1",
            "metadata": {"conversation_id": f"talk-{at}"},
            "messages": [
                {"role": "user", "content": f"name tree {at}"},
                {"role": "assistant", "content": "Oak"},
            ],
        }
        for at in range(3)
    ]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def run(*words: str | Path) -> int:
    return main(["intake", "preview", *map(str, words)])


def answer(capsys: pytest.CaptureFixture, *words: str | Path) -> dict[str, Any]:
    capsys.readouterr()
    assert run(*words, "--json", "--quiet") == 0
    return json.loads(capsys.readouterr().out)


def test_the_reactions_of_other_people_go_neither_into_the_page_nor_into_the_reduced_export(
    thread: Path, tmp_path: Path
) -> None:
    page, out = tmp_path / "page.html", tmp_path / "out.jsonl"
    assert run(thread, "--me", "Ann Demo", "--page", page, "--out", out) == 0
    for written in (page, out):
        text = written.read_text("utf-8")
        assert "the garden on Friday" in text
        assert "Bo Stranger" not in text
        assert "zebra" not in text


def test_more_messages_than_a_page_holds_stand_on_several_and_none_is_lost(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(door, "Pages", partial(Pages, rows_max=2))
    page = tmp_path / "page.html"
    said = answer(capsys, log, "--page", page)
    assert [Path(name).name for name in said["pages"]] == ["page.html", "page-2.html", "page-3.html"]
    texts = [Path(name).read_text("utf-8") for name in said["pages"]]
    numbers = [number for text in texts for number in re.findall(r'<li class="taken" data-id="(\w+)"', text)]
    assert numbers == [line["id"] for line in said["numbers"]]
    assert len(set(numbers)) == 6
    assert not any('id="save"' in text for text in texts)  # no page holds all that is left
    assert all("no page holds" in " ".join(text.lower().split()) for text in texts)
    assert ['data-name="taken-out-2.txt"' in text for text in texts] == [False, True, False]
    assert [re.findall(r'href="([^#"]+)"', text)[:2] for text in texts] == [
        ["page-2.html", "page-2.html"],
        ["page.html", "page-3.html"],
        ["page.html", "page-2.html"],
    ]
    assert run(log, "--page", page) == 0  # its own pages are written anew
    assert "page.html to page-3.html, 3 in all" in capsys.readouterr().out


def test_a_second_page_never_takes_the_place_of_somebody_elses_file(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(door, "Pages", partial(Pages, rows_max=2))
    (tmp_path / "page-2.html").write_text("mine", "utf-8")
    assert run(log, "--page", tmp_path / "page.html") == 2
    assert (tmp_path / "page-2.html").read_text("utf-8") == "mine"
    assert not (tmp_path / "page.html").exists()


def test_programs_get_each_number_and_whose_it_is_without_words(
    log: Path, capsys: pytest.CaptureFixture
) -> None:
    said = answer(capsys, log, "--leave-out", "c2")
    assert said["you"] == [{"source": "openai_log", "speaker": "u1", "why": "alone"}]
    assert [(line["conversation"], line["left_out"]) for line in said["numbers"]] == [
        ("c1", ""), ("c1", ""), ("c2", "taken_out"), ("c2", "taken_out"), ("c3", ""), ("c3", ""),
    ]  # fmt: skip
    assert "Oak" not in json.dumps(said)
    assert answer(capsys, log, "--leave-out", said["numbers"][0]["id"])["left_out"] == {"taken_out": 1}


def test_what_rights_would_refuse_later_is_said_in_the_terminal_and_on_the_page(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    page, chat = tmp_path / "page.html", tmp_path / "WhatsApp Chat with Garden.txt"
    chat.write_text(GROUP, "utf-8")
    for export, words, reason in (
        (log, (), "does not say when it was said"),
        (chat, ("--me", "Ann Demo"), "yes of everybody who speaks"),
    ):
        capsys.readouterr()
        assert run(export, *words, "--page", page) == 0
        said = capsys.readouterr().out
        assert (reason in said, reason in page.read_text("utf-8")) == (True, True)
        assert 'class="later"' in page.read_text("utf-8")


def test_what_was_taken_out_can_be_put_back_on_the_page_and_stays_in_its_list(
    log: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    assert run(log, "--leave-out", "c2", "--page", page) == 0
    text = page.read_text("utf-8")
    assert len(re.findall(r'class="one" value="\w{12}" checked', text)) == 2
    assert len(re.findall(r'class="whole" value="c\d"', text)) == 3
    assert len(json.loads(text.split('id="turns">')[1].split("</script>")[0])) == 6


def test_files_that_were_not_read_stand_on_the_page_with_what_helps(log: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    (tmp_path / "notes\x1b[31m.json").write_text("{", "utf-8")
    assert run(log, tmp_path / "notes\x1b[31m.json", "--page", page) == 0
    text = page.read_text("utf-8")
    assert "Download the export again" in text
    assert ("\\x1b[31m" in text, "\x1b" in text) == (True, False)


def test_it_takes_the_options_that_its_messages_name(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    chat = tmp_path / "WhatsApp Chat with Bo.txt"
    chat.write_text("01/02/2024, 21:12 - Ana: hi\n01/02/2024, 21:13 - Bo: hello\n", "utf-8")
    assert run(chat) == 1
    assert "--date-order" in capsys.readouterr().out
    said = answer(capsys, chat, "--me", "Ana", "--date-order", "dmy")
    assert [line["time"][:10] for line in said["numbers"]] == ["2024-02-01"] * 2
    table, mapping = tmp_path / "table.csv", tmp_path / "map.toml"
    table.write_text("who,what\nAna,good morning\n", "utf-8")
    mapping.write_text('source = "desk"\n[columns]\nspeaker = "who"\ntext = "what"\n', "utf-8")
    assert answer(capsys, table, "--me", "Ana", "--map", mapping)["taken"] == 1
    assert answer(capsys, chat, "--me", "Ana", "--source", "whatsapp", "--date-order", "mdy")["messages"] == 2


def test_who_was_taken_for_you_is_said_with_the_reason(log: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(log) == 0
    assert "You: u1 (openai_log): nobody else talks with an assistant in it." in capsys.readouterr().out


def test_with_nothing_to_take_nothing_is_offered(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    chat, page = tmp_path / "WhatsApp Chat with Bo.txt", tmp_path / "page.html"
    chat.write_text("14/03/2024, 21:12 - Ana: hi\n14/03/2024, 21:13 - Bo: hello\n", "utf-8")
    assert run(chat, "--me", "Ana", "--page", page) == 0
    assert "Take something out" in capsys.readouterr().out
    assert run(chat, "--me", "Ana", "--leave-out", "c1", "--page", page) == 0
    assert "Take something out" not in capsys.readouterr().out
    log = tmp_path / "log.jsonl"
    log.write_text('{"user":"u","messages":[{"role":"user","content":"name a tree"}]}\n', "utf-8")
    assert run(log, "--page", page) == 0
    assert "The rest stays out" not in page.read_text("utf-8")
