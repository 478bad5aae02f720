"""How far reading has come, in bytes of everything to be read. Not covered: reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from witting.intake.metered import UNITS, size_on_disk, unit_for
from witting.walk.step import Step


class Told:
    """Says how far reading has come, in bytes of all sources: one file of a gigabyte has a rate and an end, too."""

    def __init__(self, step: Step, sources: Sequence[Path]) -> None:
        self._step, self._sources = step, sources
        self._sizes = [size_on_disk(path) for path in sources]
        self._before = 0
        self._unit = unit_for(sum(self._sizes))

    def one_by_one(self) -> Iterator[Path]:
        """Each source; asked for the next, the one before is done."""
        for path, size in zip(self._sources, self._sizes, strict=True):
            self._tell(self._before)
            yield path
            self._before += size
        self._tell(self._before)

    def progress(self, done: int, total: int) -> None:
        """Within the source at hand."""
        self._tell(self._before + done)

    def _tell(self, done: int) -> None:
        size = UNITS[self._unit]
        self._step.tell(f"reading exports ({self._unit})", done // size, sum(self._sizes) // size)
