"""The report of the quickstart: what the walk left is what the page says, and nobody can be found in it."""

from __future__ import annotations

import json
from pathlib import Path

from invented_walk import Page

from conftest import witting
from witting.workspace import Workspace


def test_the_page_tells_the_funnel_the_walk_left(walked: Path) -> None:
    funnel = json.loads((walked / "reports" / "funnel.json").read_text("utf-8"))["stages"]
    values = json.loads((walked / "reports" / "report.json").read_text("utf-8"))
    page = Page((walked / "reports" / "report.html").read_text("utf-8"))
    assert values["funnel"] == funnel
    assert page.unclosed == []
    for row in funnel:
        assert f"{row['kept']:,} of {row['read']:,} go on" in page.text


def test_no_handle_and_no_id_of_a_person_is_in_the_report(walked: Path) -> None:
    workspace = Workspace.open(walked)
    people = set(workspace.projections.events().column("subject").drop_null().to_pylist())
    handles = workspace.vault.handles_of(sorted(people))
    written = "".join(
        (walked / "reports" / name).read_text("utf-8") for name in ("report.html", "report.json")
    )
    names = {handle.partition(":")[2] for handle in handles.values()}
    assert len(names) > 50
    assert not [name for name in names if f"{name} " in written or f">{name}<" in written]
    assert not [person for person in people if person in written]


def test_the_report_can_be_written_again_and_its_checkpoint_verifies(walked_copy: Path) -> None:
    before = (walked_copy / "reports" / "report.html").read_bytes()
    again = witting("report", "run", "--workspace", walked_copy, "--json")
    assert again.code == 0
    assert again.json["report"] == "reports/report.html"
    assert (walked_copy / "reports" / "report.html").read_bytes() == before
    size = Workspace.open(walked_copy).ledger.size()
    checked = witting("verify", walked_copy / "checkpoints" / f"{size}.txt", "--workspace", walked_copy)
    assert checked.code == 0


def test_a_workspace_without_a_walk_says_what_to_do(tmp_path: Path) -> None:
    assert witting("init", tmp_path / "new").code == 0
    said = witting("report", "run", "--workspace", tmp_path / "new")
    assert said.code == 2
    assert "Walk first: witting run" in said.err
