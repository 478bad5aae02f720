"""Google's My Activity: what a person asked Gemini, with the answer, and what they searched for; as JSON or HTML.

Covered: `My Activity.json` and `My Activity.html` of Gemini Apps (and Bard) and of Search. Each record is a conversation
of its own: the download holds no id that joins them, and joining by gaps in time would be a guess. A prompt and its
answer are two turns. Not covered: Canvas documents, attachments, other products (counted).

The title is a verb of the product and the person's words: "Prompted name a tree". The verb is translated. It is taken
off where `VERBS` knows it; where not, the record is kept sealed as `unknown_verb`: a product's words are nobody's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.facts import family
from witting.intake.html_text import Block, Element, cut, parse
from witting.intake.instant import Instant, from_iso
from witting.intake.json_stream import BadRecord, as_dict, plain_head, shape, split
from witting.intake.json_stream import parse as parse_json
from witting.intake.signals import is_text
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.spoken_time import looks_like_a_time, read_time

GEMINI, SEARCH = "gemini", "google_search"
PRODUCTS = {GEMINI: ("Gemini Apps", "Gemini", "Bard"), SEARCH: ("Search", "Google Search")}
VERBS = {
    GEMINI: ("Prompted ", "Asked "),
    SEARCH: (
        "Searched for ",
        "Gesucht nach: ",
        "Buscaste ",
        "Vous avez recherché ",
        "Hai cercato ",
        "Pesquisou ",
    ),
}
SILENT = {  # a title that begins so holds no words of the person
    "Used ": "used_product",
    "Created Gemini Canvas": "used_product",
    "Gave feedback": "used_product",
    "Selected ": "used_product",
    "Visited ": "visited",
    "Viewed ": "visited",
}
FEEDBACK_BYTES_MAX = 1 << 20

_CELL = re.compile(rb'<div class="outer-cell')
_PAGE = re.compile(rb'class="outer-cell|class="mdl-grid|My Activity', re.IGNORECASE)


@dataclass(frozen=True)
class _Activity:
    """One record of either format."""

    product: str
    title: str
    time: Instant | None
    answer: str | None


def _claims(source: str, member: Member, head: bytes) -> bool:
    plain = plain_head(head)
    named = any(f'"{name}"'.encode() in plain or f">{name}<".encode() in plain for name in PRODUCTS[source])
    is_json = {"header", "title", "time"} <= shape(head)
    is_page = (
        plain.lstrip().lower().startswith((b"<!doctype html", b"<html")) and _PAGE.search(plain) is not None
    )
    return named and (is_json or is_page)


def _read(source: str, export: Export) -> Iterator[Turn | Skipped]:
    seen: set[str] = set()
    for member in export.claimed:
        is_page = plain_head(member.head()).lstrip().startswith(b"<")
        yield from (_from_page if is_page else _from_json)(source, member, seen)


# JSON


def _from_json(source: str, member: Member, seen: set[str]) -> Iterator[Turn | Skipped]:
    for piece in split(member):
        place = (piece.start, piece.end)
        try:
            value = as_dict(parse_json(piece))
        except BadRecord as bad:
            yield Skipped(member.path, bad.reason, place, piece.kept)
            continue
        title, header = value.get("title"), value.get("header")
        if not is_text(title) or not isinstance(header, str):
            yield Skipped(member.path, "unknown_shape", place, piece.kept)
            continue
        activity = _Activity(header, title, from_iso(value.get("time")), _html_items(value))
        yield from _records(source, activity, member.path, place, piece.kept, seen)


def _html_items(value: Mapping[str, Any]) -> str | None:  # Any: JSON
    items = value.get("safeHtmlItem")
    texts = [
        parse(html.encode("utf-8", "replace")).text()
        for item in (items if isinstance(items, list) else ())
        if isinstance(html := as_dict(item).get("html"), str)
    ]
    return "\n\n".join(text for text in texts if text) or None


# HTML


def _from_page(source: str, member: Member, seen: set[str]) -> Iterator[Turn | Skipped]:
    for block in cut(member, _CELL):
        if not block.data.startswith(b"<div"):
            continue  # the head of the page, before the first record
        place = (block.start, block.end)
        activity = _understood(block) if block.whole else None
        if activity is None:
            reason = "unknown_shape" if block.whole else "record_too_large"
            yield Skipped(member.path, reason, place, block.data[:FEEDBACK_BYTES_MAX])
            continue
        yield from _records(source, activity, member.path, place, block.data[:FEEDBACK_BYTES_MAX], seen)


def _understood(block: Block) -> _Activity | None:
    root = parse(block.data)
    heads = root.find(lambda element: "header-cell" in element.classes)
    cells = root.find(
        lambda element: (
            {"content-cell", "mdl-typography--body-1"} <= element.classes
            and "mdl-typography--text-right" not in element.classes
        )
    )
    if not heads or not cells:
        return None
    lines = _lines(cells[0])
    at = next((n for n, line in enumerate(lines) if n and looks_like_a_time(line.text().strip())), None)
    if at is None:
        return None
    title = "\n".join(line.text().strip() for line in lines[:at])
    answer = "\n".join(text for line in lines[at + 1 :] if (text := line.text())).strip()
    return _Activity(heads[0].text().strip(), title, read_time(lines[at].text()), answer or None)


def _lines(cell: Element) -> list[Element]:
    """The cell cut at its own line breaks."""
    lines = [Element("", {})]
    for part in cell.content:
        if isinstance(part, Element) and part.tag == "br":
            lines.append(Element("", {}))
        else:
            lines[-1].content.append(part)
    return lines


# Turns


def _records(
    source: str, activity: _Activity, member: str, place: tuple[int, int], record: bytes, seen: set[str]
) -> Iterator[Turn | Skipped]:
    if activity.product not in PRODUCTS[source]:
        yield Skipped(member, "other_product", place)
        return
    words = next((activity.title[len(v) :] for v in VERBS[source] if activity.title.startswith(v)), None)
    if words is None:
        silent = next((why for start, why in SILENT.items() if activity.title.startswith(start)), None)
        yield Skipped(member, silent or "unknown_verb", place, None if silent else record)
        return
    if not words.strip():
        yield Skipped(member, "no_text", place)
        return
    time = activity.time.iso if activity.time else None
    said = f"{source}\0{time}\0{words}\0{activity.answer}"
    key = hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    if key in seen:
        yield Skipped(member, "repeated", place)
        return
    seen.add(key)
    make = partial(
        Turn, member=member, conversation=key, time=time, time_precision="s" if time else None,
        audience="assistant", source=source, bytes=place,
    )  # fmt: skip
    yield make(turn="prompt", parent=None, speaker=UNKNOWN_ACCOUNT, role="user", text=words)
    if activity.answer is not None:
        yield make(
            turn="answer", parent="prompt", speaker="assistant", role="assistant", text=activity.answer
        )


GEMINI_SOURCE = Source(
    name=GEMINI,
    facts=family("google")[GEMINI],
    claims=partial(_claims, GEMINI),
    read=partial(_read, GEMINI),
)
SEARCH_SOURCE = Source(
    name=SEARCH,
    facts=family("google")[SEARCH],
    claims=partial(_claims, SEARCH),
    read=partial(_read, SEARCH),
)
