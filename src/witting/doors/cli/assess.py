"""`witting rights assess` and `probe`: may legitimate interest open anything here? Every safeguard by its proof."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from witting.doors.cli.outputs import private_folder, write_private
from witting.doors.cli.screen import DEFAULT, Common, now, progress, show, table
from witting.errors import UsageError
from witting.rights.pack import midnight
from witting.walk.assess import FOLDER, Assessment, seal, wait_for_objection
from witting.walk.assess import assess as assess_interest
from witting.workspace import Workspace

WAIT_SECONDS = 30
WAIT_SECONDS_MAX = 600


def assess(interest: Path, /, *, record: bool = False, common: Common = DEFAULT) -> int:
    """Judge the three steps, look for what proves each safeguard, and say which laws that opens. Exit code 1 if none opens.

    Parameters
    ----------
    interest
        The assessment as its owner wrote it (TOML, docs/legitimate-interest.md).
    record
        Also seal it into the ledger: from then on the door is as open as what was proven. A later one takes its place.
    """
    if not interest.is_file():
        raise UsageError(f"there is no file {interest}.")
    workspace, at = Workspace.open(common.workspace), now()
    with workspace.held():
        with progress(common) as tell:
            made = assess_interest(workspace, interest, now=at, tell=tell)
        entry = seal(workspace, made, now=at) if record else None
    said = made.body() | {"entry": entry}
    show(common, said, lambda: _page(made, said, entry))
    return 0 if made.opens else 1


def probe(
    page: str,
    /,
    *,
    out: Path,
    handle: str,
    identifier: str | None = None,
    open_since: date | None = None,
    wait: Annotated[int, Parameter(validator=Number(gte=0, lte=WAIT_SECONDS_MAX))] = WAIT_SECONDS,
    browser: Path | None = None,
    page_seconds: float = 30.0,
    common: Common = DEFAULT,
) -> int:
    """Try the form that objects in Chromium: one field, no reason, no account. Exit code 0 when all that was asked was seen.

    Parameters
    ----------
    page
        Address of the form. On a live site this really objects.
    out
        A new folder for probe.json and the screenshots.
    handle
        The invented person, as your form will name them in `objection.made`: source:name, known to nobody here.
    identifier
        What to fill into the form's field; else the handle's name, @example.org where it wants a mail address.
    open_since
        The day since which the form is open to everybody: yours to say.
    wait
        Seconds to wait for the objection to arrive in this workspace.
    browser
        The Chromium to use; else WITTING_CHROMIUM, else by well-known names.
    page_seconds
        How long one load of the page may take.
    """
    source, _, name = handle.partition(":")
    if not source or not name:
        raise UsageError("a handle is source:name, e.g. live:probe-2026-11.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already and not an empty folder; proof is never overwritten.")
    workspace = Workspace.open(common.workspace)
    if workspace.vault.find(handle) is not None:
        raise UsageError("somebody is known by that handle here; invent one that nobody has.")
    from witting.rights.page.objection import try_objection

    tried = try_objection(page, identifier or name, executable=browser, page_seconds=page_seconds)
    made = tried.as_probe(made_at=now()) | {"handle": handle}
    if wait_for_objection(workspace, handle, seconds=wait):
        # By what this pipeline does with every objection: docs/rights.md, how a turn is decided.
        made |= {"auto_granted": True, "effective_for": ["datasets", "models"], "works_after_training": True}
    if open_since is not None:
        made["window_open_from"] = midnight(open_since).isoformat()
    private_folder(out)
    for picture, content in tried.pictures.items():
        write_private(out / picture, content)
    write_private(out / "probe.json", (json.dumps(made, indent=1, sort_keys=True) + "\n").encode())
    problems = _problems(made, waited=wait)
    said = {"probe": made, "problems": problems}
    show(common, said, lambda: _tried(out, problems))
    return 1 if problems else 0


def _problems(made: dict[str, Any], *, waited: int) -> list[str]:
    """What assess would say of it, but for the waiting time, which depends on the law; what was not looked for is said so."""
    from witting.rights.interest.probe import ObjectionProbe, judge_probe

    assumed = {"window_open_from": made["made_at"]} | made
    if "auto_granted" not in made:
        assumed |= {
            "auto_granted": True,
            "effective_for": ["datasets", "models"],
            "works_after_training": True,
        }
    found = judge_probe(ObjectionProbe.model_validate_json(json.dumps(assumed)), lead_days=0, now=now())
    if "auto_granted" not in made:
        found.append(f"no objection of that person arrived in this workspace within {waited} seconds")
    if "window_open_from" not in made:
        found.append("since when it is open to everybody was not said (--open-since)")
    return found


def _tried(out: Path, problems: list[str]) -> str:
    lines = [f"  {problem}" for problem in problems]
    head = "The form showed all it should." if not problems else "What the form did not show:"
    return "\n".join([head, *lines, f"{out / 'probe.json'}: name it as objection_probe in the assessment."])


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
