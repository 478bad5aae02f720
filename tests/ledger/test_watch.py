"""`witting ledger watch`: forks, rollbacks and changed signatures, of a workspace and of tiles that somebody publishes."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from witting.doors.cli import main
from witting.ledger.checkpoint import open_checkpoint, parse_verifier_key, sign_checkpoint
from witting.workspace import Workspace

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
Said = dict[str, Any]


@pytest.fixture
def house(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    root = tmp_path / "house"
    assert main(["init", str(root), "--quiet"]) == 0
    grow(root, 3)
    capsys.readouterr()
    return root


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return tmp_path / "kept"


@pytest.fixture
def ask(house: Path, kept: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Said]]:
    def run(*words: str, at: Path | None = None) -> tuple[int, Said]:
        code = main(["ledger", "watch", str(at or kept), "--workspace", str(house), "--json", *words])
        return code, json.loads(capsys.readouterr().out.splitlines()[-1])  # tiles may have been said before

    return run


def grow(root: Path, count: int, *, run: str = "r") -> None:
    workspace = Workspace.open(root)
    workspace.ledger.append_many([("run.trained", {"run": run}) for _ in range(count)], now=NOW)
    workspace.database.dispose()


def publish(root: Path) -> Path:
    assert main(["ledger", "tiles", "--workspace", str(root), "--quiet"]) == 0
    return root / "tiles"


def kinds(said: Said) -> list[str]:
    return [finding["kind"] for finding in said["findings"]]


def key_of(root: Path) -> str:
    return (root / "checkpoints" / "ledger.vkey").read_text("utf-8").strip()


def replace_database(root: Path, older: Path) -> None:
    shutil.copy(older, root / "witting.db")


def test_a_ledger_that_only_grew_is_found_whole_and_its_new_checkpoint_is_kept(
    ask: Callable[..., tuple[int, Said]], house: Path, kept: Path
) -> None:
    assert ask("--begin")[0] == 0
    grow(house, 2)
    code, said = ask()
    assert (code, said["ok"], said["size"], said["compared"]) == (0, True, 5, 1)
    assert len(list(kept.glob("*.checkpoint"))) == 2
    assert ask("--recompute")[1]["compared"] == 2
    assert len(list(kept.glob("*.checkpoint"))) == 2  # nothing new, nothing more to keep


def test_a_quiet_watch_prints_only_what_it_finds(
    ask: Callable[..., tuple[int, Said]], house: Path, kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask("--begin")
    words = ["ledger", "watch", str(kept), "--workspace", str(house), "--quiet"]
    assert main(words) == 0
    assert capsys.readouterr().out == ""
    (note,) = kept.glob("*.checkpoint")
    note.write_text(note.read_text("utf-8").replace("\n3\n", "\n2\n"), "utf-8")
    assert main(words) == 1
    assert capsys.readouterr().out.startswith("SIGNATURE")


def test_a_key_given_by_hand_may_be_a_file_and_is_wrong_usage_if_it_is_none(
    ask: Callable[..., tuple[int, Said]], house: Path
) -> None:
    assert ask("--begin", "--key", str(house / "checkpoints" / "ledger.vkey"))[0] == 0
    code, said = ask("--key", "x")
    assert (code, said["error"]["kind"]) == (2, "UsageError")


def test_an_older_database_put_back_is_a_rollback(
    ask: Callable[..., tuple[int, Said]], house: Path, tmp_path: Path
) -> None:
    shutil.copy(house / "witting.db", tmp_path / "older.db")
    grow(house, 2)
    ask("--begin")
    replace_database(house, tmp_path / "older.db")
    code, said = ask()
    assert (code, kinds(said), said["path"]) == (1, ["rollback"], None)


def test_another_history_behind_an_older_database_is_a_fork(
    ask: Callable[..., tuple[int, Said]], house: Path, tmp_path: Path
) -> None:
    shutil.copy(house / "witting.db", tmp_path / "older.db")
    grow(house, 2)
    ask("--begin")
    replace_database(house, tmp_path / "older.db")
    grow(house, 9, run="another")
    code, said = ask()
    assert (code, kinds(said)) == (1, ["fork"])
    assert ask()[0] == 1  # and again the next time


def test_a_kept_checkpoint_that_was_changed_is_a_changed_signature(
    ask: Callable[..., tuple[int, Said]], house: Path, kept: Path
) -> None:
    ask("--begin")
    (note,) = kept.glob("*.checkpoint")
    note.write_text(note.read_text("utf-8").replace("\n3\n", "\n2\n"), "utf-8")
    code, said = ask()
    assert (code, kinds(said)) == (1, ["signature"])
    assert said["findings"][0]["against"] == note.name


def test_a_ledger_with_another_key_is_found(
    ask: Callable[..., tuple[int, Said]], house: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask("--begin")
    for part in ("keys", "witting.db"):
        (house / part).rename(tmp_path / part)
    assert main(["init", str(house), "--quiet"]) == 0
    grow(house, 4, run="another")
    capsys.readouterr()
    code, said = ask()
    assert (code, kinds(said)) == (1, ["key", "fork"])


def test_nothing_kept_is_never_all_is_well(ask: Callable[..., tuple[int, Said]], kept: Path) -> None:
    code, said = ask()
    assert (code, said["error"]["kind"]) == (2, "UsageError")
    assert "--begin" in said["error"]["message"]
    assert not kept.exists()
    ask("--begin")
    assert ask("--begin")[0] == 2  # left in a crontab it would forgive everything


def test_a_place_inside_the_workspace_is_refused(ask: Callable[..., tuple[int, Said]], house: Path) -> None:
    code, said = ask("--begin", at=house / "checkpoints" / "kept")
    assert (code, said["error"]["kind"]) == (2, "UsageError")


def test_one_file_is_replaced_by_the_newer_checkpoint(
    ask: Callable[..., tuple[int, Said]], house: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mailbox" / "last.txt"
    assert ask("--begin", at=file)[0] == 0
    grow(house, 1)
    assert ask(at=file)[0] == 0
    key = parse_verifier_key(key_of(house))
    assert open_checkpoint(file.read_text("utf-8"), key).size == 4
    assert sorted(path.name for path in file.parent.iterdir()) == ["last.txt", "ledger.vkey"]


def test_a_damaged_ledger_is_told_and_not_signed(
    ask: Callable[..., tuple[int, Said]], house: Path, kept: Path
) -> None:
    ask("--begin")
    workspace = Workspace.open(house)
    with workspace.database.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER ledger_entries_no_update")
        connection.exec_driver_sql('UPDATE ledger_entries SET leaf_hash = zeroblob(32) WHERE "index" = 2')
    workspace.database.dispose()
    code, said = ask()
    assert code == 1
    assert kinds(said) == ["fork"]
    code, said = ask("--recompute")
    assert (code, kinds(said)) == (1, ["damage"])
    assert "entry 2" in said["findings"][0]["detail"]


# -- tiles ------------------------------------------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def address(house: Path) -> Iterator[str]:
    """The workspace's tiles behind a web server that knows nothing of them."""
    publish(house)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(house / "tiles")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_published_tiles_are_watched_over_the_web_without_a_workspace(
    address: str, house: Path, kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ledger", "watch", str(kept), "--tiles", address, "--workspace", str(tmp_path), "--json"]
    assert main([*words, "--begin"]) == 2
    assert "--key" in capsys.readouterr().err
    assert main([*words, "--begin", "--key", key_of(house)]) == 0
    grow(house, 300)
    publish(house)
    capsys.readouterr()
    assert main(words) == 0  # the key was kept too
    assert json.loads(capsys.readouterr().out)["size"] == 303


def test_a_web_server_that_is_gone_is_no_finding_and_no_success(
    kept: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["ledger", "watch", str(kept), "--begin", "--key", key_of(house), "--json"]
    assert main([*words, "--tiles", "http://127.0.0.1:9/"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "InputError"


def test_tiles_of_another_history_are_a_fork_and_the_signed_proof_of_it_is_kept(
    ask: Callable[..., tuple[int, Said]], house: Path, kept: Path, tmp_path: Path
) -> None:
    shutil.copy(house / "witting.db", tmp_path / "older.db")
    grow(house, 2)
    ask("--begin", "--tiles", str(publish(house)), "--key", key_of(house))
    replace_database(house, tmp_path / "older.db")
    shutil.rmtree(house / "tiles")
    grow(house, 9, run="another")
    code, said = ask("--tiles", str(publish(house)))
    assert (code, kinds(said)) == (1, ["fork"])
    evidence = Path(said["path"])
    assert evidence.suffix == ".fork"
    assert open_checkpoint(evidence.read_text("utf-8"), parse_verifier_key(key_of(house))).size == 12


def test_tiles_that_do_not_fit_their_checkpoint_are_damage(
    ask: Callable[..., tuple[int, Said]], house: Path
) -> None:
    folder = publish(house)
    ask("--begin", "--tiles", str(folder), "--key", key_of(house))
    grow(house, 1)
    publish(house)
    (folder / "tile/0/000.p/4").write_bytes(bytes(128))
    code, said = ask("--tiles", str(folder))
    assert (code, kinds(said)) == (1, ["damage"])


@pytest.mark.parametrize(
    "name", ["tile/0/000", "tile/0/001.p/47", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/47"]
)
def test_recomputed_every_tile_and_bundle_is_read(
    ask: Callable[..., tuple[int, Said]], house: Path, name: str
) -> None:
    grow(house, 300)
    assert main(["ledger", "tiles", "--entries", "--workspace", str(house), "--quiet"]) == 0
    place = house / "tiles" / name
    words = ("--tiles", str(house / "tiles"), "--recompute")
    assert ask("--begin", "--key", key_of(house), *words)[0] == 0
    whole = place.read_bytes()
    for at in (0, len(whole) // 2, len(whole) - 1):
        place.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        code, said = ask(*words)
        assert (code, kinds(said)) == (1, ["damage"])
    place.write_bytes(whole)
    assert ask(*words)[0] == 0


def test_a_published_checkpoint_that_others_signed_is_a_changed_signature(
    ask: Callable[..., tuple[int, Said]], house: Path
) -> None:
    folder = publish(house)
    ask("--begin", "--tiles", str(folder), "--key", key_of(house))
    note = (folder / "checkpoint").read_text("utf-8")
    (folder / "checkpoint").write_text(note[:-6] + "AAA=\n", "utf-8")
    code, said = ask("--tiles", str(folder))
    assert (code, kinds(said), said["size"]) == (1, ["signature"], None)


def test_an_equal_size_with_another_root_is_a_fork_even_where_the_tiles_are_damaged(
    ask: Callable[..., tuple[int, Said]], house: Path
) -> None:
    folder = publish(house)
    ask("--begin", "--tiles", str(folder), "--key", key_of(house))
    key = parse_verifier_key(key_of(house))
    signed = open_checkpoint((folder / "checkpoint").read_text("utf-8"), key)
    forged = type(signed)(signed.origin, signed.size, bytes(32))
    signer = Workspace.open(house).keys.signer()
    (folder / "checkpoint").write_text(sign_checkpoint(forged, signer), "utf-8")
    code, said = ask("--tiles", str(folder))
    assert (code, sorted(kinds(said))) == (1, ["damage", "fork"])
