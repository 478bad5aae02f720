"""What a person wrote on Facebook and Instagram outside of threads: posts, comments, posts and comments in groups.

Covered: files told by their shape, as a list or an object around one, a record at a time; mojibake proved for the whole
file first; Instagram's comments, whose keys are translated, by position and type. Not covered: pages, captions of photos,
and what a comment answers: the download does not hold it, so a comment stands alone and is no half of a dialogue. The
localised `title` ("A replied to B's comment") is the product's prose and names others: never read.

Who could see it: what names a group, or stands in a list of group posts, is `closed_group`, though some groups are public;
of all else the download does not say, so `unknown`, which rights takes as the most private. Whose post or photo a comment
stands under is in the prose only, so every comment is held as one under somebody else's. The author is the exporter; where
a record does not name them, the profile beside it does, or nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from witting.intake.account import UNKNOWN_ACCOUNT
from witting.intake.facts import family
from witting.intake.instant import Instant, from_epoch
from witting.intake.json_stream import BadRecord, Piece, as_dict, first_text, parse, shape
from witting.intake.meta.exporter import COMPANIONS, exporter, profile_name
from witting.intake.meta.mojibake import is_mojibake, repaired
from witting.intake.source import Export, Member, Skipped, Source, Turn
from witting.intake.wrapped import name_around, records

FACEBOOK, INSTAGRAM = "facebook_wall", "instagram_comments"
COMMENT_KEYS = ("Comment",)  # the same in English; other languages are learned from the file
DISTINCT_KEYS_MAX = 1_000
RECORD_KEYS = (
    "data",
    "attachments",
    "media_list_data",
    "tags",
)  # a file of one record begins with one of them

_COMMENTS = re.compile(r"comment", re.IGNORECASE)
_FACEBOOK_MARKS = (  # what a record holds, besides its time
    "data.post",
    "data.comment",
    "data.comment.comment",
    "data.update_timestamp",
    "attachments.data.media",
    "attachments.data.external_context",
    "attachments.data.place",
)

Told = tuple[str | None, str, Instant | None, bool]  # author, words, time, in a group?
Understand = Callable[[Mapping[str, Any]], list[Told] | str]  # Any: JSON; a string is why there are none


# Whose file it is


def claims_facebook(member: Member, head: bytes) -> bool:
    paths = _unwrapped(head)
    return "timestamp" in paths and any(mark in paths for mark in _FACEBOOK_MARKS)


def claims_instagram(member: Member, head: bytes) -> bool:
    name = name_around(head, never=RECORD_KEYS)
    told = _COMMENTS.search(member.path) or (name and _COMMENTS.search(name))
    return bool(told) and any(path.startswith("string_map_data.") for path in _unwrapped(head))


def _unwrapped(head: bytes) -> set[str]:
    paths, name = shape(head), name_around(head, never=RECORD_KEYS)
    return {path.removeprefix(f"{name}.") for path in paths} if name else set(paths)


# Reading


@dataclass(frozen=True)
class _File:
    member: Member
    inside: str | None
    clean: Callable[[Any], Any]  # Any: JSON

    def pieces(self) -> Iterator[Piece]:
        return records(self.member, self.inside)

    def values(self) -> Iterator[Mapping[str, Any]]:  # Any: JSON
        for piece in self.pieces():
            try:
                yield as_dict(self.clean(parse(piece)))
            except BadRecord:
                continue


def _same(value: Any) -> Any:  # Any: JSON
    return value


def _opened(member: Member) -> _File:
    raw = _File(member, name_around(member.head(), never=RECORD_KEYS), _same)
    return _File(member, raw.inside, repaired) if is_mojibake(raw.values()) else raw


def _read(source: str, export: Export) -> Iterator[Turn | Skipped]:
    author = profile_name(export) if source == FACEBOOK else None
    seen: set[str] = set()
    for member in export.claimed:
        file = _opened(member)
        understand = _facebook_of(file) if source == FACEBOOK else _instagram_of(file)
        for piece in file.pieces():
            yield from _record(source, file, piece, understand, author, seen)


def _record(
    source: str, file: _File, piece: Piece, understand: Understand, author: str | None, seen: set[str]
) -> Iterator[Turn | Skipped]:
    path, place = file.member.path, (piece.start, piece.end)
    try:
        value = file.clean(parse(piece))
    except BadRecord as bad:
        yield Skipped(path, bad.reason, place, piece.kept)
        return
    told = understand(value) if isinstance(value, dict) else "unknown_shape"
    if isinstance(told, str):
        yield Skipped(path, told, place, piece.kept if told == "unknown_shape" else None)
        return
    for named, words, time, in_group in told:
        speaker = named or author or UNKNOWN_ACCOUNT
        key = _key(source, time.iso if time else "", speaker, words, "group" if in_group else "")
        if key in seen:
            yield Skipped(path, "repeated", place)
            continue
        seen.add(key)
        yield Turn(
            member=path,
            conversation=key,
            turn="0",
            parent=None,
            speaker=speaker,
            role="person",
            time=time.iso if time else None,
            time_precision="s" if time else None,
            text=words,
            audience="closed_group" if in_group else "unknown",
            source=source,
            bytes=place,
        )


def _key(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


# Facebook


def _facebook_of(file: _File) -> Understand:
    return partial(_facebook, in_group=bool(file.inside and file.inside.startswith("group_")))


def _facebook(value: Mapping[str, Any], *, in_group: bool) -> list[Told] | str:  # Any: JSON
    """Each comment or post in a record."""
    listed = value.get("data")
    told: list[Told] = []
    for part in map(as_dict, listed if isinstance(listed, list) else ()):
        comment = as_dict(part.get("comment"))
        words = first_text(comment.get("comment"), part.get("post"))
        if words is not None and words.strip():
            time = from_epoch(comment.get("timestamp", value.get("timestamp")))
            grouped = in_group or first_text(comment.get("group")) is not None
            told.append((first_text(comment.get("author")), words, time, grouped))
    return told or _why_no_words(value)


def _why_no_words(value: Mapping[str, Any]) -> str:  # Any: JSON
    if "timestamp" not in value:
        return "unknown_shape"
    kinds = {
        kind
        for attachment in _list(value.get("attachments"))
        for part in _list(as_dict(attachment).get("data"))
        for kind in as_dict(part)
    }
    if "media" in kinds:
        return "media_omitted"
    if "external_context" in kinds:
        return "share"
    return "location" if "place" in kinds else "no_text"


def _list(value: Any) -> list[Any]:  # Any: JSON
    return value if isinstance(value, list) else []


# Instagram


def _instagram_of(file: _File) -> Understand:
    """With the keys of this file's language. Two texts stand in a record, the comment and whose photo it is about; where
    one is missing, only its key says which."""
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for value in file.values():
        if len(keys := [key for key, _ in _texts(value)]) >= 2 and len(first) < DISTINCT_KEYS_MAX:
            first[keys[0]] += 1
            second[keys[1]] += 1
    comment_keys = {*COMMENT_KEYS, *first} - set(second)
    return partial(_instagram, comment_keys=comment_keys, owner_keys=set(second))


def _instagram(
    value: Mapping[str, Any], *, comment_keys: set[str], owner_keys: set[str]
) -> list[Told] | str:  # Any: JSON
    texts = _texts(value)
    if not texts:
        return "unknown_shape" if "string_map_data" not in value else "no_text"
    key, words = texts[0]
    if len(texts) == 1 and key in owner_keys:
        return "no_text"
    if key not in comment_keys:
        return "unknown_shape"
    if not words.strip():
        return "media_omitted" if value.get("media_list_data") else "no_text"
    times = [from_epoch(as_dict(field).get("timestamp")) for field in _fields(value).values()]
    return [(None, words, next(filter(None, times), None), False)]


def _fields(value: Mapping[str, Any]) -> Mapping[str, Any]:  # Any: JSON
    return as_dict(value.get("string_map_data"))


def _texts(value: Mapping[str, Any]) -> list[tuple[str, str]]:  # Any: JSON
    """The fields that hold text and no time, in the file's order; an empty one counts."""
    fields = [(key, as_dict(field)) for key, field in _fields(value).items()]
    return [
        (key, field["value"])
        for key, field in fields
        if isinstance(field.get("value"), str) and not field.get("timestamp")
    ]


def _wall_exporter(export: Export) -> str | None:
    return profile_name(export) or exporter(export)


def _comments_exporter(export: Export) -> str:
    return UNKNOWN_ACCOUNT


FACEBOOK_SOURCE = Source(
    name=FACEBOOK,
    facts=family("meta")[FACEBOOK],
    claims=claims_facebook,
    read=partial(_read, FACEBOOK),
    exporter=_wall_exporter,
    companions=COMPANIONS,
)
INSTAGRAM_SOURCE = Source(
    name=INSTAGRAM,
    facts=family("meta")[INSTAGRAM],
    claims=claims_instagram,
    read=partial(_read, INSTAGRAM),
    exporter=_comments_exporter,
    companions=COMPANIONS,
)
