"""`witting rights notice`: the text that asks, from one file of facts."""

from __future__ import annotations

from pathlib import Path

from witting.doors.cli.screen import DEFAULT, Common, now, show, table
from witting.rights.notice.facts import read_facts
from witting.rights.notice.kit import Kit, Notice, make_kit, write_kit
from witting.rights.notice.record import record_kit
from witting.workspace import Workspace


def notice(facts: Path, /, *, out: Path, record: bool = False, common: Common = DEFAULT) -> int:
    """Write a notice in two layers and twelve languages, measure it, and keep its version. Exit code 1 if a check fails.

    Parameters
    ----------
    facts
        A TOML file, docs/notices.md.
    out
        A new folder for the texts, as plain text, JSON and pages.
    record
        Also keep the texts in the notice store and their hashes in the ledger; not where a check fails.
    """
    kit = make_kit(read_facts(facts))
    workspace = Workspace.open(common.workspace) if record else None  # before anything is written
    write_kit(kit, out)
    entry = None
    if workspace is not None and not kit.problems:
        entry = record_kit(kit, notices=workspace.notices, ledger=workspace.ledger, now=now())
    said = kit.as_json() | {"entry": entry}
    show(common, said, lambda: _page(kit, entry, asked=record))
    return 1 if kit.problems else 0


def _page(kit: Kit, entry: int | None, *, asked: bool) -> str:
    head = ("language", "words", "grade", "measure", "reviewed", "SHA-256 of the first layer")
    lines = [table([_row(notice) for notice in kit.notices], head=head), ""]
    for language, problems in kit.problems.items():
        lines += [f"{language}: {problem}" for problem in problems]
    unmeasured = [n.texts.language for n in kit.notices if n.measure is None]
    if unmeasured:
        lines.append(
            f"No measure of readability is known here for {', '.join(unmeasured)}: rule 13.readability fails there."
        )
    if any(not n.texts.reviewed for n in kit.notices):
        lines.append(
            "reviewed no: no lawyer whose language it is has read the text. Have it read before you show it."
        )
    lines.append(f"version {kit.facts.version}, SHA-256 {kit.sha256}")
    if entry is not None:
        lines.append(f"Recorded: ledger entry {entry}.")
    elif asked:
        lines.append("Not recorded: a check failed. Change the facts named above, then run this again.")
    return "\n".join(lines)


def _row(notice: Notice) -> tuple[str, ...]:
    grade = "unknown" if notice.grade is None else f"{notice.grade:g}"
    reviewed = "yes" if notice.texts.reviewed else "no"
    return (
        notice.texts.language,
        str(notice.words),
        grade,
        notice.measure or "none",
        reviewed,
        notice.written.short_sha256,
    )
