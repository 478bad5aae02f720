"""Reading in a process of its own: one core reads and parses while another seals and writes.

Covers: the same stream as `admit`, in the same order, from a child process that is never more than a few thousand
records ahead; errors of the child raised here. Not covered: reading several files at once. A child whose parent is gone
ends at its next record; one that dies without a word is an error, never a short file.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import pickle
import queue
import threading
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from witting.errors import UnreadableFile, WittingError
from witting.intake.detect import admit
from witting.intake.limits import Hear
from witting.intake.metered import Progress
from witting.intake.source import FileVerdict, Record, Source, Turn

APART_BYTES_MIN = 16 << 20  # below, starting a process costs more than it saves
BATCH_RECORDS, BATCH_CHARS = 2_000, 1_000_000  # whichever comes first
BATCHES_AHEAD = 40
LOOK_UP_SECONDS = 0.1  # how soon a carrier with nowhere to put its batch sees that nobody wants it
GARBAGE_THRESHOLDS = (
    50_000,
    20,
    50,
)  # records hold no circles: looking for garbage less often reads a fifth faster
DIED = b""

Records = Iterator[Record | FileVerdict]


class Fault(Exception):
    """A mistake of ours while reading. Holds no words."""


class _Batch(NamedTuple):
    """What the child sends at a time."""

    records: list[Record | FileVerdict]
    told: tuple[int, int]  # bytes read when the last of them came, bytes in all


def admit_apart(
    path: Path,
    *,
    source: str | None,
    text_chars_max: int,
    sources: Sequence[Source] | None = None,
    progress: Progress | None = None,
    hear: Hear | None = None,
) -> Records:
    """As `admit` of one path. Small files are read here. Raises what `admit` raises; UnreadableFile if the reader died."""
    reading = partial(admit, [path], source=source, text_chars_max=text_chars_max, sources=sources, hear=hear)
    if not path.is_file() or path.stat().st_size < APART_BYTES_MIN:
        return reading(progress=progress)
    return _from_child(reading, progress)


def _from_child(reading: partial[Records], progress: Progress | None) -> Records:
    context = multiprocessing.get_context("spawn")  # not fork: unsafe beside Arrow's and Polars' threads
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_read, args=(sender, reading), daemon=True)
    child.start()
    sender.close()
    waiting: queue.Queue[bytes] = queue.Queue(BATCHES_AHEAD)
    stop = threading.Event()
    carrier = threading.Thread(target=_carry, args=(receiver, waiting, stop), daemon=True)
    carrier.start()
    try:
        while (batch := _opened(waiting.get())) is not None:
            yield from batch.records
            if progress:
                progress(*batch.told)  # what was taken, not what the child is ahead of it
    finally:
        stop.set()
        child.terminate()
        carrier.join()
        child.join()
        receiver.close()


def _carry(receiver: Connection, waiting: queue.Queue[bytes], stop: threading.Event) -> None:
    """Takes what the child sends as it comes, so that it reads on while the batch before is sealed."""
    while not stop.is_set():
        try:
            said = receiver.recv_bytes()
        except (EOFError, OSError):
            said = DIED
        while not stop.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(said, timeout=LOOK_UP_SECONDS)
                break
        if said == DIED:
            return


def _opened(said: bytes) -> _Batch | None:
    if said == DIED:
        raise UnreadableFile("the process that read the file died; nothing of it was lost. Run again.")
    batch = pickle.loads(said)  # noqa: S301  # from our own child, through a pipe nobody else has
    if isinstance(batch, (WittingError, Fault)):
        raise batch
    return batch


def _read(sender: Connection, reading: partial[Records]) -> None:
    """In the child: the records in batches, then None; or the error that ended them."""
    gc.set_threshold(*GARBAGE_THRESHOLDS)
    with contextlib.suppress(BrokenPipeError):  # the parent is gone, or wants no more
        try:
            for batch in _batches(reading):
                sender.send(batch)
            sender.send(None)
        except WittingError as error:
            sender.send(error)
        except Exception as error:  # its message may hold words, so only its kind and place are told
            places = [
                f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)
            ]
            sender.send(Fault(f"{type(error).__name__} in the reading process, at {', '.join(places[-3:])}"))


def _batches(reading: partial[Records]) -> Iterator[_Batch]:
    batch: list[Record | FileVerdict] = []
    chars, told = 0, (0, 0)

    def progress(done: int, total: int) -> None:
        nonlocal told
        told = (done, total)

    for record in reading(progress=progress):
        batch.append(record)
        chars += len(record.text or "") if isinstance(record, Turn) else 0
        if len(batch) >= BATCH_RECORDS or chars >= BATCH_CHARS:
            yield _Batch(batch, told)
            batch, chars = [], 0
    yield _Batch(batch, told)
