"""What a person wrote on Facebook and Instagram outside of threads: posts, comments, comments in groups.

Covered: files told by their shape, with English or translated keys: posts (`data[].post`), comments
(`data[].comment.comment`), Instagram's comments (`string_map_data`, read by position and type). Not covered: what a
comment answers: the download does not hold it, so a comment stands alone. The localised `title` ("A replied to B's
comment") is the product's prose and names others: never read.

Who could see it: a comment in a group names the group, so `closed_group`; of all else the download does not say, so
`unknown`, which rights takes as the most private. The author is the exporter; where the record does not name them, the
profile beside it or nobody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from witting.intake.assistants.tree import UNKNOWN_ACCOUNT
from witting.intake.facts import family
from witting.intake.instant import Instant, from_epoch
from witting.intake.json_stream import BadRecord, Item, Piece, as_dict, first_text, read_record, shape, split
from witting.intake.meta.mojibake import is_mojibake, repaired
from witting.intake.source import HEAD_BYTES, Export, Member, Skipped, Source, Turn

ENTRY_KEYS = frozenset(("timestamp", "data", "string_map_data"))
FACEBOOK, INSTAGRAM = "facebook_wall", "instagram_comments"


def claims_facebook(member: Member, head: bytes) -> bool:
    paths = shape(head)
    return any(path.endswith(("data.comment.comment", "data.post")) for path in paths) and any(
        path.rpartition(".")[2] == "timestamp" for path in paths
    )


def claims_instagram(member: Member, head: bytes) -> bool:
    paths = shape(head)
    return "comment" in member.path.lower() and any("string_map_data." in path for path in paths)


def _read(source: str, export: Export) -> Iterator[Turn | Skipped]:
    seen: set[str] = set()
    for member in export.claimed:
        for piece in split(member):
            yield from _file(source, member.path, piece, seen)


def _file(source: str, member: str, piece: Piece, seen: set[str]) -> Iterator[Turn | Skipped]:
    """A file is one object with one list under a name, or the list itself: then each piece is an entry."""
    try:
        record = read_record(piece, *_lists(piece))
    except BadRecord as bad:
        yield Skipped(member, bad.reason, (piece.start, piece.end), piece.kept)
        return
    items = record.items if record.items is not None else (Item("0", piece.start, piece.end, record.value),)
    clean = repaired if is_mojibake([item.value for item in items]) else _same
    for item in items:
        yield from _entry(source, member, item, as_dict(clean(item.value)), piece, seen)


def _same(value: Any) -> Any:  # Any: JSON
    return value


def _lists(piece: Piece) -> list[tuple[str, ...]]:
    """The names a list may stand under; none where the piece is an entry itself."""
    names = {path for path in shape(piece.data[:HEAD_BYTES]) if "." not in path}
    return [] if names & ENTRY_KEYS else [(name,) for name in sorted(names)]


def _entry(
    source: str, member: str, item: Item, value: Mapping[str, Any], piece: Piece, seen: set[str]
) -> Iterator[Turn | Skipped]:  # Any: JSON
    place = (item.start, item.end)
    told = list(_instagram(value) if source == INSTAGRAM else _facebook(value))
    if not told:
        reason = "media_omitted" if value.get("attachments") or value.get("media_list_data") else "no_text"
        yield Skipped(
            member, reason if value else "unknown_shape", place, None if value else piece.bytes_of(item)
        )
        return
    for author, words, time, group in told:
        said = f"{source}\0{time.iso if time else ''}\0{author}\0{words}\0{group}"
        key = hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        if key in seen:
            yield Skipped(member, "repeated", place)
            continue
        seen.add(key)
        yield Turn(
            member=member,
            conversation=key,
            turn="0",
            parent=None,
            speaker=author or UNKNOWN_ACCOUNT,
            role="person",
            time=time.iso if time else None,
            time_precision="s" if time else None,
            text=words,
            audience="closed_group" if group else "unknown",
            source=source,
            bytes=place,
        )


def _facebook(
    value: Mapping[str, Any],
) -> Iterator[tuple[str | None, str, Instant | None, str | None]]:  # Any: JSON
    """Author, words, time, group of each comment or post in an entry."""
    listed = value.get("data")
    for part in map(as_dict, listed if isinstance(listed, list) else ()):
        comment = as_dict(part.get("comment"))
        words = first_text(comment.get("comment"), part.get("post"))
        if words is None or not words.strip():
            continue
        time = from_epoch(comment.get("timestamp", value.get("timestamp")))
        yield first_text(comment.get("author")), words, time, first_text(comment.get("group"))


def _instagram(
    value: Mapping[str, Any],
) -> Iterator[tuple[str | None, str, Instant | None, str | None]]:  # Any: JSON
    """The first value is the comment, the second whose photo it is about; the time is the field with a time."""
    fields = [as_dict(field) for field in as_dict(value.get("string_map_data")).values()]
    words = [field["value"] for field in fields if isinstance(field.get("value"), str) and field["value"]]
    times = [time for field in fields if (time := from_epoch(field.get("timestamp"))) is not None]
    if words and words[0].strip():
        yield None, words[0], times[0] if times else None, None


FACEBOOK_SOURCE = Source(
    name=FACEBOOK,
    facts=family("meta")[FACEBOOK],
    claims=claims_facebook,
    read=partial(_read, FACEBOOK),
)
INSTAGRAM_SOURCE = Source(
    name=INSTAGRAM,
    facts=family("meta")[INSTAGRAM],
    claims=claims_instagram,
    read=partial(_read, INSTAGRAM),
)
