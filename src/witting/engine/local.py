"""The default engine: stages over bounded parts, in worker processes on this machine.

Covered: the two verbs `map` and `exchange`, retry of a killed worker to the same bytes, resuming a killed run without
repeating finished parts (a marker object a part, named by what went in and which stage), memory bounded by the part
size times the workers. Not covered: several machines (Ray and Spark run the same stages through the same two verbs).
Idea: datatrove's one marker a finished rank. Results are named by content and a marker is created once, so a stage
that gives another result when its marker is already there raises ObjectExists: a retry cannot differ unnoticed.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import multiprocessing
import os
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import polars as pl
import pyarrow as pa

from witting.engine.stage import Key, Stage, Transform, apply
from witting.errors import StageError
from witting.store.objects import Objects
from witting.store.parts import Part, read_part, write_part

INLINE_ROWS_MAX = 20_000  # up to so many rows, starting worker processes costs more than it saves
DEATHS_MAX = 3  # of workers, one after another, with no part finished in between
POLARS_THREADS = "POLARS_MAX_THREADS"
BUCKET = "__bucket"
Progress = Callable[[int, int], None]  # rows done, rows in all
Opened = tuple[Stage, Transform]


def silent(done: int, total: int) -> None:
    """A progress that tells nobody."""


@dataclass(frozen=True)
class _Task:
    """One part to be run, with what its marker is named by."""

    objects: Objects
    fingerprint: str  # of the stage
    part: Part
    folder: str

    @property
    def marker(self) -> str:
        """Where it is kept that this stage has run on this part."""
        went_in = f"{self.fingerprint}\0{self.part.sha256}\0{self.part.shard}"
        return f"{self.folder}/done/{hashlib.blake2b(went_in.encode(), digest_size=16).hexdigest()}.json"


class LocalEngine:
    """Runs stages over parts. Holds a pool of workers while it is open; use as a context manager.

    Maps of at most `inline_rows_max` rows run in this process.
    """

    def __init__(self, objects: Objects, *, workers: int, inline_rows_max: int = INLINE_ROWS_MAX) -> None:
        if workers < 1:
            raise ValueError(f"workers is {workers}; at least 1.")
        self._objects = objects
        self._workers = workers
        self._inline_rows_max = inline_rows_max
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *raised: object) -> None:
        self._close_pool()

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
        Empty results give no part. Raises what the stage raises; parts finished before that are not run again.
        """
        _check_scope(stage, exchanged_on)
        fingerprint = stage.fingerprint
        tasks = [_Task(self._objects, fingerprint, part, folder) for part in parts]
        total = sum(part.rows for part in parts)
        inline = self._workers == 1 or len(tasks) < 2 or total <= self._inline_rows_max
        run = self._inline if inline else self._pooled
        results = run(stage, tasks, lambda done: progress(done, total))
        return [part for part in results if part.rows]

    def exchange(self, parts: Iterable[Part], key: str, *, folder: str, rows_per_part: int) -> list[Part]:
        """The same rows, recut so that all rows with equal `key` lie in one part; rows without one lie together.

        Each result holds about `rows_per_part` rows; one key with more rows than that makes a larger part.
        Polars' hash only chooses a bucket: it never enters a stored value, so results do not depend on it.
        Memory: one part that goes in, then one that comes out. Disk: every row once more until it is gathered.
        """
        if rows_per_part < 1:
            raise ValueError(f"rows_per_part is {rows_per_part}; at least 1.")
        sources = [part for part in parts if part.rows]
        buckets = -(-sum(part.rows for part in sources) // rows_per_part)
        if buckets <= 1:
            return self._gathered([sources], key, folder)
        pieces: list[list[Part]] = [[] for _ in range(buckets)]
        for source in sources:
            for bucket, table in _scattered(read_part(self._objects, source), key, buckets):
                piece = write_part(self._objects, table, folder=f"{folder}/pieces", shard=None)
                pieces[bucket].append(piece)
        gathered = self._gathered(pieces, key, folder)
        for piece in itertools.chain.from_iterable(pieces):
            self._objects.delete(piece.key)
        return gathered

    def _gathered(self, groups: Sequence[Sequence[Part]], key: str, folder: str) -> list[Part]:
        gathered = []
        for group in groups:
            if group:
                table = pa.concat_tables([_uniform(read_part(self._objects, piece)) for piece in group])
                _check_key(table, key)
                gathered.append(write_part(self._objects, table, folder=folder, shard=None))
        return gathered

    def _inline(self, stage: Stage, tasks: Sequence[_Task], done: Callable[[int], None]) -> list[Part]:
        opened = functools.cache(lambda: (stage, stage.open()))  # only if a part is left to run
        results, rows = [], 0
        for task in tasks:
            results.append(_run(task, opened))
            rows += task.part.rows
            done(rows)
        return results

    def _pooled(self, stage: Stage, tasks: Sequence[_Task], done: Callable[[int], None]) -> list[Part]:
        pickled = pickle.dumps(stage)  # once: a stage may carry tables
        results: dict[int, Part] = {}
        deaths = 0
        while len(results) < len(tasks):
            before = len(results)
            try:
                self._collect(pickled, tasks, results, done)
            except BrokenProcessPool:  # a worker was killed: the parts it had not finished run again
                self._close_pool()
                deaths = 1 if len(results) > before else deaths + 1
            if deaths >= DEATHS_MAX:
                raise StageError(
                    f"workers died {deaths} times without finishing one of the {len(tasks) - len(results)} parts that "
                    "are left; finished parts are kept. If memory ran out, lower intake.part_rows or workers; run again."
                )
        return [results[index] for index in range(len(tasks))]

    def _collect(
        self, stage: bytes, tasks: Sequence[_Task], results: dict[int, Part], done: Callable[[int], None]
    ) -> None:
        """Fills `results` with what is missing. Raises BrokenProcessPool when a worker dies, and what a stage raises."""
        pool = self._open_pool()
        waiting: dict[Future[Part], int] = {}
        try:
            for index, task in enumerate(tasks):
                if index not in results:
                    waiting[pool.submit(_run_in_worker, stage, task)] = index
            while waiting:
                finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in finished:
                    results[waiting[future]] = future.result()
                    del waiting[future]
                    done(sum(tasks[index].part.rows for index in results))
        finally:
            for future in waiting:
                future.cancel()

    def _open_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Not fork: it is unsafe beside Arrow's and Polars' threads.
            context = multiprocessing.get_context("spawn")
            # The workers are the parallelism. Polars reads its variable when it is imported, so it is set before that.
            threads = (POLARS_THREADS, os.environ.get(POLARS_THREADS, "1"))
            self._pool = ProcessPoolExecutor(
                self._workers, mp_context=context, initializer=os.putenv, initargs=threads
            )
        return self._pool

    def _close_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


def _check_scope(stage: Stage, key: str | None) -> None:
    wanted = stage.scope.column if isinstance(stage.scope, Key) else None
    if wanted is not None and wanted != key:
        raise StageError(
            f"stage {stage.name} must see all rows of a {wanted} together; exchange on {wanted} first."
        )


_opened: dict[bytes, Opened] = {}  # in a worker: the one stage it holds open, by its pickled bytes


def _run_in_worker(pickled: bytes, task: _Task) -> Part:
    def opened() -> Opened:
        if pickled not in _opened:
            pa.set_cpu_count(1)
            _opened.clear()  # one open stage a worker: models are large
            stage: Stage = pickle.loads(pickled)  # noqa: S301 - our own bytes, made a moment ago by this program
            _opened[pickled] = stage, stage.open()
        return _opened[pickled]

    return _run(task, opened)


def _run(task: _Task, opened: Callable[[], Opened]) -> Part:
    finished = _finished(task)
    if finished is not None:
        return finished
    stage, transform = opened()
    table = apply(stage, transform, read_part(task.objects, task.part))
    part = write_part(task.objects, table, folder=task.folder, shard=task.part.shard)
    task.objects.create(task.marker, json.dumps(part.as_json(), sort_keys=True).encode())
    return part


def _finished(task: _Task) -> Part | None:
    """What this stage made of this part before, if it is still there."""
    try:
        part = Part(**json.loads(task.objects.read(task.marker)))
    except KeyError:
        return None
    return part if task.objects.exists(part.key) else None


def _scattered(table: pa.Table, key: str, buckets: int) -> Iterator[tuple[int, pa.Table]]:
    """The rows of each bucket, in their order; every row with one key goes to one bucket, on any machine of a run."""
    _check_key(table, key)
    frame = pl.DataFrame(table)
    bucket = (frame.get_column(key).hash(seed=0) % buckets).alias(BUCKET)
    for piece in frame.with_columns(bucket).partition_by(BUCKET, maintain_order=True):
        yield int(piece.item(0, BUCKET)), piece.drop(BUCKET).to_arrow()


def _check_key(table: pa.Table, key: str) -> None:
    if key not in table.column_names:
        raise StageError(
            f"exchange: the rows have no column {key}; they have {', '.join(table.column_names)}."
        )


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
