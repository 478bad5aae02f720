"""What a Claude export holds beside its conversations: projects with their documents, and memories.

Covered: `projects.json`, `projects/<uuid>.json`, `memories.json` and one file an account, each project, document and
memory counted by reason. Not covered, on purpose: their words. Nobody said them to the model or heard them from it in a
conversation: instructions and documents are material, memories are what the model noted about a person.
"""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename, dirname

from witting.intake.json_stream import BadRecord, read_record, split
from witting.intake.source import Member, Skipped

_MEMORIES = {"conversations_memory", "project_memories"}


def kind_of(path: str, paths: frozenset[str]) -> str | None:
    """project or memory, by the name of a file or its folder and the keys at its head; None for anything else."""
    names = {basename(path), basename(dirname(path))}
    if names & {"projects.json", "projects"}:
        return "project" if "uuid" in paths and paths & {"docs", "prompt_template"} else None
    return "memory" if names & {"memories.json", "memories"} and paths & _MEMORIES else None


def read_beside(member: Member, kind: str) -> Iterator[Skipped]:
    """A record a project, document and memory, none of them a turn."""
    for piece in split(member):
        place = (piece.start, piece.end)
        try:
            record = read_record(piece, ("docs",))
        except BadRecord as bad:
            yield Skipped(member.path, bad.reason, place, piece.kept)
            continue
        if not isinstance(record.value, dict):
            yield Skipped(member.path, "unknown_shape", place, piece.kept)
            continue
        yield Skipped(member.path, kind, place)
        for item in record.items or ():
            yield Skipped(member.path, "document", (item.start, item.end))
