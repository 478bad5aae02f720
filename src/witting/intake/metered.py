"""How far reading has come, in bytes on disk: what a bar for one large file is drawn from.

Covered: files, folders and zips (by the share of what lies in them), files read again. It is told when a record passes,
so a reader that looks through a file before it reads it has not come far yet. Not covered: what is read beside the
records (profiles, hashes), and what becomes of them afterwards.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

from witting.intake.source import Member

Progress = Callable[[int, int], None]  # bytes read, bytes in all
UNITS = {"MB": 1_000_000, "kB": 1_000, "bytes": 1}  # in which progress is told
UNITS_MIN = 10  # at least so many of them in all


def unit_for(total: int) -> str:
    """The largest unit of which there are some."""
    return next(unit for unit, size in UNITS.items() if total >= size * UNITS_MIN or size == 1)


def in_units(tell: Callable[[str, int, int], None], what: str) -> Progress:
    """Told bytes, says them in the unit that suits all of them."""

    def progress(done: int, total: int) -> None:
        unit = unit_for(total)
        tell(f"{what} ({unit})", done // UNITS[unit], total // UNITS[unit])

    return progress


READ_BYTES = 1 << 18


def size_on_disk(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; 0 where nothing can be seen."""
    try:
        if path.is_dir():
            return sum(file.lstat().st_size for file in path.rglob("*") if file.is_file())
        return path.stat().st_size
    except OSError:
        return 0


class Meter:
    """What was read so far of several paths, one after the other. Never goes back."""

    def __init__(self, paths: Iterable[Path], tell: Progress) -> None:
        self._tell = tell
        self._total = sum(map(size_on_disk, paths))
        self._before = self._size = self._read = 0
        self._inside = 1
        self._places: dict[str, int] = {}  # where each member's latest stream is
        self._passed: dict[str, int] = {}  # how far each member's records have come

    def begin(self, path: Path, members: Iterable[Member]) -> None:
        """The next path, and what lies in it."""
        self._size, self._read, self._places, self._passed = size_on_disk(path), 0, {}, {}
        self._inside = sum(member.size_bytes for member in members) or 1

    def end(self) -> None:
        """All of the path was read, or refused."""
        self._before += self._size
        self._size = 0
        self._tell(self._before, self._total)

    def metered(self, member: Member) -> Member:
        """The member, telling as it is read."""
        return replace(member, open=partial(self._open, member))

    def passed(self, path: str) -> None:
        """A record of this member was read."""
        place, before = self._places.get(path, 0), self._passed.get(path, 0)
        if place > before:
            self._passed[path] = place
            self._read += place - before
            self._tell(self._before + self._size * min(self._read, self._inside) // self._inside, self._total)

    def close(self, member: Member) -> None:
        """Nothing more will be read of it."""
        self._places[member.path] = member.size_bytes
        self.passed(member.path)

    def _open(self, member: Member) -> BinaryIO:
        tell = partial(self._places.__setitem__, member.path)
        return cast("BinaryIO", io.BufferedReader(_Told(member.open(), tell), READ_BYTES))


class _Told(io.RawIOBase):
    """Holds a stream open and tells where it is in it."""

    def __init__(self, stream: BinaryIO, tell: Callable[[int], None]) -> None:
        self._stream, self._tell, self._position = cast("io.BufferedReader", stream), tell, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # typeshed: Buffer
        size = self._stream.readinto(buffer)
        self._position += size
        self._tell(self._position)
        return size

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
