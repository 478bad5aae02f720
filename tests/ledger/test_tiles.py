"""Tiles as files: the paths and widths of c2sp.org/tlog-tiles, proofs from the files alone, only new files written."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from witting.errors import LedgerDamaged, ProofInvalid
from witting.ledger import Ledger, merkle
from witting.ledger.checkpoint import open_checkpoint
from witting.ledger.tiles import Tile, Tiles, new_tiles, read_folder, tile_path, write_tiles

SIZES = st.integers(0, 300_000)


@pytest.fixture
def ledger(sqlite_database: sa.Engine, signer: Ed25519PrivateKey) -> Ledger:
    return Ledger(sqlite_database, signer, origin="ledger.example/test")


def grow(ledger: Ledger, count: int, now: datetime) -> None:
    ledger.append_many([("run.trained", {"run": number}) for number in range(count)], now=now)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1_234_067, 256), "tile/0/x001/x234/067"),  # the example of the specification
        (Tile(0, 0, 256), "tile/0/000"),
        (Tile(2, 0, 1), "tile/2/000.p/1"),
        (Tile(1, 999, 255), "tile/1/999.p/255"),
        (Tile(1, 1_000, 256), "tile/1/x001/000"),
    ],
)
def test_a_path_is_spelt_as_specified(tile: Tile, path: str) -> None:
    assert tile.path == path


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_specification() -> None:
    tiles = list(new_tiles(0, 70_000))
    partial = [tile for tile in tiles if tile.width != 256]
    assert sum(tile.level == 0 and tile.width == 256 for tile in tiles) == 273
    assert partial == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert [tile for tile in tiles if tile.level == 1] == [Tile(1, 0, 256), Tile(1, 1, 17)]
    assert list(new_tiles(0, 256)) == [Tile(0, 0, 256), Tile(1, 0, 1)]


@given(SIZES, SIZES)
def test_growing_in_two_steps_gives_every_tile_of_growing_in_one(one: int, other: int) -> None:
    old, new = sorted((one, other))
    first, then, whole = set(new_tiles(0, old)), set(new_tiles(old, new)), set(new_tiles(0, new))
    assert whole <= first | then
    assert not first & then
    assert all(tile.width != 256 for tile in first - whole)  # only partial tiles are ever outgrown


@pytest.mark.parametrize("sizes", [[1], [255, 256, 257], [300, 700], [3, 1_000, 66_000]])
def test_every_proof_is_read_from_the_files_alone(
    sizes: list[int], ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    folder = tmp_path / "tiles"
    for size in sizes:
        grow(ledger, size - ledger.size(), now)
        write_tiles(ledger, folder, entries=True, now=now)
    note = (folder / "checkpoint").read_text("utf-8")
    signed = open_checkpoint(note, ledger.verifier_key)
    tiles = Tiles(read_folder(folder), signed.size)
    assert (signed.size, tiles.root()) == (sizes[-1], signed.root)
    for index in {0, signed.size // 2, signed.size - 1}:
        entry, proof = tiles.entry(index), tiles.inclusion_proof(index, signed.size)
        assert entry == ledger.entry(index).bytes
        merkle.verify_inclusion(
            merkle.leaf_hash(entry), index=index, size=signed.size, proof=proof, root=signed.root
        )
    for old in {*sizes, 1, signed.size - 1}:
        proof = tiles.consistency_proof(old, signed.size)
        merkle.verify_consistency(
            old=old, new=signed.size, proof=proof, old_root=ledger.root(old), new_root=signed.root
        )


def test_only_what_is_new_is_written_and_outgrown_partial_tiles_go(
    ledger: Ledger, now: datetime, tmp_path: Path
) -> None:
    grow(ledger, 250, now)
    folder = tmp_path / "tiles"
    assert write_tiles(ledger, folder, entries=False, now=now).tiles == 1
    assert write_tiles(ledger, folder, entries=False, now=now).tiles == 0
    grow(ledger, 4, now)
    assert write_tiles(ledger, folder, entries=False, now=now).tiles == 1
    assert files(folder) == {"checkpoint", "tile/0/000.p/250", "tile/0/000.p/254"}
    grow(ledger, 3, now)
    assert write_tiles(ledger, folder, entries=False, now=now).tiles == 3
    assert files(folder) == {
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "tiles"


def test_a_reader_of_an_older_checkpoint_finds_the_full_tile_instead(
    ledger: Ledger, now: datetime, folder: Path
) -> None:
    grow(ledger, 200, now)
    old = open_checkpoint(write_tiles(ledger, folder, entries=True, now=now).note, ledger.verifier_key)
    grow(ledger, 100, now)
    write_tiles(ledger, folder, entries=False, now=now)
    late = Tiles(read_folder(folder), old.size)
    assert late.root() == old.root
    assert late.entry(199) == ledger.entry(199).bytes


def test_entries_are_published_only_when_asked_and_then_all_of_them(
    ledger: Ledger, now: datetime, folder: Path
) -> None:
    grow(ledger, 300, now)
    write_tiles(ledger, folder, entries=False, now=now)
    assert not (folder / "tile" / "entries").exists()
    with pytest.raises(ProofInvalid, match="tile/entries/000 is missing"):
        Tiles(read_folder(folder), 300).entry(0)
    write_tiles(ledger, folder, entries=True, now=now)
    grow(ledger, 1, now)
    write_tiles(ledger, folder, entries=False, now=now)  # once begun, it goes on
    tiles = Tiles(read_folder(folder), 301)
    assert [tiles.entry(index) for index in range(301)] == [entry.bytes for entry in ledger.entries()]


def test_a_changed_tile_or_bundle_is_found(ledger: Ledger, now: datetime, folder: Path) -> None:
    grow(ledger, 300, now)
    write_tiles(ledger, folder, entries=True, now=now)
    for path in (tile_path("0", 1, 44), tile_path("1", 0, 1)):
        place = folder / path
        whole = place.read_bytes()
        place.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        assert Tiles(read_folder(folder), 300).root() != ledger.root()
        place.write_bytes(whole[:-1])
        with pytest.raises(ProofInvalid, match="does not hold"):
            Tiles(read_folder(folder), 300).root()
        place.write_bytes(whole)
    bundle = folder / tile_path("entries", 1, 44)
    bundle.write_bytes(bundle.read_bytes()[:-1])
    with pytest.raises(ProofInvalid, match="entry 299"):
        Tiles(read_folder(folder), 300).entry(299)


def test_tiles_that_were_damaged_are_not_signed_over(ledger: Ledger, now: datetime, folder: Path) -> None:
    grow(ledger, 600, now)
    write_tiles(ledger, folder, entries=False, now=now)
    (folder / "tile/1/000.p/2").write_bytes(bytes(64))
    before = (folder / "checkpoint").read_bytes()
    grow(ledger, 1, now)
    with pytest.raises(LedgerDamaged, match="write it again"):
        write_tiles(ledger, folder, entries=False, now=now)
    assert (folder / "checkpoint").read_bytes() == before


def test_a_ledger_that_was_rolled_back_does_not_overwrite_its_tiles(
    ledger: Ledger, now: datetime, tmp_path: Path, sqlite_database: sa.Engine
) -> None:
    grow(ledger, 3, now)
    write_tiles(ledger, tmp_path / "tiles", entries=False, now=now)
    with sqlite_database.begin() as connection:
        for table in ("ledger_entries", "ledger_nodes", "ledger_checkpoints"):
            for name in connection.exec_driver_sql(
                f"SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"
            ).scalars():
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            connection.exec_driver_sql(f"DELETE FROM {table}")
    grow(ledger, 1, now)
    with pytest.raises(LedgerDamaged, match="rollback"):
        write_tiles(ledger, tmp_path / "tiles", entries=False, now=now)
