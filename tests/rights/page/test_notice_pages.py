"""The notice kit's own pages, looked at as any other: no deceptive pattern, one step each way, the text that was hashed."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from witting.rights.notice.facts import facts_of
from witting.rights.notice.kit import make_kit, write_kit
from witting.rights.page.patterns import SEEN

FACTS = tomllib.loads(
    (REPOSITORY / "docs" / "notices.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
)
PICTURES = "31.captured_by"  # asked of a look that keeps pictures


@pytest.mark.parametrize(("language", "viewport"), [("en", "phone"), ("hi", "desktop"), ("tr", "phone")])
def test_the_page_of_a_notice_is_a_good_screen(
    look_at: Any, tmp_path: Path, language: str, viewport: str
) -> None:
    kit = make_kit(facts_of(FACTS | {"languages": [language]}, where="facts.toml"))
    write_kit(kit, tmp_path / "out")
    report = look_at(str(tmp_path / "out" / f"{language}.html"), language=language, viewports=(viewport,))
    assert [finding.pattern for finding in report.patterns if finding.status == SEEN] == []
    unknown = {"13.readability"} if language == "hi" else set()
    assert {failure.rule for failure in report.failed_on_page} - {PICTURES} == unknown
    assert report.evidence["notice"]["sha256"] == kit.notices[0].written.short_sha256
    assert report.evidence["notice"]["version"] == kit.facts.version
    steps = [report.evidence[f"steps_{way}"] for way in ("accept", "refuse", "withdraw")]
    assert steps == [1, 1, 1]
    assert report.evidence["prominence"] == {"contrast": 1.0, "size": 1.0, "colour": 1.0}
    assert report.evidence["prompt_count_after_refusal"] == 0


@pytest.fixture
def opened(chromium: Any, tmp_path: Path) -> Iterator[Any]:
    """The German page on a phone; what it told the page around it is in `told`."""
    write_kit(make_kit(facts_of(FACTS | {"languages": ["de"]}, where="facts.toml")), tmp_path / "out")
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    page.add_init_script("globalThis.told = []; addEventListener('notice-answer', e => told.push(e.detail))")
    page.goto((tmp_path / "out" / "de.html").as_uri())
    yield page
    page.close()


def asks(page: Any) -> bool:
    return page.evaluate("document.getElementById('ask').open")


def test_an_answer_is_told_and_kept_and_a_no_is_not_asked_again(opened: Any) -> None:
    assert asks(opened)
    opened.click("dialog [data-say=no]")
    (told,) = opened.evaluate("told")
    assert (told["answer"], told["lang"], told["notice_version"]) == ("no", "de", "3")
    opened.reload()
    assert not asks(opened)
    opened.click("[data-again]")
    opened.click("dialog [data-say=yes]")
    opened.click("main [data-say=no]")
    assert [said["answer"] for said in opened.evaluate("told")] == ["yes", "no"]


def test_escape_means_later_and_the_question_comes_back(opened: Any) -> None:
    opened.keyboard.press("Escape")
    assert [said["answer"] for said in opened.evaluate("told")] == ["later"]
    assert not asks(opened)
    opened.reload()
    assert asks(opened)


def test_the_full_notice_unfolds_into_view_and_the_answers_stay_there(opened: Any) -> None:
    opened.click("#more")
    for part in ("#full .part", "dialog [data-say=no]", "dialog [data-say=yes]", "dialog [data-later]"):
        box = opened.locator(part).first.bounding_box()
        assert 0 <= box["y"] <= 844 - box["height"]
