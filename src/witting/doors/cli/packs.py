"""`witting rights packs`: which rules there are, since when, and who has read them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from witting.doors.cli.screen import DEFAULT, Common, now, show, table
from witting.errors import UsageError
from witting.rights.cases import runnable, wrong_cases
from witting.rights.pack import PackFile, Rule
from witting.rights.policy import Packs, load_packs


def packs(*files: Path, cases: bool = False, common: Common = DEFAULT) -> int:
    """The policy packs: places, rules, their status, and whether anybody checked the law they cite. Needs no workspace.

    Parameters
    ----------
    files
        Packs of your own, beside ours or instead of one of the same jurisdiction.
    cases
        Run every case the packs carry; exit code 1 if one is answered otherwise than it says.
    """
    for given in files:
        if not given.is_file():
            raise UsageError(f"there is no file {given}.")
    read, at = load_packs(files), now()
    wrong = {name: wrong_cases(read, name) for name in read.files} if cases else {}
    said: dict[str, Any] = {"packs": [listed(read, name, at) for name in sorted(read.files)]}
    if cases:
        run = sum(len(runnable(pack)) for pack in read.files.values())
        said["cases"] = {"run": run, "wrong": [line for lines in wrong.values() for line in lines]}
    show(common, said, lambda: _screen(said))
    return 1 if any(wrong.values()) else 0


def listed(packs: Packs, name: str, at: datetime) -> dict[str, Any]:
    """One pack as `--json` prints it."""
    read = packs.files[name]
    parameters = packs.named(name, at).parameters
    return {
        "pack": name,
        "title": read.title,
        "version": read.version,
        "sha256": packs.digests[name],
        "places": list(read.places),
        "reviewed": read.reviewed,
        "note": read.note,
        "profile": parameters.profile,
        "legitimate_interest": parameters.legitimate_interest.allowed,
        "special": parameters.special,
        "rules": [_rule(rule, read, at) for rule in read.rule],
    }


def _rule(rule: Rule, read: PackFile, at: datetime) -> dict[str, Any]:
    return {
        "rule": rule.id,
        "status": rule.status,
        "in_force_from": rule.in_force_from and rule.in_force_from.isoformat(),
        "in_force_to": rule.in_force_to and rule.in_force_to.isoformat(),
        "holds": rule.holds(at),
        "reviewed": rule.reviewed,
        "citation": rule.citation,
        "plain": rule.plain,
        "sets": sorted(rule.sets),
        "cases": len([case for case in rule.case if case.asked is not None]),
    }


def _screen(said: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = []
    for pack in said["packs"]:
        rules = pack["rules"]
        waiting = [rule["rule"] for rule in rules if not rule["holds"]]
        places = " ".join(pack["places"][:8]) + (" ..." if len(pack["places"]) > 8 else "")
        checked = f"{sum(rule['reviewed'] for rule in rules)} of {len(rules)}"
        rows.append((pack["pack"], places or "-", checked, ", ".join(waiting) or "-"))
    head = ("pack", "places", "rules checked", "not in force today")
    lines = [
        table(rows, head=head),
        "",
        "Checked: the cited law was read. No pack was read whole by a lawyer.",
    ]
    if "cases" in said:
        wrong = said["cases"]["wrong"]
        lines += [f"{said['cases']['run']} cases run, {len(wrong)} answered otherwise than they say.", *wrong]
    return "\n".join(lines)
