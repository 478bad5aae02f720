"""Taking a corpus out, in forms that other trainers read.

Covers: Hugging Face `messages` JSONL, TRL preference and KTO JSONL (lists of messages), Parquet with the corpus's own columns; a file a split; `export.json` beside, naming the corpus, counts and hashes.
Not covered: undoing it. Copies outside the workspace are out of an erasure's reach: the manifest id in `export.json`
and each row's example_id are what a holder needs to remove a person's rows later.

Canaries never leave. In `messages` each message says by `learn` whether the loss may see it; a trainer must be told
(docs/formats/corpus.md has the settings), or it learns every message.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from witting.corpus.manifest import Manifest
from witting.corpus.read import read
from witting.errors import CorpusError, DiskFull, UsageError
from witting.schema import EXAMPLE, SPLITS, conform
from witting.store.objects import NO_SPACE, Objects

EXPORT_FORMAT = "witting.export/1"
CHUNK_BYTES = 1 << 20
SUFFIX = {"messages": "jsonl", "trl_preference": "jsonl", "trl_kto": "jsonl", "parquet": "parquet"}
KINDS = {
    "messages": ("sft", "text"),
    "trl_preference": ("preference",),
    "trl_kto": ("kto",),
    "parquet": ("sft", "text", "preference", "kto"),
}

Row = Mapping[str, Any]  # Any: an EXAMPLE row


@dataclass(frozen=True)
class _Written:
    path: str
    rows: int


def export(manifest: Manifest, objects: Objects, out: Path, *, format: str) -> dict[str, Any]:
    """Writes into the folder `out`, which must be new or empty; returns what `export.json` says. Raises UsageError,
    DiskFull, ObjectDamaged. Memory: one part."""
    if format not in SUFFIX:
        raise UsageError(f"export has the formats {', '.join(SUFFIX)}; {format[:40]!r} is not one.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(
            f"{out} is not an empty folder; an export is never mixed with other files. Name a new one."
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        files = [_write_split(manifest, objects, out, split=split, format=format) for split in SPLITS]
        described = _describe(manifest, out, files, format=format)
        _write(out / "export.json", lambda stream: stream.write(_pretty(described)))
    except OSError as error:
        if error.errno in NO_SPACE:
            raise DiskFull(
                f"no space left while writing to {out}; delete the folder, free space, run again."
            ) from error
        raise CorpusError(f"{out} cannot be written: {error.strerror}.") from error
    return described


def _write_split(manifest: Manifest, objects: Objects, out: Path, *, split: str, format: str) -> _Written:
    path = out / f"{split}.{SUFFIX[format]}"
    tables = _exported(manifest, objects, split=split, kinds=KINDS[format])
    rows = _write_parquet(path, tables) if format == "parquet" else _write_jsonl(path, tables, LINES[format])
    return _Written(path.name, rows)


def _exported(
    manifest: Manifest, objects: Objects, *, split: str, kinds: tuple[str, ...]
) -> Iterator[pa.Table]:
    for table in read(objects, manifest, split=split):
        ours = pl.DataFrame(table).filter(~pl.col("canary") & pl.col("kind").is_in(kinds))
        yield conform(ours.to_arrow(), EXAMPLE)


def _write_jsonl(path: Path, tables: Iterator[pa.Table], line: Callable[[Row], dict[str, Any]]) -> int:
    def write(stream: IO[bytes]) -> int:
        count = 0
        for table in tables:
            for batch in table.to_batches(max_chunksize=10_000):
                lines = [json.dumps(line(row), ensure_ascii=False) for row in batch.to_pylist()]
                stream.write("".join(f"{text}\n" for text in lines).encode())
                count += len(lines)
        return count

    return _write(path, write)


def _write_parquet(path: Path, tables: Iterator[pa.Table]) -> int:
    def write(stream: IO[bytes]) -> int:
        count = 0
        with pq.ParquetWriter(stream, EXAMPLE, compression="zstd", write_statistics=False) as writer:
            for table in tables:
                writer.write_table(table)
                count += table.num_rows
        return count

    return _write(path, write)


def _write(path: Path, write: Callable[[IO[bytes]], int]) -> int:
    """Written aside, synced, then named: a file that is there is complete."""
    aside = path.with_name(f".{path.name}.part")
    with aside.open("wb") as stream:
        count = write(stream)
        stream.flush()
        os.fsync(stream.fileno())
    aside.replace(path)
    return count


def message_line(row: Row) -> dict[str, Any]:
    """A line of `messages`: sft and text rows."""
    messages = [{"role": m["role"], "content": m["content"], "learn": m["learn"]} for m in row["messages"]]
    return {
        "example_id": row["example_id"],
        "messages": messages,
        "language": row["language"],
        "rule": row["rule"],
    }


def preference_line(row: Row) -> dict[str, Any]:
    """A line of TRL's conversational preference format with explicit prompt."""
    return {
        "example_id": row["example_id"],
        "prompt": [{"role": m["role"], "content": m["content"]} for m in row["messages"]],
        "chosen": [{"role": "assistant", "content": row["chosen"]}],
        "rejected": [{"role": "assistant", "content": row["rejected"]}],
        "language": row["language"],
        "rule": row["rule"],
    }


def kto_line(row: Row) -> dict[str, Any]:
    """A line of TRL's conversational unpaired preference format: was this answer wanted?"""
    *prompt, answer = [{"role": m["role"], "content": m["content"]} for m in row["messages"]]
    return {
        "example_id": row["example_id"],
        "prompt": prompt,
        "completion": [answer],
        "label": row["label"],
        "language": row["language"],
        "rule": row["rule"],
    }


LINES: Mapping[str, Callable[[Row], dict[str, Any]]] = {
    "messages": message_line,
    "trl_preference": preference_line,
    "trl_kto": kto_line,
}


def _describe(manifest: Manifest, out: Path, files: list[_Written], *, format: str) -> dict[str, Any]:
    listed = [
        {
            "path": file.path,
            "rows": file.rows,
            "size_bytes": (out / file.path).stat().st_size,
            "sha256": _sha256(out / file.path),
        }
        for file in files
    ]
    rows = sum(file.rows for file in files)
    return {
        "format": EXPORT_FORMAT,
        "form": format,
        "corpus": manifest.id,
        "manifest_sha256": manifest.sha256,
        "purpose": manifest.purpose,
        "rows": rows,
        "left_out": {
            "canaries": manifest.counts["canaries"],
            "other_kinds": manifest.counts["examples"] - rows,
        },
        "files": listed,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _pretty(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
