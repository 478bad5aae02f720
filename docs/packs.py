"""Writes docs/packs.md from src/witting/rights/packs/*.toml: python docs/packs.py

Covers: every pack and every rule with its citation, dates, status, and whether the cited law was read. Not covered: the
cases, which stand in the packs and are run by tests/rights/test_pack_cases.py.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from witting.rights.cases import runnable
from witting.rights.pack import PackFile, Rule
from witting.rights.policy import Packs, load_packs
from witting.schema import PURPOSES

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "packs.md"
AS_OF = datetime(2026, 11, 24, tzinfo=UTC)

HEAD = """\
# Packs

The rules of each place, as they stand on 24 November 2026: {packs} packs, {rules} rules, {cases} cases that the tests run
(`witting rights packs --cases` runs them too, and those of your own packs). Written by `docs/packs.py`.

**Checked** counts rules whose cited law, decision or guidance was read, by us, in the source or in a report of it. No pack was
read as a whole by a lawyer: do that before relying on one. This is engineering, not legal advice.

A place that has no pack has `global_floor`. How a pack is written: [rights](rights.md#packs).

| pack | | evidence profile | direct talk | closed group | legitimate interest | special categories | days to answer | checked |
|---|---|---|---|---|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    packs = load_packs()
    read = [packs.files[name] for name in sorted(packs.files)]
    counts = {
        "packs": len(read),
        "rules": sum(len(one.rule) for one in read),
        "cases": sum(len(runnable(one)) for one in read),
    }
    lines = [HEAD.format(**counts) + "\n".join(row(packs, one) for one in read), ""]
    for one in read:
        lines += section(one)
    return "\n".join(lines).rstrip() + "\n"


def row(packs: Packs, read: PackFile) -> str:
    law = packs.named(read.jurisdiction, AS_OF).parameters
    interest = law.legitimate_interest
    never = "".join(
        f"; {kind.lower()} never{'' if len(purposes) == len(PURPOSES) else ' to ' + ', '.join(purposes)}"
        for kind, purposes in sorted(law.special_never.items())
    )
    cells = [
        f"`{read.jurisdiction}`",
        read.title,
        f"`{law.profile}`",
        law.audiences.direct,
        law.audiences.closed_group,
        f"yes, {interest.lead_days} days" if interest.allowed else "no",
        law.special + never,
        str(law.answer_days),
        f"{sum(rule.reviewed for rule in read.rule)} of {len(read.rule)}",
    ]
    return f"| {' | '.join(cells)} |"


def section(read: PackFile) -> Iterator[str]:
    yield f"## {read.title}\n"
    yield f"`{read.jurisdiction}.toml`; places: {', '.join(read.places) or 'all that have no pack'}.\n"
    if read.note:
        yield f"{read.note}\n"
    yield "| rule | status | says | citation | checked |"
    yield "|---|---|---|---|---|"
    yield from (rule_row(rule) for rule in read.rule)
    yield ""


def rule_row(rule: Rule) -> str:
    changes = f" Changes {', '.join(f'`{name}`' for name in sorted(rule.sets))}." if rule.sets else ""
    checked = "yes" if rule.reviewed else "no"
    cells = [f"`{rule.id}`", dates(rule), rule.plain + changes, rule.citation, checked]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def dates(rule: Rule) -> str:
    if rule.in_force_from is None:
        return rule.status.replace("_", " ")
    until = f" to {rule.in_force_to}" if rule.in_force_to else ""
    since = "" if rule.in_force_from.year == 1970 else f" from {rule.in_force_from}"
    return f"{rule.status.replace('_', ' ')}{since}{until}"


def main(words: list[str]) -> int:
    written = page()
    if "--check" in words:
        return 0 if PAGE.read_text("utf-8") == written else 1
    PAGE.write_text(written, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
