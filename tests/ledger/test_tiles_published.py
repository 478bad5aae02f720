"""`[ledger] tiles`: each signed checkpoint is published at once, so that a plain web server serves the log."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ledger.invented_witness import Witness
from witting.doors.cli import main
from witting.ledger import Ledger, merkle, tiles
from witting.ledger.checkpoint import open_checkpoint, parse_note, parse_verifier_key
from witting.ledger.cosign import add_cosignatures, parse_witness_key
from witting.ledger.tiles import Tiles, publish, read_folder
from witting.workspace import Workspace

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    root = tmp_path / "house"
    assert main(["init", str(root), "--quiet"]) == 0
    (root / "witting.toml").write_text('[ledger]\ntiles = "public"\n', "utf-8")
    return root


@pytest.fixture
def ledger(house: Path) -> Iterator[Ledger]:
    workspace = Workspace.open(house)
    yield workspace.ledger
    workspace.database.dispose()


def grow(ledger: Ledger, count: int) -> str:
    ledger.append_many([("run.trained", {"run": number}) for number in range(count)], now=NOW)
    return ledger.checkpoint(now=NOW)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def fetch(house: Path) -> Iterator[Callable[[str], bytes | None]]:
    """A reader who has an address and the ledger's key, and nothing else."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(house / "public")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def read(path: str) -> bytes | None:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{server.server_port}/{path}", timeout=30
            ) as answer:
                return answer.read()
        except urllib.error.HTTPError:
            return None

    yield read
    server.shutdown()
    thread.join()
    server.server_close()


def test_whoever_has_the_address_proves_every_entry_by_tiles_alone(
    house: Path, ledger: Ledger, fetch: Callable[[str], bytes | None]
) -> None:
    key = parse_verifier_key((house / "checkpoints" / "ledger.vkey").read_text("utf-8"))
    kept = None
    for count in (3, 297, 1):
        grow(ledger, count)
        note = fetch("checkpoint")
        assert note is not None
        signed = open_checkpoint(note.decode(), key)
        assert signed.size == ledger.size()
        published = Tiles(fetch, signed.size)
        for index in {0, signed.size // 2, signed.size - 1}:
            leaf = merkle.leaf_hash(ledger.entry(index).bytes)
            path = published.inclusion_proof(index, signed.size)
            merkle.verify_inclusion(leaf, index=index, size=signed.size, proof=path, root=signed.root)
        if kept is not None:
            path = published.consistency_proof(kept.size, signed.size)
            merkle.verify_consistency(
                old=kept.size, new=signed.size, proof=path, old_root=kept.root, new_root=signed.root
            )
        kept = signed
    assert fetch("tile/entries/000") is None  # hashes only, unless the config says otherwise


def test_the_command_and_the_config_speak_of_one_folder(
    house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = house / "witting.toml"
    config.write_text(config.read_text("utf-8") + "tiles_entries = true\n", "utf-8")
    assert main(["ledger", "checkpoint", "--workspace", str(house), "--quiet"]) == 0
    assert (house / "public" / "checkpoint").is_file()
    workspace = Workspace.open(house)
    grow(workspace.ledger, 2)
    assert Tiles(read_folder(house / "public"), 2).entry(1) == workspace.ledger.entry(1).bytes
    workspace.database.dispose()
    assert main(["ledger", "tiles", "--workspace", str(house), "--quiet"]) == 0
    assert not (house / "tiles").exists()


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("afile", "is not a folder"),
        ("things", "holds other things than tiles"),
        *(
            (name, "keeps its own")
            for name in (".", "..", "keys", "keys/new", "inbox", "receipts", "objects/new")
        ),
    ],
)
def test_a_folder_that_is_another_s_is_refused_before_anything_is_sealed(
    house: Path, capsys: pytest.CaptureFixture[str], named: str, said: str
) -> None:
    (house / "afile").write_text("x", "utf-8")
    (house / "things").mkdir()
    (house / "things" / "page.html").write_text("x", "utf-8")
    assert main(["rights", "object", "whatsapp:Ana", "--workspace", str(house), "--quiet"]) == 0
    before = {path for path in house.rglob("*") if path.is_file()}
    (house / "witting.toml").write_text(f'[ledger]\ntiles = "{named}"\n', "utf-8")
    for words in (["rights", "receipt", "whatsapp:Ana"], ["ledger", "checkpoint"]):
        assert main([*words, "--workspace", str(house), "--quiet"]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert "ledger.tiles" in told
    assert {path for path in house.rglob("*") if path.is_file()} == before


def test_tiles_are_written_to_no_folder_of_other_things_and_a_page_beside_them_stops_nothing(
    house: Path, tmp_path: Path
) -> None:
    words = ["ledger", "tiles", "--workspace", str(house), "--quiet", "--out"]
    (tmp_path / "things").mkdir()
    (tmp_path / "things" / "page.html").write_text("x", "utf-8")
    assert main([*words, str(tmp_path / "things")]) == 2
    assert [path.name for path in (tmp_path / "things").iterdir()] == ["page.html"]
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".checkpoint.new").write_text("cut short", "utf-8")
    assert main([*words, str(tmp_path / "new")]) == 0
    (tmp_path / "new" / "page.html").write_text("x", "utf-8")
    assert main([*words, str(tmp_path / "new")]) == 0


def test_receipts_lie_there_though_their_checkpoint_could_not_be_published(
    house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: tiles._Files, name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    assert main(["rights", "object", "whatsapp:Ana", "--workspace", str(house), "--quiet"]) == 0
    words = ["rights", "receipt", "whatsapp:Ana", "--workspace", str(house)]
    with monkeypatch.context() as broken:
        broken.setattr(tiles._Files, "put", full)
        assert main(words) == 1
    assert not (house / "public" / "checkpoint").exists()
    written = sorted((house / "receipts").iterdir())
    assert [path.suffix for path in written] == [".json", ".tlog-proof"]
    key = (house / "checkpoints" / "ledger.vkey").read_text("utf-8").strip()
    assert main(["verify", str(written[0]), "--key", key]) == 0
    assert main(["ledger", "checkpoint", "--workspace", str(house), "--quiet"]) == 0
    assert (house / "public" / "checkpoint").is_file()


def places(folder: Path) -> dict[str, int]:
    """Every file, and which writing of it lies there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in found}


def test_a_checkpoint_costs_what_is_new(house: Path, ledger: Ledger) -> None:
    grow(ledger, 700)
    before = places(house / "public")
    grow(ledger, 1)
    after = places(house / "public")
    written = {name for name, at in after.items() if before.get(name) != at}
    assert written == {"checkpoint", "tile/0/002.p/189"}
    ledger.checkpoint(now=NOW)
    assert places(house / "public") == after


def test_the_folder_never_goes_back_and_keeps_what_a_witness_signed(house: Path, ledger: Ledger) -> None:
    older = grow(ledger, 3)
    newer = grow(ledger, 4)
    folder = house / "public"
    publish(ledger, older, folder=folder, entries=False)
    assert (folder / "checkpoint").read_text("utf-8") == newer
    witness = Witness("w.example", seconds=1_000)
    text = newer.partition("\n\n")[0] + "\n"
    cosigned = add_cosignatures(newer, witness.line(text), parse_witness_key(witness.key))
    publish(ledger, cosigned, folder=folder, entries=False)
    ledger.checkpoint(now=NOW)
    note = (folder / "checkpoint").read_text("utf-8")
    assert [one.name for one in parse_note(note)[1]] == [ledger.verifier_key.name, "w.example"]


@pytest.mark.parametrize("stop", range(6))
def test_cut_short_anywhere_the_folder_shows_the_checkpoint_before_and_then_catches_up(
    house: Path, ledger: Ledger, stop: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = open_checkpoint(grow(ledger, 250), ledger.verifier_key)
    put, written = tiles._Files.put, []

    def cut(self: tiles._Files, name: str, data: bytes) -> None:
        if len(written) == stop:
            raise OSError(28, "No space left on device")
        written.append(name)
        put(self, name, data)

    monkeypatch.setattr(tiles._Files, "put", cut)
    files_of_300 = 4  # two tiles of level 0, one of level 1, and last the checkpoint
    if stop < files_of_300:
        with pytest.raises(OSError, match="No space"):
            grow(ledger, 50)
    else:
        grow(ledger, 50)
        assert written[-1] == "checkpoint"
    folder = house / "public"
    seen = open_checkpoint((folder / "checkpoint").read_text("utf-8"), ledger.verifier_key)
    assert seen.size == (300 if stop >= files_of_300 else 250)
    assert Tiles(read_folder(folder), seen.size).root() == seen.root
    signed = open_checkpoint(ledger.checkpoints(newest=1)[0], ledger.verifier_key)
    assert signed.size == 300  # signed and kept before it is published
    monkeypatch.setattr(tiles._Files, "put", put)
    ledger.checkpoint(now=NOW)
    assert Tiles(read_folder(folder), 300).root() == ledger.root()
    assert Tiles(read_folder(folder), old.size).root() == old.root
