"""`witting erase HANDLE`: the plan first, then the deed, and the certificate."""

from __future__ import annotations

import sys
from typing import Any

from witting.doors.cli.screen import DEFAULT, Common, now, progress, show
from witting.walk import alone
from witting.walk.erase import erase as erase_person
from witting.walk.erase import plan
from witting.walk.find import find_person
from witting.workspace import Workspace


def erase(handle: str, /, *, yes: bool = False, common: Common = DEFAULT) -> int:
    """Erase a person from vault, data, corpora and adapters. Cannot be undone.

    Parameters
    ----------
    handle
        The person, as source:name.
    yes
        Do it without asking; without it, a terminal is asked and anything else is only shown the plan.
    """
    workspace = Workspace.open(common.workspace)
    subject = find_person(workspace, handle)
    with progress(common) as tell, alone(workspace, tell=tell, now=now()) as step:
        planned = plan(step, subject)
        if not yes and not _agreed(planned):
            show(
                common, {"plan": planned}, lambda: _plan(planned) + "\nNothing was done. Add --yes to do it."
            )
            return 0
        done = erase_person(step, handle, subject)
    said = {"plan": planned, "certificate": done["path"], "id": done["certificate"], "body": done["body"]}
    show(common, said, lambda: _certificate(done))
    return 0


def _agreed(planned: dict[str, Any]) -> bool:
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        return False
    print(_plan(planned), file=sys.stderr)
    print("Erase this person? Type yes: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == "yes"


def _plan(planned: dict[str, Any]) -> str:
    rows = ", ".join(f"{count} in {name}" for name, count in planned["rows"].items()) or "none"
    return (
        f"Rows of this person: {rows}; {planned['waiting_events']} live events that wait; "
        f"{planned['corpus_examples']} examples in the corpus.\n"
        f"{planned['parts_to_rewrite']} parts are rewritten; shard {planned['shard']} is trained again "
        f"({planned['training_steps']} steps). The key is destroyed: there is no way back."
    )


def _certificate(done: dict[str, Any]) -> str:
    body = done["body"]
    lines = [
        "Erased.",
        f"  key: {body['key']}; rows rewritten: {sum(part['rows_removed'] for part in body['rewritten'])}; "
        f"waiting live events deleted: {body['waiting_events']}",
        f"  adapter: {body['adapter']['means']}",
    ]
    if body["release"] is not None:
        lines.append(
            f"  release {body['release']['release']}: {'open' if body['release']['open'] else 'shut'}"
        )
    lines += ["  What this does not prove:", *[f"    - {said}" for said in body["not_proven"]]]
    lines.append("reports/report.html is of the walk before; `witting run` writes it anew.")
    return "\n".join([*lines, f"Certificate: {done['path']} (witting verify, or verify/witting_verify.py)"])
