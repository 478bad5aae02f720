"""The notice kit's own pages, looked at as any other: no deceptive pattern, one step each way, the text that was hashed."""

from __future__ import annotations

import tomllib
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
