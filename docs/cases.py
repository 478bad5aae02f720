"""Writes docs/evidence-cases.md from tests/rights/evidence_cases.toml: python docs/cases.py

Covers: every case, as a sentence with its verdict and the rules that failed. Not covered: running them, which
tests/rights/test_judging_evidence.py does. What differed from the good record is told as the record spells it.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from witting.rights.evidence import PROFILES, load_profile

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "evidence-cases.md"
CASES = ROOT / "tests" / "rights" / "evidence_cases.toml"

HEAD = """\
# Was this consent informed? {count} cases

Each case is the good record of [the format page](formats/evidence.md) with the differences named, judged on 24 November 2026
at noon UTC. Written by `docs/cases.py` from the table that the tests run; rules and remedies stand on the format page. The first
ten happened; the companies' screens are told from public reports. A verdict is evidence, never a finding of law.

Profiles: {profiles}. Failed rules are listed whole; without any, the consent met them all.
"""


def page() -> str:
    """The whole page."""
    cases = tomllib.loads(CASES.read_text("utf-8"))["case"]
    profiles = "; ".join(f"`{name}`, {load_profile(name).title}" for name in PROFILES)
    lines = [HEAD.format(count=len(cases), profiles=profiles)]
    group = ""
    for case in cases:
        if case["group"] != group:
            group = case["group"]
            head = ["| case | what happened | different from the good record | profile | verdict | failed |"]
            lines += [f"## {group}\n", *head, "|---|---|---|---|---|---|"]
        lines.append(row(case))
        if case is cases[-1] or group != cases[cases.index(case) + 1]["group"]:
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def row(case: Mapping[str, Any]) -> str:
    failed = ", ".join(f"`{rule}`" for rule in case["failed"]) or "none"
    verdict = f"**{case['verdict']}**, {case['score']}"
    cells = [
        case["name"],
        case["what"],
        "; ".join(differences(case)),
        f"`{case['profile']}`",
        verdict,
        failed,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def differences(case: Mapping[str, Any]) -> Iterator[str]:
    for field, value in case.get("with", {}).items():
        yield f"`{field}` = `{json.dumps(value, ensure_ascii=False)}`"
    for field in case.get("without", ()):
        yield "no record at all" if field == "*" else f"no `{field}`"


def main(words: list[str]) -> int:
    written = page()
    if "--check" in words:
        return 0 if PAGE.read_text("utf-8") == written else 1
    PAGE.write_text(written, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
