"""`witting rights notice` as a person runs it, and who finds what it recorded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY, Said
from witting.rights.notice.facts import LANGUAGES
from witting.workspace import Workspace

TOML = (REPOSITORY / "docs" / "notices.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
EVIDENCE = REPOSITORY / "docs" / "formats" / "evidence.md"


def evidence_without_text() -> dict[str, Any]:
    record: dict[str, Any] = json.loads(EVIDENCE.read_text("utf-8").split("```json\n")[1].split("```")[0])
    del record["notice"]["text"]
    return record


@pytest.fixture
def told(tmp_path: Path) -> Path:
    path = tmp_path / "facts.toml"
    path.write_text(TOML, "utf-8")
    return path


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    Workspace.create(tmp_path / "workspace")
    return tmp_path / "workspace"


def test_the_command_writes_four_files_a_language_and_says_who_read_them(
    told: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    said = witting_here("rights", "notice", told, "--out", tmp_path / "out")
    assert said.code == 0, said.err
    assert len(list((tmp_path / "out").iterdir())) == 4 * len(LANGUAGES) + 1
    assert "reviewed no" in said.out
    assert "No measure of readability is known here for hi, ja, ko" in said.out
    kept = json.loads((tmp_path / "out" / "notice.json").read_text("utf-8"))
    assert kept["sha256"] in said.out
    for language, summary in kept["languages"].items():
        for layer in ("short", "full"):
            content = (tmp_path / "out" / f"{language}.{layer}.txt").read_bytes()
            assert hashlib.sha256(content).hexdigest() == summary["sha256"][layer]
    again = witting_here("rights", "notice", told, "--out", tmp_path / "out")
    assert (again.code, "never overwritten" in again.err) == (2, True)


def test_a_recorded_notice_is_found_by_the_judge_and_by_no_other_hash(
    told: Path, workspace: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    evidence = evidence_without_text()
    path = tmp_path / "evidence.json"

    def failed() -> set[str]:
        path.write_text(json.dumps(evidence), "utf-8")
        return {
            f["rule"]
            for f in witting_here("rights", "judge", path, "--workspace", workspace, "--json").json["failed"]
        }

    out = tmp_path / "out"
    made = witting_here(
        "rights", "notice", told, "--out", out, "--record", "--workspace", workspace, "--json"
    )
    assert made.code == 0, made.err
    assert "10.notice_sha256" in failed()  # the example's own hash was never recorded
    part = json.loads((out / "en.json").read_text("utf-8"))["evidence"]
    evidence["notice"] |= part
    assert not {"10.notice_sha256", "11.notice_lang", "12.notice_elements", "13.readability"} & failed()
    evidence["notice"]["sha256"] = "0" * 64
    assert "10.notice_sha256" in failed()


def test_a_version_is_recorded_once_and_its_entry_holds_hashes_and_no_names(
    told: Path, workspace: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    entries = []
    for folder in ("one", "two"):
        said = witting_here(
            "rights",
            "notice",
            told,
            "--out",
            tmp_path / folder,
            "--record",
            "--workspace",
            workspace,
            "--json",
        )
        entries.append(said.json["entry"])
    assert entries[0] == entries[1]
    opened = Workspace.open(workspace)
    (entry,) = opened.ledger.entries(kind="notice.recorded")
    assert entry.body["sha256"] == said.json["sha256"]
    assert b"Example" not in entry.bytes
    opened.ledger.verify()
    for hashes in entry.body["texts"].values():
        assert opened.notices.holds(hashes["short"])
        assert opened.notices.holds(hashes["full"].upper())
    assert len(opened.projections.events()) == 0


def test_a_notice_that_fails_a_check_is_written_and_not_recorded(
    told: Path, workspace: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    told.write_text(TOML.replace('"Sparrow"', '"improve our services"'), "utf-8")
    said = witting_here(
        "rights", "notice", told, "--out", tmp_path / "out", "--record", "--workspace", workspace
    )
    assert said.code == 1
    assert "Not recorded: a check failed" in said.out
    assert list(Workspace.open(workspace).ledger.entries(kind="notice.recorded")) == []


@pytest.mark.parametrize("text", ["version = ", "\xff", 'version = "3"'])
def test_facts_that_are_no_facts_write_nothing(
    text: str, told: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    told.write_bytes(text.encode("latin-1"))
    said = witting_here("rights", "notice", told, "--out", tmp_path / "out")
    assert (said.code, (tmp_path / "out").exists()) == (1, False)
    assert "facts.toml" in said.err


def test_a_consent_on_a_recorded_notice_is_recorded_as_valid_without_its_text(
    told: Path, workspace: Path, tmp_path: Path, witting_here: Callable[..., Said]
) -> None:
    out = tmp_path / "out"
    witting_here("rights", "notice", told, "--out", out, "--record", "--workspace", workspace)
    evidence = evidence_without_text()
    evidence["notice"] |= json.loads((out / "en.json").read_text("utf-8"))["evidence"]
    consent = {
        "kind": "consent", "subject": "whatsapp:Ana Souza", "occurred_at": evidence["valid_from"],
        "purposes": evidence["purposes"], "evidence": evidence,
    }  # fmt: skip
    log = tmp_path / "rights.jsonl"
    log.write_text(json.dumps(consent) + "\n", "utf-8")
    said = witting_here("rights", "record", log, "--workspace", workspace, "--json")
    assert said.json["verdicts"] == {"valid": 1}, said.err
