"""Whose download it is: the profile it carries, else whoever takes part in most of its threads.

Covered: the profile of Facebook (a full name) and of Instagram (fields with translated keys, of which the one counts
that is the name of somebody who takes part in a thread). Else strictly the most threads, of at least two. Not covered:
downloads that hold neither: nobody is named, and the person says who they are.

A download is the folder that its `messages` folder stands under, so two people's downloads side by side stay two.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from posixpath import basename, dirname
from typing import Any

from witting.errors import InputError
from witting.intake.json_stream import as_dict, plain_head
from witting.intake.meta.mojibake import is_mojibake, repaired
from witting.intake.meta.page import is_page, listed
from witting.intake.meta.rules import META_AI, THREAD_FILE
from witting.intake.meta.thread_json import before_the_list, participants
from witting.intake.source import Export, Member

PROFILE_BYTES_MAX = 4 << 20
PROFILES = ("profile_information.json", "personal_information.json")
COMPANIONS = frozenset(f"*/{name}" for name in PROFILES)  # of every source that a download holds

_ACTIVITY = re.compile(r"(?:^|/)(your_(?:facebook|instagram)_activity|your_activity_across_facebook)(?=/|$)")


@dataclass(frozen=True, eq=False)
class _Beside:
    """The members of a root; the same root, the same answer."""

    members: Mapping[str, Member]

    def __hash__(self) -> int:
        return id(self.members)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Beside) and other.members is self.members


def exporter(export: Export) -> str | None:
    """The speaker; None where it cannot be told."""
    beside = export.beside or {member.path: member for member in export.claimed}
    if not export.claimed:
        return None
    path = export.claimed[0].path
    activity = _ACTIVITY.search(path)
    return _told(
        _Beside(beside), download_of(path), path[: activity.end()] if activity else download_of(path)
    )


def profile_name(export: Export) -> str | None:
    """The name of Facebook's profile file."""
    if not export.claimed:
        return None
    names = _profiles(_of_download(export.beside, download_of(export.claimed[0].path)))
    return names[0] if len(names) == 1 else None


def download_of(path: str) -> str:
    """The folder a download's own folders stand in, with what the product calls them cut off."""
    for mark in (_ACTIVITY, re.compile(r"(?:^|/)(messages|posts|groups|comments[^/]*)(?=/)")):
        if found := mark.search(path):
            return path[: found.start()]
    return dirname(path)


@lru_cache(maxsize=4)  # a download of a thousand threads asks a thousand times
def _told(beside: _Beside, download: str, product: str) -> str | None:
    """`product` is the folder whose threads count: Facebook's and Instagram's stand side by side."""
    counts: Counter[str] = Counter()
    threads: dict[str, set[str]] = {}
    for member in _of_download(beside.members, product):
        if people := set(_people(member)) - {META_AI}:
            is_part = THREAD_FILE.fullmatch(basename(member.path)) is not None
            threads.setdefault(dirname(member.path) if is_part else member.path, set()).update(people)
    for people in threads.values():
        counts.update(people)
    named = [name for name in _profiles(_of_download(beside.members, download)) if name in counts]
    if len(named) == 1:
        return named[0]
    most = counts.most_common(2)
    if not most or most[0][1] < 2 or (len(most) > 1 and most[0][1] == most[1][1]):
        return None
    return most[0][0]


def _of_download(beside: Mapping[str, Member], download: str) -> list[Member]:
    return [member for path, member in beside.items() if not download or path.startswith(f"{download}/")]


def _people(member: Member) -> Iterator[str]:
    """Who a thread lists, by its first 64 KiB."""
    if not member.path.lower().endswith((".json", ".html", ".htm")) or basename(member.path) in PROFILES:
        return
    if THREAD_FILE.fullmatch(basename(member.path)) is None and "messages" not in dirname(member.path):
        return
    try:
        if is_page(member):
            yield from listed(member)
            return
        found = before_the_list(plain_head(member.head()))
    except InputError:
        return
    head = found[0] if found else {}
    yield from participants(repaired(head) if is_mojibake([head]) else head)


# The profile


def _profiles(members: list[Member]) -> list[str]:
    """Every name the profiles may call the person, each once."""
    files = [member for member in members if basename(member.path) in PROFILES]
    return list(dict.fromkeys(name for member in files for name in _names(member)))


def _names(member: Member) -> Iterator[str]:
    if member.size_bytes > PROFILE_BYTES_MAX:
        return
    try:
        with member.open() as stream:
            value = json.loads(stream.read())
    except (InputError, ValueError, RecursionError):
        return
    value = as_dict(repaired(value) if is_mojibake([value]) else value)
    for profile in value.values():
        if isinstance(full := as_dict(as_dict(profile).get("name")).get("full_name"), str) and full:
            yield full
        for part in profile if isinstance(profile, list) else ():
            yield from _fields(as_dict(as_dict(part).get("string_map_data")))


def _fields(fields: Mapping[str, Any]) -> Iterator[str]:  # Any: JSON
    for field in fields.values():
        if isinstance(said := as_dict(field).get("value"), str) and said:
            yield said
