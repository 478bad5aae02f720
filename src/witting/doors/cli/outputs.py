"""Files that a command writes people's words into: private from the first byte, in place only when all of it is done.

Covers: refusing, before anything is read, a place that would cost somebody their own file: one that is read, one in a
folder that is read, two outputs of one name, a file that Witting did not write; writing beside (mode 0600) and renaming.
Not covered: what is written. An existing file is written anew only if it is empty or Witting wrote it, told by how it
begins; a device or a pipe is written to as it is.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TextIO

from witting.errors import UsageError

HEAD_BYTES = 4_096
PAGE_MARK = '<meta name="generator" content="witting intake preview">'
_TURN = re.compile(rb'\{"conversation": "(?:[^"\\]|\\.)*", "turn": "')  # docs/formats/intake-turns.md


def is_turns(head: bytes) -> bool:
    """Whether a file begins as `--turns` and `--out` write it."""
    return _TURN.match(head) is not None


def is_page(head: bytes) -> bool:
    """Whether a file begins as `--page` writes it."""
    return PAGE_MARK.encode() in head


@dataclass
class Outputs:
    """Holds the files being written, until leaving `with` puts all of them in place, or, after an error, none."""

    inputs: Sequence[Path]  # files and folders that are read
    places: dict[Path, str] = field(default_factory=dict)  # resolved, by which option
    waiting: list[tuple[Path, Path]] = field(default_factory=list)  # written beside, its place
    open_files: ExitStack = field(default_factory=ExitStack)

    def check(self, option: str, path: Path | None, is_ours: Callable[[bytes], bool]) -> None:
        """Raises UsageError where the path may not be written to. None is nothing to write."""
        if path is None:
            return
        place = _resolved(option, path)
        if place in self.places:
            raise UsageError(
                f"{self.places[place]} and {option} name the same file, {path}. Give each its own."
            )
        self.places[place] = option
        for given in self.inputs:
            _refuse_input(option, path, place, given)
        if not place.parent.is_dir():
            raise UsageError(f"there is no folder for {option} {path}. Make it first, or name another file.")
        if place.is_dir():
            raise UsageError(f"{option} {path} is a folder. Name a file in it.")
        if place.is_file():
            _refuse_others_work(option, path, place, is_ours)
        if not _is_device(place) and not os.access(place.parent, os.W_OK):
            raise UsageError(f"{option} {path}: nothing can be written in this folder. Name another file.")

    def open(self, path: Path) -> TextIO:
        """Where to write what shall stand at `path`; checked before."""
        place = path.resolve()
        if _is_device(place):
            return self.open_files.enter_context(place.open("w", encoding="utf-8"))
        handle, beside = tempfile.mkstemp(prefix=f".{place.name[:100]}.", suffix=".part", dir=place.parent)
        self.waiting.append((Path(beside), place))
        return self.open_files.enter_context(os.fdopen(handle, "w", encoding="utf-8"))

    def __enter__(self) -> Outputs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.open_files.close()
            if kind is None:
                while self.waiting:
                    beside, place = self.waiting[0]
                    beside.replace(place)
                    del self.waiting[0]
        finally:
            for beside, _ in self.waiting:
                with contextlib.suppress(OSError):
                    beside.unlink()


def private_folder(folder: Path) -> Path:
    """The folder, made with mode 0700 where it is not there yet; one that is there keeps the mode its owner gave it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def write_private(path: Path, content: bytes) -> None:
    """The file with mode 0600 from its first byte, in place only when it is whole."""
    handle, beside = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(beside).replace(path)
    finally:
        Path(beside).unlink(missing_ok=True)


def _resolved(option: str, path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:  # a circle of links
        raise UsageError(f"{option} {path} leads nowhere. Name another file.") from error


def _refuse_input(option: str, path: Path, place: Path, given: Path) -> None:
    read = given.resolve()
    if place == read or (place.exists() and read.exists() and place.samefile(read)):
        raise UsageError(f"{option} {path} is what is read, and that is never written to. Name another file.")
    if read in place.parents:
        raise UsageError(f"{option} {path} lies in {given}, which is read. Name a file outside of it.")


def _refuse_others_work(option: str, path: Path, place: Path, is_ours: Callable[[bytes], bool]) -> None:
    try:
        with place.open("rb") as stream:
            head = stream.read(HEAD_BYTES)
    except OSError as error:
        raise UsageError(
            f"{option} {path} exists and cannot be read: {error.strerror}. Name another."
        ) from error
    if head and not is_ours(head):
        raise UsageError(f"{option} {path} exists, and Witting did not write it. Name another file.")


def _is_device(place: Path) -> bool:
    return place.exists() and not place.is_file() and not place.is_dir()
