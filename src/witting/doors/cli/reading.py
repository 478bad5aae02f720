"""What the commands that read exports have in common: their options, their paths, a verdict as JSON and in words.

Covers: `intake` and `intake preview`. Not covered: what each of them does with what was read.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from witting.config import Settings
from witting.doors.cli.screen import now
from witting.errors import UsageError
from witting.intake import FileVerdict, Source, admit
from witting.intake.account import checked_account
from witting.intake.detect import with_mappings
from witting.intake.metered import in_units
from witting.intake.owners import told
from witting.intake.source import Member, Record
from witting.intake.tables.mapped import read_mapping, wanted_columns
from witting.intake.tables.rows import columns
from witting.reports.words import count, printable, refusal
from witting.rights.event import hear

VERBS = ("preview", "quarantined", "sources")  # a word that is no path may be meant as one of these
STAYS, GONE = "stays where it is", "deleted with the export it lay in"
BAD_SHOWN_MAX = 5  # of one file, on the page for people
TABLES_LOOKED_AT_MAX = 5
SHOWN_MAX = 20  # files of one reason that are named

Mappings = Annotated[list[Path], Parameter(negative=())]
Tell = Callable[[str, int, int], None]


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """How exports are read.

    Parameters
    ----------
    source
        Take the files to be of this source, whatever they look like.
    map
        A column mapping (TOML) for tables of your own. May be given several times.
    account
        Whose these exports are, where they do not say it: the name after the colon of the person's handle.
    date_order
        Which of day, month and year comes first, where a WhatsApp file leaves it open.
    """

    source: str | None = None
    map: Mappings | None = None
    account: str | None = None
    date_order: Literal["dmy", "mdy", "ymd"] | None = None

    def readers(self) -> tuple[Source, ...]:
        """Every source, told what was given. Raises UsageError for a faulty mapping."""
        return with_mappings(self.map or [], date_order=self.date_order)

    def named(self) -> str | None:
        """The account, checked. Raises UsageError."""
        return None if self.account is None else checked_account(self.account)

    def inputs(self, paths: Sequence[Path]) -> tuple[Path, ...]:
        """Everything that is read."""
        return (*paths, *(self.map or ()))


AS_THEY_ARE = Reading()


def read(
    paths: Sequence[Path], reading: Reading, tell: Tell, *, what: str, with_exporter: bool = False
) -> Iterator[Record | FileVerdict]:
    """What `admit` reads with these options, telling how far it has come; nobody's turns are of the account named."""
    account = reading.named()
    records = admit(
        paths,
        source=reading.source,
        sources=reading.readers(),
        text_chars_max=Settings().intake.text_chars_max,
        with_exporter=with_exporter,
        progress=in_units(tell, what),
        hear=partial(hear, now=now()),
    )
    return told(records, account=account)


def check_paths(paths: Sequence[Path], *, what_for: str) -> None:
    """Raises UsageError where there is nothing to read, or a path leads nowhere."""
    if not paths:
        raise UsageError(f"name at least one file, zip or folder to {what_for}.")
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no {printable(str(path))}. Check the path{_or_verb(str(path))}.")


def _or_verb(word: str) -> str:
    close = difflib.get_close_matches(word, VERBS, n=1)
    return f", or did you mean `witting intake {close[0]}`?" if close else ""


def as_json(verdict: FileVerdict) -> dict[str, Any]:  # Any: JSON
    """The line of a file (docs/formats/intake-turns.md)."""
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
        "bad": list(verdict.bad),
        "unnamed": verdict.unnamed,
    }


def not_read(
    verdicts: Iterable[FileVerdict], *, fate: Callable[[FileVerdict], str] | None = None
) -> Iterator[str]:
    """Lines on what was not read, or not to its end: a reason with the way out, and its files, each with its `fate`."""
    by_reason: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.reason:
            by_reason.setdefault(verdict.reason, []).append(
                printable(verdict.path) + (f": {fate(verdict)}" if fate else "")
            )
    if by_reason:
        yield "Not read, or not to the end:"
    for reason, paths in by_reason.items():
        yield f"  {count(len(paths), 'file')}, {reason}: {refusal(reason)}"
        yield from (f"    {path}" for path in paths[:SHOWN_MAX])
        if len(paths) > SHOWN_MAX:
            yield f"    and {len(paths) - SHOWN_MAX:,} more"


def unnamed(verdicts: Iterable[FileVerdict]) -> int:
    """Turns of an account that the export does not name."""
    return sum(verdict.unnamed for verdict in verdicts)


def name_them(verdicts: Iterable[FileVerdict]) -> Iterator[str]:
    """What to do about them, where there are some."""
    if turns := unnamed(verdicts):
        are = "is" if turns == 1 else "are"
        yield (
            f"{count(turns, 'turn')} {are} of an account the export does not name, and nobody can agree for it; "
            "name it with --account."
        )


def set_aside(verdicts: Iterable[FileVerdict]) -> Iterator[str]:
    """Where the first bad records of each file stood."""
    told = [verdict for verdict in verdicts if verdict.bad]
    if told:
        yield "Set aside:"
    for verdict in told[:SHOWN_MAX]:
        more = verdict.quarantined - len(verdict.bad[:BAD_SHOWN_MAX])
        places = "; ".join(verdict.bad[:BAD_SHOWN_MAX]) + (f"; and {more:,} more" if more > 0 else "")
        yield f"  {printable(verdict.path)}: {printable(places)}"
    if len(told) > SHOWN_MAX:
        yield f"  and in {count(len(told) - SHOWN_MAX, 'file')} more; --json tells of all"


def unmet_mappings(reading: Reading, verdicts: Sequence[FileVerdict]) -> Iterator[str]:
    """Mappings that no table fitted: which column they want, and what there is."""
    for path in reading.map or ():
        mapping = read_mapping(path)
        if any(verdict.source == mapping.source for verdict in verdicts):
            continue
        for file in [Path(v.path) for v in verdicts if Path(v.path).is_file()][:TABLES_LOOKED_AT_MAX]:
            member = Member(file.name, file.stat().st_size, partial(file.open, "rb"))
            if there := columns(member, member.head()):
                lacking = ", ".join(sorted(wanted_columns(mapping) - there))
                yield printable(
                    f"{path} wants the column {lacking}; {file.name} has {', '.join(sorted(there)[:SHOWN_MAX])}."
                )


@dataclass
class NotRead:
    """What a walk said of files that it did not read to their end, and whether they still lie where they lay."""

    root: Path  # of the workspace
    said: list[tuple[FileVerdict, bool]] = field(default_factory=list)

    def note(self, verdict: FileVerdict, is_kept: bool) -> None:
        self.said.append((verdict, is_kept))

    def as_json(self) -> list[dict[str, Any]]:  # Any: JSON
        return [
            {
                "path": self._inside(verdict.path),
                "verdict": verdict.verdict,
                "reason": verdict.reason,
                "kept": kept,
            }
            for verdict, kept in self.said
        ]

    def lines(self) -> Iterator[str]:
        """A file each, under its reason, with what becomes of it."""
        fates = {verdict.path: STAYS if is_kept else GONE for verdict, is_kept in self.said}
        yield from (
            line.replace(f"{printable(str(self.root))}/", "", 1)
            for line in not_read(
                [verdict for verdict, _ in self.said], fate=lambda verdict: fates[verdict.path]
            )
        )

    def _inside(self, path: str) -> str:
        """Relative to the workspace where it lies in it: a workspace can be moved."""
        return path.removeprefix(f"{self.root}/")


def exit_code(verdicts: Sequence[FileVerdict]) -> int:
    """1 where nothing at all could be read."""
    return 0 if not verdicts or any(verdict.verdict == "read" for verdict in verdicts) else 1


def skipped(verdicts: Iterable[FileVerdict]) -> Counter[str]:
    """Records that gave no message, by reason."""
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        counts.update(verdict.skipped)
    return counts
