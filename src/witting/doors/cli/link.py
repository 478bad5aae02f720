"""`witting rights link`: whose account an e-mail address or a phone number leads to."""

from __future__ import annotations

import json
from pathlib import Path

from witting.doors.cli.screen import DEFAULT, Common, now, show
from witting.errors import InvalidEvent, UsageError
from witting.rights.claims import EMAIL, PHONE, claim_handle, is_claim
from witting.rights.event import SUBJECT_CHARS_MAX
from witting.walk.requests import link as link_people
from witting.workspace import Workspace

FILE_BYTES_MAX = 64 << 20
FIELDS = {"email": EMAIL, "phone_number": PHONE}


def link(people: Path, /, *, common: Common = DEFAULT) -> int:
    """Say whose account an e-mail address or a phone number leads to. What was held for it goes on as that person's.

    Parameters
    ----------
    people
        JSON lines of handle, email, phone_number. All of it or, if one line is wrong, none of it.
    """
    if not people.is_file():
        raise UsageError(f"there is no file {people}.")
    workspace = Workspace.open(common.workspace)
    done = link_people(workspace, _read(people), now=now())
    said = {"linked": done.linked, "known": done.known, "moved": done.moved}
    show(common, said, lambda: "\n".join(f"{name}: {count}" for name, count in said.items()))
    return 0


def _read(path: Path) -> list[tuple[str, list[str]]]:
    if path.stat().st_size > FILE_BYTES_MAX:
        raise InvalidEvent(f"{path} is larger than {FILE_BYTES_MAX:,} bytes; cut it into several files.")
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"{path} is not UTF-8 at byte {error.start}.") from error
    return [_person(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def _person(line: str, where: str) -> tuple[str, list[str]]:
    try:
        said = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InvalidEvent(f"{where}: not JSON; write one object a line.") from error
    if not isinstance(said, dict) or not set(said) <= {"handle", *FIELDS}:
        raise InvalidEvent(f"{where}: must be an object of handle, {', '.join(FIELDS)}, and of nothing else.")
    handle = said.get("handle")
    good = isinstance(handle, str) and 0 < len(handle) <= SUBJECT_CHARS_MAX and ":" in handle
    if not isinstance(handle, str) or not good or is_claim(handle):
        raise InvalidEvent(f"{where}, field handle: must be the person's account, as source:name.")
    claims = {name: claim_handle(kind, said[name]) for name, kind in FIELDS.items() if name in said}
    for name, claim in claims.items():
        if claim is None:
            raise InvalidEvent(f"{where}, field {name}: must be an address, or a number in E.164 (+55...).")
    found = [claim for claim in claims.values() if claim is not None]
    if not found:
        raise InvalidEvent(f"{where}: names neither {' nor '.join(FIELDS)}.")
    return handle, found
