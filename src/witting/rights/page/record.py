"""The evidence record as far as a page shows it, on top of what its controller already knows.

Covers: which fields a page can show, and merging them with a record that came along: what the page shows wins, what was
searched for and not found is taken out, times and everything a page cannot show stay. Not covered: judging.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from witting.rights.page.facts import Facts

# Fields a page can show. Rules on any other field say nothing about the page when they fail.
SHOWN = frozenset({
    "action", "default_state", "purposes", "bundled_with", "conditional_service", "refuse_present_same_layer",
    "steps_accept", "steps_refuse", "steps_withdraw", "withdraw_channels", "withdraw_tested_at", "notice", "ui",
    "surface", "depth", "prominence", "wording_lint", "prompt_count_after_refusal", "explicit_for_special", "captured_by",
})  # fmt: skip


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def fill(
    facts: Facts,
    known: Mapping[str, Any],  # Any: JSON values; read by capture.py afterwards
    *,
    now: datetime,
) -> dict[str, Any]:
    """A record for `capture.read_evidence`."""
    steps = facts.steps
    shown: dict[str, Any] = {
        "action": facts.action,
        "default_state": facts.default_state,
        "purposes": facts.purposes or None,
        "bundled_with": facts.bundled_with,
        "conditional_service": facts.conditional_service,
        "refuse_present_same_layer": facts.no is not None,
        "surface": facts.surface,
        "prominence": facts.prominence,
        "wording_lint": [f"{w.finding}: {w.words}" for w in facts.wording],
        "prompt_count_after_refusal": facts.seen.asked_again,
        "explicit_for_special": None if facts.names_special else {},
        "captured_by": _captured_by(facts),
        "notice": _notice(facts, known.get("notice") or {}, now),
        "ui": {"lang": facts.ui_language} if facts.ui_language else None,
    }
    if facts.seen.withdraw is not None:
        shown |= {"withdraw_channels": ["page"], "withdraw_tested_at": now.isoformat()}
    record = {**known, **{name: value for name, value in shown.items() if value is not None}}
    searched = {f"steps_{name}": taken for name, taken in steps.items()} | {"depth": facts.depth}
    return {name: value for name, value in {**record, **searched}.items() if value is not None}


def _notice(facts: Facts, known: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    shown = {
        "version": facts.version or known.get("version"),
        "sha256": sha256_of(facts.notice_text),
        "text": facts.notice_text,
        "lang": facts.notice_language,
        "shown_at": known.get("shown_at") or now.isoformat(),
        "elements": facts.elements,
        "readability": {"grade": facts.grade, "words": facts.words},
    }
    return {name: value for name, value in shown.items() if value is not None}


def _captured_by(facts: Facts) -> dict[str, str]:
    parts = urlsplit(facts.first.url)
    picture = facts.seen.pictures.get(f"{facts.seen.viewport}-accept.png")
    by = {
        "app": parts.netloc if not parts.netloc.endswith(".invalid") else parts.path.rsplit("/", 1)[-1],
        "build": f"text@{sha256_of(facts.first.text)[:16]}",
    }
    if picture is not None:
        by["ui_test_id"] = f"{facts.seen.viewport}-accept.png@{hashlib.sha256(picture).hexdigest()[:16]}"
    return by
