"""The line before a SQLite ledger: whoever has the turn to write appends for all that wait.

Covers: one transaction, and so one wait for the disk, for the small appends of many processes and threads (group commit;
DeWitt et al., Implementation techniques for main memory database systems, 1984, section 5), each appended once. Not
covered: what an append is (`log.py`); PostgreSQL, whose writers wait inside the server.

The folder beside the database holds `turn`, which is locked (flock) by whoever writes, and two files for each writer that
waits: `.ask`, its entries, and `.go`, a pipe on which it is told the index of its first entry, or to take the turn itself. A
pipe that nobody reads is a dead writer's: nobody appends for whom the turn finds dead. Whoever is killed after their ask was
read is appended for all the same, once, as if killed just after asking the database. Before a transaction that serves others
commits, `served` says what it is about to append for whom: after a crash the next writer looks whether that is there, and
tells them or appends, never both. One that cannot be read is of a machine that went down, and with it all who waited.

The folder may be lost whenever nobody writes. It decides nothing about the ledger: the database's own lock does, and a
writer that cannot use the folder goes without. A process stopped (SIGSTOP) in its turn keeps the others waiting.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import select
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from witting.errors import LedgerDamaged
from witting.ledger.entry import make_entry, read_entry

ASK_BYTES_MAX = 256 << 10  # a larger append waits for its turn and goes alone
TOGETHER_MAX = 500  # writers served in one transaction; the rest wait for the next
LOOK_MS = 100  # so often somebody who was told nothing looks whether the one with the turn died
TOLD_BYTES_MAX = 4_096
ASK, GO, NEW = ".ask", ".go", ".new"
YOURS = b"!\n"

Said = tuple[str, Mapping[str, Any], datetime]  # kind, body (Any: JSON), when
Told = Callable[[int, int, str], None]  # first index, last index, its leaf hash in hex: about to commit
Write = Callable[[Sequence[Said], Told], int]  # appends all in one transaction; the first index
Holds = Callable[[int, str], bool]  # whether the entry of this index is committed with this leaf hash


@dataclass(frozen=True)
class _Served:
    """What somebody was about to commit, and for whom."""

    first: int
    last: int
    leaf_hash: str
    asks: Mapping[str, int]  # stem to the index of their first entry


@dataclass(frozen=True)
class _Ask:
    """Somebody who waits: the writing end of their pipe, and what they want appended."""

    stem: str
    pipe: int
    entries: tuple[Said, ...]


class Queue:
    """Holds the folder. `fold` names what the writer does with new entries: only those who name the same one append for each
    other, and None for nobody."""

    def __init__(self, folder: Path, *, fold: str | None) -> None:
        self._folder = folder
        self._fold = fold

    def append(self, entries: Sequence[Said], write: Write, holds: Holds) -> int:
        """The index of the first of `entries`, appended by us or by whoever had the turn. What `write` raises for them, it
        raises here."""
        with _opened(self._folder) as turn:
            if turn is None:
                return write(entries, _tell_nobody)
            if _locked(turn):
                return self._lead(turn, entries, write, holds)
            text = self._text(entries)
            asked = None if text is None else self._ask(text)
            if asked is None:
                fcntl.flock(turn, fcntl.LOCK_EX)
                return self._lead(turn, entries, write, holds)
            stem, pipe = asked
            try:
                first = self._wait(turn, stem, pipe, holds)
                return self._lead(turn, entries, write, holds) if first is None else first
            finally:
                self._forget(stem)
                os.close(pipe)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """For another write than an append: waits in the same line."""
        with _opened(self._folder) as turn:
            if turn is not None:
                fcntl.flock(turn, fcntl.LOCK_EX)
            yield
            if turn is not None:
                self._give_on(turn)

    # -- waiting ------------------------------------------------------------------------------------------------------

    def _wait(self, turn: int, stem: str, pipe: int, holds: Holds) -> int | None:
        """The index we were told; None once we have the turn and nobody appended for us."""
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        while True:
            if _locked(turn):
                self._settle(holds)
                first = _heard(pipe)
                if first is None:
                    self._forget(stem)  # nobody else is to find it now
                return first
            waiting.poll(LOOK_MS)
            first = _heard(pipe)
            if first is not None:
                return first

    def _text(self, entries: Sequence[Said]) -> bytes | None:
        """The fold's name, then a line an entry, as index 0 would have it; None where nobody else may append it."""
        if self._fold is None:
            return None
        lines, size = [self._fold.encode()], 0
        for kind, body, at in entries:
            lines.append(make_entry(0, kind, body, now=at).bytes)
            size += len(lines[-1])
            if size > ASK_BYTES_MAX:
                return None
        return b"\n".join(lines)

    def _ask(self, text: bytes) -> tuple[str, int] | None:
        """Named only when it is whole and read; our end of its pipe. One that was taken for a dead writer's in the making is
        made again. None where nothing can be asked here: a full disk, a file system without pipes."""
        while True:
            stem, pipe = secrets.token_hex(8), -1
            try:
                os.mkfifo(self._path(stem, NEW), 0o600)
                pipe = os.open(
                    self._path(stem, NEW), os.O_RDWR | os.O_NONBLOCK
                )  # both: it never seems closed
                with open(self._path(stem, ASK), "xb", opener=_private) as stream:
                    stream.write(text)
                self._path(stem, NEW).rename(self._path(stem, GO))
                return stem, pipe
            except OSError as error:
                self._forget(stem)
                if pipe != -1:
                    os.close(pipe)
                if not isinstance(error, FileNotFoundError) or not self._folder.is_dir():
                    return None

    # -- with the turn ------------------------------------------------------------------------------------------------

    def _lead(self, turn: int, entries: Sequence[Said], write: Write, holds: Holds) -> int:
        try:
            return self._append_for_all(entries, write, holds)
        finally:
            self._give_on(turn)

    def _append_for_all(self, entries: Sequence[Said], write: Write, holds: Holds) -> int:
        """Appends `entries` and those of all that wait. If that fails, ours alone: each has its own error."""
        self._settle(holds)
        with self._waiting() as asks:
            if not asks:
                return write(entries, _tell_nobody)
            together = [*entries, *(said for ask in asks for said in ask.entries)]
            places = self._places(len(entries), asks)
            try:
                first = write(together, lambda first, last, leaf: self._serve(places, first, last, leaf))
            except (
                Exception
            ):  # any at all: what one brought stops nobody else's no. They stay in line and raise it alone
                committed = self._settle(holds)
                return write(entries, _tell_nobody) if committed is None else committed
            for ask in asks:
                _tell(ask.pipe, first + places[ask.stem])
                self._forget(ask.stem)  # only now: without a name nobody could tell them any more
            self._served.unlink()
            return first

    def _places(self, own: int, asks: Sequence[_Ask]) -> dict[str, int]:
        """Where in the transaction the entries of each begin."""
        places, at = {}, own
        for ask in asks:
            places[ask.stem] = at
            at += len(ask.entries)
        return places

    @property
    def _served(self) -> Path:
        return self._folder / "served"

    def _serve(self, places: Mapping[str, int], first: int, last: int, leaf: str) -> None:
        """Whole under its name before anything is committed. Not synced: whoever waits does not outlive the machine."""
        beside = self._folder / "served.part"
        asks = {stem: first + place for stem, place in places.items()}
        beside.write_text(
            json.dumps({"first": first, "last": last, "leaf_hash": leaf, "asks": asks}), "utf-8"
        )
        beside.replace(self._served)

    def _settle(self, holds: Holds) -> int | None:
        """Tells them for a writer that did not come to it, if what it was about to commit is there; where that begins."""
        if not self._served.exists():
            return None
        served = self._read_served()
        committed = served is not None and holds(served.last, served.leaf_hash)
        for stem, first in served.asks.items() if served is not None and committed else ():
            with suppress(OSError):  # gone, or nobody reads any more
                pipe = os.open(self._path(stem, GO), os.O_WRONLY | os.O_NONBLOCK)
                _tell(pipe, first)
                os.close(pipe)
            self._forget(stem)
        with suppress(OSError):
            self._served.unlink()
        return served.first if served is not None and committed else None

    def _read_served(self) -> _Served | None:
        """None where it cannot be read: it is renamed and not synced, so that a power cut may leave it empty or in part."""
        try:
            held = json.loads(self._served.read_bytes())
            served = _Served(held["first"], held["last"], held["leaf_hash"], held["asks"])
            numbers = [served.first, served.last, *served.asks.values()]
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        whole = all(type(number) is int for number in numbers) and isinstance(served.leaf_hash, str)
        return served if whole else None

    @contextmanager
    def _waiting(self) -> Iterator[list[_Ask]]:
        """The living that wait, in no order, with whom we may share; what the dead left behind goes."""
        asks: list[_Ask] = []
        pipes: list[int] = []
        try:
            for stem in self._stems():
                pipe = self._reach(stem)
                if pipe is None:
                    continue
                pipes.append(pipe)
                entries = self._read(stem) if len(asks) < TOGETHER_MAX else None
                asks += [_Ask(stem, pipe, entries)] if entries else []
            yield asks
        finally:
            for pipe in pipes:
                os.close(pipe)

    def _stems(self) -> set[str]:
        return {path.stem for path in self._folder.iterdir() if path.suffix in (ASK, GO, NEW)}

    def _reach(self, stem: str) -> int | None:
        """The pipe of somebody who waits. Without a reader it goes: one in the making is made again."""
        with suppress(OSError):
            return os.open(self._path(stem, GO), os.O_WRONLY | os.O_NONBLOCK)
        with suppress(OSError):
            os.close(os.open(self._path(stem, NEW), os.O_WRONLY | os.O_NONBLOCK))
            return None
        self._forget(stem)
        return None

    def _read(self, stem: str) -> tuple[Said, ...] | None:
        """None where it is folded otherwise, or cannot be read: its owner will see to it."""
        try:
            fold, *lines = self._path(stem, ASK).read_bytes().split(b"\n")
            if self._fold is None or fold != self._fold.encode():
                return None
            return tuple((entry.kind, entry.body, entry.at) for entry in map(read_entry, lines))
        except (OSError, LedgerDamaged):
            return None

    def _give_on(self, turn: int) -> None:
        """Looks who waits only after letting go: whoever asks later finds the turn free."""
        fcntl.flock(turn, fcntl.LOCK_UN)
        for path in self._folder.iterdir():
            if path.suffix == GO:
                with suppress(OSError):
                    pipe = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                    os.write(pipe, YOURS)
                    os.close(pipe)
                    return

    def _path(self, stem: str, ending: str) -> Path:
        return self._folder / f"{stem}{ending}"

    def _forget(self, stem: str) -> None:
        for ending in (GO, NEW, ASK):
            self._path(stem, ending).unlink(missing_ok=True)


def _tell_nobody(first: int, last: int, leaf: str) -> None:
    pass


def _tell(pipe: int, first: int) -> None:
    with suppress(BrokenPipeError, BlockingIOError):  # dead meanwhile; a pipe full of calls to take the turn
        os.write(pipe, f"={first}\n".encode())


def _heard(pipe: int) -> int | None:
    """The index we were told, if we were."""
    try:
        told = os.read(pipe, TOLD_BYTES_MAX)
    except BlockingIOError:
        return None
    indexes = [int(line[1:]) for line in told.splitlines() if line.startswith(b"=")]
    return indexes[0] if indexes else None


def _locked(descriptor: int) -> bool:
    """Whether the lock was to be had."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """The file whose lock is the turn; closing it gives the turn on. None where the folder cannot be used."""
    descriptor = _open(folder)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(folder: Path) -> int | None:
    for make in (False, True):
        with suppress(OSError):
            if make:
                folder.mkdir(mode=0o700, exist_ok=True)
            return os.open(folder / "turn", os.O_RDWR | os.O_CREAT, 0o600)
    return None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
