"""Live events that came over a door, as if each batch of them were one more file.

Covers: reading the spool through the same reader as files of live events, in batches of bounded size; what was set aside
as bad goes to quarantine with its reason. Not covered: sealing and committing (`admit.py`), which settles a batch when all of
it is committed. No word touches the disk.
"""

from __future__ import annotations

import io
from collections.abc import Container, Iterator, Sequence
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
    """One batch. `artifact` takes the place of a file's hash."""

    batch: Batch
    text_chars_max: int
    hear: Hear

    @property
    def artifact(self) -> str:
        return self.batch.id

    @property
    def size(self) -> int:
        return len(self.batch.events) + len(self.batch.bad)

    def records(self, broken: Container[int] = ()) -> Iterator[Record | FileVerdict]:
        """What the batch says; of events that the caller could not keep, by their places, that they were bad."""
        events_of = list(enumerate(self.batch.events))
        bad = [(BROKEN_EVENT, event) for place, event in events_of if event and place in broken]
        whole = tuple(event for place, event in events_of if place not in broken)
        return self._admitted(replace(self.batch, events=whole, bad=(*self.batch.bad, *bad)))

    def alone(self, place: int) -> Iterator[Record | FileVerdict]:
        """What one of its events says."""
        return self._admitted(replace(self.batch, events=(self.batch.events[place],), bad=()))

    def _admitted(self, batch: Batch) -> Iterator[Record | FileVerdict]:
        lines = b"".join((event or b"") + b"\n" for event in batch.events)
        member = Member(SHOWN, len(lines), lambda: io.BytesIO(lines))
        root = Root(SHOWN, "file", (Entry(SHOWN, member),), lambda _: batch.id)
        erased = sum(event is None for event in batch.events)
        source = replace(events.SOURCE, read=partial(_read, erased, batch.bad))
        return admit_root(root, source, text_chars_max=self.text_chars_max, hear=self.hear)


def arrived(step: Step) -> Iterator[Arrived]:
    """What had come when this walk's process began; the caller settles each batch before it asks for the next."""
    spool, settings = step.workspace.spool, step.workspace.settings.intake
    waiting, done, last = spool.waiting(until=step.now), 0, ""
    while batch := spool.claim(until=step.now, events_max=settings.part_rows, bytes_max=BATCH_BYTES_MAX):
        if batch.id == last:
            raise AssertionError(f"batch {batch.id} was not settled")
        step.tell("reading live events", done, waiting)
        found = Arrived(batch, settings.text_chars_max, partial(hear, now=step.now))
        yield found
        last, done = batch.id, done + found.size


def _read(erased: int, bad: Sequence[tuple[str, bytes]], export: Export) -> Iterator[Record]:
    """The events, after those whose person was erased while they waited (counted, and closed for good) and those that
    were bad: their place is their number, so that two that are alike stay two."""
    for _ in range(erased):
        yield Skipped(SHOWN, ERASED, (0, 0))
    for number, (reason, message) in enumerate(bad):
        yield Skipped(SHOWN, reason, (number, number), message)
    yield from events.read(export)
