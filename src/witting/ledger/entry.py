"""A ledger entry: what happened, when, and the exact bytes that the tree commits to.

Covers: canonical JSON (RFC 8785) of an entry, its limits, and reading it back strictly.
Not covered: what a body may say; each room fills its own, and never with a person's words, name or handle.

An entry's bytes are made once and kept verbatim. What `append` hands on is read back from those bytes, so that a
projection folded live and one replayed from the ledger see the very same values.
"""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import rfc8785

from witting.errors import LedgerDamaged, LedgerError

ENTRY_BYTES_MAX = 65_535  # what a C2SP log tile can carry
KIND_CHARS_MAX = 64
WHOLE_NUMBER_MAX = (
    2**53 - 1
)  # RFC 8785 appendix B, RFC 7493 §2.2: beyond it, readers disagree about the number
KIND = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
FIELDS = {"index", "kind", "at", "body"}


@dataclass(frozen=True)
class Entry:
    """One line of the ledger. `bytes` is the canonical JSON of the other four; the tree's leaf is its hash."""

    index: int
    kind: str
    at: datetime  # UTC, microseconds
    body: Mapping[str, Any] = field(repr=False)  # Any: JSON, by kind
    bytes: builtins.bytes = field(repr=False)


def make_entry(index: int, kind: str, body: Mapping[str, Any], *, now: datetime) -> Entry:
    """The entry, or LedgerError if it cannot be written down exactly or is too large."""
    check_kind(kind)
    written = {"index": index, "kind": kind, "at": format_time(now), "body": dict(body)}
    data, values = _canonical(written, what=kind)
    if len(data) > ENTRY_BYTES_MAX:
        raise LedgerError(
            f"an entry of kind {kind} has {len(data)} bytes; at most {ENTRY_BYTES_MAX} are allowed. "
            "Put the long part into an object and its SHA-256 into the entry."
        )
    return Entry(index, kind, datetime.fromisoformat(values["at"]), values["body"], data)


def read_entry(data: builtins.bytes) -> Entry:
    """The entry in these bytes, whose hash is known to be right; LedgerDamaged if they hold none."""
    try:
        values = parse_json(data)
        if not isinstance(values, dict) or values.keys() != FIELDS or not isinstance(values["body"], dict):
            raise ValueError("other fields than an entry has")
        if type(values["index"]) is not int or not isinstance(values["kind"], str):
            raise ValueError("an index or kind of another type")
        at = datetime.fromisoformat(values["at"])
        if format_time(at) != values["at"]:
            raise ValueError("another spelling of the time")
    except (ValueError, TypeError, RecursionError, LedgerError) as error:
        raise LedgerDamaged("these bytes are not a ledger entry.") from error
    return Entry(values["index"], values["kind"], at, values["body"], data)


def parse_entry(data: builtins.bytes) -> Entry:
    """As `read_entry`, for bytes from outside: also refuses any but the one canonical spelling."""
    entry = read_entry(data)
    again = {"index": entry.index, "kind": entry.kind, "at": format_time(entry.at), "body": entry.body}
    try:
        spelt = canonical(again, what="entry")
    except LedgerError as error:
        raise LedgerDamaged(f"ledger entry {entry.index} cannot be written as canonical JSON.") from error
    if spelt != data:
        raise LedgerDamaged(f"ledger entry {entry.index} is not in canonical JSON (RFC 8785).")
    return entry


def check_kind(kind: str) -> None:
    if len(kind) > KIND_CHARS_MAX or not KIND.fullmatch(kind):
        raise LedgerError(
            f"the entry kind {kind[:KIND_CHARS_MAX]!r} is not allowed: lower-case words joined by dots, "
            f"at most {KIND_CHARS_MAX} characters."
        )


def canonical(value: Any, *, what: str) -> builtins.bytes:  # Any: JSON
    """RFC 8785 bytes that read back to the same bytes, or LedgerError."""
    return _canonical(value, what=what)[0]


def _canonical(value: Any, *, what: str) -> tuple[builtins.bytes, Any]:  # Any: JSON
    """The bytes, and what a reader gets from them."""
    try:
        data = rfc8785.dumps(value)
        read = parse_json(data)  # a float such as 1e16 is written as a whole number that no reader may trust
    except (ValueError, RecursionError) as error:
        raise LedgerError(
            f"{what}: cannot be written as canonical JSON. Allowed are text, true, false, null, lists, objects with "
            f"text keys, and finite numbers, whole ones up to {WHOLE_NUMBER_MAX}."
        ) from error
    return data, read


def parse_json(data: builtins.bytes | str) -> Any:  # Any: JSON
    """JSON as RFC 7493 (I-JSON) allows it: UTF-8, no name twice, no NaN, no whole number beyond 2**53. ValueError."""
    return STRICT.decode(data if isinstance(data, str) else data.decode("utf-8"))


def format_time(moment: datetime) -> str:
    """UTC, always with six decimals: one moment has one spelling."""
    if moment.tzinfo is None:
        raise LedgerError(
            "a time without a zone cannot be recorded; pass an aware one, e.g. datetime.now(UTC)."
        )
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return values


def _whole(text: str) -> int:
    number = int(text) if len(text) <= 17 else WHOLE_NUMBER_MAX + 1
    if abs(number) > WHOLE_NUMBER_MAX:
        raise ValueError("a whole number beyond 2**53")
    return number


def _finite(text: str) -> float:
    number = float(text)
    if number - number != 0:
        raise ValueError("a number too large for a double")
    return number


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is not JSON")


# Made once: json.loads with hooks makes one a call, a seventh of the time of an append.
STRICT = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_whole, parse_float=_finite, parse_constant=_refuse
)
