"""The figures that the README and the quickstart page name are those of the quickstart's walk.

Not covered: losses and audit figures, which differ from workspace to workspace with the people held out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY

COLUMNS = ("read", "kept", "refused", "dropped", "quarantined")
FUNNEL_PAGES = ("README.md", "docs/quickstart.md")


@pytest.fixture(scope="module")
def rooms(walked: Path) -> dict[str, Any]:  # Any: what each room gave back, JSON
    return json.loads((walked.parent / "run.json").read_text("utf-8"))["rooms"]


@pytest.mark.parametrize("page", FUNNEL_PAGES)
def test_the_funnel_of_the_page_is_that_of_the_walk(page: str, rooms: dict[str, Any]) -> None:
    text = (REPOSITORY / page).read_text("utf-8")
    rows = [room["funnel"] for room in rooms.values() if "funnel" in room]
    lines = [f"| {row['stage']} | " + " | ".join(f"{row[c]:,}" for c in COLUMNS) + " |" for row in rows]
    assert lines
    assert [line for line in lines if line not in text] == []


@pytest.mark.parametrize("page", FUNNEL_PAGES)
def test_the_page_says_how_many_turns_rights_refused(page: str, rooms: dict[str, Any]) -> None:
    text = (REPOSITORY / page).read_text("utf-8")
    said = re.search(r"Rights (?:stops|says no to) (\d+) turns", text)
    assert said is not None
    assert int(said[1]) == rooms["rights"]["funnel"]["refused"]


def test_the_quickstart_page_says_why_rights_refused(rooms: dict[str, Any]) -> None:
    text = (REPOSITORY / "docs" / "quickstart.md").read_text("utf-8")
    reasons = rooms["rights"]["funnel"]["reasons"]
    said = re.search(r"Why, in turns: ([^.]+)\.", text)
    assert said is not None
    assert {name: int(count) for count, name in re.findall(r"(\d+)\s+(\w+)", said[1])} == reasons
