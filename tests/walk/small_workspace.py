"""A small workspace: the fifteen people of the quickstart's assistant log, with rights of their own.

Eleven agreed on 1 June 2026; all talked in the months after. In France and in Brazil one person each was never asked, but told in time and known to be an adult,
where every safeguard is proven: legitimate interest. One in the United Kingdom and one in California said nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from conftest import AS_OF, QUICKSTART
from witting.rights.policy import load_packs
from witting.walk import walk
from witting.walk.decide import settings_sha256
from witting.workspace import Workspace

MOMENT = datetime.fromisoformat(AS_OF)
PURPOSE = "fine_tune_own_model"
ASKED = "2026-06-01"
NOTICE = "From 1 June on we would like to train our assistant on what you write to it. You can object with one click.\n"
LATER_SECONDS = 90 * 86_400  # the quickstart's people talked from April to August
SILENT = {"acct-1003", "acct-1006"}
TOLD = {"acct-1011": "FR", "acct-1013": "BR"}
CONFIG = """\
controller = "Linden Kitchens (invented)"
[rights]
log = "rights.jsonl"
purpose = "fine_tune_own_model"
[curation]
heldout_percent = 0
[corpus]
shards = 4
[audit]
canaries = 8
controls = 8
[gate]
profile = "trial"
"""
TRAINED = (
    "[training]\nbase = {base}\nsteps = 8\nbatch_sequences = 2\nsequence_tokens = 64\nrank = 2\nalpha = 4\n"
)


def handle(account: str) -> str:
    return f"openai_log:{account}"


def rights() -> list[dict[str, Any]]:
    """The log of the docstring."""
    said = [json.loads(line) for line in (QUICKSTART / "rights.jsonl").read_text("utf-8").splitlines()]
    events = [event for event in said if event["subject"].startswith("openai_log:")]
    places = [event for event in events if event["kind"] == "place"]
    out = {handle(account) for account in (*SILENT, *TOLD)}
    yes = [
        json.loads(json.dumps(event).replace("2026-03-02", ASKED).replace("2026-02-27", "2026-05-29"))
        for event in events
        if event["kind"] == "consent" and event["occurred_at"] < "2026-04" and event["subject"] not in out
    ]
    told = [event for account in TOLD for event in _told(handle(account))]
    return [*places, *yes, *told]


def prove_safeguards(workspace: Workspace) -> None:
    """The entry that `witting rights assess --record` makes, as though everything any pack asks for had been proven."""
    packs = load_packs()
    asked = {
        name
        for jurisdiction in packs.files
        for name in packs.named(jurisdiction, MOMENT).parameters.legitimate_interest.safeguards
    }
    body = {
        "occurred_at": f"{ASKED}T09:00:00.000000+00:00",
        "purposes": [PURPOSE],
        "safeguards": sorted(asked),
        "proofs": {name: _sha256(name) for name in sorted(asked)},
        "settings_sha256": settings_sha256(workspace),
    }
    workspace.ledger.append("rights.assessment", body, now=MOMENT)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _told(subject: str) -> list[dict[str, Any]]:
    at = {"subject": subject, "occurred_at": f"{ASKED}T09:00:00+00:00"}
    notice = {"kind": "notice", "purposes": [PURPOSE], "notice_sha256": _sha256(NOTICE)}
    return [at | {"kind": "age", "age": 30}, at | notice]


def make(
    root: Path,
    *,
    base: Path | None = None,
    more: list[Mapping[str, Any]] | None = None,
    proven: bool = True,
) -> Path:
    """The workspace, not walked yet. With a base it can be trained."""
    (root / "inbox").mkdir(parents=True)
    talks = [
        json.loads(line)
        for line in (QUICKSTART / "inbox" / "assistant-log.jsonl").read_text("utf-8").splitlines()
    ]
    moved = [talk | {"created": talk["created"] + LATER_SECONDS} for talk in talks]
    log = root / "inbox" / "assistant-log.jsonl"
    log.write_text("".join(json.dumps(talk, ensure_ascii=False) + "\n" for talk in moved), "utf-8")
    training = "" if base is None else TRAINED.format(base=json.dumps(str(base)))
    (root / "witting.toml").write_text(CONFIG + training, "utf-8")
    lines = [json.dumps(event) + "\n" for event in [*rights(), *(more or [])]]
    (root / "rights.jsonl").write_text("".join(lines), "utf-8")
    workspace = Workspace.create(root)
    workspace.notices.keep(NOTICE)
    if proven:
        prove_safeguards(workspace)
    return root


def walk_to(root: Path, room: str, *, now: datetime = MOMENT) -> dict[str, Any]:
    """The rooms' results."""
    workspace = Workspace.open(root)
    return walk(workspace, until=room, tell=lambda what, done, total: None, now=now).rooms
