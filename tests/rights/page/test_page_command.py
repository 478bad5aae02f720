"""`witting rights judge --page` as a person runs it, in a process of its own."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import witting
from witting.doors.cli import main
from witting.errors import MissingExtra, UsageError
from witting.rights.page.chromium import find_chromium, open_chromium

PAGES = Path(__file__).parent / "pages"
FORMAT = Path(__file__).parents[3] / "docs" / "formats" / "evidence.md"


def record_of_a_yes() -> dict[str, Any]:
    """The example of the format page, given an hour ago."""
    record: dict[str, Any] = json.loads(FORMAT.read_text("utf-8").split("```json\n")[1].split("```")[0])
    shown, given = (datetime.now(UTC) - timedelta(minutes=minutes) for minutes in (61, 60))
    del record["notice"]["text"], record["notice"]["sha256"]
    record["notice"]["shown_at"] = shown.isoformat()
    record["valid_from"] = record["data_window"]["from"] = given.isoformat()
    record["expires_at"] = (given + timedelta(days=365)).isoformat()
    return record


def test_a_good_screen_and_a_record_of_what_it_cannot_show_are_valid_and_leave_proof(
    executable: Path, tmp_path: Path
) -> None:
    evidence = tmp_path / "known.json"
    evidence.write_text(json.dumps(record_of_a_yes()), "utf-8")
    out = tmp_path / "proof"
    said = witting("rights", "judge", evidence, "--page", PAGES / "good.html", "--out", out, "--viewport", "desktop",
                   "--browser", executable, "--json")  # fmt: skip
    assert said.code == 0, said.err + said.out
    report = said.json
    assert (report["verdict"], report["score"], report["failed"]) == ("valid", 100, [])
    kept = json.loads((out / "page.json").read_text("utf-8"))
    assert kept["verdict"] == "valid"
    assert {"desktop-accept.png", "desktop-refused.png", "desktop-withdrawn.png", "evidence.json"} <= {
        entry["name"] for entry in kept["files"]
    }
    for entry in kept["files"]:
        content = (out / entry["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert not entry["name"].endswith(".png") or content[:8] == b"\x89PNG\r\n\x1a\n"
    text = kept["evidence"]["notice"]["text"]
    assert (
        hashlib.sha256(text.encode()).hexdigest()
        == kept["notice_sha256"]
        == kept["evidence"]["notice"]["sha256"]
    )
    again = witting(
        "rights", "judge", out / "evidence.json", "--json"
    )  # the filled record is a record as any other
    assert again.json["verdict"] == "valid"


def test_without_a_record_the_page_is_told_apart_from_what_it_cannot_show(executable: Path) -> None:
    said = witting(
        "rights",
        "judge",
        "--page",
        PAGES / "settings-on.html",
        "--viewport",
        "phone",
        "--browser",
        executable,
    )
    assert said.code == 1
    page, rest = said.out.split("A page cannot show these")
    assert "2.default_state" in page
    assert "deceptive_snugness" in page
    assert 'switch "Use my data for training AI models"' in page
    assert "jurisdiction" in rest
    assert "jurisdiction" not in page


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--page", "not-there.html"], "there is no file not-there.html"),
        ([], "name a record to judge"),
        (["--page", str(PAGES / "good.html"), "--out", str(PAGES)], "not an empty folder"),
        (["--page", str(PAGES / "good.html"), "--language", "Deutsch!"], "BCP 47"),
        (["--page", str(PAGES / "good.html"), "--page-seconds", "0"], "from 1 to 600"),
        (["--page", str(PAGES / "good.html"), "--browser", "/nowhere/chromium"], "there is no program"),
        (["--page", str(PAGES / "good.html"), "--signed-by", "key.pem"], "signed by nobody"),
    ],
)
def test_a_call_that_cannot_work_says_why(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rights", "judge", *words]) == 2
    assert says in capsys.readouterr().err


def test_without_a_browser_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(UsageError, match="apt-get install chromium"):
        find_chromium(environment={})
    with pytest.raises(UsageError, match="WITTING_CHROMIUM"):
        find_chromium(environment={"WITTING_CHROMIUM": "/nowhere/chromium"})


def test_without_playwright_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "playwright.sync_api", None)
    with pytest.raises(MissingExtra, match=r"witting\[page\]"), open_chromium(Path("chromium"), offline=True):
        pass


def test_the_room_imports_no_browser_driver_before_it_looks() -> None:
    code = "import sys, witting.rights.page.judge; print('playwright' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
