"""What becomes of a plain export once its words are sealed: deleted from the inbox, or left where it lies.

Covers: what counts as read to the end, deleting only that, saying of each file that was not what happens to it. Not
covered: reading and committing (`admit.py`). Why exports are deleted at all: docs/decisions/0002.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from witting.intake.refusals import CUT_OFF
from witting.intake.source import FileVerdict
from witting.store.records import Artifact
from witting.walk.step import Step

CHUNK_BYTES = 1 << 20
PARTLY = "some_members_refused"
KEPT = (PARTLY, CUT_OFF)  # read, but not to the end: what is read stays where it is
DISCARDABLE = (
    "media_not_read",
    "beside_the_chats",
    "macos_metadata",
    "hidden_file",
)  # refused members that carry no words: they do not keep a consumed export alive


def unread_of(verdicts: Sequence[FileVerdict]) -> list[FileVerdict]:
    """Files whose words were not read, or not to the end."""
    return [v for v in verdicts if v.reason and v.reason not in DISCARDABLE]


def why_partly(unread: Sequence[FileVerdict]) -> str:
    """Why something was read and something was not; empty where all was."""
    if all(verdict.reason == CUT_OFF for verdict in unread):
        return CUT_OFF if unread else ""
    return PARTLY


def settle(step: Step, path: Path, sha256: str, verdicts: list[FileVerdict]) -> None:
    """What becomes of an export that was just committed: deleted from the inbox if it was read, all of it; of a folder,
    what was read. What was not stays where it is. Says so of each file that was not read to its end."""
    unread, is_read = unread_of(verdicts), any(verdict.verdict == "read" for verdict in verdicts)
    if is_read and not unread:
        is_kept = not consume(step, path, sha256, "")
    elif is_read and path.is_dir() and _may_delete(step, path, sha256):
        is_kept, left = False, {verdict.path for verdict in unread}
        for file in [p for p in path.rglob("*") if p.is_file() and not _holds(p, left)]:
            file.unlink()
    else:
        is_kept = True
    for verdict in verdicts:
        if verdict.reason:
            step.note(verdict, is_kept or verdict in unread)


def _holds(file: Path, left: set[str]) -> bool:
    """Whether the file, or something inside it where it is an archive, was not read."""
    return any(shown == str(file) or shown.startswith(f"{file}/") for shown in left)


def known_verdict(path: Path, before: Artifact) -> FileVerdict:
    """The verdict on a file that an earlier walk read, and that gives nothing now."""
    return FileVerdict(str(path), before.source, before.verdict, before.reason, before.sha256, 0, 0, 0, {}, 0)


def consume(step: Step, path: Path, sha256: str, reason: str) -> bool:
    """Delete a plain export from the inbox, all of whose words are sealed. Returns whether it is gone."""
    if reason in KEPT or not _may_delete(step, path, sha256):
        return False
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return True


def _may_delete(step: Step, path: Path, sha256: str) -> bool:
    """Only in the inbox, and not what changed while it was read: the next walk reads it again."""
    inbox = step.workspace.path("inbox")
    may = step.workspace.settings.intake.consume_inbox and inbox in path.parents
    return may and file_sha256(path) == sha256


def file_sha256(path: Path) -> str:
    """SHA-256 of a file; of a folder, over the sorted paths and hashes of what lies in it."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file() and not p.is_symlink()):
            digest.update(f"{file.relative_to(path).as_posix()}\0{file_sha256(file)}\n".encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
