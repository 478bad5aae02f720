"""Live events that came over a door, as if each batch of them were one more file.

Covers: reading the spool through the same reader as files of live events, in batches of bounded size; what was set aside
as bad goes to quarantine with its reason. Not covered:
sealing and committing (`admit.py`), which settles a batch when all of it is committed. No word touches the disk.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from witting.intake.archive import Entry, Root
from witting.intake.detect import admit_root
from witting.intake.limits import BROKEN_EVENT, Hear
from witting.intake.live import events
from witting.intake.seal import ERASED
from witting.intake.source import Export, FileVerdict, Member, Record, Skipped
from witting.rights.event import hear
from witting.store.spool import Batch
from witting.walk.step import Step

BATCH_BYTES_MAX = 64 << 20
SHOWN = "live events"


@dataclass(frozen=True)
class Arrived:
    """One batch. `artifact` takes the place of a file's hash; `settle` forgets the batch. `records` reads it; of those that the
    caller could not keep, by their places, nothing but that they were bad."""

    artifact: str
    events: int
    records: Callable[[Container[int]], Iterator[Record | FileVerdict]]
    places: int  # of events that were understood when they came
    alone: Callable[[int], Iterator[Record | FileVerdict]]  # one of them
    settle: Callable[[], None]


def arrived(step: Step) -> Iterator[Arrived]:
    """What had come when this walk's process began; the caller settles each batch before it asks for the next."""
    workspace, settings = step.workspace, step.workspace.settings.intake
    how = (settings.text_chars_max, partial(hear, now=step.now))
    waiting, done, last = workspace.spool.waiting(until=step.now), 0, ""
    while batch := workspace.spool.claim(
        until=step.now, events_max=settings.part_rows, bytes_max=BATCH_BYTES_MAX
    ):
        if batch.id == last:
            raise AssertionError(f"batch {batch.id} was not settled")
        step.tell("reading live events", done, waiting)
        yield Arrived(
            artifact=batch.id,
            events=len(batch.events) + len(batch.bad),
            records=partial(_records, batch, *how),
            places=len(batch.events),
            alone=partial(_alone, batch, *how),
            settle=partial(workspace.spool.settle, batch, now=step.now),
        )
        last, done = batch.id, done + len(batch.events) + len(batch.bad)


def _records(
    batch: Batch, text_chars_max: int, hear: Hear, broken: Container[int]
) -> Iterator[Record | FileVerdict]:
    events_of = list(enumerate(batch.events))
    bad = [*batch.bad, *((BROKEN_EVENT, event) for place, event in events_of if event and place in broken)]
    whole = [event for place, event in events_of if place not in broken]
    return _admit(replace(batch, events=tuple(whole), bad=tuple(bad)), text_chars_max, hear)


def _alone(batch: Batch, text_chars_max: int, hear: Hear, place: int) -> Iterator[Record | FileVerdict]:
    return _admit(replace(batch, events=(batch.events[place],), bad=()), text_chars_max, hear)


def _admit(batch: Batch, text_chars_max: int, hear: Hear) -> Iterator[Record | FileVerdict]:
    lines = b"".join((event or b"") + b"\n" for event in batch.events)
    member = Member(SHOWN, len(lines), lambda: io.BytesIO(lines))
    root = Root(SHOWN, "file", (Entry(SHOWN, member),), lambda _: batch.id)
    erased = sum(event is None for event in batch.events)
    reading = partial(_read, erased, batch.bad)
    return admit_root(root, replace(events.SOURCE, read=reading), text_chars_max=text_chars_max, hear=hear)


def _read(erased: int, bad: Sequence[tuple[str, bytes]], export: Export) -> Iterator[Record]:
    """The events, after those whose person was erased while they waited (counted, and closed for good) and those that
    were bad: their place is their number, so that two that are alike stay two."""
    for _ in range(erased):
        yield Skipped(SHOWN, ERASED, (0, 0))
    for number, (reason, message) in enumerate(bad):
        yield Skipped(SHOWN, reason, (number, number), message)
    yield from events.read(export)
