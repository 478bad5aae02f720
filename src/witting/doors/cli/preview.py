"""`witting intake preview`: what would be taken from an export, before anything is stored; what is left of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

from cyclopts import Parameter

from witting.doors.cli.outputs import Outputs, is_page, is_turns
from witting.doors.cli.reading import (
    AS_THEY_ARE,
    Reading,
    as_json,
    check_paths,
    exit_code,
    name_them,
    not_read,
    read,
    unmet_mappings,
    unnamed,
)
from witting.doors.cli.screen import DEFAULT, Common, folded, progress, show
from witting.errors import UsageError
from witting.intake import FileVerdict
from witting.reports.preview import (
    LATER,
    People,
    Row,
    Summary,
    who_speaks,
    why_left_out,
    why_skipped,
    you_are,
)
from witting.reports.preview import preview as preview_rows
from witting.reports.preview_page import Pages, turn_line
from witting.reports.words import count, name

ROWS_PRINTED = 20
NUMBERS_NAMED_MAX = 20
WORDS_SHOWN_CHARS = 90
NUMBER = re.compile(r"[0-9a-f]{12}|c[1-9][0-9]{0,8}")
Several = Annotated[list[str], Parameter(negative=())]


def preview(
    *paths: Path,
    me: Several | None = None,
    leave_out: Several | None = None,
    page: Path | None = None,
    out: Path | None = None,
    reading: Reading = AS_THEY_ARE,
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
        Write the preview as HTML, offline, one page or several (page-2.html). It holds your words in plain.
    out
        Write the reduced export: only what would be taken, one message a line. It holds your words in plain.
    """
    check_paths(paths, what_for="preview")
    wanted, lists = _wanted(leave_out or [])
    outputs = Outputs([*reading.inputs(paths), *lists])
    outputs.check("--out", out, is_turns)
    outputs.check("--page", page, is_page)
    with progress(common) as tell:
        first = read(paths, reading, tell, what="finding out whose it is", with_exporter=True)
        people = who_speaks(first, me=me or ())
        with outputs:
            again = read(paths, reading, tell, what="looking at each message")
            seen = _Seen(people, outputs, page, out, reading=reading, keeps_numbers=common.json)
            for row in preview_rows(again, people, taken_out=wanted):
                seen.add(row)
            _refuse_unmet(wanted, seen.met)
            seen.close()
    show(common, seen.as_json(), lambda: seen.as_page())
    return exit_code(seen.summary.files)


def _wanted(given: Sequence[str]) -> tuple[dict[str, str], list[Path]]:
    """Numbers, each with where it was given, and the files that were lists of them. A word that could be a number is one;
    `./c1` is a file."""
    wanted: dict[str, str] = {}
    lists: list[Path] = []
    for word in given:
        if NUMBER.fullmatch(word):
            wanted.setdefault(word, "--leave-out")
        elif Path(word).is_file():
            lists.append(Path(word))
            wanted = dict(_listed(Path(word))) | wanted
        else:
            raise UsageError(
                f"--leave-out {word} is neither a number of a message (12 digits and letters a to f) or conversation "
                "(c1, c2, ...) nor a file that lists some. Nothing was written."
            )
    return wanted, lists


def _listed(path: Path) -> Iterator[tuple[str, str]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--leave-out {path} cannot be read as a list: it is no UTF-8 text, or the system refused it."
        ) from error
    for at, line in enumerate(lines, 1):
        for word in line.split():
            if not NUMBER.fullmatch(word):
                raise UsageError(
                    f"--leave-out {path} line {at}: no number of a message or conversation. Nothing was written."
                )
            yield word, f"{path} line {at}"


def _refuse_unmet(wanted: Mapping[str, str], met: set[str]) -> None:
    unmet = [f"{number} ({where})" for number, where in wanted.items() if number not in met]
    if unmet:
        more = len(unmet) - NUMBERS_NAMED_MAX
        named = ", ".join(unmet[:NUMBERS_NAMED_MAX]) + (f" and {more:,} more" if more > 0 else "")
        raise UsageError(f"nothing in this export has the number {named}. Nothing was written.")


class _Seen:
    """Takes the messages as they come: counts them, writes them to the files asked for, keeps the first for the screen."""

    def __init__(
        self,
        people: People,
        outputs: Outputs,
        page: Path | None,
        out: Path | None,
        *,
        reading: Reading,
        keeps_numbers: bool,
    ) -> None:
        self.people, self.page, self.out = people, page, out
        self.summary, self.met = Summary(), set[str]()
        self._outputs, self._reading = outputs, reading
        self._pages = None if page is None else Pages(page, people, self._put)
        self._reduced: TextIO | None = None if out is None else outputs.open(out)
        self._first: list[Row] = []
        self._numbers: list[dict[str, Any]] | None = [] if keeps_numbers else None  # Any: JSON
        self._written: list[Path] = []

    def add(self, row: Row | FileVerdict) -> None:
        if isinstance(row, FileVerdict):
            self.summary.close(row)
            return
        self.summary.add(row)
        self.met |= {row.id, row.conversation}
        if len(self._first) < ROWS_PRINTED:
            self._first.append(row)
        if self._pages is not None:
            self._pages.add(row)
        if self._numbers is not None:
            self._numbers.append(_number(row))
        if self._reduced is not None and not row.left_out:
            self._reduced.write(json.dumps(turn_line(row.turn), ensure_ascii=True) + "\n")

    def close(self) -> None:
        """Everything was seen."""
        if self._pages is not None:
            self._written = self._pages.close(self.summary)

    def _put(self, path: Path, html: str) -> None:
        if path != self.page:
            self._outputs.check("--page", path, is_page)
        with self._outputs.open(path) as stream:
            stream.write(html)

    def as_json(self) -> dict[str, Any]:  # Any: JSON, docs/formats/preview.md
        summary = self.summary
        return {
            "files": [as_json(verdict) for verdict in summary.files],
            "you": [{"source": y.source, "speaker": y.speaker, "why": y.why} for y in self.people.you],
            "messages": summary.rows,
            "taken": summary.taken,
            "later": dict(sorted(summary.later.items())),
            "left_out": dict(sorted(summary.left_out.items())),
            "masked": dict(sorted(summary.masked.items())),
            "skipped": dict(sorted(summary.skipped.items())),
            "unnamed": unnamed(summary.files),
            "numbers": self._numbers or [],
            "page": None if self.page is None else str(self.page),
            "pages": [str(path) for path in self._written],
            "out": None if self.out is None else str(self.out),
        }

    def as_page(self) -> str:
        return "\n".join(folded(line) for line in self._lines())

    def _lines(self) -> Iterator[str]:
        summary = self.summary
        yield f"Of {count(summary.rows, 'message')}, {summary.taken:,} would be taken. Nothing was stored."
        yield from (f"You: {said}" for said in you_are(self.people))
        yield ""
        yield from _counted(summary.later, "of these", LATER.__getitem__)
        yield from _counted(summary.left_out, "left out", why_left_out)
        yield from _counted(summary.masked, "masked", lambda kind: name("kinds", kind))
        yield from _counted(summary.skipped, "no message", why_skipped)
        yield from not_read(summary.files)
        yield from unmet_mappings(self._reading, summary.files)
        yield from name_them(summary.files)
        yield ""
        yield from (_row_line(row) for row in self._first)
        yield from self._closing()

    def _closing(self) -> Iterator[str]:
        more = self.summary.rows - len(self._first)
        if more:
            where = "they are on the page" if self.page else "--page FILE shows them all in a browser"
            yield f"  ... and {more:,} more; {where}, --json lists all numbers."
        if self.summary.taken:
            yield ""
            yield "Take something out: --leave-out NUMBER. Write what is left: --out FILE."
        if len(self._written) > 1:
            yield f"Pages: {self._written[0]} to {self._written[-1].name}, {len(self._written):,} in all."
        elif self.page is not None:
            yield f"Page: {self.page}"
        if self.out is not None:
            yield f"Reduced export: {self.out} ({count(self.summary.taken, 'message')})"


def _counted(counts: Counter[str], what: str, said: Any) -> Iterator[str]:  # Any: a function of a reason
    for reason, number in counts.most_common():
        yield f"  {number:>7,}  {what}: {said(reason)}"


def _number(row: Row) -> dict[str, Any]:  # Any: JSON
    """What can be told of a message without its words."""
    return {
        "id": row.id,
        "conversation": row.conversation,
        "mine": row.mine,
        "role": row.turn.role,
        "time": row.turn.time,
        "left_out": row.left_out,
        "later": row.later,
        "masked": sorted({kind for _, _, kind in row.masked}),
    }


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
    cut = "..." if len(words) > WORDS_SHOWN_CHARS else ""
    return f"  {row.id} {row.conversation:<5} {who:<9} + {words[:WORDS_SHOWN_CHARS]}{cut}"
