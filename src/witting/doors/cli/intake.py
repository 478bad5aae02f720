"""`witting intake`: what was read, what was skipped and why; what sources there are; what would be taken."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from witting.config import Settings
from witting.doors.cli.screen import DEFAULT, Common, now, progress, show, table
from witting.errors import UsageError
from witting.intake import REFUSALS, SOURCES, Facts, FileVerdict, Source, Turn, admit
from witting.intake.detect import with_mappings
from witting.intake.implied import with_implied
from witting.intake.source import Record
from witting.reports.preview import Row, Summary, who_speaks, why_left_out, why_skipped
from witting.reports.preview import preview as preview_rows
from witting.reports.preview_page import ROWS_SHOWN_MAX, render_preview, turn_line
from witting.reports.words import name
from witting.workspace import Workspace

ROWS_PRINTED = 20
Several = Annotated[list[str], Parameter(negative=())]
Mappings = Annotated[list[Path], Parameter(negative=())]


APP = App(
    name="intake",
    help="Read exports and say what was read, what was skipped and why.",
    help_format="plaintext",
)


@APP.default
def intake(
    *paths: Path,
    source: str | None = None,
    map: Mappings | None = None,
    date_order: Literal["dmy", "mdy", "ymd"] | None = None,
    dry_run: bool = False,
    turns: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Read exports: files, zips or folders. Exit code 1 when nothing at all could be read.

    Parameters
    ----------
    paths
        What to read.
    source
        Take the files to be of this source, whatever they look like.
    map
        A column mapping (TOML) for tables of your own. May be given several times.
    date_order
        Which of day, month and year comes first, where a WhatsApp file leaves it open.
    dry_run
        Needs no workspace and stores nothing.
    turns
        Write the turns here as JSON lines, with what their words imply about answers (with --dry-run). This file holds
        people's words in plain.
    """
    if not paths:
        raise UsageError("name at least one file, zip or folder to read.")
    if turns is not None and not dry_run:
        raise UsageError("--turns writes words in plain and goes with --dry-run only.")
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise UsageError(f"there is no {missing[0]}. Check the path.")
    readers = with_mappings(map or [], date_order=date_order)
    verdicts = (
        _dry(paths, source, readers, turns, common) if dry_run else _sealed(paths, source, readers, common)
    )
    show(common, {"files": [_as_json(verdict) for verdict in verdicts]}, lambda: _page(verdicts))
    return 0 if not verdicts or any(verdict.verdict == "read" for verdict in verdicts) else 1


@APP.command(name="preview")
def preview(
    *paths: Path,
    me: Several | None = None,
    leave_out: Several | None = None,
    page: Path | None = None,
    out: Path | None = None,
    common: Common = DEFAULT,
) -> int:
    """Show what would be taken from an export before anything is stored; write what is left of it.

    Parameters
    ----------
    paths
        The export: files, zips or folders.
    me
        The name you have in the export, where it does not say whose it is. May be given several times.
    leave_out
        Numbers of messages or conversations to take out, or a file with one a line. May be given several times.
    page
        Write the preview as one HTML page that works offline. It holds your words in plain.
    out
        Write the reduced export: only what would be taken, one message a line. It holds your words in plain.
    """
    if not paths:
        raise UsageError("name at least one file, zip or folder to preview.")
    limit = Settings().intake.text_chars_max
    people = who_speaks(admit(paths, text_chars_max=limit, with_exporter=True), me=me or ())
    summary, shown = Summary(), []
    with _private(out) as write:
        for row in preview_rows(admit(paths, text_chars_max=limit), people, taken_out=_ids(leave_out or [])):
            if isinstance(row, FileVerdict):
                summary.close(row)
                continue
            summary.add(row)
            if len(shown) < ROWS_SHOWN_MAX:
                shown.append(row)
            if not row.left_out:
                write(json.dumps(turn_line(row.turn), ensure_ascii=True) + "\n")
    if page is not None:
        with _private(page) as write:
            write(render_preview(shown, summary))
    show(common, _preview_json(summary, page, out), lambda: _preview_page(summary, shown, page, out))
    return 0 if any(verdict.verdict == "read" for verdict in summary.files) else 1


def _ids(given: list[str]) -> set[str]:
    """Numbers as given, and those in files."""
    found: set[str] = set()
    for word in given:
        path = Path(word)
        found |= set(path.read_text("utf-8").split()) if path.is_file() else {word}
    return found


@contextmanager
def _private(path: Path | None) -> Iterator[Callable[[str], object]]:
    """A file that only its owner can read, from the first byte; without a path, nowhere."""
    if path is None:
        yield lambda text: None
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(handle, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        yield stream.write


def _preview_json(summary: Summary, page: Path | None, out: Path | None) -> dict[str, Any]:
    return {
        "files": [_as_json(verdict) for verdict in summary.files],
        "messages": summary.rows,
        "taken": summary.taken,
        "left_out": dict(sorted(summary.left_out.items())),
        "masked": dict(sorted(summary.masked.items())),
        "skipped": dict(sorted(summary.skipped.items())),
        "page": None if page is None else str(page),
        "out": None if out is None else str(out),
    }


def _preview_page(summary: Summary, shown: list[Row], page: Path | None, out: Path | None) -> str:
    lines = [f"Of {summary.rows:,} messages, {summary.taken:,} would be taken. Nothing was stored.", ""]
    lines += [f"  {n:>7,}  left out: {why_left_out(reason)}" for reason, n in summary.left_out.most_common()]
    lines += [f"  {n:>7,}  masked: {name('kinds', kind)}" for kind, n in summary.masked.most_common()]
    lines += [f"  {n:>7,}  no message: {why_skipped(reason)}" for reason, n in summary.skipped.most_common()]
    refused = [verdict for verdict in summary.files if verdict.verdict == "refused"]
    lines += [
        f"  not read: {verdict.path} ({REFUSALS.get(verdict.reason, verdict.reason)})" for verdict in refused
    ]
    lines += ["", *(_row_line(row) for row in shown[:ROWS_PRINTED])]
    if summary.rows > ROWS_PRINTED:
        lines.append(
            f"  ... and {summary.rows - ROWS_PRINTED:,} more; --page FILE shows them all in a browser."
        )
    lines += ["", "Take something out: --leave-out NUMBER. Write what is left: --out FILE."]
    lines += [f"Page: {page}"] if page is not None else []
    lines += [f"Reduced export: {out} ({summary.taken:,} messages)"] if out is not None else []
    return "\n".join(lines)


def _row_line(row: Row) -> str:
    who = (
        "you" if row.mine and row.turn.role in ("user", "person") else row.turn.role if row.mine else "other"
    )
    if row.left_out:
        return f"  {row.id} {row.conversation:<5} {who:<9} - {row.left_out.replace('_', ' ')}"
    text, at, shown = row.turn.text or "", 0, []
    for start, end, kind in row.masked:
        shown += [text[at:start], f"<{kind}>"]
        at = end
    words = " ".join("".join([*shown, text[at:]]).split())
    return f"  {row.id} {row.conversation:<5} {who:<9} + {words[:90]}{'...' if len(words) > 90 else ''}"


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


def _sealed(
    paths: tuple[Path, ...], source: str | None, readers: tuple[Source, ...], common: Common
) -> list[FileVerdict]:
    from witting.walk import alone
    from witting.walk.admit import admit_paths, configured_readers

    workspace = Workspace.open(common.workspace)
    with progress(common) as tell, alone(workspace, tell=tell, now=now()) as step:
        mapped = configured_readers(workspace)[: len(workspace.settings.intake.maps)]
        return admit_paths(step, paths, source=source, readers=(*mapped, *readers))


def _dry(
    paths: tuple[Path, ...],
    source: str | None,
    readers: tuple[Source, ...],
    turns: Path | None,
    common: Common,
) -> list[FileVerdict]:
    limit = Settings().intake.text_chars_max
    with progress(common) as tell:
        told = partial(tell, "reading exports (bytes)")
        records = admit(paths, source=source, sources=readers, text_chars_max=limit, progress=told)
        return _verdicts(records, turns)


def _verdicts(records: Iterator[Record | FileVerdict], turns: Path | None) -> list[FileVerdict]:
    if turns is None:
        return [record for record in records if isinstance(record, FileVerdict)]
    verdicts = []
    with turns.open("w", encoding="utf-8", errors="surrogatepass") as out:
        turns.chmod(0o600)  # people's words
        for record in with_implied(records):
            if isinstance(record, Turn):
                out.write(json.dumps(turn_line(record), ensure_ascii=True) + "\n")
            elif isinstance(record, FileVerdict):
                verdicts.append(record)
    return verdicts


def _as_json(verdict: FileVerdict) -> dict[str, Any]:
    return {
        "path": verdict.path,
        "source": verdict.source,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "records": verdict.records,
        "turns": verdict.turns,
        "signals": verdict.signals,
        "skipped": dict(verdict.skipped),
        "quarantined": verdict.quarantined,
    }


def _page(verdicts: list[FileVerdict]) -> str:
    return "\n".join(_lines(verdicts))


def _lines(verdicts: list[FileVerdict]) -> Iterator[str]:
    if not verdicts:
        yield "These files were read before; nothing new."
        return
    head = ("source", "verdict", "records", "turns", "signals", "file")
    yield table(
        [
            (
                v.source or "-",
                v.verdict,
                f"{v.records:,}",
                f"{v.turns:,}",
                f"{v.signals:,}",
                v.path + _because(v),
            )
            for v in verdicts
        ],
        head=head,
    )
    skipped: Counter[str] = Counter()
    for verdict in verdicts:
        skipped.update(verdict.skipped)
    if skipped:
        yield "Skipped: " + ", ".join(f"{count:,} {reason}" for reason, count in skipped.most_common()) + "."


def _because(verdict: FileVerdict) -> str:
    return f" ({verdict.reason})" if verdict.reason else ""
