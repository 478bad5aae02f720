"""Erasures that a crash cut short: each goes on as its own, whoever was erased in between; done is done."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from conftest import AS_OF, copy_quickstart, witting
from witting.errors import SubjectErased
from witting.walk import alone
from witting.walk import erase as erasing
from witting.workspace import Workspace

ONE, OTHER, THIRD = "open_webui:george", "open_webui:hannah", "open_webui:marie"


@pytest.fixture(scope="module")
def decided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The quickstart, walked as far as rights: nothing was trained, so an erasure takes no time."""
    root = copy_quickstart(tmp_path_factory.mktemp("cut") / "workspace")
    done = witting("run", root, "--until", "rights", "--as-of", AS_OF)
    assert done.code == 0, done.err
    return root


def erase(root: Path, handle: str) -> dict[str, Any]:
    workspace = Workspace.open(root)
    subject = workspace.vault.find(handle)
    assert subject is not None
    with alone(workspace, tell=lambda what, done, total: None, now=datetime.now(UTC)) as step:
        return erasing.erase(step, handle, subject)


def test_two_erasures_cut_short_are_each_finished_as_their_own(
    decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for handle in (ONE, OTHER):
        with monkeypatch.context() as cut:
            cut.setattr(erasing, "_purge", killed)  # behind the destroyed key, before anything is rewritten
            with pytest.raises(KeyboardInterrupt):
                erase(decided, handle)
    done = {handle: erase(decided, handle)["body"] for handle in (ONE, OTHER)}
    ledger = Workspace.open(decided).ledger
    for body in done.values():
        asked = ledger.entry(body["request_entry"])
        assert (asked.kind, asked.body["subject"]) == ("rights.erasure_request", body["subject"])
        assert body["located_rows"]["intake/turns"] > 0
        assert sum(part["rows_removed"] for part in body["rewritten"]) > 0


def test_who_was_erased_is_not_erased_again(decided: Path) -> None:
    before = Workspace.open(decided).ledger.size()
    with pytest.raises(SubjectErased, match="certificates"):
        erase(decided, ONE)
    assert Workspace.open(decided).ledger.size() == before


def test_a_walk_finishes_an_erasure_that_was_cut_short(
    decided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    before = set(decided.glob("certificates/*.json"))
    with monkeypatch.context() as cut:
        cut.setattr(erasing, "_purge", killed)
        with pytest.raises(KeyboardInterrupt):
            erase(decided, THIRD)
    assert witting("run", decided, "--until", "rights").code == 0
    (certificate,) = set(decided.glob("certificates/*.json")) - before
    assert witting("verify", certificate, "--workspace", decided).code == 0
    assert json.loads(certificate.read_text("utf-8"))["body"]["located_rows"]["intake/turns"] > 0
