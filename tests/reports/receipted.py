"""A small house whose receipts can be complete: a recorded notice, settings that say who answers, four people who spoke."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from conftest import REPOSITORY
from witting.doors.cli import main
from witting.workspace import Workspace

FACTS = (REPOSITORY / "docs" / "notices.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
EVIDENCE = (
    (REPOSITORY / "docs" / "formats" / "evidence.md").read_text("utf-8").split("```json\n")[1].split("```")[0]
)
STATED = """\
controller = "Example Ltd"

[receipts]
controller_id = "IE-0000000"
controller_address = "1 Example Quay, Dublin"
controller_country = "IE"
controller_contact = "The privacy office"
controller_email = "privacy@example.org"
controller_phone = "+353 1 000 0000"
controller_url = "https://example.org"
privacy_notice_url = "https://example.org/privacy"
withdrawal_url = "https://example.org/withdraw"
service = "Example Assistant"
"""
ANA, BO, CY = "chatgpt:ana-souza", "chatgpt:bo", "chatgpt:cy"
FINE_TUNE = "fine_tune_own_model"


def evidence(**changes: Any) -> dict[str, Any]:
    return json.loads(EVIDENCE) | changes


def said(subject: str, kind: str, at: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "subject": subject, "occurred_at": f"2026-11-{at}", **more}


def notice_of(root: Path) -> dict[str, Any]:
    """What belongs into the evidence of somebody who was shown the recorded notice in English."""
    return json.loads((root.parent / "kit" / "en.json").read_text("utf-8"))["evidence"]


def make(root: Path, *, stated: str = STATED) -> Path:
    Workspace.create(root)
    (root / "witting.toml").write_text(stated, "utf-8")
    (root.parent / "facts.toml").write_text(FACTS, "utf-8")
    words = [
        "rights",
        "notice",
        root.parent / "facts.toml",
        "--out",
        root.parent / "kit",
        "--record",
        "--workspace",
        root,
    ]
    assert main([str(word) for word in [*words, "--quiet"]]) == 0
    return root


def tell(root: Path, *events: dict[str, Any]) -> None:
    path = root.parent / "said.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events), "utf-8")
    assert main(["rights", "record", str(path), "--workspace", str(root)]) == 0


def everything(root: Path) -> list[dict[str, Any]]:
    shown = notice_of(root) | {"shown_at": "2026-11-23T17:59:30Z"}
    return [
        said(ANA, "place", "20T00:00:00Z", place="IE"),
        said(ANA, "notice", "20T01:00:00Z", purposes=[FINE_TUNE], notice_sha256=shown["sha256"]),
        said(ANA, "refusal", "21T00:00:00Z", purposes=[FINE_TUNE]),
        said(ANA, "consent", "23T18:00:00Z", purposes=[FINE_TUNE], evidence=evidence(notice=shown)),
        said(ANA, "withdrawal", "24T18:00:00Z", purposes=[FINE_TUNE]),
        said(ANA, "objection", "24T19:00:00Z"),
        said(ANA, "signal", "25T19:00:00Z", signal={"kind": "gpc", "value": "1"}),
        said(BO, "consent", "23T18:00:00Z", purposes=[FINE_TUNE], evidence=evidence(notice=shown, default_state="on")),
        said(CY, "consent", "23T18:00:00Z", purposes=[FINE_TUNE], evidence=evidence(notice=shown, depth=3, prominence={"contrast": 0.1})),
    ]  # fmt: skip


def bodies(root: Path) -> dict[int, dict[str, Any]]:
    """Event entry to the body of its newest receipt."""
    found: dict[int, tuple[int, dict[str, Any]]] = {}
    for path in (root / "receipts").glob("*.json"):
        document = json.loads(path.read_text("utf-8"))
        about = document["body"]["dpv:hasRecordOfActivity"]["witting:ledgerEntry"]["witting:index"]
        found[about] = max(
            found.get(about, (-1, {})), (document["entry"], document["body"]), key=lambda pair: pair[0]
        )
    return {about: body for about, (_, body) in found.items()}


def record_of(body: dict[str, Any]) -> dict[str, Any]:
    return body["dpv:hasRecordOfActivity"]


def by_kind(root: Path, person: str = ANA) -> dict[str, dict[str, Any]]:
    """Kind of event to the body of its receipt."""
    subject = Workspace.open(root).vault.find(person)
    mine = [
        b for b in bodies(root).values() if record_of(b)["dpv:hasDataSubject"]["dct:identifier"] == subject
    ]
    return {re.sub(r"^rights\.", "", record_of(b)["witting:ledgerEntry"]["witting:kind"]): b for b in mine}


def rules(body: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Purposes permitted and prohibited."""
    policy = record_of(body)["witting:policy"]
    named = [
        [rule["odrl:action"]["@id"].removeprefix("action:") for rule in policy.get(f"odrl:{name}", [])]
        for name in ("permission", "prohibition")
    ]
    return named[0], named[1]
