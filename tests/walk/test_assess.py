"""Legitimate interest opens by proofs alone: what a workspace really made is looked at, sealed, and heeded by the next walk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import Said
from rights.test_interest import PROBE, WHOLE
from walk.small_workspace import MOMENT, PURPOSE, TOLD, handle, make, prove_safeguards, walk_to
from witting import corpus
from witting.ledger.certificate import seal_statement, statement_text
from witting.walk import guard
from witting.workspace import Workspace

OBJECTOR = "openai_log:probe-2026-11"
TURNS_EACH = 18
AILING = ("diabetes", "asthma", "epilepsy", "depression", "cancer", "hepatitis")
LABELLED = [
    {"text": f"{opening} {illness}{closing}", "art9": ["HEALTH"]}
    for illness in AILING
    for opening, closing in (
        ("I have", "."),
        ("I was diagnosed with", " last year."),
        ("My doctor says I have", "."),
    )
] + [{"text": f"Where is order {number}?", "art9": []} for number in range(5)]
Assess = Callable[..., Said]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nothing proven yet: a walk with consents alone, to a corpus. Its release is sealed here, as if the gate had opened:
    what that takes is other tests' business."""
    root = make(tmp_path_factory.mktemp("assess") / "workspace", proven=False)
    walk_to(root, "corpus")
    workspace = Workspace.open(root)
    manifest = corpus.load(workspace.objects, workspace.snapshots, "latest")
    guard.build(workspace, manifest)
    release(workspace, audience="anyone")
    (root / "lia").mkdir()
    (root / "lia" / "dpia.pdf").write_bytes(b"an invented assessment")
    (root / "lia" / "labelled.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in LABELLED), "utf-8"
    )
    (root / "lia" / "probe.json").write_text(
        json.dumps(PROBE | {"handle": OBJECTOR, "made_at": (MOMENT - timedelta(hours=1)).isoformat()}),
        "utf-8",
    )
    (root / "lia" / "interest.toml").write_text(
        WHOLE.replace(
            "[interest]", 'objection_probe = "probe.json"\nlabelled = "labelled.jsonl"\n[interest]', 1
        )
        + '[documents.dpia]\nfile = "dpia.pdf"\nmade_on = 2026-09-01\n'
        + '[documents.compatibility]\nfile = "dpia.pdf"\nmade_on = 2026-09-01\n',
        "utf-8",
    )
    return root


def release(workspace: Workspace, *, audience: str) -> None:
    facts = {"run": "0" * 32, "corpus": "c", "open": True, "audience": audience}
    document = seal_statement(workspace.ledger, "release", facts, now=MOMENT, facts=facts)
    workspace.write("releases", f"{document['entry']}-{'0' * 12}.json", text=statement_text(document))


@pytest.fixture
def root(walked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(walked, tmp_path / "workspace"))


@pytest.fixture
def assess(root: Path, witting_here: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> Assess:
    for command in ("assess", "rights", "run"):
        monkeypatch.setattr(f"witting.doors.cli.{command}.now", lambda: MOMENT)

    def run(*words: str | Path, code: int | None = 0) -> Said:
        told = root / "lia" / "interest.toml"
        said = witting_here("rights", "assess", told, *words, "--workspace", root, "--json", "--quiet")
        assert code is None or said.code == code, said.err
        return said

    return run


def objected(root: Path, witting_here: Callable[..., Said]) -> None:
    witting_here("rights", "object", OBJECTOR, "--workspace", root, "--json")


def missing(said: dict[str, Any]) -> list[str]:
    return sorted(one["safeguard"] for one in said["safeguards"] if not one["proven"])


def permitted_by_interest(root: Path) -> int:
    return int(walk_to(root, "rights")["rights"]["bases"].get("legitimate_interest", 0))


def test_with_every_proof_the_door_opens_for_those_who_were_told(
    root: Path, assess: Assess, witting_here: Callable[..., Said]
) -> None:
    assert permitted_by_interest(root) == 0
    objected(root, witting_here)
    said = assess("--record").json
    assert missing(said) == []
    assert said["trial"] | {"failing": None} == {
        "rows": 2 * TURNS_EACH, "people": 2, "said_no": said["trial"]["said_no"], "young": 0, "failing": None,
    }  # fmt: skip
    assert said["laws"] == {law: {"missing": [], "open": True} for law in ("br", "eu", "uk")}
    assert permitted_by_interest(root) == len(TOLD) * TURNS_EACH


def test_the_statement_is_signed_proven_and_checked_offline(
    root: Path, assess: Assess, witting_here: Callable[..., Said]
) -> None:
    objected(root, witting_here)
    entry = assess("--record").json["entry"]
    path = root / "assessments" / f"{entry}.json"
    assert all(check["ok"] for check in witting_here("verify", path, "--json").json["checks"])
    path.write_text(
        path.read_text("utf-8").replace("45 days", "44 days").replace("proceed", "procede"), "utf-8"
    )
    assert witting_here("verify", path, "--json").code == 1


def test_without_record_nothing_is_written(
    root: Path, assess: Assess, witting_here: Callable[..., Said]
) -> None:
    objected(root, witting_here)
    before = Workspace.open(root).ledger.size()
    assert assess().json["entry"] is None
    assert Workspace.open(root).ledger.size() == before
    assert not (root / "assessments").exists() or not list((root / "assessments").iterdir())


def test_one_missing_proof_keeps_the_door_shut_and_is_named(
    root: Path, assess: Assess, witting_here: Callable[..., Said]
) -> None:
    said = assess("--record", code=1).json  # nobody objected: the invented person was not heard
    assert missing(said) == ["non_user_objection"]
    assert said["laws"]["eu"] == {"missing": ["non_user_objection"], "open": False}
    assert permitted_by_interest(root) == 0
    (asked,) = [
        one for one in explained(root, witting_here)["asked"] if one["rule"] == "eu.legitimate_interest"
    ]
    assert "1 of 15 safeguards missing (non_user_objection)" in asked["saw"]


def explained(root: Path, witting_here: Callable[..., Said]) -> dict[str, Any]:
    workspace = Workspace.open(root)
    subject = workspace.vault.find(handle(next(iter(TOLD))))
    from witting.walk.decide import turn_facts

    row = next(r for table in turn_facts(workspace) for r in table.to_pylist() if r["subject_id"] == subject)
    said: dict[str, Any] = witting_here(
        "rights", "explain", row["row_id"], "--workspace", root, "--json"
    ).json
    return said


@pytest.mark.parametrize(
    ("spoil", "lost"),
    [
        (lambda root: (root / "lia" / "labelled.jsonl").write_text('{"text": "I have asthma.", "art9": ["HEALTH"]}\n', "utf-8"), "sensitive_filter_recall"),
        (lambda root: (root / "lia" / "labelled.jsonl").write_text('{"text": "I have asthma.", "art9": ["HEALTH"]}\n' * 40, "utf-8"), "sensitive_filter_recall"),
        (lambda root: shutil.rmtree(root / "guard"), "output_filter_test"),
        (lambda root: release(Workspace.open(root), audience="operator_only"), "memorization_audit"),
        (lambda root: (root / "witting.toml").write_text((root / "witting.toml").read_text("utf-8") + "[redaction]\nkeep_dates = true\n", "utf-8"), "deid_report"),
        (lambda root: next((root / "objects" / "notices").iterdir()).unlink(), "notice_lead"),
    ],
    ids=["recall", "one text forty times", "guard", "audit", "redaction", "notice"],
)  # fmt: skip
def test_what_the_pipeline_no_longer_shows_is_no_longer_proven(
    root: Path, assess: Assess, witting_here: Callable[..., Said], spoil: Callable[[Path], Any], lost: str
) -> None:
    objected(root, witting_here)
    spoil(root)
    assert missing(assess(code=1).json) == [lost]


def test_a_setting_changed_since_shuts_the_door_until_it_is_assessed_again(
    root: Path, assess: Assess, witting_here: Callable[..., Said]
) -> None:
    objected(root, witting_here)
    assess("--record")
    config = root / "witting.toml"
    config.write_text(config.read_text("utf-8") + "[guard]\npeople_min = 2\n", "utf-8")
    assert permitted_by_interest(root) == 0
    last = list(Workspace.open(root).ledger.entries(kind="rights.assessment"))[-1]
    assert (last.body["safeguards"], last.body["because"]) == ([], "settings_changed")
    walk_to(root, "rights")
    assert list(Workspace.open(root).ledger.entries(kind="rights.assessment"))[-1].index == last.index


def test_a_claim_of_long_ago_keeps_no_stale_assessment_alive(
    root: Path, assess: Assess, witting_here: Callable[..., Said], tmp_path: Path
) -> None:
    objected(root, witting_here)
    assess("--record")
    log = tmp_path / "claim.jsonl"
    claim = {
        "kind": "assessment",
        "occurred_at": "2024-06-01T09:00:00+00:00",
        "purposes": [PURPOSE],
        "safeguards": ["lia"],
    }
    log.write_text(json.dumps(claim) + "\n", "utf-8")
    witting_here("rights", "record", log, "--workspace", root, "--json")
    config = root / "witting.toml"
    config.write_text(config.read_text("utf-8") + "[guard]\npeople_min = 2\n", "utf-8")
    assert permitted_by_interest(root) == 0


def test_after_a_walk_that_masks_who_objected_the_redaction_is_still_that_of_the_walk(
    root: Path, assess: Assess, witting_here: Callable[..., Said]
) -> None:
    objected(root, witting_here)
    assess("--record")
    walk_to(root, "corpus")
    assert "deid_report" not in missing(assess(code=None).json)  # the guard is that of another corpus by now


def test_an_assessment_written_into_a_log_is_a_claim_and_opens_nothing(
    root: Path, witting_here: Callable[..., Said], tmp_path: Path
) -> None:
    claim = {
        "kind": "assessment",
        "occurred_at": "2026-06-01T09:00:00+00:00",
        "purposes": [PURPOSE],
        "safeguards": ["dpia", "lia"],
    }
    log = tmp_path / "claims.jsonl"
    log.write_text(json.dumps(claim) + "\n", "utf-8")
    witting_here("rights", "record", log, "--workspace", root, "--json")
    events = Workspace.open(root).projections.events().to_pylist()
    assert [e["safeguards"] for e in events if e["kind"] == "assessment"] == [[]]
    prove_safeguards(Workspace.open(root))  # as proofs would: the same words, with their artefacts
    assert permitted_by_interest(root) == len(TOLD) * TURNS_EACH


def test_the_first_use_starts_the_clock_of_the_report(
    root: Path, assess: Assess, witting_here: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def due(days: int) -> Any:
        monkeypatch.setattr("witting.doors.cli.due.now", lambda: MOMENT + timedelta(days=days))
        return witting_here("rights", "due", "--workspace", root, "--json").json["report_at_5_months"]

    objected(root, witting_here)
    assess("--record")
    assert due(0) is None
    walk_to(root, "rights")
    by = "2027-04-24T12:00:00+00:00"
    assert due(0) == {"state": "later", "due_at": by, "days_left": 151}
    assert due(150) == {"state": "soon", "due_at": by, "days_left": 1}
    assert due(152) == {"state": "late", "due_at": by, "days_left": -1}
    record = root / "lia" / "interest.toml"
    text = (
        record.read_text("utf-8")
        + '[documents.report_at_5_months]\nfile = "dpia.pdf"\nmade_on = 2027-04-20\n'
    )
    record.write_text(text.replace("next_review = 2027-04-01", "next_review = 2028-01-01"), "utf-8")
    monkeypatch.setattr("witting.doors.cli.assess.now", lambda: MOMENT + timedelta(days=152))
    said = assess("--record", code=1).json  # the probe is stale by then
    assert "report_at_5_months" not in missing(said)
    assert due(152)["state"] == "answered"


def test_a_record_about_another_purpose_is_refused(root: Path, assess: Assess) -> None:
    path = root / "lia" / "interest.toml"
    path.write_text(path.read_text("utf-8").replace(PURPOSE, "evaluate_model"), "utf-8")
    assert "purposes" in assess(code=1).json["error"]["message"]


def test_a_named_file_that_is_not_there_is_a_row_of_the_table(
    root: Path, assess: Assess, witting_here: Callable[..., Said]
) -> None:
    objected(root, witting_here)
    (root / "lia" / "dpia.pdf").unlink()
    (root / "lia" / "probe.json").unlink()
    said = assess(code=1).json
    assert missing(said) == ["compatibility", "dpia", "non_user_objection", "objection_form_probe"]
    (row,) = [one for one in said["safeguards"] if one["safeguard"] == "dpia"]
    assert "dpia.pdf" in row["remedy"]


def test_a_labelled_line_that_cannot_be_read_is_named_by_its_number_only(root: Path, assess: Assess) -> None:
    path = root / "lia" / "labelled.jsonl"
    path.write_text(path.read_text("utf-8") + '{"text": "I have secret illness"}\n', "utf-8")
    message = assess(code=1).json["error"]["message"]
    assert f"line {len(LABELLED) + 1}" in message
    assert "secret illness" not in message
