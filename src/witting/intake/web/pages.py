"""Public web pages out of WARC and WET files, as Common Crawl and its like publish them.

Covered: HTML responses (their visible text) and WET conversions, one page a turn, in bounded memory, gzip members one by
one; what each site refuses, kept on the turn as `barred` (`refusals.py`), from robots.txt and tdmrep.json in any of the
files given together. Not covered: who wrote what on a page: the speaker is the host, and nobody can consent for it, so
rights opens such a page by legitimate interest or not at all; scripts, other types than HTML, pages that failed.

Needs the extra `web` (fastwarc, protego). Two readings: sites first, then pages. Offsets count in the plain bytes.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from witting.errors import UsageError
from witting.intake.facts import family
from witting.intake.html_text import parse_text
from witting.intake.instant import from_iso
from witting.intake.json_stream import blocks, plain_head
from witting.intake.refusals import unreadable
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.web.refusals import Site, barred, read_tdmrep

NAME = "web"
HTML = ("text/html", "application/xhtml+xml")
PAGE_BYTES_MAX = 4 << 20
KEPT_BYTES_MAX = 1 << 20
ROBOTS_MAX = 100  # copies that differ, of one host
REFUSES_ALL = "User-agent: *\nDisallow: /"
SITE_BYTES_MAX = 512 << 10  # as much of a robots.txt as crawlers read (RFC 9309 §2.5)
SITES_MAX = 1_000_000


def claims(member: Member, head: bytes) -> bool:
    return plain_head(head).startswith(b"WARC/")


def read(export: Export) -> Iterator[Turn | Skipped]:
    sites: dict[str, Site] = {}
    seen: set[bytes] = set()
    for member in export.claimed:
        for record in _records(member):
            _learn(record, sites)
    for member in export.claimed:
        held: _Record | None = None
        for record in _records(member):
            if held is not None:
                yield _once(_page(held, (held.start, record.start), sites, member.path), seen)
            held = record
        if held is not None:
            yield _once(_page(held, (held.start, held.end), sites, member.path), seen)


def _once(page: Turn | Skipped, seen: set[bytes]) -> Turn | Skipped:
    """A page that was told, crawled again in the same second or copied into another file, is told once. Costs about 80
    bytes a page."""
    if isinstance(page, Turn):
        digest = hashlib.blake2b(
            f"{page.conversation}{page.turn}".encode("utf-8", "replace"), digest_size=16
        ).digest()
        if digest in seen:
            return Skipped(page.member, "repeated", page.bytes)
        seen.add(digest)
    return page


@dataclass(frozen=True)
class _Record:
    """One record of the archive, its body cut at the limit."""

    kind: str  # response, conversion, ...
    url: str
    date: str | None
    status: int | None
    type: str  # of the body
    headers: Mapping[str, str]  # of HTTP, lower-case names
    body: bytes
    start: int
    end: int  # as far as the archive was read; the next record's start is exact


class _Plain:
    """The member's plain bytes as a stream to read from. Holds what a block had beyond what was asked for."""

    def __init__(self, member: Member) -> None:
        self._blocks, self._held, self._at = blocks(member), b"", 0

    def read(self, size: int = -1) -> bytes:
        while (size < 0 or len(self._held) < size) and (block := next(self._blocks, b"")):
            self._held += block
        found, self._held = (self._held, b"") if size < 0 else (self._held[:size], self._held[size:])
        self._at += len(found)
        return found

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        """Nothing is open between reads."""


def _records(member: Member) -> Iterator[_Record]:
    """Raises UnreadableFile, UsageError."""
    try:
        from fastwarc.warc import ArchiveIterator
    except ImportError as error:
        raise UsageError("web archives need an extra: pip install 'witting[web]'.") from error
    plain: Any = _Plain(member)  # Any: fastwarc asks for a BinaryIO and uses read and tell alone
    try:
        for record in ArchiveIterator(plain, parse_http=True):
            yield _understood(record, plain)
    except (ValueError, EOFError, RuntimeError, OSError) as error:
        raise unreadable("unreadable", "the web archive is damaged") from error


def _understood(record: Any, plain: _Plain) -> _Record:  # Any: a record of fastwarc, which is untyped
    http = record.http_headers
    headers = {} if http is None else {str(name).lower(): str(value) for name, value in http.items()}
    body = record.reader.read(PAGE_BYTES_MAX + 1)
    return _Record(
        kind=str(record.headers.get("WARC-Type", "")),
        url=record.headers.get("WARC-Target-URI", "").strip("<>"),
        date=record.headers.get("WARC-Date"),
        status=None if http is None else http.status_code,
        type=str(record.http_content_type or record.headers.get("Content-Type", ""))
        .partition(";")[0]
        .strip(),
        headers=headers,
        body=body,
        start=int(record.stream_pos),
        end=plain.tell(),
    )


def _parts(url: str) -> SplitResult:
    """Nothing of an address that is none."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _learn(record: _Record, sites: dict[str, Site]) -> None:
    parts = _parts(record.url)
    if record.kind != "response" or parts.path not in ("/robots.txt", "/.well-known/tdmrep.json"):
        return
    if parts.netloc not in sites and len(sites) >= SITES_MAX:
        return  # unknown, hence barred
    site, body = sites.setdefault(parts.netloc, Site()), record.body[:SITE_BYTES_MAX]
    if parts.path == "/robots.txt":
        rules = _rules(record.status, body.decode("utf-8", "replace"))
        if rules is not None and len(site.robots) < ROBOTS_MAX:
            site.robots.add(rules)
        elif rules is not None:
            site.robots.add(REFUSES_ALL)  # so many copies that differ: nobody can say which holds
    elif record.status == 200:
        site.tdm += read_tdmrep(body)


def _rules(status: int | None, body: str) -> str | None:
    """What a site answers for its robots.txt: rules, none for a file that is not there (RFC 9309 §2.3.1.3), and a refusal of
    everything for one that it keeps or fails to give (§2.3.1.4; 401 and 403 are read more strictly than there). None for what
    says nothing, such as a redirect, whose end is another record. Of several all must allow."""
    if status is None or 300 <= status < 400:
        return None
    if status < 300:
        return body
    return "" if status in (404, 410) else REFUSES_ALL


def _page(record: _Record, place: tuple[int, int], sites: Mapping[str, Site], member: str) -> Turn | Skipped:
    parts = _parts(record.url)
    if parts.path in ("/robots.txt", "/.well-known/tdmrep.json"):
        return Skipped(member, "site_rules", place)
    is_page = record.kind == "response" and record.status == 200 and record.type in HTML
    if not is_page and record.kind != "conversion":
        return Skipped(member, "not_a_page", place)
    if len(record.body) > PAGE_BYTES_MAX:
        return Skipped(member, "record_too_large", place, record.body[:KEPT_BYTES_MAX])
    text = record.body.decode(_charset(record), "replace")
    page = parse_text(text) if is_page else None
    words = page.text() if page is not None else text.strip()
    if not words or not parts.netloc:
        return Skipped(member, "no_text", place)
    time = from_iso(record.date)
    return Turn(
        member=member,
        conversation=hashlib.blake2b(record.url.encode("utf-8", "replace"), digest_size=16).hexdigest(),
        turn=f"{record.date}",
        parent=None,
        speaker=parts.netloc,
        role="person",
        time=time.iso if time else None,
        time_precision="s" if time else None,
        text=words,
        audience="public",
        source=NAME,
        bytes=place,
        barred=barred(record.url, sites.get(parts.netloc), record.headers, page),
    )


def _charset(record: _Record) -> str:
    """What the server says, if Python knows it; else UTF-8."""
    found = re.search(r"charset=[\"']?([\w-]+)", record.headers.get("content-type", ""), re.IGNORECASE)
    try:
        return codecs.lookup(found[1]).name if found else "utf-8"
    except LookupError:
        return "utf-8"


SOURCE = Source(name=NAME, facts=family("web")[NAME], claims=claims, read=read)
