"""Receipts of fixed entries, byte for byte: python tests/reports/golden.py writes those in golden/ anew.

The first of them opens docs/formats/receipt.md.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from witting.config import Receipts
from witting.ledger.entry import Entry, make_entry
from witting.reports.receipts import About, House, make_receipt
from witting.rights.notice.facts import facts_of
from witting.rights.notice.record import Shown

FOLDER = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[2] / "docs"
NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
SUBJECT = "9f86d081884c7d659a2feaa0c55ad015"
NOTICE = "4e62f2a3af5ead96b6db4d526f2cb94104858ba1b023dc55b91a62e54d0989a9"
STATED = Receipts(
    controller_id="IE-0000000",
    controller_address="1 Example Quay, Dublin",
    controller_country="IE",
    controller_contact="The privacy office",
    controller_email="privacy@example.org",
    controller_phone="+353 1 000 0000",
    privacy_notice_url="https://example.org/privacy",
    withdrawal_url="https://example.org/withdraw",
    service="Example Assistant",
)
HOUSE = House("witting.ledger/0f3c2a7be15f0c2a", "Example Ltd", STATED, 365)
FACTS = facts_of(
    tomllib.loads((DOCS / "notices.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]),
    where="the example",
)
SHOWN = Shown("3", "en", FACTS)
CONSENT = {
    "subject": SUBJECT,
    "occurred_at": "2026-11-23T18:00:00.000000+00:00",
    "purposes": ["fine_tune_own_model"],
    "evidence_commitment": "ca4f5d400d056c33328ddb4d5caa82a9e73fc05d1566785749387c570b280d09",
    "verdict": "valid",
    "score": 100,
    "profile": "gdpr",
    "pack": "gdpr@0123456789abcdef",
    "failed": [],
    "notice_sha256": NOTICE,
    "valid_from": "2026-11-23T18:00:00.000000+00:00",
    "expires_at": "2027-11-23T18:00:00.000000+00:00",
    "special": [],
    "place": "IE",
}  # fmt: skip


def entry(index: int, kind: str, body: Mapping[str, Any]) -> Entry:
    return make_entry(index, f"rights.{kind}", body, now=NOW)


def a_no(index: int, kind: str, **more: Any) -> Entry:
    said = {"subject": SUBJECT, "occurred_at": "2026-11-24T09:00:00.000000+00:00", "purposes": []}
    return entry(index, kind, said | more)


def golden() -> dict[str, dict[str, Any]]:
    """Name to body."""
    yes, evidence = entry(12, "consent", CONSENT), {"action": "click_button", "recipients": []}
    weak = entry(13, "consent", CONSENT | {"verdict": "invalid", "failed": ["2.default_state"]})
    asked = {"purposes": ["fine_tune_own_model"]}
    abouts = {
        "consent": About(yes, None, "IE", NOTICE, SHOWN, evidence),
        "consent_not_valid": About(weak, None, "IE", NOTICE, SHOWN, evidence),
        "refusal": About(a_no(14, "refusal", **asked), None, "IE", NOTICE, SHOWN, None),
        "withdrawal": About(a_no(15, "withdrawal", **asked), yes, "IE", NOTICE, SHOWN, evidence),
        "objection": About(a_no(16, "objection"), None, "IE", None, None, None),
        "signal": About(
            a_no(17, "signal", purposes=["share_dataset"], signal="gpc"), None, None, None, None, None
        ),
        "refusal_of_which_little_is_known": About(a_no(18, "refusal"), None, None, None, None, None),
    }
    return {name: dict(make_receipt(about, HOUSE, created=NOW).body) for name, about in abouts.items()}


def text(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, body in golden().items():
        (FOLDER / f"{name}.json").write_text(text(body), "utf-8")
