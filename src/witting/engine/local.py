"""The default engine: stages over bounded parts, in worker processes on this machine.

Covered: the two verbs `map` and `exchange`, retry of a killed worker to the same bytes, resuming a killed run without
repeating finished parts (a marker object a part, named by what went in and which stage), memory bounded by the part
size times the workers. Not covered: several machines (Ray and Spark run the same stages through the same two verbs).
Idea: datatrove's one marker a finished rank; results here are named by content, so a retry cannot differ unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass

import polars as pl
import pyarrow as pa

from witting.engine.stage import Key, Stage, Transform, apply
from witting.errors import StageError
from witting.store.objects import Objects
from witting.store.parts import Part, read_part, write_part

INLINE_ROWS_MAX = 20_000  # below this, starting worker processes costs more than it saves
RETRIES_MAX = 2
Progress = Callable[[int, int], None]  # rows done, rows in all


def silent(done: int, total: int) -> None:
    """A progress that tells nobody."""


@dataclass(frozen=True)
class _Task:
    objects_url: str
    stage: bytes  # pickled, so that a worker opens it once and keeps it
    fingerprint: str
    part: Part
    folder: str


class LocalEngine:
    """Runs stages over parts. Holds a pool of workers while it is open; use as a context manager."""

    def __init__(self, objects: Objects, *, workers: int) -> None:
        self._objects = objects
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *raised: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def map(
        self,
        stage: Stage,
        parts: Sequence[Part],
        *,
        folder: str,
        exchanged_on: str | None = None,
        progress: Progress = silent,
    ) -> list[Part]:
        """`stage` over each part, results written under `folder`, in the order of `parts`.

        A keyed stage needs parts that came from `exchange` on its key: say so with `exchanged_on`, else StageError.
        Empty results give no part.
        """
        _check_scope(stage, exchanged_on)
        tasks = [
            _Task(self._objects.url, pickle.dumps(stage), stage.fingerprint, part, folder) for part in parts
        ]
        total = sum(part.rows for part in parts)
        inline = self._workers == 1 or len(tasks) < 2 or total <= INLINE_ROWS_MAX
        results = self._inline(tasks, total, progress) if inline else self._pooled(tasks, total, progress)
        return [part for part in results if part.rows]

    def exchange(self, parts: Iterable[Part], key: str, *, folder: str, rows_per_part: int) -> list[Part]:
        """The same rows, recut so that all rows with equal `key` lie in one part.

        Each result holds about `rows_per_part` rows; one key with more rows than that makes a larger part.
        Polars' hash only chooses a bucket: it never enters a stored value, so results do not depend on it.
        """
        sources = list(parts)
        buckets = max(1, -(-sum(part.rows for part in sources) // rows_per_part))
        if buckets == 1:
            return self._gathered([sources], folder)
        pieces: list[list[Part]] = [[] for _ in range(buckets)]
        for source in sources:
            frame = pl.DataFrame(read_part(self._objects, source))
            bucket = frame.get_column(key).hash(seed=0) % buckets
            for (index,), piece in frame.with_columns(bucket.alias("__bucket")).group_by("__bucket"):
                table = piece.drop("__bucket").to_arrow()
                pieces[int(str(index))].append(
                    write_part(self._objects, table, folder=f"{folder}/pieces", shard=None)
                )
        return self._gathered(pieces, folder)

    def _gathered(self, groups: Sequence[Sequence[Part]], folder: str) -> list[Part]:
        gathered = []
        for group in groups:
            if group:
                table = pa.concat_tables([_uniform(read_part(self._objects, piece)) for piece in group])
                gathered.append(write_part(self._objects, table, folder=folder, shard=None))
        return gathered

    def _inline(self, tasks: Sequence[_Task], total: int, progress: Progress) -> list[Part]:
        results, done = [], 0
        for task in tasks:
            results.append(_run(task))
            done += task.part.rows
            progress(done, total)
        return results

    def _pooled(self, tasks: Sequence[_Task], total: int, progress: Progress) -> list[Part]:
        results: dict[int, Part] = {}
        for _ in range(RETRIES_MAX + 1):
            missing = [index for index in range(len(tasks)) if index not in results]
            if not missing:
                break
            try:
                self._collect(tasks, missing, results, total, progress)
            except BrokenProcessPool:  # a worker was killed: the parts it had not finished run again
                self._pool = None
        if len(results) < len(tasks):
            raise StageError(
                f"a worker died {RETRIES_MAX + 1} times on the same parts; finished parts are kept. "
                "Lower intake.part_rows or workers if memory ran out, then run again."
            )
        return [results[index] for index in range(len(tasks))]

    def _collect(
        self,
        tasks: Sequence[_Task],
        missing: Sequence[int],
        results: dict[int, Part],
        total: int,
        progress: Progress,
    ) -> None:
        pool = self._open_pool()
        waiting: dict[Future[Part], int] = {pool.submit(_run, tasks[index]): index for index in missing}
        while waiting:
            finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                results[waiting.pop(future)] = future.result()
                progress(sum(tasks[index].part.rows for index in results), total)

    def _open_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            context = multiprocessing.get_context(
                "spawn"
            )  # fork is unsafe beside Arrow's and Polars' threads
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context, initializer=_quiet_threads)
        return self._pool


def _check_scope(stage: Stage, key: str | None) -> None:
    wanted = stage.scope.column if isinstance(stage.scope, Key) else None
    if wanted is not None and wanted != key:
        raise StageError(
            f"stage {stage.name} must see all rows of a {wanted} together; exchange on {wanted} first."
        )


def _quiet_threads() -> None:
    os.environ.setdefault("POLARS_MAX_THREADS", "1")  # the workers are the parallelism
    pa.set_cpu_count(1)


_opened: dict[str, Transform] = {}


def _run(task: _Task) -> Part:
    objects = Objects(task.objects_url)
    marker = f"{task.folder}/done/{_name(task)}.json"
    if objects.exists(marker):
        return Part(**json.loads(objects.read(marker)))
    stage: Stage = pickle.loads(task.stage)  # noqa: S301 - our own bytes, made a moment ago by this program
    opened = hashlib.blake2b(task.stage, digest_size=16).hexdigest()
    if opened not in _opened:
        _opened.clear()  # one open stage a worker: models are large
        _opened[opened] = stage.open()
    table = apply(stage, _opened[opened], read_part(objects, task.part))
    part = write_part(objects, table, folder=task.folder, shard=task.part.shard)
    objects.create(marker, json.dumps(asdict(part), sort_keys=True).encode())
    return part


def _name(task: _Task) -> str:
    return hashlib.blake2b(f"{task.fingerprint}\0{task.part.sha256}".encode(), digest_size=16).hexdigest()


def _uniform(table: pa.Table) -> pa.Table:
    """Polars gives large_string and string views; parts are joined in the plain types they are stored in."""
    fields = [pa.field(f.name, _plain(f.type), f.nullable) for f in table.schema]
    return table.cast(pa.schema(fields))


def _plain(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_large_list(kind) or pa.types.is_list(kind):
        return pa.list_(_plain(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(f.name, _plain(f.type), f.nullable) for f in kind])
    return kind
