"""`witting intake`: what was read, what was skipped and why; what sources there are; what would be taken."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from cyclopts import App

from witting.doors.cli.outputs import Outputs, is_turns
from witting.doors.cli.preview import preview
from witting.doors.cli.quarantined import quarantined
from witting.doors.cli.reading import (
    AS_THEY_ARE,
    Reading,
    as_json,
    check_paths,
    exit_code,
    name_them,
    not_read,
    read,
    set_aside,
    skipped,
    unmet_mappings,
)
from witting.doors.cli.screen import DEFAULT, Common, folded, now, progress, show, table, width
from witting.errors import UsageError
from witting.intake import SKIPPED, SOURCES, Facts, FileVerdict, Turn
from witting.intake.implied import with_implied
from witting.intake.source import Record
from witting.reports.preview_page import turn_line
from witting.reports.words import count, printable
from witting.workspace import Workspace

HEAD = ("source", "verdict", "records", "turns", "signals", "skipped", "set aside", "file")

APP = App(
    name="intake",
    help="Read exports and say what was read, what was skipped and why.",
    help_format="plaintext",
)


@APP.default
def intake(
    *paths: Path,
    dry_run: bool = False,
    turns: Path | None = None,
    reading: Reading = AS_THEY_ARE,
    common: Common = DEFAULT,
) -> int:
    """Read exports: files, zips or folders. Exit code 1 when nothing at all could be read.

    Parameters
    ----------
    paths
        What to read.
    dry_run
        Needs no workspace and stores nothing.
    turns
        With --dry-run: write the turns here, and what their words imply. It holds people's words in plain.
    """
    check_paths(paths, what_for="read")
    if turns is not None and not dry_run:
        raise UsageError("--turns writes words in plain and goes with --dry-run only.")
    verdicts, implied = (
        _dry(paths, reading, turns, common) if dry_run else (_sealed(paths, reading, common), 0)
    )
    files = [as_json(verdict) for verdict in verdicts]
    show(common, {"files": files, "signals_implied": implied}, lambda: _page(verdicts, implied, reading))
    return exit_code(verdicts)


APP.command(preview, name="preview")
APP.command(quarantined, name="quarantined")


@APP.command(name="sources")
def sources(*, common: Common = DEFAULT) -> int:
    """What can be read, and for each source: who could see it, who speaks, its clock, what its platform permits."""
    known = {source.name: source.facts for source in SOURCES}
    show(
        common,
        {"sources": {n: _facts_json(facts) for n, facts in known.items()}},
        lambda: _sources_page(known),
    )
    return 0


def _facts_json(facts: Facts) -> dict[str, Any]:
    terms = [asdict(term) | {"from_day": term.from_day.isoformat()} for term in facts.terms]
    return asdict(facts) | {"terms": terms}


def _sources_page(known: Mapping[str, Facts]) -> str:
    lines = []
    for source, facts in known.items():
        lines += [f"{source}: {facts.title}", f"  reads     {facts.reads}", f"  audience  {facts.audience}"]
        lines += [
            f"  speakers  {facts.speakers}",
            f"  exporter  {facts.exporter}",
            f"  clock     {facts.clock}",
        ]
        for term in facts.terms:
            unread = "" if term.reviewed else "; not read by us"
            lines.append(
                f"  terms     since {term.from_day}: {', '.join(term.purposes) or 'nothing'}{unread}"
            )
            lines.append(f"            {term.citation}")
        lines.append("")
    return "\n".join(lines)


def _sealed(paths: tuple[Path, ...], reading: Reading, common: Common) -> list[FileVerdict]:
    from witting.walk import alone
    from witting.walk.admit import admit_paths, configured_readers

    workspace = Workspace.open(common.workspace)
    with progress(common) as tell, alone(workspace, tell=tell, now=now()) as step:
        mapped = configured_readers(workspace)[: len(workspace.settings.intake.maps)]
        readers = (*mapped, *reading.readers())
        return admit_paths(step, paths, source=reading.source, readers=readers, account=reading.named())


def _dry(
    paths: tuple[Path, ...], reading: Reading, turns: Path | None, common: Common
) -> tuple[list[FileVerdict], int]:
    """The verdicts, and how many signals of those written are implied by words."""
    outputs = Outputs(reading.inputs(paths))
    outputs.check("--turns", turns, is_turns)
    with progress(common) as tell, outputs:
        records = read(paths, reading, tell, what="reading exports")
        if turns is None:
            return [record for record in records if isinstance(record, FileVerdict)], 0
        return _written(with_implied(records), outputs.open(turns))


def _written(records: Iterable[Record | FileVerdict], out: TextIO) -> tuple[list[FileVerdict], int]:
    verdicts, implied = [], 0
    for record in records:
        if isinstance(record, Turn):
            out.write(json.dumps(turn_line(record), ensure_ascii=True) + "\n")
            implied += sum(signal.evidence is not None for signal in record.signals)
        elif isinstance(record, FileVerdict):
            verdicts.append(record)
    return verdicts, implied


def _page(verdicts: list[FileVerdict], implied: int, reading: Reading) -> str:
    return "\n".join(_lines(verdicts, implied, reading))


def _lines(verdicts: list[FileVerdict], implied: int, reading: Reading) -> Iterator[str]:
    if not verdicts:
        yield "These files were read before; nothing new."
        return
    yield from _files(verdicts)
    yield from map(folded, not_read(verdicts))
    yield from map(folded, unmet_mappings(reading, verdicts))
    yield from map(folded, set_aside(verdicts))
    if counts := skipped(verdicts):
        yield "Skipped or set aside:"
        yield from (
            folded(f"  {n:>7,}  {reason}: {SKIPPED.get(reason, '')}") for reason, n in counts.most_common()
        )
    if implied:
        yield folded(
            f"{count(implied, 'signal')} more that words imply stand in the turns; signals above are recorded ones."
        )
    yield from map(folded, name_them(verdicts))


def _files(verdicts: list[FileVerdict]) -> Iterator[str]:
    """A line a file where the screen is wide enough, else a paragraph. Records = turns + skipped + set aside."""
    rows = [_row(v.source or "-", v.verdict, [v], printable(v.path)) for v in verdicts]
    if len(verdicts) > 1:
        rows.append(_row("all", "", verdicts, count(len(verdicts), "file")))
    drawn, columns = table(rows, head=HEAD), width()
    if columns is None or max(map(len, drawn.splitlines())) <= columns:
        yield drawn
        return
    for source, verdict, *numbers, file in rows:
        yield folded(file)
        said = ", ".join(f"{number} {what}" for number, what in zip(numbers, HEAD[2:-1], strict=True))
        yield folded(f"  {' '.join(filter(None, (source, verdict)))}: {said}")


def _row(source: str, verdict: str, of: list[FileVerdict], file: str) -> tuple[str, ...]:
    set_aside = sum(v.quarantined for v in of)
    left = sum(sum(v.skipped.values()) for v in of) - set_aside
    numbers = (
        sum(v.records for v in of),
        sum(v.turns for v in of),
        sum(v.signals for v in of),
        left,
        set_aside,
    )
    return (source, verdict, *(f"{number:,}" for number in numbers), file)
