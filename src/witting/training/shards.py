"""One adapter a shard, each from the same base and its own rows only, so that a shard can be taught again alone.

Covered: sharing the steps, training, checkpoints, going on after a crash, teaching chosen shards again for an erasure.
Not covered: joining the adapters (`merge.py`), person-level privacy, slices within a shard (later depth).
Idea: Bourtoule et al. 2021, "Machine Unlearning" (SISA), with adapters as the models.

What is promised: the same rows, recipe, base, machine, library versions and threads give the same adapter, byte for
byte, whether or not the training was interrupted (also by `kill -9`) and whatever the other shards hold. What voids
it: another processor, torch version or number of threads, as floats are then added in another order.

What is not: the *number of steps* of a shard comes from the tokens of all shards (`recipe.allot`). When one shard's
rows change, its own steps are counted anew, and the others keep the adapters and steps they have, which were counted
while an erased person's tokens were still there.

Memory: one shard's rows and tokens at a time, the base once.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from witting.errors import TrainingError
from witting.training.base import Base, sha256_of
from witting.training.dialogue import Dialogue, Encoded
from witting.training.learner import Learner, Taught, batches
from witting.training.likelihood import check_head
from witting.training.lora import adapter_bytes, adapter_tensors, config_json, fresh_adapter, lora_config
from witting.training.merge import forget_joined, join
from witting.training.preference import Pair, encode_pair
from witting.training.recipe import Recipe, allot
from witting.training.run import (
    ADAPTER_CONFIG_NAME,
    ADAPTER_NAME,
    LOSSES_NAME,
    RUN_NAME,
    SHARD_NAME,
    Run,
    ShardRun,
    finished_shards,
    read_run,
    read_shard,
    shard_folder,
    write_json,
    write_lines,
    write_whole,
)
from witting.training.sft import SUPERVISED, encode_example

CHECKPOINT_NAME = "checkpoint.safetensors"
CHECKPOINT_STEPS = 5  # steps lost at most in a crash

Progress = Callable[[dict[str, Any]], None]  # Any: numbers and names, for a progress line
RowsOf = Callable[[int], pa.Table]


def train(
    rows_of: RowsOf,
    shards: Sequence[int],
    recipe: Recipe,
    base: Base,
    *,
    corpus_id: str,
    out: Path,
    progress: Progress,
    now: Callable[[], datetime],
) -> Run:
    """Teach `shards`, join every adapter in `out`, and record the run.

    `rows_of(shard)` gives EXAMPLE rows and is called twice a shard; only split `train` is learned. Shards in `out`
    that are not named keep their bytes. A shard whose rows, recipe and base are unchanged is not taught again, so
    that naming all of them after an erasure teaches one.
    Before the first step the run record, the merged adapter and the adapters that will be replaced are deleted:
    nothing made with withdrawn rows can be loaded in between. Raises TrainingError, DiskFull.
    """
    out.mkdir(parents=True, exist_ok=True)
    started = now()
    kept = _kept_shards(out, shards, recipe, base)
    planned = _plan(out, rows_of, sorted(set(shards)), kept, recipe, base)
    if not any(record.steps for record in [*planned, *kept.values()]):
        raise TrainingError(
            f"corpus {corpus_id}: none of {len(planned)} shards has an example of split 'train' with words to learn. "
            "Look at the funnel of `witting run`: consents, refusals and filters decide what is left."
        )
    waiting = [record for record in planned if not _is_finished(out, record)]
    before = _recorded(out, corpus_id, recipe, base)
    if before is not None and not waiting:
        return before
    forget_joined(out)
    for record in waiting:
        _forget_other(out, record)
    meter = _Meter(of=sum(record.steps for record in waiting), progress=progress, now=now)
    with _deterministic(recipe.threads):
        for record in waiting:
            _teach(record, rows_of, recipe, base, out=out, meter=meter)
        joined = join(out, recipe, base)
    run = Run(
        corpus_id=corpus_id,
        base_name=base.name,
        base_sha256=base.sha256,
        recipe=recipe,
        shards=tuple(record for _, record in sorted(finished_shards(out).items())),
        merged_from=joined.shards,
        merged_sha256=joined.sha256,
        started_at=started,
        ended_at=now(),
        versions={name: importlib.metadata.version(name) for name in ("torch", "transformers", "peft")},
    )
    write_json(out / RUN_NAME, run.as_json())
    return run


def read_losses(out: Path, shard: int) -> list[dict[str, float]]:
    """A shard's curve: step, loss_nats, tokens, seconds. Empty where it had nothing to learn."""
    path = shard_folder(out, shard) / LOSSES_NAME
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


class _Meter:
    """Counts steps over all shards of one call and says how fast they go."""

    def __init__(self, *, of: int, progress: Progress, now: Callable[[], datetime]) -> None:
        self._of, self._progress, self._now = of, progress, now
        self._step = self._timed_steps = self._timed_tokens = 0
        self._timed_seconds = 0.0
        self._at = now()

    def skip(self, steps: int) -> None:
        """Steps that a checkpoint already holds."""
        self._step += steps
        self._at = self._now()

    def tick(self, *, shard: int, loss_nats: float, tokens: int) -> float:
        """After each step; the seconds it took."""
        at = self._now()
        seconds, self._at = (at - self._at).total_seconds(), at
        self._step += 1
        self._timed_steps += 1
        self._timed_tokens += tokens
        self._timed_seconds += seconds
        self._progress(
            {
                "shard": shard,
                "step": self._step,
                "of": self._of,
                "loss_nats": loss_nats,
                "tokens_per_s": self._timed_tokens / self._timed_seconds if self._timed_seconds else None,
                "eta_s": (self._of - self._step) * self._timed_seconds / self._timed_steps,
            }
        )
        return seconds


def _kept_shards(out: Path, shards: Sequence[int], recipe: Recipe, base: Base) -> dict[int, ShardRun]:
    """The finished shards that are not to be taught now; they must be of the same recipe and base."""
    kept = {number: record for number, record in finished_shards(out).items() if number not in set(shards)}
    for number, record in kept.items():
        if (record.recipe, record.base) != (recipe.shard_fingerprint, base.sha256):
            raise TrainingError(
                f"shard {number} in {out.name} was taught with another recipe or base and is not among the shards "
                "to teach now. Teach all of them, or use an empty folder."
            )
    return kept


def _plan(
    out: Path,
    rows_of: RowsOf,
    shards: Sequence[int],
    kept: Mapping[int, ShardRun],
    recipe: Recipe,
    base: Base,
) -> list[ShardRun]:
    """The record of each shard to teach, complete but for its adapter's hash."""
    dialogue = Dialogue(base.tokenizer)
    drafts = [_draft(n, taught_rows(rows_of(n), dialogue, recipe), recipe, base) for n in shards]
    tokens = {record.shard: record.tokens for record in [*kept.values(), *drafts]}
    steps = allot(recipe.steps, tokens)
    return [replace(draft, steps=_kept_steps(out, draft) or steps[draft.shard]) for draft in drafts]


def _kept_steps(out: Path, draft: ShardRun) -> int | None:
    """The steps this shard was taught for, where only the count would differ: another shard's change is no reason to
    teach this one again."""
    done = read_shard(out, draft.shard)
    return done.steps if done is not None and done.key == replace(draft, steps=done.steps).key else None


def _draft(shard: int, taught: Taught, recipe: Recipe, base: Base) -> ShardRun:
    return ShardRun(
        shard=shard,
        rows=len(taught.examples),
        pairs=len(taught.pairs),
        tokens=taught.example_tokens + taught.pair_tokens,
        steps=0,
        seed=recipe.shard_seed(shard),
        recipe=recipe.shard_fingerprint,
        base=base.sha256,
        rows_sha256=taught.digest,
    )


def taught_rows(rows: pa.Table, dialogue: Dialogue, recipe: Recipe) -> Taught:
    """The rows of split `train` as tokens, in the order of their ids; rows with nothing to learn are left out, and so are
    kinds that no loss here learns from (`kto`: half of them show what is not wanted)."""
    examples: list[tuple[str, Encoded]] = []
    pairs: list[tuple[str, Pair]] = []
    for row in pl.DataFrame(rows).filter(pl.col("split") == "train").sort("example_id").iter_rows(named=True):
        if row["kind"] == "preference":
            pair = encode_pair(dialogue, row, tokens_max=recipe.sequence_tokens)
            pairs += [(row["example_id"], pair)] if pair else []
        elif row["kind"] in SUPERVISED:
            example = encode_example(dialogue, row, tokens_max=recipe.sequence_tokens)
            examples += [(row["example_id"], example)] if example else []
    return Taught(tuple(examples), tuple(pairs), _digest(examples, pairs))


def _digest(examples: Sequence[tuple[str, Encoded]], pairs: Sequence[tuple[str, Pair]]) -> str:
    digest = hashlib.sha256()
    sides = [(i, e) for i, e in examples] + [(i, e) for i, p in pairs for e in (p.chosen, p.rejected)]
    for example_id, encoded in sides:
        digest.update(f"{example_id} {len(encoded.tokens)}\n".encode())
        digest.update(encoded.tokens.tobytes() + encoded.learned.tobytes())
    return digest.hexdigest()


def _is_finished(out: Path, record: ShardRun) -> bool:
    done = read_shard(out, record.shard)
    if done is None or done.key != record.key:
        return False
    adapter = shard_folder(out, record.shard) / ADAPTER_NAME
    if done.adapter_sha256 is None:
        return not adapter.exists()
    return adapter.is_file() and sha256_of(adapter) == done.adapter_sha256


def _recorded(out: Path, corpus_id: str, recipe: Recipe, base: Base) -> Run | None:
    """The run already recorded in `out`, if it is this one and whole."""
    if not (out / RUN_NAME).is_file():
        return None
    run = read_run(out)
    same = (run.corpus_id, run.recipe, run.base_sha256) == (corpus_id, recipe, base.sha256)
    whole = run.merged_from == tuple(n for n, r in sorted(finished_shards(out).items()) if r.adapter_sha256)
    return run if same and whole else None


def _forget_other(out: Path, record: ShardRun) -> None:
    """Delete what other rows or another recipe left in this shard's folder, a checkpoint of ours excepted."""
    folder = shard_folder(out, record.shard)
    checkpoint = _read_checkpoint(folder, record.key)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if checkpoint is None or path.name not in (CHECKPOINT_NAME, LOSSES_NAME):
            path.unlink()


def _teach(
    record: ShardRun, rows_of: RowsOf, recipe: Recipe, base: Base, *, out: Path, meter: _Meter
) -> None:
    """One shard from its first or last kept step to its record."""
    folder = shard_folder(out, record.shard)
    folder.mkdir(exist_ok=True)
    if not record.steps:
        write_json(folder / SHARD_NAME, record.as_json())
        return
    taught = taught_rows(rows_of(record.shard), Dialogue(base.tokenizer), recipe)
    if taught.digest != record.rows_sha256:
        raise TrainingError(
            f"the rows of shard {record.shard} changed while they were being read. Run again."
        )
    shape = {"rank": recipe.rank, "alpha": recipe.alpha, "target_modules": recipe.target_modules}
    with fresh_adapter(base, seed=record.seed, **shape) as model:
        check_head(model, taught.examples[0][1] if taught.examples else taught.pairs[0][1].chosen)
        _learn(record, taught, Learner(model, recipe), recipe, folder=folder, meter=meter)
        data = adapter_bytes(adapter_tensors(model))
    write_json(folder / ADAPTER_CONFIG_NAME, config_json(lora_config(base, **shape)))
    write_whole(folder / ADAPTER_NAME, data)
    write_json(
        folder / SHARD_NAME, replace(record, adapter_sha256=hashlib.sha256(data).hexdigest()).as_json()
    )
    (folder / CHECKPOINT_NAME).unlink(missing_ok=True)


def _learn(
    record: ShardRun, taught: Taught, learner: Learner, recipe: Recipe, *, folder: Path, meter: _Meter
) -> None:
    done, lines = 0, []
    if (kept := _read_checkpoint(folder, record.key)) is not None:
        done, tensors = kept
        learner.restore(tensors, step=done)
        lines = (folder / LOSSES_NAME).read_text("utf-8").splitlines()[:done]
    meter.skip(done)
    plan = batches(taught, steps=record.steps, recipe=recipe, seed=record.seed)
    for step, batch in enumerate(plan, start=1):
        if step <= done:
            continue
        loss, tokens = learner.step(batch), sum(item.learned_tokens for item in batch)
        seconds = meter.tick(shard=record.shard, loss_nats=loss, tokens=tokens)
        lines.append(json.dumps({"step": step, "loss_nats": loss, "tokens": tokens, "seconds": seconds}))
        if step % CHECKPOINT_STEPS == 0 or step == record.steps:
            write_lines(folder / LOSSES_NAME, lines)
            write_whole(folder / CHECKPOINT_NAME, learner.state(step=step, key=record.key))


def _read_checkpoint(folder: Path, key: str) -> tuple[int, dict[str, Any]] | None:  # Any: torch.Tensor
    """The step and state of a checkpoint made under exactly this plan."""
    from safetensors import SafetensorError, safe_open

    path = folder / CHECKPOINT_NAME
    if not path.is_file() or not (folder / LOSSES_NAME).is_file():
        return None
    try:
        with safe_open(str(path), framework="pt") as stored:
            about = stored.metadata() or {}
            if about.get("key") != key:
                return None
            return int(about["step"]), {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  # not a dict
    except SafetensorError:
        return None  # damaged: the shard starts over and ends in the same bytes


@contextmanager
def _deterministic(threads: int) -> Iterator[None]:
    """The same additions in the same order: fixed threads, and no kernel that may choose."""
    import torch

    was = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    try:
        yield
    finally:
        torch.set_num_threads(was[0])
        torch.use_deterministic_algorithms(was[1])
