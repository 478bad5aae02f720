"""What a command prints: one JSON object or a page for people on stdout, progress on stderr.

Covers: the options every command takes, progress with rate and time left. Not covered: any command's own words.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclopts import Parameter

LINE_SECONDS = 5.0  # without a terminal, progress is a line now and then
WIDTH_MIN = 40  # narrower screens are left to break lines themselves
RATE_SECONDS_MIN = 0.5  # a rate over less says nothing


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """Options of every command.

    Parameters
    ----------
    workspace
        The workspace folder.
    json
        Print one JSON object instead of a page.
    quiet
        No progress.
    """

    workspace: Path = Path()
    json: bool = False
    quiet: bool = False


DEFAULT = Common()


def now() -> datetime:
    """The clock: read at the door, and passed on from here."""
    return datetime.now(UTC)


def show(common: Common, result: Mapping[str, Any], page: Callable[[], str]) -> None:
    """Print the result: as JSON for programs, as `page()` for people."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(result, ensure_ascii=not plain, sort_keys=True) if common.json else page().rstrip())


def width() -> int | None:
    """Columns of the screen; None where what is printed goes elsewhere, and COLUMNS does not say."""
    if not sys.stdout.isatty() and not os.environ.get("COLUMNS", "").isdigit():
        return None
    return max(WIDTH_MIN, shutil.get_terminal_size().columns)


def folded(line: str) -> str:
    """The line in as many as the screen needs, the later ones a little further in."""
    columns = width()
    if columns is None or len(line) <= columns:
        return line
    indent = len(line) - len(line.lstrip())
    return textwrap.fill(
        line.strip(), columns, initial_indent=" " * indent, subsequent_indent=" " * (indent + 4),
        break_on_hyphens=False,
    )  # fmt: skip


def table(rows: list[tuple[str, ...]], *, head: tuple[str, ...]) -> str:
    """A plain table: columns aligned, numbers to the right."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if cell.replace(",", "").replace(".", "").isdigit() else cell.ljust(width)
            for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


@contextmanager
def progress(common: Common) -> Iterator[Callable[[str, int, int], None]]:
    """A `tell(what, done, in_all)` that draws a bar on a terminal and writes a line now and then elsewhere."""
    if common.quiet:
        yield lambda what, done, total: None
    elif sys.stderr.isatty():
        with _bars() as tell:
            yield tell
    else:
        yield _Lines().tell


@contextmanager
def _bars() -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bars:
        tasks: dict[str, Any] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or 1, rate="")
            speed = bars.tasks[tasks[what]].speed
            bars.update(
                tasks[what],
                completed=done if total else 1,
                total=total or 1,
                rate=f"{speed:,.0f}/s" if speed else "",
            )

        yield tell


class _Lines:
    """Remembers when each task began and when it last spoke. A task that is done before it spoke says nothing."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._spoke: dict[str, float] = {}
        self._ended: set[str] = set()

    def tell(self, what: str, done: int, total: int) -> None:
        at = time.monotonic()
        if done >= total and what in self._ended:
            return
        took = at - self._began.setdefault(what, at)
        silent = at - self._spoke[what] if what in self._spoke else None
        if done >= total:
            self._ended.add(what)
            if silent is None and took < LINE_SECONDS:
                return
        elif silent is not None and silent < LINE_SECONDS:
            return
        self._spoke[what] = at
        rate = done / took if took >= RATE_SECONDS_MIN else 0.0
        left = f", {(total - done) / rate:,.0f} s left" if rate and done < total else ""
        speed = f" ({rate:,.1f}/s{left})" if rate else ""
        print(f"{what}: {done:,} of {total:,}{speed}", file=sys.stderr, flush=True)
