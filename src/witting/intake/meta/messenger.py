"""Messenger's threads: JSON, the end-to-end store, pages; and the same formats as Instagram writes them (`instagram.py`).

Covered: all root folders and boxes (shape decides, not names); threads in numbered files that repeat the participants,
in any order of time; one part of a split download, or several; groups; reactions as signals; unsent and taken-down
messages as turns without text; calls, shares, media, group events and pseudo-reactions skipped by reason. Turns come out
oldest first. Not covered: media beside the text; IP addresses and links to files are never kept.

Audience: `assistant` where Meta AI is the only other party; `direct` for two participants, `closed_group` for more or
where the thread says so, `unknown` where the file does not say. Names are all there is: two people of one name are one
speaker. How a file is read: `thread_json.py`, `page.py`; how files become a thread: `thread.py`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from posixpath import basename, dirname

from witting.intake.facts import family
from witting.intake.json_stream import shape
from witting.intake.meta.exporter import COMPANIONS, exporter
from witting.intake.meta.page import claims_page, is_page, open_page, without_known
from witting.intake.meta.rules import THREAD_FILE
from witting.intake.meta.thread import Message, ThreadFile, read_thread
from witting.intake.meta.thread_json import open_thread
from witting.intake.source import Export, Member, Skipped, Source, Turn

NAME = "messenger"
QUARTER_MS = 15 * 60_000  # every time zone's offset is a multiple of it


def claims_threads(member: Member, head: bytes) -> bool:
    """A thread by its shape; the same folder holds settings and other lists that are none."""
    paths = shape(head)
    thread_file = {"messages.sender_name", "messages.timestamp_ms"} <= paths
    end_to_end = {"messages.senderName", "messages.timestamp", "participants"} <= paths
    empty = {"participants.name", "thread_path"} <= paths and "messages" in paths
    return thread_file or end_to_end or empty


def claims(member: Member, head: bytes) -> bool:
    return claims_threads(member, head) or claims_page(member, head)


def read(export: Export, *, source: str = NAME) -> Iterator[Turn | Skipped]:
    threads = _threads([member for member in export.claimed if not is_page(member)])
    for members in threads.values():
        yield from read_thread([partial(open_thread, member) for member in members], source)
    for name, members in _threads([member for member in export.claimed if is_page(member)]).items():
        known = _digests(threads.get(name, ()))
        yield from read_thread([partial(_open_beside, member, known) for member in members], source)


def _threads(members: Sequence[Member]) -> dict[str, list[Member]]:
    """Numbered files of a folder are one thread; any other file is one of its own."""
    threads: dict[str, list[Member]] = defaultdict(list)
    for member in members:
        is_part = THREAD_FILE.fullmatch(basename(member.path)) is not None
        threads[dirname(member.path) if is_part else member.path].append(member)
    return threads


# What a page and JSON beside it both hold


def _open_beside(member: Member, known: frozenset[bytes]) -> ThreadFile:
    file = open_page(member)
    return without_known(file, lambda message: _digest(message) in known) if known else file


def _digests(members: Sequence[Member]) -> frozenset[bytes]:
    files = (open_thread(member) for member in members)
    return frozenset(
        _digest(message) for file in files for message in file.messages() if message.reason is None
    )


def _digest(message: Message) -> bytes:
    """The same for a message in JSON and on a page: sender, words but for their spacing, and the minute of its quarter
    hour, which no time zone shifts."""
    minute = "" if message.at is None else str(message.at % QUARTER_MS // 60_000)
    words = "".join((message.text or "").split())
    said = "\0".join((message.sender or "", minute, words))
    return hashlib.blake2b(said.encode("utf-8", "replace"), digest_size=8).digest()


SOURCE = Source(
    name=NAME,
    facts=family("meta")[NAME],
    claims=claims,
    read=read,
    exporter=exporter,
    companions=COMPANIONS,
)
