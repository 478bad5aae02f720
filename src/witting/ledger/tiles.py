"""The tree as files that any web server can hand out: c2sp.org/tlog-tiles.

Covers: the paths and widths of tiles, writing what is new since the folder's last checkpoint, and reading roots, proofs and
entries from tiles alone, wherever they lie.
Not covered: serving them; pruning.

A tile is 256 hashes of one level side by side, and levels are eight apart: tile level 1 holds the roots of full tiles of
level 0. A full tile never changes. The rightmost of a level is partial and has its width in its name; it goes once the full
one lies there. Everything is written and synced, folders too, before the folder's `checkpoint` names it; a folder never goes
back to an older checkpoint. Publishing costs what is new, and a reader at any moment finds a whole tree.

Without the entries' bundles the folder tells how many entries there are and proves each, and tells nothing of what they
say. Entries hold random ids and salted hashes, yet they show when somebody came, objected and left: publish them knowingly.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from witting.errors import LedgerDamaged, LedgerError, ProofInvalid, UsageError
from witting.ledger import merkle
from witting.ledger.checkpoint import open_checkpoint
from witting.ledger.cosign import merge_notes
from witting.ledger.log import Ledger
from witting.ledger.merkle import HASH_BYTES, Frontier, Node, Range

HEIGHT = 8
WIDTH = 1 << HEIGHT
CHECKPOINT = "checkpoint"
ENTRIES = "entries"
NOBODYS = (f".{CHECKPOINT}.new", "lost+found")  # of a process that was killed; of a file system's own root
LENGTH_BYTES = 2  # before each entry of a bundle, big-endian
FILE_BYTES_MAX = WIDTH * (LENGTH_BYTES + 65_535)  # the largest bundle

Read = Callable[[str], bytes | None]  # the bytes at a path below the prefix, None if there is nothing


class Tile(NamedTuple):
    level: int
    index: int
    width: int  # hashes in it, 1 to 256

    @property
    def path(self) -> str:
        return tile_path(str(self.level), self.index, self.width)


@dataclass(frozen=True)
class Written:
    size: int
    root: bytes
    tiles: int  # files written this time
    note: str


def tile_path(level: str, index: int, width: int) -> str:
    """`tile/<L>/<N>[.p/<W>]`: index 1234067 is x001/x234/067 (c2sp.org/tlog-tiles, "Merkle Tree")."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    parts = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    name = "/".join([*(f"x{part}" for part in parts[:-1]), parts[-1]])
    return f"tile/{level}/{name}" + ("" if width == WIDTH else f".p/{width}")


def new_tiles(old: int, new: int) -> Iterator[Tile]:
    """The tiles that a tree of `new` entries has and one of `old` had not, level by level."""
    level = 0
    while after := new >> (HEIGHT * level):
        yield from _new_in_level(level, old >> (HEIGHT * level), after)
        level += 1


def _new_in_level(level: int, before: int, after: int) -> Iterator[Tile]:
    for index in range(before // WIDTH, -(-after // WIDTH)):
        width = min(WIDTH, after - index * WIDTH)
        if index * WIDTH + width > before:
            yield Tile(level, index, width)


# -- writing ----------------------------------------------------------------------------------------------------------


def write_tiles(
    ledger: Ledger,
    folder: Path,
    *,
    entries: bool,
    now: datetime,
    cosigned: Callable[[str], str] = lambda note: note,
) -> Written:
    """Brings the folder up to the ledger's present checkpoint, as `publish` does. `cosigned` gives the checkpoint with what
    witnesses added to it."""
    return publish(ledger, cosigned(ledger.checkpoint(now=now)), folder=folder, entries=entries)


def publish(ledger: Ledger, note: str, *, folder: Path, entries: bool) -> Written:
    """Brings the folder up to this checkpoint of the ledger; writes only what is new. Processes take turns.

    A folder that once got the entries' bundles goes on getting them, and one that is at a newer checkpoint already is left.
    LedgerDamaged if the folder's checkpoint contradicts the ledger, or if the tiles there do not lead to the new root: nothing
    is named then. UsageError where the folder is another's.
    """
    refuse_other_folder(folder)
    with _alone(folder):
        held = folder / CHECKPOINT
        there = held.read_text("utf-8") if held.exists() else None
        if there is not None:
            ledger.compare(there)
        old = open_checkpoint(there, ledger.verifier_key).size if there is not None else 0
        signed = open_checkpoint(note, ledger.verifier_key)
        if there is not None and old > signed.size:
            return Written(old, ledger.root(old), 0, there)
        if there is not None and old == signed.size:
            note = merge_notes(note, there)  # what a witness signed stays
        tiles = _Files(folder)
        for tile in new_tiles(old, signed.size):
            first = tile.index * WIDTH
            tiles.put(tile.path, b"".join(ledger.hashes(HEIGHT * tile.level, first, first + tile.width)))
        if entries or (folder / "tile" / ENTRIES).is_dir():
            _write_bundles(ledger, tiles, old, signed.size)
        if Tiles(read_folder(folder), signed.size).root() != signed.root:
            raise LedgerDamaged(
                "the tiles that lay there do not lead to the ledger's root. Delete the folder and write it again."
            )
        tiles.sync()
        if note != there:
            tiles.put(CHECKPOINT, note.encode())
            tiles.sync()
        _drop_partials(folder, old, signed.size)
        return Written(signed.size, signed.root, tiles.written - (note != there), note)


def refuse_other_folder(folder: Path) -> None:
    """UsageError for a file, and for a folder that holds other things and no tiles: it was made for something else, and what is
    published is handed out."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; name a new or empty one for the tiles.")
    ours = (folder / "tile").is_dir() or (folder / CHECKPOINT).is_file()
    if not ours and any(path.name not in NOBODYS for path in folder.iterdir()):
        raise UsageError(
            f"{folder} holds other things than tiles; name a new or empty folder, of which all may be handed out."
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The lock lies beside the folder: what lies inside is handed out."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Files:
    """Files of the folder, each whole, durable, then named: a web server never hands out half a tile. Counts them, and
    remembers which folders are to be synced so that the names last, too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed: set[Path] = set()
        self.written = 0

    def has(self, name: str) -> bool:
        return (self._folder / name).exists()

    def put(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name}.new")
        with beside.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
        self.written += 1
        self._changed |= {place for place in path.parents if place.is_relative_to(self._folder.parent)}

    def sync(self) -> None:
        for place in self._changed:
            descriptor = os.open(place, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        self._changed.clear()


def _write_bundles(ledger: Ledger, tiles: _Files, old: int, new: int) -> None:
    """Bundles are written in order, so the last one of the old size says whether all of them are there."""
    *_, last = [None, *_new_in_level(0, max(0, old - 1), old)]
    if last is not None and not tiles.has(tile_path(ENTRIES, last.index, last.width)):
        old = 0
    stream = ledger.entries(old // WIDTH * WIDTH)
    for tile in _new_in_level(0, old, new):
        bundle = bytearray()
        for _ in range(tile.width):
            entry = next(stream)
            bundle += len(entry.bytes).to_bytes(LENGTH_BYTES, "big") + entry.bytes
        tiles.put(tile_path(ENTRIES, tile.index, tile.width), bytes(bundle))


def _drop_partials(folder: Path, old: int, new: int) -> None:
    """c2sp.org/tlog-tiles, "Partial Tiles": they may go once the full tile is there."""
    for tile in new_tiles(old, new):
        if tile.width == WIDTH:
            names = (str(tile.level), ENTRIES) if tile.level == 0 else (str(tile.level),)
            for name in names:
                shutil.rmtree(folder / f"{tile_path(name, tile.index, WIDTH)}.p", ignore_errors=True)


# -- reading ----------------------------------------------------------------------------------------------------------


def read_folder(folder: Path) -> Read:
    def read(path: str) -> bytes | None:
        place = folder / path
        if not place.is_file():
            return None
        with place.open("rb") as stream:
            return stream.read(FILE_BYTES_MAX + 1)

    return read


class Tiles:
    """The tree of one size, from its tiles. What it tells is believed only as far as it leads to a signed root."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self._size = size
        self._seen: dict[Tile, bytes] = {}

    def root(self, size: int | None = None) -> bytes:
        return merkle.hash_range(self._node, 0, self._size if size is None else size)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        return self._hashes(merkle.path_ranges(index, self._within(size)))

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        return self._hashes(merkle.consistency_ranges(old, self._within(new)))

    def entry(self, index: int) -> bytes:
        """The entry's bytes out of its bundle, after comparing their hash with the leaf; ProofInvalid."""
        if not 0 <= index < self._size:
            raise LedgerError(
                f"the tiles are of {self._size} entries, numbered from 0; {index} was asked for."
            )
        width = min(WIDTH, self._size - index // WIDTH * WIDTH)
        bundle = self._load(ENTRIES, index // WIDTH, width)
        at = 0
        for _ in range(index % WIDTH):
            at += LENGTH_BYTES + int.from_bytes(bundle[at : at + LENGTH_BYTES], "big")
        length = int.from_bytes(bundle[at : at + LENGTH_BYTES], "big")
        data = bundle[at + LENGTH_BYTES : at + LENGTH_BYTES + length]
        if merkle.leaf_hash(data) != self._node(Node(0, index)):
            raise ProofInvalid(f"entry {index} in the bundles does not have the hash in the tiles.")
        return data

    def recompute(self) -> bytes:
        """The root from every leaf, after holding every hash of every tile, and every entry of the bundles that lie there,
        against the leaves; ProofInvalid names the tile. Reads everything, a tile at a time."""
        frontier = Frontier()
        for tile in _new_in_level(0, 0, self._size):
            leaves = _split(self._tile(tile))
            frontier, completed = frontier.extend(leaves)
            self._check_bundle(tile, leaves)
            for node, computed in completed.items():
                if node.level % HEIGHT == 0 and self._node(node) != computed:
                    raise ProofInvalid(
                        f"{tile_path(str(node.level // HEIGHT), node.index // WIDTH, WIDTH)} does not fit its leaves."
                    )
            del self._seen[tile]
        return frontier.root()

    def _check_bundle(self, tile: Tile, leaves: list[bytes]) -> None:
        path, whole = tile_path(ENTRIES, tile.index, tile.width), tile_path(ENTRIES, tile.index, WIDTH)
        bundle = self._read(path) or self._read(whole)
        if bundle is None:
            return
        at = 0
        for leaf in leaves:
            start = at + LENGTH_BYTES
            at = start + int.from_bytes(bundle[at:start], "big")
            if merkle.leaf_hash(bundle[start:at]) != leaf:
                raise ProofInvalid(f"{path} holds an entry that does not have the hash in the tiles.")

    def _within(self, size: int) -> int:
        if not 0 <= size <= self._size:
            raise LedgerError(f"the tiles are of {self._size} entries; a tree of {size} was asked for.")
        return size

    def _hashes(self, ranges: list[Range]) -> list[bytes]:
        return [merkle.hash_range(self._node, *part) for part in ranges]

    def _node(self, node: Node) -> bytes:
        """A node between two tile levels is the root over its part of a tile."""
        level, above = divmod(node.level, HEIGHT)
        index, at = divmod(node.index << above, WIDTH)
        width = min(WIDTH, (self._size >> (HEIGHT * level)) - index * WIDTH)
        if at + (1 << above) > width:
            raise ProofInvalid(f"the tree of {self._size} entries has no node {tuple(node)}.")
        hashes = self._tile(Tile(level, index, width))
        part = hashes[at * HASH_BYTES : (at + (1 << above)) * HASH_BYTES]
        return Frontier().extend(_split(part))[0].root()

    def _tile(self, tile: Tile) -> bytes:
        if tile not in self._seen:
            data = self._load(str(tile.level), tile.index, tile.width)[: tile.width * HASH_BYTES]
            if len(data) != tile.width * HASH_BYTES:
                raise ProofInvalid(f"{tile.path} does not hold {tile.width} hashes.")
            self._seen[tile] = data
        return self._seen[tile]

    def _load(self, level: str, index: int, width: int) -> bytes:
        """The partial file, or the full one that took its place meanwhile."""
        path = tile_path(level, index, width)
        data = self._read(path)
        if data is None and width != WIDTH:
            data = self._read(tile_path(level, index, WIDTH))
        if data is None or len(data) > FILE_BYTES_MAX:
            raise ProofInvalid(f"{path} is missing, or larger than any of its kind.")
        return data


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]
