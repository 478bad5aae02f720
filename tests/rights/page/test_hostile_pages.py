"""Nothing a page does crashes us, goes on for ever, or reaches further than it may."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from witting.errors import UnreadablePage
from witting.rights.page import visit

SECONDS_MAX = 25  # generous: other work may share the cores


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visit, "ANSWER_SECONDS_MAX", 1.0)
    monkeypatch.setattr(visit, "APPEAR_SECONDS_MAX", 1.0)


def page(folder: Path, body: str) -> str:
    path = folder / "page.html"
    path.write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>x</title><body>{body}", "utf-8")
    return str(path)


ASKS = """<div role=dialog style="position:fixed;top:0;background:#fff"><p>May we train our own model on your messages? You
can say no and nothing changes for you.</p><button {yes}>Yes, I agree</button> <button {no}>No, I decline</button></div>"""


def test_a_page_that_never_ends_is_given_up(look_at: Any, site: Any, impatient: None) -> None:
    began = time.monotonic()
    with pytest.raises(UnreadablePage, match=r"did not open.*--page-seconds"):
        look_at(f"{site.url}/endless", page_seconds=1)
    assert time.monotonic() - began < SECONDS_MAX


@pytest.mark.parametrize(
    "script",
    ["while (true) {}", "while (true) alert('again')", "setInterval(() => location.reload(), 5)"],
    ids=["busy for ever", "windows for ever", "loads itself for ever"],
)
def test_a_page_that_is_busy_with_itself_is_given_up(
    look_at: Any, tmp_path: Path, impatient: None, script: str
) -> None:
    began = time.monotonic()
    with pytest.raises(UnreadablePage):
        look_at(page(tmp_path, f"<script>{script}</script>"), page_seconds=1)
    assert time.monotonic() - began < SECONDS_MAX


def test_a_no_that_hangs_the_page_is_no_way_to_refuse(look_at: Any, tmp_path: Path, impatient: None) -> None:
    hangs = ASKS.format(yes="onclick='this.parentNode.remove()'", no="onclick='while (true) {}'")
    report = look_at(page(tmp_path, hangs))
    assert report.views[0].steps["accept"] == 1
    assert report.views[0].steps["refuse"] is None


def test_windows_that_a_click_opens_or_closes_are_no_answer(
    look_at: Any, tmp_path: Path, impatient: None
) -> None:
    gone = "onclick='this.parentNode.remove()'"
    opens = ASKS.format(yes='onclick=\'open("about:blank"); open("https://nowhere.invalid/")\'', no=gone)
    report = look_at(page(tmp_path, opens))
    assert (report.views[0].steps["accept"], report.views[0].steps["refuse"]) == (None, 1)
    closes = ASKS.format(yes=gone, no='onclick=\'open("", "_self"); close()\'')
    assert look_at(page(tmp_path, closes)).views[0].steps["accept"] == 1


def test_a_page_without_a_question_is_an_error_that_says_what_was_looked_for(
    look_at: Any, impatient: None
) -> None:
    with pytest.raises(UnreadablePage, match="asks for a consent in the 14 languages"):
        look_at("footer-only.html")  # speaks of cookies, links to privacy and terms, asks nothing


def test_a_page_that_hides_from_programs_is_seen_as_people_see_it(look_at: Any, tmp_path: Path) -> None:
    asks = ASKS.format(yes="onclick='this.parentNode.remove()'", no="onclick='this.parentNode.remove()'")
    hides = """<script>if (navigator.webdriver || /Headless/.test(navigator.userAgent))
      document.querySelector('[role=dialog]').remove()</script>"""
    assert look_at(page(tmp_path, asks + hides)).views[0].steps["refuse"] == 1


def test_buttons_that_are_there_before_the_page_listens_are_pressed_again(
    look_at: Any, tmp_path: Path
) -> None:
    late = """<script>setTimeout(() => { for (const b of document.querySelectorAll('button'))
      b.onclick = () => b.parentNode.remove() }, 700)</script>"""
    steps = look_at(page(tmp_path, ASKS.format(yes="", no="") + late)).views[0].steps
    assert (steps["accept"], steps["refuse"]) == (1, 1)


def test_an_error_of_the_server_is_no_consent_screen(look_at: Any) -> None:
    with pytest.raises(UnreadablePage, match="the error 404"):
        look_at("not-there.html")


def test_a_file_is_opened_offline_and_reads_nothing_beside_its_folder(
    look_at: Any, tmp_path: Path, elsewhere: Any
) -> None:
    (tmp_path / "secret.txt").write_text("secret", "utf-8")
    folder = tmp_path / "screen"
    folder.mkdir()
    (folder / "beside.js").write_text("document.title = 'beside'", "utf-8")
    tries = f"""<script src=beside.js></script><img src='{elsewhere.url}/pixel'><script>
    for (const where of ['{elsewhere.url}/fetch', '/../secret.txt', '/%2e%2e/secret.txt'])
      fetch(where).then(r => r.text()).then(t => {{ if (t == 'secret') document.body.append('LEAK') }}).catch(() => 0);
    navigator.sendBeacon('{elsewhere.url}/beacon', 'x');
    try {{ new WebSocket('{elsewhere.url.replace("http", "ws")}/socket') }} catch {{}}
    </script>"""
    report = look_at(
        page(
            folder,
            ASKS.format(yes="onclick='this.parentNode.remove()'", no="onclick='this.parentNode.remove()'")
            + tries,
        )
    )
    assert elsewhere.asked == []
    assert report.views[0].first.title == "beside"
    assert "LEAK" not in report.views[0].first.text
    assert sum(report.views[0].seen.blocked.values()) > 0


def test_from_an_address_things_are_loaded_from_elsewhere_but_nothing_is_sent_there(
    chromium: Any, site: Any, elsewhere: Any, look_at: Any
) -> None:
    report = look_at(f"{site.url}/sends.html?{elsewhere.url}")
    methods = {method for method, _ in elsewhere.asked}
    paths = {path for _, path in elsewhere.asked}
    assert "/look.css" in paths  # loaded
    assert methods == {"GET"}
    assert not {"/form", "/beacon", "/post", "/moved"} & paths
    assert report.views[0].steps["accept"] == 1
    assert sum(report.views[0].seen.blocked.values()) > 0
