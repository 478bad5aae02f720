"""Damage to whole files, one kind a family of formats: what a download, an editor, another tool or an enemy does to them.

Covered: JSON trees and JSON lines (wrong types, deep nesting, huge numbers, half surrogate pairs, NUL, duplicate keys,
parts moved to where others stood), HTML, CSV and TSV, WARC, Parquet, plain text; bytes of any file cut, flipped,
repeated, spliced. Not covered: archives (`test_archive_dangers.py`), large files.

Every choice comes from the `Random` that is given: hypothesis' own, so that it can shrink; a seeded one for atheris.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Sequence
from pathlib import PurePath
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DEEP = 3_000  # beyond what the standard scanner of JSON follows
BYTES_MAX = 1 << 16  # of a damaged file: what is tested is shape, not size
DAMAGES_MAX = 4
CHUNK = 12  # bytes taken out or in at once, mostly

BAD_BYTES = (
    b"\x00", b"\xff", b"\xed\xa0\x80", b"\xc3", b"\xf0\x9f\x8c", b"\xef\xbb\xbf", b"\xff\xfe", b"\xe2\x80\xa8", b"\xe2\x80\x8f",
    b'"', b"'", b"\\", b"\\u", b"[", b"]", b"{", b"}", b",", b":", b";", b"\t", b"\r", b"\n", b"\r\n\r\n", b"<", b">", b"&",
    b"</", b"<!--", b"-->", b"0", b"-", b"9999999999", b"WARC/1.0\r\n", b" - ", b"/",
)  # fmt: skip


class Pairs(list[tuple[str, Any]]):
    """A JSON object that may hold a key twice."""


class Raw(str):
    """Written as it is, whether JSON or not."""


ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**31, 2**53 + 1, 2**63, -(2**63), 2**64, 1e308, -0.0, 0.1, Raw("1e400"), Raw("-1e999"),
    Raw("NaN"), Raw("-Infinity"), Raw("9" * 400), Raw("9" * 5000), Raw("01"), Raw("undefined"), Raw(""), "", " ", "\x00", "a\x00b",
    "\ud800", "\udc00x", Raw('"\\ud83d"'), "\u2028", "\u202eabc", "\u00c3\u00a9", "x" * 600, "1e9", "-1", "true", "null", "2026-13-45T99:99:99Z",
    "2026-03-01T10:00:00+99:99", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "[]", '{"a": 1}', '[{"role": "user"}]', "user", "assistant",
    [], Pairs(), [[]], [None], [Pairs()], Pairs([("", None)]), Raw("[" * DEEP + "]" * DEEP), Raw('{"a":' * DEEP + "1" + "}" * DEEP),
    "[" * DEEP, [0] * 300,
)  # fmt: skip


def damaged(name: str, data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """The file `name` with a few damages of its family; `others` are files of the same source to splice from."""
    family = _FAMILIES.get(PurePath(name).suffix, _json if data.lstrip()[:1] in (b"{", b"[") else _text)
    for _ in range(rng.randint(1, DAMAGES_MAX)):
        damage = family if rng.randrange(3) else _bytes
        data = damage(data, others, rng)[:BYTES_MAX]
    return data


# Bytes of anything


def _bytes(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    at = rng.randint(0, len(data))
    end = min(len(data), at + rng.randint(1, CHUNK))
    kind = rng.randrange(7)
    if kind == 0:
        return data[:at] if rng.randrange(2) else data[at:]
    if kind == 1 and data:
        at = min(at, len(data) - 1)
        return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1 :]
    if kind == 2:
        return data[:at] + data[end:]
    if kind == 3:
        return data[:at] + data[at:end] * rng.choice((2, 3, 200)) + data[end:]
    if kind == 4 and others:
        other = rng.choice(others)
        return data[:at] + other[rng.randint(0, len(other)) :]
    if kind == 5:
        start = rng.randint(0, len(data))
        return data[:at] + data[start : start + 200] + data[at:]
    return data[:at] + rng.choice(BAD_BYTES) + data[end if rng.randrange(2) else at :]


# JSON


def _json(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    try:
        value = json.loads(data, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):
        return _bytes(data, others, rng)
    return _written(_mutated(value, rng)).encode("utf-8", "surrogatepass")


def _json_lines(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    kind = rng.randrange(8)
    if kind == 0:
        lines.insert(rng.randint(0, len(lines)), lines[at])
    elif kind == 1:
        lines.insert(at, rng.choice((b"", b"  ", b"\r", b"null", b"[]", b"{}", b"0", b'"', b"{", b"[[1]]")))
    elif kind == 2:
        rng.shuffle(lines)
    elif kind == 3:
        return rng.choice((b"", b" ", b"\r\n", b"\r")).join(lines)
    else:
        lines[at] = _json(lines[at], others, rng)
    return b"\n".join(lines)


def _mutated(value: Any, rng: Random) -> Any:
    """The tree with one part changed. Walks down from the root, so that shapes near it are changed as often as leaves."""
    if not isinstance(value, list) or not value or rng.randrange(12) == 0:
        return rng.choice(ODD)
    here = value
    while True:
        at = rng.randrange(len(here))
        inner = here[at][1] if isinstance(here, Pairs) else here[at]
        if isinstance(inner, list) and inner and rng.randrange(5):
            here = inner
            continue
        _change(here, at, value, rng)
        return value


def _change(here: list[Any], at: int, root: Any, rng: Random) -> None:
    is_object = isinstance(here, Pairs)
    kind = rng.randrange(8)
    if kind == 0:
        del here[at]
    elif kind == 1:
        here.insert(rng.randint(0, len(here)), here[at])  # a key twice, or an element
    elif kind == 2 and is_object:
        here[at] = (rng.choice((rng.choice(_keys(root)), "", "\x00", "\ud800", "__proto__")), here[at][1])
    elif kind in (3, 4):
        part = _part(root, rng)
        here[at] = (here[at][0], part) if is_object else part
    elif kind == 5:
        rng.shuffle(here)
    else:
        odd = rng.choice(ODD)
        here[at] = (here[at][0], odd) if is_object else odd


def _part(root: Any, rng: Random) -> Any:
    """Some part of the tree, by which ids come to stand twice, parents to be their own, lists where texts were."""
    here = root
    while isinstance(here, list) and here and rng.randrange(6):
        inner = rng.choice(here)
        here = inner[1] if isinstance(here, Pairs) else inner
    return json.loads(json.dumps(_plain(here)), object_pairs_hook=Pairs) if isinstance(here, list) else here


def _plain(value: Any) -> Any:
    if isinstance(value, Pairs):
        return {key: _plain(inner) for key, inner in value}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def _keys(value: Any) -> list[str]:
    found = [""]
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, Pairs):
            found += [key for key, _ in here]
            waiting += [inner for _, inner in here]
        elif isinstance(here, list):
            waiting += here
    return found


def _written(value: Any) -> str:
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ", ".join(f"{json.dumps(key)}: {_written(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_written, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


# Pages, tables, web archives, texts


def _html(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    tags = list(re.finditer(rb"<[^>]*>", data)) or [re.match(rb"", data)]
    one, other = rng.choice(tags), rng.choice(tags)
    assert one is not None
    assert other is not None
    kind = rng.randrange(6)
    if kind == 0:
        return data[: one.start()] + data[one.end() :]
    if kind == 1:
        return data[: one.start()] + other.group() + data[one.start() :]
    if kind == 2:
        return (
            data[: one.start()]
            + rng.choice((b"<div>", b"<b>", b"</div>", b"<!--")) * DEEP
            + data[one.start() :]
        )
    if kind == 3:
        odd = (
            b"<script>",
            b"<style>",
            b"<!DOCTYPE",
            b"<![CDATA[",
            b"<?",
            b"<br",
            b"&#0;",
            b"&#xd800;",
            b"&#99999999999;",
            b"&amp",
            b'<p a="',
        )
        return data[: one.end()] + rng.choice(odd) + data[one.end() :]
    if kind == 4:
        start, end = sorted((one.start(), other.end()))
        return data[:start] + data[start:end] * 2 + data[end:]
    start, end = sorted((one.end(), other.start()))
    return data[:start] + data[end:]


def _table(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    mark = rng.choice((b",", b";", b"\t", b"|"))
    cells = lines[at].split(mark)
    kind = rng.randrange(6)
    if kind == 0:
        lines.insert(rng.randint(0, len(lines)), lines[at])
    elif kind == 1:
        return data.replace(mark, rng.choice((b",", b";", b"\t", b"\x00")))
    elif kind == 2:
        rng.shuffle(cells)
        lines[at] = mark.join(cells)
    elif kind == 3:
        cells[rng.randrange(len(cells))] = rng.choice(
            (b"", b'"', b'"x', b'x"y', b'""', b"\xff", b"\x00", b"1e400", b"nan", b"x" * 600, b'"[[]]"')
        )
        lines[at] = mark.join(cells)
    elif kind == 4:
        lines[at] += mark * rng.choice((1, 300))
    else:
        return data.replace(b"\n", rng.choice((b"\r", b"\r\n", b"\n\n", b"")))
    return b"\n".join(lines)


def _warc(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    records = [b"WARC/1.0" + part for part in data.split(b"WARC/1.0")[1:]] or [data]
    at = rng.randrange(len(records))
    kind = rng.randrange(5)
    if kind == 0:
        records.insert(rng.randint(0, len(records)), records[at])
    elif kind == 1:
        number = rng.choice((b"0", b"-1", b"1", b"99999999", b"9" * 30, b"x", b""))
        records[at] = re.sub(rb"(?i)(content-length: )\S*", rb"\g<1>" + number, records[at], count=1)
    elif kind == 2:
        lines = records[at].split(b"\r\n")
        odd = (b"", b"x", b": x", b"WARC-Type: response", b"WARC-Date: 9999", b"Content-Encoding: gzip", b"Transfer-Encoding: chunked",
               b"Content-Type: text/html; charset=utf-16", b"Content-Type: text/html; charset=nonsense", b"WARC-Target-URI: http://[", b"HTTP/1.1 999", b"User-agent: *", b"Disallow: /" + b"*" * 200)  # fmt: skip
        lines[rng.randrange(len(lines))] = rng.choice(odd)
        records[at] = b"\r\n".join(lines)
    elif kind == 3:
        return b"".join(map(gzip.compress, records))
    else:
        return _html(data, others, rng)
    return b"".join(records)


def _parquet(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Other values in the same columns; bytes where it is no Parquet any more."""
    try:
        rows = json.loads(
            json.dumps(pq.read_table(io.BytesIO(data)).to_pylist(), default=str), object_pairs_hook=Pairs
        )
        value = json.loads(_written(_mutated(rows, rng)))
        table = pa.Table.from_pylist(value)
        sink = io.BytesIO()
        pq.write_table(table, sink)
    except (
        pa.ArrowException,
        OSError,
        ValueError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
        KeyError,
    ):
        return _bytes(data, others, rng)
    return sink.getvalue()


def _text(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    kind = rng.randrange(5)
    if kind == 0:
        lines.insert(rng.randint(0, len(lines)), lines[at])
    elif kind == 1:
        rng.shuffle(lines)
    elif kind == 2:
        lines[at] = re.sub(
            rb"\d+",
            rng.choice((b"0", b"31", b"99", b"2026", b"12345678901234567890", b"")),
            lines[at],
            count=1,
        )
    elif kind == 3:
        lines[at] = lines[at].replace(b": ", rng.choice((b":", b" : ", b": : ", b"")))
    else:
        lines[at] = rng.choice((b"\xe2\x80\x8e", b"\xe2\x80\xaf", b"\xef\xbb\xbf", b"\x00", b"[")) + lines[at]
    return b"\n".join(lines)


def _packed(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Gzip: damage below the packing, as often as above."""
    try:
        plain = gzip.decompress(data)
    except (OSError, EOFError, ValueError, zlib.error):
        return _bytes(data, others, rng)
    return gzip.compress(_warc(plain, others, rng)) if rng.randrange(2) else _bytes(data, others, rng)


_FAMILIES = {
    ".json": _json,
    ".jsonl": _json_lines,
    ".html": _html,
    ".csv": _table,
    ".tsv": _table,
    ".warc": _warc,
    ".gz": _packed,
    ".parquet": _parquet,
    ".txt": _text,
    ".zip": _bytes,
}
