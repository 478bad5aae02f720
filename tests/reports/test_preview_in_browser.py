"""The preview's page in a browser: what is taken out there leaves the export and its list, and can be put back.

Without Chromium or playwright these are skipped and say so; with WITTING_REQUIRE_CHROMIUM=1 they fail.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from witting.doors.cli import main
from witting.errors import WittingError
from witting.rights.page.chromium import find_chromium, open_chromium

REQUIRED = os.environ.get("WITTING_REQUIRE_CHROMIUM") == "1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:  # Any: playwright's Browser
    try:
        opened = open_chromium(find_chromium(), offline=True)
        with opened as found:
            yield found
    except WittingError as error:
        if REQUIRED:
            raise
        pytest.skip(str(error))


def lines(*words: str) -> list[dict[str, Any]]:
    return [
        {
            "user": "u1",
            "metadata": {"conversation_id": f"talk-{at}"},
            "messages": [{"role": "user", "content": word}, {"role": "assistant", "content": f"{word}!"}],
        }
        for at, word in enumerate(words)
    ]


def saved(page: Any, button: str) -> tuple[str, str]:
    with page.expect_download() as waiting:
        page.click(button)
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_text("utf-8")


def test_taking_out_putting_back_and_saving(
    browser: Any, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    log, html = tmp_path / "log.jsonl", tmp_path / "page.html"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines("oak", "elm", "ash")), "utf-8")
    assert main(["intake", "preview", str(log), "--leave-out", "c2", "--page", str(html), "--json"]) == 0
    ids = [line["id"] for line in json.loads(capsys.readouterr().out)["numbers"]]
    page = browser.new_page(accept_downloads=True)
    page.goto(html.as_uri())
    for part in page.query_selector_all("details"):
        part.evaluate("part => { part.open = true; }")
    assert saved(page, "#list") == ("taken-out.txt", f"{ids[2]}\n{ids[3]}\n")
    page.uncheck(f'input[value="{ids[3]}"]')
    page.check('input.whole[value="c3"]')
    page.check(f'input[value="{ids[0]}"]')
    _, text = saved(page, "#save")
    assert [json.loads(line)["text"] for line in text.splitlines()] == ["oak!", "elm!"]
    taken_out = tmp_path / "taken-out.txt"
    taken_out.write_text(saved(page, "#list")[1], "utf-8")
    assert taken_out.read_text("utf-8").split() == ["c3", ids[0], ids[2]]
    out = tmp_path / "reduced.jsonl"
    assert main(["intake", "preview", str(log), "--leave-out", str(taken_out), "--out", str(out)]) == 0
    reduced = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert reduced == [
        json.loads(line) for line in text.splitlines()
    ]  # the page and the command write the same
    assert page.inner_text("#chosen") == "4 taken out, 2 left here."
