"""What a training leaves: files by shard, a record of each, and one of the whole run.

Covered: `Run` and `ShardRun` to and from JSON (docs/formats/run.md), their names on disk, whole-or-nothing writes.
Not covered: making them (`shards.py`, `merge.py`).

    out/run.json                           the run: corpus, base, recipe, shards, hashes
    out/0007/adapter_model.safetensors     one shard's adapter; PEFT loads the folder
    out/0007/adapter_config.json
    out/0007/losses.jsonl                  {"step","loss_nats","tokens","seconds"}
    out/0007/shard.json                    its record; written last, so that its presence says the shard is done
    out/0007/checkpoint.safetensors        only while the shard trains
    out/merged/                            the mean of the shards' updates, as one adapter
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from witting.errors import DiskFull, TrainingError
from witting.training.recipe import Recipe

ADAPTER_NAME = "adapter_model.safetensors"
ADAPTER_CONFIG_NAME = "adapter_config.json"
LOSSES_NAME = "losses.jsonl"
SHARD_NAME = "shard.json"
RUN_NAME = "run.json"
MERGED = "merged"
FORMAT = 1


@dataclass(frozen=True)
class ShardRun:
    """One shard's training. No adapter where it had nothing to learn."""

    shard: int
    rows: int  # of kind sft and text
    pairs: int  # of kind preference
    tokens: int  # seen by the loss in one pass over rows and pairs
    steps: int
    seed: int
    recipe: str  # Recipe.shard_fingerprint
    base: str  # SHA-256 of the base's weights
    rows_sha256: str  # over example ids (keyed, so not guessable), tokens and marks
    adapter_sha256: str | None = None

    @property
    def key(self) -> str:
        """A hash of all that decided the adapter's bytes, its machine apart."""
        made = [self.shard, self.steps, self.seed, self.recipe, self.base, self.rows_sha256]
        return hashlib.sha256(json.dumps(made).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        return asdict(self)


@dataclass(frozen=True)
class Run:
    """A training. `id` is a hash of what it was made from and what came out, not of when."""

    corpus_id: str
    base_name: str
    base_sha256: str
    recipe: Recipe
    shards: tuple[ShardRun, ...]
    merged_from: tuple[int, ...]  # shards whose adapters are in the merged one
    merged_sha256: str | None
    started_at: datetime
    ended_at: datetime
    versions: Mapping[str, str]

    @property
    def id(self) -> str:
        made = [self.corpus_id, self.base_sha256, self.recipe.fingerprint, list(self.merged_from)]
        made += [[shard.shard, shard.key, shard.adapter_sha256] for shard in self.shards]
        return hashlib.sha256(json.dumps(made).encode()).hexdigest()[:32]

    def as_json(self) -> dict[str, Any]:  # Any: JSON values
        return {
            "format": FORMAT,
            "id": self.id,
            "corpus": self.corpus_id,
            "base": {"name": self.base_name, "sha256": self.base_sha256},
            "recipe": self.recipe.as_json(),
            "recipe_fingerprint": self.recipe.fingerprint,
            "shards": [shard.as_json() for shard in self.shards],
            "merged": {"shards": list(self.merged_from), "sha256": self.merged_sha256},
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat(),
            "versions": dict(self.versions),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Run:  # Any: JSON values
        return cls(
            corpus_id=value["corpus"],
            base_name=value["base"]["name"],
            base_sha256=value["base"]["sha256"],
            recipe=Recipe.from_json(value["recipe"]),
            shards=tuple(ShardRun(**shard) for shard in value["shards"]),
            merged_from=tuple(value["merged"]["shards"]),
            merged_sha256=value["merged"]["sha256"],
            started_at=datetime.fromisoformat(value["started_at"]),
            ended_at=datetime.fromisoformat(value["ended_at"]),
            versions=dict(value["versions"]),
        )


def shard_folder(out: Path, shard: int) -> Path:
    return out / f"{shard:04d}"


def read_run(out: Path) -> Run:
    """The run recorded in `out`. Raises TrainingError where there is none, or one that was changed by hand."""
    value = _read_json(out / RUN_NAME, "no finished run there; train first")
    try:
        run = Run.from_json(value)
    except (KeyError, TypeError, ValueError) as error:
        raise TrainingError(
            f"{RUN_NAME} in {out.name} is not a run record: {error!r}. Train again."
        ) from error
    if value.get("id") != run.id:
        raise TrainingError(
            f"{RUN_NAME} in {out.name} says id {value.get('id')}, its content hashes to {run.id}: it was changed. "
            "Train again; finished shards are kept."
        )
    return run


def read_shard(out: Path, shard: int) -> ShardRun | None:
    """The record of a finished shard, or None."""
    path = shard_folder(out, shard) / SHARD_NAME
    if not path.is_file():
        return None
    try:
        return ShardRun(**_read_json(path, "the shard is not finished"))
    except TypeError as error:
        raise TrainingError(
            f"{path.parent.name}/{path.name} is not a shard record: delete that folder."
        ) from error


def finished_shards(out: Path) -> dict[int, ShardRun]:
    """Every shard in `out` that is done, by number."""
    names = [path.parent.name for path in sorted(out.glob(f"*/{SHARD_NAME}"))]
    found = [read_shard(out, int(name)) for name in names if name.isdecimal()]
    return {record.shard: record for record in found if record is not None}


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    write_whole(path, (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode())


def write_lines(path: Path, lines: Sequence[str]) -> None:
    write_whole(path, "".join(f"{line}\n" for line in lines).encode())


def write_whole(path: Path, data: bytes) -> None:
    """The file has its old bytes or all of the new ones, whatever happens. Raises DiskFull."""
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        beside.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(
                f"no space left while writing {path.parent.name}/{path.name} ({len(data)} bytes). "
                "Nothing was lost: free space and run again; training goes on from its last checkpoint."
            ) from error
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read_json(path: Path, otherwise: str) -> dict[str, Any]:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise TrainingError(f"{path.parent.name}/{path.name} does not exist: {otherwise}.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path.parent.name}/{path.name} is damaged: {error}. Train again.") from error
