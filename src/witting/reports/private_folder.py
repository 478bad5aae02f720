"""A folder that somebody is handed: its files readable by nobody else, its name there only once all of it is.

Covers: writing JSON lines and JSON into a folder beside the wanted one, with the hash of each file, and giving it its name at the
end. Not covered: what is written. The folder has mode 0700 and its files 0600. Cut short, it is taken away; killed, it is left beside
under `.NAME.unfinished` and is taken away by the next one of that name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from witting.errors import UsageError
from witting.store.objects import sync_folder

FOLDER_MODE, FILE_MODE = 0o700, 0o600


@dataclass(frozen=True)
class Written:
    """A file that is in the folder."""

    name: str
    records: int
    bytes: int
    sha256: str

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "records": self.records, "bytes": self.bytes, "sha256": self.sha256}


@dataclass
class PrivateFolder:
    """What is being written. The one mutable value here."""

    path: Path
    files: list[Written] = field(default_factory=list)

    def lines(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Written:
        """One JSON object a line, as they come; none is held back."""
        return self._write(name, (_encoded(row) + b"\n" for row in rows))

    def document(self, name: str, values: Mapping[str, Any], *, records: int = 1) -> Written:
        """One JSON object, laid out for people."""
        return self._write(name, [_encoded(values, indent=2) + b"\n"], records=records)

    def _write(self, name: str, pieces: Iterable[bytes], *, records: int | None = None) -> Written:
        digest, size, count = hashlib.sha256(), 0, 0
        with _create(self.path / name) as stream:
            for piece in pieces:
                stream.write(piece)
                digest.update(piece)
                size, count = size + len(piece), count + 1
            stream.flush()
            os.fsync(stream.fileno())
        written = Written(name, count if records is None else records, size, digest.hexdigest())
        self.files.append(written)
        return written


@contextmanager
def private_folder(out: Path, *, outside: Path) -> Iterator[PrivateFolder]:
    """The folder `out`, which must be new or empty and not lie in `outside`. Nothing has that name unless the block ends.
    Raises UsageError, which repeats no name: it may be a person's."""
    place = out.resolve()
    if place.is_relative_to(outside.resolve()):
        raise UsageError(
            "the folder lies inside the workspace, where no words may lie in plain. Name another."
        )
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UsageError(
            "the folder is there and is not empty; a copy is never mixed with other files. Name a new one."
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}.unfinished")
    shutil.rmtree(beside, ignore_errors=True)  # of one that was killed
    beside.mkdir(mode=FOLDER_MODE)
    try:
        yield PrivateFolder(beside)
        sync_folder(beside)
        beside.rename(place)  # an empty folder may be replaced, a full one not
        sync_folder(place.parent)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _create(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")


def _encoded(values: Mapping[str, Any], *, indent: int | None = None) -> bytes:
    """As UTF-8; halves of emoji, which exports hold and UTF-8 does not, as JSON's own escapes."""
    try:
        return json.dumps(values, ensure_ascii=False, indent=indent).encode()
    except UnicodeEncodeError:
        return json.dumps(values, indent=indent).encode()
