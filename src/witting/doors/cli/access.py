"""`witting rights access`: everything that is held about a person, in a folder to give to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from witting.doors.cli.screen import DEFAULT, Common, now, progress, show
from witting.rights.claims import canonical, is_claim
from witting.walk.access import access as copy_of
from witting.walk.find import find_person
from witting.workspace import Workspace


def access(handle: str, /, *, out: Path, common: Common = DEFAULT) -> int:
    """Write everything that is held about a person into a folder, to give to them. It holds their words in plain.

    Parameters
    ----------
    handle
        The person, as source:name; or as email: or phone: and what they go by.
    out
        A new or empty folder outside the workspace.
    """
    workspace = Workspace.open(common.workspace)
    known = (canonical(handle) or handle) if is_claim(handle) else handle
    subject = find_person(workspace, known)
    with progress(common) as tell:
        said = copy_of(workspace, known, subject, out, now=now(), tell=tell)
    show(common, said, lambda: _page(said))
    return 0


def _page(said: dict[str, Any]) -> str:
    by = ", ".join(f"{count} said by {who}" for who, count in said["turns_said_by"].items())
    lines = [
        f"{said['turns']} turns{f' ({by})' if by else ''}, {said['events']} rights events, {said['signals']} signals and "
        f"{said['runs']} training runs are in the folder, with index.json. Nobody else can read it: hand it over safely, then "
        "delete it.",
    ]
    if said["waiting_events"]:
        lines.append(
            f"{said['waiting_events']} live events about this person wait and are not in it: the next walk reads them."
        )
    lines += [
        f"Not anybody's: {count} {name.replace('_', ' ')}."
        for name, count in said["not_attributed"].items()
        if count
    ]
    request = " ".join(map(str, said["requests_open"])) or "ENTRY"
    lines.append(
        f"Once it is handed over: witting rights answer {request} --outcome fulfilled"
        if len(said["requests_open"]) < 2
        else f"Once it is handed over, for each of the entries {request}: witting rights answer ENTRY --outcome fulfilled"
    )
    return "\n".join(lines)
