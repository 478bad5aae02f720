"""The JSONL door: `{"id","text"}` lines in, `{"id","spans","labels"}` lines out (docs/formats/redaction-spans.md).

Covers: bounded memory whatever the file; a bad line is set aside by reason, its place kept and its words not, and the
rest goes on. Not covered: Parquet, exports, redacted text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from witting.errors import UnreadableFile
from witting.redaction.detect import scan

LINE_BYTES_MAX = 4 << 20
TEXT_CHARS_MAX = 200_000
ID_CHARS_MAX = 512
QUARANTINE_LINES_MAX = 100_000  # listed one by one; the report counts all


@dataclass(frozen=True)
class RedactReport:
    """read = written + the sum of `quarantined`; blank lines are not counted."""

    read: int
    written: int
    quarantined: dict[str, int]
    kinds: dict[str, int]  # spans by kind

    def as_json(self) -> dict[str, Any]:  # Any: JSON
        """For `--json`."""
        return {
            "read": self.read,
            "written": self.written,
            "quarantined": self.quarantined,
            "kinds": self.kinds,
        }


@dataclass(frozen=True)
class _Bad:
    reason: str


def redact_file(source: Path, spans_out: Path) -> RedactReport:
    """Bad lines are listed in `<spans_out>.quarantine.jsonl` as `{"line","reason","bytes":[start,end]}`.

    Raises UnreadableFile when `source` is no file or is the file to write.
    """
    if not source.is_file():
        raise UnreadableFile(
            f'{source} is not a file. Name a JSONL file with a line {{"id", "text"}} a text.'
        )
    if spans_out.exists() and spans_out.samefile(source):
        raise UnreadableFile(f"{spans_out} is the file to read; write the spans elsewhere.")
    quarantine = spans_out.with_name(spans_out.name + ".quarantine.jsonl")
    read = written = 0
    bad: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    aside: list[str] = []
    with source.open("rb") as lines, spans_out.open("w", encoding="utf-8", newline="\n") as out:
        for number, start, line in _lines(lines):
            record = _parse(line)
            if record is None:
                continue
            read += 1
            if isinstance(record, _Bad):
                bad[record.reason] += 1
                if len(aside) < QUARANTINE_LINES_MAX:
                    aside.append(
                        json.dumps(
                            {"line": number, "reason": record.reason, "bytes": [start, start + len(line)]}
                        )
                    )
                continue
            spans, labels = scan(record["text"])
            kinds.update(span.kind for span in spans)
            found = {
                "id": record["id"],
                "spans": [span.as_json() for span in spans],
                "labels": labels.as_json(),
            }
            out.write(json.dumps(found, ensure_ascii=False) + "\n")
            written += 1
    _write_quarantine(quarantine, aside)
    return RedactReport(read, written, dict(sorted(bad.items())), dict(sorted(kinds.items())))


def _write_quarantine(path: Path, aside: list[str]) -> None:
    if aside:
        path.write_text("\n".join(aside) + "\n", encoding="utf-8")
    else:
        path.unlink(missing_ok=True)  # of an earlier run


def _lines(stream: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """(line number, byte offset, bytes); of a line that is too long, the first LINE_BYTES_MAX + 1 bytes."""
    number = start = 0
    while line := stream.readline(LINE_BYTES_MAX + 1):
        number += 1
        size = len(line)
        rest = line
        while len(rest) > LINE_BYTES_MAX and not rest.endswith(b"\n"):
            rest = stream.readline(LINE_BYTES_MAX + 1)
            size += len(rest)
        yield number, start, line
        start += size


def _parse(line: bytes) -> dict[str, Any] | _Bad | None:  # Any: JSON
    if not line.strip():
        return None
    if len(line) > LINE_BYTES_MAX:
        return _Bad("line_too_long")
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return _Bad("not_utf8")
    except (ValueError, RecursionError):
        return _Bad("broken_json")
    if not isinstance(record, dict):
        return _Bad("not_an_object")
    return _check(record)


def _check(record: dict[str, Any]) -> dict[str, Any] | _Bad:  # Any: JSON
    name, text = record.get("id"), record.get("text")
    if isinstance(name, bool) or not isinstance(name, (str, int)) or len(str(name)) > ID_CHARS_MAX:
        return _Bad("no_id")
    if not isinstance(text, str):
        return _Bad("no_text")
    if len(text) > TEXT_CHARS_MAX:
        return _Bad("text_too_long")
    if any("\ud800" <= c <= "\udfff" for c in text) or any("\ud800" <= c <= "\udfff" for c in str(name)):
        return _Bad("broken_unicode")
    return record
