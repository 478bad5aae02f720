"""The preview of an export as an HTML file: works offline, sends nothing, and without scripts still says everything.

Covers: drawing rows, marking what would be masked, carrying what would be taken so that the page itself can write the
reduced export; several pages where there are more than ROWS_SHOWN_MAX messages, which then save lists only, because none
of them holds all that is left. Not covered: what the rows say (`preview.py`). A page allows only its own style and
script, by hash, and no connection at all. It holds the person's words, and nobody else's: of other people only that they
spoke. Memory: the messages of two pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from witting.intake.source import Turn
from witting.reports.preview import LATER, People, Row, Summary, why_left_out, why_skipped, you_are
from witting.reports.words import count, name, printable, refusal

ROWS_SHOWN_MAX = 5_000  # on one page
WHO = {"assistant": "The assistant", "system": "The product"}


@dataclass(frozen=True)
class _Shown:
    """A row as the page shows it: `pieces` are words with the kind they would be masked as, or none."""

    id: str
    who: str
    time: str
    left_out: str
    why: str
    later: str
    can_choose: bool
    pieces: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Talk:
    id: str
    title: str
    day: str
    can_choose: bool
    rows: list[_Shown]


@dataclass(frozen=True)
class Place:
    """Which of several pages a page is."""

    number: int = 1
    first_row: int = 1
    names: tuple[str, ...] = ()  # of the first page, the one before and the one after: file names or empty


@dataclass
class Pages:
    """Draws pages as the messages come; the first, which has the summary, last. `write(path, html)` puts one down."""

    path: Path
    people: People
    write: Callable[[Path, str], object]
    first: list[Row] = field(default_factory=list)
    waiting: list[Row] = field(default_factory=list)
    number: int = 1
    rows_max: int = ROWS_SHOWN_MAX

    def add(self, row: Row) -> None:
        if len(self.waiting) == self.rows_max:
            self._turn_over()
        self.waiting.append(row)

    def close(self, summary: Summary) -> list[Path]:
        """All that is left to draw. Returns every page's path."""
        if self.number == 1:
            self.first = self.waiting
        else:
            self._draw(self.waiting, self.number, summary=None, is_last=True)
        self._draw(self.first, 1, summary=summary, is_last=self.number == 1)
        return [self._named(number) for number in range(1, self.number + 1)]

    def _turn_over(self) -> None:
        if self.number == 1:
            self.first = self.waiting
        else:
            self._draw(self.waiting, self.number, summary=None, is_last=False)
        self.number, self.waiting = self.number + 1, []

    def _draw(self, rows: list[Row], number: int, *, summary: Summary | None, is_last: bool) -> None:
        before = self._named(number - 1).name if number > 1 else ""
        after = "" if is_last else self._named(number + 1).name
        names = (self.path.name, before, after) if self.number > 1 else ()
        place = Place(number, (number - 1) * self.rows_max + 1, names)
        self.write(self._named(number), _render(rows, summary, self.people, place))

    def _named(self, number: int) -> Path:
        return numbered(self.path, number)


def numbered(path: Path, number: int) -> Path:
    """`page.html`, `page-2.html`, `page-3.html`."""
    return path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")


def _render(rows: Sequence[Row], summary: Summary | None, people: People, place: Place) -> str:
    """`summary` counts the messages of all pages; only the first has it."""
    style, script = _read("style.css") + _read("preview.css"), _read("preview.js")
    chosen = [row for row in rows if row.left_out in ("", "taken_out")]
    is_alone = not place.names
    return _template().render(
        summary=summary,
        place=place,
        is_alone=is_alone,
        you=you_are(people),
        answers=any(row.turn.role == "assistant" and not row.left_out for row in rows),
        talks=list(_talks(rows)),
        shown=len(rows),
        turns=_json_in_html([[row.id, turn_line(row.turn)] for row in chosen] if is_alone else []),
        list_name="taken-out.txt" if place.number == 1 else f"taken-out-{place.number}.txt",
        style=Markup(style),  # noqa: S704  # our file
        script=Markup(script),  # noqa: S704  # our file
        policy=_policy(style, script),
        count=count,
        kind_name=lambda kind: name("kinds", kind),
        why_left_out=why_left_out,
        why_skipped=why_skipped,
        why_later=LATER.__getitem__,
        refusal=refusal,
        printable=printable,
    )


def turn_line(turn: Turn) -> dict[str, Any]:  # Any: JSON
    """The line of docs/formats/intake-turns.md."""
    return {
        "conversation": turn.conversation,
        "turn": turn.turn,
        "parent": turn.parent,
        "speaker": turn.speaker,
        "role": turn.role,
        "time": turn.time,
        "time_precision": turn.time_precision,
        "text": turn.text,
        "audience": turn.audience,
        "edited": turn.edited,
        "deleted": turn.deleted,
        "on_active_path": turn.on_active_path,
        "source": turn.source,
        "bytes": list(turn.bytes),
        "owner": turn.owner,
        "barred": list(turn.barred),
        "signals": [_signal(signal) for signal in turn.signals],
    }


def _signal(signal: Any) -> dict[str, Any]:  # Any: JSON
    line = {"kind": signal.kind, "value": signal.value, "text": signal.text}
    line |= {"rule": signal.rule, "confidence": signal.confidence, "time": signal.time, "by": signal.by}
    if signal.source_kind is not None:
        line["source_kind"] = signal.source_kind
    if signal.evidence is not None:
        line["evidence"] = {
            "turn": signal.evidence.turn,
            "start": signal.evidence.start,
            "end": signal.evidence.end,
        }
    return line


def _talks(rows: Sequence[Row]) -> Iterator[_Talk]:
    """Conversations in order of appearance; rows of one may lie apart in the export."""
    by_talk: dict[str, list[Row]] = {}
    for row in rows:
        by_talk.setdefault(row.conversation, []).append(row)
    for talk, its in by_talk.items():
        first = its[0].turn
        audience = name("audience_titles", first.audience)
        title = f"{name('surfaces', first.source)}: {audience}"
        shown = [_shown(row) for row in its]
        yield _Talk(talk, title, (first.time or "")[:10], any(row.can_choose for row in shown), shown)


def _shown(row: Row) -> _Shown:
    turn = row.turn
    who = WHO.get(turn.role, "You" if row.mine else "Somebody else")
    words = (turn.text or "") if row.mine else ""
    pieces = tuple(_pieces(words, row.masked))
    time = (turn.time or "no time").replace("T", " ")[:16]
    return _Shown(
        row.id,
        who,
        time,
        row.left_out,
        why_left_out(row.left_out) if row.left_out else "",
        LATER.get(row.later, ""),
        row.left_out in ("", "taken_out"),
        pieces,
    )


def _pieces(words: str, masked: Sequence[tuple[int, int, str]]) -> Iterator[tuple[str, str]]:
    at = 0
    for start, end, kind in masked:
        if start > at:
            yield words[at:start], ""
        yield words[start:end], name("kinds", kind)
        at = end
    if at < len(words):
        yield words[at:], ""


def _json_in_html(value: object) -> Markup:
    """Inside a script element only `<` could end it, and the two line separators older scripts trip over."""
    text = json.dumps(value, ensure_ascii=True).replace("<", "\\u003c").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704  # JSON without markup characters


def _policy(style: str, script: str) -> str:
    hashes = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_read("preview.html"))


@cache
def _read(name: str) -> str:
    return (files("witting.reports") / name).read_text("utf-8")
