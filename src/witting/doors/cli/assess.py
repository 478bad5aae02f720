"""`witting rights assess`: may legitimate interest open anything here? Every safeguard by its proof."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from witting.doors.cli.screen import DEFAULT, Common, now, progress, show, table
from witting.walk.assess import FOLDER, Assessment, seal
from witting.walk.assess import assess as assess_interest
from witting.workspace import Workspace


def assess(interest: Path, /, *, record: bool = False, common: Common = DEFAULT) -> int:
    """Judge the three steps, look for what proves each safeguard, and say which laws that opens. Exit code 1 if none opens.

    Parameters
    ----------
    interest
        The assessment as its owner wrote it (TOML, docs/legitimate-interest.md).
    record
        Also seal it into the ledger: from then on the door is as open as what was proven. A later one takes its place.
    """
    workspace, at = Workspace.open(common.workspace), now()
    with workspace.held():
        with progress(common) as tell:
            made = assess_interest(workspace, interest, now=at, tell=tell)
        entry = seal(workspace, made, now=at) if record else None
    said = made.body() | {"entry": entry}
    show(common, said, lambda: _page(made, said, entry))
    return 0 if made.opens else 1


def _page(made: Assessment, said: dict[str, Any], entry: int | None) -> str:
    lines = [f"Legitimate interest for {made.purpose}", ""]
    lines += [f"  step {gap.step}, {gap.field}: {gap.remedy} ({gap.source})" for gap in made.gaps]
    lines += [] if made.gaps else ["  The three steps are answered, and somebody decided."]
    rows = [_row(proof) for proof in said["safeguards"]]
    lines += ["", table(rows, head=("", "safeguard", "saw", "until")), ""]
    lines += [f"  {p['safeguard']}: {p['remedy']}." for p in said["safeguards"] if not p["proven"]]
    lines += ["", *(_law(name, law) for name, law in said["laws"].items())]
    if not said["laws"]:
        lines.append(f"No pack knows legitimate interest for {made.purpose}.")
    lines.append(
        f"Sealed: ledger entry {entry}, {FOLDER}/{entry}.json."
        if entry is not None
        else "Nothing was recorded: --record seals it. The door heeds only what is sealed."
    )
    return "\n".join(lines)


def _row(proof: dict[str, Any]) -> tuple[str, ...]:
    until = proof["expires_at"]
    return (
        "proven" if proof["proven"] else "MISSING",
        proof["safeguard"],
        proof["saw"],
        until[:10] if until is not None and proof["proven"] else "-",
    )


def _law(name: str, law: dict[str, Any]) -> str:
    return (
        f"{name}: evidence for all it asks"
        if law["open"]
        else f"{name}: shut, {len(law['missing'])} not proven"
    )
